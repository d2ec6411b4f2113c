//! Which steps may be left out with age. Pure.
//!
//! Steps of the last hour stay as they were written (10 s apart at most often); then one stays of each minute, after a day of
//! each half hour, after 30 days of each day. The one that stays is the last of its time and takes along what the others
//! had seen: the largest backlog, the greatest age, the changes of the state. Steps are never merged over what a reader must
//! tell apart: another revision, or a beginning that was chosen anew.

use auditwire_model::Timestamp;

use crate::records::{CHANGES_MAX, DeliveryStep};

const MINUTE: i64 = 60 * 1_000_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// One step stays per `.0` when all of that time is older than `.1`; widest first.
const TIERS: [(i64, i64); 3] = [(DAY, 30 * DAY), (30 * MINUTE, DAY), (MINUTE, HOUR)];

/// The stretch of time of which one step stays: its width and number. None for what is too young.
pub(super) fn bucket(at: Timestamp, now: Timestamp) -> Option<(i64, i64)> {
    TIERS.into_iter().find_map(|(width, after)| {
        let number = at.as_nanos().div_euclid(width);
        ((number + 1).saturating_mul(width).saturating_add(after) <= now.as_nanos()).then_some((width, number))
    })
}

/// Merges successive steps of one stretch of time. Gives what stays: each with the places, in `steps`, of what it stands
/// for; the last of them is where it is.
pub(super) fn merge(steps: &[DeliveryStep]) -> Vec<(DeliveryStep, std::ops::Range<usize>)> {
    let mut kept: Vec<(DeliveryStep, std::ops::Range<usize>)> = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        match kept.last_mut() {
            Some((before, places)) if together(before, step) => {
                *before = merged(before, step);
                places.end = place + 1;
            }
            _ => kept.push((step.clone(), place..place + 1)),
        }
    }
    kept
}

/// Nothing that a reader must tell apart lies between them.
fn together(earlier: &DeliveryStep, later: &DeliveryStep) -> bool {
    earlier.revision == later.revision && later.moved.is_none() && earlier.settled <= later.settled
}

fn merged(earlier: &DeliveryStep, later: &DeliveryStep) -> DeliveryStep {
    let mut changes = earlier.changes.clone();
    changes.extend(later.changes.iter().cloned());
    let dropped = changes.len().saturating_sub(CHANGES_MAX);
    changes.drain(..dropped);
    DeliveryStep {
        backlog_max: earlier.backlog_max.max(later.backlog_max),
        age_ms: earlier.age_ms.max(later.age_ms),
        changes,
        more_changes: earlier.more_changes + later.more_changes + dropped as u64,
        beginning: earlier.beginning.clone().or_else(|| later.beginning.clone()),
        moved: earlier.moved,
        ..later.clone()
    }
}

#[cfg(test)]
mod tests;
