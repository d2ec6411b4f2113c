//! The documents of retention.

use auditwire_model::{Position, Timestamp};
use serde::{Deserialize, Serialize};

use super::Document;

document!(
    /// [`crate::store::RecordKind::Retention`]; one per project, id `retention`. Without it the configuration holds.
    RetentionRecord,
    KeptFor
);
/// How long a project's events are kept. In both: `None` is what the configuration says, 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeptFor {
    /// Days since an event was received.
    pub days: Option<u32>,
    /// Bytes of sealed events on disk.
    pub bytes: Option<u64>,
}

document!(
    /// [`crate::store::RecordKind::Expired`]; one per project, id `expired`.
    ExpiredRecord,
    Expired
);
/// What a project's log has dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    /// Every event up to here.
    pub through: Position,
    /// How many that were, all times together.
    pub events: u64,
    /// When it happened last.
    pub at: Timestamp,
}
