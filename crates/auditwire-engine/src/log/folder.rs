//! Whether the log still lies where it was opened, and is still this process's own. A folder that was removed, or over which
//! something was mounted, goes on taking writes, and they are lost: so it is looked at every few seconds and before each answer
//! that says "on disk". When it is gone, or somebody else's, the log stops for good: nothing more is taken, and the process
//! must end.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{Ended, Log, Shared, error};
use crate::error::Result;
use crate::readiness::Trouble;
use crate::tasks::{Panicked, Task};

/// The lock is looked at once in so many looks at the folder: every 10 s.
const LOCK_EVERY: u32 = 5;

/// The folder that holds the log.
pub trait Folder: Debug + Send + Sync + 'static {
    /// Whether everything that was opened is where it was. Quick (a few `stat`s): each group of events asks before it is
    /// answered.
    ///
    /// # Errors
    /// What is gone, or is another one; for the operator.
    fn there(&self) -> Result<(), String>;

    /// Whether the folder is still locked under its name; false: the lock had lost its file, and has it again.
    ///
    /// # Errors
    /// Who holds it now; for the operator.
    fn ours(&self) -> Result<bool, String>;
}

/// Why a log stopped by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// What the end of the process means.
    pub why: Ended,
    /// What was found, and where; for the operator.
    pub detail: String,
}

/// Set once.
pub(crate) type Stopping = watch::Sender<Option<Stop>>;

impl Log {
    /// Resolves when the log has stopped by itself, because its folder is gone or somebody else's.
    pub async fn stopped(&self) -> Stop {
        let mut stop = self.shared.stop.subscribe();
        match stop.wait_for(Option::is_some).await.ok().and_then(|stop| stop.clone()) {
            Some(stop) => stop,
            // This handle keeps the sender alive.
            None => std::future::pending().await,
        }
    }
}

impl Shared {
    /// Stops the log for good; the first reason stays.
    pub(super) fn stop(&self, why: Ended, detail: impl Into<String>) {
        let stop = Stop { why, detail: detail.into() };
        let first = self.stop.send_if_modified(|stopped| {
            let first = stopped.is_none();
            stopped.get_or_insert_with(|| stop.clone());
            first
        });
        if !first {
            return;
        }
        match why {
            // Its line is told by the readiness.
            Ended::Gone => self.readiness.raise(Trouble::StorageGone, stop.detail),
            _ => tracing::error!(detail = stop.detail, "another process uses the data folder; the process must end"),
        }
    }

    /// Refuses what comes after the log has stopped.
    pub(super) fn check_going(&self) -> Result<()> {
        match self.stop.borrow().as_ref().map(|stop| stop.why) {
            None => Ok(()),
            Some(Ended::Gone) => Err(error::gone()),
            Some(_) => Err(error::rival()),
        }
    }

    /// Looks at the folder now; when it is gone the log stops.
    pub(super) fn check_folder(&self) -> Result<()> {
        if let Some(Err(detail)) = self.settings.folder.as_ref().map(|folder| folder.there()) {
            self.stop(Ended::Gone, detail);
        }
        self.check_going()
    }
}

/// Starts the task, when there is a folder to look at. It ends with the log.
pub(super) fn start(shared: &Arc<Shared>) {
    if shared.settings.folder.is_none() {
        return;
    }
    let (mut closing, mut ended) = (shared.closing.subscribe(), shared.ended.subscribe());
    let (tasks, shared) = (shared.tasks.clone(), Arc::clone(shared));
    // Nobody waits for it: it has nothing to finish.
    drop(tasks.vital(Task::FolderGuard, async move {
        tokio::select! {
            done = watch(&shared) => done,
            _ = closing.wait_for(|closing| *closing) => Ok(()),
            _ = ended.wait_for(Option::is_some) => Ok(()),
        }
    }));
}

async fn watch(shared: &Arc<Shared>) -> Result<(), Panicked> {
    let mut looks: u32 = 0;
    while shared.stop.borrow().is_none() {
        let (at, of_lock) = (Arc::clone(shared), looks.is_multiple_of(LOCK_EVERY));
        // A volume that has gone away may make it wait.
        shared.tasks.blocking(Task::FolderGuard, move || at.look(of_lock)).await?;
        looks = looks.wrapping_add(1);
        tokio::time::sleep(shared.settings.folder_every).await;
    }
    Ok(())
}

impl Shared {
    fn look(&self, of_lock: bool) {
        let Some(folder) = self.settings.folder.as_ref().filter(|_| self.check_folder().is_ok() && of_lock) else {
            return;
        };
        match folder.ours() {
            Ok(true) => {}
            Ok(false) => tracing::warn!("the lock file of the data folder was gone or another one; it was locked anew"),
            Err(detail) => self.stop(Ended::Rival, detail),
        }
    }
}

/// How often the folder is looked at.
pub(super) const EVERY: Duration = Duration::from_secs(2);
