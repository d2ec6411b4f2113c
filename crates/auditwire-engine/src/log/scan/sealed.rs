//! The part of a scan that reads segments.

use std::collections::VecDeque;
use std::sync::Arc;

use auditwire_model::Position;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Map, Piece, Walk, newest_first, rest};
use crate::error::Result;
use crate::log::segment::{Found, Opened, Read, SegmentError, Unit};
use crate::log::{ScanStats, error};
use crate::store::{Place, SegmentId, Span};
use crate::tasks::Task;

/// Pages of the first units: the first answer comes soon, and little is read in vain when it is enough. After them a unit
/// is a whole row group.
const FIRST_PAGES: [u64; 2] = [1, 4];

/// Units under way.
pub(super) struct Sealed<T> {
    /// What is not planned yet.
    unplanned: Option<(Position, Position)>,
    /// How many matches are wanted beyond those that are being made into batches.
    wanted: usize,
    opened: Option<(SegmentId, Arc<Opened>)>,
    /// A segment that was missing once; its spans have been read again since.
    missed: Option<SegmentId>,
    /// Units planned so far.
    units: usize,
    filters: VecDeque<Filtering>,
    /// What was found in a unit and is not begun yet.
    parts: VecDeque<Part>,
    batches: VecDeque<BoxFuture<'static, std::result::Result<Piece<T>, Lost>>>,
}

impl<T> Sealed<T> {
    pub(super) fn new(unplanned: Option<(Position, Position)>, wanted: usize) -> Self {
        let (filters, parts, batches) = Default::default();
        Self { unplanned, wanted, opened: None, missed: None, units: 0, filters, parts, batches }
    }

    /// Plans from here on.
    pub(super) fn plan_from(&mut self, unplanned: Option<(Position, Position)>, wanted: usize) {
        (self.unplanned, self.wanted) = (unplanned, wanted);
    }
}

/// Where a unit lies in the log.
#[derive(Debug, Clone)]
struct At {
    segment: SegmentId,
    name: Arc<str>,
    /// Position of the file's row 0, as if the project had it.
    base: i128,
    /// The unit's last position in the scan's direction.
    through: Position,
}

impl At {
    fn position(&self, row: u64) -> Position {
        Position(u64::try_from(self.base + i128::from(row)).unwrap_or_default())
    }
}

/// A unit being filtered, or decided without that.
enum Filtering {
    Unit {
        unit: Unit,
        at: At,
        found: BoxFuture<'static, std::result::Result<(Found, Read), SegmentError>>,
    },
    /// Nothing in it can match.
    Skipped {
        through: Position,
    },
    Lost(Lost),
}

/// Rows of a unit that become one batch.
struct Part {
    unit: Unit,
    at: At,
    found: Found,
    through: Position,
    read: Read,
    first: bool,
}

/// A unit, or a part of one, that could not be read.
#[derive(Debug)]
pub(super) struct Lost {
    at: At,
    error: SegmentError,
}

impl<T: Send + 'static> Walk<T> {
    /// The next piece from segments. `None` when the next events are not in a segment; `Some(None)`: ask again.
    pub(super) async fn next_sealed(&mut self) -> Result<Option<Option<Piece<T>>>> {
        self.plan().await?;
        self.begin_batches().await;
        let Some(batch) = self.sealed.batches.pop_front() else {
            let idle = self.sealed.filters.is_empty() && self.sealed.parts.is_empty();
            return Ok(if idle { None } else { Some(None) });
        };
        match batch.await {
            Ok(piece) => Ok(Some(Some(piece))),
            Err(lost) => self.lost(lost).map(Some),
        }
    }

    /// Begins to filter units, as many as may be under way.
    async fn plan(&mut self) -> Result<()> {
        let ahead = if self.sealed.units == 0 { 1 } else { self.shared.segments.pool().width() + 1 };
        while self.sealed.filters.len() < ahead && self.sealed.wanted > 0 {
            let Some((from, to)) = self.sealed.unplanned else { return Ok(()) };
            let next = if self.ascending() { from } else { to };
            if self.shared.tail.read().find(&self.scan.project, next).is_some() {
                return Ok(());
            }
            if !self.know_spans(from, to).await? {
                self.expired(from, to);
                continue;
            }
            let Some(span) = self.spans.front().cloned() else { return Ok(()) };
            let Place::Segment(id) = span.place else { return Ok(()) };
            let (first, last) = (span.first.max(from), span.last().min(to));
            let end = if self.ascending() { last } else { first };
            let (filtering, through) = if self.may_match(&span) {
                match self.unit(id, &span, first, last).await? {
                    Some(planned) => planned,
                    None => continue,
                }
            } else {
                (Filtering::Skipped { through: end }, end)
            };
            match (self.sealed.filters.back_mut(), filtering) {
                (Some(Filtering::Skipped { through }), Filtering::Skipped { through: further }) => *through = further,
                (_, filtering) => self.sealed.filters.push_back(filtering),
            }
            self.sealed.unplanned = rest(from, to, through, self.ascending());
            if through == end {
                self.spans.pop_front();
            }
        }
        Ok(())
    }

    /// Events that no span has any more: the oldest ones have expired.
    fn expired(&mut self, from: Position, to: Position) {
        let kept = self.shared.first_kept(&self.scan.project);
        let range = (kept <= to && self.ascending()).then_some((kept.max(from), to));
        self.sealed.unplanned = range;
        if self.sealed.filters.is_empty() && self.sealed.parts.is_empty() && self.sealed.batches.is_empty() {
            self.range = range;
        }
    }

    /// Plans the next unit of a span; `None` when the spans have to be read again.
    async fn unit(
        &mut self,
        id: SegmentId,
        span: &Span,
        first: Position,
        last: Position,
    ) -> Result<Option<(Filtering, Position)>> {
        let name = self.shared.reader.segment_name(id).await.map_err(error::read)?;
        let name = name.unwrap_or_else(|| format!("number {}", id.0).into());
        let end = if self.ascending() { last } else { first };
        let base = i128::from(span.first.0) - i128::from(span.offset);
        let at = At { segment: id, name, base, through: end };
        let opened = match &self.sealed.opened {
            Some((open, opened)) if *open == id => Ok(Arc::clone(opened)),
            _ => self.shared.segments.open(&at.name).await,
        };
        let row = |position: Position| u64::try_from(i128::from(position.0) - base).unwrap_or_default();
        let pages = FIRST_PAGES.get(self.sealed.units).copied().unwrap_or(u64::MAX);
        let unit = opened.and_then(|opened| {
            let unit = opened.unit(row(first), row(last) + 1, pages, !self.ascending());
            self.sealed.opened = Some((id, opened));
            unit
        });
        let unit = match unit {
            Ok(unit) => unit,
            Err(SegmentError::Missing(_)) if self.sealed.missed != Some(id) => {
                // A merge has replaced it since the spans were read.
                self.sealed.missed = Some(id);
                self.spans.clear();
                return Ok(None);
            }
            Err(SegmentError::Ended) => return Err(error::ended_reading()),
            Err(error) => return Ok(Some((Filtering::Lost(Lost { at, error }), end))),
        };
        self.sealed.units += 1;
        let rows = unit.rows();
        let through = at.position(if self.ascending() { rows.end - 1 } else { rows.start });
        let at = At { through, ..at };
        let found = if self.matches_all() {
            std::future::ready(Ok((unit.all(), Read::default()))).boxed()
        } else {
            let (unit, expr) = (unit.clone(), Arc::clone(&self.expr));
            let found = self.shared.segments.pool().run(move || unit.filter(&expr));
            async move { found.await? }.boxed()
        };
        Ok(Some((Filtering::Unit { unit, at, found }, through)))
    }

    /// Begins to make batches of what was found, as many as may be under way. Waits for a filter only when there is
    /// nothing else to wait for.
    async fn begin_batches(&mut self) {
        let ahead = self.shared.segments.pool().width() + 1;
        while self.sealed.batches.len() < ahead {
            if let Some(part) = self.sealed.parts.pop_front() {
                let batch = self.batch(part);
                self.sealed.batches.push_back(batch);
                continue;
            }
            let must_wait = self.sealed.batches.is_empty();
            let Some(filtering) = self.sealed.filters.front_mut() else { return };
            let found = match filtering {
                Filtering::Unit { found, .. } if must_wait => Some(found.await),
                Filtering::Unit { found, .. } => match found.now_or_never() {
                    Some(found) => Some(found),
                    None => return,
                },
                _ => None,
            };
            if let Some(filtering) = self.sealed.filters.pop_front() {
                self.cut(filtering, found);
            }
            if must_wait && self.sealed.parts.is_empty() {
                return;
            }
        }
    }

    /// Cuts what was found in a unit into parts.
    fn cut(&mut self, filtering: Filtering, found: Option<std::result::Result<(Found, Read), SegmentError>>) {
        let nothing = |through, read| Piece { value: None, rows: 0, through, damage: None, read };
        let (unit, at, found, read) = match (filtering, found) {
            (Filtering::Unit { unit, at, .. }, Some(Ok((found, read)))) => (unit, at, found, read),
            (Filtering::Unit { at, .. }, Some(Err(error))) | (Filtering::Lost(Lost { at, error }), _) => {
                self.sealed.batches.push_back(std::future::ready(Err(Lost { at, error })).boxed());
                return;
            }
            (Filtering::Skipped { through }, _) => {
                let piece = nothing(through, ScanStats::default());
                self.sealed.batches.push_back(std::future::ready(Ok(piece)).boxed());
                return;
            }
            (Filtering::Unit { .. }, None) => return,
        };
        let enough = found.rows() >= self.sealed.wanted;
        let found = if enough { found.take(self.sealed.wanted, !self.ascending()) } else { found };
        self.sealed.wanted -= found.rows();
        if found.rows() == 0 {
            let piece = nothing(at.through, stats(read, ScanStats { segments_read: 1, ..ScanStats::default() }));
            self.sealed.batches.push_back(std::future::ready(Ok(piece)).boxed());
            return;
        }
        let mut parts = unit.parts(&found, self.scan.columns, self.scan.numbered);
        if !self.ascending() {
            parts.reverse();
        }
        let last = parts.len() - 1;
        for (number, found) in parts.into_iter().enumerate() {
            let through = match unit.ends(&found) {
                Some((first, end)) if number < last || enough => {
                    at.position(if self.ascending() { end } else { first })
                }
                _ => at.through,
            };
            let read = if number == 0 { read } else { Read::default() };
            let (unit, at) = (unit.clone(), At { through, ..at.clone() });
            self.sealed.parts.push_back(Part { unit, at, found, through, read, first: number == 0 });
        }
    }

    /// Begins to make a batch.
    fn batch(&self, part: Part) -> BoxFuture<'static, std::result::Result<Piece<T>, Lost>> {
        let (map, ascending): (Map<T>, _) = (Arc::clone(&self.map), self.ascending());
        let (columns, numbered) = (self.scan.columns, self.scan.numbered);
        let tasks = self.shared.tasks.clone();
        let Part { unit, at, found, through, read, first } = part;
        let made = self.shared.segments.pool().run(move || {
            let (batch, read) = unit.batch(&found, columns, numbered)?;
            let rows = batch.num_rows();
            let batch = if ascending { Ok(batch) } else { newest_first(&batch, rows) };
            let batch = batch.map_err(|error| SegmentError::Unwritable(error.to_string()))?;
            // What is made of it is ours: a panic there says nothing about the file.
            let made = tasks.caught_here(Task::Scan, || map(batch))?;
            Ok::<_, SegmentError>((made, rows, read))
        });
        async move {
            match made.await.and_then(|made| made) {
                Ok((value, rows, made)) => {
                    let segments_read = u64::from(first);
                    let read = stats(read, stats(made, ScanStats { segments_read, ..ScanStats::default() }));
                    Ok(Piece { value: Some(value), rows, through, damage: None, read })
                }
                Err(error) => Err(Lost { at, error }),
            }
        }
        .boxed()
    }

    /// Goes on behind what could not be read, or, once, reads it again from where it lies now.
    fn lost(&mut self, lost: Lost) -> Result<Option<Piece<T>>> {
        let Lost { at, error } = lost;
        let again = matches!(error, SegmentError::Missing(_)) && self.sealed.missed != Some(at.segment);
        // What was planned counted on these rows.
        let behind = self
            .range
            .and_then(|(from, to)| if again { Some((from, to)) } else { rest(from, to, at.through, self.ascending()) });
        let (units, opened) = (self.sealed.units, self.sealed.opened.take());
        self.sealed = Sealed { units, opened, ..Sealed::new(behind, self.left) };
        self.sealed.missed = again.then_some(at.segment);
        self.spans.clear();
        match error {
            SegmentError::Ended => Err(error::ended_reading()),
            SegmentError::Panicked(panicked) => Err(panicked.into()),
            _ if again => Ok(None),
            error => {
                let detail = match &error {
                    SegmentError::Damaged { detail, .. } => detail.clone(),
                    SegmentError::Missing(_) => "its file is missing".to_owned(),
                    SegmentError::Unreadable { source, .. } => format!("it could not be read: {source}"),
                    other => other.to_string(),
                };
                let damage = Some((at.name.to_string(), detail));
                Ok(Some(Piece { value: None, rows: 0, through: at.through, damage, read: ScanStats::default() }))
            }
        }
    }
}

/// Adds what a job read.
fn stats(read: Read, to: ScanStats) -> ScanStats {
    ScanStats {
        row_groups_read: to.row_groups_read + read.row_groups,
        pages_read: to.pages_read + read.pages,
        bytes_read: to.bytes_read + read.bytes,
        rows_read: to.rows_read + read.rows,
        ..to
    }
}
