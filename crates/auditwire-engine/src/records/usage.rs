//! The document of what a project has sent.

use serde::{Deserialize, Serialize};

use super::Document;

document!(
    /// [`crate::store::RecordKind::Usage`]; one per project, id `usage`, while there is a quota of bytes a day.
    UsageRecord,
    Usage
);
/// How much a project has sent, for its quota of a day.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// By clock hour, oldest first; a day of them.
    pub hours: Vec<HourOfBytes>,
}

/// What was sent in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourOfBytes {
    /// Hours since 1970.
    pub hour: u64,
    /// Bytes of the events.
    pub bytes: u64,
}
