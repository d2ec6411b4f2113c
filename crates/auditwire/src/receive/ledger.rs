//! What has come and what is missing, by `seq` and by the delivery number `n`. A resend repeats both, so a repeat is not
//! an error; a missing `n` is.

use std::collections::BTreeMap;

/// Counts of everything received.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// All messages.
    pub(crate) messages: u64,
    /// All their bytes, without frames.
    pub(crate) bytes: u64,
    /// Messages that break the rules of their format.
    pub(crate) invalid: u64,
    /// Messages whose `seq` had come before.
    pub(crate) repeats: u64,
    /// Broken links and frames.
    pub(crate) troubles: u64,
    seqs: Ranges,
    numbers: Ranges,
}

impl Ledger {
    /// Counts one message. True when its `seq` is new (or it has none).
    pub(crate) fn count(&mut self, bytes: usize, valid: bool, seq: Option<u64>, n: Option<u64>) -> bool {
        self.messages += 1;
        self.bytes += bytes as u64;
        self.invalid += u64::from(!valid);
        // 0 is not a delivery number: checks and replays carry it.
        if let Some(n) = n.filter(|n| *n > 0) {
            self.numbers.insert(n);
        }
        let fresh = seq.is_none_or(|seq| self.seqs.insert(seq));
        self.repeats += u64::from(!fresh);
        fresh
    }

    /// Different events.
    pub(crate) fn distinct(&self) -> u64 {
        self.seqs.count()
    }

    /// Delivery numbers that are missing between the lowest and the highest seen.
    pub(crate) fn missing(&self) -> u64 {
        self.numbers.holes()
    }
}

/// A set of numbers that mostly come in order, kept as ranges `first → last`.
#[derive(Debug, Clone, Default)]
struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// True when the number is new.
    fn insert(&mut self, number: u64) -> bool {
        let below = self.0.range(..=number).next_back().map(|(first, last)| (*first, *last));
        if below.is_some_and(|(_, last)| last >= number) {
            return false;
        }
        let first = below.filter(|(_, last)| last.checked_add(1) == Some(number)).map_or(number, |(first, _)| first);
        let joined = number.checked_add(1).and_then(|next| self.0.remove(&next));
        self.0.insert(first, joined.unwrap_or(number));
        true
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    fn holes(&self) -> u64 {
        match (self.0.first_key_value(), self.0.last_key_value()) {
            (Some((first, _)), Some((_, last))) => last - first + 1 - self.count(),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn repeats_and_gaps_are_told_apart() {
        let mut ledger = Ledger::default();
        for (seq, n) in [(1, 1), (2, 2), (2, 2), (5, 4)] {
            ledger.count(10, true, Some(seq), Some(n));
        }
        ledger.count(10, false, None, Some(0));
        assert_eq!((ledger.messages, ledger.bytes, ledger.invalid), (5, 50, 1));
        assert_eq!((ledger.distinct(), ledger.repeats, ledger.missing()), (3, 1, 1));
    }

    proptest! {
        #[test]
        fn ranges_are_a_set(numbers in proptest::collection::vec(0_u64..40, 0..80)) {
            let (mut ranges, mut model) = (Ranges::default(), BTreeSet::new());
            for number in numbers {
                prop_assert_eq!(ranges.insert(number), model.insert(number));
            }
            prop_assert_eq!(ranges.count(), model.len() as u64);
            let span = model.first().zip(model.last()).map_or(0, |(a, b)| b - a + 1);
            prop_assert_eq!(ranges.holes(), span - model.len() as u64);
        }
    }
}
