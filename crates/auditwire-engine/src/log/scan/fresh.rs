//! The part of a scan that reads fresh events: from the tail where it reaches, else from groups.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use auditwire_model::Position;
use auditwire_model::event::{columns, schema};
use auditwire_model::query::{Expr, evaluate};

use super::{Piece, Walk, newest_first};
use crate::error::Result;
use crate::log::{ScanStats, error};
use crate::store::{Order, Place, Span, StoreError};
use crate::tasks::Task;

/// Most rows and about most bytes of one step.
const STEP_ROWS: usize = 8192;
const STEP_BYTES: usize = 4 << 20;

/// Rows in order of position, and which positions are decided by them.
struct Rows {
    batch: RecordBatch,
    range: (Position, Position),
    read: ScanStats,
}

impl<T: Send + 'static> Walk<T> {
    /// The next piece of fresh events; `None`: ask again.
    pub(super) async fn next_fresh(&mut self) -> Result<Option<Piece<T>>> {
        let Some((from, to)) = self.range else { return Ok(None) };
        let next = if self.ascending() { from } else { to };
        let rows = match self.tail_rows(next) {
            Some(rows) => rows,
            None => match self.stored_rows(from, to).await? {
                Some(rows) => rows,
                None => return Ok(None),
            },
        };
        let Rows { batch, range: (first, last), read } = rows;
        let read = ScanStats { rows_read: batch.num_rows() as u64, ..read };
        let (expr, map) = (std::sync::Arc::clone(&self.expr), std::sync::Arc::clone(&self.map));
        let (ascending, left) = (self.ascending(), self.left);
        let tasks = self.shared.tasks.clone();
        let work = move || {
            tasks.reach("scan", "");
            let mut found = matching(&batch, &expr, ascending, left)?;
            let enough = found.num_rows() >= left;
            if enough {
                found = found.slice(0, left);
            }
            let (rows, ended) = (found.num_rows(), enough.then(|| seq(&found, left - 1)));
            Ok::<_, ArrowError>(((rows > 0).then(|| map(found)), rows, ended))
        };
        let tasks = self.shared.tasks.clone();
        let work = move || tasks.caught_here(Task::Scan, work);
        // Searches stand behind intake also where they read what came last.
        let done = match self.cheap {
            true => work(),
            false => self.shared.segments.pool().run(work).await.map_err(|_| error::ended_reading())?,
        };
        let (value, rows, ended) = done?.map_err(error::defect)?;
        let through = ended.unwrap_or(if ascending { last } else { first });
        Ok(Some(Piece { value, rows, through, damage: None, read }))
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
        Some(Rows { batch, range: (first, last), read: ScanStats::default() })
    }

    /// The next rows of groups; spans outside the time range are decided without being read. `None` when the next events
    /// lie elsewhere.
    async fn stored_rows(&mut self, from: Position, to: Position) -> Result<Option<Rows>> {
        if !self.know_spans(from, to).await? {
            let kept = self.shared.first_kept(&self.scan.project);
            self.range = (self.ascending() && kept <= to).then_some((kept, to));
            self.planned_anew();
            return Ok(None);
        }
        let (mut wanted, mut decided) = (Vec::new(), None);
        let (mut rows, mut bytes) = (0, 0);
        while let Some(span) = self.spans.front() {
            if matches!(span.place, Place::Segment(_)) {
                break;
            }
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
        let Some(range) = decided else {
            self.planned_anew();
            return Ok(None);
        };
        let batches = match self.shared.reader.rows(wanted.iter().map(|(span, ..)| span)).await {
            Err(StoreError::Damaged(_)) if !self.reread => {
                // They may have been sealed since the spans were read.
                self.reread = true;
                self.spans.clear();
                return Ok(None);
            }
            read => read.map_err(error::read)?,
        };
        self.reread = false;
        let read = ScanStats { groups_read: wanted.len() as u64, bytes_read: bytes as u64, ..ScanStats::default() };
        Ok(Some(Rows { batch: self.together(&wanted, batches)?, range, read }))
    }

    /// The wanted rows of the spans as one batch, in order of position.
    fn together(&self, wanted: &[(Span, Position, Position)], batches: Vec<RecordBatch>) -> Result<RecordBatch> {
        let cut = |((span, first, last), batch): (&(Span, Position, Position), RecordBatch)| {
            let rows = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
            batch.slice(rows(first.0 - span.first.0), rows(last.0 - first.0 + 1))
        };
        let mut batches: Vec<RecordBatch> = wanted.iter().zip(batches).map(cut).collect();
        if self.scan.order == Order::Descending {
            batches.reverse();
        }
        match batches.len() {
            1 => Ok(batches.remove(0)),
            _ => concat_batches(&schema(), &batches).map_err(error::defect),
        }
    }

    /// Rows worth looking at in one step: no more than wanted when every row matches.
    fn rows_wanted(&self) -> usize {
        if self.matches_all() { self.left.min(STEP_ROWS) } else { STEP_ROWS }
    }
}

/// The matching rows in the scan's order.
fn matching(
    batch: &RecordBatch,
    expr: &Expr,
    ascending: bool,
    left: usize,
) -> std::result::Result<RecordBatch, ArrowError> {
    let mut found = batch.clone();
    if *expr != Expr::All {
        let selected = evaluate(expr, &found);
        if selected.true_count() < found.num_rows() {
            found = filter_record_batch(&found, &selected)?;
        }
    }
    if !ascending && found.num_rows() > 1 {
        found = newest_first(&found, left)?;
    }
    Ok(found)
}

fn seq(batch: &RecordBatch, row: usize) -> Position {
    Position(batch.column(columns::SEQ).as_primitive::<UInt64Type>().value(row))
}
