//! Projects: list and create, and the first start.

use auditwire_model::ProjectId;
use auditwire_model::access::{Caller, Decision, Right, allows};

use crate::Engine;
use crate::error::{Error, Kind, Result};
use crate::records::Project;
use crate::store::{RecordKey, RecordKind};

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

/// The first line of every verb of a project: all of `rights` are there and the project exists. A project that the caller
/// may not see answers as one that does not exist.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn authorize(engine: &Engine, caller: &Caller, project: &ProjectId, rights: &[Right<'_>]) -> Result<()> {
    let decisions: Vec<_> = rights.iter().map(|right| allows(caller, *right)).collect();
    if decisions.contains(&Decision::Hidden) || !exists(engine, project).await? {
        let detail = format!("there is no project '{project}', or this token is not one of its own");
        return Err(Error::new(Kind::NotFound, "project_not_found", detail));
    }
    if decisions.contains(&Decision::Forbidden) {
        return Err(Error::new(Kind::Forbidden, "forbidden", "this token lacks the scope that this request needs"));
    }
    Ok(())
}

/// Whether a project exists.
///
/// # Errors
/// When the store fails.
pub async fn exists(engine: &Engine, project: &ProjectId) -> Result<bool> {
    let key = RecordKey::global(RecordKind::Project, project.as_str());
    Ok(engine.store.record(&key).await?.is_some())
}
