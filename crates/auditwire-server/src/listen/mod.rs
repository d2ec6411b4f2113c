//! Our own listener: bound before the engine is opened, because the engine's address guard needs to know the address.
//!
//! Product section 10 rules here: plain HTTP only on loopback or behind a named proxy, TLS files reloaded when they change.

mod accept;
mod limits;
mod open;
mod progress;
mod serve;
mod settings;
mod table;
mod tls;
mod worn;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use auditwire_engine::Engine;
use tokio_util::sync::CancellationToken;

use crate::App;
use crate::client::{NotAProxy, proxy_network};

pub(crate) use open::{Open, UnderWay};

pub use limits::{BodyClass, HttpLimits};
pub use settings::{ServerSettings, TlsFiles};
pub use tls::{Certificates, TlsFilesError};

/// Why the listener could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Product section 10: tokens and events may not cross a network in the clear.
    #[error(
        "{address} is reachable from other machines, and without TLS tokens and events would cross the network in the \
         clear; give a certificate (--tls-cert and --tls-key), or name the proxy that speaks TLS for it \
         (--behind-proxy CIDR), or listen on 127.0.0.1"
    )]
    PlainOnNetwork {
        /// The refused address.
        address: SocketAddr,
    },
    /// A network that names no proxy.
    #[error(transparent)]
    Proxy(#[from] NotAProxy),
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The wanted address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::TlsFilesError),
    /// The bound socket failed.
    #[error("the listening socket failed")]
    Socket(#[source] std::io::Error),
}

/// A listener that holds its address and answers nobody yet.
#[derive(Debug)]
pub struct BoundServer {
    listener: TcpListener,
    local: SocketAddr,
    tls: Option<Arc<tls::ReloadingTls>>,
    settings: ServerSettings,
}

/// Takes the address. Connections wait in the system's queue until [`BoundServer::serve`].
///
/// # Errors
/// [`ListenError`], each of which says what to change.
pub fn bind(settings: &ServerSettings) -> Result<BoundServer, ListenError> {
    let address = settings.listen;
    allowed(settings, address)?;
    let listener = TcpListener::bind(address).map_err(|source| ListenError::Bind { address, source })?;
    hold(settings, listener)
}

/// Takes a listener that somebody else opened, in the place of [`ServerSettings::listen`]: the same rules hold for its address.
///
/// # Errors
/// As [`bind`].
pub fn adopt(settings: &ServerSettings, listener: TcpListener) -> Result<BoundServer, ListenError> {
    hold(settings, listener)
}

fn allowed(settings: &ServerSettings, address: SocketAddr) -> Result<(), ListenError> {
    if !address.ip().is_loopback() && settings.tls.is_none() && settings.behind_proxy.is_empty() {
        return Err(ListenError::PlainOnNetwork { address });
    }
    Ok(())
}

fn hold(settings: &ServerSettings, listener: TcpListener) -> Result<BoundServer, ListenError> {
    let local = listener.local_addr().map_err(ListenError::Socket)?;
    allowed(settings, local)?;
    let mut settings = settings.clone();
    for network in &mut settings.behind_proxy {
        *network = proxy_network(*network)?;
    }
    let tls = settings.tls.clone().map(tls::ReloadingTls::load).transpose()?.map(Arc::new);
    listener.set_nonblocking(true).map_err(ListenError::Socket)?;
    Ok(BoundServer { listener, local, tls, settings })
}

impl BoundServer {
    /// The address with the port that was really taken.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// `https` with TLS files, else `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Reads our own certificate again when asked; `None` without TLS.
    #[must_use]
    pub fn certificates(&self) -> Option<Certificates> {
        self.tls.clone().map(Certificates::new)
    }

    /// Answers until `shutdown`, then drains: intake answers 503 `closing`, what is in flight finishes, at most
    /// [`HttpLimits::drain_max`]. Returns when no request is under way any more.
    ///
    /// # Errors
    /// [`ListenError::Socket`] when the socket cannot be used at all.
    pub async fn serve(self, engine: Engine, shutdown: CancellationToken) -> Result<(), ListenError> {
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(ListenError::Socket)?;
        let app = App::new(engine, &self.settings, self.local);
        accept::run(listener, self.tls, app, shutdown).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_on_loopback_is_taken_at_once() {
        let bound = bind(&ServerSettings::new(SocketAddr::from(([127, 0, 0, 1], 0)))).expect("binds");
        assert_ne!(bound.local_addr().port(), 0);
        assert_eq!(bound.scheme(), "http");
        let taken = bind(&ServerSettings::new(bound.local_addr()));
        assert!(matches!(taken, Err(ListenError::Bind { .. })), "{taken:?}");
    }

    #[test]
    fn plain_on_a_network_needs_a_named_proxy() {
        let mut settings = ServerSettings::new(SocketAddr::from(([0, 0, 0, 0], 0)));
        let refused = bind(&settings).map(|b| b.local_addr());
        assert!(refused.as_ref().is_err_and(|e| e.to_string().contains("--behind-proxy")), "{refused:?}");
        settings.behind_proxy = vec!["10.0.0.0/8".parse().expect("a network")];
        assert!(bind(&settings).is_ok());
        settings.behind_proxy = vec!["0.0.0.0/0".parse().expect("a network")];
        assert!(matches!(bind(&settings), Err(ListenError::Proxy(_))));
    }
}
