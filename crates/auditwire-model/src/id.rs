//! One newtype per identity, so that mixing two of them does not compile.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Longest accepted id, in bytes.
            pub const MAX_BYTES: usize = $max;

            /// Accepts 1 to [`Self::MAX_BYTES`] bytes of `a-z 0-9 - _`, beginning with a letter or digit.
            ///
            /// # Errors
            /// [`InvalidId`] names what is wrong.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                check_id(text, Self::MAX_BYTES).map(|()| Self(text.to_owned()))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

text_id!(
    /// A project (tenant): the unit that has a log, connections and people of its own.
    ProjectId,
    64
);
text_id!(
    /// A configured SIEM destination. Opaque to clients.
    ConnectionId,
    64
);
text_id!(
    /// An API token's public half; the secret is never stored.
    TokenId,
    64
);
text_id!(
    /// A person's account. Random, so that it is nobody's `subject.user_id` in another service.
    AccountId,
    64
);

impl ProjectId {
    /// The project that a first start makes.
    #[must_use]
    pub fn default_project() -> Self {
        Self("default".to_owned())
    }

    /// The project that receives the operator's own audit events.
    #[must_use]
    pub fn system() -> Self {
        Self("system".to_owned())
    }
}

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to {max} characters from a-z, 0-9, '-' and '_' and begins with a letter or digit")]
pub struct InvalidId {
    /// The limit that applies, in bytes.
    pub max: usize,
}

fn check_id(text: &str, max: usize) -> Result<(), InvalidId> {
    let body = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_';
    let begins = text.bytes().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if begins && text.len() <= max && text.bytes().all(body) { Ok(()) } else { Err(InvalidId { max }) }
}

/// A place in a project's log: dense, from 1. In JSON it is `seq`. Every cursor, page and
/// delivery position is one of these; event time never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event: the cursor of a connection that has settled nothing.
    pub const ZERO: Self = Self(0);

    /// The place after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The place before this one; zero stays zero.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The generation of a project's active connection. A sender whose epoch is not the stored one
/// may no longer move a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_wherever_they_come_from() {
        for good in ["default", "0", "a-b_c", &"x".repeat(64)] {
            let id = ProjectId::parse(good).unwrap();
            assert_eq!((id.as_str(), id.to_string().as_str()), (good, good));
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(serde_json::from_str::<ProjectId>(&json).unwrap(), id);
        }
        for wrong in ["", "-a", "_a", "A", "a.b", "a/b", "a b", "é", "a\0", &"x".repeat(65)] {
            assert_eq!(ProjectId::parse(wrong), Err(InvalidId { max: 64 }), "{wrong}");
            let json = serde_json::to_string(wrong).unwrap();
            assert!(serde_json::from_str::<ConnectionId>(&json).is_err(), "{wrong}");
        }
        assert!(ProjectId::parse(ProjectId::default_project().as_str()).is_ok());
        assert!(ProjectId::parse(ProjectId::system().as_str()).is_ok());
    }

    #[test]
    fn positions_stop_at_their_ends() {
        assert_eq!(Position::ZERO.next(), Position(1));
        assert_eq!(Position::ZERO.previous(), Position::ZERO);
        assert_eq!(Position(u64::MAX).next(), Position(u64::MAX));
    }
}
