//! How far the clock is believed when something ends by it. A clock that was set wrong must not end what is kept for years, so
//! what may end is decided by a *trusted* time: that of the clock, as long as it goes on from where it had come before; else
//! what the monotonic clock says. Pure: both clocks are given to it.

use std::time::Duration;

use auditwire_model::Timestamp;

/// Clock and monotonic clock may differ by so much and still agree: corrections by a time service are smaller.
const APART: Duration = Duration::from_secs(60);

/// An event that was received so much later than the clock says was received by another clock.
pub(crate) const AHEAD: Duration = Duration::from_secs(60);

/// When a clock is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustRule {
    /// Events end only after the clock and the monotonic clock have agreed for so long. Zero: at once, also at a start. Default
    /// 1 h.
    pub agreed: Duration,
    /// A clock that is further than the time that has passed by more than this is not believed until it is back, or an operator
    /// accepts it. Default 24 h.
    pub beyond: Duration,
}

impl Default for TrustRule {
    fn default() -> Self {
        Self { agreed: Duration::from_secs(3600), beyond: Duration::from_secs(24 * 3600) }
    }
}

impl TrustRule {
    /// Believes every clock: for tests of other things.
    #[cfg(test)]
    pub(crate) const ALWAYS: Self = Self { agreed: Duration::ZERO, beyond: Duration::MAX };
}

/// What both clocks show at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) wall: Timestamp,
    pub(crate) monotonic: Duration,
}

/// What is believed at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trusted {
    /// The time by which things end. Never ahead of the clock.
    pub(crate) now: Timestamp,
    /// By how much the clock is further than is believed; `None`: it is believed.
    pub(crate) held: Option<Duration>,
    /// How long both clocks have agreed.
    pub(crate) agreed: Duration,
    /// By how much the newest event is ahead of the clock, if that is more than [`AHEAD`].
    pub(crate) ahead: Option<Duration>,
    /// Events may end.
    pub(crate) may_end: bool,
}

/// What is known of the clock so far.
#[derive(Debug)]
pub(crate) struct Trust {
    rule: TrustRule,
    /// How far time had come when it was looked at last, and the monotonic clock then.
    come: Moment,
    /// Since then both clocks agree.
    agreed_from: Moment,
}

impl Trust {
    /// Time had come to `come` before, as far as is known; `now` is the first look.
    pub(crate) fn new(rule: TrustRule, come: Timestamp, now: Moment) -> Self {
        Self { rule, come: Moment { wall: come, ..now }, agreed_from: now }
    }

    /// Looks at both clocks, and goes on from what they show. `newest` is when the newest event was received.
    pub(crate) fn look(&mut self, now: Moment, newest: Timestamp) -> Trusted {
        if apart(self.agreed_from, now) > APART {
            self.agreed_from = now;
        }
        let trusted = self.seen(now, newest);
        // A clock that has not proved itself moves nothing, in neither direction: only time does.
        let wall = if trusted.may_end { trusted.now } else { self.expected(now) };
        self.come = Moment { wall, ..now };
        trusted
    }

    /// The same without going on from it.
    pub(crate) fn seen(&self, now: Moment, newest: Timestamp) -> Trusted {
        let expected = self.expected(now);
        let held = Some(now.wall.since(expected)).filter(|beyond| *beyond > self.rule.beyond);
        let agreed = match apart(self.agreed_from, now) {
            apart if apart > APART => Duration::ZERO,
            _ => now.monotonic.saturating_sub(self.agreed_from.monotonic),
        };
        let ahead = Some(newest.since(now.wall)).filter(|ahead| *ahead > AHEAD);
        Trusted {
            now: if held.is_some() { expected } else { now.wall },
            held,
            agreed,
            ahead,
            may_end: agreed >= self.rule.agreed && ahead.is_none(),
        }
    }

    /// Somebody says that the clock is right.
    pub(crate) fn accept(&mut self, now: Moment) {
        self.come = now;
    }

    /// How far time has come.
    pub(crate) fn come(&self) -> Timestamp {
        self.come.wall
    }

    /// What the time is if only time has passed since the last look.
    fn expected(&self, now: Moment) -> Timestamp {
        later(self.come.wall, now.monotonic.saturating_sub(self.come.monotonic))
    }
}

/// How far two clocks went apart between two moments.
fn apart(from: Moment, to: Moment) -> Duration {
    later(from.wall, to.monotonic.saturating_sub(from.monotonic)).abs_diff(to.wall)
}

/// `now` and so much more.
pub(in crate::log) fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.saturating_add_nanos(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
