//! The files of `contrib/siem` in the programs that they are for, and the same snippets as the console shows them: events arrive
//! and are read.

use std::path::Path;

use serde_json::{Value, json};

use crate::world::browser::{self, Options};
use crate::world::console::sign_in;
use crate::world::real;
use crate::world::service::{EVENTS, Service};

/// A file, the connection that it is for, and where its program puts the event's fields.
const FILES: [(&str, &str, &str); 11] = [
    ("rsyslog/tcp.conf", r#"{"transport": "tcp"}"#, ""),
    ("rsyslog/udp.conf", r#"{"transport": "udp"}"#, ""),
    ("rsyslog/tls.conf", r#"{"transport": "tls"}"#, ""),
    ("rsyslog/relp.conf", r#"{"transport": "relp"}"#, ""),
    ("rsyslog/relp_tls.conf", r#"{"transport": "relp_tls"}"#, ""),
    ("syslog-ng/tcp-octet_counting.conf", r#"{"transport": "tcp"}"#, "/event"),
    ("syslog-ng/tcp-lf.conf", r#"{"transport": "tcp", "framing": "lf"}"#, "/event"),
    ("syslog-ng/tls-octet_counting.conf", r#"{"transport": "tls"}"#, "/event"),
    ("syslog-ng/tls-lf.conf", r#"{"transport": "tls", "framing": "lf"}"#, "/event"),
    ("syslog-ng/udp.conf", r#"{"transport": "udp"}"#, "/event"),
    ("syslog-ng/tcp-no-parse.conf", r#"{"transport": "tcp", "format": "json"}"#, "/event"),
];

fn contrib(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contrib/siem").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A port that is free for what the file listens with.
fn free_port(file: &str) -> u16 {
    if file.contains("udp") { real::free_udp() } else { real::free_tcp() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_file_is_read_by_its_program() {
    let Some(root) = real::root("the snippets in rsyslog and syslog-ng") else { return };
    for (file, settings, fields) in FILES {
        let port = free_port(file);
        let snippet = contrib(file).replace("5514", &port.to_string());
        arrives(&root, file, &snippet, port, settings, fields).await;
    }
}

/// Starts the snippet, sends an event to it, and looks at what was read.
async fn arrives(root: &Path, file: &str, snippet: &str, port: u16, settings: &str, fields: &str) {
    let receiver = real::by_snippet(root, snippet, port).await;
    let service = Service::start().await;
    let mut connection: Value = serde_json::from_str(settings).unwrap();
    connection["name"] = json!(file);
    connection["receiver"] = json!(if file.starts_with("rsyslog") { "rsyslog" } else { "syslog_ng" });
    connection["endpoint"] = json!(format!("127.0.0.1:{port}"));
    if connection["transport"].as_str().unwrap().ends_with("tls") {
        connection["tls"] = json!({ "pem": receiver.pki.ca });
    }
    let id = service.create(&connection).await;
    service.activate(&id, "now").await;
    let event = json!({
        "event_id": "e-1", "action": "user-signin", "message": "Вход \"x\"", "labels": ["pci", "mfa"],
        "source": { "id": "iam" }, "resource": { "id": "acc-1", "metadata": { "vm.id": "7" } }
    });
    service.post(EVENTS, &event).await.expect(200);
    let read = |message: &Value| message.pointer(&format!("{fields}/event_id")) == Some(&json!("e-1"));
    let message = receiver.wait(1, read).await.remove(0);
    let at = |path: &str| message.pointer(&format!("{fields}{path}")).cloned().unwrap_or_default();
    assert_eq!((at("/action"), at("/source/id")), (json!("user-signin"), json!("iam")), "{file}: {message}");
    assert_eq!((at("/message"), at("/resource/id")), (json!("Вход \"x\""), json!("acc-1")), "{file}: {message}");
    // The delivery number, which a rule about gaps goes by, stands in the header; or in the object itself.
    let header = if fields.is_empty() { "/rfc5424-sd" } else { "/_SDATA" };
    let element = message.pointer(header).and_then(Value::as_object).and_then(|sd| sd.values().next());
    let number = element.map_or_else(|| at("/n"), |element| element["n"].clone());
    assert!(number.as_str().is_some_and(|n| n.parse::<u64>().is_ok_and(|n| n > 0)), "{file}: {message}");
    // And what is no JSON comes through as it is.
    if connection["format"].is_null() {
        let mut cef = connection.clone();
        (cef["name"], cef["format"]) = (json!("CEF"), json!("cef"));
        let id = service.create(&cef).await;
        service.activate(&id, "now").await;
        service
            .post(EVENTS, &json!({ "event_id": "e-2", "action": "user-signout", "source": { "id": "iam" } }))
            .await
            .expect(200);
        let text = if fields.is_empty() { "/msg" } else { "/MESSAGE" };
        let is_cef = |message: &Value| {
            let text = message.pointer(text).and_then(Value::as_str).unwrap_or_default();
            text.trim_start().starts_with("CEF:0|Auditwire|") && text.contains("externalId=e-2")
        };
        receiver.wait(1, is_cef).await;
    }
}

/// What the form shows for a connection is what its program needs, port and all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_snippet_of_the_form_is_read_by_its_program() {
    let Some(root) = real::root("the snippets of the form") else { return };
    let Some(chromium) = browser::chromium("the snippets of the form") else { return };
    let service = Service::start().await;
    let browser = chromium.open(&service.url, Options::default()).await;
    sign_in(&browser, &service).await;
    for (product, settings, fields) in
        [("rsyslog", r#"{"transport": "tcp"}"#, ""), ("syslog-ng", r#"{"transport": "tcp"}"#, "/event")]
    {
        let port = real::free_tcp();
        browser.goto("/projects/default/settings/siem/new").await;
        browser.fill("Connection point", &format!("127.0.0.1:{port}")).await;
        browser.select("What is at the other end?", product).await;
        browser.wait("#receiver-setup").await;
        browser.wait_text("#receiver-setup pre", &port.to_string()).await;
        // As it is copied, with its lines.
        let snippet = browser.execute("return document.querySelector('#receiver-setup pre').textContent").await;
        let snippet = snippet.as_str().expect("a text");
        arrives(&root, product, snippet, port, settings, fields).await;
    }
    browser.finish().await;
}

/// What no program here reads is at least what it says it is.
#[test]
fn the_files_for_elastic_are_json_and_go_by_fields_that_events_have() {
    let pipeline: Value = serde_json::from_str(&contrib("elastic/ingest-pipeline.json")).unwrap();
    let template: Value = serde_json::from_str(&contrib("elastic/index-template.json")).unwrap();
    for place in ["subject", "resource"] {
        let metadata = template
            .pointer(&format!("/template/mappings/properties/auditwire/properties/{place}/properties/metadata/type"));
        assert_eq!(metadata, Some(&json!("flattened")), "{place}");
    }
    let event = json!({
        "event_id": "", "seq": 1, "n": 1, "timestamp": "", "received_at": "", "plane": "", "action": "", "severity": "", "message": "",
        "source": { "id": "", "address": "" }, "outcome": "", "request_id": "", "labels": [],
        "subject": { "user_id": "", "address": "", "project_id": "", "metadata": { "email": "", "name": "" } },
        "resource": { "id": "", "type": "", "metadata": {} }, "status": { "code": "", "message": "" }
    });
    let processors = pipeline["processors"].as_array().unwrap();
    let mut seen = 0;
    for processor in processors {
        let (kind, settings) = processor.as_object().unwrap().iter().next().unwrap();
        let known = ["json", "grok", "remove", "set", "date", "rename", "lowercase", "convert"];
        assert!(known.contains(&kind.as_str()), "{kind}");
        for name in ["field", "copy_from"] {
            let Some(path) = settings[name].as_str().and_then(|path| path.strip_prefix("auditwire.")) else { continue };
            assert!(event.pointer(&format!("/{}", path.replace('.', "/"))).is_some(), "no event has {path}");
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}
