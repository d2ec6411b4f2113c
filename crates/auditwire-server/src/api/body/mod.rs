//! Reads request bodies within the limits of their class: bytes as sent, bytes of all bodies of the class in memory together,
//! shares of those who send them, and time.
//!
//! Who asks without a credential is of the class of anonymous bodies whatever it asks, so that it can never fill what others need;
//! who has one has shown it before a byte of the body is read.

mod budget;
mod decode;
pub mod foreign;

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use futures_util::StreamExt;
use tokio::time::Instant;

use super::problem::{Problem, Result};
use crate::App;
use crate::client::Asker;
use crate::listen::{BodyClass, HttpLimits};

pub(crate) use budget::{BodyBudget, Reserved};
pub(crate) use decode::Encoding;

/// The budgets of the three classes.
#[derive(Debug)]
pub(crate) struct Bodies {
    /// Events.
    pub(crate) intake: BodyBudget,
    /// Calls and forms of those who are known.
    pub(crate) management: BodyBudget,
    /// Everything that is asked without a credential.
    pub(crate) anonymous: BodyBudget,
}

impl Bodies {
    pub(crate) fn new(limits: &HttpLimits) -> Self {
        let budget = |class: BodyClass| BodyBudget::new(class.in_flight_bytes_max);
        Self {
            intake: budget(limits.intake),
            management: budget(limits.management),
            anonymous: budget(limits.anonymous),
        }
    }
}

/// What a body may become when it is decompressed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decompression {
    pub(crate) bytes_max: usize,
    pub(crate) ratio_max: usize,
}

/// Reads the body of a management call or a form: not compressed, and of the class that its sender has proved.
pub(crate) async fn read_small(app: &App, headers: &HeaderMap, extensions: &Extensions, body: Body) -> Result<Bytes> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        let detail = "only events bodies may be compressed";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_encoding", detail));
    }
    let (asker, limits, bodies) = (Asker::of(extensions, app), app.limits(), app.bodies());
    let (class, budget) = match asker.credential() {
        Some(_) => (limits.management, &bodies.management),
        None => (limits.anonymous, &bodies.anonymous),
    };
    read(headers, body, class, &mut budget.start(&asker)).await
}

/// Reads the whole body as sent. A declared length that is too big is refused before a byte is read.
pub(crate) async fn read(headers: &HeaderMap, body: Body, class: BodyClass, reserved: &mut Reserved) -> Result<Bytes> {
    let declared =
        headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if declared.is_some_and(|n| n > class.bytes_max as u64) {
        return Err(too_large(class.bytes_max));
    }
    let mut arriving = Arriving { stream: body.into_data_stream(), class, began: Instant::now(), bytes: 0, reserved };
    let Some(first) = arriving.next().await? else { return Ok(Bytes::new()) };
    let Some(mut chunk) = arriving.next().await? else { return Ok(first) };
    // Room for what was declared, but not more than has been paid for many times over: a declaration costs nothing.
    let room = declared.and_then(|n| usize::try_from(n).ok()).unwrap_or(0).min(1 << 20);
    let mut whole = Vec::with_capacity(room.max(first.len() + chunk.len()));
    whole.extend_from_slice(&first);
    loop {
        whole.extend_from_slice(&chunk);
        match arriving.next().await? {
            Some(more) => chunk = more,
            None => return Ok(whole.into()),
        }
    }
}

/// A body on its way.
struct Arriving<'a> {
    stream: BodyDataStream,
    class: BodyClass,
    began: Instant,
    /// So far.
    bytes: usize,
    reserved: &'a mut Reserved,
}

impl Arriving<'_> {
    /// The next piece, paid for; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let piece = match tokio::time::timeout_at(self.due(), self.stream.next()).await {
            Ok(None) => return Ok(None),
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(_))) => {
                return Err(Problem::bad_request("body_incomplete", "the body ended before it was complete"));
            }
            Err(_) => return Err(too_slow(self.class)),
        };
        self.bytes += piece.len();
        if self.bytes > self.class.bytes_max {
            return Err(too_large(self.class.bytes_max));
        }
        self.reserved.grow(piece.len())?;
        Ok(Some(piece))
    }

    /// When the next piece must be there: neither pause nor body may be longer than its bytes excuse. Only bytes that have
    /// come count; what was declared is no excuse.
    fn due(&self) -> Instant {
        let BodyClass { slack, rate_min, .. } = self.class;
        let earned = Duration::from_secs_f64(self.bytes as f64 / rate_min.max(1) as f64);
        (self.began + slack + earned).min(Instant::now() + slack)
    }
}

fn too_slow(class: BodyClass) -> Problem {
    let BodyClass { slack, rate_min, .. } = class;
    let detail = format!(
        "the body came too slowly: at most {} s without a byte, and in all that time and a second for every {rate_min} \
         bytes; nothing was taken",
        slack.as_secs()
    );
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail)
}

fn too_large(bytes_max: usize) -> Problem {
    let detail = format!("a body has at most {bytes_max} bytes, also after decompression; send it in parts");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}
