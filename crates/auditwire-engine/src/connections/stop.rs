//! Stopping a connection.

use auditwire_model::ProjectId;
use auditwire_model::access::{Caller, Verb};

use super::view::view;
use super::{ATTEMPTS, ConnectionView, lost_race, stored, too_many_collisions};
use crate::Engine;
use crate::audit::{Audit, action};
use crate::error::Result;
use crate::log::Submission;
use crate::projects::authorize;
use crate::records::{ActiveConnection, ActiveConnectionRecord, StoredConnection};

/// Stops a connection gracefully; no error when it was not active. The answer comes when its sender has ended (at most
/// 10 s), so that the cursor shown is the one to continue from.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`.
pub async fn stop(engine: &Engine, caller: &Caller, project: &ProjectId, id: &str) -> Result<ConnectionView> {
    authorize(engine, caller, project, Verb::StopConnection).await?;
    let connection = stored::connection(engine, project, id).await?.value;
    stop_if_active(engine, caller, project, &connection).await?;
    view(engine, project, id).await
}

/// Stops the connection if it is the active one, and waits for its sender.
pub(super) async fn stop_if_active(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    connection: &StoredConnection,
) -> Result<()> {
    for _ in 0..ATTEMPTS {
        let stopped = try_stop(engine, caller, project, connection).await;
        if !lost_race(&stopped) {
            if stopped? {
                engine.delivery.changed(project);
                engine.delivery.settled(project).await;
            }
            return Ok(());
        }
    }
    Err(too_many_collisions())
}

async fn try_stop(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    connection: &StoredConnection,
) -> Result<bool> {
    let active = stored::active(engine, project).await?;
    if active.value.connection.as_ref() != Some(&connection.id) {
        return Ok(false);
    }
    let now = engine.clock.now();
    let value = ActiveConnection {
        connection: None,
        previous: Some(connection.id.clone()),
        previous_settled: None,
        since: now,
    };
    let change = stored::put::<ActiveConnectionRecord>(stored::active_key(project), active.unchanged(), value)?;
    let event = stopped_event(caller, connection).build(now);
    let submission = Submission { project: Some(project.clone()), events: vec![event], changes: vec![change] };
    engine.log.submit(submission).await?;
    Ok(true)
}

pub(super) fn stopped_event(caller: &Caller, connection: &StoredConnection) -> Audit {
    Audit::new(action::CONNECTION_STOP, caller)
        .on_connection(connection)
        .message(format!("SIEM connection {} was stopped", connection.spec.name))
}
