//! The records of replays: reading them with their versions, and the changes that verbs make of them.

use auditwire_model::{ConnectionId, ProjectId, Timestamp};

use crate::Engine;
use crate::error::{Error, Kind, Result};
use crate::records::{Document, Replay, ReplayRecord, ReplayState};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};

/// A replay with the version that was read.
#[derive(Debug)]
pub(super) struct Versioned {
    pub(super) value: Replay,
    pub(super) version: u64,
}

/// All of a project, newest first.
pub(super) async fn all(engine: &Engine, project: &ProjectId) -> Result<Vec<Versioned>> {
    let records = engine.store.records(RecordKind::Replay, Some(project)).await?;
    let read = records
        .iter()
        .map(|record| Ok(Versioned { value: ReplayRecord::decode(record)?.into_current(), version: record.version }));
    let mut replays = read.collect::<Result<Vec<_>>>()?;
    replays.sort_by(|a, b| (b.value.created_at, &b.value.id).cmp(&(a.value.created_at, &a.value.id)));
    Ok(replays)
}

/// The id of the one that has not ended.
pub(crate) async fn under_way(engine: &Engine, project: &ProjectId) -> Result<Option<String>> {
    let replays = all(engine, project).await?;
    Ok(replays.into_iter().map(|replay| replay.value).find(|replay| !replay.state.is_over()).map(|replay| replay.id))
}

/// One.
///
/// # Errors
/// `replay_not_found`.
pub(super) async fn one(engine: &Engine, project: &ProjectId, id: &str) -> Result<Versioned> {
    let record = engine
        .store
        .record(&key(project, id))
        .await?
        .ok_or_else(|| Error::new(Kind::NotFound, "replay_not_found", "there is no such replay in this project"))?;
    Ok(Versioned { value: ReplayRecord::decode(&record)?.into_current(), version: record.version })
}

pub(super) fn key(project: &ProjectId, id: &str) -> RecordKey {
    RecordKey::of(RecordKind::Replay, project, id)
}

/// Writes a replay.
pub(super) fn put(project: &ProjectId, expect: Expect, replay: &Replay) -> Result<Change> {
    let effect = Effect::Put(ReplayRecord::from(replay.clone()).encode()?);
    Ok(Change { key: key(project, &replay.id), expect, effect })
}

/// The changes that end every replay to a connection that is being deleted.
pub(crate) async fn cancel_all_of(
    engine: &Engine,
    project: &ProjectId,
    connection: &ConnectionId,
    now: Timestamp,
) -> Result<Vec<Change>> {
    let running = all(engine, project).await?.into_iter();
    let running = running.filter(|r| r.value.connection == *connection && !r.value.state.is_over());
    running
        .map(|Versioned { mut value, version }| {
            (value.state, value.ended_at) = (ReplayState::Cancelled, Some(now));
            put(project, Expect::Version(version), &value)
        })
        .collect()
}
