//! The work on windows that runs beside the commits: loading, building runs, merging them, expiring them.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use auditwire_model::event::columns;
use auditwire_model::{Position, ProjectId, Timestamp};
use std::sync::Arc;
use tokio::task::{JoinError, JoinSet};

use super::run::{self, Entry, Extent};
use super::{Run, Window, hash_id};
use crate::log::Shared;
use crate::store::{IdRun, Order, Span, Store, StoreError};

/// Most bytes of blobs read at once when a window is loaded.
const LOAD_BYTES: u64 = 4 << 20;

/// Runs being built, and those that wait for a commit.
#[derive(Debug, Default)]
pub(crate) struct Work {
    building: JoinSet<(ProjectId, Result<IdRun, StoreError>)>,
    built: Vec<IdRun>,
}

impl Work {
    /// Starts what a project's window needs now.
    pub(crate) fn start(
        &mut self,
        shared: &Arc<Shared>,
        project: &ProjectId,
        window: &mut Window,
        full: usize,
        (head, newest): (Position, Timestamp),
    ) {
        if let Some((extent, entries)) = window.freeze(full, head, newest) {
            let project = project.clone();
            self.building.spawn_blocking(move || (project.clone(), run::build(project, extent, entries)));
        } else if let Some((extent, runs)) = window.mergeable(shared.settings.duplicate_events) {
            window.busy = true;
            let (project, store) = (project.clone(), Arc::clone(&shared.store));
            self.building.spawn(async move {
                let merged = merge(store, &project, extent, runs).await;
                (project, merged)
            });
        }
    }

    /// Collects what was built meanwhile. Returns the projects whose run could not be built.
    pub(crate) fn collect(&mut self) -> Vec<ProjectId> {
        let mut failed = Vec::new();
        while let Some(done) = self.building.try_join_next() {
            failed.extend(self.take(done));
        }
        failed
    }

    fn take(&mut self, done: Result<(ProjectId, Result<IdRun, StoreError>), JoinError>) -> Option<ProjectId> {
        match done {
            Ok((_, Ok(run))) => {
                self.built.push(run);
                None
            }
            Ok((project, Err(error))) => {
                tracing::error!(%error, %project, "an id run could not be built; its ids stay in memory");
                Some(project)
            }
            Err(error) => {
                tracing::error!(%error, "an id run could not be built");
                None
            }
        }
    }

    /// The finished runs: they go into the next commit.
    pub(crate) fn ready(&self) -> &[IdRun] {
        &self.built
    }

    /// The first so many of [`Work::ready`] are committed.
    pub(crate) fn committed(&mut self, runs: usize) -> Vec<IdRun> {
        self.built.drain(..runs.min(self.built.len())).collect()
    }
}

async fn merge(
    store: Arc<dyn Store>,
    project: &ProjectId,
    extent: Extent,
    runs: Vec<(Position, u32)>,
) -> Result<IdRun, StoreError> {
    let mut entries: Vec<Entry> = Vec::new();
    for (first, parts) in runs {
        for part in 0..parts {
            let bytes = store.id_run_part(project, first, part).await?;
            let bytes = bytes.ok_or_else(|| StoreError::Damaged(format!("part {part} of an id run is missing")))?;
            entries.extend(run::entries(&bytes, first)?);
        }
    }
    let project = project.clone();
    let built = tokio::task::spawn_blocking(move || run::build(project, extent, entries)).await;
    built.map_err(|e| StoreError::Failed(Box::new(e)))?
}

impl Window {
    /// Reads the window of a project back; also says when its last event was received.
    pub(crate) async fn load(
        shared: &Shared,
        project: &ProjectId,
        head: Position,
    ) -> Result<(Self, Timestamp), StoreError> {
        let mut window = Self::default();
        for head in shared.store.id_run_heads(project).await? {
            let extent = Extent { first: head.first, last: head.last, newest: head.newest, level: head.level };
            match run::decode_filter(&head.filter) {
                Ok(filter) => window.runs.push(Run { extent, parts: head.parts, filter }),
                Err(error) => tracing::error!(%error, %project, first = head.first.0, "an id run is passed over"),
            }
        }
        let covered = window.runs.last().map_or(Position::ZERO, |run| run.extent.last);
        let mut received_at = window.runs.last().map_or(Timestamp::EPOCH, |run| run.extent.newest);
        let mut from = covered.next();
        while from <= head {
            let mut spans = shared.store.spans(project, from, head, Order::Ascending, 256).await?;
            let mut bytes = 0;
            spans.truncate(spans.iter().take_while(|s| add(&mut bytes, s) <= LOAD_BYTES).count().max(1));
            let Some(last) = spans.last() else { break };
            let next = last.last().next();
            for batch in ids_of(shared, &spans).await? {
                let ids = batch.column(1).as_string::<i32>();
                for (seq, id) in batch.column(0).as_primitive::<UInt64Type>().values().iter().zip(ids.iter().flatten())
                {
                    if *seq >= from.0 {
                        window.insert(hash_id(id), Position(*seq));
                    }
                }
                let times = batch.column(2).as_primitive::<Int64Type>().values();
                received_at = times.last().and_then(|n| Timestamp::from_nanos(*n)).unwrap_or(received_at);
            }
            from = next;
        }
        Ok((window, received_at))
    }
}

/// Positions, ids and times of receipt of the spans. One that cannot be read is passed over: storing an event twice is better
/// than refusing all.
async fn ids_of(shared: &Shared, spans: &[Span]) -> Result<Vec<RecordBatch>, StoreError> {
    const COLUMNS: [usize; 3] = [columns::SEQ, columns::EVENT_ID, columns::RECEIVED_AT];
    match shared.reader.uncached(spans, &COLUMNS).await {
        Err(StoreError::Damaged(_)) => {}
        read => return read,
    }
    let mut batches = Vec::with_capacity(spans.len());
    for span in spans {
        match shared.reader.uncached(std::slice::from_ref(span), &COLUMNS).await {
            Ok(read) => batches.extend(read),
            Err(StoreError::Damaged(what)) => tracing::error!(
                what,
                project = %span.project,
                first = span.first.0,
                last = span.last().0,
                "these events cannot be read; repetitions of them are not recognised"
            ),
            Err(error) => return Err(error),
        }
    }
    Ok(batches)
}

fn add(bytes: &mut u64, span: &Span) -> u64 {
    *bytes += u64::from(span.blob_bytes);
    *bytes
}
