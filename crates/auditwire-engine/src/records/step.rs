//! The document of a delivery step: how far a connection had come at a moment.

use auditwire_model::connection::Transport;
use auditwire_model::{ConnectionId, Position, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Cursor, Document, Fresh};
use crate::delivery::{DeliveryState, Status};

document!(
    /// [`crate::store::RecordKind::DeliveryStep`]; id = `<connection>/<nanoseconds of its time, 20 digits>`. Not deleted with its
    /// connection: what was delivered may be asked later.
    DeliveryStepRecord,
    DeliveryStep
);
/// How far a connection had come at a moment. Counters are totals, so that steps can be left out without losing anything
/// but moments: what happened between two steps is their difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryStep {
    /// When.
    pub at: Timestamp,
    /// The connection's revision.
    pub revision: u64,
    /// Every event up to here was settled.
    pub settled: Position,
    /// Counted since the connection was created, by both streams while it has two.
    pub totals: Totals,
    /// The second stream, while fresh events go first: what it has settled is not in [`settled`](Self::settled).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<SecondStream>,
    /// Events that are not settled, before the filter.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub backlog: u64,
    /// The largest backlog since the step before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub backlog_max: u64,
    /// When the oldest event that was not settled had been received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_at: Option<Timestamp>,
    /// The greatest age of such an event since the step before, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub age_ms: u64,
    /// `inactive`: its sender had ended.
    pub state: Status,
    /// A check code, when degraded or failing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// How the state changed since the step before, oldest first; at most [`CHANGES_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<StateChange>,
    /// Changes before those that are kept no more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_changes: u64,
    /// The sender that began since the step before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beginning: Option<Beginning>,
    /// The beginning was chosen anew, by an activation, right after the step before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
}

/// Most changes of the state that one step keeps.
pub const CHANGES_MAX: usize = 16;

/// Counters of a connection, since it was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Events that the peer has acknowledged (over UDP: that were handed over and not refused).
    #[serde(skip_serializing_if = "is_zero")]
    pub acknowledged: u64,
    /// Messages handed to the peer, first sendings only.
    #[serde(skip_serializing_if = "is_zero")]
    pub sent: u64,
    /// Bytes of all messages handed to the peer, with their frames and before TLS.
    #[serde(skip_serializing_if = "is_zero")]
    pub bytes: u64,
    /// Events that the filter kept back.
    #[serde(skip_serializing_if = "is_zero")]
    pub filtered: u64,
    /// Messages sent again.
    #[serde(skip_serializing_if = "is_zero")]
    pub resent: u64,
    /// Times a link was made anew.
    #[serde(skip_serializing_if = "is_zero")]
    pub reconnects: u64,
    /// Events set aside.
    #[serde(skip_serializing_if = "is_zero")]
    pub quarantined: u64,
}

impl Totals {
    /// What was counted between `before` and this.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            acknowledged: self.acknowledged.saturating_sub(before.acknowledged),
            sent: self.sent.saturating_sub(before.sent),
            bytes: self.bytes.saturating_sub(before.bytes),
            filtered: self.filtered.saturating_sub(before.filtered),
            resent: self.resent.saturating_sub(before.resent),
            reconnects: self.reconnects.saturating_sub(before.reconnects),
            quarantined: self.quarantined.saturating_sub(before.quarantined),
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            acknowledged: self.acknowledged + other.acknowledged,
            sent: self.sent + other.sent,
            bytes: self.bytes + other.bytes,
            filtered: self.filtered + other.filtered,
            resent: self.resent + other.resent,
            reconnects: self.reconnects + other.reconnects,
            quarantined: self.quarantined + other.quarantined,
        }
    }
}

impl From<&Cursor> for Totals {
    fn from(cursor: &Cursor) -> Self {
        Self {
            acknowledged: cursor.delivered,
            sent: cursor.sent,
            bytes: cursor.bytes,
            filtered: cursor.filtered,
            resent: cursor.resent,
            reconnects: cursor.reconnects,
            quarantined: cursor.quarantined,
        }
    }
}

impl From<&DeliveryState> for Totals {
    fn from(state: &DeliveryState) -> Self {
        Self {
            acknowledged: state.delivered,
            sent: state.sent,
            bytes: state.bytes,
            filtered: state.filtered,
            resent: state.resent,
            reconnects: state.reconnects,
            quarantined: state.quarantined,
        }
    }
}

/// How far the second stream of a connection had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondStream {
    /// Its first position.
    pub from: Position,
    /// Every event from there up to here was settled.
    pub settled: Position,
    /// The part of the connection's counters that it has counted.
    pub totals: Totals,
}

impl SecondStream {
    /// One that begins at `from` and has come so far.
    #[must_use]
    pub fn of(from: Position, cursor: &Cursor) -> Self {
        Self { from, settled: cursor.settled, totals: Totals::from(cursor) }
    }

    /// The last position before it.
    #[must_use]
    pub fn base(&self) -> Position {
        self.from.previous()
    }

    /// How many positions it has settled.
    #[must_use]
    pub fn positions(&self) -> u64 {
        self.settled.0.saturating_sub(self.base().0)
    }
}

impl From<&Fresh> for SecondStream {
    fn from(fresh: &Fresh) -> Self {
        Self::of(fresh.from, &fresh.cursor)
    }
}

/// The state of a connection became another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// When.
    pub at: Timestamp,
    /// The new state; `inactive`: its sender ended.
    pub state: Status,
    /// A check code, when degraded or failing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// A sender began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beginning {
    /// When.
    pub at: Timestamp,
    /// The name that the connection had.
    pub name: String,
    /// Which events it sent, as the search language writes it; empty for all.
    pub filter: String,
    /// How they travelled.
    pub transport: Transport,
    /// Everything up to here was settled before it began.
    pub settled: Position,
}

/// An activation chose where to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Everything up to here was settled before; `None` for a connection that had not sent anything.
    pub from: Option<Position>,
    /// It went on behind this.
    pub to: Position,
}

impl DeliveryStep {
    /// Where delivery stood before this step, if it says so itself: the steps before it may have been merged into it, or have
    /// ended.
    #[must_use]
    pub fn base(&self) -> Option<Position> {
        let began = self.beginning.as_ref().map(|beginning| beginning.settled);
        self.moved.map(|moved| moved.from.unwrap_or(moved.to)).or(began)
    }

    /// What the connection's own stream has counted.
    #[must_use]
    pub fn own_totals(&self) -> Totals {
        self.second.map_or(self.totals, |second| self.totals.since(&second.totals))
    }

    /// The id of the record of such a step.
    #[must_use]
    pub fn record_id(connection: &ConnectionId, at: Timestamp) -> String {
        format!("{connection}/{:020}", at.as_nanos())
    }

    /// The ids of all steps of a connection, from the first up to, without, the second.
    #[must_use]
    pub fn record_ids(connection: &ConnectionId) -> [String; 2] {
        // `0` comes behind `/`.
        [format!("{connection}/"), format!("{connection}0")]
    }

    /// The connection and the time that a record's id names.
    #[must_use]
    pub fn named_by(record_id: &str) -> Option<(&str, Timestamp)> {
        let (connection, nanos) = record_id.rsplit_once('/')?;
        Some((connection, Timestamp::from_nanos(nanos.parse().ok()?)?))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
