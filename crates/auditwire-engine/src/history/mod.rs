//! The history of delivery: how far each connection had come, step by step, and what follows from it: how it went over the last
//! day or month, and what became of one event.
//!
//! The sender writes a step with its cursor, in the same commit and under the same fence (`delivery/sender/steps`); an
//! activation writes one when it chooses another beginning. With age steps are left out ([`merge`]); because their counters
//! are totals, nothing is lost but moments.

mod chart;
mod event;
mod merge;
mod read;
mod watch;

use auditwire_model::{ProjectId, Timestamp};

use crate::delivery::Status;
use crate::error::Result;
use crate::records::{Cursor, DeliveryStep, DeliveryStepRecord, Document, Moved, StoredConnection, Totals};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};

pub use chart::{CHANGES_SHOWN, History, Point, Range, connection};
pub use event::{Delivered, EventDelivery, EventState, Unknown, event};
pub(crate) use read::{last_at, settled_by};
pub use watch::{round, start};

/// The time of the step after one at `last`, so that steps are in order also after a clock was set back.
pub(crate) fn next_at(now: Timestamp, last: Timestamp) -> Timestamp {
    // Two steps of one moment would be one record.
    now.max(last.saturating_add_nanos(1))
}

/// The step that tells that an activation chose where to go on; goes into the activation's commit.
pub(crate) fn moved_step(
    project: &ProjectId,
    connection: &StoredConnection,
    cursor: &Cursor,
    moved: Moved,
    at: Timestamp,
) -> Result<Change> {
    let step = DeliveryStep {
        at,
        revision: connection.revision,
        settled: cursor.settled,
        totals: Totals::from(cursor),
        second: None,
        backlog: 0,
        backlog_max: 0,
        oldest_at: None,
        age_ms: 0,
        state: Status::Inactive,
        cause: None,
        changes: Vec::new(),
        more_changes: 0,
        beginning: None,
        moved: Some(moved),
    };
    put(project, DeliveryStep::record_id(&connection.id, at), Expect::Any, step)
}

fn put(project: &ProjectId, id: String, expect: Expect, step: DeliveryStep) -> Result<Change> {
    let effect = Effect::Put(DeliveryStepRecord::from(step).encode()?);
    Ok(Change { key: RecordKey::of(RecordKind::DeliveryStep, project, id), expect, effect })
}

#[cfg(test)]
mod tests;
