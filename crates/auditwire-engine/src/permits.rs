//! Places per project: how many questions or exports of one project run at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use auditwire_model::ProjectId;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places that are taken, by project.
#[derive(Debug)]
pub(crate) struct Permits {
    max: usize,
    projects: Mutex<HashMap<ProjectId, Arc<Semaphore>>>,
}

/// A place. It is given back on drop.
pub(crate) type Permit = OwnedSemaphorePermit;

impl Permits {
    /// So many places for each project.
    pub(crate) fn new(max: usize) -> Self {
        Self { max, projects: Mutex::default() }
    }

    /// A place now, or none.
    pub(crate) fn try_take(&self, project: &ProjectId) -> Option<Permit> {
        self.of(project).try_acquire_owned().ok()
    }

    /// A place within `wait`, or none.
    pub(crate) async fn take(&self, project: &ProjectId, wait: Duration) -> Option<Permit> {
        if let Some(permit) = self.try_take(project) {
            return Some(permit);
        }
        tokio::time::timeout(wait, self.of(project).acquire_owned()).await.ok()?.ok()
    }

    fn of(&self, project: &ProjectId) -> Arc<Semaphore> {
        let mut projects = self.projects.lock();
        // Projects without anyone who has or wants a place are forgotten, so that the map does not grow.
        projects.retain(|_, places| Arc::strong_count(places) > 1);
        Arc::clone(projects.entry(project.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.max))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn places_are_bounded_per_project_and_given_back() {
        let permits = Arc::new(Permits::new(2));
        let (one, other) = (ProjectId::default_project(), ProjectId::system());
        let (first, second) = (permits.try_take(&one), permits.try_take(&one));
        assert!(first.is_some() && second.is_some());
        assert!(permits.try_take(&one).is_none());
        assert!(permits.take(&one, Duration::from_millis(1)).await.is_none());
        assert!(permits.try_take(&other).is_some());
        assert_eq!(permits.projects.lock().len(), 2);
        let waiting = tokio::spawn({
            let (permits, one) = (Arc::clone(&permits), one.clone());
            async move { permits.take(&one, Duration::from_secs(60)).await.is_some() }
        });
        drop(first);
        assert!(waiting.await.unwrap());
        assert!(permits.try_take(&one).is_some(), "the one that waited has given its place back");
        assert_eq!(permits.projects.lock().len(), 1, "the other project is forgotten");
    }
}
