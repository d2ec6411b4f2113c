//! The documents of webhooks: where a project's alerts are told, and the calls that are still to be made.

use auditwire_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Document, Sealed};

document!(
    /// [`crate::store::RecordKind::Webhook`]; one per project, id `webhook`.
    WebhookRecord,
    Webhook
);
/// Where a project's alerts are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// `https://…`, as it was given.
    pub url: String,
    /// What calls are signed with.
    pub secret: Sealed,
    /// CA certificates that vouch for the receiver; none: those of the system do.
    pub pem: Option<String>,
    /// When it was set first.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

document!(
    /// [`crate::store::RecordKind::WebhookLast`]; one per project, id `last`. Apart from the webhook, so that a call never meets a change.
    LastCallRecord,
    LastCall
);
/// What the last call came to, tests included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCall {
    /// The receiver took it.
    pub ok: bool,
    /// `ok`, a check code, or one of the webhook's own.
    pub code: String,
    /// For people.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

document!(
    /// [`crate::store::RecordKind::WebhookCall`]; id = the call's id. Deleted when the receiver took it, or at the end of all attempts.
    WebhookCallRecord,
    WebhookCall
);
/// A call that is still to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookCall {
    /// What is sent, the same at every attempt.
    pub body: String,
    /// Attempts made.
    pub attempts: u32,
    /// When the next one is due.
    pub due_at: Timestamp,
    /// Since when it is to be made.
    pub created_at: Timestamp,
}
