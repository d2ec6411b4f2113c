//! Decides when a step of the delivery's history is due, and what stands in it. Pure but for the clock of its pace; the ledger
//! writes the steps together with the cursor, under the same fence.
//!
//! A connection for which nothing happens costs nothing: there is one step when its sender begins, one when it ends, and
//! between them only what changes is written, at most every 10 s.

use std::sync::Arc;
use std::time::Duration;

use auditwire_model::query::Expr;
use auditwire_model::{Position, Timestamp};
use tokio::time::Instant;

use super::super::Status;
use super::super::live::Live;
use super::super::streams::Streams;
use crate::history::next_at;
use crate::records::{
    Beginning, CHANGES_MAX, Cursor, DeliveryStep, SecondStream, StateChange, StoredConnection, Totals,
};

/// At most so often while counters change.
const EVERY: Duration = Duration::from_secs(10);
/// At most so often while the state changes.
const STATE_EVERY: Duration = Duration::from_secs(1);
/// How often a state that is not well is looked at again: it changes with time alone.
const LOOK: Duration = Duration::from_secs(2);

/// The steps of one sender.
#[derive(Debug)]
pub(super) struct Steps {
    live: Arc<Live>,
    streams: Arc<Streams>,
    revision: u64,
    /// Until it is written.
    beginning: Option<Beginning>,
    /// Steps are in order of time, also after a clock was set back: the next one is later than this.
    last_at: Timestamp,
    /// The last step that was written, and when.
    written: Option<(DeliveryStep, Instant)>,
    /// Being written.
    building: Option<DeliveryStep>,
    /// Changes of the state that no step has yet, and how many came before them.
    changes: Vec<StateChange>,
    more_changes: u64,
    state: (Status, Option<&'static str>),
    over: bool,
    /// When the state changed last.
    changed_at: Timestamp,
    /// The greatest age of an unsettled event that was seen since the last step, in milliseconds.
    age_ms: u64,
}

impl Steps {
    /// Of a sender of this connection that begins now and sends what passes `filter`; the connection's last step was at
    /// `last_at`.
    pub(super) fn new(
        connection: &StoredConnection,
        settled: Position,
        filter: &Expr,
        (live, streams): (Arc<Live>, Arc<Streams>),
        (now, last_at): (Timestamp, Timestamp),
    ) -> Self {
        let now = next_at(now, last_at);
        let beginning = Beginning {
            at: now,
            name: connection.spec.name.clone(),
            filter: filter.to_string(),
            transport: connection.spec.transport,
            settled,
        };
        let (judged, _) = live.judged(now);
        let mut steps = Self {
            live,
            streams,
            revision: connection.revision,
            beginning: Some(beginning),
            last_at,
            written: None,
            building: None,
            changes: Vec::new(),
            more_changes: 0,
            state: (judged.status, judged.cause),
            over: false,
            changed_at: now,
            age_ms: 0,
        };
        steps.note(now);
        steps
    }

    /// The sender has ended: the next step says so.
    pub(super) fn end(&mut self, now: Timestamp) {
        self.over = true;
        self.look(now);
    }

    /// When a step should be written, or the state be looked at again. `head` is the end of the log.
    pub(super) fn due(&mut self, cursor: &Cursor, now: Timestamp, head: impl Fn() -> Position) -> Option<Instant> {
        let oldest = self.look(now);
        let tick = Instant::now();
        let Some((written, at)) = &self.written else { return Some(tick) };
        if !self.changes.is_empty() {
            return Some(if self.over { tick } else { *at + STATE_EVERY });
        }
        let next = *at + EVERY;
        let second = self.streams.second();
        let counted = totals(cursor, second) != written.totals || cursor.settled != written.settled;
        if counted && !self.over {
            return Some(next);
        }
        let waiting = || {
            let backlog = backlog(cursor, second, head());
            backlog != written.backlog || oldest.filter(|_| backlog > 0) != written.oldest_at
        };
        if counted || (tick >= next && self.state.0 != Status::Active && waiting()) {
            return Some(tick);
        }
        (self.state.0 != Status::Active && !self.over).then(|| tick + LOOK)
    }

    /// The step to write with this cursor now; none when none is due.
    pub(super) fn take(
        &mut self,
        cursor: &Cursor,
        now: Timestamp,
        head: impl Fn() -> Position,
    ) -> Option<DeliveryStep> {
        if self.due(cursor, now, &head).is_none_or(|at| at > Instant::now()) {
            return None;
        }
        let (_, oldest) = self.live.judged(now);
        let at = next_at(now, self.last_at);
        let second = self.streams.second();
        let backlog = backlog(cursor, second, head());
        let oldest_at = oldest.filter(|_| backlog > 0);
        let step = DeliveryStep {
            at,
            revision: self.revision,
            settled: cursor.settled,
            totals: totals(cursor, second),
            second,
            backlog,
            backlog_max: backlog,
            oldest_at,
            age_ms: self.age_ms.max(oldest_at.map_or(0, |oldest| millis(at, oldest))),
            state: self.state.0,
            cause: self.state.1.map(str::to_owned),
            changes: self.changes.clone(),
            more_changes: self.more_changes,
            beginning: self.beginning.clone(),
            moved: None,
        };
        self.building = Some(step.clone());
        Some(step)
    }

    /// What was taken last is stored, or is not.
    pub(super) fn stored(&mut self, done: bool) {
        if let Some(step) = self.building.take()
            && done
        {
            // What changed while it was being written belongs to the next one.
            self.changes.drain(..step.changes.len().min(self.changes.len()));
            self.more_changes -= step.more_changes.min(self.more_changes);
            self.beginning = None;
            self.last_at = step.at;
            self.age_ms = 0;
            self.written = Some((step, Instant::now()));
        }
    }

    /// Looks at the state, and gives when the oldest unsettled event was received.
    fn look(&mut self, now: Timestamp) -> Option<Timestamp> {
        let (judged, oldest) = self.live.judged(now);
        self.age_ms = self.age_ms.max(oldest.map_or(0, |oldest| millis(now, oldest)));
        let (state, since) =
            if self.over { ((Status::Inactive, None), now) } else { ((judged.status, judged.cause), judged.since) };
        if state != self.state {
            self.state = state;
            // It may be seen late: between two attempts to make a link nobody looks.
            self.note(since.min(now).max(self.changed_at));
        }
        oldest
    }

    fn note(&mut self, at: Timestamp) {
        if self.changes.len() >= CHANGES_MAX {
            self.changes.remove(0);
            self.more_changes += 1;
        }
        self.changed_at = at;
        let (state, cause) = self.state;
        self.changes.push(StateChange { at, state, cause: cause.map(str::to_owned) });
    }
}

fn millis(now: Timestamp, oldest: Timestamp) -> u64 {
    u64::try_from(now.since(oldest).as_millis()).unwrap_or(u64::MAX)
}

/// What both streams have counted.
fn totals(cursor: &Cursor, second: Option<SecondStream>) -> Totals {
    second.iter().fold(Totals::from(cursor), |own, second| own.and(&second.totals))
}

/// What neither stream has settled.
fn backlog(cursor: &Cursor, second: Option<SecondStream>, head: Position) -> u64 {
    head.0.saturating_sub(cursor.settled.0).saturating_sub(second.map_or(0, |second| second.positions()))
}

#[cfg(test)]
mod tests {
    use auditwire_model::connection::Transport;
    use auditwire_model::{Clock, ConnectionId};

    use super::*;
    use crate::delivery::measure::MEASURED;
    use crate::delivery::tests::fixtures::{self, Service};

    /// What a sender would be asked now: whether a step is written.
    fn asked(steps: &mut Steps, cursor: &Cursor, now: Timestamp) -> Option<DeliveryStep> {
        let step = steps.take(cursor, now, || Position(100));
        steps.stored(true);
        step
    }

    #[tokio::test]
    async fn nothing_is_written_for_nothing_and_what_changes_at_its_pace() {
        let service = Service::start().await;
        let (created_at, now) = (service.clock.now(), service.clock.now());
        let connection = StoredConnection {
            id: ConnectionId::parse("a").unwrap(),
            revision: 4,
            spec: fixtures::spec("127.0.0.1:1".parse().unwrap(), Transport::Tcp),
            created_at,
            updated_at: created_at,
        };
        let mut cursor = Cursor { settled: Position(100), ..Cursor::beginning() };
        let live = Arc::new(Live::new(cursor.clone(), false, now));
        live.link_up(now, None, MEASURED);
        let streams = Arc::new(Streams::default());
        let mut steps =
            Steps::new(&connection, cursor.settled, &Expr::All, (Arc::clone(&live), Arc::clone(&streams)), (now, now));
        let first = asked(&mut steps, &cursor, now).unwrap();
        assert!(first.at > now, "later than the step before, although the clock stands");
        assert_eq!((first.revision, first.beginning.unwrap().settled), (4, Position(100)));
        assert_eq!(steps.due(&cursor, now, || Position(100)), None, "idle: nothing, and no timer");
        assert_eq!(asked(&mut steps, &cursor, now), None);

        cursor.sent += 1;
        let due = steps.due(&cursor, now, || Position(100)).unwrap() - Instant::now();
        assert!(due > EVERY / 2 && due <= EVERY, "{due:?}");
        assert_eq!(asked(&mut steps, &cursor, now), None, "not before 10 s have passed");
        live.quarantined(now);
        let due = steps.due(&cursor, now, || Position(100)).unwrap() - Instant::now();
        assert!(due <= STATE_EVERY, "a state is told sooner: {due:?}");
        streams.stored(SecondStream {
            from: Position(101),
            settled: Position(104),
            totals: Totals { sent: 4, ..Totals::default() },
        });
        steps.end(now);
        let last = asked(&mut steps, &cursor, now).unwrap();
        let states: Vec<_> = last.changes.iter().map(|change| change.state).collect();
        assert_eq!((states, last.totals.sent), (vec![Status::Degraded, Status::Inactive], 5), "both streams together");
        assert_eq!(steps.due(&cursor, now, || Position(100)), None);
    }
}
