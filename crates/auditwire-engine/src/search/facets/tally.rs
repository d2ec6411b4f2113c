//! Counts per value, in bounded memory.

use std::collections::HashMap;

/// Most values in mind; when one more comes, the rarer half is forgotten.
const VALUES_MAX: usize = 20_000;
/// Most bytes of their texts.
const BYTES_MAX: usize = 8 << 20;
/// Longer values are no facets.
const VALUE_BYTES_MAX: usize = 4 << 10;

/// How often each value was seen.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: HashMap<String, u64>,
    bytes: usize,
    forgot: bool,
}

impl Tally {
    /// Counts a value `times` times.
    pub(super) fn add(&mut self, value: &str, times: u64) {
        if let Some(count) = self.counts.get_mut(value) {
            *count += times;
        } else if value.len() > VALUE_BYTES_MAX {
            self.forgot = true;
        } else {
            self.insert(value.to_owned(), times);
        }
    }

    /// Adds the counts of another.
    pub(super) fn merge(&mut self, other: Self) {
        self.forgot |= other.forgot;
        if self.counts.is_empty() {
            (self.counts, self.bytes) = (other.counts, other.bytes);
            return;
        }
        for (value, times) in other.counts {
            match self.counts.get_mut(&value) {
                Some(count) => *count += times,
                None => self.insert(value, times),
            }
        }
    }

    fn insert(&mut self, value: String, times: u64) {
        self.bytes += value.len();
        self.counts.insert(value, times);
        if self.counts.len() > VALUES_MAX || self.bytes > BYTES_MAX {
            self.forget();
        }
    }

    /// Keeps the more frequent half, so that forgetting costs little for each value that comes.
    fn forget(&mut self) {
        let mut sorted = self.sorted();
        sorted.truncate(sorted.len() / 2);
        self.bytes = sorted.iter().map(|(value, _)| value.len()).sum();
        self.counts = sorted.into_iter().collect();
        self.forgot = true;
    }

    fn sorted(&mut self) -> Vec<(String, u64)> {
        let mut all: Vec<_> = std::mem::take(&mut self.counts).into_iter().collect();
        all.sort_unstable_by(|(one, many), (other, more)| more.cmp(many).then_with(|| one.cmp(other)));
        all
    }

    /// How many values are in mind.
    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether any value was left out or forgotten.
    pub(super) fn forgot(&self) -> bool {
        self.forgot
    }

    /// The most frequent values, at most `limit`.
    pub(super) fn most_frequent(mut self, limit: usize) -> Vec<(String, u64)> {
        let mut sorted = self.sorted();
        sorted.truncate(limit);
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first_and_ties_in_the_order_of_text() {
        let mut tally = Tally::default();
        for (value, times) in [("b", 1), ("c", 5), ("a", 1), ("b", 1), ("d", 1), ("", 2)] {
            tally.add(value, times);
        }
        let mut other = Tally::default();
        other.add("d", 9);
        tally.merge(other);
        assert_eq!((tally.len(), tally.forgot()), (5, false));
        let expected = [("d", 10), ("c", 5), ("", 2), ("b", 2)].map(|(v, n)| (v.to_owned(), n));
        assert_eq!(tally.most_frequent(4), expected);
    }

    #[test]
    fn memory_is_bounded_and_the_frequent_survive() {
        let mut tally = Tally::default();
        for n in 0..3 * VALUES_MAX {
            tally.add(&format!("rare-{n}"), 1);
            tally.add("frequent", 1);
            assert!(tally.len() <= VALUES_MAX);
        }
        assert!(tally.forgot());
        assert_eq!(tally.most_frequent(1), [("frequent".to_owned(), 3 * VALUES_MAX as u64)]);

        let mut tally = Tally::default();
        let long = "x".repeat(VALUE_BYTES_MAX - 8);
        for n in 0..2 * BYTES_MAX / VALUE_BYTES_MAX {
            tally.add(&format!("{long}{n}"), 1);
            assert!(tally.bytes <= BYTES_MAX);
        }
        assert!(tally.forgot());
        let mut tally = Tally::default();
        tally.add(&"x".repeat(VALUE_BYTES_MAX + 1), 1);
        assert_eq!((tally.len(), tally.forgot()), (0, true));
    }
}
