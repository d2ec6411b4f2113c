//! Reading: from the tail where it reaches, else from groups, else from segments, in bounded steps.
//!
//! Fresh events (tail, groups) are read step by step. Segments are read by *units* (some pages of a row group): each is
//! filtered, then what was found is made into batches, both on the threads that decode; a few units are under way at
//! once, and their answers come in order. A scan holds at most `width + 1` row selections and `width + 1` batches of about
//! 4 MiB (`width`: threads that decode), and what those threads work on, 8 MiB each and the pages it comes from. It ends
//! when it is dropped: jobs that nobody waits for are not begun.

mod fresh;
mod sealed;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::ArrowError;
use arrow_select::take::take_record_batch;
use auditwire_model::Position;
use auditwire_model::event::{columns, schema};
use auditwire_model::query::{Expr, Field, Op, Value};
use futures_util::stream::{self, BoxStream, StreamExt};

use super::{Damage, Mapped, Scan, ScanStats, Scanned, Shared, error};
use crate::error::Result;
use crate::store::{Order, Span};
use sealed::Sealed;

/// Spans fetched at once.
const SPANS: u32 = 512;

/// What is made of each batch.
pub(super) type Map<T> = Arc<dyn Fn(RecordBatch) -> T + Send + Sync>;

/// Runs a scan.
pub(super) fn stream(shared: Arc<Shared>, scan: Scan) -> BoxStream<'static, Result<Scanned>> {
    let pieces = pieces(shared, scan, Arc::new(|batch| batch), true);
    pieces
        .map(|piece| {
            let Mapped { value, through, damage, read, .. } = piece?;
            let batch = value.unwrap_or_else(|| RecordBatch::new_empty(schema()));
            Ok(Scanned { batch, through, damage, read })
        })
        .boxed()
}

/// Runs a scan whose batches are mapped on the threads that decode.
pub(super) fn mapped<T: Send + 'static>(
    shared: Arc<Shared>,
    scan: Scan,
    map: Map<T>,
) -> BoxStream<'static, Result<Mapped<T>>> {
    pieces(shared, scan, map, false)
}

fn pieces<T: Send + 'static>(
    shared: Arc<Shared>,
    scan: Scan,
    map: Map<T>,
    cheap: bool,
) -> BoxStream<'static, Result<Mapped<T>>> {
    let head = shared.head(&scan.project);
    let (from, to) = (scan.from.max(shared.first_kept(&scan.project)), scan.to.min(head));
    let left = scan.limit.unwrap_or(usize::MAX);
    let range = (from <= to && left > 0).then_some((from, to));
    let expr = Arc::new(with_times(&scan));
    let sealed = Sealed::new(range, left);
    let walk = Walk { shared, scan, expr, map, cheap, range, left, spans: VecDeque::new(), reread: false, sealed };
    stream::try_unfold(walk, |mut walk| async move { Ok(walk.next().await?.map(|piece| (piece, walk))) }).boxed()
}

/// The predicate with the scan's times in it.
fn with_times(scan: &Scan) -> Expr {
    let time = |op, time| Expr::Compare(Field::Column(columns::TIMESTAMP), op, Value::Time(time));
    let from = scan.time_from.map(|from| time(Op::GreaterOrEqual, from));
    let to = scan.time_to.map(|to| time(Op::Less, to));
    let times: Vec<Expr> = from.into_iter().chain(to).collect();
    if times.is_empty() { scan.predicate.clone() } else { Expr::And([times, vec![scan.predicate.clone()]].concat()) }
}

struct Walk<T> {
    shared: Arc<Shared>,
    scan: Scan,
    /// Predicate and times.
    expr: Arc<Expr>,
    map: Map<T>,
    /// The map takes no time.
    cheap: bool,
    /// What has not been told yet, both ends included.
    range: Option<(Position, Position)>,
    /// How many matches are still wanted.
    left: usize,
    /// Spans known but not read yet, in the scan's order.
    spans: VecDeque<Span>,
    /// Groups could not be read; their spans have been read again since.
    reread: bool,
    /// Units of segments under way.
    sealed: Sealed<T>,
}

/// A piece before its place in the scan is known.
struct Piece<T> {
    value: Option<T>,
    rows: usize,
    /// Up to here, in the scan's direction, all is decided by it.
    through: Position,
    /// Why these positions could not be read: the segment, and what is wrong.
    damage: Option<(String, String)>,
    read: ScanStats,
}

impl<T: Send + 'static> Walk<T> {
    async fn next(&mut self) -> Result<Option<Mapped<T>>> {
        while let Some((from, to)) = self.range {
            if let Some(piece) = self.next_sealed().await? {
                let Some(piece) = piece else { continue };
                return Ok(Some(self.told(piece, from, to)));
            }
            if let Some(piece) = self.next_fresh().await? {
                let told = self.told(piece, from, to);
                self.planned_anew();
                return Ok(Some(told));
            }
        }
        Ok(None)
    }

    fn ascending(&self) -> bool {
        self.scan.order == Order::Ascending
    }

    /// Segments are planned from what has not been told yet; nothing of them is under way.
    fn planned_anew(&mut self) {
        self.sealed.plan_from(self.range, self.left);
    }

    /// Moves on behind a piece.
    fn told(&mut self, piece: Piece<T>, from: Position, to: Position) -> Mapped<T> {
        let Piece { value, rows, through, damage, read } = piece;
        let (from, to) = self.range.unwrap_or((from, to));
        let damaged = if self.ascending() { (from, through) } else { (through, to) };
        self.left -= rows.min(self.left);
        self.range = if self.left == 0 { None } else { rest(from, to, through, self.ascending()) };
        let counters = &self.shared.counters;
        counters.rows_read.fetch_add(read.rows_read, Ordering::Relaxed);
        counters.segments_read.fetch_add(read.segments_read, Ordering::Relaxed);
        counters.row_groups_read.fetch_add(read.row_groups_read, Ordering::Relaxed);
        counters.pages_read.fetch_add(read.pages_read, Ordering::Relaxed);
        counters.segment_bytes_read.fetch_add(read.bytes_read, Ordering::Relaxed);
        let damage = damage.map(|(segment, detail)| {
            tracing::error!(%segment, %detail, project = %self.scan.project, from = %damaged.0, to = %damaged.1, "events could not be read");
            Damage { from: damaged.0, to: damaged.1, segment, detail }
        });
        Mapped { value, rows, through, damage, read }
    }

    /// Spans from the next position on; false when there are none, because the events have expired meanwhile.
    async fn know_spans(&mut self, from: Position, to: Position) -> Result<bool> {
        // Some may have been passed in the tail.
        let ascending = self.ascending();
        while self.spans.pop_front_if(|span| if ascending { span.last() < from } else { span.first > to }).is_some() {}
        if !self.spans.is_empty() {
            return Ok(true);
        }
        let (project, order) = (&self.scan.project, self.scan.order);
        self.spans = self.shared.store.spans(project, from, to, order, SPANS).await.map_err(error::read)?.into();
        if !self.spans.is_empty() {
            return Ok(true);
        }
        let kept = self.shared.first_kept(project);
        if from >= kept {
            return Err(error::missing(project, from, to));
        }
        Ok(false)
    }

    fn may_match(&self, span: &Span) -> bool {
        self.scan.time_from.is_none_or(|from| span.time_max >= from)
            && self.scan.time_to.is_none_or(|to| span.time_min < to)
    }

    fn matches_all(&self) -> bool {
        *self.expr == Expr::All
    }
}

/// What is left of a range behind a position.
fn rest(from: Position, to: Position, through: Position, ascending: bool) -> Option<(Position, Position)> {
    if ascending {
        (through < to).then(|| (through.next(), to))
    } else {
        (through > from).then(|| (from, through.previous()))
    }
}

/// The first `keep` rows from the end, newest first.
fn newest_first(batch: &RecordBatch, keep: usize) -> std::result::Result<RecordBatch, ArrowError> {
    let rows = u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
    let keep = u32::try_from(keep).unwrap_or(u32::MAX).min(rows);
    take_record_batch(batch, &UInt32Array::from_iter_values((0..rows).rev().take(keep as usize)))
}
