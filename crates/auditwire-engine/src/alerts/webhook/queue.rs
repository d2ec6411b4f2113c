//! The calls that are to be made. Each is a record, written in the commit that tells of the alert, so a call is made at least once
//! also when the process ends in between; five attempts over an hour, then it is told as failed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use auditwire_model::access::Caller;
use auditwire_model::{ProjectId, Timestamp};
use futures_util::{StreamExt, stream};
use serde_json::json;

use super::address::Address;
use super::call::Call;
use super::{CallReport, last_key, secret, stored, url};
use crate::Engine;
use crate::alerts::AlertKind;
use crate::audit::{Audit, action, event_id};
use crate::delivery::guard::AddressGuard;
use crate::delivery::tls::PemBundle;
use crate::error::{Error, Kind, Result};
use crate::log::Submission;
use crate::records::{Alert, Document, LastCall, LastCallRecord, Webhook, WebhookCall, WebhookCallRecord};
use crate::store::{Change, Effect, Expect, Record, RecordKey, RecordKind};
use crate::tasks::Task;

/// How long after each failed attempt the next one is made; after the last there is none. An hour in all.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(900), Duration::from_secs(2340)];
/// Calls of a project that wait; older ones make room.
const WAITING_MAX: usize = 100;
/// Calls of all projects at once.
const AT_ONCE: usize = 16;

/// What became of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Begun,
    Over,
}

/// What a webhook is told.
#[derive(Debug)]
pub(crate) struct Alarm {
    pub(crate) state: State,
    pub(crate) alert: Alert,
    /// The name of its connection or token, while there is one.
    pub(crate) name: Option<String>,
}

/// The changes that have these alarms told, when the project has a webhook.
pub(crate) async fn enqueue(
    engine: &Engine,
    project: &ProjectId,
    alarms: &[Alarm],
    now: Timestamp,
) -> Result<Vec<Change>> {
    if alarms.is_empty() || stored(engine, project).await?.is_none() {
        return Ok(Vec::new());
    }
    let mut changes = Vec::new();
    for alarm in alarms {
        // In the order of time, so that the oldest come first.
        let id = format!("w-{}", event_id(now));
        let page = alarm.alert.connection.as_ref().zip(engine.shared.http.get());
        let page = page.and_then(|(connection, http)| http.connection_page(project, connection));
        let body = body(&id, project, alarm, page.as_deref(), now);
        let call = WebhookCall { body, attempts: 0, due_at: now, created_at: now };
        let effect = Effect::Put(WebhookCallRecord::from(call).encode()?);
        changes.push(Change { key: call_key(project, id), expect: Expect::Absent, effect });
    }
    let waiting = ids(engine, project).await?;
    let too_many = (waiting.len() + changes.len()).saturating_sub(WAITING_MAX);
    changes.extend(waiting.into_iter().take(too_many).map(|id| forget(project, id)));
    Ok(changes)
}

/// Says which alert, of which connection or token (null: of the project itself), since when, and what to do; nothing of events.
fn body(id: &str, project: &ProjectId, alarm: &Alarm, page: Option<&str>, now: Timestamp) -> String {
    let Alarm { state, alert, name } = alarm;
    let Alert { connection, token, kind, step, since, message, remedy } = alert;
    // A connection that was deleted has no page.
    let page = page.filter(|_| name.is_some());
    let connection = connection.as_ref().map(|id| json!({ "id": id.to_string(), "name": name, "url": page }));
    let token = token.as_ref().map(|id| json!({ "id": id.to_string(), "name": name }));
    let days = matches!(kind, AlertKind::CertificateExpiring | AlertKind::TokenExpiring).then_some(step);
    json!({
        "id": id,
        "type": match state { State::Begun => "alert.begun", State::Over => "alert.over" },
        "at": now.to_string(),
        "project": project.to_string(),
        "alert": {
            "id": alert.id(),
            "kind": kind.as_str(),
            "connection": connection,
            "token": token,
            "since": since.to_string(),
            "days_left": days,
            "message": message,
            "remedy": remedy,
        },
    })
    .to_string()
}

/// Makes the calls that are due. A project whose calls fail does not keep those of others from being made.
///
/// # Errors
/// When the calls cannot be read.
pub async fn round(engine: &Engine) -> Result<()> {
    let (now, longest) = (engine.clock.now(), PAUSES.iter().max().copied().unwrap_or_default());
    let mut due: BTreeMap<Option<ProjectId>, Vec<(Record, WebhookCall)>> = BTreeMap::new();
    for record in engine.store.records(RecordKind::WebhookCall, None).await? {
        let call = WebhookCallRecord::decode(&record)?.into_current();
        // One that is due later than the longest pause was stored before the clock was set back.
        if call.due_at <= now || call.due_at.since(now) > longest {
            due.entry(record.key.project.clone()).or_default().push((record, call));
        }
    }
    let made = stream::iter(due.into_values()).for_each_concurrent(AT_ONCE, |calls| in_order(engine, calls));
    // What is cut off here is made again after the next start.
    engine.unless_closing(made).await.or(Ok(()))
}

/// Calls of one project in order; what comes behind one that fails waits for the next round.
async fn in_order(engine: &Engine, calls: Vec<(Record, WebhookCall)>) {
    for (record, call) in calls {
        // A panic in one project's calls does not end those of the others.
        let made = engine.tasks().caught(Task::Webhooks, attempt(engine, record, call)).await;
        match made.unwrap_or_else(|panicked| Err(panicked.into())) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                tracing::warn!(%error, "a webhook could not be called; trying again");
                break;
            }
        }
    }
}

/// Makes a call; whether the receiver took it.
async fn attempt(engine: &Engine, record: Record, call: WebhookCall) -> Result<bool> {
    let Some(project) = record.key.project.clone() else { return Ok(true) };
    let id = record.key.id.clone();
    let expect = Expect::Version(record.version);
    let Some((webhook, _)) = stored(engine, &project).await? else {
        let changes = vec![Change { key: record.key, expect, effect: Effect::Delete }];
        return engine.log.submit(Submission { changes, ..Submission::default() }).await.map(|_| true);
    };
    let report = self::call(engine, &project, &webhook, &id, &call.body).await?;
    let now = engine.clock.now();
    let pause = PAUSES.get(usize::try_from(call.attempts).unwrap_or(usize::MAX));
    let (effect, events) = match pause {
        _ if report.ok => (Effect::Delete, Vec::new()),
        Some(pause) => {
            let nanos = i64::try_from(pause.as_nanos()).unwrap_or(i64::MAX);
            let due_at = now.saturating_add_nanos(nanos);
            let call = WebhookCall { attempts: call.attempts + 1, due_at, ..call };
            (Effect::Put(WebhookCallRecord::from(call).encode()?), Vec::new())
        }
        None => (Effect::Delete, vec![failed(&report, call.attempts + 1).build(now)]),
    };
    let changes = vec![Change { key: record.key, expect, effect }, noted(engine, &project, &report)?];
    engine.log.submit(Submission { project: Some(project), events, changes }).await.map(|_| report.ok)
}

fn failed(report: &CallReport, attempts: u32) -> Audit {
    let (code, message) = report.last();
    Audit::new(action::WEBHOOK_FAILED, &Caller::Service)
        .on("webhook", "webhook")
        .failed(code, message)
        .message(format!("An alert could not be told to the webhook in {attempts} attempts: {code}"))
}

/// One attempt.
///
/// # Errors
/// `not_available_yet` when nothing here speaks HTTP; when the secret cannot be opened.
pub(super) async fn call(
    engine: &Engine,
    project: &ProjectId,
    webhook: &Webhook,
    id: &str,
    body: &str,
) -> Result<CallReport> {
    let http = engine.shared.http.get().ok_or_else(|| Error::not_available("calling a webhook"))?;
    let parsed = webhook.pem.as_ref().map(|pem| PemBundle::parse(pem.as_bytes())).transpose();
    let pem = parsed.map_err(|e| Error::new(Kind::Internal, "storage_damaged", e.message))?;
    let (url, secret) = (url(engine, project, webhook)?, secret(engine, project, webhook)?);
    let call = Call {
        address: Address::parse(url.expose_text())?,
        pem,
        secret: &secret,
        guard: AddressGuard::new(&engine.settings.delivery),
        clock: &engine.clock,
        http: Arc::clone(http),
        tasks: engine.tasks(),
    };
    let report = call.make(id, body).await;
    engine.shared.webhook_calls.count(report.ok);
    Ok(report)
}

/// The change that notes what a call came to.
pub(super) fn noted(engine: &Engine, project: &ProjectId, report: &CallReport) -> Result<Change> {
    let (code, message) = report.last();
    let last = LastCall { ok: report.ok, code: code.to_owned(), message: message.to_owned(), at: engine.clock.now() };
    let effect = Effect::Put(LastCallRecord::from(last).encode()?);
    Ok(Change { key: last_key(project), expect: Expect::Any, effect })
}

/// The calls that wait, oldest first.
pub(super) async fn ids(engine: &Engine, project: &ProjectId) -> Result<Vec<String>> {
    Ok(engine.store.record_ids(RecordKind::WebhookCall, project, ["", "~"]).await?)
}

pub(super) fn forget(project: &ProjectId, id: String) -> Change {
    Change { key: call_key(project, id), expect: Expect::Any, effect: Effect::Delete }
}

fn call_key(project: &ProjectId, id: String) -> RecordKey {
    RecordKey::of(RecordKind::WebhookCall, project, id)
}
