//! Reads one message back and says what is wrong with it, for people.

use auditwire_model::wire::{read_cef, read_json, read_leef, read5424};
use serde_json::{Map, Value, json};

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Inspection {
    /// `rfc5424`, `cef`, `leef`, `json` or `unknown`.
    pub(crate) format: &'static str,
    /// What breaks the rules; empty for a valid message.
    pub(crate) problems: Vec<String>,
    /// Our position in the log, if the message tells it.
    pub(crate) seq: Option<u64>,
    /// Our delivery number.
    pub(crate) n: Option<u64>,
    /// Our event id.
    pub(crate) event_id: Option<String>,
    /// All fields of the message.
    pub(crate) fields: Value,
}

impl Inspection {
    fn invalid(format: &'static str, problem: impl Into<String>) -> Self {
        Self { format, problems: vec![problem.into()], seq: None, n: None, event_id: None, fields: Value::Null }
    }
}

/// Reads a message of whatever format.
pub(crate) fn inspect(bytes: &[u8]) -> Inspection {
    if is_rfc5424(bytes) {
        return rfc5424(bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Inspection::invalid("unknown", "not UTF-8, and not RFC 5424");
    };
    if text.starts_with('{') {
        return json(text);
    }
    keyed(text).unwrap_or_else(|| {
        let formats = "RFC 5424 (`<PRI>1 …`), CEF (`… CEF:0|…`), LEEF (`… LEEF:2.0|…`), JSON (`{…}`)";
        Inspection::invalid("unknown", format!("none of {formats}"))
    })
}

/// CEF or LEEF, whichever begins first: each may be quoted in a value of the other.
fn keyed(text: &str) -> Option<Inspection> {
    match (text.find("CEF:"), text.find("LEEF:")) {
        (Some(cef_at), Some(leef_at)) if leef_at < cef_at => Some(leef(text)),
        (Some(_), _) => Some(cef(text)),
        (None, Some(_)) => Some(leef(text)),
        (None, None) => None,
    }
}

/// `<digits>digit`: a BSD header has a letter there.
fn is_rfc5424(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"<") else { return false };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && rest.get(digits) == Some(&b'>') && rest.get(digits + 1).is_some_and(u8::is_ascii_digit)
}

fn rfc5424(bytes: &[u8]) -> Inspection {
    let message = match read5424::parse(bytes) {
        Ok(message) => message,
        Err(problem) => return Inspection::invalid("rfc5424", problem.to_string()),
    };
    let text = message.msg.map(String::from_utf8_lossy);
    let mut fields = json!({
        "facility": message.facility, "severity": message.severity, "timestamp": message.timestamp,
        "hostname": message.hostname, "app_name": message.app_name, "proc_id": message.proc_id,
        "msg_id": message.msg_id, "bom": message.bom,
    });
    let inner = text.as_deref().filter(|text| text.starts_with("CEF:") || text.starts_with("LEEF:"));
    if let Some(mut seen) = inner.and_then(keyed) {
        fields[seen.format] = seen.fields;
        seen.fields = fields;
        return seen;
    }
    let ours = message.elements.iter().find(|element| element.id.starts_with("audit@"));
    let param = |name: &str| ours.and_then(|element| element.param(name));
    let elements: Map<String, Value> = message
        .elements
        .iter()
        .map(|element| {
            let params = element.params.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
            (element.id.to_owned(), Value::Object(params.collect()))
        })
        .collect();
    fields["structured_data"] = Value::Object(elements);
    fields["msg"] = json!(text);
    Inspection {
        format: "rfc5424",
        problems: Vec::new(),
        seq: param("seq").and_then(|seq| seq.parse().ok()),
        n: param("n").and_then(|n| n.parse().ok()),
        event_id: param("event_id").map(str::to_owned),
        fields,
    }
}

fn cef(text: &str) -> Inspection {
    let message = match read_cef::parse(text) {
        Ok(message) => message,
        Err(problem) => return Inspection::invalid("cef", problem.to_string()),
    };
    let custom = |key: &str, label: &str| {
        let labelled = message.get(&format!("{key}Label")) == Some(label);
        message.get(key).filter(|_| labelled).and_then(|value| value.parse().ok())
    };
    let extension: Map<String, Value> =
        message.extension.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    Inspection {
        format: "cef",
        problems: Vec::new(),
        seq: custom("cn2", "Sequence"),
        n: custom("cn3", "DeliveryNumber"),
        event_id: message.get("externalId").map(str::to_owned),
        fields: json!({
            "envelope": message.envelope, "version": message.version, "vendor": message.vendor,
            "product": message.product, "device_version": message.device_version, "class_id": message.class_id,
            "name": message.name, "severity": message.severity, "extension": extension,
        }),
    }
}

fn leef(text: &str) -> Inspection {
    let message = match read_leef::parse(text) {
        Ok(message) => message,
        Err(problem) => return Inspection::invalid("leef", problem.to_string()),
    };
    let ours = (message.vendor, message.product) == ("Auditwire", "Cloud Audit");
    let own = |key: &str| message.get(key).filter(|_| ours);
    let attributes: Map<String, Value> =
        message.attributes.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    Inspection {
        format: "leef",
        problems: Vec::new(),
        seq: own("seq").and_then(|seq| seq.parse().ok()),
        n: own("n").and_then(|n| n.parse().ok()),
        event_id: own("eventId").map(str::to_owned),
        fields: json!({
            "envelope": message.envelope, "version": message.version, "vendor": message.vendor,
            "product": message.product, "product_version": message.product_version, "event_id": message.event_id,
            "delimiter": message.delimiter, "attributes": attributes,
        }),
    }
}

fn json(text: &str) -> Inspection {
    let message = match read_json::parse(text) {
        Ok(message) => message,
        Err(problem) => return Inspection::invalid("json", problem.to_string()),
    };
    Inspection {
        format: "json",
        problems: Vec::new(),
        seq: message.seq,
        n: Some(message.n),
        event_id: Some(message.event_id),
        fields: serde_json::from_str(text).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_numbers_are_found_in_every_carrier() {
        let cef = "CEF:0|Auditwire|Cloud Audit|1|user-signin|User sign-in|5|externalId=e1 cn2=7 cn2Label=Sequence cn3=3 \
                   cn3Label=DeliveryNumber msg=Вход \\= ok";
        let leef =
            "LEEF:2.0|Auditwire|Cloud Audit|1|user-signin|^|devTime=1795341600123^eventId=e1^seq=7^n=3^msg=not CEF:0|";
        let json = r#"{"event_id":"e1","seq":7,"timestamp":"2026-11-22T10:00:00Z","received_at":"2026-11-22T10:00:01Z","plane":"data","action":"a","severity":"INFO","message":"LEEF:2.0|","outcome":"unknown","n":3}"#;
        let raw = r#"<110>1 2026-11-22T10:00:00.123Z h auditwire - user-signin [audit@32473 event_id="e1" seq="7" n="3"] {"a":1}"#;
        let lines = [
            (raw.to_owned(), "rfc5424"),
            (cef.to_owned(), "cef"),
            (format!("<110>1 2026-11-22T10:00:00.123Z h CEF - - - {cef}"), "cef"),
            (format!("<110>Nov 22 10:00:00 h {cef}"), "cef"),
            (leef.to_owned(), "leef"),
            (format!("<110>1 2026-11-22T10:00:00.123Z h auditwire - - - {leef}"), "leef"),
            (format!("<110>Nov 22 10:00:00 h {leef}"), "leef"),
            (json.to_owned(), "json"),
        ];
        for (line, format) in lines {
            let seen = inspect(line.as_bytes());
            assert_eq!(seen.problems, Vec::<String>::new(), "{line}");
            assert_eq!(
                (seen.format, seen.seq, seen.n, seen.event_id.as_deref()),
                (format, Some(7), Some(3), Some("e1"))
            );
        }
    }

    #[test]
    fn a_foreign_message_has_no_numbers_of_ours() {
        let seen = inspect(br#"<34>1 2003-10-11T22:14:15.003Z m su - ID47 [x@1 seq="7"] hello"#);
        assert_eq!((seen.problems.len(), seen.seq, seen.n), (0, None, None));
        let other = inspect(b"LEEF:1.0|Vendor|Product|1|id|seq=7\tn=8");
        assert_eq!((other.problems.len(), other.seq, other.n), (0, None, None));
        assert_eq!(seen.fields["structured_data"]["x@1"]["seq"], "7");
        assert_eq!(seen.fields["msg"], "hello");
    }

    #[test]
    fn what_breaks_the_rules_is_explained() {
        for (bytes, format) in [
            (&b"<192>1 - - - - - -"[..], "rfc5424"),
            (b"<13>1 2026-11-22 h a - - - x", "rfc5424"),
            (b"<13>1 - h a - - [x y=\"z\"", "rfc5424"),
            (b"CEF:0|a|b|c|d|e", "cef"),
            (b"CEF:0|a|b|c|d|e|99|", "cef"),
            (b"LEEF:2.0|a|b|c|d|^|seq", "leef"),
            (b"<13>1 - h a - - - LEEF:2.0|a|b|c|d|^|seq=1^seq=2", "leef"),
            (b"{\"event_id\":\"e\"}", "json"),
            (b"{", "json"),
            (b"<34>Oct 11 22:14:15 m su: hello", "unknown"),
            (b"\xff\xfe", "unknown"),
            (b"", "unknown"),
        ] {
            let seen = inspect(bytes);
            assert_eq!(seen.format, format, "{}", String::from_utf8_lossy(bytes));
            assert!(!seen.problems.is_empty(), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
