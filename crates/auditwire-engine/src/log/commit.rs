//! The committer: one task that gives events their positions and writes them. It never waits on a timer: a group is what
//! arrived while the previous commit ran.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use auditwire_model::event::Event;
use auditwire_model::{Position, ProjectId};
use tokio::sync::{mpsc, oneshot, watch};

use super::blob;
use super::duplicates::Work;
use super::plan::{Plan, ProjectState};
use super::{Ended, Receipt, Shared, Submission, error, event_weight};
use crate::audit;
use crate::error::{Error, Result};
use crate::readiness::Trouble;
use crate::store::{Change, Checkpoint, Expire, FileNote, GroupId, RecordKey, Seal, StoreError};
use crate::tasks::{Panicked, Task};

/// Once so much was committed, the write-ahead log is copied into the data file.
const CHECKPOINT_BYTES: usize = 16 << 20;

/// What a step of upkeep writes to the write-ahead log, roughly.
const STEP_BYTES: usize = 1 << 20;

/// The memory of all windows together is looked at after so many groups.
const BOUND_EVERY: u64 = 16;

/// A submission that waits for its commit.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) submission: Submission,
    /// What project `system` keeps of its events; they have no place in the receipt.
    pub(crate) copies: Vec<Event>,
    /// What the log does for itself; committed alone.
    pub(crate) upkeep: Option<Step>,
    /// Its weight in the queue.
    pub(crate) bytes: usize,
    pub(crate) answer: oneshot::Sender<Result<Receipt>>,
}

impl Pending {
    pub(crate) fn new(submission: Submission, upkeep: Option<Step>, answer: oneshot::Sender<Result<Receipt>>) -> Self {
        let copies = audit::copies(submission.project.as_ref(), &submission.events);
        Self { submission, copies, upkeep, bytes: 0, answer }
    }

    /// The memory it holds, in bytes, roughly.
    pub(crate) fn weight(&self) -> usize {
        self.submission.weight() + self.copies.iter().map(event_weight).sum::<usize>()
    }

    /// Nothing is to be committed: somebody asks whether we are here.
    fn is_question(&self) -> bool {
        self.upkeep.is_none() && self.events() == 0 && self.submission.changes.is_empty()
    }

    fn events(&self) -> usize {
        self.submission.events.len() + self.copies.len()
    }

    /// What it adds to a project, and whether that has a place in the receipt.
    pub(super) fn part_of(&mut self, project: &ProjectId) -> Option<(&mut [Event], bool)> {
        if self.submission.project.as_ref() == Some(project) {
            Some((&mut self.submission.events, true))
        } else {
            (*project == ProjectId::system() && !self.copies.is_empty()).then_some((&mut self.copies[..], false))
        }
    }
}

/// A step of sealing, merging or retention.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub(crate) seal: Option<Seal>,
    pub(crate) expire: Vec<Expire>,
    pub(crate) drop_groups: Option<GroupId>,
    pub(crate) files: Vec<FileNote>,
    /// Gives back room: how many free bytes stay, how many go at once.
    pub(crate) shrink: Option<(u64, u64)>,
    /// An operator says that the clock is right.
    pub(crate) accept_clock: bool,
}

pub(crate) struct Committer {
    pub(super) shared: Arc<Shared>,
    queue: mpsc::UnboundedReceiver<Pending>,
    /// Taken from the queue but left for the next group.
    held: Option<Pending>,
    pub(super) projects: HashMap<ProjectId, ProjectState>,
    pub(super) work: Work,
    pub(super) encoder: blob::Encoder,
    last_group: Option<GroupId>,
    /// Groups committed by this process.
    groups: u64,
    /// The last commit failed.
    failing: bool,
    /// Bytes committed since the write-ahead log was last begun anew.
    uncopied: usize,
    /// The copy under way, if any.
    copying: Option<tokio::task::JoinHandle<std::result::Result<bool, Panicked>>>,
}

/// The store cannot be used any more.
struct Broken(Ended);

impl Committer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        queue: mpsc::UnboundedReceiver<Pending>,
        last_group: Option<GroupId>,
    ) -> Self {
        Self {
            shared,
            queue,
            held: None,
            projects: HashMap::new(),
            work: Work::default(),
            encoder: blob::Encoder::default(),
            last_group,
            groups: 0,
            failing: false,
            uncopied: 0,
            copying: None,
        }
    }

    /// Commits until the log is closed, dropped or broken.
    pub(crate) async fn run(mut self) -> std::result::Result<(), Panicked> {
        let tasks = self.shared.tasks.clone();
        let done = tasks.caught(Task::Committer, self.work()).await;
        if done.is_err() {
            // Whoever is told that the log has ended shall find this reason. What was in hand has no answer, because nobody
            // knows whether it is on disk.
            tasks.die(Task::Committer);
        }
        self.queue.close();
        self.refuse_rest().await;
        let ended = match done {
            Ok(Ok(())) => Ended::Closed,
            Ok(Err(Broken(ended))) => ended,
            Err(_) => Ended::Failed,
        };
        if ended == Ended::Closed {
            self.finish().await;
        }
        self.shared.ended.send_replace(Some(ended));
        done.map(drop)
    }

    async fn work(&mut self) -> std::result::Result<(), Broken> {
        let mut closing = self.shared.closing.subscribe();
        while let Some(first) = self.next(&mut closing).await? {
            if first.is_question() {
                self.shared.counters.queue_bytes.fetch_sub(first.bytes, Ordering::Relaxed);
                let _ = first.answer.send(Ok(Receipt::default()));
                continue;
            }
            let group = self.gather(first);
            self.commit(group).await?;
            self.checkpoint().await;
        }
        Ok(())
    }

    /// What comes next; `None` when the log was closed.
    async fn next(&mut self, closing: &mut watch::Receiver<bool>) -> std::result::Result<Option<Pending>, Broken> {
        let mut stop = self.shared.stop.subscribe();
        loop {
            if let Some(stop) = &*stop.borrow_and_update() {
                return Err(Broken(stop.why));
            }
            if let Some(held) = self.held.take() {
                return Ok(Some(held));
            }
            if *closing.borrow() {
                self.queue.close();
            }
            tokio::select! {
                biased;
                // This handle keeps the sender alive.
                _ = stop.changed() => {}
                pending = self.queue.recv() => return Ok(pending),
                _ = closing.changed(), if !self.queue.is_closed() => {}
            }
        }
    }

    /// Everything that waits, up to the limits. A submission that changes a record that the group already changes waits
    /// for the next group, so that a failed expectation names exactly one submission.
    fn gather(&mut self, first: Pending) -> Vec<Pending> {
        if first.upkeep.is_some() {
            return vec![first];
        }
        let settings = &self.shared.settings;
        let (mut bytes, mut events) = (first.bytes, first.events());
        let mut changed: HashSet<RecordKey> = HashSet::new();
        let keys = |pending: &Pending| pending.submission.changes.iter().map(|c| c.key.clone()).collect::<Vec<_>>();
        changed.extend(keys(&first));
        let mut group = vec![first];
        while let Ok(next) = self.queue.try_recv() {
            bytes += next.bytes;
            events += next.events();
            let clash = next.submission.changes.iter().any(|c| changed.contains(&c.key));
            if clash || next.upkeep.is_some() || bytes > settings.group_bytes_max || events > settings.group_events_max
            {
                self.held = Some(next);
                break;
            }
            changed.extend(keys(&next));
            group.push(next);
        }
        group
    }

    /// Commits a group and answers everybody in it.
    async fn commit(&mut self, mut group: Vec<Pending>) -> std::result::Result<(), Broken> {
        if let Some((keep, step)) = group.first().and_then(|pending| pending.upkeep.as_ref()?.shrink) {
            return self.shrink(keep, step, group).await;
        }
        if group.iter().any(|pending| pending.upkeep.is_some()) {
            self.uncopied += STEP_BYTES;
        }
        let queued: usize = group.iter().map(|pending| pending.bytes).sum();
        let done = loop {
            if group.is_empty() {
                break Ok(());
            }
            for event in group.iter().flat_map(|pending| &pending.submission.events) {
                self.shared.tasks.reach("committer", &event.draft.action);
            }
            let mut plan = match self.plan(&mut group).await {
                Ok(plan) => plan,
                Err(error) => {
                    tracing::error!(%error, "events could not be prepared for storing");
                    break self.fail(group, error::failed);
                }
            };
            let (commit, started) = (plan.take_commit(), Instant::now());
            match self.shared.store.commit(commit).await {
                Ok(()) => {
                    self.shared.counters.commit_took(started.elapsed());
                    self.failing(None);
                    break match self.shared.check_folder() {
                        Ok(()) => self.committed(plan, group),
                        Err(_) => self.lost(group),
                    };
                }
                Err(error) => {
                    if let Some(done) = self.failed(plan, error, &mut group).await {
                        break done;
                    }
                }
            }
        };
        self.shared.counters.queue_bytes.fetch_sub(queued, Ordering::Relaxed);
        done
    }

    async fn shrink(&mut self, keep: u64, step: u64, group: Vec<Pending>) -> std::result::Result<(), Broken> {
        self.uncopied += usize::try_from(step).unwrap_or(STEP_BYTES);
        let done = self.shared.store.shrink(keep, step).await;
        for pending in group {
            let _ = pending.answer.send(done.as_ref().map(|_| Receipt::default()).map_err(|_| error::failed()));
        }
        match done {
            Err(StoreError::Unsynced(error)) => {
                tracing::error!(%error, "the disk did not confirm a write; the process must end");
                Err(Broken(Ended::Failed))
            }
            _ => Ok(()),
        }
    }

    /// What was written lies where nobody will find it, or may be another process's: nobody is told that it is stored.
    fn lost(&self, group: Vec<Pending>) -> std::result::Result<(), Broken> {
        let _ = self.fail(group, || self.shared.check_going().err().unwrap_or_else(error::ended));
        Err(Broken(self.shared.stop.borrow().as_ref().map_or(Ended::Failed, |stop| stop.why)))
    }

    /// Another process has opened the store.
    fn rival(&self, group: Vec<Pending>) -> std::result::Result<(), Broken> {
        self.shared.stop(Ended::Rival, "the store carries the mark of a process that opened it later");
        self.lost(group)
    }

    /// Whether the last commit failed, which people are told, and why.
    fn failing(&mut self, why: Option<&StoreError>) {
        if self.failing || why.is_some() {
            self.failing = why.is_some();
            self.shared.readiness.set(Trouble::CommitsFailing, why.map(ToString::to_string));
        }
    }

    /// Decides what a failed commit means. `None`: try again with what is left of the group.
    async fn failed(
        &mut self,
        plan: Plan,
        error: StoreError,
        group: &mut Vec<Pending>,
    ) -> Option<std::result::Result<(), Broken>> {
        if self.shared.check_folder().is_err() {
            return Some(self.lost(std::mem::take(group)));
        }
        // The first three are about what was to be committed, or told by the guard of the volume; the last has a trouble of its own.
        let told = matches!(
            error,
            StoreError::Conflict { .. } | StoreError::Mismatch(_) | StoreError::Full(_) | StoreError::Malformed(_)
        );
        if !told {
            self.failing(Some(&error));
        }
        match error {
            StoreError::Conflict { key } => {
                self.forget(&plan);
                let names = |pending: &mut Pending| pending.submission.changes.iter().any(|c: &Change| c.key == key);
                let failed: Vec<Pending> = group.extract_if(.., names).collect();
                if failed.is_empty() {
                    return Some(self.fail(std::mem::take(group), error::failed));
                }
                let _ = self.fail(failed, || error::conflict(&key));
                None
            }
            StoreError::Full(error) => {
                tracing::warn!(%error, "the disk is full; intake answers 503 until there is room");
                self.forget(&plan);
                self.shared.counters.storage_full.fetch_add(group.len() as u64, Ordering::Relaxed);
                // The guard gives the reserve up.
                self.shared.guard.look();
                Some(self.fail(std::mem::take(group), error::full))
            }
            StoreError::Unsynced(error) => {
                tracing::error!(%error, "the disk did not confirm a write; the process must end");
                let _ = self.fail(std::mem::take(group), error::ended);
                Some(Err(Broken(Ended::Failed)))
            }
            StoreError::Mismatch(what) => {
                tracing::warn!(what, "what was to be sealed, merged or removed is not there any more");
                self.forget(&plan);
                Some(self.fail(std::mem::take(group), error::failed))
            }
            StoreError::Damaged(what) => {
                tracing::error!(what, "the store is damaged");
                self.forget(&plan);
                Some(self.fail(std::mem::take(group), error::failed))
            }
            StoreError::Rival => Some(self.rival(std::mem::take(group))),
            // It has been told, and stands until the process ends.
            StoreError::Malformed(what) => {
                self.forget(&plan);
                Some(self.fail(std::mem::take(group), || error::store_damaged(&what)))
            }
            StoreError::Newer(what) => {
                tracing::error!(what, "a commit met what a newer version wrote");
                self.forget(&plan);
                Some(self.fail(std::mem::take(group), error::failed))
            }
            StoreError::Failed(error) => {
                tracing::error!(%error, "a commit failed; looking whether it happened");
                Some(self.unknown(plan, std::mem::take(group)).await)
            }
        }
    }

    /// The commit may have happened or not: the store is asked.
    async fn unknown(&mut self, plan: Plan, group: Vec<Pending>) -> std::result::Result<(), Broken> {
        let Some(id) = plan.group else {
            // Changes without events leave no trace that only they could have left.
            return self.fail(group, error::ended);
        };
        match self.shared.store.heads().await {
            Ok((_, last)) if last >= Some(id) => match self.shared.check_folder() {
                Ok(()) => self.committed(plan, group),
                Err(_) => self.lost(group),
            },
            Err(StoreError::Rival) => self.rival(group),
            Ok(_) => {
                self.forget(&plan);
                self.fail(group, error::failed)
            }
            Err(error) => {
                tracing::error!(%error, "the store cannot be read back; the process must end");
                let _ = self.fail(group, error::ended);
                Err(Broken(Ended::Failed))
            }
        }
    }

    /// Makes a commit visible, then answers.
    fn committed(&mut self, plan: Plan, group: Vec<Pending>) -> std::result::Result<(), Broken> {
        let counters = &self.shared.counters;
        if let Some(id) = plan.group {
            self.last_group = Some(id);
            self.uncopied += plan.blob_bytes;
            counters.groups.fetch_add(1, Ordering::Relaxed);
            self.shared.fresh.committed(plan.rows(), plan.blob_bytes, plan.spans.len(), &self.shared);
        }
        self.shared.expired(&plan.expire);
        if let Some(accepted) = &plan.accepted {
            self.shared.accepted(accepted);
        }
        counters.events.fetch_add(plan.rows() as u64, Ordering::Relaxed);
        counters.duplicates.fetch_add(plan.duplicates, Ordering::Relaxed);
        self.publish(&plan);
        self.tend_windows(&plan);
        for (senders, conflict) in &plan.conflicts {
            self.shared.conflicts.note(senders, conflict, self.shared.clock.monotonic());
        }
        for (pending, positions) in group.into_iter().zip(plan.positions) {
            let _ = pending.answer.send(Ok(Receipt { positions }));
        }
        Ok(())
    }

    fn publish(&mut self, plan: &Plan) {
        let shared = Arc::clone(&self.shared);
        if let Some(batch) = &plan.batch {
            let mut tail = shared.tail.write();
            shared.tasks.reach("tail", "");
            for span in &plan.spans {
                let rows = batch.slice(span.offset as usize, span.rows as usize);
                if let Err(error) = tail.push(&span.project, span.first, rows, plan.spans.len() > 1) {
                    // Readers find the events in the store.
                    tracing::error!(%error, "events could not be kept in memory");
                }
            }
        }
        for span in &plan.spans {
            if let Some(state) = self.projects.get_mut(&span.project) {
                state.head = span.last();
                state.received_at = plan.received_at(&span.project).unwrap_or(state.received_at);
                let received_at = state.received_at;
                self.shared.last_received(&span.project, received_at);
            }
            let known = shared.heads.read().get(&span.project).map(|head| head.send_replace(span.last()));
            if known.is_none() {
                shared.heads.write().entry(span.project.clone()).or_default().send_replace(span.last());
            }
        }
    }

    /// Installs the id runs that are committed now, and starts what the windows need next.
    fn tend_windows(&mut self, plan: &Plan) {
        for run in self.work.committed(plan.runs) {
            let expired: Vec<Position> =
                plan.expired.iter().filter(|(project, _)| *project == run.project).map(|(_, first)| *first).collect();
            let Some(state) = self.projects.get_mut(&run.project) else { continue };
            if let Err(error) = state.window.installed(&run, &expired) {
                tracing::error!(%error, "an id run is not usable");
            }
        }
        self.groups += 1;
        let full = self.shared.settings.duplicate_map_ids;
        for span in &plan.spans {
            if let Some(state) = self.projects.get_mut(&span.project) {
                state.used = self.groups;
                self.work.start(&self.shared, &span.project, &mut state.window, full, (state.head, state.received_at));
            }
        }
        if self.groups.is_multiple_of(BOUND_EVERY) {
            self.bound_windows();
        }
    }

    /// Keeps the windows of all projects together within their memory.
    fn bound_windows(&mut self) {
        let settings = &self.shared.settings;
        let (mut ids, mut filters) = (0, 0);
        for state in self.projects.values() {
            ids += state.window.ids();
            filters += state.window.filter_bytes();
        }
        self.shared.counters.duplicate_ids.store(ids as u64, Ordering::Relaxed);
        let idle = |(_, state): &(&ProjectId, &mut ProjectState)| state.window.is_idle();
        if ids > settings.duplicate_map_ids_total
            && let Some((project, state)) =
                self.projects.iter_mut().filter(idle).max_by_key(|(_, state)| state.window.ids())
        {
            self.work.start(&self.shared, project, &mut state.window, 1, (state.head, state.received_at));
        }
        if filters > settings.duplicate_filter_bytes_max {
            let oldest = self.projects.iter_mut().filter(idle).min_by_key(|(_, state)| state.used);
            // What is dropped is read back when the project sends again; the one just used stays.
            let oldest = oldest.filter(|(_, state)| state.used < self.groups).map(|(project, _)| project.clone());
            oldest.map(|project| self.projects.remove(&project));
        }
    }

    fn forget(&mut self, plan: &Plan) {
        if let Some(accepted) = &plan.accepted {
            self.take_back(accepted);
        }
        for (project, ids) in &plan.remembered {
            let Some(state) = self.projects.get_mut(project) else { continue };
            ids.iter().for_each(|(hash, position)| state.window.forget(*hash, *position));
        }
    }

    fn fail(&self, group: Vec<Pending>, error: impl Fn() -> Error) -> std::result::Result<(), Broken> {
        for pending in group {
            let _ = pending.answer.send(Err(error()));
        }
        Ok(())
    }

    async fn refuse_rest(&mut self) {
        let mut rest: Vec<Pending> = self.held.take().into_iter().collect();
        while let Some(pending) = self.queue.recv().await {
            rest.push(pending);
        }
        let _ = self.fail(rest, || self.shared.check_going().err().unwrap_or_else(error::closing));
    }

    pub(super) fn next_group(&self) -> GroupId {
        GroupId(self.last_group.map_or(1, |last| last.0 + 1))
    }

    pub(super) fn head(&self, project: &ProjectId) -> Position {
        self.shared.head(project)
    }

    /// Keeps the write-ahead log short. The bulk is copied beside the commits; only the rest, and the new beginning, are
    /// done between two of them.
    async fn checkpoint(&mut self) {
        if let Some(copying) = self.copying.take_if(|task| task.is_finished())
            && matches!(copying.await, Ok(Ok(true)))
        {
            match self.shared.store.checkpoint(Checkpoint::Restart).await {
                Ok(true) => self.uncopied = 0,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "the write-ahead log could not be begun anew"),
            }
        }
        if self.copying.is_none() && self.uncopied >= CHECKPOINT_BYTES {
            let store = Arc::clone(&self.shared.store);
            self.copying = Some(self.shared.tasks.spawn(Task::Copy, async move {
                store
                    .checkpoint(Checkpoint::Copy)
                    .await
                    .inspect_err(|error| {
                        tracing::warn!(%error, "the write-ahead log could not be copied");
                    })
                    .is_ok()
            }));
        }
    }

    async fn finish(&mut self) {
        if let Some(copying) = self.copying.take() {
            let _ = copying.await;
        }
        if let Err(error) = self.shared.store.checkpoint(Checkpoint::Restart).await {
            tracing::warn!(%error, "the write-ahead log could not be copied at the end; the next start reads it");
        }
    }
}
