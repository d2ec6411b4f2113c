//! The records of connections: reading them with their versions, and the changes that verbs make of them.

use auditwire_model::{ConnectionId, ProjectId};

use crate::Engine;
use crate::error::{Error, Kind, Result};
use crate::records::{
    ActiveConnection, ActiveConnectionRecord, ConnectionRecord, Cursor, CursorRecord, Document, Fresh, FreshRecord,
    StoredConnection,
};
use crate::store::{Change, Effect, Expect, Record, RecordKey, RecordKind};

/// A document with the version that was read; 0 when there was none.
#[derive(Debug, Clone)]
pub(super) struct Versioned<T> {
    pub(super) value: T,
    version: u64,
}

impl<T> Versioned<T> {
    /// That it is still as it was read.
    pub(super) fn unchanged(&self) -> Expect {
        if self.version == 0 { Expect::Absent } else { Expect::Version(self.version) }
    }
}

/// One connection.
///
/// # Errors
/// `connection_not_found`.
pub(super) async fn connection(engine: &Engine, project: &ProjectId, id: &str) -> Result<Versioned<StoredConnection>> {
    find(engine, project, id).await?.ok_or_else(|| {
        Error::new(Kind::NotFound, "connection_not_found", "there is no such connection in this project")
    })
}

/// One connection, if it is there.
pub(super) async fn find(
    engine: &Engine,
    project: &ProjectId,
    id: &str,
) -> Result<Option<Versioned<StoredConnection>>> {
    let Ok(id) = ConnectionId::parse(id) else { return Ok(None) };
    let record = engine.store.record(&RecordKey::of(RecordKind::Connection, project, id.as_str())).await?;
    record.map(|r| decode(&r, ConnectionRecord::into_current)).transpose()
}

/// Which connection of a project is active. The version is the epoch.
pub(super) async fn active(engine: &Engine, project: &ProjectId) -> Result<Versioned<ActiveConnection>> {
    let record = engine.store.record(&active_key(project)).await?;
    let read = record.map(|r| decode(&r, ActiveConnectionRecord::into_current)).transpose()?;
    Ok(read.unwrap_or_else(|| Versioned { value: never_active(engine), version: 0 }))
}

/// Of a project in which no connection was ever active.
pub(super) fn never_active(engine: &Engine) -> ActiveConnection {
    let since = engine.instance.created_at;
    ActiveConnection { connection: None, previous: None, previous_settled: None, since }
}

/// Which connection of a project is active, for other verbs.
pub(crate) async fn active_record(engine: &Engine, project: &ProjectId) -> Result<ActiveConnection> {
    Ok(active(engine, project).await?.value)
}

/// The connection of this id, if it is the active one, and the change that asks that it stays so until the commit.
///
/// # Errors
/// `connection_not_found`, `not_active`.
pub(crate) async fn active_one(engine: &Engine, project: &ProjectId, id: &str) -> Result<(StoredConnection, Change)> {
    let connection = self::connection(engine, project, id).await?.value;
    let active = active(engine, project).await?;
    if active.value.connection.as_ref() != Some(&connection.id) {
        let detail = "this connection is not active; activate it first";
        return Err(Error::new(Kind::Conflict, "not_active", detail));
    }
    Ok((connection, fence(active_key(project), active.unchanged())))
}

/// One connection by its id, if it is still there.
pub(crate) async fn named(engine: &Engine, project: &ProjectId, id: &ConnectionId) -> Result<Option<StoredConnection>> {
    Ok(find(engine, project, id.as_str()).await?.map(|found| found.value))
}

/// How far a connection has come, for other verbs; `None` when it was never active.
pub(crate) async fn cursor_of(engine: &Engine, project: &ProjectId, id: &ConnectionId) -> Result<Option<Cursor>> {
    Ok(cursor(engine, project, id).await?.map(|cursor| cursor.value))
}

/// How far a connection has come; `None` when it was never active.
pub(super) async fn cursor(
    engine: &Engine,
    project: &ProjectId,
    id: &ConnectionId,
) -> Result<Option<Versioned<Cursor>>> {
    let record = engine.store.record(&RecordKey::of(RecordKind::Cursor, project, id.as_str())).await?;
    record.map(|r| decode(&r, CursorRecord::into_current)).transpose()
}

/// The second stream of a connection, while it has one.
pub(super) async fn fresh(engine: &Engine, project: &ProjectId, id: &ConnectionId) -> Result<Option<Fresh>> {
    let record = engine.store.record(&RecordKey::of(RecordKind::Fresh, project, id.as_str())).await?;
    record.map(|record| Ok(FreshRecord::decode(&record)?.into_current())).transpose()
}

fn decode<D: Document, T>(record: &Record, current: impl FnOnce(D) -> T) -> Result<Versioned<T>> {
    Ok(Versioned { value: current(D::decode(record)?), version: record.version })
}

pub(super) fn active_key(project: &ProjectId) -> RecordKey {
    RecordKey::of(RecordKind::ActiveConnection, project, "active")
}

/// Writes a document of a connection.
pub(super) fn put<D: Document>(key: RecordKey, expect: Expect, document: impl Into<D>) -> Result<Change> {
    Ok(Change { key, expect, effect: Effect::Put(document.into().encode()?) })
}

/// Only asks that a record be as it was read.
pub(super) fn fence(key: RecordKey, expect: Expect) -> Change {
    Change { key, expect, effect: Effect::None }
}

/// Removes a record, if it is there.
pub(super) fn delete(kind: RecordKind, project: &ProjectId, id: impl Into<String>) -> Change {
    Change { key: RecordKey::of(kind, project, id), expect: Expect::Any, effect: Effect::Delete }
}
