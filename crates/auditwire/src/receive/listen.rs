//! Sockets that take syslog: UDP, TCP and TLS. Everything that arrives goes into one channel; what it means is decided
//! elsewhere. A slow reader of the channel slows the peers, as a real receiver would.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::ValueEnum;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc::Sender;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::frames::{Frames, Framing};
use crate::failure::{Failure, Result, chain};

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Via {
    /// Datagrams.
    Udp,
    /// A plain stream.
    Tcp,
    /// A stream in TLS.
    Tls,
}

impl Via {
    /// As in `receiving on tcp://…`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// Something that came in.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// How.
    pub(crate) via: Via,
    /// From where.
    pub(crate) peer: SocketAddr,
    /// What.
    pub(crate) content: Content,
}

/// What came in.
#[derive(Debug)]
pub(crate) enum Content {
    /// One message without its frame.
    Message {
        /// Its bytes.
        bytes: Vec<u8>,
        /// How it was framed: `datagram`, `lf` or `octet_counting`.
        framing: &'static str,
    },
    /// A link or its framing is broken; says how.
    Trouble(String),
}

/// A bound socket.
pub(crate) struct Receiver {
    via: Via,
    address: SocketAddr,
    socket: Socket,
    framing: Framing,
    bytes_max: usize,
}

enum Socket {
    Udp(UdpSocket),
    Tcp(TcpListener, Option<TlsAcceptor>),
}

impl Receiver {
    /// Takes an address. `tls` is needed for [`Via::Tls`] only.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub(crate) async fn bind(
        via: Via,
        address: SocketAddr,
        framing: Framing,
        bytes_max: usize,
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<Self> {
        let failed =
            |e: std::io::Error| Failure::caused_by(format!("cannot receive on {}://{address}", via.name()), &e);
        let socket = match via {
            Via::Udp => Socket::Udp(UdpSocket::bind(address).await.map_err(failed)?),
            Via::Tcp | Via::Tls => {
                Socket::Tcp(TcpListener::bind(address).await.map_err(failed)?, tls.map(TlsAcceptor::from))
            }
        };
        let address = match &socket {
            Socket::Udp(socket) => socket.local_addr(),
            Socket::Tcp(socket, _) => socket.local_addr(),
        };
        Ok(Self { via, address: address.map_err(failed)?, socket, framing, bytes_max })
    }

    /// Where it receives, with the real port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// `tcp://127.0.0.1:514`.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.via.name(), self.address)
    }

    /// Receives until `stop`, or until nobody reads `sink` any more.
    pub(crate) async fn run(self, sink: Sender<Arrival>, stop: CancellationToken) {
        let Self { via, socket, framing, bytes_max, .. } = self;
        let receiving = async {
            match socket {
                Socket::Udp(socket) => datagrams(&socket, &sink).await,
                Socket::Tcp(listener, tls) => {
                    streams(&listener, tls, Stream { via, framing, bytes_max, sink: sink.clone(), stop: stop.clone() })
                        .await;
                }
            }
        };
        stop.run_until_cancelled(receiving).await;
    }
}

async fn datagrams(socket: &UdpSocket, sink: &Sender<Arrival>) {
    let mut buffer = vec![0; 65_536];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
        let bytes = buffer.get(..length).unwrap_or_default().to_vec();
        let content = Content::Message { bytes, framing: "datagram" };
        if sink.send(Arrival { via: Via::Udp, peer, content }).await.is_err() {
            return;
        }
    }
}

#[derive(Clone)]
struct Stream {
    via: Via,
    framing: Framing,
    bytes_max: usize,
    sink: Sender<Arrival>,
    stop: CancellationToken,
}

async fn streams(listener: &TcpListener, tls: Option<TlsAcceptor>, stream: Stream) {
    loop {
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(_) => {
                // Most often: no file descriptors left. Accepting again at once would spin.
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            }
        };
        let (tls, stream) = (tls.clone(), stream.clone());
        tokio::spawn(async move {
            let stop = stream.stop.clone();
            stop.run_until_cancelled(link(socket, peer, tls, stream)).await;
        });
    }
}

async fn link(socket: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>, stream: Stream) {
    let Some(tls) = tls else { return read(socket, peer, &stream).await };
    match tls.accept(socket).await {
        Ok(mut socket) => {
            read(&mut socket, peer, &stream).await;
            let _ = socket.shutdown().await;
        }
        Err(error) => stream.trouble(peer, format!("the TLS handshake failed: {}", chain(&error))).await,
    }
}

async fn read(mut socket: impl AsyncRead + Unpin, peer: SocketAddr, stream: &Stream) {
    let mut frames = Frames::new(stream.framing, stream.bytes_max);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = match socket.read(&mut buffer).await {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) => return stream.trouble(peer, format!("the link broke: {error}")).await,
        };
        frames.push(buffer.get(..length).unwrap_or_default());
        loop {
            match frames.next() {
                Ok(Some((bytes, framing))) => {
                    if !stream.send(peer, Content::Message { bytes, framing }).await {
                        return;
                    }
                }
                Ok(None) => break,
                Err(why) => return stream.trouble(peer, why).await,
            }
        }
    }
    if let Some(why) = frames.end() {
        stream.trouble(peer, why).await;
    }
}

impl Stream {
    async fn send(&self, peer: SocketAddr, content: Content) -> bool {
        self.sink.send(Arrival { via: self.via, peer, content }).await.is_ok()
    }

    async fn trouble(&self, peer: SocketAddr, why: String) {
        self.send(peer, Content::Trouble(why)).await;
    }
}
