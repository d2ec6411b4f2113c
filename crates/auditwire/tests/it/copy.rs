//! A copy made beside a running service under load starts, and holds a prefix of the log with all that was answered before.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::process::{auditwire, text};
use crate::world::eventually;
use crate::world::service::{EVENTS, Service};

const COPIES: usize = 4;
const LIMIT: Duration = Duration::from_secs(40);
/// Segments are made and merged all the time.
const BUSY: [(&str, &str); 1] = [("AUDITWIRE_LOG__SEAL_EVENTS", "20")];

/// Posts one event after the other until told to stop; tells each that was answered.
fn load(
    service: &Service,
    stop: &Arc<AtomicBool>,
) -> (tokio::sync::watch::Receiver<Vec<String>>, tokio::task::JoinHandle<()>) {
    let (url, token, stop) = (format!("{}{EVENTS}", service.url), service.token.clone(), Arc::clone(stop));
    let (answered, told) = tokio::sync::watch::channel(Vec::new());
    let task = tokio::spawn(async move {
        let http = reqwest::Client::new();
        while !stop.load(Ordering::Relaxed) {
            let id = Uuid::now_v7().to_string();
            let event = json!({ "event_id": id, "action": "create-vm" });
            let sent = http.post(&url).bearer_auth(&token).json(&event).send().await.unwrap();
            assert_eq!(sent.status(), 200);
            answered.send_modify(|ids| ids.push(id));
        }
    });
    (told, task)
}

fn segments(service: &Service) -> HashSet<String> {
    let folder = service.folder.path().join("data/segments");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".parquet")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_under_load_starts_and_holds_all_that_was_answered_before() {
    let service = Service::start_in(tempfile::tempdir().unwrap(), &BUSY, &[]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (told, loading) = load(&service, &stop);
    let mut copies = Vec::new();
    for n in 1..=COPIES {
        eventually("more segments", LIMIT, async || (segments(&service).len() > 12 * n).then_some(())).await;
        let before = told.borrow().clone();
        let folder = tempfile::tempdir().unwrap();
        let (data, to) = (service.folder.path().join("data"), folder.path().join("data"));
        let mut copy = auditwire(&[
            "store",
            "copy",
            "--with-keys",
            "--data",
            data.to_str().unwrap(),
            "--to",
            to.to_str().unwrap(),
        ]);
        let output = tokio::task::spawn_blocking(move || copy.output().unwrap()).await.unwrap();
        assert!(output.status.success(), "{}", text(&output));
        for secret in ["lock", "operator.token", "sign-in.url"] {
            assert!(!to.join(secret).exists(), "{secret}");
        }
        std::fs::copy(data.join("operator.token"), to.join("operator.token")).unwrap();
        copies.push((before, folder));
    }
    stop.store(true, Ordering::Relaxed);
    loading.await.unwrap();
    let answered: Vec<String> = told.borrow().clone();
    for (before, folder) in copies {
        let copy = Service::start_in(folder, &[], &[]).await;
        let events = copy.all_events().await;
        let seqs: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        assert!(seqs.iter().zip(1..).all(|(seq, n)| *seq == n), "it has a hole");
        let id = |event: &Value| event["event_id"].as_str().unwrap().to_owned();
        let stored: HashSet<String> = events.iter().map(id).collect();
        let lost = before.iter().filter(|id| !stored.contains(*id)).count();
        assert_eq!(lost, 0, "of {} that were answered before", before.len());
        let known: HashSet<&String> = answered.iter().collect();
        assert!(stored.iter().all(|id| known.contains(id)));
    }
}

#[tokio::test]
async fn a_copy_goes_into_no_folder_that_holds_something() {
    let service = Service::start().await;
    let data = service.folder.path().join("data");
    let to = service.folder.path().to_str().unwrap();
    let output = auditwire(&["store", "copy", "--data", data.to_str().unwrap(), "--to", to]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("is not empty"), "{}", text(&output));
}
