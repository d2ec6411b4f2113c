//! Why an item, or a whole body, was refused.

/// Why an item was refused, as a stable code for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectionCode {
    /// Not JSON.
    InvalidJson,
    /// JSON, but not an object.
    NotAnObject,
    /// The same key twice in one object.
    DuplicateKey,
    /// Deeper than the limit.
    TooDeep,
    /// Longer than the limit.
    EventTooLarge,
    /// `action` is absent or empty.
    MissingAction,
    /// A field has the wrong JSON type.
    InvalidType,
    /// A timestamp that cannot be read, is naive, or out of range.
    InvalidTimestamp,
    /// Unknown severity.
    InvalidSeverity,
    /// Neither `control` nor `data`.
    InvalidPlane,
    /// None of success, failure, unknown.
    InvalidOutcome,
    /// `event_id` is empty or too long.
    InvalidEventId,
    /// More metadata keys than the limit.
    TooManyMetadataKeys,
    /// Two keys that meet after flattening.
    MetadataKeyConflict,
    /// More labels than the limit.
    TooManyLabels,
    /// The token may not send for this source, or the source is reserved.
    SourceNotAllowed,
    /// Only the service's own events may have this action.
    ActionReserved,
}

impl RejectionCode {
    /// The code in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::NotAnObject => "not_an_object",
            Self::DuplicateKey => "duplicate_key",
            Self::TooDeep => "too_deep",
            Self::EventTooLarge => "event_too_large",
            Self::MissingAction => "missing_action",
            Self::InvalidType => "invalid_type",
            Self::InvalidTimestamp => "invalid_timestamp",
            Self::InvalidSeverity => "invalid_severity",
            Self::InvalidPlane => "invalid_plane",
            Self::InvalidOutcome => "invalid_outcome",
            Self::InvalidEventId => "invalid_event_id",
            Self::TooManyMetadataKeys => "too_many_metadata_keys",
            Self::MetadataKeyConflict => "metadata_key_conflict",
            Self::TooManyLabels => "too_many_labels",
            Self::SourceNotAllowed => "source_not_allowed",
            Self::ActionReserved => "action_reserved",
        }
    }
}

/// One refused item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Which item of the batch, from 0.
    pub index: usize,
    /// Why.
    pub code: RejectionCode,
    /// Dotted path of the field, if one is to blame.
    pub field: Option<String>,
    /// For people: what is wrong and what to do.
    pub message: String,
}

/// A body that cannot be read at all: nothing of it is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line}, column {column})")]
pub struct UnreadableBody {
    /// Why.
    pub code: UnreadableCode,
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// Why a body was refused, as a stable code for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnreadableCode {
    /// Not JSON, or neither an object nor an array.
    InvalidJson,
    /// More items than one request may carry.
    TooManyItems,
}

impl UnreadableCode {
    /// The code in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::TooManyItems => "too_many_items",
        }
    }
}
