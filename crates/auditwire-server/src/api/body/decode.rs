//! Decompresses bodies within limits: bytes, ratio, memory, and how often a body begins anew.

use std::io::Read;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use flate2::bufread::GzDecoder;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::budget::Reserved;
use super::{Decompression, too_large};
use crate::api::problem::{Problem, Result};

/// Largest zstd window: 2^23 bytes (product section 10).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Below this size any ratio is fine: it bounds what a request costs well enough.
const RATIO_FREE_BYTES: usize = 4 << 20;
/// Decompression goes in steps of this size, each counted against the budget first.
const STEP_BYTES: usize = 64 << 10;
/// Most gzip members (RFC 1952 section 2.2) or zstd frames (RFC 8878 section 3.1) of one body. A member costs a decompressor set up
/// anew, whether it holds anything or not, and 400,000 empty ones fit into 8 MB. Shippers join one member to the next for
/// each of their buffers' pieces, which are hundreds.
const MEMBERS_MAX: usize = 4_096;

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
    pub(crate) fn decode(self, body: Bytes, limits: Decompression, reserved: &mut Reserved) -> Result<Bytes> {
        if self == Self::Identity {
            return Ok(body);
        }
        let ratio_bytes = body.len().saturating_mul(limits.ratio_max).max(RATIO_FREE_BYTES);
        let mut plain = Plain { bytes: Vec::new(), step: vec![0; STEP_BYTES], ratio_bytes, limits, reserved };
        let mut rest: &[u8] = &body;
        let mut members = 0;
        // An empty body is no compressed one: the first member is asked for in any case.
        while members == 0 || !rest.is_empty() {
            members += 1;
            if members > MEMBERS_MAX {
                return Err(too_many_members());
            }
            match self {
                Self::Gzip => plain.take_all(GzDecoder::new(&mut rest))?,
                _ => plain.take_all(frame(&mut rest).map_err(|e| unreadable(&e))?)?,
            }
        }
        Ok(plain.bytes.into())
    }
}

/// One frame.
fn frame<'r, 'b>(rest: &'r mut &'b [u8]) -> std::io::Result<ZstdDecoder<'static, &'r mut &'b [u8]>> {
    let mut decoder = ZstdDecoder::with_buffer(rest)?.single_frame();
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

/// What has come out so far.
struct Plain<'a> {
    bytes: Vec<u8>,
    step: Vec<u8>,
    ratio_bytes: usize,
    limits: Decompression,
    reserved: &'a mut Reserved,
}

impl Plain<'_> {
    fn take_all(&mut self, mut reader: impl Read) -> Result<()> {
        loop {
            let n = reader.read(&mut self.step).map_err(|e| unreadable(&e))?;
            let Some(read) = self.step.get(..n).filter(|read| !read.is_empty()) else { return Ok(()) };
            if self.bytes.len() + n > self.limits.bytes_max {
                return Err(too_large(self.limits.bytes_max));
            }
            if self.bytes.len() + n > self.ratio_bytes {
                return Err(too_dense(self.limits.ratio_max));
            }
            self.reserved.grow(n)?;
            self.bytes.extend_from_slice(read);
        }
    }
}

fn too_dense(ratio_max: usize) -> Problem {
    let detail = format!("the body grows more than {ratio_max} times when decompressed; send it in parts");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "compression_ratio", detail)
}

fn too_many_members() -> Problem {
    let detail =
        format!("the body is made of more than {MEMBERS_MAX} gzip members or zstd frames; compress it as a whole");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_members", detail)
}

fn unreadable(error: &std::io::Error) -> Problem {
    Problem::bad_request("invalid_compression", format!("the body cannot be decompressed ({error}); nothing was taken"))
}
