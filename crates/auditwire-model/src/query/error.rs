//! What is wrong with a query, where, and what would be right.

use std::ops::Range;

/// Why a text is not an expression of the language. Positions are 0-based code points of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct QueryError {
    /// Stable, for programs: `query_syntax`, `query_unknown_parameter`, `query_bad_operator`, `query_bad_value`,
    /// `query_relative_time`, `query_too_long` or `query_too_deep`.
    pub code: &'static str,
    /// For people: what is wrong and what to do.
    pub detail: String,
    /// Where it begins.
    pub position: usize,
    /// How many code points are wrong; 0 where something is missing.
    pub length: usize,
    /// What could stand there.
    pub expected: Vec<String>,
    /// A text that could replace the wrong part.
    pub suggestion: Option<String>,
}

/// Something that is right but probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Where it begins, in code points.
    pub position: usize,
    /// How many code points it is about.
    pub length: usize,
    /// For people.
    pub detail: String,
}

/// A mistake while its place is still counted in bytes.
#[derive(Debug)]
pub(super) struct Mistake {
    code: &'static str,
    detail: String,
    pub(super) bytes: Range<usize>,
    expected: Vec<String>,
    suggestion: Option<String>,
}

impl Mistake {
    pub(super) fn new(code: &'static str, bytes: Range<usize>, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), bytes, expected: Vec::new(), suggestion: None }
    }

    pub(super) fn syntax(bytes: Range<usize>, detail: impl Into<String>) -> Self {
        Self::new("query_syntax", bytes, detail)
    }

    pub(super) fn expecting(mut self, expected: &[&str]) -> Self {
        self.expected = expected.iter().map(|&one| one.to_owned()).collect();
        self
    }

    pub(super) fn suggesting(mut self, suggestion: impl Into<Option<String>>) -> Self {
        self.suggestion = suggestion.into();
        self
    }

    /// With its place in code points of `text`.
    pub(super) fn located(self, text: &str) -> QueryError {
        let (position, length) = place(text, &self.bytes);
        let Self { code, detail, expected, suggestion, .. } = self;
        QueryError { code, detail, position, length, expected, suggestion }
    }
}

/// A range of bytes as position and length in code points.
pub(super) fn place(text: &str, bytes: &Range<usize>) -> (usize, usize) {
    let count = |part: Option<&str>| part.unwrap_or_default().chars().count();
    (count(text.get(..bytes.start)), count(text.get(bytes.clone())))
}
