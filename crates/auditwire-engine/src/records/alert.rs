//! The document of an alert.

use auditwire_model::{ConnectionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Document;
use crate::alerts::AlertKind;

document!(
    /// [`crate::store::RecordKind::Alert`]; id = `<connection>/<kind>`. Deleted when it is over.
    AlertRecord,
    Alert
);
/// Something that is wrong with a connection and needs somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Which connection.
    pub connection: ConnectionId,
    /// What it is about.
    pub kind: AlertKind,
    /// Of a certificate: days before its end that were reached, 0 when it has expired; else 0.
    pub step: u64,
    /// Since when it stands.
    pub since: Timestamp,
    /// For people: what is wrong.
    pub message: String,
    /// For people: what to do.
    pub remedy: String,
}
