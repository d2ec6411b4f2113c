//! Creating and changing connections. Neither checks; both seal what is secret.

use auditwire_model::access::{Caller, Verb};
use auditwire_model::connection::ConnectionSpec;
use auditwire_model::{ConnectionId, ProjectId};

use super::input::PemInput;
use super::redirect::{reaches_out, redirects};
use super::running::Running;
use super::view::view;
use super::{ATTEMPTS, ConnectionInput, ConnectionView, lost_race, stored, too_many_collisions};
use crate::Engine;
use crate::audit::{Audit, action};
use crate::error::{Error, Kind, Result};
use crate::idempotency::{self, Known};
use crate::log::Submission;
use crate::projects::authorize;
use crate::records::{
    ConnectionName, ConnectionNameRecord, ConnectionRecord, Document, SecretRecord, StoredConnection,
};
use crate::secrets::{Secret, connection_context, still_seals};
use crate::store::{Change, Expect, RecordKey, RecordKind};

const CONNECTIONS_MAX: usize = 100;
/// What a creation is called where keys are looked up.
const CREATE: &str = "connection-create";

/// Stores a new connection, inactive and unchecked. A repeated request with the same key answers with what the first one
/// made.
///
/// # Errors
/// `forbidden`, `project_not_found`, `name_taken`, `too_many_connections`, `idempotency_key_reused`.
pub async fn create(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    input: ConnectionInput,
    idempotency_key: Option<&str>,
) -> Result<ConnectionView> {
    authorize(engine, caller, project, Verb::CreateConnection).await?;
    for _ in 0..ATTEMPTS {
        let created = try_create(engine, caller, project, input.clone(), idempotency_key).await;
        if lost_race(&created) {
            continue;
        }
        let id = match created {
            Ok(id) => id,
            Err(error) => {
                let asked = (project, idempotency_key, input.sha256().as_bytes());
                idempotency::or_winner(engine, caller, CREATE, asked, error).await?
            }
        };
        return view(engine, project, &id).await;
    }
    Err(too_many_collisions())
}

async fn try_create(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    input: ConnectionInput,
    key: Option<&str>,
) -> Result<String> {
    let request = input.sha256().as_bytes();
    let pending = match idempotency::look_up(engine, caller, CREATE, project, key, request).await? {
        Known::Done(id) => return Ok(id),
        Known::New(pending) => pending,
    };
    let (spec, pem) = input.into_parts(None)?;
    if engine.store.records(RecordKind::Connection, Some(project)).await?.len() >= CONNECTIONS_MAX {
        let detail = format!("a project has at most {CONNECTIONS_MAX} connections; delete one");
        return Err(Error::new(Kind::Conflict, "too_many_connections", detail));
    }
    let now = engine.clock.now();
    let id = ConnectionId::parse(&format!("c-{}", hex::encode(Secret::random(6)?.expose())))
        .map_err(|e| Error::new(Kind::Internal, "internal", e.to_string()))?;
    let connection = StoredConnection { id: id.clone(), revision: 1, spec, created_at: now, updated_at: now };
    let event = Audit::new(action::CONNECTION_CREATE, caller)
        .on_connection(&connection)
        .message(format!("SIEM connection {} was created", connection.spec.name))
        .build(now);
    let mut changes = vec![name_change(engine, project, &connection).await?];
    changes.extend(pem_change(engine, project, &id, &pem)?);
    let key = RecordKey::of(RecordKind::Connection, project, id.as_str());
    changes.push(stored::put::<ConnectionRecord>(key, Expect::Absent, connection)?);
    if let Some(pending) = pending {
        changes.extend(pending.changes(id.as_str(), now)?);
    }
    engine.log.submit(Submission { project: Some(project.clone()), events: vec![event], changes }).await?;
    Ok(id.as_str().to_owned())
}

/// Replaces everything but absent secrets; a new revision. On an active connection it takes effect at the settled cursor; then
/// what it sends, and where, is changed only by those who may read the events as well, and another address to connect to
/// counts as a check.
///
/// # Errors
/// As [`create`], and `connection_not_found`, `stale` when `expected` is not the stored revision, `too_many_checks`.
pub async fn update(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    input: ConnectionInput,
    expected: Option<u64>,
) -> Result<ConnectionView> {
    authorize(engine, caller, project, Verb::UpdateConnection).await?;
    let mut place = None;
    for _ in 0..ATTEMPTS {
        let updated = try_update(engine, caller, project, id, input.clone(), expected, &mut place).await;
        if !lost_race(&updated) {
            updated?;
            engine.delivery.changed(project);
            return view(engine, project, id).await;
        }
    }
    Err(too_many_collisions())
}

async fn try_update(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    input: ConnectionInput,
    expected: Option<u64>,
    place: &mut Option<Running>,
) -> Result<()> {
    let old = stored::connection(engine, project, id).await?;
    let active = stored::active(engine, project).await?;
    check_revision(&old.value, expected)?;
    let (spec, pem) = input.into_parts(Some(&old.value.spec))?;
    let now = engine.clock.now();
    if active.value.connection.as_ref() == Some(&old.value.id) {
        if redirects(&old.value.spec, &spec, &pem) {
            authorize(engine, caller, project, Verb::RedirectConnection).await.map_err(explain_redirect)?;
        }
        if place.is_none() && reaches_out(&old.value.spec, &spec, &pem) {
            *place = Some(engine.shared.checks.begin(project, None, now)?);
        }
    }
    let changed = changed_fields(&old.value.spec, &spec, &pem);
    let new = StoredConnection { revision: old.value.revision + 1, spec, updated_at: now, ..old.value.clone() };
    let event = Audit::new(action::CONNECTION_UPDATE, caller)
        .on_connection(&new)
        .with("changed", changed)
        .message(format!("SIEM connection {} was changed", new.spec.name))
        .build(now);
    let mut changes = pem_change(engine, project, &new.id, &pem)?;
    if new.spec.name != old.value.spec.name {
        changes.push(stored::delete(RecordKind::ConnectionName, project, &old.value.spec.name));
        changes.push(name_change(engine, project, &new).await?);
    }
    let key = RecordKey::of(RecordKind::Connection, project, new.id.as_str());
    changes.push(stored::put::<ConnectionRecord>(key, old.unchanged(), new)?);
    // One that is activated meanwhile is judged anew.
    changes.push(stored::fence(stored::active_key(project), active.unchanged()));
    engine.log.submit(Submission { project: Some(project.clone()), events: vec![event], changes }).await?;
    Ok(())
}

fn explain_redirect(error: Error) -> Error {
    if error.kind != Kind::Forbidden {
        return error;
    }
    let detail = "changing what the active connection sends, or where, takes the scopes read and configure; \
                  its name and rate_limit take configure alone";
    Error::new(Kind::Forbidden, "forbidden", detail)
}

/// `stale` unless the caller's copy is the stored one.
pub(super) fn check_revision(connection: &StoredConnection, expected: Option<u64>) -> Result<()> {
    match expected {
        Some(revision) if revision != connection.revision => {
            let detail = format!("the connection has revision {} now; read it again", connection.revision);
            Err(Error::new(Kind::Stale, "stale", detail))
        }
        _ => Ok(()),
    }
}

/// Takes the connection's name; two requests for one name cannot both succeed.
async fn name_change(engine: &Engine, project: &ProjectId, connection: &StoredConnection) -> Result<Change> {
    let key = RecordKey::of(RecordKind::ConnectionName, project, &connection.spec.name);
    if let Some(record) = engine.store.record(&key).await? {
        let owner = ConnectionNameRecord::decode(&record)?.into_current().connection;
        let detail = format!("connection {owner} has this name already");
        return Err(Error::new(Kind::Conflict, "name_taken", detail).in_field("name"));
    }
    stored::put::<ConnectionNameRecord>(key, Expect::Absent, ConnectionName { connection: connection.id.clone() })
}

fn pem_change(engine: &Engine, project: &ProjectId, id: &ConnectionId, pem: &PemInput) -> Result<Vec<Change>> {
    match pem {
        PemInput::Keep => Ok(Vec::new()),
        PemInput::Remove => Ok(vec![stored::delete(RecordKind::ConnectionSecret, project, id.as_str())]),
        PemInput::Replace(pem) => {
            let sealed = engine.keyring.seal(&connection_context(project, id.as_str()), pem)?;
            let key = RecordKey::of(RecordKind::ConnectionSecret, project, id.as_str());
            let fence = still_seals(&sealed);
            Ok(vec![stored::put::<SecretRecord>(key, Expect::Any, sealed)?, fence])
        }
    }
}

/// Names of the fields that differ, for the audit event; their values are in the connection.
fn changed_fields(old: &ConnectionSpec, new: &ConnectionSpec, pem: &PemInput) -> String {
    let fields = |spec| match serde_json::to_value(spec) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (old, new) = (fields(old), fields(new));
    let mut names: Vec<&str> = new.iter().filter(|(k, v)| old.get(*k) != Some(v)).map(|(k, _)| k.as_str()).collect();
    if matches!(pem, PemInput::Replace(_)) && !names.contains(&"tls") {
        names.push("tls");
    }
    names.join(" ")
}
