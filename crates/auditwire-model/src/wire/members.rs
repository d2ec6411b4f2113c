//! Metadata that does not fit goes member by member: what remains is whole, and says what is missing.

use std::borrow::Cow;

/// The member that names those that were left out.
pub(super) const LEFT_OUT: &str = "…";

/// Bytes of the names of what was left out; more are not listed.
const NAMES_BYTES_MAX: usize = 160;

/// Pairs of the subject and of the resource, or of one of them.
pub(super) type Kept<'a> = [Vec<(&'a str, Cow<'a, str>)>; 2];

/// The metadata of an event.
pub(super) struct Members<'a> {
    pairs: [Vec<(&'a str, &'a str)>; 2],
    /// For each pair, how many go after it.
    ranks: [Vec<usize>; 2],
}

impl<'a> Members<'a> {
    /// The largest go first, as one long value must not cost the short ones; one that is called as the list is goes before
    /// all others.
    pub(super) fn of(
        one: impl Iterator<Item = (&'a str, &'a str)>,
        other: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let pairs = [one.collect::<Vec<_>>(), other.collect()];
        let mut order: Vec<_> = (0..2).flat_map(|side| (0..pairs[side].len()).map(move |at| (side, at))).collect();
        order.sort_by_key(|(side, at)| {
            let (key, value) = pairs[*side][*at];
            (key == LEFT_OUT, key.len() + value.len())
        });
        let mut ranks = pairs.each_ref().map(|pairs| vec![0; pairs.len()]);
        for (rank, (side, at)) in order.into_iter().enumerate() {
            ranks[side][at] = rank;
        }
        Self { pairs, ranks }
    }

    /// Tries how many can stay when not all can; false if not even the list of those left out fits. `fits` is last called
    /// with what is kept.
    pub(super) fn most(&self, mut fits: impl FnMut(&Kept<'a>) -> bool) -> bool {
        let all = self.pairs.iter().map(Vec::len).sum::<usize>();
        let (mut low, mut high) = (0, all.saturating_sub(1));
        if all == 0 || !fits(&self.kept(0)) {
            return false;
        }
        while low < high {
            let middle = (low + high).div_ceil(2);
            if fits(&self.kept(middle)) { low = middle } else { high = middle - 1 }
        }
        fits(&self.kept(low))
    }

    /// So many of the pairs, in their order, and behind them the list of the others.
    fn kept(&self, count: usize) -> Kept<'a> {
        [0, 1].map(|side| {
            let ranked = || self.pairs[side].iter().zip(&self.ranks[side]);
            let stay =
                ranked().filter(|(_, rank)| **rank < count).map(|((key, value), _)| (*key, Cow::Borrowed(*value)));
            let mut kept: Vec<_> = stay.collect();
            let left_out = ranked().filter(|(_, rank)| **rank >= count).map(|((key, _), _)| *key);
            kept.extend(names(left_out).map(|names| (LEFT_OUT, Cow::Owned(names))));
            kept
        })
    }
}

/// Names joined by commas, as many as there is room for; none if there is nothing to name.
fn names<'a>(mut keys: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut names = super::less::cut(keys.next()?, NAMES_BYTES_MAX);
    for key in keys {
        if names.len() + 1 + key.len() > NAMES_BYTES_MAX {
            names.push_str(",…");
            break;
        }
        names.push(',');
        names.push_str(key);
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(pairs: &[(&'static str, &'static str)], count: usize) -> Vec<(String, String)> {
        let [kept, none] = Members::of(pairs.iter().copied(), std::iter::empty()).kept(count);
        assert!(none.is_empty());
        kept.into_iter().map(|(key, value)| (key.to_owned(), value.into_owned())).collect()
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_largest_goes_first_and_is_named() {
        let pairs = [("a", "1"), ("b", "12345"), ("c", "123")];
        assert_eq!(kept(&pairs, 2), owned(&[("a", "1"), ("c", "123"), ("…", "b")]));
        assert_eq!(kept(&pairs, 1), owned(&[("a", "1"), ("…", "b,c")]));
        assert_eq!(kept(&pairs, 0), owned(&[("…", "a,b,c")]));
        assert_eq!(kept(&[("a", "12345"), ("…", "1")], 1), owned(&[("a", "12345"), ("…", "…")]));
    }

    #[test]
    fn the_list_is_bounded() {
        let keys: Vec<String> = (0..200).map(|n| format!("key-{n}")).collect();
        let names = names(keys.iter().map(String::as_str)).unwrap();
        assert!(names.len() <= NAMES_BYTES_MAX + ",…".len() && names.ends_with(",…"), "{names}");
        assert_eq!(super::names(std::iter::empty()), None);
        assert!(super::names(std::iter::once("ж".repeat(200).as_str())).unwrap().len() <= NAMES_BYTES_MAX);
    }
}
