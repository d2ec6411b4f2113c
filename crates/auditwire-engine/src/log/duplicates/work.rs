//! The work on windows that runs beside the commits: loading, building runs, merging them, expiring them.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use auditwire_model::event::columns;
use auditwire_model::{Position, ProjectId, Timestamp};
use std::sync::Arc;
use tokio::sync::mpsc;

use super::run::{self, Entry, Extent};
use super::{Run, Window, hash_id};
use crate::log::Shared;
use crate::store::{IdRun, Order, Place, Span, Store, StoreError};
use crate::tasks::{Task, Tasks};

/// Most bytes of blobs read at once when a window is loaded.
const LOAD_BYTES: u64 = 4 << 20;

/// Runs being built, and those that wait for a commit.
#[derive(Debug)]
pub(crate) struct Work {
    finish: mpsc::UnboundedSender<Finished>,
    finished: mpsc::UnboundedReceiver<Finished>,
    built: Vec<IdRun>,
}

/// What became of a run of a project. Each that is begun comes to its end here, also by a panic: else its project would
/// wait for it for ever, and keep its ids in memory.
type Finished = (ProjectId, Result<IdRun, StoreError>);

impl Default for Work {
    fn default() -> Self {
        let (finish, finished) = mpsc::unbounded_channel();
        Self { finish, finished, built: Vec::new() }
    }
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
        let (tasks, finish) = (shared.tasks.clone(), self.finish.clone());
        if let Some((extent, entries)) = window.freeze(full, head, newest) {
            let project = project.clone();
            let build = build(&tasks, project.clone(), extent, entries);
            // Nobody waits for these tasks but whoever collects what they send.
            drop(shared.tasks.spawn(Task::Ids, async move { finish.send((project, build.await)) }));
        } else if let Some((extent, runs)) = window.mergeable(shared.settings.duplicate_events) {
            window.busy = true;
            let (project, store) = (project.clone(), Arc::clone(&shared.store));
            drop(shared.tasks.spawn(Task::Ids, async move {
                let merged = tasks.caught(Task::Ids, merge(store, &tasks, &project, extent, runs)).await;
                finish.send((project, merged.unwrap_or_else(|panicked| Err(StoreError::Failed(Box::new(panicked))))))
            }));
        }
    }

    /// Collects what was built meanwhile. Returns the projects whose run could not be built.
    pub(crate) fn collect(&mut self) -> Vec<ProjectId> {
        let mut failed = Vec::new();
        while let Ok((project, done)) = self.finished.try_recv() {
            match done {
                Ok(run) => self.built.push(run),
                Err(error) => {
                    tracing::error!(%error, %project, "an id run could not be built; its ids stay in memory");
                    failed.push(project);
                }
            }
        }
        failed
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

/// Begins to build a run at once.
fn build(
    tasks: &Tasks,
    project: ProjectId,
    extent: Extent,
    entries: Vec<Entry>,
) -> impl Future<Output = Result<IdRun, StoreError>> + Send + use<> {
    let built = tasks.clone().blocking(Task::Ids, {
        let tasks = tasks.clone();
        move || {
            tasks.reach("ids", project.as_str());
            run::build(project, extent, entries)
        }
    });
    async move { built.await.unwrap_or_else(|panicked| Err(StoreError::Failed(Box::new(panicked)))) }
}

async fn merge(
    store: Arc<dyn Store>,
    tasks: &Tasks,
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
    build(tasks, project.clone(), extent, entries).await
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
            // Known, and told by a trouble of its own.
            Err(StoreError::Damaged(_)) if is_gap(shared, span).await? => {}
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

async fn is_gap(shared: &Shared, span: &Span) -> Result<bool, StoreError> {
    let Place::Segment(id) = span.place else { return Ok(false) };
    Ok(shared.store.segment(id).await?.is_some_and(|segment| segment.is_gap()))
}

fn add(bytes: &mut u64, span: &Span) -> u64 {
    *bytes += u64::from(span.blob_bytes);
    *bytes
}
