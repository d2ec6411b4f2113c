//! What is wrong with the service itself: whether it is ready, and what somebody must do. One table ([`Trouble`]) for
//! `/readyz`, the metric, the alerts of project `system`, the console and the documents (`docs/operations.md`).
//!
//! Whoever notices a trouble raises it and clears it when it is over. What has to happen again and again has a [`Pulse`]:
//! when that stands still, nobody would be left to raise anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Something that is wrong with the service itself; in the order of what must be mended first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The data folder is not the one that was opened: removed, unmounted, or something was mounted over it.
    StorageGone,
    /// The store contradicts itself. It takes no more writes.
    StoreDamaged,
    /// The last commit failed.
    CommitsFailing,
    /// The volume is full, and intake refuses.
    StorageFull,
    /// There is no room for the reserve, by which the service goes on when the volume is full.
    ReserveMissing,
    /// Events were received at times that the clock has not reached yet.
    ClockAhead,
    /// Sealing, merging and retention have not come to an end of a round for long.
    UpkeepStalled,
    /// What starts and stops the senders has not moved for long.
    DeliveryStalled,
    /// Files of sealed events that the store names are not there.
    SegmentsMissing,
    /// Files of sealed events are there that the store knows nothing of.
    FilesUnaccounted,
    /// Events would end because the clock went further than time did: an operator decides.
    ExpiryHeld,
}

/// What is known of a kind of trouble before it happens.
struct Row {
    code: &'static str,
    /// Still ready: everything is served, but somebody must look.
    ready: bool,
    what: &'static str,
    remedy: &'static str,
}

impl Row {
    const fn new(code: &'static str, ready: bool, what: &'static str, remedy: &'static str) -> Self {
        Self { code, ready, what, remedy }
    }
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::StorageGone,
        Self::StoreDamaged,
        Self::CommitsFailing,
        Self::StorageFull,
        Self::ReserveMissing,
        Self::ClockAhead,
        Self::UpkeepStalled,
        Self::DeliveryStalled,
        Self::SegmentsMissing,
        Self::FilesUnaccounted,
        Self::ExpiryHeld,
    ];

    /// The one table.
    const fn row(self) -> Row {
        match self {
            Self::StorageGone => Row::new(
                "storage_gone",
                false,
                "the data folder is not the one that was opened: it was removed, unmounted, or something was mounted over it",
                "mount the volume of the data folder again and start the service; it ends by itself",
            ),
            Self::StoreDamaged => Row::new(
                "store_damaged",
                false,
                "the store is damaged",
                "stop the service, take what can be read with `auditwire store rescue`, and look at the disk before it is used again",
            ),
            Self::CommitsFailing => Row::new(
                "commits_failing",
                false,
                "the last commit failed",
                "look at the service's log and at the system's log of the disk; senders try again and lose nothing",
            ),
            Self::StorageFull => Row::new(
                "storage_full",
                false,
                "the volume is full and no events are taken",
                "make room on the volume, or a larger volume; senders try again and lose nothing",
            ),
            Self::ReserveMissing => Row::new(
                "reserve_missing",
                false,
                "there is no room for the reserve that lets the service go on when the volume is full",
                "make room on the volume, or set a smaller reserve (data.reserve_bytes)",
            ),
            Self::ClockAhead => Row::new(
                "clock_ahead",
                false,
                "events were received at times that the clock has not reached yet",
                "set the clock right; if it is right now, say so with `auditwire clock accept`",
            ),
            Self::UpkeepStalled => Row::new(
                "upkeep_stalled",
                false,
                "sealing, merging and retention do not come to an end",
                "look at the service's log: it says what fails; start the service again if it says nothing",
            ),
            Self::DeliveryStalled => Row::new(
                "delivery_stalled",
                false,
                "what starts and stops the senders stands still",
                "look at the service's log: it says what fails; start the service again if it says nothing",
            ),
            Self::SegmentsMissing => Row::new(
                "segments_missing",
                true,
                "files of sealed events are missing, and searches say which events cannot be read",
                "put the files back from a back-up into the folder segments; `auditwire store inspect` names them",
            ),
            Self::FilesUnaccounted => Row::new(
                "files_unaccounted",
                true,
                "files of sealed events were found that the store knows nothing of, and were set aside",
                "look at them with `auditwire store inspect`, then take them in with `auditwire store adopt` or remove them with \
                 `auditwire store discard`",
            ),
            Self::ExpiryHeld => Row::new(
                "expiry_held",
                true,
                "the clock went further than time did, and events that would end by it are kept",
                "set the clock right; if it is right now, say so with `auditwire clock accept`",
            ),
        }
    }

    /// The name in answers, metrics and the log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.row().code
    }

    /// Everything is served in spite of it.
    #[must_use]
    pub const fn is_ready(self) -> bool {
        self.row().ready
    }

    /// For people: what is wrong, without names that a stranger must not see.
    #[must_use]
    pub const fn what(self) -> &'static str {
        self.row().what
    }

    /// For people: what to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        self.row().remedy
    }

    /// The trouble of that name.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trouble| trouble.code() == code)
    }
}

/// What is wrong now. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<Standing>>);

#[derive(Debug, Default)]
struct Standing {
    /// With what is known of each.
    raised: BTreeMap<Trouble, String>,
    pulses: BTreeMap<u64, Beats>,
    next: u64,
    /// Of the pulses: which trouble was told in the log.
    told: BTreeSet<Trouble>,
}

#[derive(Debug)]
struct Beats {
    trouble: Trouble,
    /// What stands still without them.
    what: String,
    limit: Duration,
    last: Instant,
}

impl Readiness {
    /// It stands from now on, or for another reason than before. `detail` is for the operator: what, where.
    pub fn raise(&self, trouble: Trouble, detail: impl Into<String>) {
        let detail = detail.into();
        let mut standing = self.0.lock();
        if standing.raised.get(&trouble) == Some(&detail) {
            return;
        }
        // A detail that changes (a count that grows) is the same trouble.
        if standing.raised.insert(trouble, detail.clone()).is_none() {
            drop(standing);
            begun(trouble, &detail);
        }
    }

    /// It is over.
    pub fn clear(&self, trouble: Trouble) {
        if self.0.lock().raised.remove(&trouble).is_some() {
            over(trouble);
        }
    }

    /// Raises or clears it.
    pub fn set(&self, trouble: Trouble, detail: Option<impl Into<String>>) {
        match detail {
            Some(detail) => self.raise(trouble, detail),
            None => self.clear(trouble),
        }
    }

    /// What stands, the worst first, each with what is known of it.
    #[must_use]
    pub fn standing(&self) -> Vec<(Trouble, String)> {
        self.standing_at(Instant::now())
    }

    fn standing_at(&self, now: Instant) -> Vec<(Trouble, String)> {
        let mut standing = self.0.lock();
        let mut all = standing.raised.clone();
        let rests = |beats: &Beats| now.saturating_duration_since(beats.last);
        let still = standing.pulses.values().filter(|beats| rests(beats) > beats.limit);
        let still: Vec<_> =
            still.map(|beats| (beats.trouble, format!("{} for {} s", beats.what, rests(beats).as_secs()))).collect();
        let told: BTreeSet<Trouble> = still.iter().map(|(trouble, _)| *trouble).collect();
        let before = std::mem::replace(&mut standing.told, told.clone());
        drop(standing);
        before.difference(&told).for_each(|trouble| over(*trouble));
        for (trouble, detail) in still {
            if !before.contains(&trouble) && !all.contains_key(&trouble) {
                begun(trouble, &detail);
            }
            all.entry(trouble).or_insert(detail);
        }
        all.into_iter().collect()
    }

    /// Whether it stands.
    #[must_use]
    pub fn stands(&self, trouble: Trouble) -> bool {
        self.standing().iter().any(|(standing, _)| *standing == trouble)
    }

    /// Something that must move: when it has not for longer than `limit`, the trouble stands. `what` says what stands still.
    #[must_use]
    pub fn pulse(&self, trouble: Trouble, what: impl Into<String>, limit: Duration) -> Pulse {
        let mut standing = self.0.lock();
        let id = standing.next;
        standing.next += 1;
        standing.pulses.insert(id, Beats { trouble, what: what.into(), limit, last: Instant::now() });
        Pulse { readiness: self.clone(), id }
    }
}

fn begun(trouble: Trouble, detail: &str) {
    let (code, what, remedy) = (trouble.code(), trouble.what(), trouble.remedy());
    if trouble.is_ready() {
        tracing::warn!(code, detail, remedy, "{what}");
    } else {
        tracing::error!(code, detail, remedy, "not ready: {what}");
    }
}

fn over(trouble: Trouble) {
    tracing::info!(code = trouble.code(), "a trouble is over");
}

/// Moves, or is missed. Dropped, it is missed no more.
#[derive(Debug)]
pub struct Pulse {
    readiness: Readiness,
    id: u64,
}

impl Pulse {
    /// It has moved.
    pub fn beat(&self) {
        if let Some(beats) = self.readiness.0.lock().pulses.get_mut(&self.id) {
            beats.last = Instant::now();
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.readiness.0.lock().pulses.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_has_one_code_which_is_its_stored_name() {
        let codes: BTreeSet<&str> = Trouble::ALL.iter().map(|trouble| trouble.code()).collect();
        assert_eq!(codes.len(), Trouble::ALL.len());
        for trouble in Trouble::ALL {
            assert_eq!(Trouble::of_code(trouble.code()), Some(trouble));
            assert_eq!(serde_json::to_value(trouble).unwrap(), trouble.code());
        }
    }

    #[test]
    fn the_worst_comes_first_and_what_is_over_is_gone() {
        let readiness = Readiness::default();
        readiness.raise(Trouble::ExpiryHeld, "a");
        readiness.raise(Trouble::StoreDamaged, "b");
        readiness.raise(Trouble::StoreDamaged, "c");
        let all = [(Trouble::StoreDamaged, "c".to_owned()), (Trouble::ExpiryHeld, "a".to_owned())];
        assert_eq!(readiness.standing(), all);
        readiness.clear(Trouble::StoreDamaged);
        assert_eq!(readiness.standing(), all[1..]);
        assert!(readiness.stands(Trouble::ExpiryHeld) && !readiness.stands(Trouble::StoreDamaged));
    }

    #[test]
    fn what_must_move_is_missed_until_it_moves_or_is_gone() {
        let (readiness, limit) = (Readiness::default(), Duration::from_secs(60));
        let pulse = readiness.pulse(Trouble::UpkeepStalled, "no round has ended", limit);
        let other = readiness.pulse(Trouble::DeliveryStalled, "nothing has moved", limit * 10);
        let later = |by: Duration| readiness.standing_at(Instant::now() + by);
        assert_eq!(later(limit / 2), []);
        assert_eq!(later(limit * 2)[0].0, Trouble::UpkeepStalled);
        assert!(later(limit * 2)[0].1.starts_with("no round has ended for 1"), "{:?}", later(limit * 2));
        let both: Vec<_> = later(limit * 11).into_iter().map(|(trouble, _)| trouble).collect();
        assert_eq!(both, [Trouble::UpkeepStalled, Trouble::DeliveryStalled]);
        let at = Instant::now() + limit * 2;
        readiness.0.lock().pulses.get_mut(&pulse.id).unwrap().last -= limit;
        assert!(!readiness.standing_at(at - limit - limit / 2).is_empty());
        pulse.beat();
        assert_eq!(readiness.standing_at(at - limit - limit / 2), []);
        drop((pulse, other));
        assert_eq!(later(limit * 100), []);
    }
}
