//! What a CEF reader finds in the message that a receiver parsed, against the published field map.

use std::collections::BTreeMap;

use auditwire_model::wire::read_cef;
use serde_json::Value;

use super::{Parsed, compare_header, header_field};

pub(super) fn compare(name: &str, event: &Value, parsed: &Parsed) {
    compare_header(name, event, parsed, "CEF");
    let read = read_cef::parse(&parsed.msg).unwrap_or_else(|e| panic!("{name}: {e:?}: {}", parsed.msg));
    let got: BTreeMap<String, String> = read.extension.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect();
    assert_eq!(read.device_version, "2", "{name}");
    assert_eq!(read.class_id, header_field(event["action"].as_str().unwrap()), "{name}");
    for (key, value) in expected(event) {
        let limit = limit(key);
        let wanted: String = mapped(&value).chars().take(limit).collect();
        let is = got.get(key).unwrap_or_else(|| panic!("{name}: {key} is missing in {}", parsed.msg));
        if mapped(&value).chars().count() <= limit {
            assert_eq!(trim(key, is), trim(key, &wanted), "{name}: {key} of {event}");
        } else {
            let kept = is.strip_suffix('…').unwrap_or_else(|| panic!("{name}: {key} was cut without saying so: {is}"));
            assert!(wanted.starts_with(kept) && kept.chars().count() < limit, "{name}: {key}: {is}");
        }
    }
    let absent = ["subject.user_id", "eventId", "rawEvent"];
    assert!(absent.iter().all(|key| !got.contains_key(*key)), "{name}: {got:?}");
}

/// Keys whose value is one field of the event, unchanged but for the control-character map.
fn expected(event: &Value) -> Vec<(&'static str, String)> {
    let at = |path: &str| event.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let code = at("/status/code").filter(|c| c.parse::<u16>().is_ok_and(|code| matches!(code, 0..=16 | 100..=599)));
    let fields = [
        ("externalId", at("/event_id")),
        ("cat", at("/source/id")),
        ("sourceServiceName", at("/source/id")),
        ("act", at("/action").filter(|a| a.chars().count() <= 63)),
        ("cn1", code),
        ("cn2", Some(event["seq"].to_string())),
        ("suid", at("/subject/user_id")),
        ("suser", at("/subject/metadata/email").filter(|t| !blank(t))),
        ("cs1", at("/subject/project_id")),
        ("cs2", at("/resource/id")),
        ("cs3", at("/resource/type")),
        ("cs4", at("/request_id")),
        ("destinationServiceName", at("/resource/metadata/service_id")),
        ("c6a1", at("/source/address")),
        ("c6a2", at("/subject/address")),
        ("flexString2", at("/severity")),
        ("AuditwireCloudAuditProject", Some("default".to_owned())),
        ("msg", at("/message")),
    ];
    fields.into_iter().filter_map(|(key, value)| Some((key, value?))).filter(|(_, v)| !blank(v)).collect()
}

/// LF and CR have an escape in CEF and come back; every other control character is one blank.
fn mapped(text: &str) -> String {
    let control = |c: char| (c.is_control() && c != '\n' && c != '\r') || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().map(|c| if control(c) { ' ' } else { c }).collect()
}

/// Blanks at the very end of a message are lost on the way; `msg` is last.
fn trim<'a>(key: &str, value: &'a str) -> &'a str {
    if key == "msg" { value.trim_end_matches(' ') } else { value }
}

fn blank(text: &str) -> bool {
    mapped(text).trim().is_empty()
}

/// Characters that the dictionary allows.
fn limit(key: &str) -> usize {
    match key {
        "externalId" => 40,
        "act" => 63,
        "cs1" | "cs2" | "cs3" | "cs4" => 4000,
        _ => 1023,
    }
}
