//! `kill -9` under load: nothing that was answered 200 is lost, and repeating a batch adds nothing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::service::{EVENTS, Service};
use crate::world::sink::Sink;

const ROUNDS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_under_load_loses_nothing_that_was_answered() {
    let sink = Sink::stream(None).await;
    let mut service = Service::start().await;
    let id = service.create(&connection(sink.port)).await;
    service.activate(&id, "now").await;
    let mut answered: HashSet<String> = HashSet::new();
    let mut unanswered: Vec<Value> = Vec::new();
    for round in 0..ROUNDS {
        // Moments spread over the first second, so that start-up, commits and delivery are all hit.
        let load = tokio::spawn(load(Arc::new(Target::of(&service))));
        tokio::time::sleep(Duration::from_millis(50 + 130 * round as u64)).await;
        let folder = service.kill();
        let (accepted, open) = load.await.unwrap();
        answered.extend(accepted);
        unanswered.extend(open);
        service = Service::start_in(folder, &[], &[]).await;
        let stored = ids(&service).await;
        let missing = answered.iter().filter(|id| !stored.contains_key(*id)).count();
        assert_eq!(missing, 0, "round {round}: of {} answered events", answered.len());
        assert!(stored.values().all(|n| *n == 1), "round {round}: an event is stored twice");
    }
    assert!(answered.len() > 500, "the load was too small to mean anything: {}", answered.len());
    let before = ids(&service).await.len() as u64;
    repeat_everything(&service, &unanswered, before).await;
    everything_is_delivered(&service, &sink, &answered).await;
}

/// Batches whose answer never came are sent again: whatever had been stored is a duplicate now.
async fn repeat_everything(service: &Service, unanswered: &[Value], before: u64) {
    let (mut accepted, mut total) = (0, 0);
    for batch in unanswered {
        for _ in 0..2 {
            let report = service.post(EVENTS, batch).await.expect(200);
            accepted += report["accepted"].as_u64().unwrap();
            let sum = report["accepted"].as_u64().unwrap() + report["duplicates"].as_u64().unwrap();
            assert_eq!(sum, batch.as_array().unwrap().len() as u64, "{report}");
        }
        total += batch.as_array().unwrap().len() as u64;
    }
    assert!(accepted <= total);
    let stored = ids(service).await;
    assert_eq!(stored.len() as u64, before + accepted);
    assert!(stored.values().all(|n| *n == 1));
}

async fn everything_is_delivered(service: &Service, sink: &Sink, answered: &HashSet<String>) {
    let all = service.all_events().await;
    let last = all.last().unwrap()["seq"].as_u64().unwrap();
    sink.wait("every answered event at the receiver", |messages| {
        let got: HashSet<&str> = messages.iter().filter_map(|m| param(m, "event_id")).collect();
        answered.iter().all(|id| got.contains(id.as_str()))
    })
    .await;
    let gaps = missing_positions(&sink.messages(), last);
    assert!(gaps.len() <= 4, "only what came before the activation may be missing: {gaps:?}");
}

fn missing_positions(messages: &[String], last: u64) -> Vec<u64> {
    let got: HashSet<u64> = messages.iter().filter_map(|m| param(m, "seq")?.parse().ok()).collect();
    (1..=last).filter(|seq| !got.contains(seq)).collect()
}

/// The value of a structured-data parameter without escapes in it.
fn param<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let at = message.find(&format!(" {name}=\""))? + name.len() + 3;
    message[at..].split('"').next()
}

async fn ids(service: &Service) -> HashMap<String, usize> {
    let mut ids = HashMap::new();
    for event in service.all_events().await {
        *ids.entry(event["event_id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    ids
}

struct Target {
    url: String,
    token: String,
    stop: AtomicBool,
}

impl Target {
    fn of(service: &Service) -> Self {
        Self { url: format!("{}{EVENTS}", service.url), token: service.token.clone(), stop: AtomicBool::new(false) }
    }
}

/// Four clients post batches until the service dies: ids that were answered, and batches that were not.
async fn load(target: Arc<Target>) -> (Vec<String>, Vec<Value>) {
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let target = Arc::clone(&target);
        clients.spawn(async move {
            let http = reqwest::Client::new();
            let (mut accepted, mut open) = (Vec::new(), Vec::new());
            while !target.stop.load(Ordering::Relaxed) {
                let ids: Vec<String> = (0..10).map(|_| Uuid::now_v7().to_string()).collect();
                let batch: Value =
                    ids.iter().map(|id| json!({ "event_id": id, "action": "create-vm", "message": "x" })).collect();
                let answer = http.post(&target.url).bearer_auth(&target.token).json(&batch).send().await;
                match answer {
                    Ok(answer) if answer.status() == 200 => accepted.extend(ids),
                    _ => {
                        open.push(batch);
                        target.stop.store(true, Ordering::Relaxed);
                    }
                }
            }
            (accepted, open)
        });
    }
    let mut all = (Vec::new(), Vec::new());
    while let Some(Ok((accepted, open))) = clients.join_next().await {
        all.0.extend(accepted);
        all.1.extend(open);
    }
    all
}

fn connection(port: u16) -> Value {
    json!({ "name": "siem", "endpoint": format!("127.0.0.1:{port}"), "transport": "tcp", "format": "rfc5424", "framing": "lf" })
}
