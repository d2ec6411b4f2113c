//! Accepts connections and serves HTTP on them, until told to stop; then drains.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::tls::ReloadingTls;
use crate::App;
use crate::client::Link;

/// What every connection task needs.
struct Shared {
    app: App,
    router: axum::Router,
    tls: Option<ReloadingTls>,
    /// Stop taking requests on connections that were open when the drain began.
    drain: CancellationToken,
    /// Drop what is left.
    hard_stop: CancellationToken,
}

/// Serves until `shutdown`, drains, and returns when no connection is left.
pub(super) async fn run(listener: TcpListener, tls: Option<ReloadingTls>, app: App, shutdown: CancellationToken) {
    let drain_max = app.limits().drain_max;
    let shared = Arc::new(Shared {
        router: crate::router(app.clone()),
        app,
        tls,
        drain: CancellationToken::new(),
        hard_stop: CancellationToken::new(),
    });
    let permits = Arc::new(Semaphore::new(shared.app.limits().connections_max));
    let (early, late) = (TaskTracker::new(), TaskTracker::new());
    let watching = tokio::spawn({
        let (shared, stop) = (Arc::clone(&shared), shutdown.clone());
        async move {
            if let Some(tls) = &shared.tls {
                tls.watch(&stop).await;
            }
        }
    });
    shutdown.run_until_cancelled(accept(&listener, &shared, &permits, &early)).await;

    // Connections that come while we drain are still answered (503 from intake), so that a client that retries learns why.
    shared.app.begin_drain();
    shared.drain.cancel();
    early.close();
    tokio::select! {
        () = accept(&listener, &shared, &permits, &late) => {}
        () = early.wait() => {}
        () = tokio::time::sleep(drain_max) => tracing::warn!("requests were still under way at the end of the drain"),
    }
    drop(listener);
    late.close();
    let _ = tokio::time::timeout(Duration::from_millis(500), late.wait()).await;
    shared.hard_stop.cancel();
    early.wait().await;
    late.wait().await;
    watching.abort();
}

async fn accept(listener: &TcpListener, shared: &Arc<Shared>, permits: &Arc<Semaphore>, tracker: &TaskTracker) {
    loop {
        let Ok(permit) = Arc::clone(permits).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                tracker.spawn(connection(Arc::clone(shared), stream, peer, permit));
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                // Most often: no file descriptors left. Waiting lets connections end; accepting at once would spin.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn is_about_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset)
}

async fn connection(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr, permit: OwnedSemaphorePermit) {
    let _open = (permit, shared.app.metrics().connection());
    // Answers are written whole; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let link = Link { peer, local: stream.local_addr().unwrap_or(shared.app.local()) };
    let hard_stop = shared.hard_stop.clone();
    let served = async {
        let Some(tls) = &shared.tls else {
            return http(&shared, stream, link, false).await;
        };
        let handshake = TlsAcceptor::from(tls.config()).accept(stream);
        match tokio::time::timeout(shared.app.limits().handshake_timeout, handshake).await {
            Ok(Ok(stream)) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                http(&shared, stream, link, http2).await;
            }
            Ok(Err(error)) => tracing::debug!(%peer, %error, "the TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
        }
    };
    let _ = hard_stop.run_until_cancelled(served).await;
}

/// HTTP on one connection. The version is known beforehand (ALPN; plain means HTTP/1), because guessing it from the first
/// bytes would wait for them without a limit.
async fn http<S>(shared: &Shared, stream: S, link: Link, http2: bool)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = shared.app.limits();
    let mut builder = Builder::new(TokioExecutor::new());
    if http2 {
        builder = builder.http2_only();
    } else {
        builder = builder.http1_only();
    }
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(128 << 10)
        .keep_alive(!shared.app.is_draining());
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_concurrent_streams(64)
        .max_header_list_size(64 << 10);

    let asked = AtomicBool::new(false);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(link);
        shared.router.clone().oneshot(request)
    });
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let mut quiet = std::pin::pin!(tokio::time::sleep(limits.head_timeout));
    // A connection that came while draining gets one answer; those from before finish what they have begun.
    let mut draining = shared.drain.is_cancelled();
    let mut waited = false;
    loop {
        tokio::select! {
            ended = &mut serving => {
                if let Err(error) = ended {
                    tracing::debug!(peer = %link.peer, %error, "a connection ended early");
                }
                return;
            }
            () = shared.drain.cancelled(), if !draining => {
                draining = true;
                serving.as_mut().graceful_shutdown();
            }
            () = &mut quiet, if !waited => {
                waited = true;
                if !asked.load(Ordering::Relaxed) {
                    return;
                }
            }
        }
    }
}
