//! What was posted and what has arrived, event by event.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use crate::receive::{Arrival, Content, Ledger, inspect};

/// Shared by the poster, the receiver and the display.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: Mutex<Counts>,
    changed: Notify,
}

/// The numbers.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Accepted: the answer said that they are on disk.
    pub(super) accepted: u64,
    /// Recognised as already there.
    pub(super) duplicates: u64,
    /// Refused.
    pub(super) rejected: u64,
    /// Ours that have arrived, each once.
    pub(super) delivered: u64,
    /// From the beginning of the post to the arrival.
    pub(super) latencies: Vec<Duration>,
    /// Everything that arrived, also the service's own audit events.
    pub(super) ledger: Ledger,
    /// The first messages of ours, as they were on the wire, not shown yet.
    pub(super) first: Vec<String>,
    /// The first problem of a message or link.
    pub(super) problem: Option<String>,
    /// Posted and not arrived yet, by event id.
    underway: HashMap<String, Instant>,
}

/// So many messages are shown as they are.
pub(super) const FIRST: u64 = 3;

impl Tally {
    /// The numbers, locked. Hold it briefly.
    pub(super) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These are about to be posted.
    pub(super) fn posting(&self, ids: impl IntoIterator<Item = String>) {
        let now = Instant::now();
        self.counts().underway.extend(ids.into_iter().map(|id| (id, now)));
    }

    /// The answer to a post.
    pub(super) fn answered(&self, accepted: u64, duplicates: u64, rejected: u64) {
        let mut counts = self.counts();
        counts.accepted += accepted;
        counts.duplicates += duplicates;
        counts.rejected += rejected;
        drop(counts);
        self.changed.notify_waiters();
    }

    /// Takes what the receiver gets until it ends.
    pub(super) async fn receive(self: std::sync::Arc<Self>, mut arrivals: mpsc::Receiver<Arrival>) {
        while let Some(arrival) = arrivals.recv().await {
            self.arrived(&arrival);
            self.changed.notify_waiters();
        }
    }

    fn arrived(&self, arrival: &Arrival) {
        let bytes = match &arrival.content {
            Content::Message { bytes, .. } => bytes,
            Content::Trouble(why) => {
                let mut counts = self.counts();
                counts.ledger.troubles += 1;
                counts.problem.get_or_insert_with(|| why.clone());
                return;
            }
        };
        let seen = inspect(bytes);
        let mut counts = self.counts();
        counts.ledger.count(bytes.len(), seen.problems.is_empty(), seen.seq, seen.n);
        if let Some(problem) = seen.problems.into_iter().next() {
            counts.problem.get_or_insert(problem);
        }
        let Some(posted) = seen.event_id.and_then(|id| counts.underway.remove(&id)) else { return };
        counts.delivered += 1;
        counts.latencies.push(posted.elapsed());
        if counts.delivered <= FIRST {
            counts.first.push(String::from_utf8_lossy(bytes).into_owned());
        }
    }

    /// Waits until every accepted event has arrived.
    pub(super) async fn all_arrived(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.everything_arrived() {
                return;
            }
            changed.await;
        }
    }

    /// Whether nothing is missing, refused or invalid.
    pub(super) fn everything_arrived(&self) -> bool {
        let counts = self.counts();
        counts.delivered >= counts.accepted && counts.rejected == 0 && counts.ledger.invalid == 0
    }
}

impl Counts {
    /// Posted, not arrived.
    pub(super) fn backlog(&self) -> u64 {
        self.accepted.saturating_sub(self.delivered)
    }

    /// The median of the last few hundred.
    pub(super) fn recent_latency(&self) -> Duration {
        let begin = self.latencies.len().saturating_sub(256);
        let mut recent = self.latencies.get(begin..).unwrap_or_default().to_vec();
        recent.sort_unstable();
        recent.get(recent.len() / 2).copied().unwrap_or_default()
    }

    /// The latency that this share of events stayed under.
    pub(super) fn latency(&self, share: f64) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index into a list that fits in memory"
        )]
        let index = ((sorted.len() as f64) * share) as usize;
        sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}
