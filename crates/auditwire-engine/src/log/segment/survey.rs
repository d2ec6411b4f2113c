//! What the file of a segment holds by its own account: whose events, which positions, from when to when. For files of which
//! the store does not know.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampNanosecondType, UInt64Type};
use auditwire_model::event::columns;
use auditwire_model::{Position, ProjectId, Timestamp};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::errors::ParquetError;

use super::fetch::check;
use super::footer::Footer;
use super::layout::{STORE_KEY, leaves};
use super::reader::{Segments, named};
use super::summary::SummaryBuilder;
use super::{SealedSpan, SegmentError};

/// Positions are signed in the store, and nobody comes near this one.
const POSITION_MAX: u64 = 1 << 62;

/// What a file holds.
#[derive(Debug, Clone)]
pub(crate) struct Survey {
    /// Which store wrote it, if it says so.
    pub(crate) store: Option<String>,
    /// How many rows it has.
    pub(crate) rows: u64,
    /// Consecutive positions of a project, in the file's order.
    pub(crate) runs: Vec<Run>,
}

/// Consecutive positions of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) project: ProjectId,
    pub(crate) first: Position,
    pub(crate) rows: u32,
    /// Row of the file at which it begins.
    pub(crate) offset: u32,
    pub(crate) time_min: Timestamp,
    pub(crate) time_max: Timestamp,
    /// `received_at` of its last event.
    pub(crate) received_max: Timestamp,
}

impl Run {
    pub(crate) fn last(&self) -> Position {
        Position(self.first.0 + u64::from(self.rows) - 1)
    }
}

impl Segments {
    /// Reads what a file holds.
    ///
    /// # Errors
    /// As for any segment; `Damaged` too when its rows are not in the order of a segment.
    pub(crate) async fn survey(&self, name: &str) -> Result<Survey, SegmentError> {
        let footer = self.shared.source.footer(name).await?;
        let mut survey = Survey { store: store_of(&footer), rows: footer.rows(), runs: Vec::new() };
        for group in 0..footer.notes.len() {
            let (mut decoder, ranges) = begin(&footer, group)?;
            let read = self.shared.source.ranges(name, &ranges).await?;
            let checked = Arc::clone(&footer);
            let work = move || finish(&checked, group, &mut decoder, ranges, read);
            let batch = named(name, self.shared.pool.run(work).await)??;
            add(&mut survey.runs, &batch, footer.starts[group])
                .ok_or_else(|| SegmentError::damaged(name, "its rows are not in the order of a segment"))?;
        }
        Ok(survey)
    }

    /// Reads every byte of a file: all checksums match, and all rows can be decoded.
    pub(crate) async fn verify(&self, name: &str) -> Result<(), SegmentError> {
        let footer = self.shared.source.footer(name).await?;
        for (group, notes) in footer.notes.iter().enumerate() {
            for piece in &notes.pieces {
                let range = piece.offset..piece.offset + u64::from(piece.length);
                let read = self.shared.source.ranges(name, std::slice::from_ref(&range)).await?;
                check(&footer, group, &range, read.first().unwrap_or(&Bytes::new()))?;
            }
        }
        let rows = u32::try_from(footer.rows()).map_err(|e| SegmentError::damaged(name, e))?;
        let read: u64 = self
            .rows(name, 0, rows)
            .try_fold(0, |read, batch| async move { Ok(read + batch.num_rows() as u64) })
            .await?;
        if read == footer.rows() { Ok(()) } else { Err(SegmentError::damaged(name, "it has fewer rows than it says")) }
    }

    /// A part of a run as the store keeps it: its times and counts are read from the file.
    pub(crate) async fn span_of(&self, name: &str, run: &Run, part: Range<u64>) -> Result<SpanRead, SegmentError> {
        const READ: [usize; 6] = [
            columns::SEQ,
            columns::TIMESTAMP,
            columns::RECEIVED_AT,
            columns::PLANE,
            columns::SEVERITY,
            columns::SOURCE_ID,
        ];
        let wrong = |e: std::num::TryFromIntError| SegmentError::damaged(name, e);
        let (rows, skipped) = (part.end - part.start, part.start - run.first.0);
        let (rows, offset) = (u32::try_from(rows).map_err(wrong)?, run.offset + u32::try_from(skipped).map_err(wrong)?);
        let mut summary = SummaryBuilder::default();
        let (mut times, mut received_max) = (None::<(i64, i64)>, run.received_max.as_nanos());
        let mut batches = self.columns(name, offset, rows, &READ);
        while let Some(batch) = batches.try_next().await? {
            summary.add(&batch);
            for time in batch.column(columns::TIMESTAMP).as_primitive::<arrow_array::types::Int64Type>().values() {
                times = Some(times.map_or((*time, *time), |(min, max)| (min.min(*time), max.max(*time))));
            }
            let received = batch.column(columns::RECEIVED_AT).as_primitive::<arrow_array::types::Int64Type>();
            received_max = received.values().last().copied().unwrap_or(received_max);
        }
        let time = |nanos| Timestamp::from_nanos(nanos).unwrap_or(Timestamp::EPOCH);
        let (min, max) = times.unwrap_or_default();
        let span = SealedSpan {
            project: run.project.clone(),
            first: Position(part.start),
            rows,
            offset,
            time_min: time(min),
            time_max: time(max),
            summary: summary.finish()?,
        };
        Ok(SpanRead { span, received_max: time(received_max) })
    }
}

/// A span with the time of receipt of its last event.
#[derive(Debug, Clone)]
pub(crate) struct SpanRead {
    pub(crate) span: SealedSpan,
    pub(crate) received_max: Timestamp,
}

fn store_of(footer: &Footer) -> Option<String> {
    let entries = footer.metadata.file_metadata().key_value_metadata().into_iter().flatten();
    entries.filter(|entry| entry.key == STORE_KEY).find_map(|entry| entry.value.clone())
}

/// Project, position and both times of a row group, made ready to be read.
fn begin(footer: &Footer, group: usize) -> Result<(ParquetPushDecoder, Vec<Range<u64>>), SegmentError> {
    let told = |error: ParquetError| SegmentError::damaged(&footer.name, error);
    let wanted = [columns::SEQ, columns::TIMESTAMP, columns::RECEIVED_AT];
    // The project is the first column of the file, and of no event.
    let leaves = std::iter::once(0).chain(wanted.into_iter().flat_map(leaves));
    let mut decoder = ParquetPushDecoderBuilder::new_with_metadata(footer.plain.clone())
        .with_projection(ProjectionMask::leaves(footer.plain.parquet_schema(), leaves))
        .with_row_groups(vec![group])
        .with_batch_size(footer.group_rows(group).max(1))
        .build()
        .map_err(told)?;
    match decoder.try_decode().map_err(told)? {
        DecodeResult::NeedsData(ranges) => Ok((decoder, ranges)),
        _ => Err(SegmentError::damaged(&footer.name, "a row group has no rows")),
    }
}

fn finish(
    footer: &Footer,
    group: usize,
    decoder: &mut ParquetPushDecoder,
    ranges: Vec<Range<u64>>,
    read: Vec<Bytes>,
) -> Result<RecordBatch, SegmentError> {
    for (range, bytes) in ranges.iter().zip(&read) {
        check(footer, group, range, bytes)?;
    }
    let told = |error: ParquetError| SegmentError::damaged(&footer.name, error);
    decoder.push_ranges(ranges, read).map_err(told)?;
    match decoder.try_decode().map_err(told)? {
        DecodeResult::Data(batch) if batch.num_rows() == footer.group_rows(group) => Ok(batch),
        _ => Err(SegmentError::damaged(&footer.name, "it has fewer rows than it says")),
    }
}

/// Adds the rows of a row group that begins at row `start`. `None`: they are not in the order of a segment.
fn add(runs: &mut Vec<Run>, batch: &RecordBatch, start: u64) -> Option<()> {
    let projects = batch.column(0).as_string_opt::<i32>()?;
    let seqs = batch.column(1).as_primitive_opt::<UInt64Type>()?.values();
    let times = batch.column(2).as_primitive_opt::<TimestampNanosecondType>()?.values();
    let received = batch.column(3).as_primitive_opt::<TimestampNanosecondType>()?.values();
    for (row, seq) in seqs.iter().enumerate() {
        let (seq, time) = (Position(*seq), Timestamp::from_nanos(times[row])?);
        let (project, received_max) = (projects.value(row), Timestamp::from_nanos(received[row])?);
        if seq == Position::ZERO || seq.0 > POSITION_MAX {
            return None;
        }
        match runs.last_mut() {
            Some(run) if run.project.as_str() == project && run.last().next() == seq => {
                run.rows = run.rows.checked_add(1)?;
                (run.time_min, run.time_max) = (run.time_min.min(time), run.time_max.max(time));
                run.received_max = received_max;
            }
            last => {
                let project = ProjectId::parse(project).ok()?;
                if last.is_some_and(|run| (&run.project, run.last()) >= (&project, seq)) {
                    return None;
                }
                let offset = u32::try_from(start + row as u64).ok()?;
                let (time_min, time_max) = (time, time);
                runs.push(Run { project, first: seq, rows: 1, offset, time_min, time_max, received_max });
            }
        }
    }
    Some(())
}

/// The ids of some rows of a file, by position.
impl Segments {
    pub(crate) async fn ids(&self, name: &str, offset: u32, rows: u32) -> Result<BTreeMap<u64, String>, SegmentError> {
        let mut ids = BTreeMap::new();
        let mut batches = self.columns(name, offset, rows, &[columns::SEQ, columns::EVENT_ID]);
        while let Some(batch) = batches.try_next().await? {
            let seqs = batch.column(columns::SEQ).as_primitive::<UInt64Type>().values();
            let texts = batch.column(columns::EVENT_ID).as_string::<i32>();
            ids.extend(seqs.iter().copied().zip(texts.iter().flatten().map(str::to_owned)));
        }
        Ok(ids)
    }
}
