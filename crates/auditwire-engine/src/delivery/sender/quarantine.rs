//! Keeps the quarantine of a connection bounded: the oldest entries make room for new ones, and are counted.

use std::collections::BTreeSet;

use auditwire_model::{ConnectionId, ProjectId};

use crate::error::Result;
use crate::records::{Document, QuarantineDropped, QuarantineDroppedRecord, Quarantined};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind, Store};

/// Entries that are kept for a connection.
pub(super) const KEPT_MAX: usize = 10_000;

/// The changes that go with `changes` so that the connection has no more than `kept_max` entries afterwards.
///
/// # Errors
/// Those of the store.
pub(super) async fn room_for(
    changes: &[Change],
    store: &dyn Store,
    project: &ProjectId,
    connection: &ConnectionId,
    kept_max: usize,
) -> Result<Vec<Change>> {
    let new = changes.iter().filter(|change| change.key.kind == RecordKind::Quarantine).map(|c| c.key.id.clone());
    let mut ids: BTreeSet<String> = new.collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let [from, to] = Quarantined::record_ids(connection);
    ids.extend(store.record_ids(RecordKind::Quarantine, project, [&from, &to]).await?);
    let too_many = ids.len().saturating_sub(kept_max);
    if too_many == 0 {
        return Ok(Vec::new());
    }
    let gone = |id| Change {
        key: RecordKey::of(RecordKind::Quarantine, project, id),
        expect: Expect::Any,
        effect: Effect::Delete,
    };
    let mut more: Vec<Change> = ids.into_iter().take(too_many).map(gone).collect();
    let key = RecordKey::of(RecordKind::QuarantineDropped, project, connection.as_str());
    let before = store.record(&key).await?.map(|r| QuarantineDroppedRecord::decode(&r)).transpose()?;
    let count = before.map_or(0, |r| r.into_current().count) + too_many as u64;
    let record = QuarantineDroppedRecord::from(QuarantineDropped { count });
    more.push(Change { key, expect: Expect::Any, effect: Effect::Put(record.encode()?) });
    Ok(more)
}
