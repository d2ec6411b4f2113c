//! What a LEEF reader finds in the message that a receiver parsed, against the published field map.

use std::collections::BTreeMap;

use auditwire_model::wire::read_leef;
use serde_json::Value;

use super::{Parsed, compare_header, header_field, without_controls};

pub(super) fn compare(name: &str, event: &Value, parsed: &Parsed) {
    compare_header(name, event, parsed, "auditwire");
    let read = read_leef::parse(&parsed.msg).unwrap_or_else(|e| panic!("{name}: {e}: {}", parsed.msg));
    let got: BTreeMap<&str, &str> = read.attributes.iter().copied().collect();
    assert_eq!((read.version, read.vendor, read.product, read.delimiter), ("2.0", "Auditwire", "Cloud Audit", '^'));
    assert_eq!(read.event_id, header_field(event["action"].as_str().unwrap()), "{name}");
    for (key, value) in expected(event) {
        let wanted = without_controls(&value).replace('^', " ").replace('|', "/");
        let wanted = if key == "msg" { wanted.trim_end_matches(' ') } else { &wanted };
        assert_eq!(got.get(key).copied(), Some(wanted), "{name}: {key} of {event}");
    }
    assert_eq!(got.get("truncated"), None, "{name}");
}

/// Keys whose value is one field of the event, unchanged but for the control-character map.
fn expected(event: &Value) -> Vec<(&'static str, String)> {
    let at = |path: &str| event.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let cat = match (at("/source/id"), event["outcome"].as_str()) {
        (Some(source), Some(outcome @ ("success" | "failure"))) => Some(format!("{source}.{outcome}")),
        (source, _) => source,
    };
    let fields = [
        ("cat", cat),
        ("project", Some("default".to_owned())),
        ("eventId", at("/event_id")),
        ("seq", Some(event["seq"].to_string())),
        ("usrName", at("/subject/metadata/email")),
        ("accountName", at("/subject/user_id")),
        ("src", at("/subject/address")),
        ("sourceAddress", at("/source/address")),
        ("projectId", at("/subject/project_id")),
        ("resource", at("/resource/id")),
        ("resourceType", at("/resource/type")),
        ("requestId", at("/request_id")),
        ("statusCode", at("/status/code")),
        ("statusMessage", at("/status/message")),
        ("severity", at("/severity")),
        ("plane", at("/plane")),
        ("msg", at("/message")),
    ];
    let seen = |text: &str| !without_controls(text).replace('^', " ").trim().is_empty();
    fields.into_iter().filter_map(|(key, value)| Some((key, value?))).filter(|(_, value)| seen(value)).collect()
}
