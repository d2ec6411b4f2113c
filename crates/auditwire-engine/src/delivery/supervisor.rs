//! Keeps one sender running per active connection, one more while fresh events go first, and one while something is replayed to
//! it; and lets the old ones finish before the new ones begin.
//!
//! One small task per project that ever had an active connection: it reads the stored state, compares it with the sender
//! that runs, and stops and starts. Everything it does follows from the store, so it can be asked any number of times. A
//! sender that panics is shown as failing, and begun anew after a wait that grows.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use auditwire_model::{ConnectionId, Position, ProjectId, Timestamp};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::failure::LinkFailure;
use super::live::Live;
use super::sender::{self, Course, Job, fresh};
use super::streams::Streams;
use super::{Context, LiveState};
use crate::error::Result;
use crate::history;
use crate::readiness::{Pulse, Trouble};
use crate::records::{
    ActiveConnectionRecord, ConnectionRecord, Cursor, CursorRecord, Document, Fresh, FreshRecord, Replay, ReplayRecord,
    ReplayState, StoredConnection,
};
use crate::replays;
use crate::store::{RecordKey, RecordKind};
use crate::tasks::{Panicked, Task};

/// Longest wait of [`Supervisor::settled`].
const SETTLED_LIMIT: Duration = Duration::from_secs(10);
/// A sender that does not end by itself is ended after so long: its own limits add up to 15 s.
const STOP_LIMIT: Duration = Duration::from_secs(17);
/// Before the store is read again after a failure, and before a sender that ended by itself is looked after.
const RETRY: Duration = Duration::from_secs(1);
/// The store is compared with what runs at least so often, and it is missed when that has not gone well for so long.
const LOOK: Duration = Duration::from_secs(30);
const STALLED_AFTER: Duration = Duration::from_secs(120);

/// Keeps the senders.
#[derive(Debug)]
pub(crate) struct Supervisor {
    context: Context,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    projects: HashMap<ProjectId, Project>,
    lives: HashMap<Shown, (ProjectId, Arc<Live>)>,
}

#[derive(Debug)]
struct Project {
    /// Counts the changes; `u64::MAX` means: stop for good.
    wanted: watch::Sender<u64>,
    /// The last change that was followed.
    done: watch::Receiver<u64>,
    /// While above 0 no sender of the project runs.
    pauses: u32,
    task: Option<JoinHandle<Result<(), Panicked>>>,
}

/// Which sender should run.
#[derive(Debug)]
struct Wanted {
    connection: StoredConnection,
    epoch: u64,
    stream: Stream,
}

/// Which of a connection's streams.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stream {
    /// The one of its own cursor.
    Own,
    /// The second one, while fresh events go first.
    Fresh,
    /// A replay and its generation.
    Replay(String, u64),
}

impl Wanted {
    fn identity(&self) -> Identity {
        let Self { connection, epoch, stream } = self;
        let (connection, revision) = (connection.id.clone(), connection.revision);
        Identity { connection, revision, epoch: *epoch, stream: stream.clone() }
    }
}

/// What tells one sender from another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    connection: ConnectionId,
    revision: u64,
    epoch: u64,
    stream: Stream,
}

impl Identity {
    fn shown_as(&self) -> Shown {
        match &self.stream {
            Stream::Own => Shown::Connection(self.connection.clone()),
            Stream::Fresh => Shown::Fresh(self.connection.clone()),
            Stream::Replay(id, _) => Shown::Replay(id.clone()),
        }
    }
}

/// Whose live state it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Shown {
    Connection(ConnectionId),
    Fresh(ConnectionId),
    Replay(String),
}

/// The senders of one project.
#[derive(Debug, Default)]
struct Slots {
    own: Slot,
    fresh: Slot,
    replay: Slot,
    /// Of the two streams.
    streams: Arc<Streams>,
}

impl Slots {
    /// When the first of the senders that panicked is to be begun anew.
    fn due(&self) -> Option<Instant> {
        [&self.own, &self.fresh, &self.replay].into_iter().filter_map(|slot| slot.fallen.as_ref()?.until).min()
    }
}

/// A sender, and what is remembered of one that panicked.
#[derive(Debug, Default)]
struct Slot {
    running: Option<Running>,
    fallen: Option<Fallen>,
}

#[derive(Debug)]
struct Running {
    identity: Identity,
    stop: watch::Sender<bool>,
    live: Arc<Live>,
    begun: Instant,
    /// `None` when its end was seen: a task can be awaited once only.
    task: Option<JoinHandle<Result<(), Panicked>>>,
}

/// A sender that panicked.
#[derive(Debug)]
struct Fallen {
    identity: Identity,
    failure: LinkFailure,
    at: Timestamp,
    backoff: Backoff,
    /// When it is begun anew; `None` while it runs again.
    until: Option<Instant>,
}

impl Fallen {
    /// It waits to be begun anew.
    fn waits(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }
}

impl Supervisor {
    /// Starts the senders of all stored active connections.
    pub(crate) fn start(context: Context) -> Arc<Self> {
        let supervisor = Arc::new(Self { context, state: Mutex::default() });
        let this = Arc::downgrade(&supervisor);
        let tasks = supervisor.context.log.tasks().clone();
        let all = tasks.clone();
        let begin = move || begin_all(this.clone());
        // Nobody waits for it; it ends with its work.
        drop(tasks.spawn(Task::Delivery, async move { all.again(Task::Delivery, begin).await }));
        supervisor
    }

    /// See [`super::Delivery::changed`].
    pub(crate) fn changed(self: &Arc<Self>, project: &ProjectId) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        if let Some(known) = state.projects.get(project) {
            known.wanted.send_modify(|count| *count += 1);
            return;
        }
        let (wanted, changes) = watch::channel(1);
        let (finished, done) = watch::channel(0);
        let tending = Arc::clone(self).tend(project.clone(), changes, finished);
        let task = self.context.log.tasks().spawn(Task::Project, tending);
        state.projects.insert(project.clone(), Project { wanted, done, pauses: 0, task: Some(task) });
    }

    /// See [`super::Delivery::pause`].
    pub(crate) async fn pause(self: &Arc<Self>, project: &ProjectId) {
        self.changed(project);
        if let Some(known) = self.state.lock().projects.get_mut(project) {
            known.pauses += 1;
        }
        self.changed(project);
        self.settled(project).await;
    }

    /// Ends a pause.
    pub(crate) fn resume(self: &Arc<Self>, project: &ProjectId) {
        if let Some(known) = self.state.lock().projects.get_mut(project) {
            known.pauses = known.pauses.saturating_sub(1);
        }
        self.changed(project);
    }

    fn is_paused(&self, project: &ProjectId) -> bool {
        self.state.lock().projects.get(project).is_some_and(|known| known.pauses > 0)
    }

    /// See [`super::Delivery::live`].
    pub(crate) fn live(&self, connection: &ConnectionId) -> Option<LiveState> {
        self.shown(&Shown::Connection(connection.clone()))
    }

    /// See [`super::Delivery::live_fresh`].
    pub(crate) fn live_fresh(&self, connection: &ConnectionId) -> Option<LiveState> {
        self.shown(&Shown::Fresh(connection.clone()))
    }

    /// See [`super::Delivery::live_replay`].
    pub(crate) fn live_replay(&self, id: &str) -> Option<LiveState> {
        self.shown(&Shown::Replay(id.to_owned()))
    }

    fn shown(&self, what: &Shown) -> Option<LiveState> {
        let (project, live) = self.state.lock().lives.get(what).cloned()?;
        Some(live.state(self.context.log.head(&project), self.context.clock.now()))
    }

    /// See [`super::Delivery::settled`].
    pub(crate) async fn settled(&self, project: &ProjectId) {
        let known = {
            let state = self.state.lock();
            state.projects.get(project).map(|p| (*p.wanted.borrow(), p.done.clone()))
        };
        if let Some((wanted, mut done)) = known {
            let _ = tokio::time::timeout(SETTLED_LIMIT, done.wait_for(|count| *count >= wanted)).await.is_ok();
        }
    }

    /// See [`super::Delivery::close`].
    pub(crate) async fn close(&self) {
        let tasks: Vec<_> = {
            let mut state = self.state.lock();
            state.closed = true;
            let stop = |p: &mut Project| {
                p.wanted.send_replace(u64::MAX);
                p.task.take()
            };
            state.projects.values_mut().filter_map(stop).collect()
        };
        for task in tasks {
            // A task that panicked has been told of in the log; the others must still end.
            let _ = task.await;
        }
    }

    /// One project's task. Its senders live on when it panics; it is begun anew with them.
    async fn tend(self: Arc<Self>, project: ProjectId, mut changes: watch::Receiver<u64>, done: watch::Sender<u64>) {
        let (tasks, mut slots, mut backoff) = (self.context.log.tasks().clone(), Slots::default(), Backoff::default());
        let what = format!("the senders of project {project} have not been looked after");
        let pulse = self.context.log.readiness().pulse(Trouble::DeliveryStalled, what, STALLED_AFTER);
        loop {
            let begun = Instant::now();
            let rounds = self.rounds(&project, &mut slots, (&mut changes, &done), &pulse);
            // In the midst of the end nothing is begun anew: senders that nobody holds any more end by themselves.
            if tasks.caught(Task::Project, rounds).await.is_ok() || *changes.borrow() == u64::MAX {
                return;
            }
            let wait = tasks.restart(Task::Project, begun, &mut backoff);
            tokio::select! {
                _ = changes.wait_for(|count| *count == u64::MAX) => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn rounds(
        &self,
        project: &ProjectId,
        slots: &mut Slots,
        (changes, done): (&mut watch::Receiver<u64>, &watch::Sender<u64>),
        pulse: &Pulse,
    ) {
        loop {
            let count = *changes.borrow_and_update();
            if count == u64::MAX {
                let Slots { own, fresh, replay, .. } = slots;
                tokio::join!(self.end(own), self.end(fresh), self.end(replay));
                done.send_replace(count);
                return;
            }
            self.context.log.tasks().reach("project", project.as_str());
            let retry = match self.reconcile(project, slots).await {
                Ok(()) => {
                    pulse.beat();
                    done.send_replace(count);
                    false
                }
                Err(error) => {
                    tracing::error!(%project, %error, "the active connection could not be read; trying again");
                    true
                }
            };
            let due = slots.due();
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = slots.streams.split.notified() => {}
                end = ended(&mut slots.own) => self.over(&mut slots.own, end).await,
                end = ended(&mut slots.fresh) => self.over(&mut slots.fresh, end).await,
                end = ended(&mut slots.replay) => self.over(&mut slots.replay, end).await,
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() && !retry => {}
                () = tokio::time::sleep(RETRY), if retry => {}
                // Nothing has changed; that it still moves is seen.
                () = tokio::time::sleep(LOOK), if !retry => {}
            }
        }
    }

    /// Makes the senders that run those that should run: one for the connection's cursor, one for its second stream, one for
    /// the replay.
    async fn reconcile(&self, project: &ProjectId, slots: &mut Slots) -> Result<()> {
        let active = if self.is_paused(project) { None } else { self.wanted(project).await? };
        let (mut fresh, mut replay) = (None, None);
        if let Some((connection, epoch)) = &active {
            fresh = self.second_stream(project, slots, connection, *epoch).await?;
            replay = self.wanted_replay(project, &connection.id).await?;
        }
        let wanted = |stream| active.clone().map(|(connection, epoch)| Wanted { connection, epoch, stream });
        let replay = replay.and_then(|replay| wanted(Stream::Replay(replay.id, replay.generation)));
        // All must end when the epoch does: told first, the others end while the first one finishes its window.
        let (own, second) = (wanted(Stream::Own), fresh.as_ref().and_then(|_| wanted(Stream::Fresh)));
        for (running, wanted) in [(&slots.replay, &replay), (&slots.fresh, &second)] {
            if let Some(running) = &running.running
                && wanted.as_ref().is_none_or(|wanted| wanted.identity() != running.identity)
            {
                running.stop.send_replace(true);
            }
        }
        // Whoever still runs of another connection, or of streams that have become one, keeps what they shared.
        if slots.streams.from() != fresh.as_ref().map(|fresh| fresh.from) {
            slots.streams = Arc::new(Streams::of(fresh.as_ref()));
        }
        let streams = Arc::clone(&slots.streams);
        self.keep(project, &mut slots.own, own, fresh.as_ref(), &streams).await?;
        self.keep(project, &mut slots.fresh, second, fresh.as_ref(), &streams).await?;
        self.keep(project, &mut slots.replay, replay, None, &streams).await
    }

    /// The second stream of the active connection. When it is time, both streams are ended and made one.
    async fn second_stream(
        &self,
        project: &ProjectId,
        slots: &mut Slots,
        connection: &StoredConnection,
        epoch: u64,
    ) -> Result<Option<Fresh>> {
        let Some(second) = fresh::stored(&self.context, project, connection).await? else { return Ok(None) };
        let (cursor, _) = self.cursor(project, &connection.id).await?;
        if !fresh::must_join(&second, &cursor, connection) {
            return Ok(Some(second));
        }
        tokio::join!(self.end(&mut slots.own), self.end(&mut slots.fresh));
        // Of another epoch by now: whatever began it asks again.
        fresh::join(&self.context, project, connection, epoch).await?;
        Ok(None)
    }

    /// A sender has ended by itself. One that panicked is begun anew later; any other is looked after in a moment.
    async fn over(&self, slot: &mut Slot, end: Result<(), Panicked>) {
        let (Err(panicked), Some(running)) = (end, &slot.running) else { return tokio::time::sleep(RETRY).await };
        let (identity, failure, at) =
            (running.identity.clone(), LinkFailure::of_defect(panicked), self.context.clock.now());
        running.live.link_down(&failure, at);
        let before = slot.fallen.take().filter(|fallen| fallen.identity == identity);
        let mut backoff = before.map(|fallen| fallen.backoff).unwrap_or_default();
        let wait = self.context.log.tasks().restart(Task::Sender, running.begun, &mut backoff);
        tracing::error!(connection = %identity.connection, "the sender of this connection is the one that panicked");
        slot.fallen = Some(Fallen { identity, failure, at, backoff, until: Some(Instant::now() + wait) });
    }

    /// Leaves the sender alone that should run; else ends it and starts the right one, from what is stored by then.
    async fn keep(
        &self,
        project: &ProjectId,
        slot: &mut Slot,
        wanted: Option<Wanted>,
        fresh: Option<&Fresh>,
        streams: &Arc<Streams>,
    ) -> Result<()> {
        let runs = |r: &Running| r.task.as_ref().is_some_and(|task| !task.is_finished());
        let right = |r: &Running| wanted.as_ref().is_some_and(|w| w.identity() == r.identity);
        let waits = slot.fallen.as_ref().is_some_and(Fallen::waits);
        if slot.running.as_ref().is_some_and(|r| right(r) && (runs(r) || waits)) {
            return Ok(());
        }
        self.end(slot).await;
        let job = match &wanted {
            Some(wanted) => self.course(project, wanted, fresh, streams).await?,
            None => None,
        };
        let (Some(wanted), Some((course, cursor, cursor_version))) = (wanted, job) else {
            slot.fallen = None;
            return Ok(());
        };
        let identity = wanted.identity();
        let Wanted { connection, epoch, .. } = wanted;
        let last_step_at = history::last_at(&*self.context.store, project, &connection.id).await?;
        let of_replay = matches!(course, Course::Replay(..));
        let live = Arc::new(Live::new(cursor.clone(), of_replay, self.context.clock.now()));
        slot.fallen.take_if(|fallen| fallen.identity != identity);
        if let Some(fallen) = &mut slot.fallen {
            // Until its link has lived for a moment it is not well.
            fallen.until = None;
            live.link_down(&fallen.failure, fallen.at);
        }
        self.state.lock().lives.insert(identity.shown_as(), (project.clone(), Arc::clone(&live)));
        let (stop, stopped) = watch::channel(false);
        let (context, project) = (self.context.clone(), project.clone());
        let (tasks, shown) = (context.log.tasks().clone(), Arc::clone(&live));
        let job = Job { context, project, connection, epoch, cursor, cursor_version, last_step_at, live, course };
        let task = Some(tasks.spawn(Task::Sender, sender::run(job, stopped)));
        slot.running = Some(Running { identity, stop, live: shown, begun: Instant::now(), task });
        Ok(())
    }

    /// What a sender is to do, its cursor as it is stored now, and the version of the record that it was read from. `None`
    /// when there is nothing to do any more.
    async fn course(
        &self,
        project: &ProjectId,
        wanted: &Wanted,
        fresh: Option<&Fresh>,
        streams: &Arc<Streams>,
    ) -> Result<Option<(Course, Cursor, u64)>> {
        let connection = &wanted.connection.id;
        let record = async |kind, id: &str| self.context.store.record(&RecordKey::of(kind, project, id)).await;
        Ok(match &wanted.stream {
            Stream::Own => {
                let (cursor, version) = self.cursor(project, connection).await?;
                let until = fresh.map(|fresh| fresh.from.previous());
                Some((Course::Live { until, streams: Arc::clone(streams) }, cursor, version))
            }
            Stream::Fresh => match record(RecordKind::Fresh, connection.as_str()).await? {
                Some(record) => {
                    let fresh = FreshRecord::decode(&record)?.into_current();
                    let course = Course::Fresh(Box::new(fresh.clone()), Arc::clone(streams));
                    Some((course, fresh.cursor, record.version))
                }
                None => None,
            },
            Stream::Replay(id, _) => match record(RecordKind::Replay, id).await? {
                Some(record) => {
                    let replay = ReplayRecord::decode(&record)?.into_current();
                    let chosen = match replay.quarantined {
                        true => Some(self.set_aside_for(project, connection, &replay.id).await?),
                        false => None,
                    };
                    let progress = replay.progress.clone();
                    Some((Course::Replay(Box::new(replay), chosen), progress, record.version))
                }
                None => None,
            },
        })
    }

    /// The active connection and its epoch.
    async fn wanted(&self, project: &ProjectId) -> Result<Option<(StoredConnection, u64)>> {
        let store = &self.context.store;
        let key = RecordKey::of(RecordKind::ActiveConnection, project, "active");
        let Some(record) = store.record(&key).await? else { return Ok(None) };
        let Some(id) = ActiveConnectionRecord::decode(&record)?.into_current().connection else { return Ok(None) };
        let key = RecordKey::of(RecordKind::Connection, project, id.as_str());
        let Some(connection) = store.record(&key).await? else { return Ok(None) };
        Ok(Some((ConnectionRecord::decode(&connection)?.into_current(), record.version)))
    }

    /// The events that a replay of what was set aside sends, in order.
    async fn set_aside_for(
        &self,
        project: &ProjectId,
        connection: &ConnectionId,
        replay: &str,
    ) -> Result<Vec<Position>> {
        let entries = replays::set_aside_for(&*self.context.store, project, connection, replay).await?;
        Ok(entries.into_iter().map(|(entry, _)| entry.seq).collect())
    }

    /// The replay that should run to this connection.
    async fn wanted_replay(&self, project: &ProjectId, connection: &ConnectionId) -> Result<Option<Replay>> {
        for record in self.context.store.records(RecordKind::Replay, Some(project)).await? {
            let replay = ReplayRecord::decode(&record)?.into_current();
            if replay.state == ReplayState::Running && replay.connection == *connection {
                return Ok(Some(replay));
            }
        }
        Ok(None)
    }

    async fn cursor(&self, project: &ProjectId, connection: &ConnectionId) -> Result<(Cursor, u64)> {
        let key = RecordKey::of(RecordKind::Cursor, project, connection.as_str());
        match self.context.store.record(&key).await? {
            Some(record) => Ok((CursorRecord::decode(&record)?.into_current(), record.version)),
            None => Ok((Cursor::beginning(), 0)),
        }
    }

    async fn end(&self, slot: &mut Slot) {
        let Some(Running { identity, stop, task, .. }) = slot.running.take() else { return };
        stop.send_replace(true);
        if let Some(mut task) = task
            && tokio::time::timeout(STOP_LIMIT, &mut task).await.is_err()
        {
            tracing::error!(connection = %identity.connection, "a sender did not end in time and was cut off");
            task.abort();
            let _ = task.await;
        }
        self.state.lock().lives.remove(&identity.shown_as());
    }
}

/// Waits until the running sender has ended by itself; for ever when none runs. What it has done is in its cursor.
async fn ended(slot: &mut Slot) -> Result<(), Panicked> {
    let Some(Running { task: running, .. }) = &mut slot.running else { return std::future::pending().await };
    let Some(task) = running else { return std::future::pending().await };
    let end = task.await;
    *running = None;
    // Nobody else cuts it off.
    end.unwrap_or(Ok(()))
}

/// Begins the senders of all active connections; tries again until they can be read.
async fn begin_all(supervisor: Weak<Supervisor>) {
    loop {
        let Some(supervisor) = supervisor.upgrade() else { return };
        supervisor.context.log.tasks().reach("delivery", "");
        match supervisor.context.store.records(RecordKind::ActiveConnection, None).await {
            Ok(records) => {
                for project in records.iter().filter_map(|r| r.key.project.as_ref()) {
                    supervisor.changed(project);
                }
                return;
            }
            Err(error) => tracing::error!(%error, "the active connections could not be read; trying again"),
        }
        drop(supervisor);
        tokio::time::sleep(RETRY).await;
    }
}
