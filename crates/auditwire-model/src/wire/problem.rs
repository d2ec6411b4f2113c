//! What a strict reader found wrong with a message.

use std::fmt;

/// The first violation of a format's rules in a message, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is: bytes from the start of the message.
    pub position: usize,
    /// What was found, what the rule is, and where the rule stands.
    pub message: String,
}

impl Problem {
    pub(super) fn at<T>(position: usize, message: impl Into<String>) -> Result<T, Self> {
        Err(Self { position, message: message.into() })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.position, self.message)
    }
}

impl std::error::Error for Problem {}
