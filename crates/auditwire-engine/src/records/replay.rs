//! The document of a replay.

use auditwire_model::query::{Expr, parse};
use auditwire_model::{ConnectionId, Position, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Cursor, Document};
use crate::error::{Error, Kind, Result};

document!(
    /// [`crate::store::RecordKind::Replay`]; id = the replay's id.
    ReplayRecord,
    Replay
);
/// A part of the log that is sent again to a connection, over a link of its own.
///
/// Verbs write everything but [`progress`](Self::progress), the sender writes nothing else but the end: each reads the record
/// anew and puts it expecting the version that it read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Its id; travels in every message.
    pub id: String,
    /// To which connection.
    pub connection: ConnectionId,
    /// `from <= timestamp`.
    pub time_from: Option<Timestamp>,
    /// `timestamp < to`.
    pub time_to: Option<Timestamp>,
    /// Which events beside the times and the connection's filter, as it was written; has no relative times.
    pub query: Option<String>,
    /// What is sent again is what was set aside: the entries of the connection's quarantine that name this replay. Times and query
    /// are not given then, and the connection's filter is not asked again.
    #[serde(default)]
    pub quarantined: bool,
    /// What it took off the quarantine when it was done, because it had sent it; in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent_again: Vec<Position>,
    /// Last position: the end of the log when the replay was asked for.
    pub last: Position,
    /// Events per second.
    pub rate: u32,
    /// How many events it would send, counted when it was asked for.
    pub matched: u64,
    /// False when there may be more.
    pub exact: bool,
    /// Where it stands.
    pub state: ReplayState,
    /// Grows with each pause and resume, so that a sender of an earlier time is told from one that should run.
    pub generation: u64,
    /// How far it has come; delivery numbers mean nothing in it.
    pub progress: Cursor,
    /// Who asked for it, as in the `subject.user_id` of its audit event; empty for the service.
    pub by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was done or cancelled.
    pub ended_at: Option<Timestamp>,
}

impl Replay {
    /// Its query.
    ///
    /// # Errors
    /// `filter_unusable`: it was a query when it was stored and is none any more.
    pub(crate) fn wanted(&self) -> Result<Expr> {
        let text = self.query.as_deref().unwrap_or_default();
        parse(text, None).map(|parsed| parsed.expr).map_err(|wrong| {
            let detail = format!("The stored query of the replay cannot be read: {wrong}. Begin another one.");
            Error { query: Some(Box::new(wrong)), ..Error::new(Kind::Conflict, "filter_unusable", detail) }
        })
    }
}

/// Both must hold.
pub(crate) fn both(one: Expr, other: Expr) -> Expr {
    match (one, other) {
        (Expr::All, only) | (only, Expr::All) => only,
        (one, other) => Expr::And(vec![one, other]),
    }
}

/// Where a replay stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplayState {
    /// It sends while its connection is the active one, and else waits.
    Running,
    /// Until it is resumed.
    Paused,
    /// Everything was acknowledged.
    Done,
    /// Somebody ended it, or its connection was deleted.
    Cancelled,
}

impl ReplayState {
    /// Done or cancelled.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled)
    }

    /// The word in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}
