//! Reading: from the tail where it reaches, else from the store, in bounded steps. Nothing is held between steps.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{BooleanArray, RecordBatch, UInt32Array};
use arrow_buffer::BooleanBuffer;
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use arrow_select::take::take_record_batch;
use auditwire_model::event::{columns, schema};
use auditwire_model::query::{Expr, evaluate};
use auditwire_model::{Position, Timestamp};
use futures_util::stream::{self, BoxStream, StreamExt};

use super::{Scan, Scanned, Shared, error};
use crate::error::Result;
use crate::store::{Order, Span};

/// Most rows and about most bytes of one step.
const STEP_ROWS: usize = 8192;
const STEP_BYTES: usize = 4 << 20;
/// Spans fetched at once.
const SPANS: u32 = 512;

/// Runs a scan.
pub(super) fn stream(shared: Arc<Shared>, scan: Scan) -> BoxStream<'static, Result<Scanned>> {
    let head = shared.head(&scan.project);
    let (from, to) = (scan.from.max(shared.first_kept(&scan.project)), scan.to.min(head));
    let left = scan.limit.unwrap_or(usize::MAX);
    let range = (from <= to && left > 0).then_some((from, to));
    let walk = Walk { shared, scan, range, left, spans: VecDeque::new() };
    stream::try_unfold(walk, |mut walk| async move { Ok(walk.step().await?.map(|scanned| (scanned, walk))) }).boxed()
}

struct Walk {
    shared: Arc<Shared>,
    scan: Scan,
    /// What is still to be decided, both ends included.
    range: Option<(Position, Position)>,
    /// How many matches are still wanted.
    left: usize,
    /// Spans known but not read yet, in the scan's order.
    spans: VecDeque<Span>,
}

impl Walk {
    async fn step(&mut self) -> Result<Option<Scanned>> {
        let Some((from, to)) = self.range else { return Ok(None) };
        let ascending = self.scan.order == Order::Ascending;
        let next = if ascending { from } else { to };
        let rows = match self.tail_rows(next) {
            Some(rows) => rows,
            None => self.stored_rows(from, to).await?,
        };
        let (first, last) = rows.range;
        let mut found = self.select(&rows.batch).map_err(error::defect)?;
        let mut through = if ascending { last } else { first };
        if found.num_rows() >= self.left {
            found = found.slice(0, self.left);
            through = seq(&found, self.left - 1);
        }
        self.left -= found.num_rows();
        self.range = if ascending {
            (through < to && self.left > 0).then(|| (through.next(), to))
        } else {
            (through > from && self.left > 0).then(|| (from, through.previous()))
        };
        Ok(Some(Scanned { batch: found, through }))
    }

    /// The rows of the tail from `next` on, cut to this scan's range and one step.
    fn tail_rows(&self, next: Position) -> Option<Rows> {
        let (from, to) = self.range?;
        let tail = self.shared.tail.read();
        let piece = tail.find(&self.scan.project, next)?;
        let rows_max = (STEP_BYTES / (piece.bytes / piece.batch.num_rows()).max(1)).clamp(1, self.rows_wanted()) as u64;
        let (first, last) = match self.scan.order {
            Order::Ascending => (next, piece.last().min(to).min(Position(next.0.saturating_add(rows_max - 1)))),
            Order::Descending => (piece.first.max(from).max(Position((next.0 + 1).saturating_sub(rows_max))), next),
        };
        let offset = usize::try_from(first.0 - piece.first.0).ok()?;
        let batch = piece.batch.slice(offset, usize::try_from(last.0 - first.0 + 1).ok()?);
        Some(Rows { batch, range: (first, last) })
    }

    /// The next rows from the store; spans outside the time range are decided without being read.
    async fn stored_rows(&mut self, from: Position, to: Position) -> Result<Rows> {
        if self.spans.is_empty() {
            let (project, order) = (&self.scan.project, self.scan.order);
            let spans = self.shared.store.spans(project, from, to, order, SPANS).await.map_err(error::read)?;
            self.spans = spans.into();
        }
        let (mut wanted, mut decided) = (Vec::new(), None);
        let (mut rows, mut bytes) = (0, 0);
        while let Some(span) = self.spans.front() {
            let (mut first, mut last) = (span.first.max(from), span.last().min(to));
            if self.may_match(span) {
                let room = self.rows_wanted() - rows;
                let fits = bytes + span.blob_bytes as usize <= STEP_BYTES && last.0 - first.0 < room as u64;
                if !fits && !wanted.is_empty() {
                    break;
                }
                // A span too long for one step is taken in pieces; it stays in front until its last one.
                match self.scan.order {
                    Order::Ascending => last = last.min(Position(first.0 + room as u64 - 1)),
                    Order::Descending => first = first.max(Position((last.0 + 1).saturating_sub(room as u64))),
                }
                rows += usize::try_from(last.0 - first.0 + 1).unwrap_or(room);
                bytes += span.blob_bytes as usize;
                wanted.push((span.clone(), first, last));
            }
            decided = Some(decided.map_or((first, last), |(a, b): (Position, Position)| (a.min(first), b.max(last))));
            let ended = if self.scan.order == Order::Ascending {
                last >= span.last().min(to)
            } else {
                first <= span.first.max(from)
            };
            if !ended {
                break;
            }
            self.spans.pop_front();
            if rows >= self.rows_wanted() {
                break;
            }
        }
        let range = decided.ok_or_else(|| error::missing(&self.scan.project, from, to))?;
        let batches = self.shared.reader.rows(wanted.iter().map(|(span, ..)| span)).await.map_err(error::read)?;
        let cut = |((span, first, last), batch): (&(Span, Position, Position), RecordBatch)| {
            let rows = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
            batch.slice(rows(first.0 - span.first.0), rows(last.0 - first.0 + 1))
        };
        let mut batches: Vec<RecordBatch> = wanted.iter().zip(batches).map(cut).collect();
        if self.scan.order == Order::Descending {
            batches.reverse();
        }
        let batch = match batches.len() {
            1 => batches.remove(0),
            _ => concat_batches(&schema(), &batches).map_err(error::defect)?,
        };
        Ok(Rows { batch, range })
    }

    fn may_match(&self, span: &Span) -> bool {
        self.scan.time_from.is_none_or(|from| span.time_max >= from)
            && self.scan.time_to.is_none_or(|to| span.time_min < to)
    }

    /// Rows worth looking at in one step: no more than wanted when every row matches.
    fn rows_wanted(&self) -> usize {
        let every = self.scan.predicate == Expr::All && self.scan.time_from.is_none() && self.scan.time_to.is_none();
        if every { self.left.min(STEP_ROWS) } else { STEP_ROWS }
    }

    /// The matching rows in the scan's order.
    fn select(&self, batch: &RecordBatch) -> std::result::Result<RecordBatch, ArrowError> {
        self.shared.counters.rows_read.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        let mut found = batch.clone();
        if self.scan.time_from.is_some() || self.scan.time_to.is_some() {
            let inside = in_time(&found, self.scan.time_from, self.scan.time_to);
            found = keep(found, &inside)?;
        }
        if self.scan.predicate != Expr::All && found.num_rows() > 0 {
            let selected = evaluate(&self.scan.predicate, &found);
            found = keep(found, &selected)?;
        }
        if self.scan.order == Order::Descending && found.num_rows() > 1 {
            let rows = u32::try_from(found.num_rows()).unwrap_or(u32::MAX);
            let keep = u32::try_from(self.left).unwrap_or(u32::MAX).min(rows);
            let newest_first = UInt32Array::from_iter_values((0..rows).rev().take(keep as usize));
            found = take_record_batch(&found, &newest_first)?;
        }
        Ok(found)
    }
}

/// Rows in order of position, and which positions are decided by them.
struct Rows {
    batch: RecordBatch,
    range: (Position, Position),
}

fn keep(batch: RecordBatch, selected: &BooleanArray) -> std::result::Result<RecordBatch, ArrowError> {
    if selected.true_count() == batch.num_rows() { Ok(batch) } else { filter_record_batch(&batch, selected) }
}

fn in_time(batch: &RecordBatch, from: Option<Timestamp>, to: Option<Timestamp>) -> BooleanArray {
    let times = batch.column(columns::TIMESTAMP).as_primitive::<Int64Type>().values();
    let (from, to) = (from.map_or(i64::MIN, Timestamp::as_nanos), to.map_or(i128::MAX, |t| i128::from(t.as_nanos())));
    let inside = BooleanBuffer::collect_bool(times.len(), |row| from <= times[row] && i128::from(times[row]) < to);
    BooleanArray::new(inside, None)
}

fn seq(batch: &RecordBatch, row: usize) -> Position {
    Position(batch.column(columns::SEQ).as_primitive::<UInt64Type>().value(row))
}
