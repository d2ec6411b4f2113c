//! The time-based overlap: what a link acknowledged within the last seconds is sent again after it ends, whatever the peer's
//! kernel says. For receivers behind a proxy, which acknowledges for itself and hides what the receiver has read.
//!
//! Pure, and of bounded memory: a place is remembered every 64th of the span. Times are of the monotonic clock: one that is set
//! must not make what was just acknowledged old.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::window::Place;

/// The monotonic clock may have begun a moment ago: what was before the link was earlier, by more than any span.
const LONG: Duration = Duration::from_secs(1 << 32);

/// Remembered places per span.
const STEPS: u32 = 64;

/// By the time `at` everything before `place` was acknowledged.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// When the step began that this mark stands for.
    begun: Duration,
    at: Duration,
    place: Place,
}

/// When one link had come where.
#[derive(Debug)]
pub(crate) struct Overlap {
    span: Duration,
    /// By ascending time.
    marks: VecDeque<Mark>,
    settled: Place,
    settled_at: Duration,
    now: Duration,
}

impl Overlap {
    /// Of a link that begins at `start`.
    pub(crate) fn new(span: Duration, start: Place) -> Self {
        let long_ago = Duration::ZERO;
        let first = Mark { begun: long_ago, at: long_ago, place: start };
        Self { span, marks: VecDeque::from([first]), settled: start, settled_at: long_ago, now: long_ago }
    }

    /// Everything before `settled` is acknowledged at `now`, by the monotonic clock.
    pub(crate) fn at(&mut self, settled: Place, now: Duration) {
        self.now = self.now.max(LONG + now);
        if settled == self.settled {
            return;
        }
        (self.settled, self.settled_at) = (settled, self.now);
        let (at, place) = (self.now, settled);
        match self.marks.back_mut() {
            Some(last) if at.saturating_sub(last.begun) < self.span / STEPS => (last.at, last.place) = (at, place),
            _ => self.marks.push_back(Mark { begun: at, at, place }),
        }
        while self.marks.get(1).is_some_and(|mark| self.is_past(mark.at)) {
            self.marks.pop_front();
        }
    }

    /// Where to begin again if the link ended now.
    pub(crate) fn resume(&self) -> Place {
        if self.is_past(self.settled_at) {
            return self.settled;
        }
        let known = self.marks.iter().rev().find(|mark| self.is_past(mark.at)).or(self.marks.front());
        known.map_or(self.settled, |mark| mark.place)
    }

    fn is_past(&self, at: Duration) -> bool {
        self.now.saturating_sub(at) >= self.span
    }
}

#[cfg(test)]
mod tests {
    use auditwire_model::Position;
    use proptest::prelude::*;

    use super::*;

    fn place(from: u64) -> Place {
        Place { from: Position(from), n: from }
    }

    fn at(ms: i64) -> Duration {
        Duration::from_millis(u64::try_from(1_000_000_000 + ms).unwrap())
    }

    #[test]
    fn what_was_acknowledged_long_ago_is_not_sent_again() {
        let mut overlap = Overlap::new(Duration::from_secs(10), place(1));
        assert_eq!(overlap.resume(), place(1));
        overlap.at(place(100), at(0));
        assert_eq!(overlap.resume(), place(1), "all of it is of the last ten seconds");
        overlap.at(place(200), at(9_000));
        overlap.at(place(300), at(10_500));
        assert_eq!(overlap.resume(), place(100));
        overlap.at(place(300), at(21_000));
        assert_eq!(overlap.resume(), place(300), "an idle link repeats nothing");
    }

    proptest! {
        /// Held against a plain list of everything that happened.
        #[test]
        fn never_leaves_out_what_is_younger_and_remembers_little(
            steps in prop::collection::vec((0_u64..50, 0_i64..3_000), 1..400),
        ) {
            let span = Duration::from_secs(10);
            let mut overlap = Overlap::new(span, place(1));
            let (mut reached, mut now, mut told) = (1, 0, vec![(i64::MIN / 2, 1)]);
            for (events, pause) in steps {
                now += pause;
                if events > 0 {
                    reached += events;
                    told.push((now, reached));
                }
                overlap.at(place(reached), at(now));
                let resume = overlap.resume().from.0;
                let oldest_doubtful = told.iter().rev().find(|(t, _)| now - t >= 10_000).unwrap().1;
                prop_assert!(resume <= oldest_doubtful, "{resume} leaves out what begins at {oldest_doubtful}");
                let sure = told.iter().rev().find(|(t, _)| now - t >= 10_200).unwrap().1;
                prop_assert!(resume >= sure, "{resume} repeats what is older than the span and a step, {sure}");
                prop_assert!(overlap.marks.len() <= STEPS as usize + 2);
            }
        }
    }
}
