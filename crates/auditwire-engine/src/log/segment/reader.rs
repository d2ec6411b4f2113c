//! Reads segments: rows in order for merging, and single events for the duplicate check.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::RecordBatch;
use futures_util::stream::{self, BoxStream, StreamExt};
use object_store::ObjectStore;
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

use super::SegmentError;
use super::decode::{Decoding, all_columns};
use super::fetch::Source;
use super::footer::Footer;
use super::layout::PAGE_ROWS;
use super::pool::Pool;

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

    /// Rows `offset .. offset + rows` of a segment, in order, in batches of at most 8,192 rows. The digest is blank.
    pub(crate) fn rows(
        &self,
        name: &str,
        offset: u32,
        rows: u32,
    ) -> BoxStream<'static, Result<RecordBatch, SegmentError>> {
        let (shared, name) = (Arc::clone(&self.shared), name.to_owned());
        let (at, to) = (u64::from(offset), u64::from(offset) + u64::from(rows));
        stream::try_unfold((shared, name, at), move |(shared, name, at)| async move {
            if at >= to {
                return Ok(None);
            }
            let footer = shared.source.footer(&name).await?;
            let (group, row, left) = place(&footer, at)?;
            // To the end of the page, so that no page is decoded twice.
            let length = left.min(PAGE_ROWS - row % PAGE_ROWS).min(usize::try_from(to - at).unwrap_or(usize::MAX));
            let batch = shared.decode(&footer, group, row, length).await?;
            Ok(Some((batch, (shared, name, at + length as u64))))
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
        let rows = self.shared.decode(&footer, group, from, (row - from + left).min(NEAR_ROWS)).await?;
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

    /// All columns of some rows of a row group.
    async fn decode(
        &self,
        footer: &Arc<Footer>,
        group: usize,
        from: usize,
        rows: usize,
    ) -> Result<RecordBatch, SegmentError> {
        let selection = RowSelection::from(vec![RowSelector::skip(from), RowSelector::select(rows)]);
        let decoding = Decoding::new(footer, group, all_columns(), selection, false)?;
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
