//! Answers on their way out. An answer holds what its request holds (places of its sender, of its project, of its connection)
//! until its last byte was taken, so one that nobody takes is given up: its contents are dropped, and with them what they hold.
//!
//! This looks at answers rather than sockets, because over HTTP/2 one stream can stand still while its connection lives.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

use crate::client::Asker;

/// Smaller answers are memory only, and little of it: nobody looks after them.
const SMALL_BYTES: u64 = 64 << 10;

/// The answers under way that somebody must look after.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<Vec<Weak<Shared>>>);

#[derive(Debug)]
struct Shared(Mutex<Held>);

#[derive(Debug)]
struct Held {
    /// `None` once it was given up.
    body: Option<Body>,
    /// Since when the next piece could have been asked for; `None` while the client waits for us.
    untaken_since: Option<Instant>,
    /// What the request holds.
    asker: Option<Asker>,
}

impl Answers {
    /// The response with an eye on it. The places of `asker` are held until it is over.
    pub(crate) fn watch(&self, response: Response, asker: Asker) -> Response {
        let (parts, body) = response.into_parts();
        let small = HttpBody::size_hint(&body).exact().is_some_and(|bytes| bytes <= SMALL_BYTES);
        let held = Held { body: Some(body), untaken_since: Some(Instant::now()), asker: Some(asker) };
        let shared = Arc::new(Shared(Mutex::new(held)));
        if !small {
            let mut all = lock(&self.0);
            all.retain(|answer| answer.strong_count() > 0);
            all.push(Arc::downgrade(&shared));
        }
        Response::from_parts(parts, Body::new(Watched(shared)))
    }

    /// Gives up those that nobody took anything of for `stalled_max`.
    pub(crate) fn sweep(&self, stalled_max: Duration) {
        let all: Vec<_> = lock(&self.0).iter().filter_map(Weak::upgrade).collect();
        for answer in all {
            let mut held = lock(&answer.0);
            if held.untaken_since.is_some_and(|since| since.elapsed() >= stalled_max) {
                let given_up = (held.body.take(), held.asker.take());
                held.untaken_since = None;
                drop(held);
                drop(given_up);
                tracing::debug!("an answer was given up, because its client took nothing for too long");
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A body that panics while it is polled takes its connection with it; what is held stays whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body of an answer, as the connection asks for it.
struct Watched(Arc<Shared>);

/// The answer was given up; the connection breaks off, so that nobody takes a part for the whole.
#[derive(Debug, thiserror::Error)]
#[error("the client took nothing for too long")]
struct GivenUp;

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut held = lock(&self.0.0);
        held.untaken_since = None;
        let Some(body) = &mut held.body else { return Poll::Ready(Some(Err(axum::Error::new(GivenUp)))) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        held.untaken_since = frame.is_some().then(Instant::now);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        lock(&self.0.0).body.as_ref().is_some_and(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        lock(&self.0.0).body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}
