//! The document of an alert.

use auditwire_model::{ConnectionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Document;
use crate::alerts::AlertKind;

document!(
    /// [`crate::store::RecordKind::Alert`]; id = `<connection>/<kind>`, of the project itself `project/<kind>`. Deleted when it is over.
    AlertRecord,
    Alert
);
/// Something that is wrong with a project or one of its connections and needs somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Which connection; `None`: it is about the project itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionId>,
    /// What it is about.
    pub kind: AlertKind,
    /// Of a certificate: days before its end that were reached, 0 when it has expired. Of a reduction of the retention: when it takes
    /// effect, in seconds since 1970. Else 0. It is told again when this changes.
    pub step: u64,
    /// Since when it stands.
    pub since: Timestamp,
    /// For people: what is wrong.
    pub message: String,
    /// For people: what to do.
    pub remedy: String,
}

impl Alert {
    /// Names it within its project.
    #[must_use]
    pub fn id(&self) -> String {
        alert_id(self.connection.as_ref(), self.kind)
    }
}

/// The id of an alert: no id of a connection is `project`.
pub(crate) fn alert_id(connection: Option<&ConnectionId>, kind: AlertKind) -> String {
    format!("{}/{}", connection.map_or("project", ConnectionId::as_str), kind.as_str())
}
