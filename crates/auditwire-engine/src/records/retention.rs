//! The documents of retention.

use auditwire_model::{Position, Timestamp};
use serde::{Deserialize, Serialize};

use super::Document;

/// [`crate::store::RecordKind::Retention`]; one per project, id `retention`. Without it the configuration holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum RetentionRecord {
    /// Version 1: no reduction ever waited.
    #[serde(rename = "1")]
    V1(KeptFor),
    /// Version 2.
    #[serde(rename = "2")]
    V2(Keeping),
}
impl Document for RetentionRecord {}

impl From<Keeping> for RetentionRecord {
    fn from(value: Keeping) -> Self {
        Self::V2(value)
    }
}

impl RetentionRecord {
    /// The newest form.
    #[must_use]
    pub fn into_current(self) -> Keeping {
        match self {
            Self::V1(set) => Keeping { set, pending: None },
            Self::V2(value) => value,
        }
    }
}

/// What a project has set, and the reduction that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Keeping {
    /// What is set.
    pub set: KeptFor,
    /// What takes its place in time, unless it is cancelled.
    pub pending: Option<Reduction>,
}

/// A setting that keeps less than the one before, and waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduction {
    /// What will be set, in full.
    pub to: KeptFor,
    /// When.
    pub at: Timestamp,
}

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
