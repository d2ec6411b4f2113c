//! Looks at every project, its connections and its tokens, again and again: what should stand, what stands, and what a heartbeat is due for.

use std::time::Duration;

use auditwire_model::access::Caller;
use auditwire_model::event::Event;
use auditwire_model::{ConnectionId, ProjectId, TokenId};
use auditwire_model::{Severity, Timestamp};

use super::AlertKind;
use super::conditions::{Condition, conditions, of_project, of_service};
use super::tokens::ending;
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
use crate::tokens::{self, TokenView};
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
    let tokens = tokens::of_all(engine).await?;
    for project in projects::list(engine, &Caller::Service).await? {
        let tokens = tokens.get(&project.id).map(Vec::as_slice).unwrap_or_default();
        // Nor does one at which this panics.
        let looked = engine.tasks().caught(Task::Alerts, look(engine, &project.id, tokens)).await;
        if let Err(error) = looked.unwrap_or_else(|panicked| Err(panicked.into())) {
            tracing::warn!(project = %project.id, %error, "a project's connections could not be watched; trying again");
        }
    }
    Ok(())
}

async fn look(engine: &Engine, project: &ProjectId, tokens: &[TokenView]) -> Result<()> {
    engine.tasks().reach("alerts", project.as_str());
    let now = engine.clock.now();
    let views = connections::list(engine, &Caller::Service, project).await?;
    let retention = retention::get(engine, &Caller::Service, project).await?;
    let mut standing = engine.store.records(RecordKind::Alert, Some(project)).await?;
    let (mut events, mut changes, mut alarms) = (Vec::new(), Vec::new(), Vec::new());
    for (about, condition) in found(engine, project, &views, tokens, &retention, now) {
        let key = key(project, about, condition.kind);
        let known = standing.iter().position(|record| record.key == key).map(|at| standing.swap_remove(at));
        let before = known.map(|record| AlertRecord::decode(&record)).transpose()?.map(AlertRecord::into_current);
        // A step that was reached is told of again; everything else once.
        if before.as_ref().is_some_and(|alert| alert.step == condition.step) {
            continue;
        }
        events.push(raised(project, about, &condition).build(now));
        let alert = alert(about, condition, before.map_or(now, |alert| alert.since));
        let effect = Effect::Put(AlertRecord::from(alert.clone()).encode()?);
        alarms.push(Alarm { state: State::Begun, alert, name: about.name().map(str::to_owned) });
        changes.push(Change { key, expect: Expect::Any, effect });
    }
    for over in standing {
        let alert = AlertRecord::decode(&over)?.into_current();
        let about = About::of(&alert, &views, tokens);
        events.extend(about.map(|about| ended(project, about, &alert).build(now)));
        let name = about.and_then(About::name).map(str::to_owned);
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

/// What an alert is about.
#[derive(Debug, Clone, Copy)]
enum About<'a> {
    Project,
    Connection(&'a ConnectionView),
    Token(&'a TokenView),
}

impl<'a> About<'a> {
    /// What a standing alert is about; `None` when it is gone.
    fn of(alert: &Alert, views: &'a [ConnectionView], tokens: &'a [TokenView]) -> Option<Self> {
        match (&alert.connection, &alert.token) {
            (Some(id), _) => views.iter().find(|view| view.stored.id == *id).map(Self::Connection),
            (None, Some(id)) => tokens.iter().find(|view| view.token.id == *id).map(Self::Token),
            (None, None) => Some(Self::Project),
        }
    }

    /// For people.
    fn name(self) -> Option<&'a str> {
        match self {
            Self::Project => None,
            Self::Connection(view) => Some(&view.stored.spec.name),
            Self::Token(view) => Some(&view.token.name),
        }
    }

    fn connection(self) -> Option<&'a ConnectionId> {
        if let Self::Connection(view) = self { Some(&view.stored.id) } else { None }
    }

    fn token(self) -> Option<&'a TokenId> {
        if let Self::Token(view) = self { Some(&view.token.id) } else { None }
    }
}

/// Everything that should stand, with what it is about.
fn found<'a>(
    engine: &Engine,
    project: &ProjectId,
    views: &'a [ConnectionView],
    tokens: &'a [TokenView],
    retention: &RetentionView,
    now: Timestamp,
) -> Vec<(About<'a>, Condition)> {
    let of_view = |view: &'a ConnectionView| {
        let found = conditions(view, retention.holds, engine.settings.alerts, now);
        found.into_iter().map(move |condition| (About::Connection(view), condition))
    };
    let of_token = |view: &'a TokenView| ending(view, now).map(|condition| (About::Token(view), condition));
    let own = of_project(retention, engine.log.quota_uses(project)).into_iter();
    let service = (*project == ProjectId::system()).then(|| of_service(engine.readiness().standing()));
    let own = own.chain(service.into_iter().flatten()).map(|condition| (About::Project, condition));
    views.iter().flat_map(of_view).chain(tokens.iter().filter_map(of_token)).chain(own).collect()
}

fn key(project: &ProjectId, about: About<'_>, kind: AlertKind) -> RecordKey {
    RecordKey::of(RecordKind::Alert, project, alert_id(about.connection(), about.token(), kind))
}

fn alert(about: About<'_>, condition: Condition, since: Timestamp) -> Alert {
    let Condition { kind, step, message, remedy } = condition;
    let (connection, token) = (about.connection().cloned(), about.token().cloned());
    Alert { connection, token, kind, step, since, message, remedy }
}

fn event(action: &'static str, project: &ProjectId, about: About<'_>) -> Audit {
    let event = Audit::new(action, &Caller::Service);
    match about {
        About::Project => event.on("project", project),
        About::Connection(view) => event.on_connection(&view.stored),
        About::Token(view) => event.on("token", &view.token.id).with("name", &view.token.name),
    }
}

fn raised(project: &ProjectId, about: About<'_>, condition: &Condition) -> Audit {
    let event = event(action::ALERT, project, about)
        .failed(condition.kind.as_str(), &condition.remedy)
        .message(&condition.message);
    match about {
        About::Connection(view) => event.with("cause", view.cause.unwrap_or_default()),
        About::Project | About::Token(_) => event,
    }
}

/// The event that tells that an alert is over. (When what it was about is gone, an event has told that.)
fn ended(project: &ProjectId, about: About<'_>, alert: &Alert) -> Audit {
    let kind = alert.kind.as_str();
    let whose = match about {
        About::Project => format!("project {project}"),
        About::Connection(view) => format!("SIEM connection {}", view.stored.spec.name),
        About::Token(view) => format!("API token {}", view.token.name),
    };
    let event = event(action::ALERT_OVER, project, about).with("alert", kind).with("since", alert.since);
    event.message(format!("The alert {kind} of {whose} is over"))
}

/// The heartbeats that are due. After a start the first is due at once.
fn heartbeats(engine: &Engine, views: &[ConnectionView], now: Timestamp) -> Vec<Event> {
    let (mut beats, monotonic) = (engine.shared.beats.0.lock(), engine.clock.monotonic());
    let due = views.iter().filter(|view| {
        let Some(seconds) = view.stored.spec.options.heartbeat_seconds else { return false };
        let wait = std::time::Duration::from_secs(seconds.into());
        let last = beats.get(&view.stored.id).copied();
        let due = view.status != Status::Inactive && last.is_none_or(|last| monotonic.saturating_sub(last) >= wait);
        if due {
            beats.insert(view.stored.id.clone(), monotonic);
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
