//! The document of reading.

use serde::{Deserialize, Serialize};

use super::Document;

document!(
    /// [`crate::store::RecordKind::Reading`]; one per project, id `reading`. Without it nothing is told.
    ReadingRecord,
    Reading
);
/// Whether the project's log tells who looked at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// It does.
    pub audited: bool,
}
