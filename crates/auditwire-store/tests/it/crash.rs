//! Crashes and a full disk on SQLite. A crash is a copy of the files while commits run (no checkpoint runs below 16 MiB,
//! so the data file stands still and the write-ahead log only grows: the copy is what a machine finds after a power loss
//! at that moment).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use auditwire_engine::log::{Log, LogSettings, Submission};
use auditwire_engine::store::{Store, StoreError};
use auditwire_model::clock::ManualClock;
use auditwire_model::{Position, Timestamp};
use auditwire_store::{SqliteOptions, SqliteStore, open_segments};
use proptest::prelude::*;

use super::log::{event, ids, open, project, submit};
use auditwire_engine::store::Order;

fn copy(from: &Path, to: &Path) {
    for name in ["log.sqlite", "log.sqlite-wal"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

fn small() -> LogSettings {
    LogSettings { duplicate_map_ids: 50, tail_bytes_max: 100_000, ..LogSettings::default() }
}

/// Posts batches until told how far to go; counts what was answered.
async fn post(log: Log, answered: Arc<AtomicU64>, sizes: Vec<usize>) {
    let mut next = 0;
    for size in sizes {
        let events = (next..next + size as u64).map(|n| event(&format!("id-{n}"), 1)).collect();
        next += size as u64;
        submit(&log, events).await;
        answered.store(next, Ordering::SeqCst);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]
    #[test]
    fn a_copy_at_any_moment_has_all_that_was_answered(
        sizes in prop::collection::vec(1..40usize, 20..60),
        moments in prop::collection::vec(0.0..1.0f64, 4),
        cut in 0..5000u64,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let log = open(dir.path(), small()).await;
            // The last handle would end the log, and with it the write-ahead log.
            let _kept = log.clone();
            let answered = Arc::new(AtomicU64::new(0));
            let all: usize = sizes.iter().sum();
            let posting = tokio::spawn(post(log, Arc::clone(&answered), sizes));
            let mut moments: Vec<u64> = moments.into_iter().map(|m| (m * all as f64) as u64).collect();
            moments.sort_unstable();
            for moment in moments {
                while answered.load(Ordering::SeqCst) < moment {
                    tokio::task::yield_now().await;
                }
                let copied = tempfile::tempdir().unwrap();
                let sure = answered.load(Ordering::SeqCst);
                copy(dir.path(), copied.path());
                // A torn end, as after a power loss in the middle of a write that nobody was told of.
                let wal = copied.path().join("log.sqlite-wal");
                let torn = std::fs::OpenOptions::new().append(true).open(wal).unwrap();
                torn.set_len(torn.metadata().unwrap().len() + cut).unwrap();
                check(copied.path(), sure).await;
            }
            posting.await.unwrap();
        });
    }
}

/// Everything up to `sure` is there, dense and in order, and is known when it comes again.
async fn check(dir: &Path, sure: u64) {
    let log = open(dir, small()).await;
    let found = ids(&log, Order::Ascending).await;
    assert!(found.len() as u64 >= sure, "{sure} events were answered, {} are there", found.len());
    for (n, (seq, id)) in (0..).zip(&found) {
        assert_eq!((*seq, id), (n + 1, &format!("id-{n}")));
    }
    let again = (0..found.len()).map(|n| event(&format!("id-{n}"), 1)).collect();
    assert!(submit(&log, again).await.iter().all(Option::is_none), "a repeated batch added something");
    assert_eq!(log.head(&project()), Position(found.len() as u64));
    assert_eq!(submit(&log, vec![event("next", 1)]).await, [Some(found.len() as u64 + 1)]);
}

#[tokio::test]
async fn a_full_disk_takes_nothing_and_what_was_taken_stays() {
    let dir = tempfile::tempdir().unwrap();
    let bounded = SqliteOptions { data_bytes_max: Some(400_000), ..SqliteOptions::default() };
    let store = Arc::new(SqliteStore::open(dir.path(), bounded).await.unwrap());
    let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
    let log =
        Log::open(store as Arc<dyn Store>, open_segments(dir.path(), true).unwrap(), clock, LogSettings::default())
            .await
            .unwrap();
    let mut taken = 0;
    let refused = loop {
        let events = (taken..taken + 50).map(|n| event(&format!("id-{n}"), 1)).collect();
        match log.submit(Submission { project: Some(project()), events, changes: Vec::new() }).await {
            Ok(_) => taken += 50,
            Err(error) => break error,
        }
        assert!(taken < 100_000, "it never fills up");
    };
    assert_eq!(refused.code, "storage_full");
    assert!(refused.retry_after.is_some());
    // Less still fits, without a restart.
    assert_eq!(ids(&log, Order::Ascending).await.len(), taken);
    log.close().await;
    drop(log);

    let log = open(dir.path(), LogSettings::default()).await;
    let events = (taken - 50..taken + 50).map(|n| event(&format!("id-{n}"), 1)).collect();
    assert_eq!(submit(&log, events).await.iter().flatten().count(), 50);
    assert_eq!(ids(&log, Order::Ascending).await.len(), taken + 50);
}

#[tokio::test]
async fn data_of_a_newer_version_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    SqliteStore::open(dir.path(), SqliteOptions::default()).await.unwrap().close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(dir.path().join("log.sqlite"));
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations VALUES (99, 'newer', 0, true, x'00', 0)";
    sqlx::query(newer).execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    match SqliteStore::open(dir.path(), SqliteOptions::default()).await {
        Err(StoreError::Newer(what)) => assert!(what.contains("newer version") && what.contains("99"), "{what}"),
        other => assert!(other.is_err_and(|_| false), "opened"),
    }
}
