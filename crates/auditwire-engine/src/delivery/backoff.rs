//! How long to wait before the next attempt: doubling with jitter, for ever.

use std::time::Duration;

use rand::RngExt;

/// Waits of a failing link, each drawn from the upper half of its step, so that the many senders of one receiver spread
/// out. By default from half a second to 30 s.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    step: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(500), Duration::from_secs(30))
    }
}

impl Backoff {
    /// Waits between `first` and `longest`; a `first` of zero or above `longest` is brought between.
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        let longest = longest.max(Duration::from_millis(1));
        let first = first.clamp(Duration::from_millis(1), longest);
        Self { first, longest, step: first.saturating_mul(2).min(longest) }
    }

    /// The next wait: never below `first`, never above `longest`.
    pub(crate) fn next(&mut self) -> Duration {
        let step = self.step;
        self.step = step.saturating_mul(2).min(self.longest);
        let half = u64::try_from(step.as_micros() / 2).unwrap_or(u64::MAX);
        let cut = Duration::from_micros(rand::rng().random_range(0..=half));
        (step - cut).max(self.first)
    }

    /// Begins anew after a link that worked.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.first, self.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_within_its_limits_and_begins_anew() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..40).map(|_| backoff.next()).collect();
        assert!(waits.iter().all(|w| (Duration::from_millis(500)..=Duration::from_secs(30)).contains(w)), "{waits:?}");
        assert!(waits[0] < Duration::from_secs(1));
        assert!(waits[10..].iter().all(|w| *w >= Duration::from_secs(15)), "stays long: {waits:?}");
        assert!(waits[10..].iter().any(|w| *w != waits[10]), "spreads out: {waits:?}");
        backoff.reset();
        assert!(backoff.next() < Duration::from_secs(1));
    }

    #[test]
    fn odd_limits_are_brought_in_order() {
        let mut backoff = Backoff::new(Duration::ZERO, Duration::ZERO);
        assert_eq!(backoff.next(), Duration::from_millis(1));
        let mut backoff = Backoff::new(Duration::from_secs(9), Duration::from_secs(1));
        assert_eq!(backoff.next(), Duration::from_secs(1));
    }
}
