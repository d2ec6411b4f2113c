//! Stores the cursor (of a replay: its progress), in steps, fenced by the epoch: together with the quarantine and the events
//! that tell of it, in one transaction. Whoever lost the epoch can store nothing any more.

use std::sync::Arc;
use std::time::Duration;

use auditwire_model::access::Caller;
use auditwire_model::event::Event;
use auditwire_model::query::Expr;
use auditwire_model::{Position, ProjectId, Severity, Timestamp};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::super::Context;
use super::super::live::Live;
use super::super::streams::Streams;
use super::feed::Unsendable;
use super::quarantine::{KEPT_MAX, room_for};
use super::replay_book::ReplayBook;
use super::steps::Steps;
use crate::audit::{Audit, action};
use crate::error::{Error, Kind, Result};
use crate::log::Submission;
use crate::records::{
    ActiveConnection, ActiveConnectionRecord, Cursor, CursorRecord, DeliveryStep, DeliveryStepRecord, Document, Fresh,
    FreshRecord, QuarantineRecord, Quarantined, SecondStream, StoredConnection,
};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind, Store};

/// At most so often while events flow.
const EVERY: Duration = Duration::from_millis(250);
/// After a failure.
const RETRY: Duration = Duration::from_secs(1);
/// Quarantined events that wait for the cursor to pass them; more stop the reading.
const PENDING_MAX: usize = 256;

/// What became of an attempt to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    /// On disk.
    Done,
    /// The next epoch has begun and this connection is not active in it: time to finish.
    Superseded,
    /// Another epoch has begun: this sender is over.
    Fenced,
    /// Not now; tried again later.
    Failed,
}

/// What an attempt came to.
pub(super) enum Outcome {
    Done(Box<Cursor>),
    Failed(Error),
    /// The epoch has ended; what the next one is.
    Lost(Result<Option<(ActiveConnection, u64)>>),
}

/// Which record a sender's cursor lies in.
#[derive(Debug, Clone)]
pub(crate) enum Book {
    /// The connection's own.
    Cursor,
    /// That of its second stream.
    Fresh(Box<Fresh>, Arc<Streams>),
    /// That of the replay of this id, and whether it sends what was set aside.
    Replay(String, bool),
}

/// Stores one sender's cursor.
pub(crate) struct Ledger {
    context: Context,
    project: ProjectId,
    connection: StoredConnection,
    epoch: u64,
    /// The cursor record's version as far as this sender knows.
    version: u64,
    stored: Cursor,
    pending: Vec<(Unsendable, Timestamp)>,
    /// Events that tell of gaps, with the position that must be settled before they are written.
    telling: Vec<(Position, Event)>,
    book: Book,
    /// The history of the connection's own stream.
    steps: Option<Steps>,
    not_before: Instant,
    attempt: Option<BoxFuture<'static, Outcome>>,
    /// When the running attempt began.
    begun: Instant,
    /// The epoch was this sender's at that moment or later; `None` before it was ever read.
    confirmed: Option<Instant>,
    /// The epoch after this sender's, once it is known that this connection is not active in it.
    superseded: Option<u64>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger")
            .field("connection", &self.connection.id)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

impl Ledger {
    /// A ledger for the sender of `epoch`, whose cursor was read at record version `version` (0: there was none).
    pub(crate) fn new(
        context: Context,
        project: ProjectId,
        connection: StoredConnection,
        epoch: u64,
        stored: Cursor,
        version: u64,
        book: Book,
    ) -> Self {
        let (pending, telling, not_before) = (Vec::new(), Vec::new(), Instant::now());
        Self {
            context,
            project,
            connection,
            epoch,
            version,
            stored,
            pending,
            telling,
            book,
            steps: None,
            not_before,
            attempt: None,
            begun: not_before,
            confirmed: None,
            superseded: None,
        }
    }

    /// Keeps the history of what passes `filter`, with the state that `live` shows and what a second stream has stored; the last
    /// step was at `last_at`.
    pub(crate) fn keep_steps(&mut self, filter: &Expr, live: Arc<Live>, streams: Arc<Streams>, last_at: Timestamp) {
        let now = self.context.clock.now();
        self.steps = Some(Steps::new(&self.connection, self.stored.settled, filter, (live, streams), (now, last_at)));
    }

    /// The sender has ended: what is stored next says so.
    pub(crate) fn over(&mut self) {
        let now = self.context.clock.now();
        if let Some(steps) = &mut self.steps {
            steps.end(now);
        }
    }

    /// Takes note of an event that is set aside; written when the cursor passes it. False in a replay, where it only counts:
    /// live delivery has set it aside, or will. One that was set aside and is sent again stays aside, with the reason of today.
    pub(crate) fn quarantine(&mut self, what: Unsendable) -> bool {
        let now = self.context.clock.now();
        if let Book::Replay(_, again) = &self.book {
            if *again {
                self.pending.push((what, now));
            }
            return false;
        }
        if !what.own {
            let event = Audit::new(action::QUARANTINE, &Caller::Service)
                .on_connection(&self.connection)
                .with("seq", what.seq)
                .with("reason", &what.reason)
                .severity(Severity::Warning)
                .message(format!(
                    "Event {} cannot be sent over {} and was set aside: {}",
                    what.seq, self.connection.spec.name, what.reason
                ));
            self.telling.push((what.seq, event.build(now)));
        }
        self.pending.push((what, now));
        true
    }

    /// Takes note of positions that the log no longer has, or that lie in segments that cannot be read.
    pub(crate) fn gone(&mut self, first: Position, last: Position, damaged: &[String]) {
        let why = match damaged {
            [] => "retention removed them first".to_owned(),
            [segment] => format!("segment {segment} cannot be read; restore the file"),
            segments => format!("segments {} cannot be read; restore the files", segments.join(", ")),
        };
        let event = Audit::new(action::GAP, &Caller::Service)
            .on_connection(&self.connection)
            .with("first_seq", first)
            .with("last_seq", last)
            .with("reason", if damaged.is_empty() { "retention" } else { "damaged" })
            .severity(Severity::Warning)
            .message(format!("Events {first} to {last} were not sent over {}: {why}", self.connection.spec.name));
        self.telling.push((last, event.build(self.context.clock.now())));
    }

    /// More must not be read before something was stored.
    pub(crate) fn is_full(&self) -> bool {
        self.pending.len() + self.telling.len() >= PENDING_MAX
    }

    /// When [`begin`](Self::begin) should be called; `None` when there is nothing to store or an attempt runs.
    pub(crate) fn due(&mut self, cursor: &Cursor) -> Option<Instant> {
        if self.attempt.is_some() {
            return None;
        }
        let step = self.step_due(cursor).map(|at| at.max(self.not_before));
        let cursor = (*cursor != self.stored).then_some(self.not_before);
        step.into_iter().chain(cursor).min()
    }

    /// When a step of the history should be written.
    fn step_due(&mut self, cursor: &Cursor) -> Option<Instant> {
        let Self { context, project, steps, .. } = self;
        steps.as_mut()?.due(cursor, context.clock.now(), || context.log.head(project))
    }

    /// The step of the history to write with this cursor, if one is due.
    fn step(&mut self, cursor: &Cursor) -> Option<DeliveryStep> {
        let Self { context, project, steps, .. } = self;
        steps.as_mut()?.take(cursor, context.clock.now(), || context.log.head(project))
    }

    /// Begins to store. In its own epoch nobody else moves this cursor. In the next one, as long as this connection is
    /// not active in it, nobody else does either; that the record is as this sender left it proves it.
    pub(crate) fn begin(&mut self, cursor: Cursor) {
        self.begun = Instant::now();
        self.not_before = self.begun + EVERY;
        if let Some(replay) = self.replay_book() {
            let (told, aside) = (self.told(&cursor), self.set_aside(&cursor));
            self.attempt = Some(async move { replay.store(cursor, told, aside, false).await }.boxed());
            return;
        }
        let (epoch, expect) = match self.superseded {
            None => (self.epoch, Expect::Any),
            Some(next) if self.version == 0 => (next, Expect::Absent),
            Some(next) => (next, Expect::Version(self.version)),
        };
        let key = self.active_key();
        let fence = Change { key: key.clone(), expect: Expect::Version(epoch), effect: Effect::None };
        let step = self.step(&cursor);
        let submission = self.submission(&cursor, step, fence, expect);
        let (log, store) = (self.context.log.clone(), Arc::clone(&self.context.store));
        let (project, connection) = (self.project.clone(), self.connection.id.clone());
        let attempt = async move {
            let submit = async {
                let mut submission = submission?;
                let room = room_for(&submission.changes, &*store, &project, &connection, KEPT_MAX).await?;
                submission.changes.extend(room);
                log.submit(submission).await
            };
            let result = submit.await;
            match result {
                Ok(_) => Outcome::Done(Box::new(cursor)),
                Err(error) if error.kind == Kind::Conflict => Outcome::Lost(read_active(&*store, &key).await),
                Err(error) => Outcome::Failed(error),
            }
        };
        self.attempt = Some(attempt.boxed());
    }

    fn submission(
        &self,
        cursor: &Cursor,
        step: Option<DeliveryStep>,
        fence: Change,
        expect: Expect,
    ) -> Result<Submission> {
        let mut changes = vec![fence];
        changes.extend(self.changes(cursor, expect)?);
        if let Some(step) = step {
            let id = DeliveryStep::record_id(&self.connection.id, step.at);
            changes.push(Change {
                key: RecordKey::of(RecordKind::DeliveryStep, &self.project, id),
                expect: Expect::Any,
                effect: Effect::Put(DeliveryStepRecord::from(step).encode()?),
            });
        }
        let events = self.told(cursor);
        Ok(Submission { project: Some(self.project.clone()), events, changes })
    }

    /// The events that tell of what the cursor has passed.
    fn told(&self, cursor: &Cursor) -> Vec<Event> {
        let told = self.telling.iter().filter(|(at, _)| *at <= cursor.settled);
        told.map(|(_, event)| event.clone()).collect()
    }

    fn replay_book(&self) -> Option<ReplayBook> {
        let Book::Replay(id, again) = &self.book else { return None };
        let id = id.clone();
        let (context, project) = (self.context.clone(), self.project.clone());
        let (connection, epoch) = (self.connection.clone(), self.epoch);
        Some(ReplayBook { context, project, connection, epoch, id, again: *again })
    }

    /// The events set aside that the cursor has passed.
    fn set_aside(&self, cursor: &Cursor) -> Vec<Quarantined> {
        let passed = self.pending.iter().filter(|(what, _)| what.seq <= cursor.settled);
        passed
            .map(|(what, at)| Quarantined { seq: what.seq, reason: what.reason.clone(), at: *at, replay: None })
            .collect()
    }

    fn changes(&self, cursor: &Cursor, expect: Expect) -> Result<Vec<Change>> {
        let (kind, document) = match &self.book {
            Book::Fresh(fresh, _) => {
                let fresh = Fresh { cursor: cursor.clone(), ..(**fresh).clone() };
                (RecordKind::Fresh, FreshRecord::from(fresh).encode()?)
            }
            Book::Cursor | Book::Replay(..) => (RecordKind::Cursor, CursorRecord::from(cursor.clone()).encode()?),
        };
        // A step alone leaves the cursor as it is.
        let effect = if *cursor == self.stored { Effect::None } else { Effect::Put(document) };
        let key = RecordKey::of(kind, &self.project, self.connection.id.as_str());
        let mut changes = vec![Change { key, expect, effect }];
        for record in self.set_aside(cursor) {
            let id = Quarantined::record_id(&self.connection.id, record.seq);
            changes.push(Change {
                key: RecordKey::of(RecordKind::Quarantine, &self.project, id),
                expect: Expect::Any,
                effect: Effect::Put(QuarantineRecord::from(record).encode()?),
            });
        }
        Ok(changes)
    }

    /// Waits for the running attempt; for ever when none runs. May be dropped at any point.
    pub(crate) async fn finished(&mut self) -> Stored {
        let Some(attempt) = &mut self.attempt else { return std::future::pending().await };
        let outcome = attempt.await;
        self.attempt = None;
        if let Some(steps) = &mut self.steps {
            steps.stored(matches!(outcome, Outcome::Done(_)));
        }
        match outcome {
            Outcome::Done(cursor) => {
                self.version += u64::from(*cursor != self.stored);
                if self.superseded.is_none() {
                    self.confirmed = self.confirmed.max(Some(self.begun));
                }
                self.pending.retain(|(what, _)| what.seq > cursor.settled);
                self.telling.retain(|(at, _)| *at > cursor.settled);
                self.stored = *cursor;
                if let Book::Fresh(fresh, streams) = &self.book {
                    streams.stored(SecondStream::of(fresh.from, &self.stored));
                }
                Stored::Done
            }
            Outcome::Lost(Ok(Some((active, version)))) => {
                let mine = active.connection.as_ref() == Some(&self.connection.id);
                if version != self.epoch + 1 || mine || self.superseded.replace(version).is_some() {
                    return Stored::Fenced;
                }
                self.not_before = Instant::now();
                Stored::Superseded
            }
            Outcome::Lost(Ok(None)) => Stored::Fenced,
            Outcome::Failed(error) | Outcome::Lost(Err(error)) => {
                tracing::warn!(connection = %self.connection.id, %error, "the cursor could not be stored; trying again");
                self.not_before = Instant::now() + RETRY;
                Stored::Failed
            }
        }
    }

    /// Stores `cursor` and waits for it.
    pub(crate) async fn store(&mut self, cursor: &Cursor) -> Stored {
        if self.attempt.is_some() && self.finished().await == Stored::Fenced {
            return Stored::Fenced;
        }
        if *cursor == self.stored && self.step_due(cursor).is_none_or(|at| at > Instant::now()) {
            return Stored::Done;
        }
        self.begin(cursor.clone());
        let stored = self.finished().await;
        if stored != Stored::Superseded {
            return stored;
        }
        self.begin(cursor.clone());
        self.finished().await
    }

    /// Stores that a replay has come to its end, and tells of it.
    pub(crate) async fn end(&mut self, cursor: &Cursor) -> Stored {
        if self.attempt.is_some() && self.finished().await == Stored::Fenced {
            return Stored::Fenced;
        }
        let Some(replay) = self.replay_book() else { return self.store(cursor).await };
        let (cursor, told, aside) = (cursor.clone(), self.told(cursor), self.set_aside(cursor));
        self.attempt = Some(async move { replay.store(cursor, told, aside, true).await }.boxed());
        self.finished().await
    }

    /// This sender's epoch is still the stored one.
    pub(crate) async fn holds_epoch(&mut self) -> Result<bool> {
        let (begun, key) = (Instant::now(), self.active_key());
        let held = read_active(&*self.context.store, &key).await?.is_some_and(|(_, version)| version == self.epoch);
        if held {
            self.confirmed = self.confirmed.max(Some(begun));
        }
        Ok(held)
    }

    /// For how long nothing has proved that the epoch is still this sender's.
    pub(crate) fn unconfirmed(&self) -> Duration {
        self.confirmed.map_or(Duration::MAX, |at| at.elapsed())
    }

    fn active_key(&self) -> RecordKey {
        RecordKey::of(RecordKind::ActiveConnection, &self.project, "active")
    }
}

pub(super) async fn read_active(store: &dyn Store, key: &RecordKey) -> Result<Option<(ActiveConnection, u64)>> {
    let record = store.record(key).await?;
    record.map(|r| Ok((ActiveConnectionRecord::decode(&r)?.into_current(), r.version))).transpose()
}
