//! What was set aside, sent again: a replay of entries of the quarantine, once the cause is mended. Each entry names the replay
//! that sends it. When that is done, what was sent leaves the quarantine; what still cannot become a message stays, with the
//! reason of today. Of one that is cancelled all entries stay.

use std::collections::BTreeSet;

use auditwire_model::access::{Caller, Verb};
use auditwire_model::{ConnectionId, Position, ProjectId};

use super::ReplayView;
use super::begin::{ATTEMPTS, blank, is_conflict, or_winner, overtaken, shown, store};
use crate::Engine;
use crate::connections;
use crate::error::{Error, Kind, Result};
use crate::idempotency::{self, Known};
use crate::projects::authorize;
use crate::records::{Document, QuarantineRecord, Quarantined, Replay};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind, Store};

/// What a resend is called where keys are looked up.
const RESEND: &str = "resend";

/// Sends what was set aside again over the project's active connection: the events of `seqs`, or all. What is not there is no
/// error; the connection's filter is not asked again.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`, `not_active`, `replay_running`, `nothing_quarantined`,
/// `too_many_seqs`, `idempotency_key_reused`.
pub async fn resend(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    seqs: Option<&[Position]>,
    idempotency_key: Option<&str>,
) -> Result<ReplayView> {
    authorize(engine, caller, project, Verb::ResendQuarantine).await?;
    connections::demand_few(seqs)?;
    for _ in 0..ATTEMPTS {
        let begun = try_resend(engine, caller, project, id, seqs, idempotency_key).await;
        if !is_conflict(&begun) {
            let asked = (project, idempotency_key, &*request_of(id, seqs));
            return shown(engine, project, &or_winner(engine, caller, RESEND, asked, begun).await?).await;
        }
    }
    Err(overtaken())
}

/// What tells a request from others with the same key.
fn request_of(id: &str, seqs: Option<&[Position]>) -> Vec<u8> {
    format!("{id} {seqs:?}").into_bytes()
}

async fn try_resend(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    seqs: Option<&[Position]>,
    key: Option<&str>,
) -> Result<String> {
    let pending = match idempotency::look_up(engine, caller, RESEND, project, key, &request_of(id, seqs)).await? {
        Known::Done(id) => return Ok(id),
        Known::New(pending) => pending,
    };
    let (connection, fence) = connections::active_one(engine, project, id).await?;
    let named: Option<BTreeSet<Position>> = seqs.map(|seqs| seqs.iter().copied().collect());
    let entries =
        entries(&*engine.store, project, &connection.id, |seq| named.as_ref().is_none_or(|named| named.contains(&seq)))
            .await?;
    let Some((newest, _)) = entries.last() else {
        let detail = "none of these events is in the quarantine of this connection";
        return Err(Error::new(Kind::Conflict, "nothing_quarantined", detail));
    };
    let replay = Replay {
        quarantined: true,
        last: newest.seq,
        matched: entries.len() as u64,
        ..blank(engine, caller, project, &connection)?
    };
    let mut changes = vec![fence];
    for (entry, version) in entries {
        let record_id = Quarantined::record_id(&connection.id, entry.seq);
        let named = Quarantined { replay: Some(replay.id.clone()), ..entry };
        changes.push(Change {
            key: RecordKey::of(RecordKind::Quarantine, project, record_id),
            expect: Expect::Version(version),
            effect: Effect::Put(QuarantineRecord::from(named).encode()?),
        });
    }
    store(engine, caller, project, &connection, replay, changes, pending).await
}

/// The entries that name a replay, by position, with the versions of their records.
///
/// # Errors
/// Those of the store.
pub(crate) async fn set_aside_for(
    store: &dyn Store,
    project: &ProjectId,
    connection: &ConnectionId,
    replay: &str,
) -> Result<Vec<(Quarantined, u64)>> {
    let mut entries = entries(store, project, connection, |_| true).await?;
    entries.retain(|(entry, _)| entry.replay.as_deref() == Some(replay));
    Ok(entries)
}

/// As [`set_aside_for`], of these entries only.
///
/// # Errors
/// Those of the store.
pub(crate) async fn set_aside_among(
    store: &dyn Store,
    project: &ProjectId,
    connection: &ConnectionId,
    replay: &str,
    among: &[Quarantined],
) -> Result<Vec<(Quarantined, u64)>> {
    let mut entries = Vec::new();
    for entry in among {
        let id = Quarantined::record_id(connection, entry.seq);
        let Some(record) = store.record(&RecordKey::of(RecordKind::Quarantine, project, id)).await? else { continue };
        entries.push((QuarantineRecord::decode(&record)?.into_current(), record.version));
    }
    entries.retain(|(entry, _)| entry.replay.as_deref() == Some(replay));
    Ok(entries)
}

/// Entries of a connection by position; their number is bounded (`delivery/sender/quarantine`).
async fn entries(
    store: &dyn Store,
    project: &ProjectId,
    connection: &ConnectionId,
    wanted: impl Fn(Position) -> bool,
) -> Result<Vec<(Quarantined, u64)>> {
    let [from, to] = Quarantined::record_ids(connection);
    let mut entries = Vec::new();
    for id in store.record_ids(RecordKind::Quarantine, project, [&from, &to]).await? {
        if !Quarantined::seq_of(&id).is_some_and(&wanted) {
            continue;
        }
        // One that was cleared away meanwhile is not there any more.
        let Some(record) = store.record(&RecordKey::of(RecordKind::Quarantine, project, id)).await? else { continue };
        entries.push((QuarantineRecord::decode(&record)?.into_current(), record.version));
    }
    Ok(entries)
}
