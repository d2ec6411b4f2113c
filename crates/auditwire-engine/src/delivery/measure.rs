//! How it is learned what a peer has taken. Chosen once for each link, by asking its socket, and shown in the connection's state.
//!
//! Without `SIOCOUTQ` nobody knows what the peer's kernel has acknowledged; that a write returned says nothing of it. Then a
//! message counts as settled [`SETTLES_AFTER`] after the own kernel took it, and every end of a link but the one that is proven
//! sends the whole of `overlap_bytes` before that once more: it must cover what lay in both kernels. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use super::window::Limits;

/// After so long a message counts as settled that nobody can acknowledge over TCP. Less than what makes a connection degraded, and
/// than what a graceful stop waits for.
pub(crate) const SETTLES_AFTER: Duration = Duration::from_secs(5);
/// Most messages in flight then: enough for 26,000 in a second.
const ENTRIES_MAX: usize = 128 << 10;
/// Times that are remembered lie so far apart.
const STEP: Duration = Duration::from_millis(20);

/// Who says that a message was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcknowledgedBy {
    /// The peer's TCP stack.
    Kernel,
    /// The peer's program: RELP.
    Program,
    /// Nobody: it was handed over, and no error came for a while. UDP, and TCP where the system does not tell what was acknowledged.
    Time,
}

impl AcknowledgedBy {
    /// The word in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Program => "program",
            Self::Time => "time",
        }
    }
}

/// What can be learned on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Who says that a message was taken.
    pub acknowledged_by: AcknowledgedBy,
    /// The state of the path is known (`TCP_INFO`): a dead one is noticed within 15 s, and the peer's FIN after ours can be told
    /// from one before it. `None` for UDP, which has no path.
    pub path_watched: Option<bool>,
}

impl Measure {
    /// Of TCP, over which nobody tells what was acknowledged.
    pub(crate) fn is_blind(self) -> bool {
        self.acknowledged_by == AcknowledgedBy::Time && self.path_watched.is_some()
    }

    /// What somebody should know of a link on which less can be learned than usual.
    pub(crate) fn consequences(self) -> &'static str {
        if self.is_blind() {
            "this system does not tell what the receiver has acknowledged (SIOCOUTQ): messages count as settled 5 s after \
             they were handed over, and after each end of the link that proves nothing all of overlap_bytes is sent again"
        } else {
            "this system does not tell the state of the path (TCP_INFO): only the system notices a dead one, which takes \
             minutes, and every end of the link is followed by a resend"
        }
    }

    /// The limits of a link of which this is known.
    pub(crate) fn limits(self, limits: Limits) -> Limits {
        match limits.overlap_max {
            Some(cap) if self.is_blind() => Limits {
                entries_max: limits.entries_max.max(ENTRIES_MAX),
                bytes_max: limits.bytes_max.max(cap),
                overlap_min: cap,
                ..limits
            },
            _ => limits,
        }
    }
}

/// What nobody acknowledges counts as settled a while after it was handed over.
#[derive(Debug)]
pub(crate) struct Settling {
    after: Duration,
    /// What was handed over when; times are since the link began.
    handed_over: VecDeque<(Duration, u64)>,
    settled: u64,
}

impl Settling {
    /// Of a link that begins now.
    pub(crate) fn new(after: Duration) -> Self {
        Self { after, handed_over: VecDeque::new(), settled: 0 }
    }

    /// The stream offset below which everything is settled, when everything below `handed_over` has been handed over by `now`.
    pub(crate) fn settled(&mut self, handed_over: u64, now: Duration) -> u64 {
        match self.handed_over.back_mut() {
            Some((_, offset)) if *offset == handed_over => {}
            Some((at, offset)) if now.saturating_sub(*at) < STEP => *offset = handed_over,
            _ => self.handed_over.push_back((now, handed_over)),
        }
        while let Some(&(at, offset)) = self.handed_over.front()
            && now.saturating_sub(at) >= self.after + STEP
        {
            self.settled = offset;
            self.handed_over.pop_front();
        }
        self.settled
    }
}

/// A TCP link on Linux.
#[cfg(test)]
pub(crate) const MEASURED: Measure = Measure { acknowledged_by: AcknowledgedBy::Kernel, path_watched: Some(true) };

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Held against a plain list: nothing is settled too early, and nothing much too late.
        #[test]
        fn settles_after_its_time(steps in prop::collection::vec((0_u64..100, 0_u64..400), 1..300)) {
            let after = Duration::from_secs(1);
            let (mut settling, mut now, mut handed, mut all) = (Settling::new(after), Duration::ZERO, 0, vec![]);
            for (count, pause) in steps {
                now += Duration::from_millis(pause);
                handed += count;
                all.push((now, handed));
                let settled = settling.settled(handed, now);
                let sure = |within| all.iter().rfind(|(at, _)| *at + within <= now).map_or(0, |(_, offset)| *offset);
                prop_assert!(settled <= sure(after), "{settled} is too early");
                prop_assert!(settled >= sure(after + 2 * STEP), "{settled} is too late");
                prop_assert!(settling.handed_over.len() <= 60);
            }
        }
    }
}
