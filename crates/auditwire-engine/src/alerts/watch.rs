//! Looks at every project and its connections, again and again: what should stand, what stands, and what a heartbeat is due for.

use std::time::Duration;

use auditwire_model::ProjectId;
use auditwire_model::access::Caller;
use auditwire_model::event::Event;
use auditwire_model::{Severity, Timestamp};

use super::AlertKind;
use super::conditions::{Condition, conditions, of_project};
use super::webhook::{self, Alarm, State};
use crate::audit::{Audit, action};
use crate::connections::{self, ConnectionView};
use crate::delivery::Status;
use crate::error::Result;
use crate::log::Submission;
use crate::records::{Alert, AlertRecord, Document, alert_id};
use crate::retention::{self, RetentionView};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};
use crate::tasks::Task;
use crate::{Engine, projects};

/// How often is looked for calls of webhooks that are due.
const CALLS: Duration = Duration::from_secs(5);

/// Begins to watch, until the engine closes. Returns at once.
pub fn start(engine: &Engine) {
    engine.keep(Task::Alerts, |watched| async move {
        let every = watched.settings.alerts.every;
        while watched.unless_closing(tokio::time::sleep(every)).await.is_ok() {
            if let Err(error) = round(&watched).await {
                tracing::error!(%error, "the connections could not be watched; trying again");
            }
        }
    });
    engine.keep(Task::Webhooks, |calling| async move {
        while calling.unless_closing(tokio::time::sleep(CALLS)).await.is_ok() {
            if let Err(error) = webhook::round(&calling).await {
                tracing::error!(%error, "the calls of webhooks could not be read; trying again");
            }
        }
    });
}

/// One look at all projects. A project that cannot be read does not keep the others from being looked at.
///
/// # Errors
/// When the projects cannot be listed.
pub async fn round(engine: &Engine) -> Result<()> {
    for project in projects::list(engine, &Caller::Service).await? {
        // Nor does one at which this panics.
        let looked = engine.tasks().caught(Task::Alerts, look(engine, &project.id)).await;
        if let Err(error) = looked.unwrap_or_else(|panicked| Err(panicked.into())) {
            tracing::warn!(project = %project.id, %error, "a project's connections could not be watched; trying again");
        }
    }
    Ok(())
}

async fn look(engine: &Engine, project: &ProjectId) -> Result<()> {
    engine.tasks().reach("alerts", project.as_str());
    let now = engine.clock.now();
    let views = connections::list(engine, &Caller::Service, project).await?;
    let retention = retention::get(engine, &Caller::Service, project).await?;
    let mut standing = engine.store.records(RecordKind::Alert, Some(project)).await?;
    let (mut events, mut changes, mut alarms) = (Vec::new(), Vec::new(), Vec::new());
    for (view, condition) in found(engine, project, &views, &retention, now) {
        let key = key(project, view, condition.kind);
        let known = standing.iter().position(|record| record.key == key).map(|at| standing.swap_remove(at));
        let before = known.map(|record| AlertRecord::decode(&record)).transpose()?.map(AlertRecord::into_current);
        // A step that was reached is told of again; everything else once.
        if before.as_ref().is_some_and(|alert| alert.step == condition.step) {
            continue;
        }
        events.push(raised(project, view, &condition).build(now));
        let alert = alert(view, condition, before.map_or(now, |alert| alert.since));
        let effect = Effect::Put(AlertRecord::from(alert.clone()).encode()?);
        alarms.push(Alarm { state: State::Begun, alert, name: view.map(|view| view.stored.spec.name.clone()) });
        changes.push(Change { key, expect: Expect::Any, effect });
    }
    for over in standing {
        let alert = AlertRecord::decode(&over)?.into_current();
        let view = views.iter().find(|view| Some(&view.stored.id) == alert.connection.as_ref());
        events.extend(ended(project, view, &alert).map(|event| event.build(now)));
        let name = view.map(|view| view.stored.spec.name.clone());
        alarms.push(Alarm { state: State::Over, alert, name });
        changes.push(Change { key: over.key, expect: Expect::Version(over.version), effect: Effect::Delete });
    }
    changes.extend(webhook::enqueue(engine, project, &alarms, now).await?);
    events.extend(heartbeats(engine, &views, now));
    if events.is_empty() && changes.is_empty() {
        return Ok(());
    }
    engine.log.submit(Submission { project: Some(project.clone()), events, changes }).await.map(drop)
}

/// Everything that should stand, with its connection; those of the project itself have none.
fn found<'a>(
    engine: &Engine,
    project: &ProjectId,
    views: &'a [ConnectionView],
    retention: &RetentionView,
    now: Timestamp,
) -> Vec<(Option<&'a ConnectionView>, Condition)> {
    let of_view = |view: &'a ConnectionView| {
        let found = conditions(view, retention.holds, engine.settings.alerts, now);
        found.into_iter().map(move |condition| (Some(view), condition))
    };
    let own = of_project(retention, engine.log.quota_uses(project)).into_iter().map(|condition| (None, condition));
    views.iter().flat_map(of_view).chain(own).collect()
}

fn key(project: &ProjectId, view: Option<&ConnectionView>, kind: AlertKind) -> RecordKey {
    RecordKey::of(RecordKind::Alert, project, alert_id(view.map(|view| &view.stored.id), kind))
}

fn alert(view: Option<&ConnectionView>, condition: Condition, since: Timestamp) -> Alert {
    let Condition { kind, step, message, remedy } = condition;
    Alert { connection: view.map(|view| view.stored.id.clone()), kind, step, since, message, remedy }
}

/// An event about a connection, or about the project itself.
fn about(action: &'static str, project: &ProjectId, view: Option<&ConnectionView>) -> Audit {
    let event = Audit::new(action, &Caller::Service);
    match view {
        Some(view) => event.on_connection(&view.stored),
        None => event.on("project", project),
    }
}

fn raised(project: &ProjectId, view: Option<&ConnectionView>, condition: &Condition) -> Audit {
    let event = about(action::ALERT, project, view)
        .failed(condition.kind.as_str(), &condition.remedy)
        .message(&condition.message);
    match view {
        Some(view) => event.with("cause", view.cause.unwrap_or_default()),
        None => event,
    }
}

/// The event that tells that an alert is over; none when its connection is gone, which an event has told.
fn ended(project: &ProjectId, view: Option<&ConnectionView>, alert: &Alert) -> Option<Audit> {
    let kind = alert.kind.as_str();
    let whose = match (view, &alert.connection) {
        (Some(view), _) => format!("SIEM connection {}", view.stored.spec.name),
        (None, None) => format!("project {project}"),
        (None, Some(_)) => return None,
    };
    let event = about(action::ALERT_OVER, project, view).with("alert", kind).with("since", alert.since);
    Some(event.message(format!("The alert {kind} of {whose} is over")))
}

/// The heartbeats that are due. After a start the first is due at once.
fn heartbeats(engine: &Engine, views: &[ConnectionView], now: Timestamp) -> Vec<Event> {
    let mut beats = engine.shared.beats.0.lock();
    let due = views.iter().filter(|view| {
        let Some(seconds) = view.stored.spec.options.heartbeat_seconds else { return false };
        let wait = std::time::Duration::from_secs(seconds.into());
        let last = beats.get(&view.stored.id).copied();
        let due = view.status != Status::Inactive && last.is_none_or(|last| now.since(last) >= wait);
        if due {
            beats.insert(view.stored.id.clone(), now);
        }
        due
    });
    due.map(|view| heartbeat(view, now).build(now)).collect()
}

fn heartbeat(view: &ConnectionView, now: Timestamp) -> Audit {
    let state = &view.delivery;
    let age = state.oldest_unacknowledged_at.map_or(0, |oldest| now.since(oldest).as_secs());
    Audit::new(action::HEARTBEAT, &Caller::Service)
        .severity(Severity::Info)
        .on_connection(&view.stored)
        .with("sent", state.sent)
        .with("resent", state.resent)
        .with("acknowledged", state.acknowledged)
        .with("filtered", state.filtered)
        .with("quarantined", state.quarantined)
        .with("backlog", state.backlog)
        .with("oldest_unacknowledged_seconds", age)
        .message(format!("SIEM connection {} is alive", view.stored.spec.name))
}
