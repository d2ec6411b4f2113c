//! How long a project's events are kept: look it up and change it. The log itself lets them end (`log::retention`).

use std::time::Duration;

use auditwire_model::ProjectId;
use auditwire_model::access::{Caller, Verb};

use crate::audit::{Audit, action};
use crate::error::{Error, Result};
use crate::log::retention::{expired, retention_key};
use crate::log::{Retention, Submission};
use crate::records::{Document, Expired, KeptFor, RetentionRecord};
use crate::store::{Change, Effect, Expect};
use crate::{Engine, projects};

/// Most days that can be set: a hundred years.
const DAYS_MAX: u32 = 36_500;
/// Fewest bytes that can be set: less would be gone before anybody saw it.
const BYTES_MIN: u64 = 1 << 20;

/// How long a project's events are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionView {
    /// What the project has set.
    pub set: KeptFor,
    /// What holds: that, else the configuration.
    pub holds: Retention,
    /// What is gone by it.
    pub expired: Option<Expired>,
}

/// How long a project's events are kept.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn get(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<RetentionView> {
    projects::authorize(engine, caller, project, Verb::GetRetention).await?;
    let record = engine.store.record(&retention_key(project)).await?;
    let set = record.map(|record| RetentionRecord::decode(&record)).transpose()?;
    view(engine, project, set.map(RetentionRecord::into_current).unwrap_or_default()).await
}

/// Changes it. What is older then, or too much, ends within a minute.
///
/// # Errors
/// `forbidden`, `project_not_found`, `invalid_days`, `invalid_bytes`.
pub async fn set(engine: &Engine, caller: &Caller, project: &ProjectId, set: KeptFor) -> Result<RetentionView> {
    projects::authorize(engine, caller, project, Verb::SetRetention).await?;
    if set.days.is_some_and(|days| days > DAYS_MAX) {
        let detail = format!("events are kept 1 to {DAYS_MAX} days, or for ever (null)");
        return Err(Error::invalid("invalid_days", "days", detail));
    }
    if set.bytes.is_some_and(|bytes| (1..BYTES_MIN).contains(&bytes)) {
        let detail = format!("a project may have {BYTES_MIN} bytes or more, or no limit (null)");
        return Err(Error::invalid("invalid_bytes", "bytes", detail));
    }
    let now = engine.clock.now();
    let told = view(engine, project, set).await?;
    let days = told.holds.age.map(|age| age.as_secs() / Duration::from_secs(24 * 3600).as_secs());
    let word = |limit: Option<u64>| limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
    let event = Audit::new(action::RETENTION_UPDATE, caller)
        .on("project", project)
        .with("days", word(days))
        .with("bytes", word(told.holds.bytes))
        .message("The retention of the project was changed")
        .build(now);
    let effect = Effect::Put(RetentionRecord::from(set).encode()?);
    let change = Change { key: retention_key(project), expect: Expect::Any, effect };
    engine
        .log
        .submit(Submission { project: Some(project.clone()), events: vec![event], changes: vec![change] })
        .await?;
    Ok(told)
}

async fn view(engine: &Engine, project: &ProjectId, set: KeptFor) -> Result<RetentionView> {
    let holds = engine.settings.log.retention.with(set);
    Ok(RetentionView { set, holds, expired: expired(&*engine.store, project).await? })
}

#[cfg(test)]
mod tests;
