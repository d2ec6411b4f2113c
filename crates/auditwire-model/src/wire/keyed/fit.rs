//! Makes a message fit: which value gives how many bytes (`docs/formats/wire.md`, "Size").
//!
//! Metadata and message give first, in this order; what is left of the rest is levelled, longest first, so that one
//! long value does not cost the short ones; then whole fields go, the ones that repeat others first.

use super::writer::{Plan, SLOTS, Size, Slot};

/// In which order the fields of a format give. What none of the lists names stays.
pub(in crate::wire) struct Giving {
    /// Say what other fields say too: they leave before anything else is touched, and a message without them is whole.
    pub(in crate::wire) repeating: &'static [Slot],
    /// Give all they have before what follows is touched.
    pub(in crate::wire) first: &'static [Slot],
    /// Texts that are levelled.
    pub(in crate::wire) levelled: &'static [Slot],
    /// Leave the message at last.
    pub(in crate::wire) leaving: &'static [Slot],
}

/// A value is not cut below this many bytes; it is left out instead (or, in the header, stays).
const ROOM_MIN: usize = 48;

/// A plan that saves at least `over` bytes of a message whose fields took `sizes`; else how many bytes are still too
/// many.
pub(in crate::wire) fn plan(giving: &'static Giving, sizes: &[Size; SLOTS], over: usize) -> Result<Plan, usize> {
    let mut fit = Fit { giving, sizes, plan: Plan { flagged: true, ..Plan::WHOLE }, over };
    fit.leave_out_repeating();
    fit.take_from_first();
    fit.level();
    for slot in giving.leaving {
        fit.leave_out(*slot);
    }
    if fit.over == 0 { Ok(fit.plan) } else { Err(fit.over) }
}

/// A plan that saves at least `over` bytes of a message by leaving out what other fields say too, so that nothing is missing.
pub(in crate::wire) fn plan_without_repeating(
    giving: &'static Giving,
    sizes: &[Size; SLOTS],
    over: usize,
) -> Option<Plan> {
    let mut fit = Fit { giving, sizes, plan: Plan::WHOLE, over };
    fit.leave_out_repeating();
    (fit.over == 0).then_some(fit.plan)
}

struct Fit<'s> {
    giving: &'static Giving,
    sizes: &'s [Size; SLOTS],
    plan: Plan,
    over: usize,
}

impl Fit<'_> {
    fn leave_out_repeating(&mut self) {
        for slot in self.giving.repeating {
            self.leave_out(*slot);
        }
    }

    fn take_from_first(&mut self) {
        for slot in self.giving.first.iter().copied() {
            let value = self.sizes[slot as usize].value;
            if self.over > 0 && value >= self.over + ROOM_MIN {
                self.plan.room[slot as usize] = value - self.over;
                self.over = 0;
            } else {
                self.leave_out(slot);
            }
        }
    }

    /// Finds the highest level at which enough is saved, or cuts all to the lowest.
    fn level(&mut self) {
        if self.over == 0 {
            return;
        }
        let values = || self.giving.levelled.iter().map(|slot| self.sizes[*slot as usize].value);
        let saved = |level: usize| values().map(|v| v.saturating_sub(level)).sum::<usize>();
        let (mut low, mut high) = (ROOM_MIN, values().max().unwrap_or(0).max(ROOM_MIN));
        while low < high {
            let middle = (low + high).div_ceil(2);
            if saved(middle) >= self.over { low = middle } else { high = middle - 1 }
        }
        let saved = saved(low);
        for slot in self.giving.levelled {
            let room = &mut self.plan.room[*slot as usize];
            *room = (*room).min(low);
        }
        self.over = self.over.saturating_sub(saved);
    }

    fn leave_out(&mut self, slot: Slot) {
        let Size { value, field } = self.sizes[slot as usize];
        let room = &mut self.plan.room[slot as usize];
        if self.over > 0 && *room > 0 {
            let stays = if *room == usize::MAX { field } else { field - value + value.min(*room) };
            self.over = self.over.saturating_sub(stays);
            *room = 0;
        }
    }
}
