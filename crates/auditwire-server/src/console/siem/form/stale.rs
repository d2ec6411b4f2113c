//! Somebody else changed the connection while it was being edited: what is stored now, beside what was entered.

use auditwire_model::connection::Receiver;

use super::filter::Meaning;
use super::values::{Values, size_text};
use crate::console::visible::line;
use crate::console::words::Words;

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) label: String,
    pub(super) stored: String,
    pub(super) entered: String,
}

/// All fields that differ, in the order of the form.
pub(super) fn differences(words: Words, stored: &Values, entered: &Values) -> Vec<Difference> {
    let rows = rows(words, stored).into_iter().zip(rows(words, entered));
    rows.filter(|((_, stored), (_, entered))| stored != entered)
        .map(|((label, stored), (_, entered))| Difference { label: words.t(label), stored, entered })
        .collect()
}

/// Every field as it would be read aloud. Both sides have the same rows.
fn rows(words: Words, values: &Values) -> Vec<(&'static str, String)> {
    let text = |text: &str| if text.is_empty() { words.t("form-by-default") } else { line(text, 200) };
    let only = |applies: bool, text: String| if applies { text } else { words.t("form-not-used") };
    let (tls, format) = (values.is_tls(), values.format.as_str());
    let header = format != "json";
    vec![
        ("form-name", text(&values.name)),
        ("form-receiver", receiver(words, &values.receiver)),
        ("form-endpoint", text(&values.endpoint)),
        ("form-transport", choice(words, &values.transport)),
        ("form-verify", only(tls, choice(words, &values.verify))),
        ("form-fingerprint", only(tls && values.verify == "fingerprint", text(&values.fingerprint))),
        ("form-server-name", only(tls, text(&values.server_name))),
        ("form-min-version", only(tls, text(&values.min_version))),
        ("form-format", choice(words, &values.format)),
        ("form-mapping", line(&values.mapping, 40)),
        ("form-framing", choice(words, &values.framing)),
        ("form-cef-envelope", only(format == "cef", choice(words, &format!("envelope-{}", values.cef_envelope)))),
        ("form-facility", only(header, text(&values.facility))),
        ("form-hostname", only(header, text(&values.hostname))),
        ("form-app-name", only(header, text(&values.app_name))),
        ("form-bom", only(header, words.t(if values.bom { "form-yes" } else { "form-no" }))),
        ("form-max-bytes", text(&values.max_bytes)),
        ("form-pen", only(format == "rfc5424", text(&values.pen))),
        ("form-overlap", text(&overlap(&values.overlap_bytes))),
        ("form-overlap-seconds", text(&values.overlap_seconds)),
        ("form-heartbeat", text(&values.heartbeat_seconds)),
        ("form-order", choice(words, &format!("order-{}", values.order))),
        ("form-leef-cat", only(format == "leef", choice(words, &format!("cat-{}", values.leef_cat)))),
        ("form-ipv6-in-src", only(format == "cef", words.t(if values.ipv6_in_src { "form-yes" } else { "form-no" }))),
        ("form-metadata-keys", only(header, line(&values.metadata_keys.replace('\n', ", "), 200))),
        ("form-structured-data", only(format == "rfc5424", choice(words, &format!("sd-{}", values.structured_data)))),
        ("form-message", only(format == "rfc5424", choice(words, &format!("message-{}", values.message)))),
        ("form-filter", meaning(words, values)),
        ("form-rate-limit", text(&values.rate_limit)),
    ]
}

/// The same number of bytes reads the same, however it was entered.
fn overlap(entered: &str) -> String {
    entered.parse().map_or_else(|_| entered.to_owned(), size_text)
}

fn receiver(words: Words, value: &str) -> String {
    match Receiver::parse(value) {
        None => words.t("form-receiver-unsaid"),
        Some(Receiver::Other) => words.t("form-receiver-other"),
        Some(receiver) => receiver.name().to_owned(),
    }
}

fn choice(words: Words, value: &str) -> String {
    let key = match value {
        "tcp" => "form-tcp",
        "udp" => "form-udp",
        "tls" => "form-tls",
        "relp" => "form-relp",
        "relp_tls" => "form-relp-tls",
        "full" => "form-verify-full",
        "fingerprint" => "form-verify-fingerprint",
        "off" => "form-verify-off",
        "rfc5424" => "form-raw",
        "cef" => "form-cef",
        "leef" => "form-leef",
        "json" => "form-json",
        "" => "form-framing-fitting",
        "lf" => "form-framing-lf",
        "octet_counting" => "form-framing-counted",
        "envelope-rfc5424" => "form-envelope-rfc5424",
        "envelope-bsd" => "form-envelope-bsd",
        "envelope-none" => "form-envelope-none",
        "cat-outcome" => "form-leef-cat-outcome",
        "cat-source" => "form-leef-cat-source",
        "sd-full" => "form-structured-data-full",
        "sd-ids" => "form-structured-data-ids",
        "sd-none" => "form-structured-data-none",
        "message-json" => "form-message-json",
        "message-text" => "form-message-text",
        "order-strict" => "form-order-strict",
        "order-live_first" => "form-order-live-first",
        other => return line(other, 40),
    };
    words.t(key)
}

fn meaning(words: Words, values: &Values) -> String {
    match Meaning::of(values, words) {
        Meaning::Everything => words.t("form-everything"),
        Meaning::Matching(expression) => expression,
        Meaning::Incomplete => words.t("form-filter-incomplete"),
        Meaning::Unwritten => words.t("form-query-unwritten"),
        Meaning::Wrong(_) => line(&values.query, 200),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::words::Language;

    #[test]
    fn only_what_differs_is_told() {
        let words = Words(Language::English);
        let stored = Values { name: "SIEM".to_owned(), overlap_bytes: "1 MiB".to_owned(), ..Values::new() };
        let same = Values { overlap_bytes: "1048576".to_owned(), server_name: "ignored".to_owned(), ..stored.clone() };
        assert_eq!(differences(words, &stored, &same), []);
        let entered = Values { name: "Other".to_owned(), transport: "udp".to_owned(), ..stored.clone() };
        let told = differences(words, &stored, &entered);
        let told: Vec<_> = told.iter().map(|d| (d.stored.as_str(), d.entered.as_str())).collect();
        assert_eq!(told, [("SIEM", "Other"), ("TCP", "UDP")]);
    }
}
