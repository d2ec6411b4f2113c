//! The readers of stored bytes as plain functions, for the fuzz targets (`crates/auditwire-fuzz`), which must reach them from
//! outside. No part of the interface: nothing else may use it.

use arrow_array::RecordBatch;
use auditwire_model::{Position, ProjectId, Timestamp};
use bytes::Bytes;

use super::blob;
use super::duplicates;
use super::segment::{Counted, Summary};

pub use super::segment::foreign::{read_segment, sound_end, write_segment};

/// Why bytes were refused, for people.
pub type Refused = String;

/// The bytes of a group.
///
/// # Errors
/// Only a defect can make this fail.
pub fn write_group(batch: &RecordBatch) -> Result<Bytes, Refused> {
    blob::Encoder::default().encode(batch).map_err(|error| error.to_string())
}

/// Reads a group.
///
/// # Errors
/// What is wrong with the bytes.
pub fn read_group(blob: &Bytes) -> Result<RecordBatch, Refused> {
    blob::decode(blob, None).map_err(|error| error.to_string())
}

/// Reads both tables of the counts beside a span; how many rows they have.
///
/// # Errors
/// What is wrong with the bytes.
pub fn read_summary(bytes: &[u8]) -> Result<usize, Refused> {
    let mut rows = 0;
    for counted in [Counted::Minutes, Counted::Hours] {
        let summary = Summary::decode(bytes, counted).map_err(|error| error.to_string())?;
        rows += summary.map_or(0, |summary| summary.batch.num_rows().max(summary.counts.len()));
    }
    Ok(rows)
}

/// Makes an id run of these hashes, at the positions from 1: its parts and its filter.
///
/// # Errors
/// When no filter can be made of them.
pub fn write_id_run(hashes: &[u64]) -> Result<(Vec<Bytes>, Bytes), Refused> {
    let entries = hashes.iter().copied().zip(1..).collect();
    let run = duplicates::foreign::build(ProjectId::system(), Position(1), Timestamp::EPOCH, entries);
    run.map(|run| (run.parts, run.filter)).map_err(|error| error.to_string())
}

/// Positions of the hash that was asked for, and all entries: hashes with their positions.
pub type IdPart = (Vec<u64>, Vec<(u64, u64)>);

/// Looks a hash up in the part of an id run.
///
/// # Errors
/// What is wrong with the bytes.
pub fn read_id_part(part: &Bytes, hash: u64) -> Result<IdPart, Refused> {
    duplicates::foreign::read_part(part, hash).map_err(|error| error.to_string())
}

/// Asks the filter of an id run.
///
/// # Errors
/// What is wrong with the bytes.
pub fn read_id_filter(filter: &Bytes, hash: u64) -> Result<bool, Refused> {
    duplicates::foreign::read_filter(filter, hash).map_err(|error| error.to_string())
}
