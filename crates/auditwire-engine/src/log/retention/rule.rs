//! The rule of retention, in one place and pure: what holds of what a project has set ([`RetentionRule::holds`]), when a change
//! takes effect ([`RetentionRule::change`]), and which events may end ([`RetentionRule::ending`]). The operator's floor is part of
//! all three, so that nothing that was stored, before the floor or around it, can go below it.

use std::time::Duration;

use auditwire_model::Timestamp;

use crate::log::TrustRule;
use crate::log::times::later;
use crate::records::{Keeping, KeptFor, Reduction};

pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long events are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Since they were received. `None`: for ever.
    pub age: Option<Duration>,
    /// Bytes of sealed events on disk, per project. `None`: no limit.
    pub bytes: Option<u64>,
}

/// What no project can go below, so that nobody who may configure it can make its history end at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floor {
    /// Nothing that was received less than so long ago ends, by age or by size. Zero: no floor. Default 7 days.
    pub age: Duration,
    /// Nothing ends by size that would leave less than so many bytes. 0: no floor, which is the default.
    pub bytes: u64,
}

/// How long events are kept, where a project does not say otherwise, and how far and how fast it may say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionRule {
    /// Where a project has set nothing. Default 365 days, no limit of bytes.
    pub default: Retention,
    /// What no project can go below.
    pub floor: Floor,
    /// How long after it was asked for a reduction takes effect; until then it can be cancelled. Default 72 h.
    pub reduction_delay: Duration,
    /// When the clock is believed that events end by.
    pub trust: TrustRule,
}

impl Default for RetentionRule {
    fn default() -> Self {
        Self {
            default: Retention { age: Some(DAY * 365), bytes: None },
            floor: Floor { age: DAY * 7, bytes: 0 },
            reduction_delay: DAY * 3,
            trust: TrustRule::default(),
        }
    }
}

impl Retention {
    /// Keeps everything.
    pub const FOR_EVER: Self = Self { age: None, bytes: None };

    /// Whole days, a day that has begun counts; `None`: for ever.
    #[must_use]
    pub fn days(self) -> Option<u64> {
        self.age.map(days)
    }

    /// The days as events tell them.
    pub(crate) fn days_word(self) -> String {
        word(self.days())
    }

    /// The bytes as events tell them.
    pub(crate) fn bytes_word(self) -> String {
        word(self.bytes)
    }

    /// Whether it keeps less than another one in any respect.
    #[must_use]
    pub fn is_less_than(self, other: Self) -> bool {
        is_less(self.age, other.age) || is_less(self.bytes, other.bytes)
    }
}

impl Floor {
    /// The fewest days that can be set; `None`: any number.
    #[must_use]
    pub fn days(self) -> Option<u64> {
        (!self.age.is_zero()).then(|| days(self.age))
    }

    /// The fewest bytes that can be set; `None`: any number.
    #[must_use]
    pub fn bytes(self) -> Option<u64> {
        (self.bytes > 0).then_some(self.bytes)
    }
}

fn days(age: Duration) -> u64 {
    age.as_secs().div_ceil(DAY.as_secs())
}

fn word(limit: Option<u64>) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
}

/// No limit is more than every limit.
fn is_less<T: Ord>(a: Option<T>, b: Option<T>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a < b,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// How many of the oldest spans of a project end, and for which reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ending {
    pub(super) by_age: usize,
    pub(super) by_size: usize,
}

impl RetentionRule {
    /// What holds of what a project has set: the default where it has set nothing, and never less than the floor. Nothing else
    /// decides this.
    #[must_use]
    pub fn holds(&self, set: KeptFor) -> Retention {
        let age = set.days.map_or(self.default.age, |days| (days > 0).then(|| DAY * days));
        let bytes = set.bytes.map_or(self.default.bytes, |bytes| (bytes > 0).then_some(bytes));
        Retention { age: age.map(|age| age.max(self.floor.age)), bytes: bytes.map(|bytes| bytes.max(self.floor.bytes)) }
    }

    /// What becomes of a project's setting when it wants another one. Each limit that keeps as much as before or more is set at
    /// once, and what waited for it is void. Each that keeps less waits; who asks for even less while something waits begins to
    /// wait anew, who asks for no less than what waits does not.
    #[must_use]
    pub fn change(&self, keeping: Keeping, wanted: KeptFor, now: Timestamp) -> Keeping {
        let Keeping { set, pending } = keeping;
        let (before, after) = (self.holds(set), self.holds(wanted));
        if self.reduction_delay.is_zero() || !after.is_less_than(before) {
            return Keeping { set: wanted, pending: None };
        }
        let at_once = KeptFor {
            days: if is_less(after.age, before.age) { set.days } else { wanted.days },
            bytes: if is_less(after.bytes, before.bytes) { set.bytes } else { wanted.bytes },
        };
        let waits = pending.filter(|pending| !after.is_less_than(self.holds(pending.to)));
        let at = waits.map_or_else(|| later(now, self.reduction_delay), |pending| pending.at);
        Keeping { set: at_once, pending: Some(Reduction { to: wanted, at }) }
    }

    /// Which of the oldest spans of a project end: those older than what holds, then those that are too much. `spans` are the age
    /// of the youngest event and the bytes of each, oldest first; `stored` are the bytes of all.
    pub(super) fn ending(
        &self,
        set: KeptFor,
        spans: impl IntoIterator<Item = (Duration, u64)>,
        mut stored: u64,
    ) -> Ending {
        let (holds, mut ending) = (self.holds(set), Ending::default());
        for (age, bytes) in spans {
            let left = stored.saturating_sub(bytes);
            let too_old = holds.age.is_some_and(|most| age > most);
            let too_much = holds.bytes.is_some_and(|most| stored > most);
            if too_old && ending.by_size == 0 {
                ending.by_age += 1;
            } else if too_much && age >= self.floor.age && left >= self.floor.bytes {
                ending.by_size += 1;
            } else {
                break;
            }
            stored = left;
        }
        ending
    }
}

#[cfg(test)]
mod tests;
