//! How many events a second a sender settles, averaged over the last 10 s. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use auditwire_model::{Position, Timestamp};

/// What is averaged over.
const SPAN: Duration = Duration::from_secs(10);
/// Progress within so long is one step, so that few steps are kept: at most one more than fit into the span.
const STEP: Duration = Duration::from_millis(500);
/// A sender that has just begun is averaged over no less, or its first events would count as a storm.
const SPAN_MIN: Duration = Duration::from_secs(1);

/// Remembers when the settled position moved.
#[derive(Debug)]
pub(crate) struct Rate {
    begun: Timestamp,
    /// The highest position settled so far; a step back (UDP) and its repetition count once.
    settled: Position,
    /// When a step began, and how many events were settled in it.
    steps: VecDeque<(Timestamp, u64)>,
}

impl Rate {
    /// Of a sender that begins behind `settled`.
    pub(crate) fn new(settled: Position, now: Timestamp) -> Self {
        Self { begun: now, settled, steps: VecDeque::new() }
    }

    /// The settled position is this now.
    pub(crate) fn moved(&mut self, settled: Position, now: Timestamp) {
        let count = settled.0.saturating_sub(self.settled.0);
        if count == 0 {
            return;
        }
        self.settled = settled;
        self.steps.retain(|(at, _)| now.since(*at) < SPAN);
        match self.steps.back_mut() {
            Some((at, sum)) if now.since(*at) < STEP => *sum += count,
            _ => self.steps.push_back((now, count)),
        }
    }

    /// Events per second; 0 when nothing moved for [`SPAN`].
    pub(crate) fn per_second(&self, now: Timestamp) -> f64 {
        let recent = self.steps.iter().filter(|(at, _)| now.since(*at) < SPAN);
        let count: u64 = recent.map(|(_, count)| count).sum();
        let seconds = now.since(self.begun).clamp(SPAN_MIN, SPAN).as_secs_f64();
        count as f64 / seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000).unwrap()
    }

    /// A sender that settles 1,000 events every 100 ms for `ms`.
    fn steady(ms: i64) -> Rate {
        let mut rate = Rate::new(Position(7), at(0));
        for tick in 1..=ms / 100 {
            rate.moved(Position(7 + 1000 * u64::try_from(tick).unwrap()), at(tick * 100));
        }
        rate
    }

    fn near(rate: f64, expected: f64) -> bool {
        (rate - expected).abs() <= expected * 0.06
    }

    #[test]
    fn a_steady_sender_shows_its_pace_soon_and_for_ever() {
        for ms in [1000, 3000, 10_000, 60_000] {
            let rate = steady(ms).per_second(at(ms));
            assert!(near(rate, 10_000.0), "after {ms} ms: {rate}");
        }
        assert!(steady(600_000).steps.len() <= 21, "what is kept is bounded");
    }

    #[test]
    fn it_decays_to_nothing_when_nothing_moves() {
        let rate = steady(60_000);
        assert!(near(rate.per_second(at(65_000)), 5000.0), "{}", rate.per_second(at(65_000)));
        assert_eq!(rate.per_second(at(70_000)), 0.0);
        assert_eq!(Rate::new(Position(5), at(0)).per_second(at(0)), 0.0);
    }

    #[test]
    fn a_burst_after_a_pause_is_averaged_over_the_span_and_not_the_pause() {
        let mut rate = Rate::new(Position(0), at(0));
        rate.moved(Position(10), at(100));
        rate.moved(Position(1010), at(3_600_000));
        assert_eq!(rate.per_second(at(3_600_000)), 100.0);
    }

    #[test]
    fn the_first_events_are_no_storm_and_a_repetition_is_no_progress() {
        let mut rate = Rate::new(Position(0), at(0));
        rate.moved(Position(50), at(1));
        assert_eq!(rate.per_second(at(1)), 50.0);
        rate.moved(Position(20), at(2));
        rate.moved(Position(50), at(3));
        assert_eq!(rate.per_second(at(3)), 50.0);
        // A clock that was set back must not make it divide by nothing or forget.
        assert_eq!(rate.per_second(Timestamp::EPOCH), 50.0);
    }
}
