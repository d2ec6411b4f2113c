//! UDP: one message, one datagram (RFC 5426). Nothing is ever acknowledged; a port that refuses shows on the next call.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;

use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::super::sockets;
use super::{LinkError, Ready};

/// Datagrams taken from the peer at once; they mean nothing.
const RECEIVE_MAX: usize = 64;

/// A connected UDP socket.
#[derive(Debug)]
pub(crate) struct UdpLink {
    socket: UdpSocket,
    queue: VecDeque<Vec<u8>>,
    bytes: usize,
    handed_over: u64,
}

impl UdpLink {
    /// A link over a connected socket.
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        let ipv6 = socket.peer_addr()?.is_ipv6();
        sockets::prepare_udp(socket.as_fd(), ipv6)?;
        Ok(Self { socket, queue: VecDeque::new(), bytes: 0, handed_over: 0 })
    }

    pub(super) fn queue(&mut self, bytes: &[u8], ends: &mut [u64]) -> Result<(), LinkError> {
        let mut begin = 0;
        for end in ends {
            let stop = usize::try_from(*end).unwrap_or(usize::MAX).min(bytes.len());
            self.queue.push_back(bytes.get(begin..stop).unwrap_or_default().to_vec());
            self.bytes += stop.saturating_sub(begin);
            begin = stop;
            *end = self.handed_over + self.queue.len() as u64;
        }
        Ok(())
    }

    pub(super) fn pending(&self) -> usize {
        self.bytes
    }

    pub(super) fn flush(&mut self) -> Result<(), LinkError> {
        while let Some(datagram) = self.queue.front() {
            match self.socket.try_send(datagram) {
                Ok(_) => {
                    self.handed_over += 1;
                    self.bytes -= datagram.len();
                    self.queue.pop_front();
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    pub(super) fn receive(&mut self) -> Result<(), LinkError> {
        let mut scratch = [0; 64];
        for _ in 0..RECEIVE_MAX {
            match self.socket.try_recv(&mut scratch) {
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e.into()),
            }
        }
        self.pending_error()
    }

    /// An ICMP error that came in meanwhile. Its copy in the error queue is dropped, because it would keep the socket
    /// "ready" for ever; in this order, because emptying the queue also forgets the error.
    fn pending_error(&self) -> Result<(), LinkError> {
        let mut found = None;
        let _ = self.socket.try_io(Interest::ERROR, || {
            found = self.socket.take_error()?;
            sockets::drain_errors(self.socket.as_fd());
            Err::<(), _>(io::ErrorKind::WouldBlock.into())
        });
        found.map_or(Ok(()), |error| Err(error.into()))
    }

    pub(super) async fn ready(&self, write: bool) -> io::Result<Ready> {
        let interest = if write { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        let ready = self.socket.ready(interest | Interest::ERROR).await?;
        Ok(Ready { read: ready.is_readable() || ready.is_error(), write: ready.is_writable() })
    }

    pub(super) fn acknowledged(&self) -> io::Result<u64> {
        Ok(self.handed_over)
    }
}
