//! The reader of segments for [`log::foreign`](crate::log::foreign).

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow_array::RecordBatch;
use auditwire_model::ProjectId;
use bytes::Bytes;

use super::SegmentWriter;
use super::decode::{Decoding, all_columns};
use super::footer::{Footer, Parsed};
use super::notes;
use super::ranges::Ranges;

/// Most row groups and rows that are decoded: what the bytes announce beyond is only counted.
const GROUPS_MAX: usize = 4;
const ROWS_MAX: usize = 4096;

/// A segment of one project.
///
/// # Errors
/// Only a defect can make this fail.
pub fn write_segment(project: &ProjectId, batch: &RecordBatch) -> Result<Vec<u8>, String> {
    let told = |error: super::SegmentError| error.to_string();
    let mut writer = SegmentWriter::new().map_err(told)?;
    writer.push(project, batch).map_err(told)?;
    let mut bytes = writer.take_bytes().map_err(told)?.to_vec();
    bytes.extend_from_slice(&writer.finish().map_err(told)?.bytes);
    Ok(bytes)
}

/// Makes the checksum of the end of a file right again, where there is one, so that what lies behind it is reached.
pub fn sound_end(file: &mut [u8]) {
    if let Some(from) = notes::end_from(file).and_then(|from| usize::try_from(from).ok())
        && let Some(end) = file.get_mut(from..)
    {
        notes::blank(end);
        notes::stamp(end, from as u64);
    }
}

/// Reads the rows of a segment. With `sound_pages` the checksums of pages are taken as right, so that their decoder is
/// reached; a panic of it is a refusal, as on the threads that decode.
///
/// # Errors
/// What is wrong with the bytes.
pub fn read_segment(file: &Bytes, sound_pages: bool) -> Result<Vec<RecordBatch>, String> {
    let mut footer = match Footer::parse("fuzzed", file.len() as u64, file.clone())? {
        Parsed::Footer(footer) => footer,
        Parsed::From(at) => return Err(format!("its end begins at {at}")),
    };
    if sound_pages && let Some(footer) = Arc::get_mut(&mut footer) {
        for piece in footer.notes.iter_mut().flat_map(|notes| &mut notes.pieces) {
            let from = usize::try_from(piece.offset).unwrap_or(usize::MAX);
            let page = from.checked_add(piece.length as usize).and_then(|to| file.get(from..to));
            piece.crc = page.map_or(0, crc32fast::hash);
        }
    }
    let mut batches = Vec::new();
    for group in 0..footer.notes.len().min(GROUPS_MAX) {
        let rows = 0..footer.group_rows(group).min(ROWS_MAX);
        for numbered in [false, true] {
            let read =
                std::panic::catch_unwind(AssertUnwindSafe(|| decode(&footer, file, group, rows.clone(), numbered)));
            batches.push(read.map_err(|_| "its contents contradict each other".to_owned())??);
        }
    }
    Ok(batches)
}

fn decode(
    footer: &Arc<Footer>,
    file: &Bytes,
    group: usize,
    rows: std::ops::Range<usize>,
    numbered: bool,
) -> Result<RecordBatch, String> {
    let told = |error: super::SegmentError| error.to_string();
    let decoding =
        Decoding::new(footer, group, all_columns(), Ranges::one(rows).selection(), numbered).map_err(told)?;
    let read = decoding.ranges.iter().map(|range| {
        let (from, to) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
        (from <= to && to <= file.len()).then(|| file.slice(from..to))
    });
    let read = read.collect::<Option<Vec<_>>>().ok_or("it ends too early")?;
    decoding.finish(read).map_err(told)
}
