//! Plain TCP.

use std::io;
use std::os::fd::AsFd;

use tokio::io::Interest;
use tokio::net::TcpStream;

use super::super::measure::{AcknowledgedBy, Measure};
use super::super::sockets::{self, PathInfo};
use super::{LinkError, RECEIVE_MAX, Ready};

/// A plain TCP link.
#[derive(Debug)]
pub(crate) struct TcpLink {
    socket: Socket,
    queue: Vec<u8>,
    /// First byte of `queue` that the socket has not taken.
    taken: usize,
    scratch: Box<[u8]>,
}

impl TcpLink {
    /// A link over a fresh connection.
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        let socket = Socket::new(stream)?;
        Ok(Self { socket, queue: Vec::new(), taken: 0, scratch: vec![0; 4096].into() })
    }

    /// The connection, when nothing was sent on it yet.
    pub(crate) fn into_socket(self) -> Socket {
        self.socket
    }

    pub(super) fn queue(&mut self, bytes: &[u8], ends: &mut [u64]) -> Result<(), LinkError> {
        let base = self.socket.written + self.pending() as u64;
        self.queue.extend_from_slice(bytes);
        for end in ends {
            *end += base;
        }
        Ok(())
    }

    pub(super) fn pending(&self) -> usize {
        self.queue.len() - self.taken
    }

    pub(super) fn flush(&mut self) -> Result<(), LinkError> {
        while let Some(rest) = self.queue.get(self.taken..)
            && !rest.is_empty()
        {
            match self.socket.write(rest) {
                Ok(count) => self.taken += count,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e.into()),
            }
        }
        if self.pending() == 0 {
            self.queue.clear();
            self.taken = 0;
        } else if self.taken >= RECEIVE_MAX {
            self.queue.drain(..self.taken);
            self.taken = 0;
        }
        Ok(())
    }

    pub(super) fn receive(&mut self, mut heard: impl FnMut(&[u8])) -> Result<(), LinkError> {
        let mut total = 0;
        while total < RECEIVE_MAX {
            match self.socket.read(&mut self.scratch) {
                Ok(0) => break,
                Ok(count) => {
                    heard(self.scratch.get(..count).unwrap_or_default());
                    total += count;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    pub(super) async fn ready(&self, write: bool) -> io::Result<Ready> {
        self.socket.ready(write).await
    }

    pub(super) fn acknowledged(&self) -> io::Result<u64> {
        self.socket.acknowledged()
    }

    pub(super) fn path(&self) -> io::Result<Option<PathInfo>> {
        self.socket.path()
    }

    pub(super) fn measure(&self) -> Measure {
        self.socket.measure
    }

    pub(super) fn peer_closed(&self) -> bool {
        self.socket.peer_closed && !self.socket.half_open
    }

    /// See [`Link::sends_on`](super::Link::sends_on).
    pub(super) fn sends_on(&mut self) -> bool {
        self.socket.half_open = self.socket.peer_closed;
        self.socket.half_open
    }

    pub(super) fn is_half_open(&self) -> bool {
        self.socket.half_open
    }

    pub(super) fn heard(&self) -> &[u8] {
        &self.socket.heard
    }

    pub(super) fn half_close(&mut self) -> Result<(), LinkError> {
        Ok(self.socket.half_close()?)
    }
}

/// A TCP connection that counts what it takes.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    /// Bytes that the kernel took, since the connect.
    pub(super) written: u64,
    pub(super) peer_closed: bool,
    /// The peer has closed its direction, and may read on.
    half_open: bool,
    half_closed: bool,
    measure: Measure,
    /// The peer's first bytes: enough to tell TLS from text.
    pub(super) heard: Vec<u8>,
}

/// How many of the peer's first bytes are kept.
const HEARD_MAX: usize = 5;

impl Socket {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        sockets::prepare_tcp(stream.as_fd())?;
        let tells = sockets::unacknowledged(stream.as_fd()).is_ok();
        let acknowledged_by = if tells { AcknowledgedBy::Kernel } else { AcknowledgedBy::Time };
        let path_watched = Some(sockets::path_info(stream.as_fd()).is_ok());
        let measure = Measure { acknowledged_by, path_watched };
        let (peer_closed, half_open, half_closed) = (false, false, false);
        Ok(Self { stream, written: 0, peer_closed, half_open, half_closed, measure, heard: Vec::new() })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.stream.try_write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    pub(super) fn write_vectored(&mut self, bytes: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let count = self.stream.try_write_vectored(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    /// 0 is the peer's FIN.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.peer_closed {
            // Nothing is read any more that could tell of a reset.
            return if self.half_open { self.stream.take_error()?.map_or(Ok(0), Err) } else { Ok(0) };
        }
        let count = self.stream.try_read(into)?;
        self.peer_closed |= count == 0;
        let room = HEARD_MAX.saturating_sub(self.heard.len());
        self.heard.extend(into.iter().take(count.min(room)));
        Ok(count)
    }

    pub(super) async fn ready(&self, write: bool) -> io::Result<Ready> {
        let interest = match (write, self.peer_closed) {
            (true, false) => Interest::READABLE | Interest::WRITABLE,
            (true, true) => Interest::WRITABLE | Interest::ERROR,
            (false, false) => Interest::READABLE,
            // After the peer's FIN the socket stays readable for ever: there is nothing to wait for but a reset.
            (false, true) => Interest::ERROR,
        };
        let ready = self.stream.ready(interest).await?;
        Ok(Ready {
            read: ready.is_readable() || ready.is_read_closed() || ready.is_error(),
            write: ready.is_writable(),
        })
    }

    /// Of a socket that does not tell what was acknowledged: what the own kernel took.
    pub(super) fn acknowledged(&self) -> io::Result<u64> {
        if self.measure.is_blind() {
            return Ok(self.written);
        }
        let open = sockets::unacknowledged(self.stream.as_fd())?;
        // Our FIN counts as one until it is acknowledged.
        let open = if self.half_closed { open.saturating_sub(1) } else { open };
        Ok(self.written.saturating_sub(open))
    }

    pub(super) fn path(&self) -> io::Result<Option<PathInfo>> {
        let watched = self.measure.path_watched == Some(true);
        watched.then(|| sockets::path_info(self.stream.as_fd())).transpose()
    }

    pub(super) fn measure(&self) -> Measure {
        self.measure
    }

    pub(super) fn half_close(&mut self) -> io::Result<()> {
        self.half_closed = true;
        sockets::shutdown_write(self.stream.as_fd())
    }
}
