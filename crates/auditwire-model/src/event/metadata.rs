//! The metadata of a draft. An event often has ten pairs; all their texts lie in one buffer, so that making and dropping them
//! takes two allocations and not twenty.

use std::fmt;

/// Pairs of a key and a value. What is in a draft is sorted by key, keys unique; whoever pushes pairs sees to that.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// Key, value, key, value, …
    text: String,
    /// Where key and value of each pair end in `text`.
    ends: Vec<(usize, usize)>,
}

impl Metadata {
    /// No pairs, with room for some.
    #[must_use]
    pub fn with_capacity(pairs: usize, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(pairs) }
    }

    /// Appends a pair.
    pub fn push(&mut self, key: &str, value: &str) {
        self.push_parts(&[key], value);
    }

    /// Appends a pair whose key is made of parts.
    pub fn push_parts(&mut self, key: &[&str], value: &str) {
        key.iter().for_each(|part| self.text.push_str(part));
        let key = self.text.len();
        self.text.push_str(value);
        self.ends.push((key, self.text.len()));
    }

    /// Appends to the value of the last pair.
    pub fn extend_last(&mut self, parts: &[&str]) {
        if let Some((_, end)) = self.ends.last_mut() {
            parts.iter().for_each(|part| self.text.push_str(part));
            *end = self.text.len();
        }
    }

    /// All pairs, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        (0..self.ends.len()).map(|pair| self.pair(pair))
    }

    fn pair(&self, at: usize) -> (&str, &str) {
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before].1);
        let (key, value) = self.ends[at];
        (&self.text[begin..key], &self.text[key..value])
    }

    /// Puts the pairs into the order of their keys; pairs of one key stay in theirs.
    pub fn sort(&mut self) {
        if self.iter().is_sorted_by(|one, next| one.0 <= next.0) {
            return;
        }
        let mut pairs: Vec<(&str, &str)> = self.iter().collect();
        pairs.sort_by_key(|(key, _)| *key);
        *self = pairs.into_iter().collect();
    }

    /// Number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True without any pair.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all keys and values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len()
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut metadata = Self::default();
        pairs.into_iter().for_each(|(key, value)| metadata.push(key.as_ref(), value.as_ref()));
        metadata
    }
}

impl<K: AsRef<str>, V: AsRef<str>, const N: usize> From<[(K, V); N]> for Metadata {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_of_parts_and_a_value_that_grows() {
        let mut metadata = Metadata::with_capacity(2, 16);
        metadata.extend_last(&["nothing"]);
        assert!(metadata.is_empty());
        metadata.push_parts(&["a", ".", "b"], "1");
        metadata.extend_last(&[",", "2"]);
        metadata.push("c", "");
        assert_eq!(metadata.iter().collect::<Vec<_>>(), [("a.b", "1,2"), ("c", "")]);
        assert_eq!(format!("{metadata:?}"), r#"{"a.b": "1,2", "c": ""}"#);
        assert_eq!((metadata.len(), metadata.bytes()), (2, 7));
        assert_ne!(metadata, Metadata::from([("a.b", "1,2"), ("", "c")]));
    }

    proptest! {
        #[test]
        fn it_is_the_list_of_its_pairs(pairs in vec(("[aé]{0,2}", "[bя]{0,2}"), 0..8), other in vec(("[aé]{0,2}", "[bя]{0,2}"), 0..8)) {
            let mut metadata: Metadata = pairs.iter().map(|(k, v)| (k, v)).collect();
            let borrowed = |pairs: &[(String, String)]| pairs.to_vec();
            let owned = |metadata: &Metadata| metadata.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect::<Vec<_>>();
            prop_assert_eq!(owned(&metadata), borrowed(&pairs));
            prop_assert_eq!(metadata == other.iter().map(|(k, v)| (k, v)).collect::<Metadata>(), pairs == other);
            metadata.sort();
            let mut sorted = pairs;
            sorted.sort_by(|one, other| one.0.cmp(&other.0));
            prop_assert_eq!(owned(&metadata), sorted);
        }
    }
}
