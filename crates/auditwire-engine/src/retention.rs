//! How long a project's events are kept: look it up, change it, cancel a reduction that waits. The log itself lets events end and
//! makes reductions that are due (`log::retention`); what holds and when is decided by its [`RetentionRule`](crate::log::RetentionRule).

use auditwire_model::access::{Caller, Verb};
use auditwire_model::{ProjectId, Severity, Timestamp};

use crate::audit::{Audit, action};
use crate::error::{Error, Kind, Result};
use crate::log::retention::{expired, keep, keeping};
use crate::log::{Floor, Retention, RetentionRule, Submission};
use crate::records::{Expired, Keeping, KeptFor};
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
    /// What holds: that, else the configuration; never less than the floor.
    pub holds: Retention,
    /// What no project can go below.
    pub floor: Floor,
    /// What will hold, when nobody cancels it.
    pub pending: Option<Pending>,
    /// What is gone by it.
    pub expired: Option<Expired>,
}

/// A reduction that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// What will hold.
    pub holds: Retention,
    /// When it takes effect; within ten seconds after.
    pub at: Timestamp,
}

/// How long a project's events are kept.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn get(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<RetentionView> {
    projects::authorize(engine, caller, project, Verb::GetRetention).await?;
    let (keeping, _) = keeping(&*engine.store, project).await?;
    view(engine, project, keeping).await
}

/// Changes it. Each limit that keeps more takes effect at once, each that keeps less after the operator's delay, also when the
/// operator asks; what waited before is replaced. What is older then, or too much, ends within a minute.
///
/// # Errors
/// `forbidden`, `project_not_found`, `invalid_days`, `invalid_bytes`, `retention_below_floor`; `conflict` when somebody else
/// changed it at the same time.
pub async fn set(engine: &Engine, caller: &Caller, project: &ProjectId, wanted: KeptFor) -> Result<RetentionView> {
    projects::authorize(engine, caller, project, Verb::SetRetention).await?;
    let rule = engine.settings.log.retention;
    check(&rule, wanted)?;
    let (before, expect) = keeping(&*engine.store, project).await?;
    let now = engine.clock.now();
    let after = rule.change(before, wanted, now);
    let view = view(engine, project, after).await?;
    let event = told(Audit::new(action::RETENTION_UPDATE, caller), project, &view).build(now);
    commit(engine, project, event, keep(project, after, expect)?).await?;
    Ok(view)
}

/// Cancels the reduction that waits; what holds stays as it is.
///
/// # Errors
/// `forbidden`, `project_not_found`, `no_reduction_pending`; `conflict` when it took effect or was changed at the same time.
pub async fn cancel(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<()> {
    projects::authorize(engine, caller, project, Verb::CancelReduction).await?;
    let (before, expect) = keeping(&*engine.store, project).await?;
    if before.pending.is_none() {
        let detail = "no reduction of this project's retention waits: none was asked for, or it has taken effect";
        return Err(Error::new(Kind::NotFound, "no_reduction_pending", detail));
    }
    let was = view(engine, project, before).await?;
    let event = told(Audit::new(action::RETENTION_CANCEL, caller), project, &was)
        .severity(Severity::Notice)
        .message("The reduction of the project's retention was cancelled")
        .build(engine.clock.now());
    commit(engine, project, event, keep(project, Keeping { pending: None, ..before }, expect)?).await
}

fn check(rule: &RetentionRule, wanted: KeptFor) -> Result<()> {
    if wanted.days.is_some_and(|days| days > DAYS_MAX) {
        let detail = format!("events are kept 1 to {DAYS_MAX} days, or for ever (null)");
        return Err(Error::invalid("invalid_days", "days", detail));
    }
    if wanted.bytes.is_some_and(|bytes| (1..BYTES_MIN).contains(&bytes)) {
        let detail = format!("a project may have {BYTES_MIN} bytes or more, or no limit (null)");
        return Err(Error::invalid("invalid_bytes", "bytes", detail));
    }
    let Floor { age, bytes } = rule.floor;
    let below = |field: &str, floor: String| {
        let detail = format!(
            "the operator has every project keep its events for at least {floor} (the floor of retention); set that or more"
        );
        Err(Error::invalid("retention_below_floor", field, detail))
    };
    let days = rule.floor.days().unwrap_or_default();
    if !age.is_zero() && wanted.days.is_some_and(|wanted| wanted > 0 && u64::from(wanted) < days) {
        return below("days", format!("{days} days"));
    }
    if wanted.bytes.is_some_and(|wanted| wanted > 0 && wanted < bytes) {
        return below("bytes", format!("{bytes} bytes"));
    }
    Ok(())
}

/// What the event of a change tells: what holds, and what waits.
fn told(event: Audit, project: &ProjectId, view: &RetentionView) -> Audit {
    let holds = view.holds;
    let event = event.on("project", project).with("days", holds.days_word()).with("bytes", holds.bytes_word());
    let Some(Pending { holds, at }) = view.pending else {
        return event.message("The retention of the project was changed");
    };
    event
        .severity(Severity::Warning)
        .with("pending_days", holds.days_word())
        .with("pending_bytes", holds.bytes_word())
        .with("pending_at", at)
        .message(format!(
            "A reduction of the project's retention was asked for: it takes effect at {} unless it is cancelled",
            at.whole_seconds()
        ))
}

async fn commit(
    engine: &Engine,
    project: &ProjectId,
    event: auditwire_model::event::Event,
    change: crate::store::Change,
) -> Result<()> {
    let submission = Submission { project: Some(project.clone()), events: vec![event], changes: vec![change] };
    engine.log.submit(submission).await.map(drop)
}

async fn view(engine: &Engine, project: &ProjectId, keeping: Keeping) -> Result<RetentionView> {
    let rule = engine.settings.log.retention;
    let Keeping { set, pending } = keeping;
    Ok(RetentionView {
        set,
        holds: rule.holds(set),
        floor: rule.floor,
        pending: pending.map(|reduction| Pending { holds: rule.holds(reduction.to), at: reduction.at }),
        expired: expired(&*engine.store, project).await?,
    })
}

#[cfg(test)]
mod tests;
