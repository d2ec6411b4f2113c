//! "Answered 200" means "flushed to disk", watched from outside by a preloaded library; and what a full disk does.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::world::eventually;
use crate::world::real;
use crate::world::service::{EVENTS, Service};

const POSTS: usize = 40;

#[tokio::test]
async fn a_sync_lies_between_each_write_and_its_answer() {
    let Some(shim) = real::shim("watched syncs") else { return };
    assert_eq!(unsynced_answers(&shim, &[]).await, 0);
}

/// The same question to a service that was told not to sync: the test above can fail.
#[tokio::test]
async fn a_missing_sync_is_noticed() {
    let Some(shim) = real::shim("watched syncs") else { return };
    assert!(unsynced_answers(&shim, &["--unsafe-no-sync"]).await > POSTS / 2);
}

/// Posts one event after the other and counts the answers that left before their writes were synced.
async fn unsynced_answers(shim: &Path, args: &[&str]) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("calls");
    let (shim, path) = (shim.display().to_string(), log.display().to_string());
    let service = Service::start_in(folder, &[("LD_PRELOAD", &shim), ("SYNC_SHIM_LOG", &path)], args).await;
    let begin = calls(&log).len();
    for i in 0..POSTS {
        let report =
            service.post(EVENTS, &json!({ "action": "create-vm", "message": i.to_string() })).await.expect(200);
        assert_eq!(report["accepted"], 1);
    }
    let calls = calls(&log);
    let (mut unsynced, mut answers, mut written) = (0, 0, false);
    let mut pending = std::collections::HashSet::new();
    for call in &calls[begin..] {
        match call.split_once(' ') {
            Some(("W", fd)) => {
                written = true;
                pending.insert(fd);
            }
            Some(("S", fd)) => {
                pending.remove(fd);
            }
            None if call == "A" => {
                assert!(written, "an answer left although nothing had been written");
                answers += 1;
                unsynced += usize::from(!pending.is_empty());
                pending.clear();
                written = false;
            }
            _ => {}
        }
    }
    assert_eq!(answers, POSTS);
    unsynced
}

fn calls(log: &Path) -> Vec<String> {
    std::fs::read_to_string(log).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_full_disk_answers_503_loses_nothing_and_recovers_by_itself() {
    let Some(shim) = real::shim("a full disk") else { return };
    let folder = tempfile::tempdir().unwrap();
    let full = folder.path().join("full");
    let (shim, path) = (shim.display().to_string(), full.display().to_string());
    let service = Service::start_in(folder, &[("LD_PRELOAD", &shim), ("SYNC_SHIM_FULL", &path)], &[]).await;
    let event = |id: &str| json!({ "event_id": id, "action": "create-vm" });
    service.post(EVENTS, &event("before")).await.expect(200);

    std::fs::write(&full, "").unwrap();
    for _ in 0..3 {
        let answer = service.post(EVENTS, &event("during")).await;
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
        assert_eq!(answer.expect(503)["code"], "storage_full");
    }
    let readable = stored(&service).await;
    assert!(readable.contains(&"before".to_owned()) && !readable.contains(&"during".to_owned()), "{readable:?}");

    std::fs::remove_file(&full).unwrap();
    eventually("intake again", Duration::from_secs(10), async || {
        (service.post(EVENTS, &event("after")).await.status == 200).then_some(())
    })
    .await;
    service.post(EVENTS, &event("during")).await.expect(200);
    let folder = service.kill();
    let service = Service::start_in(folder, &[], &[]).await;
    let stored = stored(&service).await;
    for id in ["before", "during", "after"] {
        assert_eq!(stored.iter().filter(|i| *i == id).count(), 1, "{id} in {stored:?}");
    }
}

async fn stored(service: &Service) -> Vec<String> {
    let id = |e: &Value| e["event_id"].as_str().unwrap().to_owned();
    service.all_events().await.iter().map(id).collect()
}
