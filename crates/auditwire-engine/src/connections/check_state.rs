//! How far the check of a connection is, or what the last one came to.

use std::time::Duration;

use auditwire_model::access::{Caller, Verb};
use auditwire_model::{ProjectId, Timestamp};

use super::{checks, stored};
use crate::Engine;
use crate::delivery::check::{Stage, StageReport};
use crate::error::Result;
use crate::projects::authorize;
use crate::records::{CheckResult, CheckedStage, StoredConnection};

/// A check of a connection that runs or ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckState {
    /// Which revision it is about; perhaps not the stored one any more.
    pub revision: u64,
    /// It has not ended.
    pub running: bool,
    /// When it was begun while it runs, else when it ended.
    pub at: Timestamp,
    /// It has ended and all stages passed.
    pub ok: bool,
    /// It has ended and the peer confirmed (never for UDP).
    pub confirmed: bool,
    /// It passed for the stored revision not longer than 10 minutes ago: an activation would not check again.
    pub counts: bool,
    /// The stages that have ended, in order. Empty for a result that was recorded by a version that did not keep them.
    pub stages: Vec<StageReport>,
    /// All stages that this connection's transport goes through, in order. Of an earlier revision only those that were
    /// gone through.
    pub expected: Vec<Stage>,
}

/// The check of this connection that is running, else the last one; `None` when none ever ended. All are seen alike: those
/// that were begun in the background, by [`check_stored`](super::check_stored) without a candidate, or by an activation.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`.
pub async fn check_state(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
) -> Result<Option<CheckState>> {
    authorize(engine, caller, project, Verb::GetConnection).await?;
    let connection = stored::connection(engine, project, id).await?.value;
    // First what runs: what ends in between has been recorded.
    if let Some(run) = engine.shared.checks.of(project, &connection.id) {
        let (revision, stages) = (run.revision(), run.stages());
        let expected = expected(&connection, revision, &stages);
        let (running, at, ok, confirmed, counts) = (true, run.at(), false, false, false);
        return Ok(Some(CheckState { revision, running, at, ok, confirmed, counts, stages, expected }));
    }
    let Some(result) = checks::last(engine, project, &connection).await? else { return Ok(None) };
    let counts = result.ok && checks::is_recent(engine, &connection, &result);
    let CheckResult { revision, ok, confirmed, at, stages } = result;
    let stages: Vec<_> = stages.into_iter().map(StageReport::from).collect();
    let expected = expected(&connection, revision, &stages);
    Ok(Some(CheckState { revision, running: false, at, ok, confirmed, counts, stages, expected }))
}

fn expected(connection: &StoredConnection, revision: u64, stages: &[StageReport]) -> Vec<Stage> {
    if revision == connection.revision {
        return Stage::all_of(connection.spec.transport);
    }
    stages.iter().map(|stage| stage.stage).collect()
}

impl From<&StageReport> for CheckedStage {
    fn from(report: &StageReport) -> Self {
        Self {
            stage: report.stage,
            ok: report.ok,
            code: report.code.to_string(),
            message: report.message.clone(),
            remedy: report.remedy.clone(),
            ms: u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl From<CheckedStage> for StageReport {
    fn from(stored: CheckedStage) -> Self {
        let CheckedStage { stage, ok, code, message, remedy, ms } = stored;
        Self { stage, ok, code: code.into(), message, remedy, took: Duration::from_millis(ms) }
    }
}
