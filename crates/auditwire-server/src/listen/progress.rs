//! A socket whose reader must take something: waiting for one that takes nothing, or hardly anything, ends.
//!
//! The wait is an account: it begins with all the patience there is, each moment of waiting takes from it, and each byte that is
//! taken gives some back. So a slow reader is waited for as long as it reads, and one that takes a byte now and then is not.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Bytes that must be taken for each second of waiting.
const RATE_MIN: u32 = 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Progress<S> {
    inner: S,
    patience: Duration,
    left: Duration,
    waiting_since: Option<Instant>,
    end: Pin<Box<Sleep>>,
}

impl<S> Progress<S> {
    pub(super) fn new(inner: S, patience: Duration) -> Self {
        let end = Box::pin(tokio::time::sleep(patience));
        Self { inner, patience, left: patience, waiting_since: None, end }
    }

    fn waits(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.waiting_since.is_none() {
            let now = Instant::now();
            self.waiting_since = Some(now);
            self.end.as_mut().reset(now + self.left);
        }
        ready!(self.end.as_mut().poll(cx));
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, "the client took nothing for too long"))
    }

    fn took(&mut self, bytes: usize) {
        if let Some(since) = self.waiting_since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.left = (self.left + Duration::from_secs(1) * bytes / RATE_MIN).min(self.patience);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Progress<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> Progress<S> {
    fn write_with(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match write(Pin::new(&mut self.inner), cx) {
            Poll::Ready(Ok(bytes)) => {
                self.took(bytes);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.waits(cx).map(Err),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Progress<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write_with(cx, |inner, cx| inner.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write_with(cx, |inner, cx| inner.poll_write_vectored(cx, bufs))
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
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn who_takes_nothing_or_hardly_anything_is_given_up_and_who_reads_is_not() {
        let patience = Duration::from_millis(200);
        for pause in [None, Some(Duration::from_millis(20))] {
            let (ours, mut theirs) = tokio::io::duplex(64);
            let mut ours = Progress::new(ours, patience);
            let drip = async {
                loop {
                    match pause {
                        None => std::future::pending().await,
                        Some(pause) => tokio::time::sleep(pause).await,
                    }
                    let _ = theirs.read_u8().await;
                }
            };
            let ended = tokio::select! {
                ended = ours.write_all(&[0; 1 << 16]) => ended,
                () = drip => unreachable!("drips for ever"),
            };
            assert_eq!(ended.expect_err("is given up").kind(), io::ErrorKind::TimedOut, "{pause:?}");
        }
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let mut ours = Progress::new(ours, Duration::from_secs(3600));
        let reader = tokio::spawn(async move { theirs.read_exact(&mut vec![0; 1 << 16]).await.map(|_| ()) });
        ours.write_all(&[0; 1 << 16]).await.expect("is taken");
        reader.await.expect("ends").expect("reads");
        assert!(ours.left > Duration::from_secs(3500));
    }
}
