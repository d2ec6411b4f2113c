//! Connections and checks as text. All of it may hold foreign text, so all of it is escaped.

use std::time::Duration;

use serde_json::Value;

use super::table;
use crate::terminal::{Screen, Tone, escape, grouped, shorten};

/// A text field of an answer; empty when it is not there.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// A connection's name, quoted and escaped.
pub(crate) fn name(connection: &Value) -> String {
    format!("\"{}\"", escape(text(connection, "name")))
}

/// How a status is painted.
pub(super) fn tone(status: &str) -> Tone {
    match status {
        "active" => Tone::Good,
        "degraded" => Tone::Warn,
        "failing" => Tone::Bad,
        _ => Tone::Dim,
    }
}

/// One connection completely.
pub(crate) fn connection(connection: &Value, screen: Screen) -> Vec<String> {
    let status = text(connection, "status");
    let mut lines =
        vec![format!("{}  {}", screen.paint(Tone::Bold, name(connection)), screen.paint(tone(status), status))];
    let skip = ["name", "status", "tls", "options", "filter", "delivery", "warnings"];
    fields(&mut lines, connection, "", &skip);
    for part in ["tls", "options", "filter", "delivery"] {
        if connection[part].as_object().is_some_and(|fields| !fields.is_empty()) {
            lines.push(screen.paint(Tone::Bold, part));
            fields(&mut lines, &connection[part], "  ", &["certificates", "last_error", "oldest_unacknowledged_ms"]);
        }
        for certificate in connection[part]["certificates"].as_array().into_iter().flatten() {
            let validity = format!("{} … {}", text(certificate, "not_before"), text(certificate, "not_after"));
            lines.push(format!(
                "  {} certificate {}",
                escape(text(certificate, "role")),
                escape(text(certificate, "subject"))
            ));
            lines.push(format!("    issued by {}, valid {}", escape(text(certificate, "issuer")), escape(&validity)));
            lines.push(format!("    sha256 {}", escape(text(certificate, "sha256"))));
        }
        if let Some(age) = connection[part]["oldest_unacknowledged_ms"].as_u64() {
            lines.push(format!("  {:<24} {}", "oldest_unacknowledged_age", table::age(Duration::from_millis(age))));
        }
        let error = &connection[part]["last_error"];
        if error.is_object() {
            let said =
                format!("last error at {}: {} [{}]", text(error, "at"), text(error, "message"), text(error, "code"));
            lines.push(screen.paint(Tone::Warn, format!("  {}", escape(&said))));
        }
    }
    lines.extend(warnings(connection, screen));
    lines
}

/// What the receiver is known to read wrongly, one a line.
pub(crate) fn warnings(answer: &Value, screen: Screen) -> Vec<String> {
    let line = |warning: &Value| {
        let said = format!("! {} [{}, {}]", text(warning, "message"), text(warning, "code"), text(warning, "field"));
        screen.paint(Tone::Warn, escape(&said))
    };
    answer["warnings"].as_array().into_iter().flatten().map(line).collect()
}

fn fields(lines: &mut Vec<String>, value: &Value, indent: &str, skip: &[&str]) {
    for (key, value) in value.as_object().into_iter().flatten() {
        if skip.contains(&key.as_str()) || value.is_null() {
            continue;
        }
        let text = match value {
            Value::String(text) => escape(text).into_owned(),
            Value::Object(selection) => match selection.get("mode").and_then(Value::as_str) {
                Some("off") => continue,
                Some(mode) => format!("{mode} {}", escape(&selection["values"].to_string())),
                None => escape(&value.to_string()).into_owned(),
            },
            other => escape(&other.to_string()).into_owned(),
        };
        lines.push(format!("{indent}{key:<24} {text}"));
    }
}

/// The stages of a check with marks, codes and remedies, and a last line that sums up.
pub(crate) fn check(report: &Value, screen: Screen) -> Vec<String> {
    let mut lines = Vec::new();
    for stage in report["stages"].as_array().into_iter().flatten() {
        let ok = stage["ok"].as_bool().unwrap_or(false);
        let code = text(stage, "code");
        let tone = match (ok, code) {
            (true, "ok") => Tone::Good,
            (true, _) => Tone::Warn,
            (false, _) => Tone::Bad,
        };
        let mark = if ok { "✓" } else { "✗" };
        let name = shorten(text(stage, "stage"), 12);
        let said = escape(text(stage, "message"));
        let code = if code == "ok" { String::new() } else { format!(" [{}]", escape(code)) };
        let ms = stage["ms"].as_f64().unwrap_or(0.0);
        lines.push(format!("  {} {name:<12} {ms:>6.0} ms  {said}{code}", screen.paint(tone, mark)));
        let remedy = text(stage, "remedy");
        if !remedy.is_empty() {
            lines.push(format!("                            → {}", escape(remedy)));
        }
    }
    let ok = report["ok"].as_bool().unwrap_or(false);
    let confirmed = report["confirmed"].as_bool().unwrap_or(false);
    lines.push(match (ok, confirmed) {
        (true, true) => screen.paint(Tone::Good, "The check passed."),
        (true, false) => screen.paint(Tone::Warn, "Nothing speaks against it, but the receiver cannot confirm."),
        (false, _) => screen.paint(Tone::Bad, "The check failed."),
    });
    lines.extend(warnings(report, screen));
    lines
}

/// What a filter and a format would do: the filter, the last day, the latest messages.
pub(crate) fn preview(preview: &Value, screen: Screen) -> Vec<String> {
    let number = |key: &str| grouped(preview[key].as_u64().unwrap_or(0));
    let at_least = if preview["exact"].as_bool().unwrap_or(false) { "" } else { "at least " };
    let (matched, total) = (number("matched"), number("total"));
    let told = format!("{at_least}{matched} of {at_least}{total} events of the last 24 hours would be sent");
    let mut lines = match text(preview, "filter") {
        "" => vec!["no filter: every event is sent".to_owned()],
        filter => vec![format!("filter: {}", escape(filter))],
    };
    lines.push(screen.paint(Tone::Bold, told));
    let messages = preview["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    if messages.is_empty() {
        lines.push("no event in the log matches".to_owned());
    }
    for message in messages {
        lines.push(String::new());
        // The first mapping stands first, whichever was chosen.
        let other = Some(&message["other"]).filter(|other| other.is_object());
        let second = other.is_none_or(|other| other["mapping"] == 1);
        let mut sides = vec![(if second { 2 } else { 1 }, message)];
        sides.extend(other.map(|other| (if second { 1 } else { 2 }, other)));
        sides.sort_by_key(|(mapping, _)| *mapping);
        for (mapping, side) in sides {
            let (about, shown) = one_message(side);
            let mapping = if other.is_some() { format!(", mapping {mapping}") } else { String::new() };
            lines.push(screen.paint(Tone::Dim, format!("seq {}{mapping}{about}", message["seq"])));
            lines.push(shown);
        }
    }
    lines.extend(warnings(preview, screen));
    lines
}

/// What is said about a message, and the message.
fn one_message(message: &Value) -> (String, String) {
    let cut = if message["truncated"].as_bool().unwrap_or(false) { ", values were cut to fit" } else { "" };
    let (size, shown) = match (message["text"].as_str(), message["base64"].as_str()) {
        (Some(text), _) => (format!(", {} bytes", grouped(text.len() as u64)), escape(text).into_owned()),
        (None, Some(bytes)) => (", not UTF-8, in Base64".to_owned(), escape(bytes).into_owned()),
        (None, None) => (", no message".to_owned(), escape(text(message, "error")).into_owned()),
    };
    (format!("{size}{cut}"), shown)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PLAIN: Screen = Screen { fancy: false, columns: 80, aside: false };

    #[test]
    fn a_check_shows_marks_codes_and_remedies() {
        let report = json!({ "ok": false, "confirmed": false, "stages": [
            { "stage": "address", "ok": true, "code": "ok", "message": "allowed", "remedy": "", "ms": 0 },
            { "stage": "connect", "ok": false, "code": "connect_refused", "message": "nobody listens", "remedy": "start it", "ms": 3 },
        ] });
        let text = check(&report, PLAIN).join("\n");
        for part in ["✓ address", "✗ connect", "[connect_refused]", "→ start it", "The check failed."] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("[ok]"));
    }

    #[test]
    fn a_preview_shows_the_effect_and_each_message() {
        let shown = preview(
            &json!({ "filter": "source.id = iam", "matched": 1_234, "total": 5_678, "exact": false, "messages": [
                { "seq": 9, "text": "<109>1 a\u{1b}b", "truncated": true },
                { "seq": 8, "base64": "/w==", "truncated": false },
                { "seq": 7, "error": "too large", "truncated": false },
            ] }),
            PLAIN,
        )
        .join("\n");
        for part in [
            "filter: source.id = iam\n",
            "at least 1,234 of at least 5,678 events",
            "seq 9, 10 bytes, values were cut to fit\n<109>1 a\\u{1b}b\n",
            "seq 8, not UTF-8, in Base64\n/w==",
            "seq 7, no message\ntoo large",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        let shown = preview(&json!({ "filter": "", "matched": 0, "total": 0, "exact": true, "messages": [] }), PLAIN);
        assert_eq!(shown.len(), 3, "{shown:?}");
    }

    #[test]
    fn both_mappings_are_shown_the_first_one_first() {
        let of = |chosen: &str, other: u8, theirs: &str| {
            let other = json!({ "mapping": other, "text": theirs, "truncated": true });
            let message = json!({ "seq": 9, "text": chosen, "truncated": false, "other": other });
            preview(&json!({ "filter": "", "matched": 1, "total": 1, "exact": true, "messages": [message] }), PLAIN)
                .join("\n")
        };
        let shown = of("old", 2, "newer");
        assert!(
            shown.contains("seq 9, mapping 1, 3 bytes\nold\nseq 9, mapping 2, 5 bytes, values were cut to fit\nnewer"),
            "{shown}"
        );
        let shown = of("newer", 1, "old");
        assert!(
            shown.contains("seq 9, mapping 1, 3 bytes, values were cut to fit\nold\nseq 9, mapping 2, 5 bytes\nnewer"),
            "{shown}"
        );
    }

    #[test]
    fn a_warning_is_shown_with_its_code_and_field() {
        let warned = json!({ "name": "a", "status": "inactive", "warnings": [
            { "code": "receiver_size", "field": "options.max_bytes", "message": "too\nlarge" },
        ] });
        let line = "! too\\nlarge [receiver_size, options.max_bytes]";
        assert!(connection(&warned, PLAIN).contains(&line.to_owned()), "{:?}", connection(&warned, PLAIN));
        assert_eq!(warnings(&warned, PLAIN), [line]);
        assert_eq!(connection(&warned, PLAIN).iter().filter(|line| line.contains("receiver_size")).count(), 1);
    }

    #[test]
    fn everything_of_a_connection_is_shown_but_what_is_off() {
        let shown = connection(
            &json!({
                "id": "c1", "name": "a", "status": "failing", "cause": "connect_refused", "rate_limit": null,
                "tls": { "verify": "full", "certificates": [{ "role": "ca", "subject": "CN=x", "sha256": "ab" }] },
                "filter": { "kind": "general", "status": { "mode": "only", "values": ["4xx"] }, "source": { "mode": "off" } },
                "delivery": { "cursor": 5, "oldest_unacknowledged_ms": 200_000, "reconnects": 4, "last_error": { "code": "connect_refused", "message": "no\nbody", "at": "T" } }
            }),
            PLAIN,
        )
        .join("\n");
        for part in
            ["failing", "c1", "connect_refused", "CN=x", "only [\"4xx\"]", "cursor", "reconnects", "3 min", "no\\nbody"]
        {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        assert!(!shown.contains("rate_limit") && !shown.contains("source"));
    }
}
