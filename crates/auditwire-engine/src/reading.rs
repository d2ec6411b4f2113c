//! Who looked: on request of a project, looking at its Event log is told in the log itself.
//!
//! Every verb that shows events of the log [begins](begin) here instead of at `projects::authorize`, so that none can forget
//! it. What a caller looks at within a minute by the same question is one event, `event-log-read`. An export tells itself.

mod desk;
#[cfg(test)]
mod tests;

use std::time::Duration;

use auditwire_model::access::{Caller, Verb};
use auditwire_model::event::{EventView, Plane};
use auditwire_model::query::Expr;
use auditwire_model::{ProjectId, Severity, Timestamp};

use crate::audit::{self, Audit, action};
use crate::error::Result;
use crate::log::Submission;
use crate::records::{Document, Reading, ReadingRecord};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};
use crate::tasks::Task;
use crate::{Engine, projects};

pub(crate) use desk::Desk;
use desk::{Asked, Seen};

/// How often it is looked whether a minute is over.
const EVERY: Duration = Duration::from_secs(1);
/// Longest query that is told whole, in characters.
const QUERY_MAX: usize = 1024;

/// Whether looking at the project's events is told in its log. Off unless somebody switched it on.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn get(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<bool> {
    projects::authorize(engine, caller, project, Verb::GetReading).await?;
    audited(engine, project).await
}

/// Switches it, which is an audit event both ways.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn set(engine: &Engine, caller: &Caller, project: &ProjectId, audited: bool) -> Result<bool> {
    projects::authorize(engine, caller, project, Verb::SetReading).await?;
    let word = if audited { "told in its log from now on" } else { "not told any more" };
    let event = Audit::new(action::READING_UPDATE, caller)
        .on("project", project)
        .with("audited", audited)
        .message(format!("Looking at the events of the project is {word}"))
        .build(engine.clock.now());
    let effect = Effect::Put(ReadingRecord::from(Reading { audited }).encode()?);
    let change = Change { key: key(project), expect: Expect::Any, effect };
    engine
        .log
        .submit(Submission { project: Some(project.clone()), events: vec![event], changes: vec![change] })
        .await?;
    engine.shared.reading.switched(project, audited);
    Ok(audited)
}

async fn audited(engine: &Engine, project: &ProjectId) -> Result<bool> {
    if let Some(audited) = engine.shared.reading.is_audited(project) {
        return Ok(audited);
    }
    let record = engine.store.record(&key(project)).await?;
    let stored = record.map(|record| ReadingRecord::decode(&record)).transpose()?;
    Ok(engine.shared.reading.learned(project, stored.is_some_and(|record| record.into_current().audited)))
}

fn key(project: &ProjectId) -> RecordKey {
    RecordKey::of(RecordKind::Reading, project, "reading")
}

/// What somebody looks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looked {
    query: String,
    plane: Option<Plane>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Looked {
    pub(crate) fn new(query: &Expr, plane: Option<Plane>, from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        let query = if *query == Expr::All { String::new() } else { shortened(&query.to_string()) };
        Self { query, plane, from, to }
    }

    /// For something that is found without a query.
    pub(crate) fn at(what: impl Into<String>) -> Self {
        Self { query: what.into(), ..Self::default() }
    }
}

fn shortened(query: &str) -> String {
    match query.char_indices().nth(QUERY_MAX) {
        Some((end, _)) => format!("{}…", query.get(..end).unwrap_or_default()),
        None => query.to_owned(),
    }
}

/// A look that has begun. It is told when it is dropped, whatever came of it.
#[derive(Debug)]
pub(crate) struct Look {
    /// None: nobody is told.
    told: Option<(Engine, ProjectId, Caller, Asked)>,
    seen: Seen,
}

impl Look {
    /// So many events were handed out. What a stream hands out is told without waiting for its end.
    pub(crate) fn showed(&mut self, events: usize) {
        self.seen.events += events as u64;
    }

    /// Told now, for those that last.
    pub(crate) fn tell(&mut self) {
        let Some((engine, project, caller, asked)) = &self.told else { return };
        let seen = self.seen.take();
        if seen.requests > 0 || seen.events > 0 {
            engine.shared.reading.note(project, caller, asked, seen, engine.clock.now());
        }
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.tell();
    }
}

/// The first line of every verb that shows events: the caller has what the verb needs, and is told of if the project wants it.
///
/// # Errors
/// `forbidden`, `project_not_found`; when the store fails.
pub(crate) async fn begin(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    verb: Verb,
    looked: Looked,
) -> Result<Look> {
    projects::permit(engine, caller, project, verb).await?;
    let Looked { query, plane, from, to } = looked;
    let seen = Seen::one(verb.looks().unwrap_or_default(), from, to);
    if *caller == Caller::Service || !audited(engine, project).await? {
        return Ok(Look { told: None, seen });
    }
    let asked = Asked { address: caller.origin().map(|origin| origin.address()), query: Some(query), plane };
    Ok(Look { told: Some((engine.clone(), project.clone(), caller.clone(), asked)), seen })
}

/// Tells each minute when it is over, until the engine closes; then [`Engine::close`] tells what is left. Returns at once.
pub fn start(engine: &Engine) {
    engine.keep(Task::Reading, |telling| async move {
        while telling.unless_closing(tokio::time::sleep(EVERY)).await.is_ok() {
            tell(&telling, false).await;
        }
    });
}

/// Tells what was looked at in minutes that are over, or in all. What the log cannot take now is told later.
pub(crate) async fn tell(engine: &Engine, all: bool) {
    let now = engine.clock.now();
    for (project, caller, asked, seen) in engine.shared.reading.over(now, all) {
        let events = vec![event(&project, &caller, &asked, &seen).build(now)];
        let submission = Submission { project: Some(project.clone()), events, changes: Vec::new() };
        if let Err(error) = engine.log.submit(submission).await {
            tracing::warn!(%project, %error, "who looked at the log could not be told; trying again");
            engine.shared.reading.note(&project, &caller, &asked, seen, now);
        }
    }
}

/// Whether this event tells of a look.
pub(crate) fn tells(event: &EventView<'_>) -> bool {
    event.action == action::READ && event.source_id == Some(audit::SOURCE)
}

fn event(project: &ProjectId, caller: &Caller, asked: &Asked, seen: &Seen) -> Audit {
    let query = asked.query.as_deref().unwrap_or("(other questions)");
    let ways: Vec<&str> = seen.ways.iter().copied().collect();
    let times = [("from", seen.from), ("to", seen.to), ("first_at", seen.first_at), ("last_at", seen.last_at)];
    let mut event = Audit::new(action::READ, caller)
        .severity(Severity::Info)
        .on("event-log", project)
        .with("query", query)
        .with("events", seen.events)
        .with("requests", seen.requests)
        .with("ways", ways.join(" "))
        .message(format!("{} events of the Event log were shown, in {} requests", seen.events, seen.requests));
    if let Some(plane) = asked.plane {
        event = event.with("plane", plane.as_str());
    }
    for (name, time) in times {
        if let Some(time) = time {
            event = event.with(name, time);
        }
    }
    event
}
