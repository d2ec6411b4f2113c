//! Projects: list and create, and the first start.

use auditwire_model::ProjectId;
use auditwire_model::access::Caller;

use crate::Engine;
use crate::error::{Error, Result};
use crate::records::Project;

/// The projects that the caller may see, by id.
///
/// # Errors
/// When the store fails.
pub async fn list(engine: &Engine, caller: &Caller) -> Result<Vec<Project>> {
    let _ = (engine, caller);
    Err(Error::not_available("projects"))
}

/// Creates a project. Operator only. A repeated request with the same key answers with what the first one made.
///
/// # Errors
/// `forbidden`, `invalid_id`, `invalid_name`, `project_exists`, `idempotency_key_reused`.
pub async fn create(
    engine: &Engine,
    caller: &Caller,
    id: Option<String>,
    name: String,
    idempotency_key: Option<&str>,
) -> Result<Project> {
    let _ = (engine, caller, id, name, idempotency_key);
    Err(Error::not_available("projects"))
}

/// Whether a project exists (cached).
///
/// # Errors
/// When the store fails.
pub async fn exists(engine: &Engine, project: &ProjectId) -> Result<bool> {
    let _ = (engine, project);
    Ok(false)
}
