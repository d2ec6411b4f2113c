//! A TLS connection that ends before its key has made as many records as it may. Past that limit rustls takes what is written over
//! TLS 1.2 and throws it away: an answer would seem to be sent, and a live tail would never end. (TLS 1.3 changes its keys by itself.)
//!
//! At seven eighths the connection takes no further request, at fifteen sixteenths nothing is written any more, which its client sees
//! as a connection that broke.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use auditwire_engine::delivery::tls::RecordLimit;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// Most plaintext of a record, in bytes (RFC 5246 section 6.2.1).
const RECORD: usize = 16 << 10;

/// How many records so much plaintext makes.
fn records(bytes: usize) -> u64 {
    bytes.div_ceil(RECORD) as u64
}

/// See the module.
#[derive(Debug)]
pub(super) struct Worn<S> {
    inner: TlsStream<S>,
    limit: RecordLimit,
    retire: CancellationToken,
}

impl<S> Worn<S> {
    /// Of a connection after its handshake; `retire` is cancelled when it should end soon.
    pub(super) fn new(inner: TlsStream<S>, retire: CancellationToken) -> Self {
        let limit = RecordLimit::of(inner.get_ref().1.negotiated_cipher_suite());
        Self { inner, limit, retire }
    }

    /// `bytes` are about to be written at once.
    fn has_room(&self, bytes: usize) -> io::Result<()> {
        if self.limit.has_room(records(bytes)) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::BrokenPipe, "the TLS key has made as many records as it may"))
    }

    fn wrote(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written {
            self.limit.count(records(bytes));
            if self.limit.is_near() {
                self.retire.cancel();
            }
        }
        written
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Worn<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Worn<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.has_room(buf.len())?;
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.has_room(bufs.iter().map(|buf| buf.len()).sum())?;
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
