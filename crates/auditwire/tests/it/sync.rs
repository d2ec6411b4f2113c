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

#[tokio::test]
async fn a_sealed_file_and_its_folder_are_synced_before_the_commit_that_takes_the_rows_away() {
    let Some(shim) = real::shim("watched syncs") else { return };
    assert_eq!(synced_before_commit(&shim, &[]).await, ["file", "folder"]);
}

/// The same question to a service whose files are not synced: the test above can fail.
#[tokio::test]
async fn a_missing_sync_of_a_sealed_file_is_noticed() {
    let Some(shim) = real::shim("watched syncs") else { return };
    assert_eq!(synced_before_commit(&shim, &["--unsafe-no-sync"]).await, [""; 0]);
}

/// Posts as many events as are sealed at once, and says what of the segment was synced, in this order, between its last
/// write and the next write of the store.
async fn synced_before_commit(shim: &Path, args: &[&str]) -> Vec<&'static str> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("calls");
    let (shim, path) = (shim.display().to_string(), log.display().to_string());
    let environment = [
        ("LD_PRELOAD", shim.as_str()),
        ("SYNC_SHIM_LOG", &path),
        ("SYNC_SHIM_PATHS", "1"),
        ("AUDITWIRE_LOG__SEAL_EVENTS", "20"),
    ];
    let service = Service::start_in(folder, &environment, args).await;
    let events: Vec<Value> = (0..19).map(|n| json!({ "action": "create-vm", "message": n.to_string() })).collect();
    service.post(EVENTS, &Value::Array(events)).await.expect(200);
    let begin = calls(&log).len();
    service.post(EVENTS, &json!({ "action": "create-vm" })).await.expect(200);
    let in_store = |call: &str| call.starts_with('W') && call.ends_with("log.sqlite-wal");
    let in_segment = |call: &str| call.starts_with('W') && call.contains("/segments/");
    let (written, committed) = eventually("a sealed file and its commit", Duration::from_secs(30), async || {
        let calls = calls(&log);
        let written = begin + calls[begin..].iter().rposition(|call| in_segment(call))?;
        Some((written, written + calls[written..].iter().position(|call| in_store(call))?))
    })
    .await;
    // What was sealed is still there, and on disk as a file.
    assert!(service.all_events().await.len() >= 20);
    let synced =
        calls(&log)[written..committed].iter().filter(|call| call.starts_with('S')).cloned().collect::<Vec<_>>();
    let what = |call: &String| match call.rsplit_once('/') {
        Some((_, "segments")) => "folder",
        Some((folder, _)) if folder.ends_with("/segments") => "file",
        _ => "other",
    };
    synced.iter().map(what).filter(|what| *what != "other").collect()
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
