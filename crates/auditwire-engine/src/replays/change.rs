//! Pausing, resuming and cancelling a replay. Asking for what is so already is no error.

use auditwire_model::ProjectId;
use auditwire_model::access::{Caller, Verb};

use super::stored::{self, Versioned};
use super::{ReplayView, view};
use crate::Engine;
use crate::audit::{Audit, action};
use crate::connections;
use crate::error::{Error, Kind, Result};
use crate::log::Submission;
use crate::projects::authorize;
use crate::records::{Replay, ReplayState};
use crate::store::Expect;

/// Its sender stores its progress a few times a second; a verb that always comes between two of them is an accident.
const ATTEMPTS: usize = 20;

/// Lets a replay rest; what is in flight is still finished.
///
/// # Errors
/// `forbidden`, `project_not_found`, `replay_not_found`, `replay_over`.
pub async fn pause(engine: &Engine, caller: &Caller, project: &ProjectId, id: &str) -> Result<ReplayView> {
    change(engine, caller, project, id, ReplayState::Paused).await
}

/// Lets a paused replay go on where it was.
///
/// # Errors
/// As [`pause`].
pub async fn resume(engine: &Engine, caller: &Caller, project: &ProjectId, id: &str) -> Result<ReplayView> {
    change(engine, caller, project, id, ReplayState::Running).await
}

/// Ends a replay for good; what was sent was sent.
///
/// # Errors
/// As [`pause`]; cancelling a cancelled one is no error.
pub async fn cancel(engine: &Engine, caller: &Caller, project: &ProjectId, id: &str) -> Result<ReplayView> {
    change(engine, caller, project, id, ReplayState::Cancelled).await
}

async fn change(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    to: ReplayState,
) -> Result<ReplayView> {
    authorize(engine, caller, project, Verb::ChangeReplay).await?;
    for _ in 0..ATTEMPTS {
        let changed = try_change(engine, caller, project, id, to).await;
        if !changed.as_ref().is_err_and(|e| e.code == "conflict") {
            if changed? {
                engine.delivery.changed(project);
                engine.delivery.settled(project).await;
            }
            return view(engine, project, id).await;
        }
    }
    Err(Error::new(Kind::Conflict, "conflict", "others keep changing this replay at the same time; try again"))
}

async fn try_change(engine: &Engine, caller: &Caller, project: &ProjectId, id: &str, to: ReplayState) -> Result<bool> {
    let Versioned { mut value, version } = stored::one(engine, project, id).await?;
    if value.state == to {
        return Ok(false);
    }
    if value.state.is_over() {
        let detail = format!("this replay is {} already", value.state.as_str());
        return Err(Error::new(Kind::Conflict, "replay_over", detail));
    }
    let now = engine.clock.now();
    value.state = to;
    value.generation += 1;
    value.ended_at = to.is_over().then_some(now);
    let event = told(engine, caller, project, &value).await?.build(now);
    let changes = vec![stored::put(project, Expect::Version(version), &value)?];
    engine.log.submit(Submission { project: Some(project.clone()), events: vec![event], changes }).await?;
    Ok(true)
}

async fn told(engine: &Engine, caller: &Caller, project: &ProjectId, replay: &Replay) -> Result<Audit> {
    let (action, word) = match replay.state {
        ReplayState::Paused => (action::REPLAY_PAUSE, "paused"),
        ReplayState::Running | ReplayState::Done => (action::REPLAY_RESUME, "resumed"),
        ReplayState::Cancelled => (action::REPLAY_CANCEL, "cancelled"),
    };
    let connection = connections::named(engine, project, &replay.connection).await?;
    let audit = Audit::new(action, caller);
    let (audit, name) = match &connection {
        Some(connection) => (audit.on_connection(connection), connection.spec.name.as_str()),
        None => (audit, replay.connection.as_str()),
    };
    let sent = replay.progress.sent;
    Ok(audit
        .with("replay", &replay.id)
        .with("sent", sent)
        .message(format!("The replay to {name} was {word} after {sent} of {} events", replay.matched)))
}
