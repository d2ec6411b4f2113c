//! Receivers of every temper.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// Serves each connection with `temper`; the address to check.
pub(super) async fn serve<F, Fut>(temper: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(temper(stream));
        }
    });
    address
}

/// As [`serve`], counting connections.
pub(super) async fn counter<F, Fut>(temper: F) -> (SocketAddr, Arc<AtomicUsize>)
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = io::Result<()>> + Send + 'static,
{
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let address = serve(move |stream| {
        count.fetch_add(1, Ordering::Relaxed);
        temper(stream)
    });
    (address.await, seen)
}

/// Serves TLS; reads what comes to the end.
pub(super) async fn serve_tls(config: ServerConfig) -> SocketAddr {
    let acceptor = acceptor(config);
    serve(move |stream| reads_tls(acceptor.clone(), stream)).await
}

pub(super) fn acceptor(config: ServerConfig) -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(config))
}

/// Reads up to the peer's `close_notify` and closes, without waiting for its FIN.
pub(super) async fn reads_tls(acceptor: TlsAcceptor, stream: TcpStream) -> io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    to_the_end(&mut stream).await?;
    stream.shutdown().await
}

/// Reads to the end, then closes: what a syslog server does.
pub(super) async fn reads(mut stream: TcpStream) -> io::Result<()> {
    to_the_end(&mut stream).await
}

/// Reads, but never ends its side.
pub(super) async fn reads_and_stays(mut stream: TcpStream) -> io::Result<()> {
    to_the_end(&mut stream).await?;
    std::future::pending::<()>().await;
    drop(stream);
    Ok(())
}

/// Ends its own direction before anything comes, and reads on.
pub(super) async fn half_closes_and_reads(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    reads_and_stays(stream).await
}

/// As [`reads_and_stays`], counting messages that end with LF.
pub(super) async fn counts_and_stays(mut stream: TcpStream, count: Arc<AtomicUsize>) -> io::Result<()> {
    let mut scratch = vec![0; 65536];
    loop {
        match stream.read(&mut scratch).await? {
            0 => std::future::pending::<()>().await,
            length => {
                let ends = scratch[..length].iter().filter(|c| **c == b'\n').count();
                count.fetch_add(ends, Ordering::Relaxed);
            }
        }
    }
}

/// Accepts and hangs.
pub(super) async fn never_reads(stream: TcpStream) -> io::Result<()> {
    std::future::pending::<()>().await;
    drop(stream);
    Ok(())
}

/// Accepts and closes.
pub(super) async fn closes(stream: TcpStream) -> io::Result<()> {
    drop(stream);
    Ok(())
}

/// Closes after the first bytes.
pub(super) async fn closes_after_reading(mut stream: TcpStream) -> io::Result<()> {
    first_bytes(&mut stream).await
}

/// Resets after the first bytes.
pub(super) async fn resets_after_reading(mut stream: TcpStream) -> io::Result<()> {
    // Bytes left unread turn the close into a reset.
    stream.read(&mut [0; 1]).await.map(|_| ())
}

/// Reads messages that begin as `wanted` says; closes on any other, as syslog-ng's `syslog()` does.
pub(super) async fn wants_first(mut stream: TcpStream, wanted: fn(u8) -> bool) -> io::Result<()> {
    let mut first = [0; 1];
    stream.read_exact(&mut first).await?;
    if wanted(first[0]) { to_the_end(&mut stream).await } else { Ok(()) }
}

/// Reads the greeting and answers with fixed bytes, then closes.
pub(super) async fn answers(mut stream: TcpStream, bytes: &'static [u8]) -> io::Result<()> {
    first_bytes(&mut stream).await?;
    stream.write_all(bytes).await?;
    stream.shutdown().await?;
    to_the_end(&mut stream).await
}

/// Reads one connection to its end and tells what came.
pub(super) async fn recorder() -> (SocketAddr, oneshot::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        let mut stream = listener.accept().await.unwrap().0;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let _ = tell.send(text);
    });
    (address, told)
}

async fn first_bytes(stream: &mut TcpStream) -> io::Result<()> {
    stream.read(&mut [0; 4096]).await.map(|_| ())
}

async fn to_the_end(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut scratch = vec![0; 65536];
    while stream.read(&mut scratch).await? > 0 {}
    Ok(())
}
