//! What the last change did, told once on the next page: a message key and one text, carried by a cookie.

use form_urlencoded::byte_serialize;

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Suffix of the Fluent key: `notice-<key>`.
    pub(crate) key: String,
    /// Its argument `$name`; may be empty.
    pub(crate) name: String,
}

impl Notice {
    pub(crate) fn new(key: &str, name: impl Into<String>) -> Self {
        Self { key: key.to_owned(), name: name.into() }
    }

    /// As a cookie's value.
    pub(crate) fn write(&self) -> String {
        let name: String = byte_serialize(self.name.as_bytes()).collect();
        format!("{}|{name}", self.key)
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        let (key, name) = text.split_once('|')?;
        let known = key.bytes().all(|c| c.is_ascii_lowercase() || c == b'-');
        let name =
            form_urlencoded::parse(name.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default();
        known.then(|| Self { key: key.to_owned(), name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_and_is_harmless_in_a_header() {
        for name in ["", "main", "Мой SIEM; =\r\n\"", "a&b=c"] {
            let notice = Notice::new("siem-activated", name);
            let text = notice.write();
            assert!(text.bytes().all(|c| c.is_ascii_graphic() && c != b';'), "{text}");
            assert_eq!(Notice::read(&text), Some(notice));
        }
        assert_eq!(Notice::read("<b>|x"), None);
    }
}
