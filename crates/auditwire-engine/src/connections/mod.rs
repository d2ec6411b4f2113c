//! The verbs of SIEM connections. Every change is one commit together with its audit event.

mod budget;
mod input;
mod json;

pub(crate) use budget::CheckBudget;
pub use input::ConnectionInput;

use auditwire_model::access::{Caller, Right};
use auditwire_model::{ConnectionId, Position, ProjectId, Timestamp};

use crate::Engine;
use crate::delivery::check::CheckReport;
use crate::delivery::{DeliveryState, Status};
use crate::error::{Error, Result};
use crate::records::StoredConnection;

/// A connection with its live state: what the API shows.
#[derive(Debug, Clone)]
pub struct ConnectionView {
    /// What is stored.
    pub stored: StoredConnection,
    /// Its state.
    pub status: Status,
    /// Since when.
    pub since: Timestamp,
    /// A check code, when degraded or failing.
    pub cause: Option<&'static str>,
    /// False when the peer's certificate is not verified.
    pub verified: bool,
    /// Counters and positions.
    pub delivery: DeliveryState,
}

/// Where an activated connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// `TakeOver` when another is active now, else `Continue`, else `Now`.
    #[default]
    Default,
    /// Where this connection stopped.
    Continue,
    /// The settled cursor of the active connection, else of the one stopped last.
    TakeOver,
    /// The end of the log.
    Now,
    /// The first event received at or after.
    From(Timestamp),
}

/// The answer to an activation.
#[derive(Debug, Clone)]
pub struct Activation {
    /// The connection as it is now.
    pub connection: ConnectionView,
    /// The check that was run, or none when one had passed within 10 minutes.
    pub check: Option<CheckReport>,
    /// The connection that was stopped.
    pub stopped: Option<ConnectionId>,
    /// First position that will be sent.
    pub start_at: Position,
    /// How many events will be sent from there to the present end.
    pub will_send: u64,
}

/// Why an activation did not happen.
#[derive(Debug)]
pub enum ActivateError {
    /// 409 `check_failed`.
    CheckFailed(Box<CheckReport>),
    /// Anything else.
    Other(Error),
}

impl From<Error> for ActivateError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// The answer to a group deletion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deleted {
    /// These are gone.
    pub deleted: Vec<ConnectionId>,
    /// These were not there (as given).
    pub not_found: Vec<String>,
}

/// All connections of a project, by name.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn list(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<Vec<ConnectionView>> {
    let _ = (engine, caller, project);
    Err(Error::not_available("connections"))
}

/// One connection.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`.
pub async fn get(engine: &Engine, caller: &Caller, project: &ProjectId, id: &str) -> Result<ConnectionView> {
    let _ = (engine, caller, project, id);
    Err(Error::not_available("connections"))
}

/// Stores a new connection, inactive and unchecked.
///
/// # Errors
/// `forbidden`, `project_not_found`, `name_taken`, `too_many_connections`, and one code per wrong field.
pub async fn create(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    input: ConnectionInput,
    idempotency_key: Option<&str>,
) -> Result<ConnectionView> {
    let _ = (engine, caller, project, input, idempotency_key);
    Err(Error::not_available("connections"))
}

/// Replaces everything but absent secrets; a new revision. On an active connection it takes effect at the settled cursor.
///
/// # Errors
/// As [`create`], and `connection_not_found`, `stale` when `expected` is not the stored revision.
pub async fn update(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    input: ConnectionInput,
    expected: Option<u64>,
) -> Result<ConnectionView> {
    let _ = (engine, caller, project, id, input, expected);
    Err(Error::not_available("connections"))
}

/// Deletes connections; an active one is stopped first. All or nothing for those that exist.
///
/// # Errors
/// `forbidden`, `project_not_found`; `stale` when `expected` (single deletion) is not the stored revision.
pub async fn delete(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    ids: &[String],
    expected: Option<u64>,
) -> Result<Deleted> {
    let _ = (engine, caller, project, ids, expected);
    Err(Error::not_available("connections"))
}

/// Checks a stored connection, or a candidate for it whose absent secrets are the stored ones.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`, `too_many_checks`, and one code per wrong field.
pub async fn check_stored(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    candidate: Option<ConnectionInput>,
) -> Result<CheckReport> {
    let _ = (engine, caller, project, id, candidate);
    Err(Error::not_available("connections"))
}

/// Checks a connection that is not stored.
///
/// # Errors
/// As [`check_stored`].
pub async fn check_candidate(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    input: ConnectionInput,
) -> Result<CheckReport> {
    crate::projects::authorize(engine, caller, project, &[Right::Configure(project)]).await?;
    let _running = engine.shared.checks.begin(project, engine.clock.now())?;
    let _ = input;
    Err(Error::not_available("connections"))
}

/// Makes a connection the project's active one, stopping the one that was.
///
/// # Errors
/// [`ActivateError::CheckFailed`]; `forbidden`, `project_not_found`, `connection_not_found`, `nothing_to_take_over`.
pub async fn activate(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    start: Option<Start>,
    despite_failed_check: bool,
) -> Result<Activation, ActivateError> {
    let _ = (engine, caller, project, id, start, despite_failed_check);
    Err(Error::not_available("connections").into())
}

/// Stops a connection gracefully; no error when it was not active.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`.
pub async fn stop(engine: &Engine, caller: &Caller, project: &ProjectId, id: &str) -> Result<ConnectionView> {
    let _ = (engine, caller, project, id);
    Err(Error::not_available("connections"))
}
