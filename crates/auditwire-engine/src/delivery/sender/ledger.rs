//! Stores the cursor, in steps, fenced by the epoch: together with the quarantine and the events that tell of it, in one
//! transaction. Whoever lost the epoch can store nothing any more.

use std::time::Duration;

use auditwire_model::access::Caller;
use auditwire_model::event::Event;
use auditwire_model::{Position, ProjectId, Severity, Timestamp};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::super::Context;
use super::feed::Unsendable;
use crate::audit::{Audit, action};
use crate::error::{Kind, Result};
use crate::log::{Receipt, Submission};
use crate::records::{
    ActiveConnection, ActiveConnectionRecord, Cursor, CursorRecord, Document, QuarantineRecord, Quarantined,
    StoredConnection,
};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};

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
    /// Another epoch has begun: this sender is over.
    Fenced,
    /// Not now; tried again later.
    Failed,
}

type Attempt = BoxFuture<'static, (Result<Receipt>, Box<Cursor>, Position)>;

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
    not_before: Instant,
    attempt: Option<Attempt>,
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
    ) -> Self {
        let (pending, telling, not_before) = (Vec::new(), Vec::new(), Instant::now());
        Self { context, project, connection, epoch, version, stored, pending, telling, not_before, attempt: None }
    }

    /// Takes note of an event that is set aside; written when the cursor passes it.
    pub(crate) fn quarantine(&mut self, what: Unsendable) {
        let now = self.context.clock.now();
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
    }

    /// Takes note of positions that the log no longer has.
    pub(crate) fn gone(&mut self, first: Position, last: Position) {
        let event = Audit::new(action::GAP, &Caller::Service)
            .on_connection(&self.connection)
            .with("first_seq", first)
            .with("last_seq", last)
            .with("reason", "retention")
            .severity(Severity::Warning)
            .message(format!(
                "Events {first} to {last} were not sent over {}: retention removed them first",
                self.connection.spec.name
            ));
        self.telling.push((last, event.build(self.context.clock.now())));
    }

    /// More must not be read before something was stored.
    pub(crate) fn is_full(&self) -> bool {
        self.pending.len() + self.telling.len() >= PENDING_MAX
    }

    /// When [`begin`](Self::begin) should be called; `None` when there is nothing to store or an attempt runs.
    pub(crate) fn due(&self, cursor: &Cursor) -> Option<Instant> {
        (self.attempt.is_none() && *cursor != self.stored).then_some(self.not_before)
    }

    /// Begins to store.
    pub(crate) fn begin(&mut self, cursor: Cursor) {
        let fence = Change { key: self.active_key(), expect: Expect::Version(self.epoch), effect: Effect::None };
        self.start(cursor, vec![fence], Expect::Any);
    }

    fn start(&mut self, cursor: Cursor, mut changes: Vec<Change>, expect: Expect) {
        self.not_before = Instant::now() + EVERY;
        let settled = cursor.settled;
        let submission = self.changes(&cursor, expect).map(|more| {
            changes.extend(more);
            let events = self.telling.iter().filter(|(at, _)| *at <= settled).map(|(_, e)| e.clone()).collect();
            Submission { project: Some(self.project.clone()), events, changes }
        });
        let log = self.context.log.clone();
        let store = async move {
            let result = match submission {
                Ok(submission) => log.submit(submission).await,
                Err(error) => Err(error),
            };
            (result, Box::new(cursor), settled)
        };
        self.attempt = Some(store.boxed());
    }

    fn changes(&self, cursor: &Cursor, expect: Expect) -> Result<Vec<Change>> {
        let mut changes = vec![Change {
            key: RecordKey::of(RecordKind::Cursor, &self.project, self.connection.id.as_str()),
            expect,
            effect: Effect::Put(CursorRecord::from(cursor.clone()).encode()?),
        }];
        for (what, at) in self.pending.iter().filter(|(what, _)| what.seq <= cursor.settled) {
            let id = format!("{}/{:020}", self.connection.id, what.seq.0);
            let record = Quarantined { seq: what.seq, reason: what.reason.clone(), at: *at };
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
        let (result, cursor, settled) = attempt.await;
        self.attempt = None;
        match result {
            Ok(_) => {
                self.stored = *cursor;
                self.version += 1;
                self.pending.retain(|(what, _)| what.seq > settled);
                self.telling.retain(|(at, _)| *at > settled);
                Stored::Done
            }
            Err(error) if error.kind == Kind::Conflict => Stored::Fenced,
            Err(error) => {
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
        if *cursor == self.stored {
            return Stored::Done;
        }
        self.begin(cursor.clone());
        self.finished().await
    }

    /// The last store of a sender that was told to stop. The change that stopped it has begun the next epoch already;
    /// as long as it is the next one, and this connection is not active in it, nobody else moves this cursor.
    pub(crate) async fn store_last(&mut self, cursor: &Cursor) -> Stored {
        let first = self.store(cursor).await;
        if first != Stored::Fenced {
            return first;
        }
        let Ok(Some((active, version))) = self.active().await else { return Stored::Fenced };
        if version != self.epoch + 1 || active.connection.as_ref() == Some(&self.connection.id) {
            return Stored::Fenced;
        }
        let fence = Change { key: self.active_key(), expect: Expect::Version(version), effect: Effect::None };
        let expect = if self.version == 0 { Expect::Absent } else { Expect::Version(self.version) };
        self.start(cursor.clone(), vec![fence], expect);
        self.finished().await
    }

    /// This sender's epoch is still the stored one.
    pub(crate) async fn holds_epoch(&mut self) -> Result<bool> {
        Ok(self.active().await?.is_some_and(|(_, version)| version == self.epoch))
    }

    async fn active(&mut self) -> Result<Option<(ActiveConnection, u64)>> {
        let record = self.context.store.record(&self.active_key()).await?;
        record.map(|r| Ok((ActiveConnectionRecord::decode(&r)?.into_current(), r.version))).transpose()
    }

    fn active_key(&self) -> RecordKey {
        RecordKey::of(RecordKind::ActiveConnection, &self.project, "active")
    }
}
