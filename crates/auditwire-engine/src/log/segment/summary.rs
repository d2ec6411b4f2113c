//! Counts per minute, plane, severity and source, kept beside a span, so that the usual histogram reads no events.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt8Type};
use arrow_array::{Array, Int64Array, RecordBatch, StringArray, UInt8Array};
use auditwire_model::event::columns;
use bytes::Bytes;
use std::sync::Arc;

use super::SegmentError;
use super::decode::blank;

/// Version of the bytes.
const VERSION: u8 = 1;
/// More counts than this are not worth keeping: the events themselves are then as quick.
const COUNTS_MAX: usize = 65_536;
/// Most bytes of a summary before compression; a reader believes no larger one.
const BYTES_MAX: usize = 64 << 20;
const MINUTE: i64 = 60_000_000_000;

/// Minute (since 1970), plane, severity, number of the source (0: none).
type Key = (i64, u8, u8, u32);

/// Makes the summary of one span.
#[derive(Debug, Default)]
pub(super) struct SummaryBuilder {
    counts: HashMap<Key, u64>,
    sources: HashMap<String, u32>,
    too_many: bool,
}

impl SummaryBuilder {
    /// Counts the events of a batch.
    pub(super) fn add(&mut self, batch: &RecordBatch) {
        let times = batch.column(columns::TIMESTAMP).as_primitive::<Int64Type>().values();
        let planes = batch.column(columns::PLANE).as_primitive::<UInt8Type>().values();
        let severities = batch.column(columns::SEVERITY).as_primitive::<UInt8Type>().values();
        let sources = batch.column(columns::SOURCE_ID).as_string::<i32>();
        // Neighbours are mostly alike, so each run of them is counted at once.
        let mut run: Option<(Key, u64)> = None;
        for row in 0..batch.num_rows() {
            if self.too_many {
                return;
            }
            let source = if sources.is_null(row) { 0 } else { self.source(sources.value(row)) };
            let key = (times[row].div_euclid(MINUTE), planes[row], severities[row], source);
            match &mut run {
                Some((last, count)) if *last == key => *count += 1,
                _ => {
                    self.count(run.replace((key, 1)));
                }
            }
        }
        self.count(run);
    }

    fn source(&mut self, source: &str) -> u32 {
        if let Some(number) = self.sources.get(source) {
            return *number;
        }
        let number = u32::try_from(self.sources.len() + 1).unwrap_or(u32::MAX);
        self.sources.insert(source.to_owned(), number);
        number
    }

    fn count(&mut self, run: Option<(Key, u64)>) {
        let Some((key, count)) = run else { return };
        *self.counts.entry(key).or_default() += count;
        if self.counts.len() > COUNTS_MAX {
            self.too_many = true;
            (self.counts, self.sources) = Default::default();
        }
    }

    /// The summary's bytes; none when there were too many counts.
    pub(super) fn finish(self) -> Result<Bytes, SegmentError> {
        if self.too_many {
            return Ok(Bytes::new());
        }
        let mut counts: Vec<(Key, u64)> = self.counts.into_iter().collect();
        counts.sort_unstable();
        let mut sources: Vec<(u32, String)> = self.sources.into_iter().map(|(text, number)| (number, text)).collect();
        sources.sort_unstable();
        let mut body = Vec::with_capacity(counts.len() * 22);
        let length = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        body.extend_from_slice(&length(sources.len()));
        for (_, source) in &sources {
            body.extend_from_slice(&length(source.len()));
            body.extend_from_slice(source.as_bytes());
        }
        body.extend_from_slice(&length(counts.len()));
        // Column by column: that compresses best.
        counts.iter().for_each(|((minute, ..), _)| body.extend_from_slice(&minute.to_le_bytes()));
        counts.iter().for_each(|((_, plane, ..), _)| body.push(*plane));
        counts.iter().for_each(|((_, _, severity, _), _)| body.push(*severity));
        counts.iter().for_each(|((.., source), _)| body.extend_from_slice(&source.to_le_bytes()));
        counts.iter().for_each(|(_, count)| body.extend_from_slice(&count.to_le_bytes()));
        if body.len() > BYTES_MAX {
            return Ok(Bytes::new());
        }
        let mut bytes = vec![VERSION];
        bytes.extend(zstd::bulk::compress(&body, 3).map_err(SegmentError::unwritable)?);
        Ok(bytes.into())
    }
}

/// The counts of one span.
#[derive(Debug, Clone)]
pub(crate) struct Summary {
    /// One row per count, of the event schema: `timestamp` is the beginning of the minute; `plane`, `severity` and
    /// `source_id` are set, everything else is blank. Ordered by time.
    pub(crate) batch: RecordBatch,
    /// How many events each row stands for.
    pub(crate) counts: Vec<u64>,
}

impl Summary {
    /// Reads what a writer made; `None` when it made none.
    ///
    /// # Errors
    /// `Damaged`, whatever the bytes are.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Option<Self>, SegmentError> {
        let damaged = || SegmentError::damaged("", "its counts per minute cannot be read");
        let Some((version, body)) = bytes.split_first() else { return Ok(None) };
        if *version != VERSION {
            let detail = format!("its counts have version {version}; this program reads versions up to {VERSION}");
            return Err(SegmentError::damaged("", detail));
        }
        let body = zstd::bulk::Decompressor::new().and_then(|mut zstd| {
            let size = zstd::bulk::Decompressor::upper_bound(body).unwrap_or(BYTES_MAX).min(BYTES_MAX);
            zstd.decompress(body, size)
        });
        let body = body.map_err(|_| damaged())?;
        parse(&body).map(Some).ok_or_else(damaged)
    }
}

fn parse(body: &[u8]) -> Option<Summary> {
    let mut rest = body;
    let mut take = |bytes: usize| {
        let (taken, left) = rest.split_at_checked(bytes)?;
        rest = left;
        Some(taken)
    };
    let number = |bytes: &[u8]| usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok();
    let mut sources = Vec::new();
    for _ in 0..number(take(4)?)? {
        let length = number(take(4)?)?;
        sources.push(std::str::from_utf8(take(length)?).ok()?);
    }
    let rows = number(take(4)?)?;
    let minutes = take(rows.checked_mul(8)?)?.as_chunks::<8>().0;
    let planes = take(rows)?;
    let severities = take(rows)?;
    let numbers = take(rows * 4)?.as_chunks::<4>().0;
    let counts = take(rows * 8)?.as_chunks::<8>().0.iter().map(|count| u64::from_le_bytes(*count)).collect();
    if !rest.is_empty() {
        return None;
    }
    let times: Option<Vec<i64>> =
        minutes.iter().map(|minute| i64::from_le_bytes(*minute).checked_mul(MINUTE)).collect();
    let source = |number: &[u8; 4]| match u32::from_le_bytes(*number) {
        0 => Some(None),
        number => Some(Some(*sources.get(usize::try_from(number).ok()? - 1)?)),
    };
    let source: Option<Vec<Option<&str>>> = numbers.iter().map(source).collect();
    let (schema, mut arrays, _) = blank(rows).into_parts();
    arrays[columns::TIMESTAMP] = Arc::new(Int64Array::from(times?));
    arrays[columns::PLANE] = Arc::new(UInt8Array::from(planes.to_vec()));
    arrays[columns::SEVERITY] = Arc::new(UInt8Array::from(severities.to_vec()));
    arrays[columns::SOURCE_ID] = Arc::new(StringArray::from(source?));
    Some(Summary { batch: RecordBatch::try_new(schema, arrays).ok()?, counts })
}
