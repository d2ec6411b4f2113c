//! Reads groups back from the store. A few decoded groups are kept, so that readers that go through the log in steps
//! decode each group once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_schema::ArrowError;
use arrow_select::concat::concat_batches;
use auditwire_model::event::columns;
use auditwire_model::{Position, ProjectId};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use parking_lot::Mutex;

use super::blob;
use super::segment::{SegmentError, Segments};
use crate::store::{GroupId, Order, Place, SegmentId, Span, Store, StoreError};

/// Most decoded groups kept, and most bytes of them.
const CACHE_GROUPS: usize = 16;
const CACHE_BYTES: usize = 12 << 20;
/// Most names of segments kept.
const NAMES_MAX: usize = 4096;

/// Reads and decodes groups.
#[derive(Debug)]
pub(crate) struct Reader {
    store: Arc<dyn Store>,
    segments: Segments,
    /// Names of segments, which never change.
    names: Mutex<HashMap<SegmentId, Arc<str>>>,
    cache: Mutex<Cache>,
    /// Groups read from the store so far.
    pub(crate) groups: AtomicU64,
    /// Their bytes.
    pub(crate) bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct Cache {
    /// Used last at the back.
    groups: VecDeque<(GroupId, RecordBatch, usize)>,
    bytes: usize,
}

impl Reader {
    pub(crate) fn new(store: Arc<dyn Store>, segments: Segments) -> Self {
        let (names, cache, groups, bytes) = Default::default();
        Self { store, segments, names, cache, groups, bytes }
    }

    /// The name of a segment's file; `None` when the store does not know it (any more).
    pub(crate) async fn segment_name(&self, id: SegmentId) -> Result<Option<Arc<str>>, StoreError> {
        if let Some(name) = self.names.lock().get(&id) {
            return Ok(Some(Arc::clone(name)));
        }
        let Some(segment) = self.store.segment(id).await? else { return Ok(None) };
        let name: Arc<str> = segment.name.into();
        let mut names = self.names.lock();
        if names.len() >= NAMES_MAX {
            names.clear();
        }
        names.insert(id, Arc::clone(&name));
        Ok(Some(name))
    }

    /// The rows of each span of a group, in the spans' order.
    pub(crate) async fn rows(&self, spans: impl IntoIterator<Item = &Span>) -> Result<Vec<RecordBatch>, StoreError> {
        let spans: Vec<&Span> = spans.into_iter().collect();
        let mut found: Vec<Option<RecordBatch>> = {
            let mut cache = self.cache.lock();
            spans.iter().map(|span| cache.get(group_of(span)?)).collect()
        };
        let missing: Vec<GroupId> = spans
            .iter()
            .zip(&found)
            .filter(|(_, batch)| batch.is_none())
            .filter_map(|(span, _)| group_of(span))
            .collect();
        if !missing.is_empty() {
            for (id, bytes) in self.store.blobs(&missing).await? {
                self.groups.fetch_add(1, Ordering::Relaxed);
                self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                let batch = decode(id, &bytes, None)?;
                self.cache.lock().put(id, batch.clone(), bytes.len());
                for (span, place) in spans.iter().zip(&mut found) {
                    if group_of(span) == Some(id) {
                        *place = Some(batch.clone());
                    }
                }
            }
        }
        spans.iter().zip(found).map(|(span, batch)| rows_of(span, batch)).collect()
    }

    /// Some columns (ascending numbers, the positions first) of the spans' rows, for one that goes through the log once.
    pub(crate) async fn uncached(&self, spans: &[Span], columns: &[usize]) -> Result<Vec<RecordBatch>, StoreError> {
        let groups: Vec<GroupId> = spans.iter().filter_map(group_of).collect();
        let blobs: HashMap<GroupId, Bytes> = self.store.blobs(&groups).await?.into_iter().collect();
        let mut read = Vec::with_capacity(spans.len());
        for span in spans {
            read.push(match span.place {
                Place::Group(id) => {
                    let batch = blobs.get(&id).map(|bytes| decode(id, bytes, Some(columns))).transpose()?;
                    rows_of(span, batch)?
                }
                Place::Segment(id) => self.sealed(id, span, columns).await?,
            });
        }
        Ok(read)
    }

    /// Some columns of a sealed span.
    async fn sealed(&self, id: SegmentId, span: &Span, columns: &[usize]) -> Result<RecordBatch, StoreError> {
        let name = self.segment_name(id).await?.ok_or_else(|| missing(id))?;
        let rows = self.segments.columns(&name, span.offset, span.rows, columns);
        let some = rows.map(|rows| rows.map_err(sealed_error)?.project(columns).map_err(mismatch));
        let rows: Vec<RecordBatch> = some.try_collect::<Vec<_>>().await?;
        let first = rows.first().ok_or_else(|| missing(id))?;
        concat_batches(&first.schema(), &rows).map_err(mismatch)
    }

    /// The row of one event, if the store has it. The digest of a sealed event is blank.
    pub(crate) async fn event(&self, project: &ProjectId, at: Position) -> Result<Option<RecordBatch>, StoreError> {
        let mut missed = None;
        loop {
            let spans = self.store.spans(project, at, at, Order::Ascending, 1).await?;
            let Some(span) = spans.first() else { return Ok(None) };
            let row = at.0 - span.first.0;
            // What is missing may have been sealed or merged since the span was read.
            let again = missed != Some(span.place);
            missed = Some(span.place);
            let Place::Segment(id) = span.place else {
                match self.rows(&spans).await {
                    Err(StoreError::Damaged(_)) if again => continue,
                    rows => {
                        return Ok(rows?
                            .first()
                            .map(|batch| batch.slice(usize::try_from(row).unwrap_or(usize::MAX), 1)));
                    }
                }
            };
            let row = u32::try_from(u64::from(span.offset) + row).unwrap_or(u32::MAX);
            let name = match self.segment_name(id).await? {
                None if again => continue,
                name => name.ok_or_else(|| missing(id))?,
            };
            match self.segments.event(&name, row).await {
                Err(SegmentError::Missing(_)) if again => {}
                found => return found.map(Some).map_err(sealed_error),
            }
        }
    }
}

fn missing(id: SegmentId) -> StoreError {
    StoreError::Damaged(format!("segment number {} is missing", id.0))
}

/// What an unreadable segment is to whoever reads the log.
pub(super) fn sealed_error(error: SegmentError) -> StoreError {
    match error {
        SegmentError::Missing(_) | SegmentError::Damaged { .. } => StoreError::Damaged(error.to_string()),
        other => StoreError::Failed(Box::new(other)),
    }
}

fn mismatch(error: ArrowError) -> StoreError {
    StoreError::Failed(Box::new(error))
}

fn decode(id: GroupId, bytes: &Bytes, columns: Option<&[usize]>) -> Result<RecordBatch, StoreError> {
    blob::decode(bytes, columns).map_err(|error| {
        let what = format!("the events of group {}: {error}", id.0);
        match error {
            blob::BlobError::Version(_) => StoreError::Newer(what),
            _ => StoreError::Damaged(what),
        }
    })
}

fn group_of(span: &Span) -> Option<GroupId> {
    match span.place {
        Place::Group(id) => Some(id),
        Place::Segment(_) => None,
    }
}

/// The rows of a span. Every projection begins with the positions.
fn rows_of(span: &Span, batch: Option<RecordBatch>) -> Result<RecordBatch, StoreError> {
    let damaged = |what: &str| {
        StoreError::Damaged(format!(
            "the events of {:?}: {what} (project {}, seq {})",
            span.place, span.project, span.first
        ))
    };
    let batch = batch.ok_or_else(|| damaged("they are missing"))?;
    let (offset, rows) = (span.offset as usize, span.rows as usize);
    if offset + rows > batch.num_rows() {
        return Err(damaged("there are fewer than the span says"));
    }
    let rows = batch.slice(offset, rows);
    let seqs = rows.column(columns::SEQ).as_primitive::<UInt64Type>();
    if seqs.is_empty() || seqs.value(0) != span.first.0 {
        return Err(damaged("they are other events than the span says"));
    }
    Ok(rows)
}

impl Cache {
    fn get(&mut self, id: GroupId) -> Option<RecordBatch> {
        let at = self.groups.iter().position(|(group, ..)| *group == id)?;
        let entry = self.groups.remove(at)?;
        let batch = entry.1.clone();
        self.groups.push_back(entry);
        Some(batch)
    }

    fn put(&mut self, id: GroupId, batch: RecordBatch, bytes: usize) {
        if bytes > CACHE_BYTES || self.groups.iter().any(|(group, ..)| *group == id) {
            return;
        }
        self.groups.push_back((id, batch, bytes));
        self.bytes += bytes;
        while self.bytes > CACHE_BYTES || self.groups.len() > CACHE_GROUPS {
            let Some((_, _, bytes)) = self.groups.pop_front() else { break };
            self.bytes -= bytes;
        }
    }
}
