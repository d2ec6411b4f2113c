//! One open connection: who holds it, what is under way on it, and when it must end.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::limits::HttpLimits;
use super::table::Connections;

/// What a newcomer's connection has left for what is under way when its time is over.
const GRACE: Duration = Duration::from_secs(10);

/// A connection is new for so long: whoever opened it is about to ask.
const NEW: Duration = Duration::from_secs(1);

/// A connection, as its task, its requests and the table know it.
#[derive(Debug)]
pub(crate) struct Open {
    pub(super) id: u64,
    /// See [`network`](crate::client::network).
    pub(super) network: IpAddr,
    pub(super) table: Arc<Connections>,
    began: Instant,
    state: Mutex<State>,
    /// Ends it at once.
    pub(super) close: CancellationToken,
    /// Ends it when what is under way is done.
    pub(super) retire: CancellationToken,
    /// What is due may have changed.
    pub(super) moved: Notify,
    /// A request's head has come.
    pub(super) asked_first: CancellationToken,
    /// It is closed.
    pub(super) gone: CancellationToken,
}

#[derive(Debug)]
struct State {
    /// A request's head has come.
    asked: bool,
    /// The last one that was shown.
    credential: Option<Arc<str>>,
    /// Requests whose answers are not over.
    under_way: usize,
    idle_since: Instant,
}

/// What is to be done with a connection, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Close it, for this reason.
    Close(Instant, &'static str),
    /// Let it finish what is under way and no more.
    Retire(Instant),
    /// Ask again.
    Look(Instant),
}

impl Open {
    pub(super) fn new(id: u64, network: IpAddr, table: Arc<Connections>) -> Self {
        let now = Instant::now();
        Self {
            id,
            network,
            table,
            began: now,
            state: Mutex::new(State { asked: false, credential: None, under_way: 0, idle_since: now }),
            close: CancellationToken::new(),
            retire: CancellationToken::new(),
            moved: Notify::new(),
            asked_first: CancellationToken::new(),
            gone: CancellationToken::new(),
        }
    }

    /// A request's head has come; it is under way until what this answers is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        let mut state = self.lock();
        if !std::mem::replace(&mut state.asked, true) {
            self.moved.notify_one();
            self.asked_first.cancel();
        }
        state.under_way += 1;
        UnderWay(Arc::clone(self))
    }

    /// A credential was shown over it, and is good: from now on it counts as its holder's.
    pub(crate) fn prove(&self, credential: &Arc<str>) {
        let first = self.lock().credential.replace(Arc::clone(credential)).is_none();
        if first {
            self.moved.notify_one();
            self.table.known(self);
        }
    }

    /// Until when one that has not asked anything yet is given time to.
    pub(super) fn fresh_until(&self) -> Option<Instant> {
        (!self.lock().asked).then(|| self.began + NEW)
    }

    /// Its holder, when nothing is under way.
    pub(super) fn idle(&self) -> Option<Arc<str>> {
        let state = self.lock();
        state.credential.clone().filter(|_| state.under_way == 0)
    }

    /// When it must end. `multiplexed`: HTTP/2, where nobody else looks after idle connections.
    pub(super) fn due(&self, limits: &HttpLimits, multiplexed: bool) -> Due {
        let state = self.lock();
        if !state.asked {
            return Due::Close(self.began + limits.first_request_max, "no_request");
        }
        if state.credential.is_none() {
            let end = self.began + limits.newcomer_max;
            return if self.retire.is_cancelled() { Due::Close(end + GRACE, "newcomer") } else { Due::Retire(end) };
        }
        if multiplexed && state.under_way == 0 && !self.retire.is_cancelled() {
            return Due::Retire(state.idle_since + limits.head_max);
        }
        Due::Look(Instant::now() + limits.head_max)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request under way on a connection.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<Open>);

impl UnderWay {
    pub(crate) fn connection(&self) -> &Open {
        &self.0
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.under_way -= 1;
        if state.under_way == 0 {
            state.idle_since = Instant::now();
            drop(state);
            self.0.table.changed();
        }
    }
}
