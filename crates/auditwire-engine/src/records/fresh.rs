//! The document of a second stream.

use auditwire_model::Position;
use auditwire_model::connection::Filter;
use serde::{Deserialize, Serialize};

use super::{Cursor, Document};

document!(
    /// [`crate::store::RecordKind::Fresh`]; id = the connection's id.
    FreshRecord,
    Fresh
);
/// While it exists, a connection has two streams: its own cursor goes up to the position before [`from`](Self::from), and this
/// one goes on from there. The connection's cursor therefore still tells what no receiver may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fresh {
    /// First position of this stream.
    pub from: Position,
    /// The filter at its beginning, by which delivery numbers were reserved for what lies before it.
    pub filter: Filter,
    /// How far it has come. Its counters count this stream alone.
    pub cursor: Cursor,
}

impl Fresh {
    /// The one cursor when the other stream has reached this one.
    #[must_use]
    pub fn joined(&self, own: &Cursor) -> Cursor {
        let fresh = &self.cursor;
        let latest = if own.acknowledged_at > fresh.acknowledged_at { own } else { fresh };
        Cursor {
            settled: fresh.settled,
            next_n: own.next_n.max(fresh.next_n),
            resend_from: fresh.resend_from,
            resend_n: fresh.resend_n,
            acknowledged: own.acknowledged.max(fresh.acknowledged),
            acknowledged_at: latest.acknowledged_at,
            ..self.counted(own)
        }
    }

    /// The one cursor when this stream is given up and what it has sent goes out once more, in its order. The numbers go on
    /// behind all that it can have given before the end of the log, `head`, also those that a crash kept from being stored.
    #[must_use]
    pub fn given_up(&self, own: &Cursor, head: Position) -> Cursor {
        let given = self.cursor.next_n.saturating_add(head.0.saturating_sub(self.cursor.settled.0));
        Cursor { next_n: own.next_n.max(given), ..self.counted(own) }
    }

    /// `own` with what this stream has counted.
    #[must_use]
    pub fn counted(&self, own: &Cursor) -> Cursor {
        let fresh = &self.cursor;
        Cursor {
            delivered: own.delivered + fresh.delivered,
            bytes: own.bytes + fresh.bytes,
            sent: own.sent + fresh.sent,
            resent: own.resent + fresh.resent,
            filtered: own.filtered + fresh.filtered,
            quarantined: own.quarantined + fresh.quarantined,
            reconnects: own.reconnects + fresh.reconnects,
            ..own.clone()
        }
    }
}
