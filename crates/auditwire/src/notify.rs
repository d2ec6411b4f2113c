//! What the service tells the manager that started it, by the protocol of sd_notify(3): ready, reloading, stopping, what it does in
//! words, and that it is alive. Nothing happens where nobody asked (`NOTIFY_SOCKET` is not set).
//!
//! Alive is what commits: the watchdog hears of us only while the committer answers or goes on committing, so that a process that
//! runs and does nothing is started anew.

use std::io;
use std::time::Duration;

use auditwire_engine::Engine;
use sd_notify::NotifyState;

/// How often the words are looked at where no watchdog asks.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Talks to the manager.
#[derive(Debug)]
pub(crate) struct Manager {
    /// Whether there is one.
    listens: bool,
    /// By when it wants to hear of us again.
    watchdog: Option<Duration>,
}

impl Manager {
    /// Looks at the environment.
    pub(crate) fn from_environment() -> Self {
        Self {
            listens: std::env::var_os("NOTIFY_SOCKET").is_some_and(|path| !path.is_empty()),
            watchdog: sd_notify::watchdog_enabled().filter(|every| !every.is_zero()),
        }
    }

    /// Connections are taken.
    pub(crate) fn ready(&self, url: &str) {
        self.say(&[NotifyState::Ready, NotifyState::Status(&format!("ready on {url}"))]);
    }

    /// The configuration is being read again; [`ready`](Self::ready) says when that is done.
    pub(crate) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.say(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!(%error, "the time for the service manager cannot be read"),
        }
    }

    /// The soft end has begun.
    pub(crate) fn stopping(&self) {
        self.say(&[NotifyState::Stopping, NotifyState::Status("stopping: finishing what is in flight")]);
    }

    /// Says what is wrong, when that changes, and that we are alive, when we are. For ever.
    pub(crate) async fn keep_told(&self, engine: &Engine, url: &str) {
        if !self.listens {
            return std::future::pending().await;
        }
        // Three looks fit, so that one late answer is not the end.
        let step = self.watchdog.map_or(LOOK_EVERY, |every| every / 3);
        let mut told = String::new();
        let mut commits = None;
        loop {
            if self.watchdog.is_some() && is_alive(engine, &mut commits, step).await {
                self.say(&[NotifyState::Watchdog]);
            }
            let standing = engine.readiness().standing();
            let status = match standing.first() {
                Some((worst, _)) => format!("{}: {}", worst.code(), worst.what()),
                None => format!("ready on {url}"),
            };
            if status != told {
                self.say(&[NotifyState::Status(&status)]);
                told = status;
            }
            tokio::time::sleep(step.min(LOOK_EVERY)).await;
        }
    }

    fn say(&self, state: &[NotifyState<'_>]) {
        if self.listens
            && let Err(error) = send(state)
        {
            tracing::warn!(%error, "the service manager does not hear us (NOTIFY_SOCKET)");
        }
    }
}

fn send(state: &[NotifyState<'_>]) -> io::Result<()> {
    sd_notify::notify(state)
}

/// The committer answered within the time, or has committed since the last look.
async fn is_alive(engine: &Engine, commits: &mut Option<u64>, within: Duration) -> bool {
    if engine.tasks().died().is_some() {
        return false;
    }
    let answered = tokio::time::timeout(within, engine.log.answers()).await.is_ok();
    let now = engine.log.commits();
    let moved = commits.replace(now).is_some_and(|before| before != now);
    answered || moved
}
