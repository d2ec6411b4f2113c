//! The document of a master key that is not to seal any more.

use auditwire_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::Document;

document!(
    /// [`crate::store::RecordKind::RetiringKey`]; global, id = key id. While it is there nothing new may be sealed by that key.
    RetiringRecord,
    Retiring
);
/// A master key that is not to seal any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retiring {
    /// Since when.
    pub since: Timestamp,
    /// Since when nothing is sealed by it: older back-ups may need it, newer ones do not.
    pub retired_at: Option<Timestamp>,
}
