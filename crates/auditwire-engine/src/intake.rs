//! The verb of every door: takes drafts, answers when they are on disk.

use auditwire_model::ProjectId;
use auditwire_model::access::Caller;
use auditwire_model::event::{EventDraft, Plane, Rejection};

use crate::Engine;
use crate::error::{Error, Result};

/// What a door hands over.
#[derive(Debug)]
pub struct Intake {
    /// In the batch's order: a draft, or why there is none.
    pub items: Vec<Result<EventDraft, Rejection>>,
    /// Plane of the door, for drafts without one.
    pub door: Plane,
    /// From the request; makes ids for drafts without one, so that a repeated request adds nothing.
    pub idempotency_key: Option<String>,
}

/// The answer to a batch; on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntakeReport {
    /// New events.
    pub accepted: u64,
    /// Recognised repetitions.
    pub duplicates: u64,
    /// Refused items.
    pub rejected: Vec<Rejection>,
}

/// Takes a batch: checks the permission, completes the drafts, commits them.
///
/// # Errors
/// `forbidden`, `project_not_found`; `storage_full`, `overloaded`, `closing` (nothing was taken; try again).
pub async fn accept(engine: &Engine, caller: &Caller, project: &ProjectId, intake: Intake) -> Result<IntakeReport> {
    let _ = (engine, caller, project, intake);
    Err(Error::not_available("intake"))
}
