//! Speaks HTTP on one connection, over TLS or not, and ends it when its time is over.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::sleep_until;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::accept::Shared;
use super::open::{Due, Open};
use super::progress::Progress;
use super::table::Place;
use super::worn::Worn;
use crate::client::Link;

/// From its first byte to its last. `place` is given back when it is closed.
pub(super) async fn connection(shared: Arc<Shared>, stream: TcpStream, link: Link, place: Place) {
    let counted = shared.app.metrics().connection();
    // Answers are written whole; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    let (limits, open) = (shared.app.limits(), Arc::clone(&place.0));
    let stream = Progress::new(stream, limits.stalled_max);
    let served = async {
        let Some(tls) = &shared.tls else {
            return http(&shared, stream, link, false, &open).await;
        };
        let handshake = TlsAcceptor::from(tls.config()).accept(stream);
        match tokio::time::timeout(limits.handshake_max, handshake).await {
            Ok(Ok(stream)) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                http(&shared, Worn::new(stream, open.retire.clone()), link, http2, &open).await;
            }
            Ok(Err(error)) => tracing::debug!(peer = %link.peer, %error, "the TLS handshake failed"),
            Err(_) => shared.app.metrics().closed("handshake"),
        }
    };
    // The socket is closed when this is over, and only then is the place free.
    tokio::select! {
        () = served => {}
        () = open.close.cancelled() => {}
        () = shared.hard_stop.cancelled() => {}
    }
    drop((counted, place));
}

/// HTTP on one connection. The version is known beforehand (ALPN; plain means HTTP/1), because guessing it from the first
/// bytes would wait for them without a limit.
async fn http<S>(shared: &Shared, stream: S, link: Link, http2: bool, open: &Arc<Open>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(link);
        request.extensions_mut().insert(Arc::clone(open));
        shared.router.clone().oneshot(request)
    });
    let builder = builder(shared, http2);
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(serving);
    // A connection that came while draining gets one answer; those from before finish what they have begun.
    let mut ending = shared.drain.is_cancelled();
    loop {
        let due = open.due(shared.app.limits(), http2);
        let (Due::Close(at, _) | Due::Retire(at) | Due::Look(at)) = due;
        tokio::select! {
            ended = &mut serving => {
                if let Err(error) = ended {
                    tracing::debug!(peer = %link.peer, %error, "a connection ended early");
                }
                return;
            }
            () = drained(&shared.drain, open), if !ending => {
                ending = true;
                serving.as_mut().graceful_shutdown();
            }
            () = open.retire.cancelled(), if !ending => {
                ending = true;
                serving.as_mut().graceful_shutdown();
            }
            () = open.moved.notified() => {}
            () = sleep_until(at) => match due_again(open.due(shared.app.limits(), http2)) {
                Some(Due::Close(_, reason)) => return shared.app.metrics().closed(reason),
                Some(Due::Retire(_)) => open.retire.cancel(),
                _ => {}
            }
        }
    }
}

/// The drain has begun, and a connection that came just before it has had time to ask: closed at once it would have no answer.
async fn drained(drain: &CancellationToken, open: &Open) {
    drain.cancelled().await;
    while let Some(until) = open.fresh_until().filter(|until| *until > tokio::time::Instant::now()) {
        tokio::select! {
            () = open.asked_first.cancelled() => {}
            () = sleep_until(until) => {}
        }
    }
}

/// What is due still: meanwhile a request may have come, or a credential.
fn due_again(due: Due) -> Option<Due> {
    let (Due::Close(at, _) | Due::Retire(at) | Due::Look(at)) = due;
    (at <= tokio::time::Instant::now()).then_some(due)
}

fn builder(shared: &Shared, http2: bool) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    if http2 {
        builder = builder.http2_only();
    } else {
        builder = builder.http1_only();
    }
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.app.limits().head_max)
        .max_buf_size(128 << 10)
        .keep_alive(!shared.app.is_draining());
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_concurrent_streams(64)
        .max_header_list_size(64 << 10);
    builder
}
