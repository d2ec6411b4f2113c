//! Projects: who may touch them, list and create.

use std::collections::HashSet;

use auditwire_model::access::{Caller, Decision, Verb, allows, knows};
use auditwire_model::{ProjectId, Timestamp};
use parking_lot::RwLock;

use crate::audit::{Audit, action};
use crate::error::{Error, Kind, Result};
use crate::idempotency::{self, Known};
use crate::log::Submission;
use crate::records::{Document, Project, ProjectRecord};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};
use crate::{Engine, denials};

/// What a creation is called where keys are looked up.
const CREATE: &str = "project-create";

/// Projects known to exist, so that a request costs no read. Projects are never deleted in this version.
#[derive(Debug, Default)]
pub(crate) struct Cache(RwLock<HashSet<ProjectId>>);

/// The first line of every verb of a project: the caller has what the verb needs and the project exists. A project that the
/// caller may not see answers as one that does not exist.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn authorize(engine: &Engine, caller: &Caller, project: &ProjectId, verb: Verb) -> Result<()> {
    debug_assert!(verb.looks().is_none(), "{verb:?} shows events: it begins with reading::begin");
    permit(engine, caller, project, verb).await
}

/// [`authorize`] for `reading::begin`. A refusal is counted.
pub(crate) async fn permit(engine: &Engine, caller: &Caller, project: &ProjectId, verb: Verb) -> Result<()> {
    let decision = allows(caller, verb, Some(project));
    denials::note(engine, caller, verb, Some(project), decision).await;
    if decision == Decision::Hidden || !exists(engine, project).await? {
        let detail = format!("there is no project '{project}', or this token is not one of its own");
        return Err(Error::new(Kind::NotFound, "project_not_found", detail));
    }
    if decision == Decision::Forbidden { Err(forbidden()) } else { Ok(()) }
}

/// The first line of every verb that is not one of a project.
///
/// # Errors
/// `forbidden`.
pub async fn authorize_above(engine: &Engine, caller: &Caller, verb: Verb) -> Result<()> {
    let decision = allows(caller, verb, None);
    denials::note(engine, caller, verb, None, decision).await;
    if decision == Decision::Allowed { Ok(()) } else { Err(forbidden()) }
}

pub(crate) fn forbidden() -> Error {
    Error::new(Kind::Forbidden, "forbidden", "this token lacks the scope that this request needs")
}

/// The projects that the caller may see, by id.
///
/// # Errors
/// When the store fails.
pub async fn list(engine: &Engine, caller: &Caller) -> Result<Vec<Project>> {
    let records = engine.store.records(RecordKind::Project, None).await?;
    let mut projects = Vec::with_capacity(records.len());
    for record in &records {
        let project = ProjectRecord::decode(record)?.into_current();
        if knows(caller, &project.id) {
            projects.push(project);
        }
    }
    projects.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(projects)
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
    authorize_above(engine, caller, Verb::CreateProject).await?;
    let name = checked_name(&name, "name")?;
    let home = ProjectId::system();
    let request = format!("{}\0{name}", id.as_deref().unwrap_or_default());
    let asked = (&home, idempotency_key, request.as_bytes());
    match try_create(engine, caller, id, name, asked).await {
        Ok(project) => Ok(project),
        Err(error) => {
            let id = idempotency::or_winner(engine, caller, CREATE, asked, error).await?;
            load(engine, &id).await
        }
    }
}

async fn try_create(
    engine: &Engine,
    caller: &Caller,
    id: Option<String>,
    name: String,
    (home, key, request): (&ProjectId, Option<&str>, &[u8]),
) -> Result<Project> {
    let pending = match idempotency::look_up(engine, caller, CREATE, home, key, request).await? {
        Known::Done(id) => return load(engine, &id).await,
        Known::New(pending) => pending,
    };
    let id = match id {
        Some(id) => id,
        None => format!("p-{}", hex::encode(crate::secrets::Secret::random(6)?.expose())),
    };
    let id = ProjectId::parse(&id).map_err(|e| Error::invalid("invalid_id", "id", e.to_string()))?;
    if exists(engine, &id).await? {
        return Err(project_exists(&id));
    }
    let now = engine.clock.now();
    let event = Audit::new(action::PROJECT_CREATE, caller)
        .on("project", &id)
        .with("name", &name)
        .message(format!("Project {name} was created"))
        .build(now);
    let mut changes = vec![put(&id, &name, now)?];
    if let Some(pending) = pending {
        changes.extend(pending.changes(id.as_str(), now)?);
    }
    let submission = Submission { project: Some(home.clone()), events: vec![event], changes };
    match engine.log.submit(submission).await {
        Ok(_) => Ok(Project { id, name, created_at: now }),
        Err(e) if e.code == "conflict" => Err(project_exists(&id)),
        Err(e) => Err(e),
    }
}

/// Whether a project exists (cached).
///
/// # Errors
/// When the store fails.
pub async fn exists(engine: &Engine, project: &ProjectId) -> Result<bool> {
    if engine.shared.projects.0.read().contains(project) {
        return Ok(true);
    }
    let key = RecordKey::global(RecordKind::Project, project.as_str());
    let found = engine.store.record(&key).await?.is_some();
    if found {
        engine.shared.projects.0.write().insert(project.clone());
    }
    Ok(found)
}

/// The change that creates a project.
pub(crate) fn put(id: &ProjectId, name: &str, now: Timestamp) -> Result<Change> {
    let project = Project { id: id.clone(), name: name.to_owned(), created_at: now };
    let effect = Effect::Put(ProjectRecord::from(project).encode()?);
    Ok(Change { key: RecordKey::global(RecordKind::Project, id.as_str()), expect: Expect::Absent, effect })
}

/// A name for people: 1–128 characters after trimming, no control characters.
pub(crate) fn checked_name(name: &str, field: &str) -> Result<String> {
    let name = name.trim();
    let characters = name.chars().count();
    if (1..=128).contains(&characters) && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    Err(Error::invalid("invalid_name", field, "a name has 1 to 128 characters, none of them a control character"))
}

async fn load(engine: &Engine, id: &str) -> Result<Project> {
    match engine.store.record(&RecordKey::global(RecordKind::Project, id)).await? {
        Some(record) => Ok(ProjectRecord::decode(&record)?.into_current()),
        None => Err(Error::new(Kind::NotFound, "project_not_found", format!("there is no project '{id}'"))),
    }
}

fn project_exists(id: &ProjectId) -> Error {
    Error::new(Kind::Conflict, "project_exists", format!("there is a project '{id}' already")).in_field("id")
}
