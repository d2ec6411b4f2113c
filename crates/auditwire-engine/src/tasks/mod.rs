//! What runs beside its callers: every task and every thread of the service is begun here, under a name, and one table
//! ([`Task::row`]) says what its panic means.
//!
//! A panic is a defect of ours. What it says goes to the log (the hook of the binary writes it, with [`current`]'s name) and
//! nowhere else, because it may quote what was being worked on. Panics must unwind: the release profile says so.

mod faults;
#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::delivery::Backoff;
use crate::error::{Error, Kind};

pub use faults::Faults;

/// A task that ran so long before it panicked is begun anew as if for the first time.
pub(crate) const WORKED: Duration = Duration::from_secs(60);

/// What runs beside its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Task {
    /// Commits.
    Committer,
    /// Seals, merges, lets events end.
    Upkeep,
    /// Looks how full the volume is.
    DiskGuard,
    /// Looks whether the data folder is still there.
    FolderGuard,
    /// Holds the store against itself.
    StoreCheck,
    /// Accepts connections.
    Listener,
    /// Waits for the signals that end the process.
    Signals,
    /// Reads the listener's certificate again when it changes.
    Certificates,
    /// Begins the senders of all projects at the start.
    Delivery,
    /// Starts and stops the senders of one project.
    Project,
    /// Sends over one connection, or replays to it.
    Sender,
    /// Watches the connections of all projects.
    Alerts,
    /// Calls the webhooks.
    Webhooks,
    /// Merges steps of the delivery.
    History,
    /// Stores when tokens were used last.
    TokenUses,
    /// Tells who looked at events.
    Reading,
    /// Tells what happens again and again.
    Repeats,
    /// Ends answers that nobody takes.
    Sweep,
    /// Checks a connection.
    Check,
    /// Writes an export.
    Export,
    /// Makes a message of an event, or decides whether it is to be sent.
    Message,
    /// Filters and decodes for searches.
    Scan,
    /// Encodes a segment.
    Seal,
    /// Builds and merges the runs of ids by which repeated events are known.
    Ids,
    /// Copies the write-ahead log.
    Copy,
    /// Hashes a password.
    Password,
    /// Reads a request's body.
    Body,
    /// Answers a request.
    Request,
    /// Serves one client's connection.
    Client,
}

/// What a panic of a task means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The service is nothing without it: it is not ready any more, takes nothing, and the process ends.
    Vital,
    /// It is begun anew, after a wait that grows.
    Restarted,
    /// Whoever waits for it is told, and its places are free again; it is not begun anew.
    Answered,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 29] = [
        Self::Committer,
        Self::Upkeep,
        Self::DiskGuard,
        Self::FolderGuard,
        Self::StoreCheck,
        Self::Listener,
        Self::Signals,
        Self::Certificates,
        Self::Delivery,
        Self::Project,
        Self::Sender,
        Self::Alerts,
        Self::Webhooks,
        Self::History,
        Self::TokenUses,
        Self::Reading,
        Self::Repeats,
        Self::Sweep,
        Self::Check,
        Self::Export,
        Self::Message,
        Self::Scan,
        Self::Seal,
        Self::Ids,
        Self::Copy,
        Self::Password,
        Self::Body,
        Self::Request,
        Self::Client,
    ];

    /// The one table.
    const fn row(self) -> (&'static str, Fate) {
        use Fate::{Answered, Restarted, Vital};
        match self {
            // Nothing is stored without it, nor read: it wakes the readers, too.
            Self::Committer => ("committer", Vital),
            // Without it the disk fills until nothing can be written.
            Self::Upkeep => ("upkeep", Vital),
            // Without it nobody stops intake before the volume is full.
            Self::DiskGuard => ("disk-guard", Vital),
            // Without it events may go into a folder that is gone, and two processes into one store.
            Self::FolderGuard => ("folder-guard", Vital),
            Self::Listener => ("listener", Vital),
            // Without it the process cannot be ended gracefully.
            Self::Signals => ("signals", Vital),
            Self::StoreCheck => ("store-check", Restarted),
            Self::Certificates => ("certificates", Restarted),
            Self::Delivery => ("delivery", Restarted),
            Self::Project => ("project", Restarted),
            Self::Sender => ("sender", Restarted),
            Self::Alerts => ("alerts", Restarted),
            Self::Webhooks => ("webhooks", Restarted),
            Self::History => ("history", Restarted),
            Self::TokenUses => ("token-uses", Restarted),
            Self::Reading => ("reading", Restarted),
            Self::Repeats => ("repeats", Restarted),
            Self::Sweep => ("sweep", Restarted),
            Self::Check => ("check", Answered),
            // Half a file cannot be gone on with.
            Self::Export => ("export", Answered),
            Self::Message => ("message", Answered),
            Self::Scan => ("scan", Answered),
            // Upkeep tries again by itself.
            Self::Seal => ("seal", Answered),
            Self::Ids => ("ids", Answered),
            Self::Copy => ("copy", Answered),
            Self::Password => ("password", Answered),
            Self::Body => ("body", Answered),
            Self::Request => ("request", Answered),
            // The client sees its connection end; a live tail is asked for again with the last `seq`.
            Self::Client => ("client", Answered),
        }
    }

    /// Its name in the log and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// What its panic means.
    #[must_use]
    pub const fn fate(self) -> Fate {
        self.row().1
    }
}

tokio::task_local! {
    static NAME: Task;
}

/// The name of the task that runs here, for the log; of a thread that runs none, the thread's.
#[must_use]
pub fn current() -> String {
    match NAME.try_with(|task| task.name()) {
        Ok(name) => name.to_owned(),
        Err(_) => std::thread::current().name().unwrap_or("unnamed").to_owned(),
    }
}

/// A task panicked. Only the log says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a defect of this program was met ({}); the service's log says where", .0.name())]
pub struct Panicked(pub Task);

impl From<Panicked> for Error {
    fn from(panicked: Panicked) -> Self {
        Self::new(Kind::Internal, "internal", panicked.to_string())
    }
}

/// Begins tasks and knows how they fared. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Tasks(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    died: watch::Sender<Option<Task>>,
    closing: watch::Sender<bool>,
    panics: [AtomicU64; Task::ALL.len()],
    restarts: [AtomicU64; Task::ALL.len()],
    faults: Faults,
}

impl Tasks {
    /// With places at which tests make tasks panic.
    #[must_use]
    pub fn new(faults: Faults) -> Self {
        Self(Arc::new(Shared { faults, ..Shared::default() }))
    }

    /// Does `work` under a task's name; its panic ends here.
    ///
    /// # Errors
    /// When it panicked.
    pub async fn caught<T>(&self, task: Task, work: impl Future<Output = T>) -> Result<T, Panicked> {
        let done = NAME.scope(task, AssertUnwindSafe(work).catch_unwind()).await;
        done.map_err(|_| self.panicked(task))
    }

    /// The same of work that does not wait.
    ///
    /// # Errors
    /// When it panicked.
    pub fn caught_here<T>(&self, task: Task, work: impl FnOnce() -> T) -> Result<T, Panicked> {
        let done = NAME.sync_scope(task, || std::panic::catch_unwind(AssertUnwindSafe(work)));
        done.map_err(|_| self.panicked(task))
    }

    fn panicked(&self, task: Task) -> Panicked {
        count(&self.0.panics, task);
        Panicked(task)
    }

    /// Begins a task that the service is nothing without. It ends when it is told to; an end by a panic, its own or that of
    /// what it waited for, is its death.
    pub(crate) fn vital(
        &self,
        task: Task,
        work: impl Future<Output = Result<(), Panicked>> + Send + 'static,
    ) -> JoinHandle<()> {
        debug_assert_eq!(task.fate(), Fate::Vital);
        let tasks = self.clone();
        tokio::spawn(async move {
            if !matches!(tasks.caught(task, work).await, Ok(Ok(()))) {
                tasks.die(task);
            }
        })
    }

    /// Begins a task whose end its caller waits for, or nobody.
    pub fn spawn<T: Send + 'static>(
        &self,
        task: Task,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<Result<T, Panicked>> {
        let tasks = self.clone();
        tokio::spawn(async move { tasks.caught(task, work).await })
    }

    /// Begins at once what takes time, on a thread for that; the answer is waited for.
    pub fn blocking<T, W>(&self, task: Task, work: W) -> impl Future<Output = Result<T, Panicked>> + Send + use<T, W>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        let tasks = self.clone();
        let done = tokio::task::spawn_blocking(move || tasks.caught_here(task, work));
        // It is cut off only when the runtime ends, and with it whoever waits.
        async move { done.await.unwrap_or(Err(Panicked(task))) }
    }

    /// Begins work on a thread of its own. Its panic ends the thread; whoever waits sees its channel close.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn thread(&self, task: Task, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let tasks = self.clone();
        let work = move || _ = tasks.caught_here(task, work);
        std::thread::Builder::new().name(task.name().to_owned()).spawn(work).map(drop)
    }

    /// Does work until it ends by itself; after a panic it is begun anew, unless the service is closing.
    pub async fn again<F: Future<Output = ()>>(&self, task: Task, work: impl FnMut() -> F) {
        self.again_after(Backoff::default(), task, work).await;
    }

    async fn again_after<F: Future<Output = ()>>(&self, mut backoff: Backoff, task: Task, mut work: impl FnMut() -> F) {
        debug_assert_eq!(task.fate(), Fate::Restarted);
        loop {
            let begun = Instant::now();
            if self.caught(task, work()).await.is_ok() || !self.wait_anew(task, begun, &mut backoff).await {
                return;
            }
        }
    }

    /// Waits until a task that panicked is begun anew; false: the service is closing.
    async fn wait_anew(&self, task: Task, begun: Instant, backoff: &mut Backoff) -> bool {
        let mut closing = self.0.closing.subscribe();
        let wait = self.restart(task, begun, backoff);
        tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => false,
            () = tokio::time::sleep(wait) => true,
        }
    }

    /// Takes note that a task that began then is begun anew; says after how long.
    pub(crate) fn restart(&self, task: Task, begun: Instant, backoff: &mut Backoff) -> Duration {
        if begun.elapsed() >= WORKED {
            backoff.reset();
        }
        let wait = backoff.next();
        count(&self.0.restarts, task);
        tracing::error!(task = task.name(), wait_ms = wait.as_millis(), "a task panicked and is begun anew");
        wait
    }

    /// A vital task is over: everything that asks is told from now on. The first one stays.
    pub fn die(&self, task: Task) {
        let first = self.0.died.send_if_modified(|died| {
            let first = died.is_none();
            died.get_or_insert(task);
            first
        });
        if first {
            tracing::error!(
                task = task.name(),
                "a task without which the service is nothing has ended; the process must end"
            );
        }
    }

    /// The vital task that is over, if one is.
    #[must_use]
    pub fn died(&self) -> Option<Task> {
        *self.0.died.borrow()
    }

    /// Resolves when a vital task is over.
    pub async fn death(&self) -> Task {
        let mut died = self.0.died.subscribe();
        let task = died.wait_for(Option::is_some).await.ok().and_then(|died| *died);
        // This handle keeps the sender alive.
        task.unwrap_or(Task::Committer)
    }

    /// Nothing is begun anew any more.
    pub(crate) fn close(&self) {
        self.0.closing.send_replace(true);
    }

    /// How often a task panicked, and how often it was begun anew because of that.
    #[must_use]
    pub fn counts(&self, task: Task) -> (u64, u64) {
        let of = |counts: &[AtomicU64]| counts.get(task as usize).map_or(0, |n| n.load(Ordering::Relaxed));
        (of(&self.0.panics), of(&self.0.restarts))
    }

    /// Where tests make tasks panic.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Panics here when a test asked for it; see [`Faults`].
    pub fn reach(&self, point: &str, about: &str) {
        self.0.faults.reach(point, about);
    }
}

fn count(counts: &[AtomicU64], task: Task) {
    if let Some(count) = counts.get(task as usize) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}
