//! Reads segments: rows in order for merging, and single events for the duplicate check.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use futures_util::stream::{self, BoxStream, StreamExt};
use object_store::ObjectStore;
use parking_lot::Mutex;

use super::SegmentError;
use super::decode::{Decoding, all_columns};
use super::fetch::Source;
use super::footer::Footer;
use super::layout::PAGE_ROWS;
use super::open::Opened;
use super::pool::Pool;
use super::ranges::Ranges;

/// Rows around a single event that are decoded and kept with it.
const NEAR_ROWS: usize = 1024;
/// Pieces of rows kept for [`Segments::event`].
const KEPT_PIECES: usize = 16;

/// Reads segments. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Segments {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) source: Source,
    pub(super) pool: Pool,
    /// Rows read for single events; used last at the back.
    near: Mutex<VecDeque<Near>>,
}

#[derive(Debug)]
struct Near {
    name: String,
    first: u64,
    rows: RecordBatch,
}

impl Segments {
    /// Segments in an object store.
    pub(crate) fn new(objects: Arc<dyn ObjectStore>) -> Self {
        let (source, pool) = (Source::new(objects), Pool::new());
        Self { shared: Arc::new(Shared { source, pool, near: Mutex::default() }) }
    }

    /// The threads that decode; also for other work that should stand behind intake.
    pub(crate) fn pool(&self) -> &Pool {
        &self.shared.pool
    }

    /// Where the files are.
    #[cfg(test)]
    pub(crate) fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.shared.source.objects
    }

    /// Length of a segment's file.
    #[cfg(test)]
    pub(super) async fn source_bytes(&self, name: &str) -> u64 {
        self.shared.source.footer(name).await.map(|footer| footer.size).unwrap_or_default()
    }

    /// Opens a segment for a scan.
    pub(crate) async fn open(&self, name: &str) -> Result<Arc<Opened>, SegmentError> {
        Opened::open(&self.shared.source, name).await.map(Arc::new)
    }

    /// Some columns (ascending numbers) of rows `offset .. offset + rows`, as [`rows`](Self::rows) otherwise.
    pub(crate) fn columns(
        &self,
        name: &str,
        offset: u32,
        rows: u32,
        columns: &[usize],
    ) -> BoxStream<'static, Result<RecordBatch, SegmentError>> {
        self.stream(name, offset, rows, columns.to_vec())
    }

    /// Rows `offset .. offset + rows` of a segment, in order, in batches of at most 8,192 rows. The digest is blank.
    pub(crate) fn rows(
        &self,
        name: &str,
        offset: u32,
        rows: u32,
    ) -> BoxStream<'static, Result<RecordBatch, SegmentError>> {
        self.stream(name, offset, rows, all_columns())
    }

    fn stream(
        &self,
        name: &str,
        offset: u32,
        rows: u32,
        columns: Vec<usize>,
    ) -> BoxStream<'static, Result<RecordBatch, SegmentError>> {
        let (shared, name) = (Arc::clone(&self.shared), name.to_owned());
        let (at, to) = (u64::from(offset), u64::from(offset) + u64::from(rows));
        stream::try_unfold((shared, name, at, columns), move |(shared, name, at, columns)| async move {
            if at >= to {
                return Ok(None);
            }
            let footer = shared.source.footer(&name).await?;
            let (group, row, left) = place(&footer, at)?;
            // To the end of the page, so that no page is decoded twice.
            let length = left.min(PAGE_ROWS - row % PAGE_ROWS).min(usize::try_from(to - at).unwrap_or(usize::MAX));
            let batch = shared.decode(&footer, group, row..row + length, columns.clone()).await?;
            Ok(Some((batch, (shared, name, at + length as u64, columns))))
        })
        .boxed()
    }

    /// One row of a segment, as a batch of one row. Its neighbours are kept for a while: a client that sends a batch again
    /// asks for them next. The digest is blank.
    pub(crate) async fn event(&self, name: &str, row: u32) -> Result<RecordBatch, SegmentError> {
        let at = u64::from(row);
        if let Some(found) = self.shared.near(name, at) {
            return Ok(found);
        }
        let footer = self.shared.source.footer(name).await?;
        let (group, row, left) = place(&footer, at)?;
        let from = row - row % NEAR_ROWS;
        let rows = {
            // The neighbours on both sides.
            let to = from + (row - from + left).min(NEAR_ROWS);
            self.shared.decode(&footer, group, from..to, all_columns()).await?
        };
        let found = rows.slice(row - from, 1);
        let mut near = self.shared.near.lock();
        near.push_back(Near { name: name.to_owned(), first: at - (row - from) as u64, rows });
        if near.len() > KEPT_PIECES {
            near.pop_front();
        }
        Ok(found)
    }
}

impl Shared {
    fn near(&self, name: &str, at: u64) -> Option<RecordBatch> {
        let mut near = self.near.lock();
        let holds = |n: &Near| n.name == name && n.first <= at && at - n.first < n.rows.num_rows() as u64;
        let found = near.iter().position(holds).and_then(|index| near.remove(index))?;
        let row = found.rows.slice(usize::try_from(at - found.first).unwrap_or_default(), 1);
        near.push_back(found);
        Some(row)
    }

    /// Some rows of a row group.
    async fn decode(
        &self,
        footer: &Arc<Footer>,
        group: usize,
        rows: Range<usize>,
        columns: Vec<usize>,
    ) -> Result<RecordBatch, SegmentError> {
        let decoding = Decoding::new(footer, group, columns, Ranges::one(rows).selection(), false)?;
        let read = self.source.ranges(&footer.name, &decoding.ranges).await?;
        named(&footer.name, self.pool.run(move || decoding.finish(read)).await)?
    }
}

/// Says whose bytes made the decoder panic.
pub(super) fn named<T>(name: &str, done: Result<T, SegmentError>) -> Result<T, SegmentError> {
    done.map_err(|error| match error {
        SegmentError::Damaged { detail, .. } => SegmentError::damaged(name, detail),
        other => other,
    })
}

/// The row group that has row `at`, the row's number in it, and how many rows follow in it (itself included).
fn place(footer: &Footer, at: u64) -> Result<(usize, usize, usize), SegmentError> {
    let behind = || SegmentError::damaged(&footer.name, format!("it has {} rows, not {at} and more", footer.rows()));
    let group = footer.starts.partition_point(|start| *start <= at).checked_sub(1).ok_or_else(behind)?;
    let end = footer.starts.get(group + 1).ok_or_else(behind)?;
    let start = footer.starts[group];
    let number = |n: u64| usize::try_from(n).map_err(|_| behind());
    Ok((group, number(at - start)?, number(end - at)?))
}
