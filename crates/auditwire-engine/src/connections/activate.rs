//! Activating a connection: check, choose the beginning, and swap in one commit.

use auditwire_model::access::{Caller, Verb};
use auditwire_model::event::Event;
use auditwire_model::{ConnectionId, Position, ProjectId};

use super::choices::pending;
use super::start::{Beginning, decide};
use super::stored::Versioned;
use super::view::view;
use super::{ATTEMPTS, ActivateError, Activation, Start, checks, lost_race, stop, stored, too_many_collisions};
use crate::Engine;
use crate::audit::{self, Audit, action};
use crate::delivery::check::CheckReport;
use crate::error::Result;
use crate::history;
use crate::log::Submission;
use crate::projects::authorize;
use crate::records::{ActiveConnection, ActiveConnectionRecord, CursorRecord, StoredConnection};
use crate::store::{RecordKey, RecordKind};

/// Makes a connection the project's active one, stopping the one that was. The check is run first unless one of this
/// revision passed within 10 minutes; until it has passed nothing changes. With `despite_failed_check` its result is
/// reported and does not matter, and one that failed within 10 minutes is not repeated.
///
/// # Errors
/// [`ActivateError::CheckFailed`]; `forbidden`, `project_not_found`, `connection_not_found`, `nothing_to_take_over`,
/// `nothing_to_continue`, `filter_unusable`, `too_many_checks`, `conflict`.
pub async fn activate(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    start: Option<Start>,
    despite_failed_check: bool,
) -> Result<Activation, ActivateError> {
    authorize(engine, caller, project, Verb::ActivateConnection).await?;
    let mut check: Option<CheckReport> = None;
    for _ in 0..ATTEMPTS {
        let connection = stored::connection(engine, project, id).await?;
        let active = stored::active(engine, project).await?;
        if start.is_none() && active.value.connection.as_ref() == Some(&connection.value.id) {
            return unchanged(engine, project, &connection.value).await.map_err(Into::into);
        }
        let start = start.unwrap_or_default();
        // What cannot be is told before a check of up to 20 s.
        let filter = connection.value.filter()?;
        decide(engine, project, &connection.value.id, start, &active.value).await?;
        let checked = check.as_ref().is_some_and(|c| c.revision == Some(connection.value.revision));
        if !checked && !counts(engine, project, &connection.value, despite_failed_check).await? {
            let report = checks::check_and_record(engine, caller, project, &connection.value).await?;
            if !report.ok && !despite_failed_check {
                return Err(ActivateError::CheckFailed(Box::new(report)));
            }
            check = Some(report);
            // The check took its time: decide on what is stored now.
            continue;
        }
        // The sender that runs must have stored its last cursor before a beginning is decided from it.
        let pause = engine.delivery.pause(project).await;
        let swapped = try_swap(engine, caller, project, &connection, start).await;
        drop(pause);
        if !lost_race(&swapped) {
            let (start_at, stopped) = swapped?;
            engine.delivery.changed(project);
            let (will_send, exact) = pending(engine, project, start_at, filter).await;
            let connection = view(engine, project, id).await?;
            return Ok(Activation { connection, check, stopped, start_at, will_send, exact });
        }
    }
    Err(too_many_collisions().into())
}

/// Whether an earlier check is good enough.
async fn counts(
    engine: &Engine,
    project: &ProjectId,
    connection: &StoredConnection,
    despite_failed_check: bool,
) -> Result<bool> {
    let recent = checks::recent(engine, project, connection).await?;
    Ok(recent.is_some_and(|result| result.ok || despite_failed_check))
}

/// The answer when the connection is active already and no other beginning is asked for.
async fn unchanged(engine: &Engine, project: &ProjectId, connection: &StoredConnection) -> Result<Activation> {
    let cursor = stored::cursor(engine, project, &connection.id).await?;
    let start_at = cursor.map_or(Position::ZERO, |c| c.value.done_through()).next();
    let (will_send, exact) = pending(engine, project, start_at, connection.filter()?).await;
    let connection = view(engine, project, connection.id.as_str()).await?;
    Ok(Activation { connection, check: None, stopped: None, start_at, will_send, exact })
}

/// The one commit: which connection is active, where it begins, and the audit events. Fails with `conflict` when the
/// connection, the active one or the cursor changed since they were read.
async fn try_swap(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    connection: &Versioned<StoredConnection>,
    start: Start,
) -> Result<(Position, Option<ConnectionId>)> {
    let active = stored::active(engine, project).await?;
    let id = &connection.value.id;
    let beginning = decide(engine, project, id, start, &active.value).await?;
    let stopped = active.value.connection.clone().filter(|other| other != id);
    let now = engine.clock.now();
    let value = ActiveConnection {
        connection: Some(id.clone()),
        previous: stopped.clone().or_else(|| active.value.previous.clone()),
        previous_settled: active.value.previous_settled.filter(|_| stopped.is_none()),
        since: now,
    };
    let mut events = Vec::with_capacity(3);
    if let Some(other) = &stopped
        && let Some(other) = stored::find(engine, project, other.as_str()).await?
    {
        events.push(stop::stopped_event(caller, &other.value).with("replaced_by", id).build(now));
    }
    let start_at = beginning.start_at;
    events.extend(activation_events(caller, &connection.value, start, &beginning, now));
    let step = match beginning.moved {
        Some(moved) => {
            let at = history::next_at(now, history::last_at(&*engine.store, project, id).await?);
            Some(history::moved_step(project, &connection.value, &beginning.cursor, moved, at)?)
        }
        None => None,
    };
    let mut changes = vec![
        stored::fence(RecordKey::of(RecordKind::Connection, project, id.as_str()), connection.unchanged()),
        stored::put::<ActiveConnectionRecord>(stored::active_key(project), active.unchanged(), value)?,
        stored::put::<CursorRecord>(
            RecordKey::of(RecordKind::Cursor, project, id.as_str()),
            beginning.unchanged,
            beginning.cursor,
        )?,
    ];
    changes.extend(step);
    if !beginning.continues {
        changes.push(stored::delete(RecordKind::Fresh, project, id.as_str()));
    }
    engine.log.submit(Submission { project: Some(project.clone()), events, changes }).await?;
    Ok((start_at, stopped))
}

fn activation_events(
    caller: &Caller,
    connection: &StoredConnection,
    start: Start,
    beginning: &Beginning,
    now: auditwire_model::Timestamp,
) -> Vec<Event> {
    let word = match start {
        Start::Default => "default".to_owned(),
        Start::Continue => "continue".to_owned(),
        Start::TakeOver => "take_over".to_owned(),
        Start::Now => "now".to_owned(),
        Start::From(time) => format!("from {time}"),
    };
    let activated = Audit::new(action::CONNECTION_ACTIVATE, caller)
        .on_connection(connection)
        .with("start", &word)
        .with("start_at", beginning.start_at)
        .message(format!("SIEM connection {} was activated", connection.spec.name));
    let gap = beginning.skipped.map(|(first, last)| {
        audit::gap(caller, connection, first, last, "the connection was activated behind these events")
    });
    std::iter::once(activated).chain(gap).map(|event| event.build(now)).collect()
}
