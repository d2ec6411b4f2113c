//! The Event log: committing, the tail in memory, and the one way to read ([`Log::scan`]).

pub mod accounts;
mod blob;
mod check;
mod commit;
mod conflicts;
mod disk;
mod duplicates;
mod error;
mod folder;
#[doc(hidden)]
pub mod foreign;
mod groups;
mod guarded;
mod merge;
mod plan;
mod quota;
mod reader;
pub(crate) mod retention;
mod same;
mod scan;
mod seal;
pub(crate) mod segment;
mod stats;
mod submission;
mod sweep;
mod tail;
#[cfg(test)]
pub(crate) mod tests;
mod times;
mod upkeep;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::RecordBatch;
use auditwire_model::event::{Columns, EventLimits};
use auditwire_model::query::Expr;
use auditwire_model::{Clock, Position, ProjectId, Timestamp};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::ObjectStore;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use crate::error::Result;
use crate::readiness::Readiness;
use crate::store::{Order, Store, StoreError};
use crate::tasks::{Faults, Task, Tasks};
use accounts::Start;
pub use blob::group_positions;
use commit::Pending;
pub(crate) use conflicts::{Conflict, Conflicts, Senders};
pub use disk::{Disk, Room, Space};
use duplicates::Parts;
pub(crate) use error::store_damaged;
pub use folder::{Folder, Stop};
use guarded::Guarded;
use quota::Quotas;
pub(crate) use quota::Taken;
pub use quota::{QuotaSettings, QuotaUse, QuotaUses};
use reader::Reader;
pub use retention::{Floor, Retention, RetentionRule};
use segment::Segments;
use stats::Counters;
pub use stats::{COMMIT_BUCKETS, LogStats, SealStats};
pub(crate) use submission::event_weight;
pub use submission::{Answer, Receipt, Submission};
pub use sweep::segment_number;
use tail::Tail;
pub use times::{ClockState, TrustRule};
use times::{Moment, Times};
use upkeep::{Fresh, Upkeep};

/// Limits of the log. Configuration; the defaults are the product's.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Most bytes of drafts in one group. Default 4 MiB.
    pub group_bytes_max: usize,
    /// Most events in one group. Default 16,384.
    pub group_events_max: usize,
    /// Submitted but uncommitted bytes before intake answers 503. Default 64 MiB.
    pub queue_bytes_max: usize,
    /// Memory of the tail. Default 64 MiB.
    pub tail_bytes_max: usize,
    /// Live tails of one project at once. Default 32.
    pub tails_max: usize,
    /// Age up to which a repeated id is recognised. Default 24 h.
    pub duplicate_window: std::time::Duration,
    /// Events per project up to which a repeated id is recognised, whichever reaches further. Default 1,048,576.
    pub duplicate_events: u64,
    /// Ids of one project held in a map before they become a run. Default 98,304: a map with that many and one more group
    /// stays below its next doubling (2.2 MB).
    pub duplicate_map_ids: usize,
    /// Ids of all projects held in maps. Default 1,048,576.
    pub duplicate_map_ids_total: usize,
    /// When events are sealed and segments merged.
    pub seal: SealSettings,
    /// How long events are kept.
    pub retention: RetentionRule,
    /// What each project may use.
    pub quota: QuotaSettings,
    /// Tells how full the volume is; `None`: nobody looks.
    pub disk: Option<Arc<dyn Disk>>,
    /// How often it is looked at. Default 10 s.
    pub disk_every: std::time::Duration,
    /// Tells whether the folder of the log is still there and this process's own; `None`: nobody looks.
    pub folder: Option<Arc<dyn Folder>>,
    /// How often it is looked at, beside each answer. Default 2 s.
    pub folder_every: std::time::Duration,
    /// Bytes of filters of all projects before those of idle projects leave memory. Default 64 MiB.
    pub duplicate_filter_bytes_max: usize,
    /// What an event from outside may be; what the log makes of one stays within it.
    pub event: EventLimits,
    /// Where tests make tasks panic. Default: nowhere.
    pub faults: Faults,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            group_bytes_max: 4 << 20,
            group_events_max: 16_384,
            queue_bytes_max: 64 << 20,
            tail_bytes_max: 64 << 20,
            tails_max: 32,
            duplicate_window: std::time::Duration::from_secs(24 * 3600),
            duplicate_events: 1 << 20,
            duplicate_map_ids: 98_304,
            duplicate_map_ids_total: 1 << 20,
            duplicate_filter_bytes_max: 64 << 20,
            seal: SealSettings::default(),
            retention: RetentionRule::default(),
            quota: QuotaSettings::default(),
            disk: None,
            disk_every: std::time::Duration::from_secs(10),
            folder: None,
            folder_every: folder::EVERY,
            event: EventLimits::default(),
            faults: Faults::default(),
        }
    }
}

/// When fresh events become a segment, and segments one larger segment.
#[derive(Debug, Clone)]
pub struct SealSettings {
    /// Fresh events of all projects that are sealed at once, and the most of one new segment. Default 131,072: one row
    /// group.
    pub rows: u64,
    /// Bytes of blobs that are sealed at once, whatever the number of events; the sealer holds so much in memory.
    /// Default 64 MiB.
    pub bytes: u64,
    /// Spans that are sealed at once: small commits make many. Default 8,192.
    pub spans: u64,
    /// Age of the oldest fresh event at which [`few`](Self::few) or more are sealed; fewer wait six times as long.
    /// Default 10 min.
    pub after: std::time::Duration,
    /// See [`after`](Self::after). Default 1,024.
    pub few: u64,
    /// Segments of one level that become one of the next. Default 8.
    pub merged: usize,
    /// Most rows of a segment made by merging. Default 1,048,576.
    pub merged_rows: u64,
    /// How long the file of a segment that was replaced or has expired stays for those that still read it. Default 5 min.
    pub grace: std::time::Duration,
}

impl Default for SealSettings {
    fn default() -> Self {
        Self {
            rows: 131_072,
            bytes: 64 << 20,
            spans: 8192,
            after: std::time::Duration::from_secs(600),
            few: 1024,
            merged: 8,
            merged_rows: 1 << 20,
            grace: std::time::Duration::from_secs(300),
        }
    }
}

/// A question to the log.
#[derive(Debug, Clone)]
pub struct Scan {
    /// Whose log.
    pub project: ProjectId,
    /// First position wanted.
    pub from: Position,
    /// Last position wanted.
    pub to: Position,
    /// Only events with `time_from <= timestamp`.
    pub time_from: Option<Timestamp>,
    /// Only events with `timestamp < time_to`.
    pub time_to: Option<Timestamp>,
    /// Which events.
    pub predicate: Expr,
    /// Which way.
    pub order: Order,
    /// Stop after so many matches.
    pub limit: Option<usize>,
    /// What the caller reads of the events. Other columns may be blank (nulls, empty texts, zeros); the digest of sealed
    /// events always is.
    pub columns: Columns,
    /// Texts of `columns` may come as numbers into a dictionary (`Dictionary(Int32, Utf8)`), in batches of up to 131,072
    /// rows: quicker for one who counts them.
    pub numbered: bool,
}

/// A piece of an answer: matching rows in the scan's order, and how far the scan has come (also when nothing matched).
#[derive(Debug, Clone)]
pub struct Scanned {
    /// Matching rows, in order.
    pub batch: RecordBatch,
    /// Every position up to here (in the scan's direction) has been decided, but for [`damage`](Self::damage).
    pub through: Position,
    /// Events that are in the log and could not be read. The scan goes on behind them.
    pub damage: Option<Damage>,
    /// What this piece took to read.
    pub read: ScanStats,
}

/// A [`Scanned`] whose batch has been made into something else.
#[derive(Debug, Clone)]
pub struct Mapped<T> {
    /// What the batch was made into; `None` when nothing matched.
    pub value: Option<T>,
    /// Rows of the batch.
    pub rows: usize,
    /// As in [`Scanned`].
    pub through: Position,
    /// As in [`Scanned`].
    pub damage: Option<Damage>,
    /// As in [`Scanned`].
    pub read: ScanStats,
}

/// Events that could not be read: the file of their segment is damaged or missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// First position concerned.
    pub from: Position,
    /// Last position concerned.
    pub to: Position,
    /// Name of the segment's file.
    pub segment: String,
    /// What is wrong with it.
    pub detail: String,
}

/// What a scan read, so that tests and metrics can bound it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanStats {
    /// Groups that rows were taken from.
    pub groups_read: u64,
    /// Units of segments (some pages of a row group each) that were filtered.
    pub segments_read: u64,
    /// Row groups of segments, of which anything was read; one that is read for filtering and again for the rows counts
    /// twice.
    pub row_groups_read: u64,
    /// Their pages, dictionaries and filters.
    pub pages_read: u64,
    /// Bytes of groups and pages.
    pub bytes_read: u64,
    /// Rows looked at; rows of segments that were excluded without decoding do not count.
    pub rows_read: u64,
}

/// The Event log. Cheap to clone; all clones are the same log.
#[derive(Debug, Clone)]
pub struct Log {
    shared: Arc<Shared>,
    queue: mpsc::UnboundedSender<Pending>,
}

/// Why a log takes nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was closed.
    Closed,
    /// The store can no longer be trusted (a sync failed, or it cannot be read back): the process must end and start
    /// anew.
    Failed,
    /// Its folder is gone, or another one has its name.
    Gone,
    /// Another process has opened the store.
    Rival,
}

/// What all clones, the committer and the readers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    /// The same, and whether it takes writes.
    guarded: Arc<Guarded>,
    /// Reads sealed events.
    pub(crate) segments: Segments,
    /// Where the files of segments lie.
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: LogSettings,
    pub(crate) reader: Reader,
    parts: Parts,
    pub(crate) tail: RwLock<Tail>,
    pub(crate) heads: RwLock<HashMap<ProjectId, watch::Sender<Position>>>,
    /// First position that has not expired, where it is not the first of all.
    pub(crate) first_kept: RwLock<HashMap<ProjectId, Position>>,
    /// Live tails per project, by the permits that are left.
    tails: Mutex<HashMap<ProjectId, Arc<Semaphore>>>,
    pub(crate) counters: Counters,
    /// What is not sealed yet.
    pub(crate) fresh: Fresh,
    pub(crate) guard: disk::Guard,
    pub(crate) quotas: Quotas,
    pub(crate) tasks: Tasks,
    pub(crate) readiness: Readiness,
    pub(crate) upkeep: Mutex<Upkeep>,
    pub(crate) closing: watch::Sender<bool>,
    pub(crate) ended: watch::Sender<Option<Ended>>,
    /// Why the log stopped by itself.
    stop: folder::Stopping,
    conflicts: Conflicts,
    pub(crate) times: Times,
}

impl Log {
    /// Opens the log and starts its committer, which ends when the last `Log` is dropped or [`Log::close`] is called.
    ///
    /// # Errors
    /// When the store cannot be read; `segments_without_store` when it is empty and files of events lie beside it.
    pub async fn open(
        store: Arc<dyn Store>,
        objects: Arc<dyn ObjectStore>,
        clock: Arc<dyn Clock>,
        settings: LogSettings,
    ) -> Result<Self> {
        let readiness = Readiness::default();
        let guarded = Arc::new(Guarded::new(store, readiness.clone()));
        let store: Arc<dyn Store> = Arc::<Guarded>::clone(&guarded);
        let segments = Segments::new(Arc::clone(&objects));
        // Before anything gets a position.
        let found = Start::new(&store, &objects, &segments, &*clock, &readiness).settle().await?;
        let (heads, last_group) = store.heads().await.map_err(error::read)?;
        let first_kept = heads.iter().map(|head| (head.project.clone(), head.first)).collect();
        let heads = heads.into_iter().map(|head| (head.project, watch::Sender::new(head.last))).collect();
        let tasks = Tasks::new(settings.faults.clone());
        let now = Moment { wall: clock.now(), monotonic: clock.monotonic() };
        let times = Times::open(&*store, settings.retention.trust, now).await?;
        let shared = Arc::new(Shared {
            reader: Reader::new(Arc::clone(&store), segments.clone()),
            segments,
            tail: RwLock::new(Tail::new(settings.tail_bytes_max)),
            heads: RwLock::new(heads),
            first_kept: RwLock::new(first_kept),
            tails: Mutex::default(),
            counters: Counters::default(),
            closing: watch::Sender::new(false),
            ended: watch::Sender::new(None),
            stop: watch::Sender::new(None),
            fresh: Fresh::default(),
            guard: disk::Guard::default(),
            quotas: Quotas::default(),
            tasks,
            readiness,
            guarded,
            upkeep: Mutex::default(),
            parts: Parts::new(Arc::clone(&store)),
            store,
            objects,
            clock,
            settings,
            conflicts: Conflicts::default(),
            times,
        });
        shared.begin_time().await?;
        shared.load_quotas().await?;
        let (queue, pending) = mpsc::unbounded_channel();
        upkeep::start(&shared, &queue, &found).await?;
        disk::start(&shared, &queue);
        folder::start(&shared);
        check::start(&shared);
        let committer = commit::Committer::new(Arc::clone(&shared), pending, last_group);
        shared.tasks.vital(Task::Committer, committer.run());
        let log = Self { shared, queue };
        found.tell(&log, log.shared.clock.now()).await;
        Ok(log)
    }

    /// What runs beside its callers, here and in all that works with this log.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        &self.shared.tasks
    }

    /// The store as everything that works with this log must use it: what its answers tell of damage is noticed.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.shared.store
    }

    /// What is wrong with the log, and with the service.
    #[must_use]
    pub fn readiness(&self) -> &Readiness {
        &self.shared.readiness
    }

    /// Commits; the answer means "on disk".
    ///
    /// # Errors
    /// `conflict` when an expectation failed, `storage_full` and `overloaded` (nothing was taken, try again), `closing`;
    /// `store_damaged`, `storage_gone` and `storage_rival` once the log has stopped; `storage_failed` when the result is not known.
    pub async fn submit(&self, submission: Submission) -> Result<Receipt> {
        self.enqueue(submission)?.receipt().await
    }

    /// Resolves when the committer has come to this question, which costs no commit, or has ended. However much is queued, it
    /// is asked.
    pub async fn answers(&self) {
        let (answer, answered) = oneshot::channel();
        if self.queue.send(Pending::new(Submission::default(), None, answer)).is_ok() {
            // Dropped without an answer: it has ended.
            let _ = answered.await;
        }
    }

    /// Commits of this process so far.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.shared.counters.commits.load(Ordering::Relaxed)
    }

    /// Hands over what is to be committed; what one caller enqueues is committed in this order.
    ///
    /// # Errors
    /// `overloaded` (nothing was taken, try again), `closing`, `storage_gone`, `storage_rival`.
    pub fn enqueue(&self, submission: Submission) -> Result<Answer> {
        self.shared.check_going()?;
        self.shared.guarded.check()?;
        if *self.shared.closing.borrow() {
            return Err(error::closing());
        }
        let (answer, answered) = oneshot::channel();
        let pending = Pending::new(submission, None, answer);
        let bytes = pending.weight();
        let queued = &self.shared.counters.queue_bytes;
        if queued.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > self.shared.settings.queue_bytes_max {
            queued.fetch_sub(bytes, Ordering::Relaxed);
            return Err(error::overloaded());
        }
        if let Err(refused) = self.queue.send(Pending { bytes, ..pending }) {
            queued.fetch_sub(refused.0.bytes, Ordering::Relaxed);
            return Err(error::closing());
        }
        Ok(Answer(answered))
    }

    /// Ids that came twice and were not told yet.
    pub(crate) fn conflicts(&self) -> &Conflicts {
        &self.shared.conflicts
    }

    /// Last committed position of a project.
    #[must_use]
    pub fn head(&self, project: &ProjectId) -> Position {
        self.shared.head(project)
    }

    /// First position of a project that is kept: what comes before has expired.
    #[must_use]
    pub fn first_kept(&self, project: &ProjectId) -> Position {
        self.shared.first_kept(project)
    }

    /// Follows the last committed position of a project; also wakes delivery.
    #[must_use]
    pub fn follow(&self, project: &ProjectId) -> watch::Receiver<Position> {
        if let Some(head) = self.shared.heads.read().get(project) {
            return head.subscribe();
        }
        self.shared.heads.write().entry(project.clone()).or_default().subscribe()
    }

    /// The one way to read events. Batches are bounded (at most 8,192 rows, about 4 MiB); nothing is held open between
    /// them. Ends at what was committed when the scan began.
    #[must_use]
    pub fn scan(&self, scan: Scan) -> BoxStream<'static, Result<Scanned>> {
        scan::stream(Arc::clone(&self.shared), scan)
    }

    /// The same with `map` applied to every batch on the threads that decode, several at once; the answers come in order.
    #[must_use]
    pub fn scan_map<T: Send + 'static>(
        &self,
        scan: Scan,
        map: Arc<dyn Fn(RecordBatch) -> T + Send + Sync>,
    ) -> BoxStream<'static, Result<Mapped<T>>> {
        scan::mapped(Arc::clone(&self.shared), scan, map)
    }

    /// How many events a scan matches.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn count(&self, scan: Scan) -> Result<u64> {
        let mut pieces = self.scan(scan);
        let mut count = 0;
        while let Some(piece) = pieces.next().await {
            count += piece?.batch.num_rows() as u64;
        }
        Ok(count)
    }

    /// One event, as a batch of one row.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn event(&self, project: &ProjectId, at: Position) -> Result<Option<RecordBatch>> {
        self.shared.event(project, at).await.map_err(error::read)
    }

    /// A place among the live tails of a project; `None` when all are taken. It is given back on drop.
    pub(crate) fn tail_permit(&self, project: &ProjectId) -> Option<OwnedSemaphorePermit> {
        let mut tails = self.shared.tails.lock();
        // Projects without tails are forgotten, so that the map does not grow.
        tails.retain(|_, permits| permits.available_permits() < self.shared.settings.tails_max);
        let new = || Arc::new(Semaphore::new(self.shared.settings.tails_max));
        Arc::clone(tails.entry(project.clone()).or_insert_with(new)).try_acquire_owned().ok()
    }

    /// Resolves when the log has ended: because it was closed, or because the store can no longer be trusted.
    pub async fn ended(&self) -> Ended {
        let mut ended = self.shared.ended.subscribe();
        let ended = ended.wait_for(Option::is_some).await.ok().and_then(|e| *e);
        ended.unwrap_or(Ended::Closed)
    }

    /// Refuses new submissions, finishes those under way, and ends the committer. What is being sealed stays fresh.
    pub async fn close(&self) {
        self.note_usage().await;
        self.shared.closing.send_replace(true);
        self.ended().await;
        let beside = [self.shared.upkeep.lock().task.take(), self.shared.guard.task()];
        for task in beside.into_iter().flatten() {
            // One that panicked is a death, which has been told.
            let _ = task.await;
        }
    }

    /// Seals everything that is fresh, whatever its age, merges what can be merged and removes what nobody needs. What
    /// happens by itself in time: for tests and benchmarks.
    ///
    /// # Errors
    /// When the store or the folder of segments fails; `closing`.
    pub async fn seal_now(&self) -> Result<()> {
        self.look_at_volume().await?;
        let (answer, answered) = oneshot::channel();
        self.shared.upkeep.lock().asked.push(answer);
        self.shared.fresh.asked.notify_one();
        tokio::select! {
            answer = answered => answer.unwrap_or_else(|_| Err(error::closing())),
            _ = self.ended() => Err(error::closing()),
            _ = self.shared.tasks.death() => Err(error::closing()),
        }
    }
}

impl Shared {
    pub(crate) fn head(&self, project: &ProjectId) -> Position {
        self.heads.read().get(project).map_or(Position::ZERO, |head| *head.borrow())
    }

    /// First position of a project that is kept. A scan clamps its range to it, and asks again when a span is missing:
    /// events may expire while it runs.
    pub(crate) fn first_kept(&self, project: &ProjectId) -> Position {
        self.first_kept.read().get(project).copied().unwrap_or(Position(1))
    }

    /// One committed event.
    pub(crate) async fn event(&self, project: &ProjectId, at: Position) -> Result<Option<RecordBatch>, StoreError> {
        if at == Position::ZERO || at > self.head(project) {
            return Ok(None);
        }
        if let Some(piece) = self.tail.read().find(project, at) {
            let row = usize::try_from(at.0 - piece.first.0).unwrap_or(usize::MAX);
            return Ok(Some(piece.batch.slice(row, 1)));
        }
        self.reader.event(project, at).await
    }
}
