//! What real receivers parse is what was sent, field by field, for every receiver, transport and format.

use std::collections::{BTreeMap, BTreeSet};

use auditwire_model::wire::read_json;
use serde_json::{Map, Value, json};

use crate::world::real::{self, Receiver};
use crate::world::service::{EVENTS, Service};

/// A way to a receiver: the name of its input, the connection's transport and framing.
struct Way {
    input: &'static str,
    transport: &'static str,
    framing: &'static str,
}

const RSYSLOG: &[Way] = &[
    Way { input: "tcp", transport: "tcp", framing: "lf" },
    Way { input: "tcp", transport: "tcp", framing: "octet_counting" },
    Way { input: "udp", transport: "udp", framing: "lf" },
    Way { input: "tls", transport: "tls", framing: "lf" },
    Way { input: "tls", transport: "tls", framing: "octet_counting" },
    Way { input: "relp", transport: "relp", framing: "lf" },
    Way { input: "relp-tls", transport: "relp_tls", framing: "lf" },
];

const SYSLOG_NG: &[Way] = &[
    Way { input: "syslog", transport: "tcp", framing: "octet_counting" },
    Way { input: "syslog-tls", transport: "tls", framing: "octet_counting" },
    Way { input: "network", transport: "tcp", framing: "lf" },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rsyslog_reads_every_field() {
    let Some(root) = real::root("rsyslog") else { return };
    let receiver = real::rsyslog(&root).await;
    for way in RSYSLOG {
        sent_equals_read(&receiver, way, rsyslog_fields).await;
        json_is_exact(&receiver, way).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn syslog_ng_reads_every_field() {
    let Some(root) = real::root("syslog-ng") else { return };
    let receiver = real::syslog_ng(&root).await;
    for way in SYSLOG_NG {
        sent_equals_read(&receiver, way, syslog_ng_fields).await;
    }
}

/// A message as a receiver parsed it.
struct Parsed {
    pri: u64,
    timestamp: String,
    hostname: String,
    app: String,
    msgid: String,
    sd: BTreeMap<String, String>,
    msg: String,
}

async fn sent_equals_read(receiver: &Receiver, way: &Way, fields: fn(&Value) -> Parsed) {
    for format in ["rfc5424", "cef", "leef"] {
        let name = format!("{}-{}-{format}", way.input, way.framing);
        let (_service, sent) = send(receiver, way, format, &name).await;
        let messages =
            receiver.wait(sent.len(), |m| fields(m).hostname == name && fields(m).msg.contains("corpus")).await;
        assert_eq!(messages.len(), sent.len(), "{name}");
        for (event, message) in sent.iter().zip(&messages) {
            let parsed = fields(message);
            match format {
                "cef" => cef::compare(&name, event, &parsed),
                "leef" => leef::compare(&name, event, &parsed),
                _ => compare_rfc5424(&name, event, &parsed),
            }
        }
    }
}

/// JSON has no header that a receiver could parse: what counts is that every byte comes through.
async fn json_is_exact(receiver: &Receiver, way: &Way) {
    let name = format!("{}-{}-json", way.input, way.framing);
    let (_service, sent) = send(receiver, way, "json", &name).await;
    let ids: BTreeSet<&str> = sent.iter().map(|event| event["event_id"].as_str().unwrap()).collect();
    let read = |message: &Value| serde_json::from_str::<Value>(message["raw"].as_str().unwrap_or_default()).ok();
    let ours =
        |message: &Value| read(message).is_some_and(|m| ids.contains(m["event_id"].as_str().unwrap_or_default()));
    let messages = receiver.wait(sent.len(), ours).await;
    assert_eq!(messages.len(), sent.len(), "{name}");
    let mut before = 0;
    for (event, message) in sent.iter().zip(&messages) {
        let text = message["raw"].as_str().unwrap();
        read_json::parse(text).unwrap_or_else(|e| panic!("{name}: {e}: {text}"));
        let mut body = read(message).unwrap();
        let n = body.as_object_mut().unwrap().remove("n").and_then(|n| n.as_u64()).unwrap();
        assert_eq!(body.as_object_mut().unwrap().remove("project"), Some(json!("default")), "{name}");
        assert!(n > before, "{name}: {n} after {before}");
        before = n;
        assert_eq!(&body, event, "{name}");
    }
}

/// Activates a connection of that name and posts the corpus: the service, which sends as long as it is kept, and what it
/// stored.
async fn send(receiver: &Receiver, way: &Way, format: &str, name: &str) -> (Service, Vec<Value>) {
    // A service of its own each time, so that `seq` tells the messages of this round apart.
    let service = Service::start().await;
    let largest = if way.transport == "udp" { 65_507 } else { 256 * 1024 - 1 };
    let mut connection = json!({
        "name": name, "endpoint": receiver.endpoint(way.input), "transport": way.transport,
        "format": format, "framing": way.framing,
        "options": { "hostname": name, "max_bytes": largest, "facility": 16 },
    });
    if way.transport.ends_with("tls") {
        connection["tls"] = json!({ "pem": receiver.pki.ca });
    }
    let id = service.create(&connection).await;
    let first = service.activate(&id, "now").await["start_at"].as_u64().unwrap();
    let events = corpus(if way.transport == "udp" { 40_000 } else { 65_536 });
    let report = service.post(EVENTS, &Value::Array(events.clone())).await.expect(200);
    assert_eq!((&report["accepted"], &report["rejected"]), (&json!(events.len()), &json!([])), "{report}");
    let of_corpus = |e: &Value| e["seq"].as_u64().unwrap() >= first && e["source"]["id"] == "corpus";
    let sent: Vec<Value> = service.all_events().await.into_iter().filter(of_corpus).collect();
    assert_eq!(sent.len(), events.len(), "{name}");
    (service, sent)
}

fn compare_rfc5424(name: &str, event: &Value, parsed: &Parsed) {
    compare_header(name, event, parsed, "auditwire");
    let body: Value = serde_json::from_str(&parsed.msg).unwrap_or_else(|e| panic!("{name}: {e}: {}", parsed.msg));
    assert_eq!(&body, event, "{name}: the RAW body is exact");
    let mut sd = parsed.sd.clone();
    for ours in ["n", "instance", "ingested", "plane", "project"] {
        sd.remove(ours);
    }
    assert_eq!(sd, expected_sd(event), "{name}: {event}");
    let action = event["action"].as_str().unwrap();
    let graphic = (1..=32).contains(&action.len()) && action.bytes().all(|c| c.is_ascii_graphic());
    assert_eq!(parsed.msgid, if graphic { action } else { "-" }, "{name}");
}

fn compare_header(name: &str, event: &Value, parsed: &Parsed, app: &str) {
    let severity = match event["severity"].as_str().unwrap() {
        "WARNING" => 4,
        "EMERGENCY" => 0,
        _ => 6,
    };
    assert_eq!(parsed.pri, 16 * 8 + severity, "{name}: {event}");
    assert_eq!(parsed.app, app, "{name}");
    let read = parsed.timestamp.parse::<jiff::Timestamp>().unwrap();
    let sent = event["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(read.as_millisecond(), sent.as_millisecond(), "{name}");
}

fn expected_sd(event: &Value) -> BTreeMap<String, String> {
    let at = |path: &str| event.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let labels = event["labels"]
        .as_array()
        .map(|l| l.iter().map(|l| l.as_str().unwrap().replace(',', ";")).collect::<Vec<_>>().join(","));
    let user = at("/subject/metadata/email").or_else(|| at("/subject/metadata/name"));
    let fields = [
        ("event_id", at("/event_id")),
        ("seq", Some(event["seq"].to_string())),
        ("action", at("/action")),
        ("request_id", at("/request_id")),
        ("severity", at("/severity")),
        ("source_id", at("/source/id")),
        ("source_addr", at("/source/address")),
        ("user_id", at("/subject/user_id")),
        ("user", user),
        ("user_addr", at("/subject/address")),
        ("project_id", at("/subject/project_id")),
        ("res_id", at("/resource/id")),
        ("res_type", at("/resource/type")),
        ("status_code", at("/status/code")),
        ("outcome", at("/outcome")),
        ("labels", labels),
    ];
    fields
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), without_controls(&value?))))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// A field of a header, which has no pipe and does not end with a backslash.
fn header_field(text: &str) -> String {
    let mut field = without_controls(text).replace('|', "/");
    if field.ends_with('\\') {
        field.pop();
        field.push('/');
    }
    field
}

/// The published map for values outside the RAW body: every control character becomes one blank.
fn without_controls(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

fn rsyslog_fields(message: &Value) -> Parsed {
    let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
    Parsed {
        pri: text("pri").parse().unwrap(),
        timestamp: text("timestamp"),
        hostname: text("hostname"),
        app: text("app"),
        msgid: text("msgid"),
        sd: element(&message["sd"]["rfc5424-sd"]),
        msg: text("msg"),
    }
}

fn syslog_ng_fields(message: &Value) -> Parsed {
    let text = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
    Parsed {
        pri: text("PRI").parse().unwrap_or_default(),
        timestamp: text("ISODATE"),
        hostname: text("HOST"),
        app: text("PROGRAM"),
        msgid: if text("MSGID").is_empty() { "-".to_owned() } else { text("MSGID") },
        sd: element(&message["_SDATA"]),
        msg: text("MESSAGE"),
    }
}

/// The one SD element, whatever it is called.
fn element(sd: &Value) -> BTreeMap<String, String> {
    let empty = Map::new();
    let element = sd.as_object().unwrap_or(&empty).values().next().and_then(Value::as_object).unwrap_or(&empty);
    element.iter().map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned())).collect()
}

/// Texts that break careless senders, in every field; and events with nothing in them.
fn corpus(long: usize) -> Vec<Value> {
    let texts = [
        "plain",
        "Вход отклонён: пароль",
        "emoji 😀👩‍💻 and combining e\u{301}",
        r#"quotes " and ' and "" "#,
        "brackets ] [x@1 seq=\"1\"] [audit@32473 n=\"0\"]",
        r"backslashes \ \\ \n \] \",
        "pipes | || CEF:0|x|y|z|1|n|10|",
        "equals = a=b cs1=forged suid=root",
        "line\nfeed\n<13>1 2026-11-22T10:00:00.000Z forged forged - - - forged",
        "carriage\rreturn\r\n12 <13>1 x",
        "tab\there and nul\0 there \u{1}\u{7f}\u{85}\u{2028}\u{2029}",
        "  blanks around  ",
        "percent %s %n %0a and dollar $MSG ${HOST}",
        "carets ^ ^^src=10.9.9.9^usrName=root LEEF:2.0|x|y|1|z|^|",
    ];
    let mut events: Vec<Value> = texts.iter().map(|text| full(text)).collect();
    events.push(json!({ "action": "minimal", "source": { "id": "corpus" } }));
    events.push(json!({
        "action": "empty-values", "source": { "id": "corpus", "address": "" }, "message": "", "request_id": "",
        "subject": { "user_id": "", "metadata": { "email": "" } }, "resource": { "id": "" }, "labels": [""],
        "status": { "code": "", "message": "" },
    }));
    events.push(json!({
        "action": "long", "severity": "EMERGENCY", "source": { "id": "corpus" }, "message": "ж".repeat(long / 2),
    }));
    events
}

fn full(text: &str) -> Value {
    json!({
        "action": format!("do {text}"), "severity": "WARNING", "request_id": text, "message": text,
        "timestamp": "2026-11-22T10:00:00.123456789Z",
        "source": { "id": "corpus", "address": "2001:db8::7" },
        "subject": {
            "user_id": text, "address": "2001:db8::5", "project_id": text,
            "metadata": { "email": text, "other": text, "nested": { "key": [1.50, text] } },
        },
        "resource": { "id": text, "type": text, "metadata": { "service_id": text, text: "a key" } },
        "status": { "code": text, "message": text },
        "labels": [text, "second"],
    })
}

#[path = "receivers_cef.rs"]
mod cef;
#[path = "receivers_leef.rs"]
mod leef;
#[path = "receivers_snippets.rs"]
mod snippets;
