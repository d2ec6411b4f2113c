//! The syntax tree.

use std::borrow::Cow;

use crate::event::{Columns, columns};
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
    /// A value alone: `message`, another text field, a label or a metadata value has it as a substring, whatever its case.
    Word(String),
}

/// What a value alone is looked for in. Severity, plane and outcome are no texts: a word such as `failure` would
/// otherwise find every event that failed.
pub(super) const SEARCHED: Columns = Columns::of(&[
    columns::EVENT_ID,
    columns::ACTION,
    columns::REQUEST_ID,
    columns::MESSAGE,
    columns::SOURCE_ID,
    columns::SOURCE_ADDRESS,
    columns::SUBJECT_USER_ID,
    columns::SUBJECT_ADDRESS,
    columns::SUBJECT_PROJECT_ID,
    columns::SUBJECT_METADATA,
    columns::RESOURCE_ID,
    columns::RESOURCE_TYPE,
    columns::RESOURCE_METADATA,
    columns::STATUS_CODE,
    columns::STATUS_MESSAGE,
    columns::LABELS,
]);

impl Expr {
    /// The columns that evaluating it reads; the others of a batch may be blank.
    #[must_use]
    pub fn columns(&self) -> Columns {
        match self {
            Self::All => Columns::NONE,
            Self::And(terms) | Self::Or(terms) => {
                terms.iter().fold(Columns::NONE, |so_far, term| so_far.union(term.columns()))
            }
            Self::Not(term) => term.columns(),
            Self::Compare(field, ..) | Self::Exists(field) => Columns::NONE.with(field.column()),
            Self::Word(_) => SEARCHED,
        }
    }
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

/// Keys of `resource.metadata` that need no prefix.
const SHORT_NAMES: [&str; 3] = ["service_id", "group_id", "stream_id"];

impl Field {
    /// The parameter of this name, with the short names `service_id`, `group_id` and `stream_id`; metadata keys as they
    /// are, without quotes.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if let Some((_, column)) = PARAMETERS.iter().find(|(known, _)| *known == name) {
            return Some(Self::Column(*column));
        }
        if SHORT_NAMES.contains(&name) {
            return Some(Self::ResourceMetadata(name.to_owned()));
        }
        let subject = name.strip_prefix("subject.metadata.").map(|key| Self::SubjectMetadata(key.to_owned()));
        subject.or_else(|| name.strip_prefix("resource.metadata.").map(|key| Self::ResourceMetadata(key.to_owned())))
    }

    /// Its name as the language prints it; a metadata key is quoted where it must be. [`Field::parse`] takes the name
    /// without the quotes.
    #[must_use]
    pub fn name(&self) -> String {
        self.to_string()
    }

    /// The column it is read from.
    #[must_use]
    pub fn column(&self) -> usize {
        match self {
            Self::Column(column) => *column,
            Self::SubjectMetadata(_) => columns::SUBJECT_METADATA,
            Self::ResourceMetadata(_) => columns::RESOURCE_METADATA,
        }
    }

    /// The names of all parameters that are no metadata, in the order of the documentation, short names last.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PARAMETERS.iter().map(|(name, _)| *name).chain(SHORT_NAMES)
    }

    /// The name of a column that is a parameter.
    pub(super) fn column_name(column: usize) -> Option<&'static str> {
        PARAMETERS.iter().find(|(_, known)| *known == column).map(|(name, _)| *name)
    }
}
