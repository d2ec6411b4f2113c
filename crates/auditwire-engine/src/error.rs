//! The error policy. Every verb fails with [`Error`]: a [`Kind`] for decisions (which HTTP status, retry or not), a
//! stable `code` for programs, a `detail` for people that says what to do, and the source for the log. Store and I/O
//! errors become one at the edge of the verb; whoever answers the caller logs it, once. Details hold no secrets.

use std::fmt;
use std::time::Duration;

use auditwire_model::query::QueryError;

use crate::store::StoreError;

/// The result of a verb.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request is wrong (400).
    Invalid,
    /// Who asks has not proved who it is (401).
    Unauthenticated,
    /// The right is missing (403).
    Forbidden,
    /// It does not exist, or may not be known to (404).
    NotFound,
    /// It contradicts the present state (409).
    Conflict,
    /// The caller's copy is stale (412).
    Stale,
    /// Too big (413).
    TooLarge,
    /// Too often; try again after the given time (429).
    Busy,
    /// Not now; nothing was taken; try again after the given time (503).
    Unavailable,
    /// A defect or damaged data (500).
    Internal,
}

/// An error of a verb.
#[derive(Debug)]
pub struct Error {
    /// For decisions.
    pub kind: Kind,
    /// Stable, for programs.
    pub code: &'static str,
    /// For people; says what to do.
    pub detail: String,
    /// Dotted path of the request's field to blame.
    pub field: Option<String>,
    /// For [`Kind::Busy`] and [`Kind::Unavailable`].
    pub retry_after: Option<Duration>,
    /// Where a query is wrong, and what would be right.
    pub query: Option<Box<QueryError>>,
    /// What caused it.
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, code, detail: detail.into(), field: None, retry_after: None, query: None, source: None }
    }

    /// A wrong field of the request.
    pub fn invalid(code: &'static str, field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(Kind::Invalid, code, detail) }
    }

    /// What this version does not serve.
    pub fn not_available(what: impl fmt::Display) -> Self {
        Self::new(Kind::Invalid, "not_available_yet", format!("{what} is not available in this version"))
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds when to try again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds the field to blame.
    #[must_use]
    pub fn in_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.code)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}

impl From<QueryError> for Error {
    fn from(error: QueryError) -> Self {
        let made = Self::new(Kind::Invalid, error.code, error.detail.clone());
        Self { query: Some(Box::new(error)), ..made }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let made = match &error {
            StoreError::Conflict { .. } => {
                Self::new(Kind::Conflict, "conflict", "it was changed by somebody else at the same time; try again")
            }
            StoreError::Full(_) => {
                Self::new(Kind::Unavailable, "storage_full", "the storage is full; nothing was taken, try again later")
                    .retry_after(Duration::from_secs(10))
            }
            StoreError::Mismatch(_) | StoreError::Damaged(_) => {
                Self::new(Kind::Internal, "storage_damaged", "stored data cannot be read")
            }
            StoreError::Malformed(what) => crate::log::store_damaged(what),
            StoreError::Newer(what) => Self::new(Kind::Internal, "newer_version", what.clone()),
            StoreError::Failed(_) | StoreError::Unsynced(_) | StoreError::Rival => {
                Self::new(Kind::Unavailable, "storage_failed", "the storage does not answer; try again")
                    .retry_after(Duration::from_secs(5))
            }
        };
        made.caused_by(error)
    }
}
