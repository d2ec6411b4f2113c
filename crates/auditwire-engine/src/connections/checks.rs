//! Running the connection check on what is stored or on a candidate.

use std::time::Duration;

use auditwire_model::ProjectId;
use auditwire_model::access::{Caller, Verb};
use auditwire_model::connection::ConnectionSpec;
use auditwire_model::wire::RenderContext;

use super::input::PemInput;
use super::running::Running;
use super::view::warned;
use super::{ConnectionInput, lost_race, stored};
use crate::Engine;
use crate::audit::{Audit, action};
use crate::delivery::check::{self, CheckContext, CheckReport, StageReport};
use crate::delivery::tls::PemBundle;
use crate::error::Result;
use crate::log::Submission;
use crate::projects::authorize;
use crate::records::{CheckResult, CheckResultRecord, CheckedStage, Document, StoredConnection};
use crate::secrets::{Secret, connection_pem};
use crate::store::{Change, Expect, RecordKey, RecordKind};
use crate::tasks::Task;

/// How long a check counts for an activation.
const COUNTS: Duration = Duration::from_secs(600);

/// Checks a stored connection, or a candidate for it whose absent secrets are the stored ones.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`, `too_many_checks`.
pub async fn check_stored(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    candidate: Option<ConnectionInput>,
) -> Result<CheckReport> {
    authorize(engine, caller, project, Verb::CheckConnection).await?;
    let connection = stored::connection(engine, project, id).await?.value;
    let Some(candidate) = candidate else { return check_and_record(engine, caller, project, &connection).await };
    let (spec, pem) = candidate.into_parts(Some(&connection.spec))?;
    let pem = match pem {
        PemInput::Keep => connection_pem(&*engine.store, &engine.keyring, project, id).await?,
        PemInput::Remove => None,
        PemInput::Replace(pem) => Some(pem),
    };
    let running = engine.shared.checks.begin(project, None, engine.clock.now())?;
    let report = run(engine, project, &spec, pem, &running).await?;
    let event = audit(caller, &spec, &report).on("siem-connection", id);
    submit(engine, project, event, Vec::new()).await?;
    Ok(report)
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
    authorize(engine, caller, project, Verb::CheckConnection).await?;
    let (spec, pem) = input.into_parts(None)?;
    let pem = if let PemInput::Replace(pem) = pem { Some(pem) } else { None };
    let running = engine.shared.checks.begin(project, None, engine.clock.now())?;
    let report = run(engine, project, &spec, pem, &running).await?;
    submit(engine, project, audit(caller, &spec, &report), Vec::new()).await?;
    Ok(report)
}

/// Begins a check of what is stored, in the background, unless one of this revision is running. [`check_state`] tells how
/// far it is; its result is recorded as [`check_stored`]'s is. It ends without a result when the engine closes.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`, `too_many_checks`, `closing`.
///
/// [`check_state`]: super::check_state()
pub async fn begin_check(engine: &Engine, caller: &Caller, project: &ProjectId, id: &str) -> Result<()> {
    authorize(engine, caller, project, Verb::CheckConnection).await?;
    engine.accepting()?;
    let connection = stored::connection(engine, project, id).await?.value;
    let pem = connection_pem(&*engine.store, &engine.keyring, project, connection.id.as_str()).await?;
    let Some(running) = engine.shared.checks.begin_once(project, &connection, engine.clock.now())? else {
        return Ok(());
    };
    let (all, caller, project) = (engine.clone(), caller.clone(), project.clone());
    engine.spawn(Task::Check, async move {
        let concluded = run_and_record(&all, &caller, &project, &connection, pem, &running).await;
        if let Err(error) = concluded
            && error.code != "closing"
        {
            tracing::warn!(connection = %connection.id, %error, "the result of a connection check could not be recorded");
        }
    });
    Ok(())
}

/// Checks what is stored and remembers the result for an activation.
pub(super) async fn check_and_record(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    connection: &StoredConnection,
) -> Result<CheckReport> {
    let pem = connection_pem(&*engine.store, &engine.keyring, project, connection.id.as_str()).await?;
    let running = engine.shared.checks.begin(project, Some(connection), engine.clock.now())?;
    run_and_record(engine, caller, project, connection, pem, &running).await
}

/// Checks what was read of the store. The check counts as running until its result is recorded, so that who asks meanwhile
/// finds the one or the other.
async fn run_and_record(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    connection: &StoredConnection,
    pem: Option<Secret>,
    running: &Running,
) -> Result<CheckReport> {
    let mut report = run(engine, project, &connection.spec, pem, running).await?;
    report.revision = Some(connection.revision);
    let result = CheckResult {
        revision: connection.revision,
        ok: report.ok,
        confirmed: report.confirmed,
        at: engine.clock.now(),
        stages: report.stages.iter().map(CheckedStage::from).collect(),
    };
    let event = audit(caller, &connection.spec, &report)
        .on("siem-connection", &connection.id)
        .with("revision", connection.revision);
    // Only for what is still there: a connection that was deleted or changed meanwhile keeps no result.
    let mut changes = Vec::new();
    if let Some(now) = stored::find(engine, project, connection.id.as_str()).await?
        && now.value.revision == connection.revision
    {
        let id = connection.id.as_str();
        changes.push(stored::fence(RecordKey::of(RecordKind::Connection, project, id), now.unchanged()));
        let key = RecordKey::of(RecordKind::CheckResult, project, id);
        changes.push(stored::put::<CheckResultRecord>(key, Expect::Any, result)?);
    }
    let submitted = submit(engine, project, event.clone(), changes).await;
    if lost_race(&submitted) {
        submit(engine, project, event, Vec::new()).await?;
    } else {
        submitted?;
    }
    Ok(report)
}

/// The result that counts for this revision: not older than 10 minutes.
pub(super) async fn recent(
    engine: &Engine,
    project: &ProjectId,
    connection: &StoredConnection,
) -> Result<Option<CheckResult>> {
    let result = last(engine, project, connection).await?;
    Ok(result.filter(|result| is_recent(engine, connection, result)))
}

/// Whether a result is of this revision and not too old to count.
pub(super) fn is_recent(engine: &Engine, connection: &StoredConnection, result: &CheckResult) -> bool {
    let now = engine.clock.now();
    result.revision == connection.revision && result.at <= now && now.since(result.at) <= COUNTS
}

/// The result that was recorded last, of any revision.
pub(super) async fn last(
    engine: &Engine,
    project: &ProjectId,
    connection: &StoredConnection,
) -> Result<Option<CheckResult>> {
    let key = RecordKey::of(RecordKind::CheckResult, project, connection.id.as_str());
    let record = engine.store.record(&key).await?;
    record.map(|record| Ok(CheckResultRecord::decode(&record)?.into_current())).transpose()
}

/// The one place that runs checks: what it tells is seen by who asks for the state.
async fn run(
    engine: &Engine,
    project: &ProjectId,
    spec: &ConnectionSpec,
    pem: Option<Secret>,
    running: &Running,
) -> Result<CheckReport> {
    let bundle = match pem.as_ref().map(|pem| PemBundle::parse(pem.expose())).transpose() {
        Ok(bundle) => bundle,
        Err(error) => {
            return Ok(CheckReport { warnings: warned(engine, spec), ..CheckReport::of_pem_error(&error) });
        }
    };
    let settings = &engine.settings.delivery;
    let render = RenderContext {
        hostname: settings.hostname.clone(),
        instance: engine.instance.id.clone(),
        project: project.to_string(),
    };
    let context =
        CheckContext { tasks: engine.tasks().clone(), ..CheckContext::new(settings, render, engine.clock.clone()) };
    let observer = |stage: &StageReport| running.tell(stage);
    let report = engine.unless_closing(Box::pin(check::run(&context, spec, bundle.as_ref(), &observer))).await?;
    Ok(CheckReport { warnings: warned(engine, spec), ..report })
}

fn audit(caller: &Caller, spec: &ConnectionSpec, report: &CheckReport) -> Audit {
    let event = Audit::new(action::CONNECTION_CHECK, caller)
        .on("siem-connection", "")
        .with("name", &spec.name)
        .with("endpoint", &spec.endpoint)
        .with("confirmed", report.confirmed);
    match report.stages.iter().find(|s| !s.ok) {
        Some(failed) => event
            .failed(&failed.code, failed.message.clone())
            .with("stage", failed.stage.as_str())
            .message(format!("The check of SIEM connection {} failed: {}", spec.name, failed.code)),
        None => event.message(format!("The check of SIEM connection {} passed", spec.name)),
    }
}

async fn submit(engine: &Engine, project: &ProjectId, event: Audit, changes: Vec<Change>) -> Result<()> {
    let events = vec![event.build(engine.clock.now())];
    engine.log.submit(Submission { project: Some(project.clone()), events, changes }).await.map(|_| ())
}
