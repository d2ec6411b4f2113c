//! Making links, stage by stage: connect, then (TLS) the handshake. Both stages have time limits.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UdpSocket};

use super::{Link, LinkError, RelpLink, TcpLink, TlsLink, UdpLink};

/// For all addresses of a name together.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// For the TLS handshake.
pub(crate) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// For the answer to a RELP greeting.
pub(crate) const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// Connects to the first address that answers, in the given order; each gets an equal share of [`CONNECT_LIMIT`]. `permits`
/// is asked about the very address of each connect call.
///
/// # Errors
/// The last address's.
pub(crate) async fn tcp(
    addresses: &[SocketAddr],
    permits: impl Fn(SocketAddr) -> bool,
) -> Result<(TcpLink, SocketAddr), LinkError> {
    let share = CONNECT_LIMIT / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut failure = LinkError::ConnectTimeout;
    for &address in addresses {
        if !permits(address) {
            return Err(LinkError::Forbidden);
        }
        failure = match tokio::time::timeout(share, stream(address)).await {
            Ok(Ok(stream)) => return Ok((TcpLink::new(stream).map_err(LinkError::Connect)?, address)),
            Ok(Err(error)) => LinkError::Connect(error),
            Err(_) => LinkError::ConnectTimeout,
        };
    }
    Err(failure)
}

/// Performs the TLS handshake on a fresh connection.
///
/// # Errors
/// [`LinkError::TlsTimeout`], [`LinkError::TlsClosed`], [`LinkError::Tls`], [`LinkError::Io`].
pub(crate) async fn tls(
    tcp: TcpLink,
    config: Arc<rustls::ClientConfig>,
    name: ServerName<'static>,
) -> Result<TlsLink, LinkError> {
    let handshake = Box::pin(TlsLink::handshake(tcp, config, name));
    tokio::time::timeout(HANDSHAKE_LIMIT, handshake).await.unwrap_or(Err(LinkError::TlsTimeout))
}

/// Opens a RELP session over a fresh TCP or TLS link.
///
/// # Errors
/// [`LinkError::NotRelp`], also when no answer came in time; [`LinkError::RelpRefused`], [`LinkError::Io`],
/// [`LinkError::Tls`].
pub(crate) async fn relp(carrier: Link, limit: Duration) -> Result<Link, LinkError> {
    match tokio::time::timeout(limit, Box::pin(RelpLink::open(carrier))).await {
        Ok(link) => link.map(|link| Link::Relp(Box::new(link))),
        Err(_) => Err(LinkError::NotRelp("it does not answer the greeting".to_owned())),
    }
}

/// Makes a UDP socket that talks to the first of the addresses that the system has a way to. Whether anybody is there shows only when
/// something was sent: whoever learns that nobody is asks again with the rest.
///
/// # Errors
/// [`LinkError::Forbidden`]; [`LinkError::Connect`], the last address's.
pub(crate) async fn udp(
    addresses: &[SocketAddr],
    permits: impl Fn(SocketAddr) -> bool,
) -> Result<(UdpLink, SocketAddr), LinkError> {
    let mut failure = LinkError::ConnectTimeout;
    for &address in addresses {
        if !permits(address) {
            return Err(LinkError::Forbidden);
        }
        match datagrams(address).await {
            Ok(link) => return Ok((link, address)),
            Err(error) => failure = LinkError::Connect(error),
        }
    }
    Err(failure)
}

async fn datagrams(address: SocketAddr) -> io::Result<UdpLink> {
    #[cfg(test)]
    scripted::refuses(address)?;
    let any: SocketAddr =
        if address.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    UdpLink::new(socket)
}

async fn stream(address: SocketAddr) -> io::Result<TcpStream> {
    #[cfg(test)]
    scripted::refuses(address)?;
    TcpStream::connect(address).await
}

/// Errors of the system that no test can bring about.
#[cfg(test)]
pub(crate) mod scripted {
    use std::collections::BTreeMap;

    use parking_lot::Mutex;

    use super::{SocketAddr, io};

    static REFUSED: Mutex<BTreeMap<SocketAddr, i32>> = Mutex::new(BTreeMap::new());

    pub(super) fn refuses(address: SocketAddr) -> io::Result<()> {
        REFUSED.lock().get(&address).map_or(Ok(()), |errno| Err(io::Error::from_raw_os_error(*errno)))
    }

    /// From now on a socket to this address fails so.
    pub(crate) fn refuse(address: SocketAddr, errno: i32) {
        REFUSED.lock().insert(address, errno);
    }
}
