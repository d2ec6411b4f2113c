//! Signals, and the two ends of a process: the soft one (stop taking, finish what is in flight) and the hard one (now).
//! The first SIGTERM or SIGINT asks for the soft end, the second for the hard one. SIGHUP has the service read again what can be
//! read again ([`crate::reload`]); SIGUSR1 and SIGUSR2 do nothing. Without a handler each of these three would end the process
//! without a word.

use std::io;
use std::sync::Arc;

use auditwire_engine::tasks::{Faults, Task, Tasks};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
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
    /// Read the configuration again. What was asked for before somebody waits is not lost.
    pub(crate) reread: Arc<Notify>,
}

/// What a SIGHUP means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// The terminal is gone, and the verb that was shown on it ends as by SIGTERM.
    Ends,
    /// A service reads its configuration again, and goes on without its terminal.
    Rereads,
}

impl Lifecycle {
    /// Begins to listen for signals.
    ///
    /// # Errors
    /// When the system does not let us.
    pub(crate) fn watch_signals(hangup: Hangup, faults: &Faults) -> Result<Self> {
        let signals = Signals::listen(hangup).map_err(|e| Failure::caused_by("signals cannot be watched", &e))?;
        let lifecycle = Self::default();
        let tasks = Tasks::new(faults.clone());
        let heard = hear(signals, lifecycle.clone(), tasks.clone());
        let (Self { soft, deaf, .. }, own) = (lifecycle.clone(), tasks.clone());
        // Nobody waits for it: whoever must know that nobody hears any more is told.
        drop(tasks.spawn(Task::Signals, async move {
            if own.caught(Task::Signals, heard).await.is_err() {
                deaf.cancel();
                soft.cancel();
            }
        }));
        Ok(lifecycle)
    }
}

async fn hear(mut signals: Signals, lifecycle: Lifecycle, tasks: Tasks) {
    let Lifecycle { soft, hard, reread, .. } = lifecycle;
    loop {
        match signals.next().await {
            Heard::End if soft.is_cancelled() => return hard.cancel(),
            Heard::End => {
                tasks.reach("signals", "");
                tracing::info!(
                    "stopping: no new work is taken, what is in flight is finished; a second signal stops at once"
                );
                soft.cancel();
            }
            Heard::Reread if soft.is_cancelled() => tracing::info!("SIGHUP is ignored while the service stops"),
            Heard::Reread => reread.notify_one(),
            Heard::Ignored(name) => tracing::info!("{name} is ignored; SIGHUP reads the configuration again"),
        }
    }
}

/// What a signal asks for.
enum Heard {
    End,
    Reread,
    Ignored(&'static str),
}

struct Signals {
    hangup: Hangup,
    terminate: Signal,
    interrupt: Signal,
    hung_up: Signal,
    user1: Signal,
    user2: Signal,
}

impl Signals {
    fn listen(hangup: Hangup) -> io::Result<Self> {
        Ok(Self {
            hangup,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hung_up: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Heard {
        tokio::select! {
            _ = self.terminate.recv() => Heard::End,
            _ = self.interrupt.recv() => Heard::End,
            _ = self.hung_up.recv() => match self.hangup {
                Hangup::Ends => Heard::End,
                Hangup::Rereads => Heard::Reread,
            },
            _ = self.user1.recv() => Heard::Ignored("SIGUSR1"),
            _ = self.user2.recv() => Heard::Ignored("SIGUSR2"),
        }
    }
}
