//! The documents of webhooks: where a project's alerts are told, and the calls that are still to be made.

use auditwire_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Document, Sealed};

/// [`crate::store::RecordKind::Webhook`]; one per project, id `webhook`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum WebhookRecord {
    /// Version 1: the address lay open. Sealed at the next start.
    #[serde(rename = "1")]
    V1(OpenWebhook),
    /// Version 2.
    #[serde(rename = "2")]
    V2(Webhook),
}

impl Document for WebhookRecord {}

impl From<Webhook> for WebhookRecord {
    fn from(value: Webhook) -> Self {
        Self::V2(value)
    }
}

/// A webhook as version 1 had it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenWebhook {
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

/// Where a project's alerts are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// `https://…`, as it was given. What follows the host is often a secret.
    pub url: Sealed,
    /// What may be shown of it: scheme, host and port.
    pub shown: String,
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
