//! Stores how far a replay has come. Verbs pause, resume and cancel it meanwhile, so its record is read anew each time and only
//! its progress, or its end, is changed.

use auditwire_model::access::Caller;
use auditwire_model::event::Event;
use auditwire_model::{Position, ProjectId};

use super::super::Context;
use super::ledger::{Outcome, read_active};
use crate::audit::{Audit, action};
use crate::error::{Kind, Result};
use crate::log::Submission;
use crate::records::{
    Cursor, Document, QuarantineRecord, Quarantined, Replay, ReplayRecord, ReplayState, StoredConnection,
};
use crate::replays::{set_aside_among, set_aside_for};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};

/// How often a store is tried anew when a verb was faster.
const ATTEMPTS: usize = 10;

/// What becomes of entries of the quarantine.
#[derive(Default)]
struct Leaving {
    changes: Vec<Change>,
    /// What was sent and leaves the list.
    cleared: Vec<Position>,
}

/// Where the progress of one replay is written.
pub(super) struct ReplayBook {
    pub(super) context: Context,
    pub(super) project: ProjectId,
    pub(super) connection: StoredConnection,
    pub(super) epoch: u64,
    pub(super) id: String,
    /// It sends what was set aside; what could be sent leaves the quarantine when it is over.
    pub(super) again: bool,
}

impl ReplayBook {
    /// Writes the progress with what could not become a message this time either, and with `over` the end. A replay that is
    /// gone, or was ended, is written no more.
    pub(super) async fn store(
        self,
        cursor: Cursor,
        events: Vec<Event>,
        aside: Vec<Quarantined>,
        over: bool,
    ) -> Outcome {
        for _ in 0..ATTEMPTS {
            match self.try_store(&cursor, &events, &aside, over).await {
                Ok(true) => return Outcome::Done(Box::new(cursor)),
                Ok(false) => return Outcome::Lost(Ok(None)),
                Err(error) if error.kind == Kind::Conflict => {
                    let active = read_active(&*self.context.store, &self.active_key()).await;
                    if !matches!(active, Ok(Some((_, version))) if version == self.epoch) {
                        return Outcome::Lost(Ok(None));
                    }
                }
                Err(error) => return Outcome::Failed(error),
            }
        }
        Outcome::Failed(crate::error::Error::new(Kind::Conflict, "conflict", "the replay is changed all the time"))
    }

    /// False when there is nothing to write to.
    async fn try_store(&self, cursor: &Cursor, events: &[Event], aside: &[Quarantined], over: bool) -> Result<bool> {
        let key = RecordKey::of(RecordKind::Replay, &self.project, &self.id);
        let Some(record) = self.context.store.record(&key).await? else { return Ok(false) };
        let mut replay = ReplayRecord::decode(&record)?.into_current();
        if replay.state.is_over() {
            return Ok(false);
        }
        replay.progress = cursor.clone();
        let quarantine = self.quarantine(aside, over).await?;
        let mut events = events.to_vec();
        if over {
            let now = self.context.clock.now();
            (replay.state, replay.ended_at) = (ReplayState::Done, Some(now));
            replay.sent_again = quarantine.cleared;
            events.push(self.ended(&replay).build(now));
        }
        let fence = Change { key: self.active_key(), expect: Expect::Version(self.epoch), effect: Effect::None };
        let put = Effect::Put(ReplayRecord::from(replay).encode()?);
        let mut changes = vec![fence, Change { key, expect: Expect::Version(record.version), effect: put }];
        changes.extend(quarantine.changes);
        self.context.log.submit(Submission { project: Some(self.project.clone()), events, changes }).await?;
        Ok(true)
    }

    /// Entries that stay aside get the reason of today; in the end the others are cleared. One that somebody took off the list
    /// meanwhile does not come back.
    async fn quarantine(&self, aside: &[Quarantined], over: bool) -> Result<Leaving> {
        if !self.again || (aside.is_empty() && !over) {
            return Ok(Leaving::default());
        }
        let (store, connection) = (&*self.context.store, &self.connection.id);
        let entries = match over {
            true => set_aside_for(store, &self.project, connection, &self.id).await?,
            false => set_aside_among(store, &self.project, connection, &self.id, aside).await?,
        };
        let Leaving { mut changes, mut cleared } = Leaving::default();
        for (entry, version) in entries {
            let effect = match aside.iter().find(|again| again.seq == entry.seq) {
                Some(again) => Effect::Put(QuarantineRecord::from(again.clone()).encode()?),
                None if over => {
                    cleared.push(entry.seq);
                    Effect::Delete
                }
                None => continue,
            };
            let id = Quarantined::record_id(&self.connection.id, entry.seq);
            let key = RecordKey::of(RecordKind::Quarantine, &self.project, id);
            changes.push(Change { key, expect: Expect::Version(version), effect });
        }
        cleared.sort_unstable();
        Ok(Leaving { changes, cleared })
    }

    fn ended(&self, replay: &Replay) -> Audit {
        let Cursor { sent, resent, quarantined, .. } = replay.progress;
        let to = &self.connection.spec.name;
        Audit::new(action::REPLAY_END, &Caller::Service)
            .on_connection(&self.connection)
            .with("replay", &replay.id)
            .with("sent", sent)
            .with("resent", resent)
            .with("quarantined", quarantined)
            .message(format!("The replay to {to} is complete: {sent} events were sent again and acknowledged"))
    }

    fn active_key(&self) -> RecordKey {
        RecordKey::of(RecordKind::ActiveConnection, &self.project, "active")
    }
}
