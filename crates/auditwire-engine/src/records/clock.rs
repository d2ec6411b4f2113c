//! The documents of what is known of the clock.

use auditwire_model::{Position, Timestamp};
use serde::{Deserialize, Serialize};

use super::Document;

document!(
    /// [`crate::store::RecordKind::ExpiryClock`]; global, id `clock`.
    ExpiryClockRecord,
    ExpiryClock
);
/// How far time had come, by what was believed of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpiryClock {
    /// That time.
    pub come: Timestamp,
}

document!(
    /// [`crate::store::RecordKind::ClockCorrection`]; of a project, id = `through` in 20 digits.
    CorrectionRecord,
    Correction
);
/// Events whose time of receipt came from a clock that was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The last event that it is about.
    pub through: Position,
    /// When that event was received by the wrong clock.
    pub from: Timestamp,
    /// What was received later than this counts as received then.
    pub to: Timestamp,
}
