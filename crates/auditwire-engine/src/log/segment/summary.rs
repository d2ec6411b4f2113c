//! Counts kept beside a span, so that the usual histogram and the usual facets read no events: per minute, plane and
//! severity, and per hour, plane, severity and source. (Minutes of every source would be as many as the events.)

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
pub(super) const VERSION: u8 = 2;
/// A table of more counts than this is not worth keeping: the events themselves are then as quick.
const COUNTS_MAX: usize = 65_536;
/// In the place of the number of counts: the table would have been too long.
const NO_TABLE: u32 = u32::MAX;
/// Most bytes of a summary before compression; a reader believes no larger one.
const BYTES_MAX: usize = 64 << 20;
const MINUTE: i64 = 60_000_000_000;

/// What is counted: the two tables of a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Plane and severity, by the minute.
    Minutes,
    /// Plane, severity and source, by the hour.
    Hours,
}

impl Counted {
    /// How long a step of the time is, in nanoseconds.
    pub(crate) fn step(self) -> i64 {
        match self {
            Self::Minutes => MINUTE,
            Self::Hours => 60 * MINUTE,
        }
    }
}

/// Minute (since 1970), plane, severity, number of the source (0: none, or not counted).
type Key = (i64, u8, u8, u32);

/// Makes the summary of one span.
#[derive(Debug, Default)]
pub(super) struct SummaryBuilder {
    minutes: Table,
    hours: Table,
    sources: HashMap<String, u32>,
}

#[derive(Debug, Default)]
struct Table {
    counts: HashMap<Key, u64>,
    /// The key that came last, and how often in a row: neighbours are mostly alike.
    run: Option<(Key, u64)>,
    too_many: bool,
}

impl SummaryBuilder {
    /// Counts the events of a batch.
    pub(super) fn add(&mut self, batch: &RecordBatch) {
        let times = batch.column(columns::TIMESTAMP).as_primitive::<Int64Type>().values();
        let planes = batch.column(columns::PLANE).as_primitive::<UInt8Type>().values();
        let severities = batch.column(columns::SEVERITY).as_primitive::<UInt8Type>().values();
        let sources = batch.column(columns::SOURCE_ID).as_string::<i32>();
        for row in 0..batch.num_rows() {
            let minute = times[row].div_euclid(MINUTE);
            self.minutes.add((minute, planes[row], severities[row], 0));
            if self.hours.too_many {
                continue;
            }
            let source = if sources.is_null(row) { 0 } else { self.source(sources.value(row)) };
            self.hours.add((minute.div_euclid(60) * 60, planes[row], severities[row], source));
        }
        if self.hours.too_many {
            self.sources = HashMap::new();
        }
    }

    fn source(&mut self, source: &str) -> u32 {
        if let Some(number) = self.sources.get(source) {
            return *number;
        }
        let number = u32::try_from(self.sources.len() + 1).unwrap_or(u32::MAX);
        self.sources.insert(source.to_owned(), number);
        number
    }

    /// The summary's bytes; none when there were too many counts of both kinds.
    pub(super) fn finish(self) -> Result<Bytes, SegmentError> {
        let Self { minutes, hours, sources } = self;
        if minutes.too_many && hours.too_many {
            return Ok(Bytes::new());
        }
        let mut sources: Vec<(u32, String)> = sources.into_iter().map(|(text, number)| (number, text)).collect();
        sources.sort_unstable();
        let mut body = Vec::new();
        body.extend_from_slice(&length(sources.len()));
        for (_, source) in &sources {
            body.extend_from_slice(&length(source.len()));
            body.extend_from_slice(source.as_bytes());
        }
        minutes.write(&mut body);
        hours.write(&mut body);
        if body.len() > BYTES_MAX {
            return Ok(Bytes::new());
        }
        let mut bytes = vec![VERSION];
        bytes.extend(zstd::bulk::compress(&body, 3).map_err(SegmentError::unwritable)?);
        Ok(bytes.into())
    }
}

impl Table {
    fn add(&mut self, key: Key) {
        match &mut self.run {
            Some((last, count)) if *last == key => *count += 1,
            _ => {
                let ended = self.run.replace((key, 1));
                self.count(ended);
            }
        }
    }

    fn count(&mut self, run: Option<(Key, u64)>) {
        let Some((key, count)) = run.filter(|_| !self.too_many) else { return };
        *self.counts.entry(key).or_default() += count;
        if self.counts.len() > COUNTS_MAX {
            self.too_many = true;
            self.counts = HashMap::new();
        }
    }

    fn write(mut self, body: &mut Vec<u8>) {
        let run = self.run.take();
        self.count(run);
        if self.too_many {
            body.extend_from_slice(&NO_TABLE.to_le_bytes());
            return;
        }
        let mut counts: Vec<(Key, u64)> = self.counts.into_iter().collect();
        counts.sort_unstable();
        body.extend_from_slice(&length(counts.len()));
        // Column by column: that compresses best.
        counts.iter().for_each(|((minute, ..), _)| body.extend_from_slice(&minute.to_le_bytes()));
        counts.iter().for_each(|((_, plane, ..), _)| body.push(*plane));
        counts.iter().for_each(|((_, _, severity, _), _)| body.push(*severity));
        counts.iter().for_each(|((.., source), _)| body.extend_from_slice(&source.to_le_bytes()));
        counts.iter().for_each(|(_, count)| body.extend_from_slice(&count.to_le_bytes()));
    }
}

fn length(n: usize) -> [u8; 4] {
    u32::try_from(n).unwrap_or(NO_TABLE).to_le_bytes()
}

/// The counts of one span.
#[derive(Debug, Clone)]
pub(crate) struct Summary {
    /// One row per count, of the event schema: `timestamp` is the beginning of the minute or hour; `plane`, `severity` and,
    /// by the hour, `source_id` are set, everything else is blank. Ordered by time.
    pub(crate) batch: RecordBatch,
    /// How many events each row stands for.
    pub(crate) counts: Vec<u64>,
}

impl Summary {
    /// Reads one table of what a writer made; `None` when it made none.
    ///
    /// # Errors
    /// `Damaged`, whatever the bytes are.
    pub(crate) fn decode(bytes: &[u8], counted: Counted) -> Result<Option<Self>, SegmentError> {
        let damaged = || SegmentError::damaged("", "its counts cannot be read");
        let Some((version, body)) = bytes.split_first() else { return Ok(None) };
        if !(1..=VERSION).contains(version) {
            let detail = format!("its counts have version {version}; this program reads versions up to {VERSION}");
            return Err(SegmentError::damaged("", detail));
        }
        let body = zstd::bulk::Decompressor::new().and_then(|mut zstd| {
            let size = zstd::bulk::Decompressor::upper_bound(body).unwrap_or(BYTES_MAX).min(BYTES_MAX);
            zstd.decompress(body, size)
        });
        let body = body.map_err(|_| damaged())?;
        parse(&body, *version, counted).ok_or_else(damaged)
    }
}

/// Takes what was written apart.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn take(&mut self, bytes: usize) -> Option<&'b [u8]> {
        let (taken, left) = self.0.split_at_checked(bytes)?;
        self.0 = left;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }
}

/// `None` when the bytes are damaged, `Some(None)` when there is no such table.
fn parse(body: &[u8], version: u8, counted: Counted) -> Option<Option<Summary>> {
    let mut rest = Rest(body);
    let mut sources = Vec::new();
    for _ in 0..rest.length()? {
        let length = rest.length()?;
        sources.push(std::str::from_utf8(rest.take(length)?).ok()?);
    }
    let mut found = None;
    // Version 1 had one table, by the minute and the source: it serves for both.
    let tables: &[Counted] = if version == 1 { &[counted] } else { &[Counted::Minutes, Counted::Hours] };
    for table in tables {
        let summary = self::table(&mut rest, &sources, *table == counted)?;
        found = found.or(summary);
    }
    rest.0.is_empty().then_some(found)
}

/// One table; it is only passed when it is not wanted.
fn table(rest: &mut Rest<'_>, sources: &[&str], wanted: bool) -> Option<Option<Summary>> {
    let rows = match rest.number()? {
        NO_TABLE => return Some(None),
        rows => usize::try_from(rows).ok()?,
    };
    let minutes = rest.take(rows.checked_mul(8)?)?.as_chunks::<8>().0;
    let planes = rest.take(rows)?;
    let severities = rest.take(rows)?;
    let numbers = rest.take(rows * 4)?.as_chunks::<4>().0;
    let counts = rest.take(rows * 8)?.as_chunks::<8>().0;
    if !wanted {
        return Some(None);
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
    let counts = counts.iter().map(|count| u64::from_le_bytes(*count)).collect();
    Some(Some(Summary { batch: RecordBatch::try_new(schema, arrays).ok()?, counts }))
}
