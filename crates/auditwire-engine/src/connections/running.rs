//! The checks under way: how far each has come, and how many there may be: 10 begun in a minute and 2 at once per
//! project (product section 10).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use auditwire_model::{ConnectionId, ProjectId, Timestamp};
use parking_lot::Mutex;

use crate::delivery::check::StageReport;
use crate::error::{Error, Kind, Result};
use crate::records::StoredConnection;

const WINDOW: Duration = Duration::from_secs(60);
const PER_WINDOW: usize = 10;
const AT_ONCE: usize = 2;

/// The checks of all projects. Bounded: a project has [`AT_ONCE`], and one without any is forgotten after a minute.
#[derive(Debug, Default, Clone)]
pub(crate) struct Checks(Arc<Mutex<HashMap<ProjectId, Spent>>>);

#[derive(Debug, Default)]
struct Spent {
    begun: VecDeque<Timestamp>,
    running: Vec<Arc<Run>>,
}

/// One check under way.
#[derive(Debug)]
pub(super) struct Run {
    /// The stored connection and its revision; `None` for a candidate.
    of: Option<(ConnectionId, u64)>,
    at: Timestamp,
    stages: Mutex<Vec<StageReport>>,
}

/// A check that is running; dropping it ends it, also when its request is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    checks: Checks,
    project: ProjectId,
    run: Arc<Run>,
}

impl Checks {
    /// Begins a check, of a stored connection or of a candidate.
    ///
    /// # Errors
    /// `too_many_checks` with the time to wait.
    pub(crate) fn begin(
        &self,
        project: &ProjectId,
        stored: Option<&StoredConnection>,
        now: Timestamp,
    ) -> Result<Running> {
        let run = Arc::new(Run::new(stored, now));
        self.spent(project, now, |spent| spent.begin(&run))?;
        Ok(self.running(project, run))
    }

    /// Begins a check of a stored connection; `None` when one of this revision is running.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(super) fn begin_once(
        &self,
        project: &ProjectId,
        stored: &StoredConnection,
        now: Timestamp,
    ) -> Result<Option<Running>> {
        let run = Arc::new(Run::new(Some(stored), now));
        let begun = self.spent(project, now, |spent| {
            if spent.running.iter().any(|other| other.of == run.of) {
                return Ok(false);
            }
            spent.begin(&run).map(|()| true)
        })?;
        Ok(begun.then(|| self.running(project, run)))
    }

    /// The check of a stored connection that was begun last and still runs.
    pub(super) fn of(&self, project: &ProjectId, id: &ConnectionId) -> Option<Arc<Run>> {
        let all = self.0.lock();
        let running = &all.get(project)?.running;
        running.iter().rev().find(|run| run.of.as_ref().is_some_and(|(of, _)| of == id)).cloned()
    }

    /// Works on a project's account, after forgetting what counts no more.
    fn spent<T>(&self, project: &ProjectId, now: Timestamp, work: impl FnOnce(&mut Spent) -> T) -> T {
        let mut all = self.0.lock();
        all.retain(|_, spent| {
            // Those of later than now were begun before somebody set the clock back.
            spent.begun.retain(|t| *t <= now && now.since(*t) < WINDOW);
            !spent.running.is_empty() || !spent.begun.is_empty()
        });
        work(all.entry(project.clone()).or_default())
    }

    fn running(&self, project: &ProjectId, run: Arc<Run>) -> Running {
        Running { checks: self.clone(), project: project.clone(), run }
    }
}

impl Spent {
    fn begin(&mut self, run: &Arc<Run>) -> Result<()> {
        let wait = if self.running.len() >= AT_ONCE {
            Some(Duration::from_secs(5))
        } else if self.begun.len() >= PER_WINDOW {
            self.begun.front().map(|first| WINDOW.saturating_sub(run.at.since(*first)))
        } else {
            None
        };
        if let Some(wait) = wait {
            let detail = format!(
                "a project checks connections at most {PER_WINDOW} times a minute and {AT_ONCE} at once; a test of the \
                 webhook and another address for the active connection count too"
            );
            return Err(Error::new(Kind::Busy, "too_many_checks", detail).retry_after(wait.max(Duration::from_secs(1))));
        }
        self.begun.push_back(run.at);
        self.running.push(Arc::clone(run));
        Ok(())
    }
}

impl Run {
    fn new(stored: Option<&StoredConnection>, at: Timestamp) -> Self {
        Self { of: stored.map(|c| (c.id.clone(), c.revision)), at, stages: Mutex::default() }
    }

    /// Which revision is checked; 0 for a candidate.
    pub(super) fn revision(&self) -> u64 {
        self.of.as_ref().map_or(0, |(_, revision)| *revision)
    }

    /// When it was begun.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    /// The stages that have ended.
    pub(super) fn stages(&self) -> Vec<StageReport> {
        self.stages.lock().clone()
    }
}

impl Running {
    /// A stage has ended.
    pub(super) fn tell(&self, stage: &StageReport) {
        self.run.stages.lock().push(stage.clone());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut all = self.checks.0.lock();
        if let Some(spent) = all.get_mut(&self.project) {
            spent.running.retain(|run| !Arc::ptr_eq(run, &self.run));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000).unwrap()
    }

    #[test]
    fn two_at_once_and_ten_a_minute_per_project() {
        let checks = Checks::default();
        let (a, b) = (ProjectId::default_project(), ProjectId::system());
        let first = checks.begin(&a, None, at(0)).unwrap();
        let second = checks.begin(&a, None, at(0)).unwrap();
        assert_eq!(checks.begin(&a, None, at(0)).unwrap_err().code, "too_many_checks");
        drop(checks.begin(&b, None, at(0)).unwrap());
        drop((first, second));
        for second in 1..=8 {
            drop(checks.begin(&a, None, at(second)).unwrap());
        }
        let refused = checks.begin(&a, None, at(20)).unwrap_err();
        assert_eq!(refused.retry_after, Some(Duration::from_secs(40)));
        drop(checks.begin(&a, None, at(60)).unwrap());
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_from_checking_for_years() {
        let (checks, project) = (Checks::default(), ProjectId::default_project());
        for _ in 0..PER_WINDOW {
            drop(checks.begin(&project, None, at(1_000_000)).unwrap());
        }
        assert!(checks.begin(&project, None, at(1_000_000)).is_err());
        assert!(checks.begin(&project, None, at(10)).is_ok());
    }
}
