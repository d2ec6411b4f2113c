//! The console's texts in the reader's language, from the Fluent files in `locales/`.
//!
//! Both languages have the same messages (a test compares them, and what templates ask for). Marks that isolate arguments are
//! left out: pages wrap what users wrote in `<bdi>`.

use std::sync::LazyLock;

use axum::http::{HeaderMap, header};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

/// A language of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Language {
    English,
    Russian,
}

macro_rules! texts {
    ($($language:literal),+; $files:tt) => { [$(texts!(@one $language $files)),+] };
    (@one $language:literal [$($file:literal),+ $(,)?]) => {
        ($language, &[$(($file, include_str!(concat!("../../locales/", $language, "/", $file, ".ftl")))),+])
    };
}

/// Every file of every language, in the order of [`Language::ALL`].
type Sources = [(&'static str, &'static [(&'static str, &'static str)]); 2];
const SOURCES: Sources = texts!("en", "ru"; ["frame", "account", "events", "search", "siem", "alerts", "retention", "overview", "form", "check", "replay", "delivery", "errors"]);

static BUNDLES: LazyLock<[FluentBundle<FluentResource>; 2]> = LazyLock::new(|| {
    let [(_, english), (_, russian)] = SOURCES;
    [bundle(Language::English, english), bundle(Language::Russian, russian)]
});

fn bundle(language: Language, files: &[(&str, &str)]) -> FluentBundle<FluentResource> {
    let id: LanguageIdentifier = language.tag().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    bundle.set_use_isolating(false);
    for (name, text) in files {
        // The files are part of the binary; the tests refuse one that does not read or defines a message twice.
        let resource = FluentResource::try_new((*text).to_owned()).unwrap_or_else(|(partial, _)| partial);
        if bundle.add_resource(resource).is_err() {
            tracing::error!(name, "a message is defined twice");
        }
    }
    bundle
}

impl Language {
    /// All of them; the first is spoken when nothing else is asked for.
    pub(crate) const ALL: [Self; 2] = [Self::English, Self::Russian];

    /// The BCP 47 tag.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
        }
    }

    /// Its name in itself.
    pub(crate) fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Russian => "Русский",
        }
    }

    pub(crate) fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// The first language of `Accept-Language` that is ours, by weight (RFC 9110 section 12.5.4).
    pub(crate) fn accepted(headers: &HeaderMap) -> Self {
        let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let mut best = (Self::English, 0.0);
        for range in header.split(',') {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let weight: f32 = weight.trim().strip_prefix("q=").and_then(|q| q.parse().ok()).unwrap_or(0.0);
            let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            if let Some(language) = Self::parse(&primary)
                && weight > best.1
            {
                best = (language, weight);
            }
        }
        best.0
    }
}

/// Looks up texts in one language. Cheap to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words(pub(crate) Language);

impl Words {
    /// A message without arguments.
    pub(crate) fn t(self, key: &str) -> String {
        self.format(key, None).unwrap_or_else(|| missing(key))
    }

    /// A message if there is one of this key.
    pub(crate) fn find(self, key: &str) -> Option<String> {
        self.format(key, None)
    }

    /// A message with one text argument.
    pub(crate) fn with(self, key: &str, name: &str, value: impl Into<String>) -> String {
        self.with_all(key, &[(name, value.into())])
    }

    /// Whether there is a message of this key.
    pub(crate) fn has(self, key: &str) -> bool {
        self.bundle().has_message(key)
    }

    /// A message with text arguments. One called `n` is a number: it selects the plural form, `$count` is how it is written.
    pub(crate) fn with_all(self, key: &str, values: &[(&str, String)]) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in values {
            match value.parse::<u64>() {
                Ok(n) if *name == "n" => {
                    args.set("n", FluentValue::from(n));
                    args.set("count", FluentValue::from(self.number(n)));
                }
                _ => args.set(*name, FluentValue::from(value.as_str())),
            }
        }
        self.format(key, Some(&args)).unwrap_or_else(|| missing(key))
    }

    /// A message that counts: `$n` selects the plural form, `$count` is the number as it is written.
    pub(crate) fn count(self, key: &str, n: u64) -> String {
        self.with_all(key, &[("n", n.to_string())])
    }

    /// A whole number with its thousands apart.
    pub(crate) fn number(self, n: u64) -> String {
        let digits = n.to_string();
        let separator = match self.0 {
            Language::English => ",",
            Language::Russian => "\u{a0}",
        };
        let mut out = String::with_capacity(digits.len() * 2);
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                out.push_str(separator);
            }
            out.push(digit);
        }
        out
    }

    /// A number that is not negative, as exact as people want to read it: one digit after the point below ten.
    pub(crate) fn roughly(self, n: f64) -> String {
        let tenths = format!("{n:.1}");
        let whole = tenths.strip_suffix(".0");
        match (whole, self.0) {
            _ if n >= 9.95 => format!("{n:.0}").parse().map_or(tenths, |n| self.number(n)),
            (Some(whole), _) => whole.to_owned(),
            (None, Language::English) => tenths,
            (None, Language::Russian) => tenths.replace('.', ","),
        }
    }

    fn bundle(self) -> &'static FluentBundle<FluentResource> {
        match self.0 {
            Language::English => &BUNDLES[0],
            Language::Russian => &BUNDLES[1],
        }
    }

    fn format(self, key: &str, args: Option<&FluentArgs<'_>>) -> Option<String> {
        let bundle = self.bundle();
        let pattern = bundle.get_message(key)?.value()?;
        let mut problems = Vec::new();
        let text = bundle.format_pattern(pattern, args, &mut problems).into_owned();
        if !problems.is_empty() {
            tracing::error!(key, ?problems, "a text of the console could not be made whole");
        }
        Some(text)
    }
}

/// A page with a bare key in it is better than none.
fn missing(key: &str) -> String {
    tracing::error!(key, "a text of the console is missing");
    key.to_owned()
}

#[cfg(test)]
mod tests;
