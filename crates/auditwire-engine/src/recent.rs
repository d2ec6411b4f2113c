//! What was proved lately (tokens, sessions), so that a request costs no read of the store.

use std::collections::HashMap;
use std::time::Duration;

use auditwire_model::Timestamp;
use parking_lot::Mutex;

/// How long an entry is believed without looking: what another node took back is seen after this at the latest. What this
/// one took back is seen at once.
const BELIEVED: Duration = Duration::from_secs(5);
const ENTRIES_MAX: usize = 10_000;

/// Values by the hash of the secret that proves them.
#[derive(Debug)]
pub(crate) struct Recent<V>(Mutex<Inner<V>>);

#[derive(Debug)]
struct Inner<V> {
    generation: u64,
    entries: HashMap<String, (V, Timestamp)>,
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self(Mutex::new(Inner { generation: 0, entries: HashMap::new() }))
    }
}

impl<V: Clone> Recent<V> {
    pub(crate) fn get(&self, sha256: &str, now: Timestamp) -> Option<V> {
        let inner = self.0.lock();
        let (value, seen) = inner.entries.get(sha256)?;
        (*seen <= now && now.since(*seen) < BELIEVED).then(|| value.clone())
    }

    /// Grows whenever something was taken back.
    pub(crate) fn generation(&self) -> u64 {
        self.0.lock().generation
    }

    /// Remembers what was read after `generation` was asked for. What was taken back in between is not kept.
    pub(crate) fn put(&self, generation: u64, sha256: &str, value: V, now: Timestamp) {
        let mut inner = self.0.lock();
        if inner.generation != generation {
            return;
        }
        if inner.entries.len() >= ENTRIES_MAX {
            inner.entries.clear();
        }
        inner.entries.insert(sha256.to_owned(), (value, now));
    }

    /// Forgets all: something was taken back.
    pub(crate) fn forget(&self) {
        let mut inner = self.0.lock();
        inner.generation += 1;
        inner.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_back_while_it_was_read_is_not_kept() {
        let (recent, now) = (Recent::default(), Timestamp::EPOCH);
        let generation = recent.generation();
        recent.put(generation, "a", 1, now);
        assert_eq!(recent.get("a", now), Some(1));
        assert_eq!(recent.get("a", now.saturating_add_nanos(5_000_000_000)), None, "it is looked up again");
        recent.forget();
        assert_eq!(recent.get("a", now), None);
        recent.put(generation, "a", 1, now);
        assert_eq!(recent.get("a", now), None);
    }
}
