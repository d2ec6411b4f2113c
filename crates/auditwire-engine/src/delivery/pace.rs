//! A token bucket: at most so many events per second, in bounded bursts. Pure; the caller tells the time.

use std::time::Duration;

use tokio::time::Instant;

/// How fast messages may leave.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    per_second: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

impl Pace {
    /// `per_second` events (at least 1), at most `burst` (at least 1) at once.
    pub(crate) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let burst = f64::from(burst.max(1));
        Self { per_second: f64::from(per_second.max(1)), burst, tokens: burst, at: now }
    }

    /// How many may leave now.
    pub(crate) fn available(&mut self, now: Instant) -> usize {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.burst);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a u32 burst")]
        {
            self.tokens as usize
        }
    }

    /// Takes note that `count` left.
    pub(crate) fn take(&mut self, count: usize) {
        self.tokens -= f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// When the next one may leave.
    pub(crate) fn next_at(&self) -> Instant {
        let missing = (1.0 - self.tokens).max(0.0);
        // One timer tick for several events: asking for less than a millisecond would only burn time.
        self.at + Duration::from_secs_f64(missing / self.per_second).max(Duration::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_rate_and_bounds_the_burst() {
        let begun = Instant::now();
        let mut pace = Pace::new(5000, 32, begun);
        let mut sent = 0;
        for tick in 0..10_000_u64 {
            let count = pace.available(begun + Duration::from_micros(tick * 100));
            assert!(count <= 32);
            pace.take(count);
            sent += count;
        }
        assert!((4990..=5032).contains(&sent), "{sent} in a second");
        assert_eq!(pace.available(begun + Duration::from_secs(3600)), 32, "rest does not pile up");
    }

    #[test]
    fn tells_when_the_next_may_leave() {
        let begun = Instant::now();
        let mut pace = Pace::new(2, 1, begun);
        assert_eq!(pace.available(begun), 1);
        pace.take(1);
        assert_eq!(pace.available(begun), 0);
        let next = pace.next_at();
        assert_eq!(next - begun, Duration::from_millis(500));
        assert_eq!(pace.available(next), 1);
    }

    #[test]
    fn time_that_stands_or_goes_back_gives_nothing() {
        let begun = Instant::now() + Duration::from_secs(10);
        let mut pace = Pace::new(1000, 1, begun);
        pace.take(1);
        assert_eq!(pace.available(begun - Duration::from_secs(5)), 0);
        assert_eq!(pace.available(begun), 0);
    }
}
