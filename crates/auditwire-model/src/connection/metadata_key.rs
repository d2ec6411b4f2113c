//! A metadata key that a connection gives a key of its own in its messages.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whose metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetadataOf {
    /// `subject.metadata`.
    Subject,
    /// `resource.metadata`.
    Resource,
}

/// A path `resource.metadata.KEY` or `subject.metadata.KEY`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MetadataKey {
    of: MetadataOf,
    key: String,
    /// Begins with `resource` or `subject`.
    name: String,
}

/// Longest path, in bytes.
const PATH_BYTES_MAX: usize = 128;
/// Longest SD-NAME (RFC 5424 section 6.3.3), in bytes.
const SD_NAME_BYTES_MAX: usize = 32;
/// LEEF's own keys that such a name could be.
const TAKEN: [&str; 3] = ["resourceType", "resourceMetadata", "subjectMetadata"];

/// Why a text is no such path, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetadataKey {
    /// It names no metadata.
    #[error("it must begin with 'resource.metadata.' or 'subject.metadata.'")]
    Elsewhere,
    /// Nothing of it can stand in a key.
    #[error("a key in a message is made of Latin letters and digits, and this one has none")]
    NoLetters,
    /// It is too long.
    #[error("it has more than {PATH_BYTES_MAX} bytes")]
    TooLong,
    /// Its name in a message is that of something else.
    #[error("its key in a message would be '{0}', which says something else there")]
    Taken(String),
}

impl MetadataKey {
    /// Reads a path.
    ///
    /// # Errors
    /// [`InvalidMetadataKey`].
    pub fn parse(path: &str) -> Result<Self, InvalidMetadataKey> {
        if path.len() > PATH_BYTES_MAX {
            return Err(InvalidMetadataKey::TooLong);
        }
        let of_resource = path.strip_prefix("resource.metadata.").map(|key| (MetadataOf::Resource, "resource", key));
        let of_subject = || path.strip_prefix("subject.metadata.").map(|key| (MetadataOf::Subject, "subject", key));
        let (of, begin, key) = of_resource.or_else(of_subject).ok_or(InvalidMetadataKey::Elsewhere)?;
        let camel = camel_case(key);
        if camel.is_empty() {
            return Err(InvalidMetadataKey::NoLetters);
        }
        let name = format!("{begin}{camel}");
        match TAKEN.iter().find(|taken| taken.eq_ignore_ascii_case(&name)) {
            Some(taken) => Err(InvalidMetadataKey::Taken((*taken).to_owned())),
            None => Ok(Self { of, key: key.to_owned(), name }),
        }
    }

    /// Whose metadata.
    #[must_use]
    pub fn of(&self) -> MetadataOf {
        self.of
    }

    /// The key in the event.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key in LEEF: `resource` or `subject`, and the key in camel case; Latin letters and digits only.
    #[must_use]
    pub fn leef(&self) -> &str {
        &self.name
    }

    /// The key in CEF, as its standard wants a producer's own keys: vendor, product, name.
    #[must_use]
    pub fn cef(&self) -> String {
        let (first, rest) = self.name.split_at(1);
        format!("AuditwireCloudAudit{}{rest}", first.to_ascii_uppercase())
    }

    /// The parameter in structured data: LEEF's key, cut to 32 characters.
    #[must_use]
    pub fn sd(&self) -> &str {
        &self.name[..self.name.len().min(SD_NAME_BYTES_MAX)]
    }

    /// Whether the two have one key in a message of some format. Receivers disagree about case, so it makes no difference.
    #[must_use]
    pub fn collides(&self, other: &Self) -> bool {
        // Two names that are the same are the same when cut.
        self.sd().eq_ignore_ascii_case(other.sd())
    }
}

/// The words of a key, each with a capital, joined. A word is a run of Latin letters and digits.
fn camel_case(key: &str) -> String {
    let words = key.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.flat_map(|word| word[..1].to_ascii_uppercase().chars().chain(word[1..].chars()).collect::<Vec<_>>()).collect()
}

impl fmt::Display for MetadataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.of {
            MetadataOf::Subject => "subject",
            MetadataOf::Resource => "resource",
        };
        write!(f, "{of}.metadata.{}", self.key)
    }
}

impl From<MetadataKey> for String {
    fn from(key: MetadataKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for MetadataKey {
    type Error = InvalidMetadataKey;

    fn try_from(path: String) -> Result<Self, Self::Error> {
        Self::parse(&path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_every_format() {
        let key = MetadataKey::parse("subject.metadata.geo.city_name").unwrap();
        assert_eq!((key.of(), key.key()), (MetadataOf::Subject, "geo.city_name"));
        let names = (key.cef(), key.leef(), key.sd());
        assert_eq!(
            names,
            ("AuditwireCloudAuditSubjectGeoCityName".to_owned(), "subjectGeoCityName", "subjectGeoCityName")
        );
        assert_eq!(key.to_string(), "subject.metadata.geo.city_name");
        let long = MetadataKey::parse(&format!("resource.metadata.{}", "ab".repeat(30))).unwrap();
        assert_eq!((long.sd().len(), long.leef().len()), (32, 68));
        assert_eq!(MetadataKey::parse("resource.metadata.тенант-id=1").unwrap().leef(), "resourceId1");
    }

    #[test]
    fn what_has_no_name_is_refused() {
        use InvalidMetadataKey::{Elsewhere, NoLetters, Taken, TooLong};
        let refused = |path: &str| MetadataKey::parse(path).unwrap_err();
        for path in ["", "metadata.a", "resource.metadata", "status.code", "Resource.metadata.a"] {
            assert_eq!(refused(path), Elsewhere, "{path}");
        }
        assert_eq!((refused("resource.metadata."), refused("subject.metadata.ж-_")), (NoLetters, NoLetters));
        assert_eq!(refused(&format!("subject.metadata.{}", "a".repeat(112))), TooLong);
        for (path, taken) in
            [("resource.metadata.type", "resourceType"), ("subject.metadata.METADATA", "subjectMetadata")]
        {
            assert_eq!(refused(path), Taken(taken.to_owned()));
        }
    }

    #[test]
    fn one_name_for_two_paths() {
        let key = |path: &str| MetadataKey::parse(path).unwrap();
        let collides = |one: &str, other: &str| key(one).collides(&key(other));
        assert!(collides("resource.metadata.user_id", "resource.metadata.userid"));
        assert!(!collides("resource.metadata.id", "subject.metadata.id"));
        let long = format!("resource.metadata.{}", "x".repeat(24));
        assert!(collides(&format!("{long}1"), &format!("{long}2")), "SD cuts both to one name");
    }
}
