//! A script that knows only the published names: it posts 100,000 events, forwards them over TCP, TLS and UDP, sees the
//! first connection stopped when the second is activated, kills the service and still finds everything.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::world::eventually;
use crate::world::service::{CONNECTIONS, EVENTS, Service};
use crate::world::sink::Sink;
use crate::world::tls::Pki;

const BATCH: usize = 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_main_job_by_published_names_only() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(folder.path());
    let (tcp, tls, udp) = (Sink::stream(None).await, Sink::stream(Some(&pki)).await, Sink::udp().await);
    let service = Service::start().await;

    let first = service.create(&connection("tcp", "tcp", tcp.port, None)).await;
    checks_out(&service, &first, true).await;
    let activation = service.activate(&first, "now").await;
    assert_eq!(activation["stopped"], Value::Null);
    let activated_at = activation["start_at"].as_u64().unwrap();
    post(&service, 0..40).await;
    wait_for_events(&tcp, 0..40).await;

    let second = service.create(&connection("tls", "tls", tls.port, Some(&pki))).await;
    checks_out(&service, &second, true).await;
    let activation = service.activate(&second, "default").await;
    assert_eq!(activation["stopped"], first.as_str());
    assert_eq!(status(&service, &first).await, "inactive");
    post(&service, 40..80).await;
    wait_for_events(&tls, 40..80).await;
    // Until what was taken over is settled its age makes the connection degraded.
    eventually("active", Duration::from_secs(20), async || (status(&service, &second).await == "active").then_some(()))
        .await;

    let third = service.create(&connection("udp", "udp", udp.port, None)).await;
    let check = service.post(&format!("{CONNECTIONS}/{third}/check"), &json!({})).await.expect(200);
    assert_eq!((&check["ok"], &check["confirmed"]), (&json!(true), &json!(false)), "{check}");
    service.activate(&third, "take_over").await;
    post(&service, 80..82).await;
    wait_for_events(&udp, 80..82).await;
    service.activate(&second, "take_over").await;

    // Killed under load: what was answered is in the log and arrives.
    post(&service, 82..100).await;
    let folder = service.kill();
    let service = Service::start_in(folder, &[], &[]).await;
    wait_for_events(&tls, 82..100).await;
    let stored: HashSet<String> = service.all_events().await.iter().map(|e| text(e, "event_id")).collect();
    assert_eq!((0..100_000).filter(|i| !stored.contains(&event_id(*i))).count(), 0);
    everything_is_somewhere(&service, [&tcp, &tls, &udp], activated_at).await;
}

/// From the first activation on, every event reached one of the receivers.
async fn everything_is_somewhere(service: &Service, sinks: [&Sink; 3], from: u64) {
    let last = service.all_events().await.last().unwrap()["seq"].as_u64().unwrap();
    sinks[1].wait("the last event", |m| m.iter().any(|m| m.contains(&format!(" seq=\"{last}\"")))).await;
    let got: HashSet<u64> = sinks.iter().flat_map(|s| s.messages()).filter_map(|m| seq(&m)).collect();
    let missing: Vec<u64> = (from..=last).filter(|s| !got.contains(s)).collect();
    assert!(missing.is_empty(), "{} of {last} are nowhere, first {:?}", missing.len(), missing.first());
}

async fn post(service: &Service, batches: std::ops::Range<usize>) {
    for batch in batches {
        let events: Value = (batch * BATCH..(batch + 1) * BATCH)
            .map(|i| {
                json!({
                    "event_id": event_id(i), "action": "create-vm", "severity": "NOTICE",
                    "source": { "id": "nova" }, "subject": { "user_id": "u-1", "address": "2001:db8::5" },
                    "resource": { "id": format!("vm-{i}"), "type": "vm" }, "status": { "code": 201 },
                })
            })
            .collect();
        let report = service.post(EVENTS, &events).await.expect(200);
        assert_eq!(report["accepted"], BATCH, "{report}");
    }
}

async fn wait_for_events(sink: &Sink, batches: std::ops::Range<usize>) {
    let wanted: HashSet<String> = (batches.start * BATCH..batches.end * BATCH).map(event_id).collect();
    sink.wait(&format!("all events of batches {batches:?}"), |messages| {
        if messages.len() < wanted.len() {
            return false;
        }
        let got: HashSet<&str> = messages.iter().filter_map(|m| between(m, "event_id=\"", "\"")).collect();
        wanted.iter().all(|id| got.contains(id.as_str()))
    })
    .await;
}

async fn checks_out(service: &Service, id: &str, confirmed: bool) {
    let check = service.post(&format!("{CONNECTIONS}/{id}/check"), &json!({})).await.expect(200);
    assert_eq!((&check["ok"], &check["confirmed"]), (&json!(true), &json!(confirmed)), "{check}");
    assert!(check["stages"].as_array().unwrap().iter().all(|s| s["code"] == "ok"), "{check}");
}

async fn status(service: &Service, id: &str) -> String {
    text(&service.get(&format!("{CONNECTIONS}/{id}")).await.expect(200), "status")
}

fn connection(name: &str, transport: &str, port: u16, pki: Option<&Pki>) -> Value {
    let mut connection = json!({
        "name": name, "endpoint": format!("127.0.0.1:{port}"), "transport": transport, "format": "rfc5424",
    });
    if transport == "udp" {
        connection["rate_limit"] = json!(1000);
    }
    if let Some(pki) = pki {
        connection["tls"] = json!({ "pem": pki.ca });
    }
    connection
}

fn event_id(i: usize) -> String {
    format!("event-{i:06}")
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}")).to_owned()
}

fn seq(message: &str) -> Option<u64> {
    between(message, " seq=\"", "\"")?.parse().ok()
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let start = text.find(from)? + from.len();
    text[start..].split(to).next()
}
