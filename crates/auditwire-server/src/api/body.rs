//! Reads request bodies within limits: bytes as sent, bytes when decompressed, bytes of all bodies in memory together, and
//! the time a body may pause.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt;

use super::problem::{Problem, Result};
use crate::App;

/// Largest zstd window: 2^23 bytes (product section 10).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Below this size any ratio is fine: it bounds what a request costs well enough.
const RATIO_FREE_BYTES: usize = 4 << 20;
/// Decompression goes in steps of this size, each counted against the budget first.
const STEP_BYTES: usize = 64 << 10;

/// Bytes of bodies in memory, over all requests. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct BodyBudget {
    used: Arc<AtomicUsize>,
    max: usize,
}

/// A part of the budget, given back by drop.
#[derive(Debug)]
pub(crate) struct Reserved {
    budget: BodyBudget,
    bytes: usize,
}

impl BodyBudget {
    pub(crate) fn new(max: usize) -> Self {
        Self { used: Arc::default(), max }
    }

    /// Nothing reserved yet.
    pub(crate) fn start(&self) -> Reserved {
        Reserved { budget: self.clone(), bytes: 0 }
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

impl Reserved {
    /// Reserves `more` bytes, or 503 when all bodies together would be too much.
    pub(crate) fn grow(&mut self, more: usize) -> Result<()> {
        let (used, max) = (&self.budget.used, self.budget.max);
        let grown =
            used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_add(more).filter(|n| *n <= max));
        if grown.is_err() {
            let detail =
                "the bodies of other requests fill the memory set aside for them; nothing was taken, send it again";
            return Err(
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).retry_after(Duration::from_secs(1))
            );
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What one body may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    pub(crate) bytes_max: usize,
    pub(crate) pause_max: Duration,
    pub(crate) ratio_max: usize,
}

/// Reads the body of a management call or a form: at most [`HttpLimits::body_bytes_max`](crate::HttpLimits), not compressed.
pub(crate) async fn read_small(app: &App, headers: &HeaderMap, body: Body) -> Result<Bytes> {
    if headers.contains_key(header::CONTENT_ENCODING) {
        let detail = "only events bodies may be compressed";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_encoding", detail));
    }
    let limits = app.limits();
    let limits = BodyLimits {
        bytes_max: limits.body_bytes_max,
        pause_max: limits.body_pause_max,
        ratio_max: limits.compression_ratio_max,
    };
    read(headers, body, limits, &mut app.bodies().start()).await
}

/// Reads the whole body as sent. A declared length that is too big is refused before a byte is read.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    limits: BodyLimits,
    reserved: &mut Reserved,
) -> Result<Bytes> {
    let declared =
        headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if declared.is_some_and(|n| n > limits.bytes_max as u64) {
        return Err(too_large(limits.bytes_max));
    }
    let mut stream = body.into_data_stream();
    let Some(first) = next(&mut stream, limits.pause_max).await? else { return Ok(Bytes::new()) };
    reserved.grow(first.len())?;
    if first.len() > limits.bytes_max {
        return Err(too_large(limits.bytes_max));
    }
    let Some(mut chunk) = next(&mut stream, limits.pause_max).await? else { return Ok(first) };
    // Room for what was declared, but not more than has been paid for many times over: a declaration costs nothing.
    let room = declared.and_then(|n| usize::try_from(n).ok()).unwrap_or(0).min(1 << 20);
    let mut whole = Vec::with_capacity(room.max(first.len() + chunk.len()));
    whole.extend_from_slice(&first);
    loop {
        reserved.grow(chunk.len())?;
        if whole.len() + chunk.len() > limits.bytes_max {
            return Err(too_large(limits.bytes_max));
        }
        whole.extend_from_slice(&chunk);
        match next(&mut stream, limits.pause_max).await? {
            Some(more) => chunk = more,
            None => return Ok(whole.into()),
        }
    }
}

async fn next(stream: &mut BodyDataStream, pause_max: Duration) -> Result<Option<Bytes>> {
    match tokio::time::timeout(pause_max, stream.next()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(bytes))) => Ok(Some(bytes)),
        Ok(Some(Err(_))) => Err(Problem::bad_request("body_incomplete", "the body ended before it was complete")),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_timeout",
            "the body paused for too long; nothing was taken",
        )),
    }
}

fn too_large(bytes_max: usize) -> Problem {
    let detail = format!("a body has at most {bytes_max} bytes, also after decompression; send it in parts");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

impl Encoding {
    /// From `Content-Encoding`; only one at a time.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self> {
        let mut named = Self::Identity;
        for (n, value) in headers.get_all(header::CONTENT_ENCODING).iter().enumerate() {
            let known = match value.to_str().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
                "" | "identity" => Some(Self::Identity),
                "gzip" | "x-gzip" => Some(Self::Gzip),
                "zstd" => Some(Self::Zstd),
                _ => None,
            };
            named = known.filter(|_| n == 0).ok_or_else(|| {
                let detail = "Content-Encoding is one of gzip, zstd or identity";
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_encoding", detail)
            })?;
        }
        Ok(named)
    }

    /// The plain bytes.
    pub(crate) fn decode(self, body: Bytes, limits: BodyLimits, reserved: &mut Reserved) -> Result<Bytes> {
        match self {
            Self::Identity => Ok(body),
            Self::Gzip => inflate(flate2::bufread::MultiGzDecoder::new(&body[..]), body.len(), limits, reserved),
            Self::Zstd => {
                let broken = |e: std::io::Error| unreadable(&e);
                let mut decoder = zstd::stream::read::Decoder::with_buffer(&body[..]).map_err(broken)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(broken)?;
                inflate(decoder, body.len(), limits, reserved)
            }
        }
    }
}

fn inflate(mut reader: impl Read, sent: usize, limits: BodyLimits, reserved: &mut Reserved) -> Result<Bytes> {
    let ratio_bytes = sent.saturating_mul(limits.ratio_max).max(RATIO_FREE_BYTES);
    let mut plain = Vec::new();
    let mut step = vec![0; STEP_BYTES];
    loop {
        let n = reader.read(&mut step).map_err(|e| unreadable(&e))?;
        let Some(read) = step.get(..n).filter(|read| !read.is_empty()) else { return Ok(plain.into()) };
        if plain.len() + n > limits.bytes_max {
            return Err(too_large(limits.bytes_max));
        }
        if plain.len() + n > ratio_bytes {
            let detail =
                format!("the body grows more than {} times when decompressed; send it in parts", limits.ratio_max);
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "compression_ratio", detail));
        }
        reserved.grow(n)?;
        plain.extend_from_slice(read);
    }
}

fn unreadable(error: &std::io::Error) -> Problem {
    Problem::bad_request("invalid_compression", format!("the body cannot be decompressed ({error}); nothing was taken"))
}
