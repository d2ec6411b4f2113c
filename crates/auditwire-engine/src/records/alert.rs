//! The document of an alert.

use auditwire_model::{ConnectionId, Timestamp, TokenId};
use serde::{Deserialize, Serialize};

use super::Document;
use crate::alerts::AlertKind;

document!(
    /// [`crate::store::RecordKind::Alert`]; id = `<connection>/<kind>` or `<token>/<kind>`, of the project itself
    /// `project/<kind>`. Deleted when it is over.
    AlertRecord,
    Alert
);
/// Something that is wrong with a project, one of its connections or one of its tokens and needs somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Which connection; `None`: it is about a token or about the project itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionId>,
    /// Which token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenId>,
    /// What it is about.
    pub kind: AlertKind,
    /// Of a certificate and of a token: days before its end that were reached, 0 when it has expired. Of a reduction of the retention: when it takes
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
        alert_id(self.connection.as_ref(), self.token.as_ref(), self.kind)
    }
}

/// The id of an alert: no id of a connection or of a token is `project`.
pub(crate) fn alert_id(connection: Option<&ConnectionId>, token: Option<&TokenId>, kind: AlertKind) -> String {
    let whose = connection.map(ConnectionId::as_str).or(token.map(TokenId::as_str)).unwrap_or("project");
    format!("{whose}/{}", kind.as_str())
}
