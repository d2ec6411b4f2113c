//! What became of one event: for each connection whether it was acknowledged, kept back by its filter, set aside, left out, or
//! waits, and when.
//!
//! An acknowledgement is known as exactly as the steps are: between two of them, and never before the event was received. What
//! cannot be known is said to be unknown.

use std::collections::BTreeSet;

use arrow_array::RecordBatch;
use auditwire_model::access::{Caller, Verb};
use auditwire_model::connection::Transport;
use auditwire_model::event::view;
use auditwire_model::query::{Expr, evaluate, parse};
use auditwire_model::{ConnectionId, Position, ProjectId, Timestamp};

use super::read;
use crate::delivery::passing;
use crate::error::Result;
use crate::projects::authorize;
use crate::records::{
    DeliveryStep, Document, QuarantineRecord, Quarantined, Replay, ReplayRecord, SecondStream, StoredConnection, Totals,
};
use crate::store::{RecordKey, RecordKind};
use crate::{Engine, connections, search};

/// Deliveries that are told of one connection at most, newest kept: its beginning may have been chosen again and again.
const TOLD: usize = 10;

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDelivery {
    /// Which.
    pub seq: Position,
    /// When it came in.
    pub received_at: Timestamp,
    /// By connection, active one first, then by name; of one connection in order of time.
    pub deliveries: Vec<Delivered>,
}

/// What became of an event with one connection, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Which.
    pub connection: ConnectionId,
    /// The name that it has, or had last.
    pub name: String,
    /// It is not there any more.
    pub deleted: bool,
    /// How messages travelled; `None` when that is not known any more.
    pub transport: Option<Transport>,
    /// The revision that decided; `None` while none has, or when it is not known.
    pub revision: Option<u64>,
    /// What became of it.
    pub state: EventState,
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventState {
    /// The receiver's side has acknowledged it (over UDP: it was sent, and not refused), after the one and not after the
    /// other time.
    Acknowledged {
        /// It had not been before.
        after: Timestamp,
        /// It had been by then.
        by: Timestamp,
        /// The replay that sent it.
        replay: Option<String>,
    },
    /// The filter kept it back.
    Filtered {
        /// It had not come to it before.
        after: Timestamp,
        /// It had come to it by then.
        by: Timestamp,
    },
    /// It could not become a message.
    Quarantined {
        /// When.
        at: Timestamp,
        /// Why, for people.
        reason: String,
    },
    /// Delivery has passed it, and how is not known any more.
    Unknown {
        /// It had not come to it before.
        after: Timestamp,
        /// It had come to it by then.
        by: Timestamp,
        /// What is missing.
        why: Unknown,
    },
    /// The connection is active and has not settled it.
    Waiting {
        /// Events before it that are not settled either.
        before: u64,
    },
    /// The connection was stopped before it. It is sent when the connection continues.
    Stopped,
    /// The connection began behind it.
    Skipped {
        /// When that was chosen.
        at: Timestamp,
    },
}

/// Why it is not known what became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// Acknowledged or kept back: the filter of that revision is not known any more.
    FilterForgotten,
    /// Acknowledged, kept back or left out: it was before the history that is kept.
    BeforeHistory,
    /// Acknowledged, or set aside: somebody cleared entries of that time from the quarantine.
    QuarantineCleared,
}

impl EventState {
    /// The word in answers.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Acknowledged { .. } => "acknowledged",
            Self::Filtered { .. } => "filtered",
            Self::Quarantined { .. } => "quarantined",
            Self::Unknown { .. } => "unknown",
            Self::Waiting { .. } => "waiting",
            Self::Stopped => "stopped",
            Self::Skipped { .. } => "skipped",
        }
    }
}

/// What became of the event at `seq`.
///
/// # Errors
/// `forbidden`, `project_not_found`, `event_not_found`.
pub async fn event(engine: &Engine, caller: &Caller, project: &ProjectId, seq: Position) -> Result<EventDelivery> {
    authorize(engine, caller, project, Verb::EventDelivery).await?;
    let batch = search::event(engine, caller, project, seq).await?;
    let received_at = view(&batch, 0).received_at;
    let active = connections::active_record(engine, project).await?.connection;
    let mut ids = read::connections(engine, project).await?;
    for record in engine.store.records(RecordKind::Cursor, Some(project)).await? {
        ids.extend(ConnectionId::parse(&record.key.id).ok().filter(|id| !ids.contains(id)));
    }
    let mut deliveries = Vec::new();
    for id in ids {
        let is_active = active.as_ref() == Some(&id);
        let case = Case::read(engine, project, &id, is_active, &batch, seq).await?;
        deliveries.extend(case.deliveries(engine, project).await?);
    }
    deliveries.sort_by_key(|one| (active.as_ref() != Some(&one.connection), one.name.clone(), one.connection.clone()));
    Ok(EventDelivery { seq, received_at, deliveries })
}

/// An event and a connection.
struct Case<'a> {
    id: ConnectionId,
    stored: Option<StoredConnection>,
    is_active: bool,
    steps: Vec<DeliveryStep>,
    /// How far it has come; `None` when it was never active, or is deleted.
    settled: Option<Position>,
    /// While fresh events go first.
    second: Option<SecondStream>,
    /// What was sent again of what had been set aside.
    again: Vec<Replay>,
    batch: &'a RecordBatch,
    seq: Position,
    received_at: Timestamp,
    now: Timestamp,
}

/// Delivery went over the event's position between two moments.
struct Passed {
    after: Timestamp,
    by: Timestamp,
    /// Behind the first, up to the last.
    from: Position,
    to: Position,
    /// All positions that it went over between the two moments, and what was counted of them.
    positions: u64,
    counted: Totals,
    /// Whose filter decided.
    revision: u64,
}

impl<'a> Case<'a> {
    async fn read(
        engine: &Engine,
        project: &ProjectId,
        id: &ConnectionId,
        is_active: bool,
        batch: &'a RecordBatch,
        seq: Position,
    ) -> Result<Self> {
        let received_at = view(batch, 0).received_at;
        let mut steps = read::steps(engine, project, id, received_at).await?;
        let stored = connections::named(engine, project, id).await?;
        let cursor = connections::cursor_of(engine, project, id).await?;
        let now = engine.clock.now();
        // What came before the first step may have been merged into it.
        if let Some(before) = steps.first().and_then(before) {
            steps.insert(0, before);
        }
        // What was settled since the last step: one is written within 10 s, or when the next sender begins.
        let mut settled = cursor.as_ref().map(|cursor| (cursor.settled, Totals::from(cursor)));
        if let Some(live) = engine.delivery.live(id) {
            let shown = (live.delivery.cursor, Totals::from(&live.delivery));
            settled = settled.filter(|(stored, _)| *stored >= shown.0).or(Some(shown));
        }
        let second = read::second(engine, project, id).await?;
        if let Some((settled, own)) = settled
            && let Some(last) = steps.last()
            && (settled > last.settled || through(second) > through(last.second))
        {
            let totals = second.iter().fold(own, |own, second| own.and(&second.totals));
            let (at, settled) = (now.max(last.at), settled.max(last.settled));
            steps.push(DeliveryStep { at, settled, totals, second, ..plain(last) });
        }
        let again = sent_again(engine, project, id).await?;
        let settled = settled.map(|(settled, _)| settled);
        Ok(Self { id: id.clone(), stored, is_active, steps, settled, second, again, batch, seq, received_at, now })
    }

    async fn deliveries(&self, engine: &Engine, project: &ProjectId) -> Result<Vec<Delivered>> {
        let mut told = Vec::new();
        let set_aside = self.again.iter().any(|replay| replay.sent_again.binary_search(&self.seq).is_ok());
        // Why it was set aside left the list with its entry; that it was sent again is what counts.
        for passed in self.passed().into_iter().filter(|_| !set_aside) {
            let state = self.what_became(engine, project, &passed).await?;
            told.push(self.delivered(Some(passed.revision), state));
        }
        for (replay, after, by) in self.replayed(engine, project).await? {
            told.push(self.delivered(None, EventState::Acknowledged { after, by, replay: Some(replay) }));
        }
        if told.is_empty() {
            told.extend(self.not_passed().map(|state| self.delivered(None, state)));
        }
        told.drain(..told.len().saturating_sub(TOLD));
        Ok(told)
    }

    /// Each time that delivery went over the event's position.
    fn passed(&self) -> Vec<Passed> {
        let mut found = Vec::new();
        for pair in self.steps.windows(2) {
            let [before, step] = pair else { continue };
            for Stretches { parts, counted } in stretches(before, step) {
                let positions = parts.iter().map(|(_, from, to)| to.0.saturating_sub(from.0)).sum();
                for (decider, from, to) in parts {
                    if from < self.seq && self.seq <= to {
                        let (after, by) = (before.at.max(self.received_at), step.at.max(self.received_at));
                        found.push(Passed { after, by, from, to, positions, counted, revision: decider.revision });
                    }
                }
            }
        }
        found
    }

    async fn what_became(&self, engine: &Engine, project: &ProjectId, passed: &Passed) -> Result<EventState> {
        let (after, by) = (passed.after, passed.by);
        let key = |seq| RecordKey::of(RecordKind::Quarantine, project, Quarantined::record_id(&self.id, seq));
        if let Some(record) = engine.store.record(&key(self.seq)).await? {
            let Quarantined { at, reason, .. } = QuarantineRecord::decode(&record)?.into_current();
            return Ok(EventState::Quarantined { at, reason });
        }
        match self.passes(engine, project, passed).await? {
            Some(false) => return Ok(EventState::Filtered { after, by }),
            None => return Ok(EventState::Unknown { after, by, why: Unknown::FilterForgotten }),
            Some(true) => {}
        }
        if passed.counted.quarantined > 0 {
            let ids = [key(passed.from.next()).id, key(passed.to.next()).id];
            let kept = engine.store.record_ids(RecordKind::Quarantine, project, [&ids[0], &ids[1]]).await?;
            let again = self.again.iter().flat_map(|replay| &replay.sent_again);
            let again = again.filter(|seq| passed.from < **seq && **seq <= passed.to).collect::<BTreeSet<_>>();
            if ((kept.len() + again.len()) as u64) < passed.counted.quarantined {
                return Ok(EventState::Unknown { after, by, why: Unknown::QuarantineCleared });
            }
        }
        Ok(EventState::Acknowledged { after, by, replay: None })
    }

    /// Whether the filter let the event through; `None` when nobody knows any more.
    async fn passes(&self, engine: &Engine, project: &ProjectId, passed: &Passed) -> Result<Option<bool>> {
        if let Some(filter) = self.filter_of(engine, project, passed.revision).await? {
            return Ok(Some(self.matches(&filter)));
        }
        // A stretch in which nothing, or everything, was kept back tells it, too.
        Ok(match passed.counted.filtered {
            0 => Some(true),
            filtered if filtered == passed.positions => Some(false),
            _ => None,
        })
    }

    /// What a revision let through.
    async fn filter_of(&self, engine: &Engine, project: &ProjectId, revision: u64) -> Result<Option<Expr>> {
        if let Some(stored) = self.stored.as_ref().filter(|stored| stored.revision == revision) {
            return Ok(passing(stored).ok());
        }
        let known = self.steps.iter().filter(|step| step.revision == revision);
        let mut beginning = known.filter_map(|step| step.beginning.clone()).next();
        if beginning.is_none()
            && let Some(first) = self.steps.first()
        {
            beginning = read::beginning(engine, project, &self.id, revision, first.at).await?;
        }
        Ok(beginning.and_then(|beginning| parse(&beginning.filter, None).ok()).map(|parsed| parsed.expr))
    }

    fn matches(&self, filter: &Expr) -> bool {
        let selected = evaluate(filter, self.batch);
        !selected.is_empty() && selected.value(0)
    }

    /// The replays of the connection that have sent it again.
    async fn replayed(&self, engine: &Engine, project: &ProjectId) -> Result<Vec<(String, Timestamp, Timestamp)>> {
        let mut found = Vec::new();
        for record in engine.store.records(RecordKind::Replay, Some(project)).await? {
            let replay = ReplayRecord::decode(&record)?.into_current();
            if replay.connection == self.id && !replay.quarantined && self.was_in(engine, project, &replay).await? {
                let by = replay.ended_at.unwrap_or(self.now);
                found.push((replay.id, replay.created_at, by));
            }
        }
        for replay in &self.again {
            if replay.sent_again.binary_search(&self.seq).is_ok() {
                found.push((replay.id.clone(), replay.created_at, replay.ended_at.unwrap_or(self.now)));
            }
        }
        found.sort_by_key(|(_, after, _)| *after);
        Ok(found)
    }

    /// The replay has come past the event, and it was one of those that it sent.
    async fn was_in(&self, engine: &Engine, project: &ProjectId, replay: &Replay) -> Result<bool> {
        let at = view(self.batch, 0).timestamp;
        let in_time = replay.time_from.is_none_or(|from| from <= at) && replay.time_to.is_none_or(|to| at < to);
        let wanted = replay.wanted().is_ok_and(|wanted| self.matches(&wanted));
        if replay.progress.settled < self.seq || self.seq > replay.last || !in_time || !wanted {
            return Ok(false);
        }
        // The filter of the revision that was active when the replay was asked for.
        let then = self.steps.iter().rfind(|step| step.at <= replay.created_at).map(|step| step.revision);
        let Some(revision) = then.or(self.stored.as_ref().map(|stored| stored.revision)) else { return Ok(true) };
        let filter = self.filter_of(engine, project, revision).await?;
        Ok(filter.is_none_or(|filter| self.matches(&filter)))
    }

    /// Why delivery has not gone over it, as far as the history tells.
    fn not_passed(&self) -> Option<EventState> {
        let of_second = self.second.filter(|second| second.from <= self.seq).map(|second| second.settled);
        let settled = of_second.or(self.settled)?;
        if settled < self.seq {
            let before = self.seq.0 - settled.0 - 1;
            return Some(if self.is_active { EventState::Waiting { before } } else { EventState::Stopped });
        }
        // It began behind the event, and was not moved back before it.
        let moves = self.steps.iter().filter_map(|step| Some((step.moved?, step.at)));
        let mut over = moves.filter(|(moved, _)| moved.from.unwrap_or_default() < self.seq && self.seq <= moved.to);
        if let Some((_, at)) = over.next_back() {
            return Some(EventState::Skipped { at });
        }
        let by = self.steps.first().map_or(self.now, |first| first.at.max(self.received_at));
        Some(EventState::Unknown { after: self.received_at, by, why: Unknown::BeforeHistory })
    }

    fn delivered(&self, revision: Option<u64>, state: EventState) -> Delivered {
        let of_revision = |step: &&DeliveryStep| revision.is_none_or(|revision| step.revision == revision);
        let beginning = self.steps.iter().rev().filter(of_revision).find_map(|step| step.beginning.as_ref());
        let last = self.steps.iter().rev().find_map(|step| step.beginning.as_ref());
        let current = self.stored.as_ref();
        let name = current.map(|stored| &stored.spec.name).or(last.map(|beginning| &beginning.name));
        let is_current = |stored: &&StoredConnection| revision.is_none_or(|revision| stored.revision == revision);
        Delivered {
            connection: self.id.clone(),
            name: name.cloned().unwrap_or_default(),
            deleted: current.is_none(),
            transport: beginning
                .map(|beginning| beginning.transport)
                .or(current.filter(is_current).map(|stored| stored.spec.transport)),
            revision,
            state,
        }
    }
}

/// What delivery went over between two steps: behind the first position, up to the last, and the step whose filter decided.
struct Stretches<'s> {
    parts: Vec<Part<'s>>,
    /// What was counted of all of them.
    counted: Totals,
}

/// What each stream went over between two steps.
fn stretches<'s>(before: &'s DeliveryStep, step: &'s DeliveryStep) -> Vec<Stretches<'s>> {
    let (first, rest) = own_parts(before, step);
    let own = || step.own_totals().since(&before.own_totals());
    let both = |counted, of_second: Vec<_>, second| {
        let parts = first.iter().chain(&rest).copied().collect();
        vec![Stretches { parts, counted }, Stretches { parts: of_second, counted: second }]
    };
    match (before.second, step.second) {
        (None, None) => both(own(), Vec::new(), Totals::default()),
        (None, Some(is)) => both(own(), vec![(step, is.base(), is.settled)], is.totals),
        (Some(was), Some(is)) if was.from == is.from => {
            both(own(), vec![(step, was.settled, is.settled)], is.totals.since(&was.totals))
        }
        // The two became one. What the second had settled was told by the steps before.
        (Some(was), is) => {
            let mut parts: Vec<_> = first.into_iter().flat_map(|part| without(part, was)).collect();
            parts.extend(rest);
            parts.extend(is.map(|is| (step, is.base(), is.settled)));
            vec![Stretches { parts, counted: step.totals.since(&before.totals) }]
        }
    }
}

type Part<'s> = (&'s DeliveryStep, Position, Position);

/// What a connection's own stream went over: before the sender that began meanwhile, and by it.
fn own_parts<'s>(before: &'s DeliveryStep, step: &'s DeliveryStep) -> (Vec<Part<'s>>, Vec<Part<'s>>) {
    let mut first = Vec::with_capacity(2);
    let mut at = before.settled;
    if let Some(moved) = step.moved {
        first.push((before, at, moved.from.unwrap_or(at)));
        at = moved.to;
    }
    // What a sender left behind that ended without a word was settled by it, not by the one that began later.
    let none_began =
        if step.moved.is_none() && before.second.is_some() && step.second.is_none() { step.settled } else { at };
    let began = step.beginning.as_ref().map_or(none_began, |beginning| beginning.settled.max(at)).min(step.settled);
    let rest = vec![(step, began, step.settled)];
    if step.moved.is_none() {
        first.push((before, at, began));
        return (first, rest);
    }
    (first, [vec![(before, at, began)], rest].concat())
}

/// A stretch without what a second stream has settled in it.
fn without((decider, from, to): Part<'_>, second: SecondStream) -> Vec<Part<'_>> {
    if from <= second.base() && second.settled <= to {
        return vec![(decider, from, second.base()), (decider, second.settled, to)];
    }
    vec![(decider, from, to)]
}

/// How far a second stream has come.
fn through(second: Option<SecondStream>) -> Option<(Position, Position)> {
    second.map(|second| (second.from, second.settled))
}

/// The replays of what had been set aside that are done.
async fn sent_again(engine: &Engine, project: &ProjectId, id: &ConnectionId) -> Result<Vec<Replay>> {
    let records = engine.store.records(RecordKind::Replay, Some(project)).await?;
    let replays = records.iter().map(|record| Ok(ReplayRecord::decode(record)?.into_current()));
    replays
        .filter(|replay: &Result<Replay>| {
            replay.as_ref().map_or(true, |replay| replay.connection == *id && !replay.sent_again.is_empty())
        })
        .collect()
}

/// Where delivery stood before the first step, if that says so.
fn before(first: &DeliveryStep) -> Option<DeliveryStep> {
    let settled = first.base().filter(|base| *base <= first.settled || first.moved.is_some())?;
    // When that was is not known any more, nor what was counted by then.
    Some(DeliveryStep { at: Timestamp::EPOCH, settled, totals: Totals::default(), ..plain(first) })
}

/// A step like this one, in which nothing began or changed.
fn plain(step: &DeliveryStep) -> DeliveryStep {
    DeliveryStep { beginning: None, moved: None, changes: Vec::new(), ..step.clone() }
}

#[cfg(test)]
mod tests;
