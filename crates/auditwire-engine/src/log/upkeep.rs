//! What the log does for itself, in one task beside everything else: it seals fresh events, merges segments, lets events
//! end, and removes what nobody needs any more. A failure is told, and tried again later; nothing is lost by it, because
//! rows go only with the commit that names their new place.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use object_store::ObjectStoreExt as _;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::accounts::{Accounts, Found};
use super::commit::{Pending, Step};
use super::sweep::Leftovers;
use super::{Room, Shared, Submission, error};
use crate::error::Result;
use crate::readiness::Trouble;
use crate::store::{Expire, GroupId, Seal, SegmentId, Span};
use crate::tasks::Task;

/// How often the age of fresh events and of kept ones is looked at.
const TICK: Duration = Duration::from_secs(10);
/// How often the files of segments are counted.
const LOOK: Duration = Duration::from_secs(60);
/// When no round has ended well for so long, people are told: the largest merges take a minute or two.
const STALLED_AFTER: Duration = Duration::from_secs(600);
/// After a failure the next attempt is made after this long, and after twice as long each time it fails again.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Bytes of blobs removed in one commit, so that no commit of events waits long for it.
const DROPPED_BYTES: u64 = 4 << 20;
/// What holds nothing and stays in the data file for the next groups, and how much is given back at once.
const FREE_BYTES: u64 = 16 << 20;
const SHRUNK_BYTES: u64 = 1 << 20;

/// The task and those who wait for it.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    pub(super) task: Option<JoinHandle<()>>,
    /// Told when everything is sealed.
    pub(super) asked: Vec<oneshot::Sender<Result<()>>>,
}

/// Counts what is not sealed.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    rows: AtomicU64,
    bytes: AtomicU64,
    spans: AtomicU64,
    /// When the oldest of them came, as far as this process knows, by the monotonic clock.
    since: Mutex<Option<Duration>>,
    /// Wakes the task when there is much to seal.
    wake: Notify,
    /// Wakes it because somebody asked.
    pub(super) asked: Notify,
}

impl Fresh {
    /// A group was committed.
    pub(super) fn committed(&self, rows: usize, bytes: usize, spans: usize, shared: &Shared) {
        let before = self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.spans.fetch_add(spans as u64, Ordering::Relaxed);
        if before == 0 {
            *self.since.lock() = Some(shared.clock.monotonic());
        }
        if self.is_much(shared) {
            self.wake.notify_one();
        }
    }

    fn add(&self, spans: &[Span], now: Duration) {
        let groups: HashMap<_, _> = spans.iter().map(|span| (span.place, u64::from(span.blob_bytes))).collect();
        self.rows.fetch_add(spans.iter().map(|span| u64::from(span.rows)).sum(), Ordering::Relaxed);
        self.bytes.fetch_add(groups.values().sum(), Ordering::Relaxed);
        self.spans.fetch_add(spans.len() as u64, Ordering::Relaxed);
        *self.since.lock() = (!spans.is_empty()).then_some(now);
    }

    /// Spans were sealed.
    pub(super) fn sealed(&self, spans: &[Span], now: Duration) {
        let groups: HashMap<_, _> = spans.iter().map(|span| (span.place, u64::from(span.blob_bytes))).collect();
        let less = |counter: &AtomicU64, by: u64| {
            let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(n.saturating_sub(by)));
        };
        less(&self.rows, spans.iter().map(|span| u64::from(span.rows)).sum());
        less(&self.bytes, groups.values().sum());
        less(&self.spans, spans.len() as u64);
        *self.since.lock() = (self.rows() > 0).then_some(now);
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Bytes of the groups that are not sealed.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn is_much(&self, shared: &Shared) -> bool {
        let settings = &shared.settings.seal;
        self.rows() >= settings.rows
            || self.bytes() >= settings.bytes
            || self.spans.load(Ordering::Relaxed) >= settings.spans
    }

    fn is_old(&self, shared: &Shared) -> bool {
        let settings = &shared.settings.seal;
        let wait = if self.rows() >= settings.few { settings.after } else { settings.after * 6 };
        self.rows() > 0 && self.since.lock().is_some_and(|since| shared.clock.monotonic().saturating_sub(since) >= wait)
    }
}

impl Shared {
    /// Events ended with a commit.
    pub(super) fn expired(&self, expired: &[Expire]) {
        for Expire { project, through } in expired {
            self.first_kept.write().insert(project.clone(), through.next());
        }
    }
}

/// Starts the task. It ends with the log.
pub(super) async fn start(shared: &Arc<Shared>, queue: &mpsc::UnboundedSender<Pending>, found: &Found) -> Result<()> {
    let spans = shared.store.fresh(super::seal::SPANS_READ).await.map_err(error::read)?;
    shared.fresh.add(&spans, shared.clock.monotonic());
    let queue = queue.downgrade();
    let keeper = Keeper {
        shared: Arc::clone(shared),
        queue,
        unmergeable: BTreeSet::new(),
        leftovers: Leftovers::default(),
        events_seen: 0,
        droppable: None,
        held_counted: None,
        last_segment: SegmentId(found.last_number),
        missing: found.missing.clone(),
        looked: Instant::now(),
    };
    let mut closing = shared.closing.subscribe();
    let mut ended = shared.ended.subscribe();
    let task = shared.tasks.vital(Task::Upkeep, async move {
        tokio::select! {
            never = keeper.run() => match never {},
            _ = closing.wait_for(|closing| *closing) => {}
            _ = ended.wait_for(Option::is_some) => {}
        }
        Ok(())
    });
    shared.upkeep.lock().task = Some(task);
    Ok(())
}

/// Commits what the log does for itself, with events and changes. Whoever waits here does not keep the log open.
pub(super) async fn commit(
    queue: &mpsc::WeakUnboundedSender<Pending>,
    step: Option<Step>,
    submission: Submission,
) -> Result<()> {
    let Some(queue) = queue.upgrade() else { return Err(error::closing()) };
    let (answer, answered) = oneshot::channel();
    if queue.send(Pending::new(submission, step, answer)).is_err() {
        return Err(error::closing());
    }
    drop(queue);
    answered.await.unwrap_or_else(|_| Err(error::ended())).map(drop)
}

/// The task's own state. Everything in it can be lost.
pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    queue: mpsc::WeakUnboundedSender<Pending>,
    /// Segments that could not be read: they stay as they are.
    pub(super) unmergeable: BTreeSet<SegmentId>,
    /// Files that no row names.
    pub(super) leftovers: Leftovers,
    /// Events committed when the last round ended.
    events_seen: u64,
    /// Groups up to this one are sealed, and may still be there; `None` before that was looked for.
    pub(super) droppable: Option<GroupId>,
    /// The highest number a segment was given.
    pub(super) last_segment: SegmentId,
    /// When the events were counted that a clock that is not believed would end, by the monotonic clock.
    pub(super) held_counted: Option<Duration>,
    /// Segments whose files are not there.
    pub(super) missing: BTreeSet<SegmentId>,
    /// When the files were looked at last.
    looked: Instant,
}

impl Keeper {
    async fn run(mut self) -> Infallible {
        let mut failures = 0;
        let what = "sealing, merging and retention have not come to an end";
        let pulse = self.shared.readiness.pulse(Trouble::UpkeepStalled, what, STALLED_AFTER);
        loop {
            let asked = std::mem::take(&mut self.shared.upkeep.lock().asked);
            let all = !asked.is_empty();
            let done = self.round(all).await;
            self.shared.counters.upkeep_done(done.is_err());
            let wait = match &done {
                Ok(()) => {
                    pulse.beat();
                    failures = 0;
                    TICK
                }
                Err(error) => {
                    tracing::warn!(%error, source = ?error.source, "sealing or merging failed; it is tried again");
                    // Whether a commit happened may not be known: what can go is looked for anew.
                    self.look_for_leftovers();
                    self.droppable = None;
                    failures += 1;
                    (BACKOFF.0 * (1 << (failures - 1).min(6))).min(BACKOFF.1)
                }
            };
            if all {
                let answer = |done: &Result<()>| done.as_ref().map_err(error::copy).copied();
                asked.into_iter().for_each(|asked| drop(asked.send(answer(&done))));
            }
            self.wait(wait, failures > 0).await;
        }
    }

    /// Waits for the next round. After a failure only time helps; what arrives meanwhile, and a disk that is still full, must
    /// not make it try at once.
    async fn wait(&mut self, wait: Duration, failed: bool) {
        let (shared, until) = (Arc::clone(&self.shared), Instant::now() + wait);
        while shared.upkeep.lock().asked.is_empty() {
            tokio::select! {
                () = shared.fresh.asked.notified() => {}
                () = shared.fresh.wake.notified(), if !failed => return,
                () = tokio::time::sleep_until(until) => return,
            }
        }
    }

    /// One round: everything that is due, once.
    async fn round(&mut self, all: bool) -> Result<()> {
        // In a folder that took this one's place, files of the same names may be somebody's last copy.
        self.shared.check_folder()?;
        self.look_at_files().await?;
        self.sweep().await?;
        let fresh = |keeper: &Self| {
            let fresh = &keeper.shared.fresh;
            fresh.is_much(&keeper.shared) || fresh.is_old(&keeper.shared) || (all && fresh.rows() > 0)
        };
        while fresh(self) {
            self.shared.tasks.reach("upkeep", "");
            if !self.seal().await? {
                break;
            }
            self.drop_groups().await?;
        }
        // A merge needs room before it gives some back.
        while self.shared.guard.room() != Room::None && self.merge().await? {}
        self.drop_groups().await?;
        self.expire().await?;
        self.quotas().await?;
        self.shared.check_folder()?;
        self.sweep().await?;
        self.shrink(all).await
    }

    /// Looks now and then whether the files of all segments are there.
    async fn look_at_files(&mut self) -> Result<()> {
        if self.looked.elapsed() < LOOK {
            return Ok(());
        }
        self.looked = Instant::now();
        let accounts = Accounts::look(&*self.shared.store, &*self.shared.objects).await?;
        accounts.tell_missing(&self.shared.readiness);
        let missing: BTreeSet<SegmentId> = accounts.missing.iter().map(|(id, _)| *id).collect();
        // What is back can be merged again.
        self.unmergeable.retain(|id| missing.contains(id) || !self.missing.contains(id));
        self.missing = missing;
        Ok(())
    }

    /// Commits a step.
    pub(super) async fn commit(&self, step: Step, submission: Submission) -> Result<()> {
        commit(&self.queue, Some(step), submission).await
    }

    /// Commits a segment whose file is on disk. When the commit fails, which happens above all where room is wanting, the file
    /// goes at once.
    pub(super) async fn commit_segment(&self, seal: Seal) -> Result<()> {
        let (id, name) = (seal.segment.id, seal.segment.name.clone());
        let done = self.commit(Step { seal: Some(seal), ..Step::default() }, Submission::default()).await;
        // Some failures come after the commit: the store knows.
        if done.is_err() && matches!(self.shared.store.segment(id).await, Ok(None)) {
            // What is left now is swept later.
            let _ = self.shared.objects.delete(&name.into()).await;
        }
        done
    }

    /// Removes the blobs of sealed groups in small steps.
    async fn drop_groups(&mut self) -> Result<()> {
        let store = &self.shared.store;
        if self.droppable.is_none() {
            // After a start: everything before the oldest group that a span names. The last group is asked for first: one that
            // is committed between the two questions must not pass for sealed because it was not fresh yet.
            let last = store.heads().await.map_err(error::read)?.1;
            let oldest = store.fresh(1).await.map_err(error::read)?;
            self.droppable = match oldest.first().map(|span| span.place) {
                Some(crate::store::Place::Group(id)) => Some(GroupId(id.0.saturating_sub(1))),
                _ => last,
            };
        }
        let Some(through) = self.droppable else { return Ok(()) };
        loop {
            let sizes = store.oldest_groups(through, 64).await.map_err(error::read)?;
            let mut bytes = 0;
            let step = sizes.iter().take_while(|(_, size)| {
                let fits = bytes == 0 || bytes + size <= DROPPED_BYTES;
                bytes += size;
                fits
            });
            let Some((last, _)) = step.last() else { return Ok(()) };
            let step = Step { drop_groups: Some(*last), ..Step::default() };
            self.commit(step, Submission::default()).await?;
        }
    }

    /// Gives back room when nothing else is to be done: while events come, the next groups use it again.
    async fn shrink(&mut self, all: bool) -> Result<()> {
        let events = self.shared.counters.events.load(Ordering::Relaxed);
        let idle = all || self.events_seen == events;
        self.events_seen = events;
        if !idle {
            return Ok(());
        }
        let mut free = u64::MAX;
        loop {
            let now = self.shared.store.stats().await.map_err(error::read)?.free_bytes;
            // When a step gave nothing back, the next one would not, either.
            if now <= FREE_BYTES || now >= free || self.shared.fresh.is_much(&self.shared) {
                return Ok(());
            }
            free = now;
            let step = Step { shrink: Some((FREE_BYTES, SHRUNK_BYTES)), ..Step::default() };
            self.commit(step, Submission::default()).await?;
        }
    }
}
