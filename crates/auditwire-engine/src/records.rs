//! The stored documents. Each is JSON in a versioned enum: all versions are read, the newest is written, so old data
//! opens for ever (golden files in the tests).

use auditwire_model::connection::ConnectionSpec;
use auditwire_model::query::Expr;
use auditwire_model::{ConnectionId, Position, ProjectId, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::delivery::check::Stage;
use crate::error::{Error, Kind, Result};
use crate::store::Record;

/// A document that is stored as a record.
pub trait Document: Serialize + DeserializeOwned {
    /// The bytes to store.
    ///
    /// # Errors
    /// Only a defect can make this fail.
    fn encode(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self)
            .map_err(|e| Error::new(Kind::Internal, "internal", "a record could not be written").caused_by(e))
    }

    /// Reads a stored record.
    ///
    /// # Errors
    /// `damaged_record`, naming kind, project and id.
    fn decode(record: &Record) -> Result<Self> {
        serde_json::from_slice(&record.value).map_err(|e| {
            Error::new(Kind::Internal, "damaged_record", format!("the stored record {:?} cannot be read", record.key))
                .caused_by(e)
        })
    }
}

macro_rules! document {
    ($(#[$doc:meta])* $name:ident, $current:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "v")]
        pub enum $name {
            /// Version 1.
            #[serde(rename = "1")]
            V1($current),
        }
        impl Document for $name {}
        impl From<$current> for $name {
            fn from(value: $current) -> Self {
                Self::V1(value)
            }
        }
        impl $name {
            /// The newest form.
            #[must_use]
            pub fn into_current(self) -> $current {
                match self {
                    Self::V1(value) => value,
                }
            }
        }
    };
}

mod alert;
mod clock;
mod fresh;
mod key;
mod people;
mod readable;
mod reading;
mod replay;
mod retention;
mod step;
mod token;
mod usage;
mod webhook;

pub(crate) use alert::alert_id;
pub use alert::{Alert, AlertRecord};
pub use clock::{Correction, CorrectionRecord, ExpiryClock, ExpiryClockRecord};
pub use fresh::{Fresh, FreshRecord};
pub use key::{Retiring, RetiringRecord};
pub use people::{
    Account, AccountName, AccountNameRecord, AccountRecord, PasswordHash, Preferences, Session, SessionRecord,
    SignInLink, SignInLinkRecord, SignInMethod, Theme,
};
pub use readable::is_readable;
pub use reading::{Reading, ReadingRecord};
pub(crate) use replay::both;
pub use replay::{Replay, ReplayRecord, ReplayState};
pub use retention::{Expired, ExpiredRecord, Keeping, KeptFor, Reduction, RetentionRecord};
pub use step::{Beginning, CHANGES_MAX, DeliveryStep, DeliveryStepRecord, Moved, SecondStream, StateChange, Totals};
pub use token::{
    EarlierSecret, Token, TokenRecord, TokenSecret, TokenSecretRecord, TokenTree, TokenTreeRecord, TokenUse,
    TokenUseRecord, TokenV1,
};
pub use usage::{HourOfBytes, Usage, UsageRecord};
pub use webhook::{LastCall, LastCallRecord, OpenWebhook, Webhook, WebhookCall, WebhookCallRecord, WebhookRecord};

document!(
    /// [`crate::store::RecordKind::Instance`], id `instance`.
    InstanceRecord,
    Instance
);
/// This installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Random, made on first start; travels in messages so that loops are seen.
    pub id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// True once the operator's first token was handed over; it is never made a second time.
    #[serde(default)]
    pub operator_token_made: bool,
}

/// The id of the instance whose store it is; `None` before the first start has made it.
///
/// # Errors
/// When the store fails.
pub(crate) async fn instance_id(store: &dyn crate::store::Store) -> Result<Option<String>> {
    let key = crate::store::RecordKey::global(crate::store::RecordKind::Instance, "instance");
    let record = store.record(&key).await?;
    record.map(|record| Ok(InstanceRecord::decode(&record)?.into_current().id)).transpose()
}

document!(
    /// [`crate::store::RecordKind::Project`].
    ProjectRecord,
    Project
);
/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// For people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

document!(
    /// [`crate::store::RecordKind::Connection`].
    ConnectionRecord,
    StoredConnection
);
/// A configured SIEM connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredConnection {
    /// Its id.
    pub id: ConnectionId,
    /// 1 when created, one more with each change. Is the ETag.
    pub revision: u64,
    /// What was configured.
    pub spec: ConnectionSpec,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl StoredConnection {
    /// Which events it sends.
    ///
    /// # Errors
    /// `filter_unusable`: the stored query is none. It was one when it was stored; until it is mended the connection sends
    /// nothing and skips nothing.
    pub(crate) fn filter(&self) -> Result<Expr> {
        self.spec.filter.to_expr().map_err(|wrong| {
            let detail = format!("The stored query of the filter cannot be read: {wrong}. Write it anew.");
            Error { query: Some(Box::new(wrong)), ..Error::new(Kind::Conflict, "filter_unusable", detail) }
        })
    }
}

document!(
    /// [`crate::store::RecordKind::ConnectionName`]; id = the name. Makes names unique in a project.
    ConnectionNameRecord,
    ConnectionName
);
/// Which connection has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionName {
    /// That connection.
    pub connection: ConnectionId,
}

document!(
    /// [`crate::store::RecordKind::ConnectionSecret`]; id = connection id. The PEM, sealed.
    SecretRecord,
    Sealed
);
/// A secret under envelope encryption: the data key is sealed by a master key, the secret by the data key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Which master key.
    pub key_id: String,
    /// AES-256-GCM of the data key under the master key: hex of nonce and ciphertext.
    pub data_key: String,
    /// AES-256-GCM of the secret under the data key: hex of nonce and ciphertext.
    pub ciphertext: String,
}

document!(
    /// [`crate::store::RecordKind::ActiveConnection`]; one per project, id `active`. Its record version is the epoch.
    ActiveConnectionRecord,
    ActiveConnection
);
/// Which connection sends. One record, so two can never be active. It is never deleted, so that its version, the epoch,
/// only grows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveConnection {
    /// The active one, if any.
    pub connection: Option<ConnectionId>,
    /// The one that was stopped last, for `take_over`.
    pub previous: Option<ConnectionId>,
    /// Where the one stopped last had come when it was deleted; `None` while its own cursor tells.
    #[serde(default)]
    pub previous_settled: Option<Position>,
    /// Since when.
    pub since: Timestamp,
}

document!(
    /// [`crate::store::RecordKind::Cursor`]; id = connection id.
    CursorRecord,
    Cursor
);
/// How far a connection has come. Counters count since the connection was created.
///
/// Every activation puts this record (with the start position) in the commit that puts [`ActiveConnection`]. A sender
/// stores it with `Expect::Version` of what it read or wrote last: so a sender that was stopped may still store how far
/// its last window came, and one that wakes after a later activation cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Every event up to here is settled: acknowledged, filtered or quarantined.
    pub settled: Position,
    /// The delivery number that the first event after `settled` that passes the filter gets.
    pub next_n: u64,
    /// Last acknowledged position.
    pub acknowledged: Position,
    /// When that was.
    pub acknowledged_at: Option<Timestamp>,
    /// Events acknowledged.
    #[serde(default)]
    pub delivered: u64,
    /// Bytes of all messages handed to the peer, with their frames and before TLS.
    #[serde(default)]
    pub bytes: u64,
    /// Messages handed to the peer, first sendings only.
    pub sent: u64,
    /// Messages sent again.
    pub resent: u64,
    /// Events that the filter kept back.
    pub filtered: u64,
    /// Events set aside.
    pub quarantined: u64,
    /// Times a link was made anew.
    pub reconnects: u64,
    /// The resend rule: after a break, sending begins at this position instead (never above `settled` + 1).
    pub resend_from: Option<Position>,
    /// The delivery number of the event at `resend_from`.
    pub resend_n: Option<u64>,
}

impl Cursor {
    /// The cursor of a connection that has sent nothing.
    #[must_use]
    pub fn beginning() -> Self {
        Self {
            settled: Position::ZERO,
            next_n: 1,
            acknowledged: Position::ZERO,
            acknowledged_at: None,
            delivered: 0,
            bytes: 0,
            sent: 0,
            resent: 0,
            filtered: 0,
            quarantined: 0,
            reconnects: 0,
            resend_from: None,
            resend_n: None,
        }
    }

    /// Last position that need not be sent when sending goes on from here: all up to it is settled and outside the overlap
    /// that the resend rule asks for.
    #[must_use]
    pub fn done_through(&self) -> Position {
        self.resend_from.map_or(self.settled, |from| from.previous().min(self.settled))
    }
}

document!(
    /// [`crate::store::RecordKind::CheckResult`]; id = connection id.
    CheckResultRecord,
    CheckResult
);
/// The last connection check of a stored connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Which revision was checked.
    pub revision: u64,
    /// Whether it passed.
    pub ok: bool,
    /// Whether the peer confirmed (never for UDP).
    pub confirmed: bool,
    /// When it ended.
    pub at: Timestamp,
    /// What each stage came to, in order; empty when it was recorded by a version that did not keep them.
    #[serde(default)]
    pub stages: Vec<CheckedStage>,
}

/// A stage of a recorded check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedStage {
    /// Which.
    pub stage: Stage,
    /// Whether it passed.
    pub ok: bool,
    /// As it was told ([`crate::delivery::failure::CODES`] and those of a PEM that cannot be read).
    pub code: String,
    /// What was seen.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

document!(
    /// [`crate::store::RecordKind::IdempotencyKey`]; id = hex SHA-256 of caller, method, path and key.
    IdempotencyRecord,
    Idempotency
);
/// A finished creation, kept 24 h so that a repeated request gives the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// Lower-case hex SHA-256 of the request body: the same key with another body is a conflict.
    pub request_sha256: String,
    /// Id of what was made.
    pub created: String,
    /// When.
    pub at: Timestamp,
}

document!(
    /// [`crate::store::RecordKind::Quarantine`]; id = `<connection>/<seq, 20 digits>`.
    QuarantineRecord,
    Quarantined
);
/// An event that was set aside because it cannot become a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Which event.
    pub seq: Position,
    /// Why, for people.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// The replay that was to send it again last, if there was one; it may have been cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
}

impl Quarantined {
    /// The id of the record of such an event.
    #[must_use]
    pub fn record_id(connection: &ConnectionId, seq: Position) -> String {
        format!("{connection}/{:020}", seq.0)
    }

    /// The ids of all records of a connection, from the first up to, without, the second.
    #[must_use]
    pub fn record_ids(connection: &ConnectionId) -> [String; 2] {
        // `0` comes behind `/`.
        [format!("{connection}/"), format!("{connection}0")]
    }

    /// The event that a record's id names.
    #[must_use]
    pub fn seq_of(record_id: &str) -> Option<Position> {
        record_id.rsplit_once('/')?.1.parse().ok().map(Position)
    }
}

document!(
    /// [`crate::store::RecordKind::QuarantineDropped`]; id = connection id.
    QuarantineDroppedRecord,
    QuarantineDropped
);
/// How many entries of a connection's quarantine made room for newer ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct QuarantineDropped {
    /// Since the connection was created.
    pub count: u64,
}

#[cfg(test)]
mod tests;
