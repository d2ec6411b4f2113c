//! How often a project may check connections: 10 a minute and 2 at once (product section 10).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use auditwire_model::{ProjectId, Timestamp};
use parking_lot::Mutex;

use crate::error::{Error, Kind, Result};

const WINDOW: Duration = Duration::from_secs(60);
const PER_WINDOW: usize = 10;
const AT_ONCE: usize = 2;

/// Counts the checks of all projects.
#[derive(Debug, Default, Clone)]
pub(crate) struct CheckBudget(Arc<Mutex<HashMap<ProjectId, Spent>>>);

#[derive(Debug, Default)]
struct Spent {
    begun: VecDeque<Timestamp>,
    running: usize,
}

/// A check that is running; dropping it ends it, also when its request is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    budget: CheckBudget,
    project: ProjectId,
}

impl CheckBudget {
    /// Begins a check.
    ///
    /// # Errors
    /// `too_many_checks` with the time to wait.
    pub(crate) fn begin(&self, project: &ProjectId, now: Timestamp) -> Result<Running> {
        let mut all = self.0.lock();
        all.retain(|_, spent| {
            spent.begun.retain(|t| now.since(*t) < WINDOW);
            spent.running > 0 || !spent.begun.is_empty()
        });
        let spent = all.entry(project.clone()).or_default();
        let wait = if spent.running >= AT_ONCE {
            Some(Duration::from_secs(5))
        } else if spent.begun.len() >= PER_WINDOW {
            spent.begun.front().map(|first| WINDOW.saturating_sub(now.since(*first)))
        } else {
            None
        };
        if let Some(wait) = wait {
            let detail =
                format!("a project checks connections at most {PER_WINDOW} times a minute and {AT_ONCE} at once");
            return Err(Error::new(Kind::Busy, "too_many_checks", detail).retry_after(wait.max(Duration::from_secs(1))));
        }
        spent.begun.push_back(now);
        spent.running += 1;
        Ok(Running { budget: self.clone(), project: project.clone() })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(spent) = self.budget.0.lock().get_mut(&self.project) {
            spent.running = spent.running.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_at_once_and_ten_a_minute_per_project() {
        let budget = CheckBudget::default();
        let (a, b) = (ProjectId::default_project(), ProjectId::system());
        let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000).unwrap();
        let first = budget.begin(&a, at(0)).unwrap();
        let second = budget.begin(&a, at(0)).unwrap();
        assert_eq!(budget.begin(&a, at(0)).unwrap_err().code, "too_many_checks");
        drop(budget.begin(&b, at(0)).unwrap());
        drop((first, second));
        for second in 1..=8 {
            drop(budget.begin(&a, at(second)).unwrap());
        }
        let refused = budget.begin(&a, at(20)).unwrap_err();
        assert_eq!(refused.retry_after, Some(Duration::from_secs(40)));
        drop(budget.begin(&a, at(60)).unwrap());
    }
}
