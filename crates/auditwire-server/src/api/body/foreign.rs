//! The decompression of bodies as a plain function, for the fuzz targets (`crates/auditwire-fuzz`), which must reach it from outside. No part
//! of the interface: nothing else may use it.

use axum::body::Bytes;

use super::Decompression;
use super::budget::BodyBudget;
use super::decode::Encoding;

/// Decompresses a body of at most `bytes_max` plain bytes; gzip, else zstd.
///
/// # Errors
/// The code of the answer.
pub fn decompress(gzip: bool, body: &[u8], bytes_max: usize) -> Result<Vec<u8>, &'static str> {
    let encoding = if gzip { Encoding::Gzip } else { Encoding::Zstd };
    let limits = Decompression { bytes_max, ratio_max: 200 };
    let mut reserved = BodyBudget::new(bytes_max).for_nobody();
    let plain = encoding.decode(Bytes::copy_from_slice(body), limits, &mut reserved);
    plain.map(|bytes| bytes.to_vec()).map_err(|problem| problem.code())
}
