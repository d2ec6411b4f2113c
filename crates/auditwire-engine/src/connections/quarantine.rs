//! The quarantine of a connection: events that could not become a message, newest first, and clearing it away. The sender
//! writes the entries (`delivery/sender/ledger`) and keeps their number bounded.

use std::collections::BTreeSet;

use auditwire_model::access::{Caller, Verb};
use auditwire_model::event::view;
use auditwire_model::{ConnectionId, Position, ProjectId, Timestamp};

use super::stored;
use crate::Engine;
use crate::audit::{Audit, action};
use crate::error::{Error, Result};
use crate::log::Submission;
use crate::projects::authorize;
use crate::reading::{self, Looked};
use crate::records::{Document, QuarantineDroppedRecord, QuarantineRecord, Quarantined};
use crate::store::{Change, RecordKey, RecordKind};

/// Entries of one page at most: each is shown with its event.
pub const PAGE_MAX: usize = 200;

/// Positions that one request may name.
const SEQS_MAX: usize = 10_000;

/// Newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinePage {
    /// At most as many as asked for.
    pub entries: Vec<QuarantineEntry>,
    /// Where the next page goes on; `None` at the end.
    pub next: Option<Position>,
    /// All entries that are kept.
    pub total: usize,
    /// Entries that made room for newer ones, since the connection was created.
    pub dropped: u64,
}

/// An event that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineEntry {
    /// Which, when, and why. It names a replay only while that is under way.
    pub quarantined: Quarantined,
    /// The event's action and time; `None` when the log does not have it any more, or cannot read it.
    pub event: Option<(String, Timestamp)>,
}

/// A page of the quarantine: entries before the position `before`.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`; `invalid_limit` outside 1 to [`PAGE_MAX`].
pub async fn quarantine(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    before: Option<Position>,
    limit: usize,
) -> Result<QuarantinePage> {
    let looked = Looked::at(format!("quarantine of {id}"));
    let mut look = reading::begin(engine, caller, project, Verb::ListQuarantine, looked).await?;
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Error::invalid("invalid_limit", "limit", format!("limit is a number from 1 to {PAGE_MAX}")));
    }
    let connection = stored::connection(engine, project, id).await?.value.id;
    let ids = record_ids(engine, project, &connection).await?;
    let total = ids.len();
    let mut wanted = ids.into_iter().rev().filter(|id| match (before, Quarantined::seq_of(id)) {
        (Some(before), Some(seq)) => seq < before,
        _ => true,
    });
    let under_way = crate::replays::under_way(engine, project).await?;
    let mut entries = Vec::new();
    for id in wanted.by_ref().take(limit) {
        // One that was cleared away meanwhile is not there any more.
        let Some(record) = engine.store.record(&RecordKey::of(RecordKind::Quarantine, project, id)).await? else {
            continue;
        };
        let mut quarantined = QuarantineRecord::decode(&record)?.into_current();
        quarantined.replay = quarantined.replay.filter(|replay| Some(replay) == under_way.as_ref());
        let event = event_of(engine, project, quarantined.seq).await;
        entries.push(QuarantineEntry { quarantined, event });
    }
    look.showed(entries.len());
    let more = wanted.next().is_some();
    let next = entries.last().filter(|_| more).map(|entry| entry.quarantined.seq);
    let key = RecordKey::of(RecordKind::QuarantineDropped, project, connection.as_str());
    let dropped = engine.store.record(&key).await?.map(|r| QuarantineDroppedRecord::decode(&r)).transpose()?;
    Ok(QuarantinePage { entries, next, total, dropped: dropped.map_or(0, |d| d.into_current().count) })
}

async fn event_of(engine: &Engine, project: &ProjectId, seq: Position) -> Option<(String, Timestamp)> {
    let batch = engine.log.event(project, seq).await.ok().flatten()?;
    let event = view(&batch, 0);
    Some((event.action.to_owned(), event.timestamp))
}

/// Clears entries away: those of `seqs`, or all. What is not there any more is no error. Returns how many there were.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`, `too_many_seqs`.
pub async fn delete_quarantined(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    seqs: Option<&[Position]>,
) -> Result<usize> {
    authorize(engine, caller, project, Verb::ClearQuarantine).await?;
    demand_few(seqs)?;
    let connection = stored::connection(engine, project, id).await?.value;
    let named: Option<BTreeSet<Position>> = seqs.map(|seqs| seqs.iter().copied().collect());
    let wanted = |id: &String| match (&named, Quarantined::seq_of(id)) {
        (Some(named), Some(seq)) => named.contains(&seq),
        (named, _) => named.is_none(),
    };
    let ids: Vec<String> =
        record_ids(engine, project, &connection.id).await?.into_iter().filter(|id| wanted(id)).collect();
    if ids.is_empty() {
        return Ok(0);
    }
    let deleted = ids.len();
    let event = Audit::new(action::QUARANTINE_DELETE, caller)
        .on_connection(&connection)
        .with("count", deleted)
        .message(format!("{deleted} events were cleared from the quarantine of {}", connection.spec.name))
        .build(engine.clock.now());
    let changes = ids.into_iter().map(|id| stored::delete(RecordKind::Quarantine, project, id)).collect();
    engine.log.submit(Submission { project: Some(project.clone()), events: vec![event], changes }).await?;
    Ok(deleted)
}

/// That a request names no more events than it may.
pub(crate) fn demand_few(seqs: Option<&[Position]>) -> Result<()> {
    if seqs.is_some_and(|seqs| seqs.len() > SEQS_MAX) {
        return Err(Error::invalid("too_many_seqs", "seqs", format!("at most {SEQS_MAX} events at once")));
    }
    Ok(())
}

/// Everything of a connection, for when it goes itself.
pub(super) async fn delete_all(
    engine: &Engine,
    project: &ProjectId,
    connection: &ConnectionId,
) -> Result<impl Iterator<Item = Change>> {
    let ids = record_ids(engine, project, connection).await?;
    Ok(ids.into_iter().map(|id| stored::delete(RecordKind::Quarantine, project, id)))
}

async fn record_ids(engine: &Engine, project: &ProjectId, connection: &ConnectionId) -> Result<Vec<String>> {
    let [from, to] = Quarantined::record_ids(connection);
    Ok(engine.store.record_ids(RecordKind::Quarantine, project, [&from, &to]).await?)
}
