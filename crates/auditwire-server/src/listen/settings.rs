//! What the binary tells the listener: where it listens, and who may come.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;

use super::limits::HttpLimits;
use crate::client::Authority;
use crate::operations::LogCounts;
use crate::transport::Access;

/// Where and how we listen.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Present: TLS only.
    pub tls: Option<TlsFiles>,
    /// Networks of the proxies in front of us, each as [`proxy_network`](crate::proxy_network) gives it: only from there are
    /// requests taken (and from this machine itself), and forwarding headers believed.
    pub behind_proxy: Vec<IpNet>,
    /// Names under which clients reach us, beside the address itself and `localhost` on loopback. Links to us are made of the
    /// first one; a port, where one is given, is for them.
    pub hostnames: Vec<Authority>,
    /// The keys that seal secrets lie beside the data they seal; the console says so.
    pub keys_beside_data: bool,
    /// Which requests have a line in the log.
    pub access: Access,
    /// Tells what the log lost, for the metrics.
    pub log_counts: Option<Arc<dyn LogCounts>>,
    /// Limits.
    pub limits: HttpLimits,
}

impl ServerSettings {
    /// Plain HTTP on this address with the product's limits.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            tls: None,
            behind_proxy: Vec::new(),
            hostnames: Vec::new(),
            keys_beside_data: false,
            access: Access::default(),
            log_counts: None,
            limits: HttpLimits::default(),
        }
    }

    /// Where people reach us, when a name is configured: the first one; behind a proxy with its scheme and usual port, else with
    /// our own (`local` is what we listen on).
    pub(crate) fn public_origin(&self, local: SocketAddr) -> Option<String> {
        let name = self.hostnames.first()?;
        if !self.behind_proxy.is_empty() {
            return Some(format!("https://{name}"));
        }
        let (scheme, usual) = if self.tls.is_some() { ("https", 443) } else { ("http", 80) };
        Some(format!("{scheme}://{}", name.or_port(Some(local.port()).filter(|port| *port != usual))))
    }
}

/// A certificate chain and its private key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Leaf first, then what leads to the root.
    pub cert: PathBuf,
    /// PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key: PathBuf,
}
