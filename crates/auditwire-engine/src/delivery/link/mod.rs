//! A live socket to a receiver. Four kinds behind one face; the sender and the connection check use the same.
//!
//! A link has a *stream*: what was queued on it, in order. Offsets into the stream count bytes as the socket sees them
//! (plain: payload; TLS: ciphertext with the handshake; UDP: datagrams), so that they can be compared with what the
//! peer's kernel has acknowledged; over RELP they count messages, which the peer's program acknowledges itself.
//! Nothing here waits but [`Link::ready`] and the making of links ([`connect`]).

pub(crate) mod connect;
mod relp;
mod tcp;
mod tls;
mod udp;

use std::io;
use std::time::Duration;

pub(crate) use relp::RelpLink;
pub(crate) use tcp::TcpLink;
pub(crate) use tls::TlsLink;
pub(crate) use udp::UdpLink;

use super::ServerCertificate;
use super::measure::{AcknowledgedBy, Measure};
use super::sockets::PathInfo;

/// Most bytes read from a peer before others get their turn; what a peer says is thrown away.
const RECEIVE_MAX: usize = 64 << 10;

/// Why a link could not be made or has ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// The guard refused the very address of the connect call.
    #[error("the address may not be connected to")]
    Forbidden,
    /// No answer to the connect in time.
    #[error("no answer to the connect")]
    ConnectTimeout,
    /// The connect failed.
    #[error("the connect failed: {0}")]
    Connect(#[source] io::Error),
    /// The handshake did not finish in time.
    #[error("the TLS handshake did not finish in time")]
    TlsTimeout,
    /// The peer closed during the handshake.
    #[error("the peer closed during the TLS handshake")]
    TlsClosed,
    /// TLS failed, in the handshake or after it.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The key of a TLS 1.2 link has made as many records as it may.
    #[error("the TLS key has made as many records as it may")]
    Worn,
    /// TLS took what was to be sent, and no ciphertext came of it.
    #[error("TLS took bytes and sent nothing")]
    NotEncrypted,
    /// The socket failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The peer closed its side.
    #[error("the peer closed the connection")]
    Closed,
    /// The same, before anything that was sent was acknowledged.
    #[error("the peer closed the connection at once")]
    ClosedAtOnce,
    /// What answers does not speak RELP.
    #[error("the peer does not speak RELP: {0}")]
    NotRelp(String),
    /// The peer refused the session or a message, in its own words.
    #[error("the peer refused: {0}")]
    RelpRefused(String),
    /// The dead-path rules say that nobody is there any more.
    #[error("the peer's host stopped answering")]
    Dead,
}

/// What [`Link::ready`] saw. Both may be spurious.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ready {
    /// There may be something to receive, the peer's FIN or an error included.
    pub(crate) read: bool,
    /// The socket may take bytes.
    pub(crate) write: bool,
}

/// A live socket.
#[derive(Debug)]
pub(crate) enum Link {
    /// Plain TCP.
    Tcp(TcpLink),
    /// TLS over TCP.
    Tls(Box<TlsLink>),
    /// Datagrams.
    Udp(UdpLink),
    /// RELP over one of the first two.
    Relp(Box<RelpLink>),
}

macro_rules! each {
    ($link:expr, $inner:ident => $call:expr) => {
        match $link {
            Link::Tcp($inner) => $call,
            Link::Tls($inner) => $call,
            Link::Udp($inner) => $call,
            Link::Relp($inner) => $call,
        }
    };
}

impl Link {
    /// Queues messages that stand one after the other in `bytes`. `ends` holds where each ends in `bytes` and receives
    /// where each ends in the stream (TLS: where its last record ends at the latest).
    pub(crate) fn queue(&mut self, bytes: &[u8], ends: &mut [u64]) -> Result<(), LinkError> {
        each!(self, l => l.queue(bytes, ends))
    }

    /// Bytes queued that the socket has not taken yet.
    pub(crate) fn pending(&self) -> usize {
        each!(self, l => l.pending())
    }

    /// Gives queued bytes to the socket until it takes no more.
    pub(crate) fn flush(&mut self) -> Result<(), LinkError> {
        each!(self, l => l.flush())
    }

    /// Takes in and throws away what the peer said. Must be called whenever there is something: alerts and tickets come
    /// this way, and a socket that is closed with unread bytes drops its send queue. The peer's FIN is not an error
    /// here, see [`peer_closed`](Self::peer_closed).
    pub(crate) fn receive(&mut self) -> Result<(), LinkError> {
        self.receive_with(|_| {})
    }

    /// [`receive`](Self::receive), for whoever wants to hear what a peer says over TCP or TLS.
    fn receive_with(&mut self, heard: impl FnMut(&[u8])) -> Result<(), LinkError> {
        match self {
            Self::Tcp(l) => l.receive(heard),
            Self::Tls(l) => l.receive(heard),
            Self::Udp(l) => l.receive(),
            Self::Relp(l) => l.receive(),
        }
    }

    /// Waits until [`receive`](Self::receive) may have something, or (`write`) [`flush`](Self::flush) may get on.
    pub(crate) async fn ready(&self, write: bool) -> io::Result<Ready> {
        each!(self, l => l.ready(write).await)
    }

    /// Stream offset below which the peer's kernel (RELP: program) has acknowledged everything. Where nobody tells it (see
    /// [`measure`](Self::measure)): what was handed over.
    pub(crate) fn acknowledged(&self) -> io::Result<u64> {
        match self {
            Self::Tcp(l) => l.acknowledged(),
            Self::Tls(l) => l.acknowledged(),
            Self::Udp(l) => l.acknowledged(),
            Self::Relp(l) => Ok(l.acknowledged()),
        }
    }

    /// What can be learned on this link.
    pub(crate) fn measure(&self) -> Measure {
        match self {
            Self::Tcp(l) => l.measure(),
            Self::Tls(l) => l.told(),
            Self::Udp(_) => Measure { acknowledged_by: AcknowledgedBy::Time, path_watched: None },
            Self::Relp(l) => l.measure(),
        }
    }

    /// The path's state; `None` for UDP, and where the system does not tell it.
    pub(crate) fn path(&self) -> io::Result<Option<PathInfo>> {
        match self {
            Self::Tcp(l) => l.path(),
            Self::Tls(l) => l.path(),
            Self::Udp(_) => Ok(None),
            Self::Relp(l) => l.path(),
        }
    }

    /// The peer has sent its FIN (or TLS close_notify, or has ended the RELP session).
    pub(crate) fn peer_closed(&self) -> bool {
        match self {
            Self::Tcp(l) => l.peer_closed(),
            Self::Tls(l) => l.peer_closed(),
            Self::Udp(_) => false,
            Self::Relp(l) => l.peer_closed(),
        }
    }

    /// It should be replaced before its TLS key has made too many records; see [`RecordLimit`](super::tls::RecordLimit).
    pub(crate) fn is_worn(&self) -> bool {
        match self {
            Self::Tls(l) => l.is_worn(),
            Self::Relp(l) => l.is_worn(),
            Self::Tcp(_) | Self::Udp(_) => false,
        }
    }

    /// The peer has finished the handshake, too, as far as it can be told from here: over TLS 1.3 it may still look at our
    /// certificate when we have finished, over RELP it has answered since.
    pub(crate) fn handshake_is_over(&self) -> bool {
        match self {
            Self::Tls(l) => l.session().protocol_version() == Some(rustls::ProtocolVersion::TLSv1_2),
            Self::Tcp(_) | Self::Udp(_) | Self::Relp(_) => true,
        }
    }

    /// The peer has ended its direction; from now on that is no end of the link ([`peer_closed`](Self::peer_closed) says no), because
    /// it may read on: then what is sent is acknowledged, else it is answered by a reset. False where it cannot be so: over TLS a
    /// `close_notify` says that what comes is thrown away (TLS 1.2), or may be.
    pub(crate) fn sends_on(&mut self) -> bool {
        match self {
            Self::Tcp(l) => l.sends_on(),
            Self::Tls(_) | Self::Udp(_) | Self::Relp(_) => false,
        }
    }

    /// Sent on over, though the peer has ended its direction.
    pub(crate) fn is_half_open(&self) -> bool {
        matches!(self, Self::Tcp(l) if l.is_half_open())
    }

    /// What the peer showed in the TLS handshake; `None` without TLS.
    pub(crate) fn server_certificate(&self) -> Option<ServerCertificate> {
        match self {
            Self::Tls(l) => l.session().peer_certificates()?.first().and_then(super::tls::server_certificate),
            Self::Relp(l) => l.server_certificate(),
            Self::Tcp(_) | Self::Udp(_) => None,
        }
    }

    /// The first bytes that the peer said on a plain connection, as far as they came; empty for TLS and UDP.
    pub(crate) fn heard(&self) -> &[u8] {
        match self {
            Self::Tcp(l) => l.heard(),
            Self::Relp(l) => l.heard(),
            Self::Tls(_) | Self::Udp(_) => &[],
        }
    }

    /// Ends our direction: TLS close_notify, then FIN; RELP: `close`. Everything queued must be flushed before.
    pub(crate) fn half_close(&mut self) -> Result<(), LinkError> {
        match self {
            Self::Tcp(l) => l.half_close(),
            Self::Tls(l) => l.half_close(),
            Self::Udp(_) => Ok(()),
            Self::Relp(l) => l.half_close(),
        }
    }

    /// After [`half_close`](Self::half_close): flushes what is left, takes in what comes, and waits at most `limit` for
    /// the peer's FIN. True only for the one proof that the peer has read everything: its FIN came after ours, ours was
    /// acknowledged, and nothing was reset. Without the path's state that cannot be told. Over RELP: it answered every message.
    pub(crate) async fn finished_by_peer(&mut self, limit: Duration) -> bool {
        if matches!(self, Self::Udp(_)) || self.peer_closed() || self.is_half_open() {
            return false;
        }
        let wait = async {
            while !self.peer_closed() {
                self.flush().ok()?;
                let ready = self.ready(self.pending() > 0).await.ok()?;
                if ready.read {
                    self.receive().ok()?;
                }
            }
            Some(())
        };
        if !matches!(tokio::time::timeout(limit, wait).await, Ok(Some(()))) {
            return false;
        }
        if let Self::Relp(link) = self {
            return link.is_answered();
        }
        // Had the peer's FIN crossed ours, our FIN would not be acknowledged yet and the state not be CLOSE.
        matches!(self.path(), Ok(Some(path)) if path.closed) && self.pending() == 0
    }
}

#[cfg(test)]
mod tests;
