//! TLS over TCP, with rustls used without I/O of its own, so that every ciphertext byte that the socket takes is counted.
//!
//! Plaintext that rustls took is not sent yet, and may never be: past the record limit of its key rustls sends `close_notify`,
//! takes what it is given, and makes nothing of it. So a link is remade well before ([`RecordLimit`]), and what no ciphertext came
//! of ends it.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::super::measure::Measure;
use super::super::sockets::PathInfo;
use super::super::tls::RecordLimit;
use super::tcp::{Socket, TcpLink};
use super::{LinkError, RECEIVE_MAX, Ready};

/// Plaintext of one record at most; pieces of this size let the end of a message be known to the record.
const RECORD: usize = 16 << 10;
/// What a record adds to its plaintext at least, in bytes: header and tag (RFC 7905; AES-GCM and TLS 1.3 add more).
const OVERHEAD: usize = 5 + 16;

/// A TLS link.
#[derive(Debug)]
pub(crate) struct TlsLink {
    socket: Socket,
    tls: ClientConnection,
    /// Ciphertext that rustls still holds.
    held: usize,
    close_notified: bool,
    limit: RecordLimit,
    scratch: Box<[u8]>,
}

impl TlsLink {
    /// Performs the handshake over a fresh connection. The caller sets the time limit.
    pub(crate) async fn handshake(
        tcp: TcpLink,
        config: Arc<rustls::ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, LinkError> {
        let mut tls = ClientConnection::new(config, name)?;
        // The window bounds what is in flight; a short write of rustls would tear a message.
        tls.set_buffer_limit(None);
        let scratch = vec![0; 4096].into();
        let limit = RecordLimit::default();
        let mut link = Self { socket: tcp.into_socket(), tls, held: 0, close_notified: false, limit, scratch };
        link.measure()?;
        while link.tls.is_handshaking() || link.held > 0 {
            link.flush()?;
            if !link.tls.is_handshaking() && link.held == 0 {
                break;
            }
            if link.socket.ready(link.held > 0).await?.read {
                link.receive(|_| {})?;
            }
            if link.socket.peer_closed && link.tls.is_handshaking() {
                return Err(LinkError::TlsClosed);
            }
        }
        link.limit = RecordLimit::of(link.tls.negotiated_cipher_suite());
        Ok(link)
    }

    /// What was negotiated, for the connection check.
    pub(crate) fn session(&self) -> &ClientConnection {
        &self.tls
    }

    pub(super) fn queue(&mut self, bytes: &[u8], ends: &mut [u64]) -> Result<(), LinkError> {
        let mut ends = ends.iter_mut().peekable();
        let mut done = 0;
        // Of one size: a short rest could be mistaken for an alert, which is as long.
        let records = bytes.len().div_ceil(RECORD).max(1);
        for piece in bytes.chunks(bytes.len().div_ceil(records).max(1)) {
            self.encrypt(piece)?;
            done += piece.len() as u64;
            let offset = self.socket.written + self.held as u64;
            while let Some(end) = ends.next_if(|end| **end <= done) {
                *end = offset;
            }
        }
        Ok(())
    }

    /// Makes one record, and does not believe it before there is one.
    fn encrypt(&mut self, piece: &[u8]) -> Result<(), LinkError> {
        if !self.limit.has_room(1) {
            return Err(LinkError::Worn);
        }
        self.limit.count(1);
        let before = self.held;
        self.tls.writer().write_all(piece)?;
        self.measure()?;
        if self.held < before + piece.len() + OVERHEAD {
            return Err(LinkError::NotEncrypted);
        }
        Ok(())
    }

    /// The key has made so many records that the link should be made anew.
    pub(super) fn is_worn(&self) -> bool {
        self.limit.is_near()
    }

    /// Past its limit rustls is alone.
    #[cfg(test)]
    pub(super) fn forget_limit(&mut self) {
        self.limit.forget();
    }

    pub(super) fn pending(&self) -> usize {
        self.held
    }

    pub(super) fn flush(&mut self) -> Result<(), LinkError> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Taken(&mut self.socket)) {
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e.into()),
            }
        }
        self.measure()
    }

    pub(super) fn receive(&mut self, mut heard: impl FnMut(&[u8])) -> Result<(), LinkError> {
        let mut total = 0;
        while total < RECEIVE_MAX {
            match self.tls.read_tls(&mut Given(&mut self.socket)) {
                Ok(0) => break,
                Ok(count) => total += count,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return Err(e.into()),
            }
            let processed = self.measure();
            self.hear(&mut heard);
            if let Err(error) = processed {
                // Our alert tells the peer why; whether it arrives does not matter.
                let _ = self.tls.write_tls(&mut Taken(&mut self.socket));
                return Err(error);
            }
        }
        // Tickets and key updates may have given us something to say.
        self.flush()
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

    pub(super) fn told(&self) -> Measure {
        self.socket.measure()
    }

    pub(super) fn peer_closed(&self) -> bool {
        self.socket.peer_closed || self.close_notified
    }

    pub(super) fn half_close(&mut self) -> Result<(), LinkError> {
        self.tls.send_close_notify();
        self.flush()?;
        if self.held > 0 {
            return Err(LinkError::Io(io::ErrorKind::WouldBlock.into()));
        }
        // From here on only the peer's FIN counts: its close_notify is the answer to ours and proves less.
        self.close_notified = false;
        Ok(self.socket.half_close()?)
    }

    /// Lets rustls work and measures what it wants to send.
    fn measure(&mut self) -> Result<(), LinkError> {
        let state = self.tls.process_new_packets()?;
        self.held = state.tls_bytes_to_write();
        self.close_notified |= state.peer_has_closed();
        Ok(())
    }

    fn hear(&mut self, heard: &mut impl FnMut(&[u8])) {
        while let Ok(count @ 1..) = self.tls.reader().read(&mut self.scratch) {
            heard(self.scratch.get(..count).unwrap_or_default());
        }
    }
}

/// The socket as rustls writes to it.
struct Taken<'a>(&'a mut Socket);

impl Write for Taken<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn write_vectored(&mut self, bytes: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The socket as rustls reads from it.
struct Given<'a>(&'a mut Socket);

impl Read for Given<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}
