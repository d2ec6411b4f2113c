//! Deleting connections, one or many.

use std::collections::BTreeSet;

use auditwire_model::ProjectId;
use auditwire_model::access::{Caller, Verb};

use super::edit::check_revision;
use super::stop::stop_if_active;
use super::stored::Versioned;
use super::{ATTEMPTS, Deleted, lost_race, quarantine, stored, too_many_collisions};
use crate::Engine;
use crate::audit::{Audit, action};
use crate::error::{Error, Kind, Result};
use crate::log::Submission;
use crate::projects::authorize;
use crate::records::{ActiveConnection, ActiveConnectionRecord, StoredConnection};
use crate::replays;
use crate::store::{Change, Effect, RecordKey, RecordKind};

const IDS_MAX: usize = 1000;

/// Deletes connections with everything stored for them; an active one is stopped first. All or nothing for those that
/// exist.
///
/// # Errors
/// `forbidden`, `project_not_found`, `too_many_ids`; `stale` when `expected` (single deletion) is not the stored revision.
pub async fn delete(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    ids: &[String],
    expected: Option<u64>,
) -> Result<Deleted> {
    authorize(engine, caller, project, Verb::DeleteConnection).await?;
    if ids.len() > IDS_MAX {
        return Err(Error::invalid("too_many_ids", "ids", format!("at most {IDS_MAX} ids at once")));
    }
    let ids: BTreeSet<&String> = ids.iter().collect();
    for _ in 0..ATTEMPTS {
        let (mut found, mut not_found) = (Vec::new(), Vec::new());
        for id in &ids {
            match stored::find(engine, project, id).await? {
                Some(connection) => found.push(connection),
                None => not_found.push((*id).clone()),
            }
        }
        for connection in &found {
            check_revision(&connection.value, expected)?;
        }
        for connection in &found {
            stop_if_active(engine, caller, project, &connection.value).await?;
        }
        let gone = try_delete(engine, caller, project, &found).await;
        if !lost_race(&gone) {
            gone?;
            return Ok(Deleted { deleted: found.into_iter().map(|c| c.value.id).collect(), not_found });
        }
    }
    Err(too_many_collisions())
}

async fn try_delete(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    found: &[Versioned<StoredConnection>],
) -> Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    let now = engine.clock.now();
    let mut changes = vec![active_change(engine, project, found).await?];
    let mut events = Vec::with_capacity(found.len());
    for connection in found {
        let StoredConnection { id, spec, .. } = &connection.value;
        let key = RecordKey::of(RecordKind::Connection, project, id.as_str());
        changes.push(Change { key, expect: connection.unchanged(), effect: Effect::Delete });
        changes.push(stored::delete(RecordKind::ConnectionName, project, &spec.name));
        for kind in [
            RecordKind::ConnectionSecret,
            RecordKind::Cursor,
            RecordKind::Fresh,
            RecordKind::CheckResult,
            RecordKind::QuarantineDropped,
        ] {
            changes.push(stored::delete(kind, project, id.as_str()));
        }
        changes.extend(quarantine::delete_all(engine, project, id).await?);
        changes.extend(replays::cancel_all_of(engine, project, id, now).await?);
        let event = Audit::new(action::CONNECTION_DELETE, caller)
            .on_connection(&connection.value)
            .message(format!("SIEM connection {} was deleted", spec.name));
        events.push(event.build(now));
    }
    engine.log.submit(Submission { project: Some(project.clone()), events, changes }).await?;
    Ok(())
}

/// None of the connections may become active before they are gone. When the one stopped last goes, where it had come is
/// kept, so that another can still take over.
async fn active_change(engine: &Engine, project: &ProjectId, found: &[Versioned<StoredConnection>]) -> Result<Change> {
    let active = stored::active(engine, project).await?;
    let goes = |id| found.iter().any(|c| Some(&c.value.id) == id);
    if goes(active.value.connection.as_ref()) {
        return Err(Error::new(Kind::Conflict, "conflict", "it was activated meanwhile"));
    }
    let key = stored::active_key(project);
    if let (None, Some(previous)) = (&active.value.connection, &active.value.previous)
        && goes(Some(previous))
        && let Some(cursor) = stored::cursor(engine, project, previous).await?
    {
        let settled = Some(cursor.value.done_through());
        let value = ActiveConnection { previous: None, previous_settled: settled, ..active.value.clone() };
        return stored::put::<ActiveConnectionRecord>(key, active.unchanged(), value);
    }
    Ok(stored::fence(key, active.unchanged()))
}
