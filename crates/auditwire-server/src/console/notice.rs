//! What the last change did, told once on the next page: a message key and its arguments, carried by a cookie.

use form_urlencoded::Serializer;

use super::words::Words;

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Suffix of the Fluent key: `notice-<key>`.
    key: String,
    /// Tells what was not done rather than what was.
    warns: bool,
    values: Vec<(String, String)>,
}

impl Notice {
    /// A notice with the argument `$name`; an empty one is left out.
    pub(crate) fn new(key: &str, name: impl Into<String>) -> Self {
        let values = Some(name.into()).filter(|name| !name.is_empty()).map(|name| ("name".to_owned(), name));
        Self { key: key.to_owned(), warns: false, values: values.into_iter().collect() }
    }

    /// A notice that something was not done, and why.
    pub(crate) fn warning(key: &str, name: impl Into<String>) -> Self {
        Self { warns: true, ..Self::new(key, name) }
    }

    /// Adds an argument. `n` is a number; it chooses the plural form, and is there as `$count`, too.
    #[must_use]
    pub(crate) fn and(mut self, name: &str, value: impl ToString) -> Self {
        self.values.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn warns(&self) -> bool {
        self.warns
    }

    /// The text; `None` when there is no such message in this version.
    pub(crate) fn text(&self, words: Words) -> Option<String> {
        let key = format!("notice-{}", self.key);
        let values: Vec<_> = self.values.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        words.has(&key).then(|| words.with_all(&key, &values))
    }

    /// As a cookie's value.
    pub(crate) fn write(&self) -> String {
        let values = Serializer::new(String::new()).extend_pairs(&self.values).finish();
        format!("{}{}|{values}", if self.warns { "!" } else { "" }, self.key)
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        let (key, values) = text.split_once('|')?;
        let (warns, key) = key.strip_prefix('!').map_or((false, key), |key| (true, key));
        let known = key.bytes().all(|c| c.is_ascii_lowercase() || c == b'-');
        let values = form_urlencoded::parse(values.as_bytes()).into_owned().collect();
        known.then(|| Self { key: key.to_owned(), warns, values })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::words::Language;

    #[test]
    fn reads_back_and_is_harmless_in_a_header() {
        for name in ["", "main", "Мой SIEM; =\r\n\"", "a&b=c"] {
            for notice in [Notice::new("siem-stopped", name).and("n", 3), Notice::warning("siem-stopped", name)] {
                let text = notice.write();
                assert!(text.bytes().all(|c| c.is_ascii_graphic() && c != b';'), "{text}");
                assert_eq!(Notice::read(&text), Some(notice));
            }
        }
        assert_eq!(Notice::read("<b>|x"), None);
    }

    #[test]
    fn a_number_chooses_the_plural() {
        let text =
            |n: u64| Notice::new("siem-deleted", "a, b").and("n", n).text(Words(Language::Russian)).expect("is known");
        assert!(text(2).contains("2 подключения"), "{}", text(2));
        assert!(text(5).contains("5 подключений"), "{}", text(5));
        assert_eq!(Notice::new("no-such-notice", "").text(Words(Language::English)), None);
    }
}
