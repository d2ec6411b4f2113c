//! Units of work of a scan: some rows of a row group, first filtered, then made into batches.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use auditwire_model::event::Columns;
use auditwire_model::query::Expr;

use super::SegmentError;
use super::decode::blank;
use super::filter::Filter;
use super::layout::{EVENT_COLUMNS, GROUP_ROWS, PAGE_ROWS};
use super::open::{Opened, Read, Tally};
use super::ranges::Ranges;

/// Most rows, and about the most bytes, of a batch.
const BATCH_ROWS: usize = PAGE_ROWS;
const BATCH_BYTES: usize = 4 << 20;

/// Some rows of one row group of an open segment.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    opened: Arc<Opened>,
    group: usize,
    /// Rows of the file.
    rows: Range<u64>,
    /// Row of the file at which the row group begins.
    start: u64,
}

/// Rows of a unit: all that were found, or a part of them that becomes a batch.
#[derive(Debug, Clone)]
pub(crate) struct Found(Ranges);

impl Found {
    /// How many.
    pub(crate) fn rows(&self) -> usize {
        self.0.rows()
    }

    /// The first `rows` of them, or the last.
    pub(crate) fn take(&self, rows: usize, last: bool) -> Self {
        Self(self.0.take(rows, last))
    }
}

impl Opened {
    /// The unit that begins at row `from` of the file and ends before `to`, or with (`last`) the one that ends before `to`
    /// and does not begin before `from`. It has at most `pages` pages and ends with a row group.
    pub(crate) fn unit(self: &Arc<Self>, from: u64, to: u64, pages: u64, last: bool) -> Result<Unit, SegmentError> {
        let starts = &self.footer.starts;
        let row = if last { to.saturating_sub(1) } else { from };
        let group =
            starts.partition_point(|start| *start <= row).checked_sub(1).filter(|group| group + 1 < starts.len());
        let (Some(group), true) = (group, from < to) else {
            let detail = format!("it has {} rows, not {to}", self.footer.rows());
            return Err(SegmentError::damaged(&self.footer.name, detail));
        };
        let (start, end) = (starts[group], starts[group + 1]);
        let page = PAGE_ROWS as u64;
        // Whole pages, counted from the row group's beginning.
        let rows = if last {
            let page_end = start + ((row - start) / page + 1) * page;
            page_end.saturating_sub(pages.saturating_mul(page)).max(start).max(from)..to
        } else {
            let page_start = start + (row - start) / page * page;
            from..page_start.saturating_add(pages.saturating_mul(page)).min(end).min(to)
        };
        Ok(Unit { opened: Arc::clone(self), group, rows, start })
    }
}

impl Unit {
    /// Rows of the file that it covers.
    pub(crate) fn rows(&self) -> Range<u64> {
        self.rows.clone()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Found {
        let row = |row: u64| usize::try_from(row - self.start).unwrap_or(usize::MAX);
        Found(Ranges::one(row(self.rows.start)..row(self.rows.end)))
    }

    /// Those that `expr` selects. Takes time: for the threads that decode.
    pub(crate) fn filter(&self, expr: &Expr) -> Result<(Found, Read), SegmentError> {
        let tally = Tally::default();
        let found = self.on(&tally).select(expr, &self.all().0)?;
        Ok((Found(found), tally.told()))
    }

    /// Cuts rows into parts that become one batch each, in order. Numbers take so little room that a row group of them is
    /// one part, and so does nothing at all.
    pub(crate) fn parts(&self, found: &Found, columns: Columns, numbered: bool) -> Vec<Found> {
        let columns: Vec<usize> = columns.iter().collect();
        let most = if numbered || columns.is_empty() { GROUP_ROWS } else { BATCH_ROWS };
        let rows = match self.numbered(&columns, numbered) {
            true => GROUP_ROWS,
            false => self.opened.footer.rows_in(self.group, &columns, BATCH_BYTES).min(most),
        };
        found.0.pieces(rows, PAGE_ROWS).into_iter().map(Found).collect()
    }

    /// Whether texts come as numbers: if they are wanted so, and lie so in the file.
    fn numbered(&self, columns: &[usize], wanted: bool) -> bool {
        wanted && columns.iter().all(|column| self.on(&Tally::default()).is_numbered(*column))
    }

    /// The rows of the file at which a part begins and ends.
    pub(crate) fn ends(&self, part: &Found) -> Option<(u64, u64)> {
        let (first, last) = part.0.ends()?;
        Some((self.start + first as u64, self.start + last as u64))
    }

    /// A batch of a part's rows, in order; columns that are not asked for are blank. Takes time.
    pub(crate) fn batch(
        &self,
        part: &Found,
        columns: Columns,
        numbered: bool,
    ) -> Result<(RecordBatch, Read), SegmentError> {
        let tally = Tally::default();
        let columns: Vec<usize> = columns.iter().filter(|column| *column < EVENT_COLUMNS).collect();
        if columns.is_empty() {
            return Ok((blank(part.rows()), tally.told()));
        }
        let numbered = self.numbered(&columns, numbered);
        let batch = self.on(&tally).decode(&part.0, columns, numbered)?;
        Ok((batch, tally.told()))
    }

    fn on<'s>(&'s self, tally: &'s Tally) -> Filter<'s> {
        Filter { opened: &self.opened, group: self.group, tally, scratch: RefCell::default() }
    }
}
