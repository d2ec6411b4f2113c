//! Signals and the two ends of a process: the soft one (stop taking, finish what is in flight) and the hard one (now).
//! The first SIGTERM or SIGINT asks for the soft end, the second for the hard one.

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
}

impl Lifecycle {
    /// Begins to listen for signals.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(crate) fn watch_signals() -> Result<Self> {
        let failed = |e: std::io::Error| Failure::caused_by("signals cannot be watched", &e);
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let lifecycle = Self::default();
        let Self { soft, hard } = lifecycle.clone();
        tokio::spawn(async move {
            next(&mut terminate, &mut interrupt).await;
            tracing::info!(
                "stopping: no new work is taken, what is in flight is finished; a second signal stops at once"
            );
            soft.cancel();
            next(&mut terminate, &mut interrupt).await;
            hard.cancel();
        });
        Ok(lifecycle)
    }
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
