//! Finds a key that occurs twice in one JSON object, for a whole item with two buffers that are reused.

/// The keys of all objects that are open now, innermost last.
#[derive(Debug, Default)]
pub(super) struct Keys {
    text: String,
    ends: Vec<usize>,
}

/// Where an object's keys begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    text: usize,
    ends: usize,
}

/// Up to so many keys comparing all pairs is cheaper than sorting.
const PAIRWISE_MAX: usize = 12;

impl Keys {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Call when an object begins.
    pub(super) fn open(&self) -> Mark {
        Mark { text: self.text.len(), ends: self.ends.len() }
    }

    /// Adds a key to the innermost open object.
    pub(super) fn add(&mut self, key: &str) {
        self.text.push_str(key);
        self.ends.push(self.text.len());
    }

    /// Call when the object that began at `mark` ends. Returns a key that it has twice.
    pub(super) fn close(&mut self, mark: Mark) -> Option<String> {
        let twice = self.repeated(mark).map(str::to_owned);
        self.text.truncate(mark.text);
        self.ends.truncate(mark.ends);
        twice
    }

    fn repeated(&self, mark: Mark) -> Option<&str> {
        let ends = self.ends.get(mark.ends..).unwrap_or_default();
        if ends.len() <= PAIRWISE_MAX {
            let key = |at: usize| self.key(mark, ends, at);
            return (1..ends.len())
                .map(key)
                .enumerate()
                .find_map(|(before, this)| (0..=before).any(|other| key(other) == this).then_some(this));
        }
        let mut sorted: Vec<&str> = (0..ends.len()).map(|at| self.key(mark, ends, at)).collect();
        sorted.sort_unstable();
        sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }

    fn key(&self, mark: Mark, ends: &[usize], at: usize) -> &str {
        let from = if at == 0 { mark.text } else { ends[at - 1] };
        &self.text[from..ends[at]]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_a_set_finds(outer in "[ab]{0,1}", keys in proptest::collection::vec("[a-e]{0,3}", 0..40)) {
            let mut all = Keys::default();
            let outer_mark = all.open();
            all.add(&outer);
            let mark = all.open();
            for key in &keys {
                all.add(key);
            }
            let distinct = keys.iter().collect::<std::collections::HashSet<_>>().len();
            match all.close(mark) {
                Some(twice) => prop_assert!(keys.iter().filter(|key| **key == twice).count() > 1),
                None => prop_assert_eq!(distinct, keys.len()),
            }
            prop_assert_eq!(all.close(outer_mark), None);
        }
    }
}
