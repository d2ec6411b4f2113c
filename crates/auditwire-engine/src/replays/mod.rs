//! The verbs of replays: a part of the log again to the active connection, over a link of its own, paced, with progress,
//! pause, resume and cancel (product section 4). What is sent is what the connection's filter lets through now, and never
//! more than the log had when the replay was asked for. A project has one replay at a time.
//!
//! All state is in one record per replay. The sender follows it; no verb talks to a sender.

mod begin;
mod change;
mod resend;
mod stored;

use std::ops::RangeInclusive;
use std::time::Duration;

use auditwire_model::access::{Caller, Verb};
use auditwire_model::{ConnectionId, ProjectId, Timestamp};

use crate::Engine;
use crate::delivery::LastError;
use crate::error::Result;
use crate::projects::authorize;
use crate::records::{Replay, ReplayState};

pub use begin::{Estimate, NewReplay, begin, estimate};
pub use change::{cancel, pause, resume};
pub use resend::resend;
pub(crate) use resend::{set_aside_among, set_aside_for};
pub(crate) use stored::{cancel_all_of, under_way};

/// Events per second, where none are given.
pub const RATE: u32 = 1_000;
/// What may be given.
pub const RATES: RangeInclusive<u32> = 1..=1_000_000;

/// A replay with its live state: what the API shows.
#[derive(Debug, Clone)]
pub struct ReplayView {
    /// What is stored. The progress is up to a quarter of a second old.
    pub stored: Replay,
    /// Why a running replay does not send now: `not_active`, or a check code of its link.
    pub cause: Option<&'static str>,
    /// Events settled per second, averaged over the last 10 s.
    pub rate: f64,
    /// The last error of its link, also when it is over.
    pub last_error: Option<LastError>,
}

impl ReplayView {
    /// How long it still takes: at the pace of the last 10 s, or at the most it may have when nothing is known of that yet. `None` when
    /// it does not send now.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        if self.stored.state != ReplayState::Running || self.cause.is_some() {
            return None;
        }
        let done = self.stored.progress.sent + self.stored.progress.quarantined;
        let pace =
            if self.rate >= 1.0 { self.rate.min(f64::from(self.stored.rate)) } else { f64::from(self.stored.rate) };
        let left = self.stored.matched.saturating_sub(done);
        #[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
        let seconds = (left as f64 / pace.max(1.0)).ceil();
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// The replays of a project, newest first: the one under way and the last 100 that ended.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn list(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<Vec<ReplayView>> {
    authorize(engine, caller, project, Verb::ListReplays).await?;
    let active = active(engine, project).await?;
    let all = stored::all(engine, project).await?;
    Ok(all.into_iter().map(|replay| assemble(engine, replay.value, active.as_ref())).collect())
}

/// One replay.
///
/// # Errors
/// `forbidden`, `project_not_found`, `replay_not_found`.
pub async fn get(engine: &Engine, caller: &Caller, project: &ProjectId, id: &str) -> Result<ReplayView> {
    authorize(engine, caller, project, Verb::GetReplay).await?;
    view(engine, project, id).await
}

/// One replay, for a verb that has asked for its rights already.
async fn view(engine: &Engine, project: &ProjectId, id: &str) -> Result<ReplayView> {
    let replay = stored::one(engine, project, id).await?;
    let active = active(engine, project).await?;
    Ok(assemble(engine, replay.value, active.as_ref()))
}

async fn active(engine: &Engine, project: &ProjectId) -> Result<Option<ConnectionId>> {
    Ok(crate::connections::active_record(engine, project).await?.connection)
}

fn assemble(engine: &Engine, stored: Replay, active: Option<&ConnectionId>) -> ReplayView {
    let live = engine.delivery.live_replay(&stored.id);
    let waits = stored.state == ReplayState::Running && active != Some(&stored.connection);
    let cause = if waits { Some("not_active") } else { live.as_ref().and_then(|live| live.cause) };
    let (rate, last_error) = live.map(|live| (live.delivery.rate, live.delivery.last_error)).unwrap_or_default();
    ReplayView { stored, cause, rate, last_error }
}

/// A time for an audit event; empty for none.
fn said(time: Option<Timestamp>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
