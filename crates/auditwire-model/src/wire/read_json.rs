//! A strict reader of messages in the format JSON, written from `docs/formats/wire.md` and `docs/formats/event.md`, that says
//! what is wrong and where. Shares no code with the writer.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Problem;
use crate::{Severity, Timestamp};

/// One message. Members stand in it as in the API's answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields of an event; docs/formats/event.md says what they mean")]
pub struct JsonMessage {
    pub event_id: String,
    pub seq: Option<u64>,
    pub timestamp: String,
    pub received_at: String,
    pub plane: String,
    pub action: String,
    pub severity: String,
    pub message: Option<String>,
    #[serde(default)]
    pub source: Source,
    #[serde(default)]
    pub subject: Subject,
    #[serde(default)]
    pub resource: Resource,
    #[serde(default)]
    pub status: Status,
    pub outcome: String,
    pub request_id: Option<String>,
    #[serde(default)]
    pub labels: Vec<String>,
    /// The delivery number.
    pub n: u64,
    /// The project whose event it is (since the second mapping).
    pub project: Option<String>,
    /// The replay that it belongs to.
    pub replay: Option<String>,
    /// True when the message does not hold all of the event.
    #[serde(default)]
    pub truncated: bool,
}

/// The service that reports.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields of an event; docs/formats/event.md says what they mean")]
pub struct Source {
    pub id: Option<String>,
    pub address: Option<String>,
}

/// Who.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields of an event; docs/formats/event.md says what they mean")]
pub struct Subject {
    pub user_id: Option<String>,
    pub address: Option<String>,
    pub project_id: Option<String>,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// On what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields of an event; docs/formats/event.md says what they mean")]
pub struct Resource {
    pub id: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields of an event; docs/formats/event.md says what they mean")]
pub struct Status {
    pub code: Option<String>,
    pub message: Option<String>,
}

/// Reads one message without its frame.
///
/// # Errors
/// [`Problem`] with the first violation of the rules.
pub fn parse(text: &str) -> Result<JsonMessage, Problem> {
    if let Some(at) = text.bytes().position(|c| c < 0x20 || c == 0x7F) {
        return Problem::at(at, "a control character; the message is one line, and JSON escapes them");
    }
    let message: JsonMessage = match serde_json::from_str(text) {
        Ok(message) => message,
        // One line, so the column is the place.
        Err(error) => return Problem::at(error.column().saturating_sub(1).min(text.len()), error.to_string()),
    };
    match fault(&message) {
        Some((member, rule)) => Problem::at(0, format!("the member '{member}' is not {rule}")),
        None => Ok(message),
    }
}

/// The first member whose text is none of those that it may be.
fn fault(message: &JsonMessage) -> Option<(&'static str, &'static str)> {
    let utc = |time: &str| time.ends_with('Z') && Timestamp::parse(time).is_ok();
    let severity = Severity::parse(&message.severity).is_some_and(|s| s.as_str() == message.severity);
    let rules = [
        ("event_id", !message.event_id.is_empty(), "a text of at least one byte"),
        ("seq", message.seq != Some(0), "a number from 1"),
        ("timestamp", utc(&message.timestamp), "a time in UTC (RFC 3339)"),
        ("received_at", utc(&message.received_at), "a time in UTC (RFC 3339)"),
        ("plane", matches!(message.plane.as_str(), "control" | "data"), "control or data"),
        ("action", !message.action.is_empty(), "a text of at least one byte"),
        ("severity", severity, "one of the nine words"),
        (
            "outcome",
            matches!(message.outcome.as_str(), "success" | "failure" | "unknown"),
            "success, failure or unknown",
        ),
    ];
    rules.into_iter().find(|(_, valid, _)| !valid).map(|(member, _, rule)| (member, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"{"event_id":"e","seq":7,"timestamp":"2026-11-22T10:00:00Z","received_at":"2026-11-22T10:00:01Z","plane":"data","action":"a","severity":"INFO","outcome":"unknown","n":3}"#;

    #[test]
    fn reads_a_message() {
        let read = parse(LEAST).unwrap();
        assert_eq!((read.seq, read.n, read.truncated, read.event_id.as_str()), (Some(7), 3, false, "e"));
        let more = LEAST.replace(
            r#""n":3"#,
            r#""subject":{"metadata":{"email":"u"}},"resource":{"type":"vm"},"labels":["a"],"n":0,"truncated":true"#,
        );
        let read = parse(&more).unwrap();
        assert_eq!((read.subject.metadata["email"].as_str(), read.resource.kind.as_deref()), ("u", Some("vm")));
        assert_eq!((read.labels, read.n, read.truncated), (vec!["a".to_owned()], 0, true));
    }

    #[test]
    fn names_what_is_wrong() {
        for (from, to, words) in [
            (r#","n":3"#, "", "missing field `n`"),
            (r#""n":3"#, r#""n":3,"n":4"#, "duplicate field `n`"),
            (r#""n":3"#, r#""n":-3"#, "expected u64"),
            (r#""n":3"#, r#""n":3,"host":"x""#, "unknown field `host`"),
            (r#""n":3"#, r#""status":{"id":"x"},"n":3"#, "unknown field `id`"),
            (r#""seq":7"#, r#""seq":0"#, "a number from 1"),
            (r#""e""#, r#""""#, "'event_id'"),
            ("10:00:00Z", "10:00:00+03:00", "UTC"),
            ("10:00:01Z", "", "UTC"),
            (r#""data""#, r#""Data""#, "control or data"),
            (r#""INFO""#, r#""info""#, "nine words"),
            (r#""unknown""#, r#""ok""#, "success"),
            ("}", "} x", "trailing"),
            ("{", "", ""),
            (r#""a""#, "\"a\n\"", "control character"),
        ] {
            let text = LEAST.replacen(from, to, 1);
            let problem = parse(&text).unwrap_err();
            assert!(problem.message.contains(words) && problem.position <= text.len(), "{text}: {problem}");
        }
    }
}
