//! A full disk while events are sealed, with the files of SQLite: nothing is lost, and sealing goes on when there is room.

use std::path::Path;
use std::sync::Arc;

use auditwire_engine::log::{Log, LogSettings, Submission};
use auditwire_engine::store::Order;
use auditwire_model::Timestamp;
use auditwire_model::clock::ManualClock;
use auditwire_model::event::{Event, EventDraft, Plane};
use auditwire_store::{SqliteOptions, SqliteStore, open_segments};

use super::log::{ids, project};

async fn open(dir: &Path, data_bytes_max: Option<u64>) -> Log {
    let store = SqliteStore::open(dir, SqliteOptions { data_bytes_max, ..SqliteOptions::default() }).await.unwrap();
    let (objects, clock) = (open_segments(dir, true).unwrap(), Arc::new(ManualClock::new(Timestamp::EPOCH)));
    Log::open(Arc::new(store), objects, clock, LogSettings::default()).await.unwrap()
}

/// Each in a minute and of a source of its own: what is kept beside a sealed span then takes many pages.
fn event(n: usize) -> Event {
    let draft = EventDraft {
        event_id: Some(format!("e-{n}")),
        action: "create-vm".to_owned(),
        source_id: Some(format!("source-{n}")),
        timestamp: Timestamp::from_nanos(i64::try_from(n).unwrap() * 60_000_000_000),
        ..EventDraft::default()
    };
    draft.complete(String::new, Plane::Control, Timestamp::EPOCH, [1; 16])
}

/// Posts until there is no room for so many at once.
async fn fill(log: &Log, taken: &mut usize, each: usize) {
    loop {
        let events = (*taken..*taken + each).map(event).collect();
        match log.submit(Submission { project: Some(project()), events, changes: Vec::new() }).await {
            Ok(_) => *taken += each,
            Err(error) => return assert_eq!(error.code, "storage_full", "{error}"),
        }
    }
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("segments")).unwrap().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_room_for_the_sealing_commit_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), Some(1 << 20)).await;
    let mut taken = 0;
    for each in [200, 20, 1] {
        fill(&log, &mut taken, each).await;
    }
    assert!(taken > 1000, "{taken}");
    let expected: Vec<(u64, String)> = (0..taken).map(|n| (n as u64 + 1, format!("e-{n}"))).collect();
    for _ in 0..2 {
        let refused = log.seal_now().await.unwrap_err();
        assert_eq!(refused.code, "storage_full", "{refused}");
        let seal = log.stats().await.unwrap().seal;
        assert_eq!((seal.failing, seal.fresh, seal.sealed_rows), (true, taken as u64, 0));
        assert_eq!(ids(&log, Order::Ascending).await, expected);
    }
    log.close().await;
    drop(log);

    let log = open(dir.path(), None).await;
    log.seal_now().await.unwrap();
    let seal = log.stats().await.unwrap().seal;
    assert_eq!((seal.failing, seal.fresh, seal.sealed_rows), (false, 0, taken as u64));
    assert_eq!(ids(&log, Order::Ascending).await, expected);
    assert_eq!(files(dir.path()), 1, "the files of the failed attempts are swept");
    let again = log.submit(Submission { project: Some(project()), events: vec![event(5)], changes: Vec::new() });
    assert_eq!(again.await.unwrap().positions, [None], "known as before");
}
