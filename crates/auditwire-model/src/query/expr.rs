//! The syntax tree.

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
