//! Signals and the two ends of a process: the soft one (stop taking, finish what is in flight) and the hard one (now).
//! The first SIGTERM or SIGINT asks for the soft end, the second for the hard one.

use auditwire_engine::tasks::{Faults, Task, Tasks};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::{Failure, Result};

/// Tokens that everything which runs watches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lifecycle {
    /// Stop taking, finish what is in flight.
    pub(crate) soft: CancellationToken,
    /// Stop now.
    pub(crate) hard: CancellationToken,
    /// Signals are not heard any more, because a defect was met; the soft end has begun.
    pub(crate) deaf: CancellationToken,
}

impl Lifecycle {
    /// Begins to listen for signals.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(crate) fn watch_signals(faults: &Faults) -> Result<Self> {
        let failed = |e: std::io::Error| Failure::caused_by("signals cannot be watched", &e);
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let lifecycle = Self::default();
        let Self { soft, hard, deaf } = lifecycle.clone();
        let tasks = Tasks::new(faults.clone());
        let reached = tasks.clone();
        let heard = async move {
            next(&mut terminate, &mut interrupt).await;
            reached.reach("signals", "");
            tracing::info!(
                "stopping: no new work is taken, what is in flight is finished; a second signal stops at once"
            );
            soft.cancel();
            next(&mut terminate, &mut interrupt).await;
            hard.cancel();
        };
        let (ending, own) = (lifecycle.soft.clone(), tasks.clone());
        // Nobody waits for it: whoever must know that nobody hears any more is told.
        drop(tasks.spawn(Task::Signals, async move {
            if own.caught(Task::Signals, heard).await.is_err() {
                deaf.cancel();
                ending.cancel();
            }
        }));
        Ok(lifecycle)
    }
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
