//! The syntax tree.

use std::borrow::Cow;

use crate::event::columns;
use crate::{Severity, Timestamp};

/// A predicate over events. [`Expr::All`] is the empty expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// Matches every event.
    All,
    /// All of them hold.
    And(Vec<Expr>),
    /// One of them holds.
    Or(Vec<Expr>),
    /// Plain negation.
    Not(Box<Expr>),
    /// `field op value`.
    Compare(Field, Op, Value),
    /// The field is present.
    Exists(Field),
}

/// A parameter of the language.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    /// A column of the event schema, by its number ([`crate::event::columns`]).
    Column(usize),
    /// `subject.metadata.<key>`.
    SubjectMetadata(String),
    /// `resource.metadata.<key>`.
    ResourceMetadata(String),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `:` (case-insensitive substring for text)
    Contains,
}

/// The right-hand side.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// Text, or a number in its own spelling.
    Text(String),
    /// For `timestamp` and `received_at`.
    Time(Timestamp),
    /// For `severity`.
    Severity(Severity),
}

impl Value {
    /// The value as text, for comparisons that are textual.
    pub(super) fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Time(time) => Cow::Owned(time.to_string()),
            Self::Severity(severity) => Cow::Borrowed(severity.as_str()),
        }
    }
}

/// Every parameter that is a column, by its name in the language.
const PARAMETERS: [(&str, usize); 20] = [
    ("event_id", columns::EVENT_ID),
    ("seq", columns::SEQ),
    ("timestamp", columns::TIMESTAMP),
    ("received_at", columns::RECEIVED_AT),
    ("plane", columns::PLANE),
    ("action", columns::ACTION),
    ("severity", columns::SEVERITY),
    ("message", columns::MESSAGE),
    ("source.id", columns::SOURCE_ID),
    ("source.address", columns::SOURCE_ADDRESS),
    ("subject.user_id", columns::SUBJECT_USER_ID),
    ("subject.address", columns::SUBJECT_ADDRESS),
    ("subject.project_id", columns::SUBJECT_PROJECT_ID),
    ("resource.id", columns::RESOURCE_ID),
    ("resource.type", columns::RESOURCE_TYPE),
    ("status.code", columns::STATUS_CODE),
    ("status.message", columns::STATUS_MESSAGE),
    ("outcome", columns::OUTCOME),
    ("request_id", columns::REQUEST_ID),
    ("labels", columns::LABELS),
];

impl Field {
    /// The parameter of this name, with the short names `service_id`, `group_id` and `stream_id`; metadata keys as they
    /// are, without quotes.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if let Some((_, column)) = PARAMETERS.iter().find(|(known, _)| *known == name) {
            return Some(Self::Column(*column));
        }
        if matches!(name, "service_id" | "group_id" | "stream_id") {
            return Some(Self::ResourceMetadata(name.to_owned()));
        }
        let subject = name.strip_prefix("subject.metadata.").map(|key| Self::SubjectMetadata(key.to_owned()));
        subject.or_else(|| name.strip_prefix("resource.metadata.").map(|key| Self::ResourceMetadata(key.to_owned())))
    }

    /// The name of a column that is a parameter.
    pub(super) fn column_name(column: usize) -> Option<&'static str> {
        PARAMETERS.iter().find(|(_, known)| *known == column).map(|(name, _)| *name)
    }
}
