//! What happens again and again is told at once, and then once a minute with how often it happened, however often that is: a flood of
//! refused requests, or of events with the ids of others, must not write one event each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use parking_lot::Mutex;

use crate::tasks::Task;
use crate::{Engine, conflicts, refused};

/// After something was told, more of the same is gathered for so long.
pub(crate) const EVERY: Duration = Duration::from_secs(60);
/// Kinds of things that are gathered at once; more are gathered together.
const KEYS_MAX: usize = 256;

/// Begins to tell what was gathered, until the engine closes. Returns at once.
pub fn start(engine: &Engine) {
    engine.keep(Task::Repeats, |telling| async move {
        let wait = || async {
            // What happens for the first time need not wait for the minute.
            let woken = tokio::time::timeout(EVERY / 4, telling.log.conflicts().noted());
            woken.await.unwrap_or(())
        };
        while telling.unless_closing(wait()).await.is_ok() {
            round(&telling).await;
        }
    });
}

/// Tells what is due.
pub async fn round(engine: &Engine) {
    let now = engine.clock.monotonic();
    refused::tell(engine, engine.shared.refused.due(now)).await;
    conflicts::tell(engine, engine.log.conflicts().due(now)).await;
}

/// Tells what was gathered and is not due yet, because the process ends.
pub(crate) async fn rest(engine: &Engine) {
    let now = engine.clock.monotonic();
    refused::tell(engine, engine.shared.refused.rest(now)).await;
    conflicts::tell(engine, engine.log.conflicts().rest(now)).await;
}

/// Things of one kind that happened since the last time such a thing was told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Gathered<T> {
    /// How many.
    pub(crate) count: u64,
    /// What is remembered of them.
    pub(crate) what: T,
}

/// Gathers what happens, by kind.
#[derive(Debug)]
pub(crate) struct Repeats<K, T> {
    kept: Mutex<BTreeMap<K, Kept<T>>>,
}

#[derive(Debug)]
struct Kept<T> {
    /// When the next one is told, at the earliest; by the monotonic clock, as a clock that was set back would keep them for years.
    due_at: Duration,
    gathered: Option<Gathered<T>>,
}

impl<K, T> Default for Repeats<K, T> {
    fn default() -> Self {
        Self { kept: Mutex::new(BTreeMap::new()) }
    }
}

impl<K: Ord + Clone, T: Default> Repeats<K, T> {
    /// Notes that it happened; `remember` adds what is to be told of it. `others` is the kind of what is of too many kinds. True when
    /// it can be told now: ask for what is [`due`](Self::due).
    pub(crate) fn note(&self, kind: K, others: K, now: Duration, remember: impl FnOnce(&mut T)) -> bool {
        let mut kept = self.kept.lock();
        if kept.len() >= KEYS_MAX && !kept.contains_key(&kind) {
            kept.retain(|_, kept| kept.gathered.is_some() || now < kept.due_at);
        }
        let kind = if kept.len() >= KEYS_MAX && !kept.contains_key(&kind) { others } else { kind };
        let entry = kept.entry(kind).or_insert_with(|| Kept { due_at: now, gathered: None });
        let gathered = entry.gathered.get_or_insert_with(|| Gathered { count: 0, what: T::default() });
        gathered.count += 1;
        remember(&mut gathered.what);
        entry.due_at <= now
    }

    /// What is to be told now. Whoever asks tells it: it is not given twice.
    pub(crate) fn due(&self, now: Duration) -> Vec<(K, Gathered<T>)> {
        self.take(now, |kept| kept.due_at <= now)
    }

    /// Everything that was not told yet, at the end of the process.
    pub(crate) fn rest(&self, now: Duration) -> Vec<(K, Gathered<T>)> {
        self.take(now, |_| true)
    }

    fn take(&self, now: Duration, wanted: impl Fn(&Kept<T>) -> bool) -> Vec<(K, Gathered<T>)> {
        let mut kept = self.kept.lock();
        kept.retain(|_, kept| kept.gathered.is_some() || now < kept.due_at);
        let mut due = Vec::new();
        for (kind, kept) in kept.iter_mut().filter(|(_, kept)| wanted(kept)) {
            if let Some(gathered) = kept.gathered.take() {
                kept.due_at = now + EVERY;
                due.push((kind.clone(), gathered));
            }
        }
        due
    }
}

/// A few different values, and how many there were in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Distinct<V> {
    seen: BTreeSet<V>,
    more: bool,
}

impl<V> Default for Distinct<V> {
    fn default() -> Self {
        Self { seen: BTreeSet::new(), more: false }
    }
}

/// Values that are told apart; of more it is only known that there were more.
const VALUES_MAX: usize = 10_000;

impl<V: Ord + std::fmt::Display> Distinct<V> {
    pub(crate) fn add(&mut self, value: V) {
        if self.seen.len() < VALUES_MAX {
            self.seen.insert(value);
        } else if !self.seen.contains(&value) {
            self.more = true;
        }
    }

    /// How many different ones: a number, with `+` when there may be more.
    pub(crate) fn number(&self) -> String {
        format!("{}{}", self.seen.len(), if self.more { "+" } else { "" })
    }

    /// The first ones in their order, by commas.
    pub(crate) fn few(&self) -> String {
        const SHOWN: usize = 10;
        let shown: Vec<String> = self.seen.iter().take(SHOWN).map(ToString::to_string).collect();
        let dots = if self.seen.len() > SHOWN || self.more { ", …" } else { "" };
        format!("{}{dots}", shown.join(", "))
    }

    /// The only one.
    pub(crate) fn single(&self) -> Option<&V> {
        self.seen.first().filter(|_| self.seen.len() == 1 && !self.more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_is_told_at_once_and_the_rest_once_a_minute() {
        let repeats = Repeats::<&str, Vec<u32>>::default();
        let note = |seconds, n| repeats.note("a", "others", at(seconds), |seen| seen.push(n));
        let due = |seconds| repeats.due(at(seconds)).into_iter().map(|(_, g)| (g.count, g.what)).collect::<Vec<_>>();
        assert!(note(0, 1));
        assert_eq!(due(0), [(1, vec![1])]);
        assert!((1..=50).all(|n| !note(1, n)));
        assert_eq!(due(59), []);
        assert_eq!(due(60), [(50, (1..=50).collect())]);
        assert_eq!(due(61), []);
        assert!(!note(100, 7), "within a minute of what was told last");
        assert_eq!(due(120), [(1, vec![7])]);
        assert_eq!(due(200), []);
        assert!(note(200, 8), "it was quiet for a minute");
        assert_eq!(repeats.rest(at(200)).len(), 1);
        assert_eq!(repeats.rest(at(200)), []);
    }

    #[test]
    fn of_too_many_kinds_nothing_is_lost_and_memory_is_bounded() {
        let repeats = Repeats::<u64, ()>::default();
        for kind in 1..=10_000 {
            repeats.note(kind, 0, at(0), |()| ());
        }
        assert!(repeats.kept.lock().len() <= KEYS_MAX + 1);
        let told: u64 = repeats.due(at(0)).iter().map(|(_, gathered)| gathered.count).sum();
        assert_eq!(told, 10_000);
        // What was told a minute ago makes room.
        assert!(repeats.note(99_999, 0, at(60), |()| ()));
        assert_eq!(repeats.due(at(60))[0].0, 99_999);
    }

    #[test]
    fn values_are_told_apart_up_to_a_limit() {
        let mut some = Distinct::default();
        (0..20_000).for_each(|n| some.add(n));
        assert_eq!((some.number(), some.few()), ("10000+".to_owned(), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …".to_owned()));
        let mut one = Distinct::default();
        one.add("a");
        one.add("a");
        assert_eq!((one.number(), one.few(), one.single()), ("1".to_owned(), "a".to_owned(), Some(&"a")));
    }
}
