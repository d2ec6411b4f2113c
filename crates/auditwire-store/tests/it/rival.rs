//! Two processes on one store, with every lock defeated: whoever opened it first is answered nothing more.

use std::collections::HashSet;

use auditwire_engine::log::{Ended, Log, LogSettings, Submission};
use auditwire_engine::store::{Commit, Order, Store, StoreError};
use auditwire_store::{SqliteOptions, SqliteStore};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use super::log::{event, ids, open, project};

/// Posts one event after the other until one is refused or so many are stored; gives the ids that were answered.
async fn post(log: Log, name: &'static str, most: usize) -> (Vec<String>, Option<String>) {
    let mut answered = Vec::new();
    for n in 0..most {
        let id = format!("{name}-{n}");
        let events = vec![event(&id, 1)];
        match log.submit(Submission { project: Some(project()), events, changes: Vec::new() }).await {
            Ok(_) => answered.push(id),
            // The other one was writing for longer than a commit waits: nothing was taken.
            Err(error) if error.code == "storage_failed" => {}
            Err(error) => return (answered, Some(error.code.to_owned())),
        }
    }
    (answered, None)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_of_two_processes_stops_and_no_answered_event_is_lost() {
    for _ in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path(), LogSettings::default()).await;
        let posting = tokio::spawn(post(first.clone(), "first", 20_000));
        let mut head = first.follow(&project());
        head.wait_for(|head| head.0 > 20).await.unwrap();
        let second = open(dir.path(), LogSettings::default()).await;
        let (mut answered, refused) = post(second.clone(), "second", 200).await;
        assert_eq!(refused, None);
        let (of_first, refused) = posting.await.unwrap();
        assert_eq!(refused.as_deref(), Some("storage_rival"));
        assert_eq!((first.stopped().await.why, first.ended().await), (Ended::Rival, Ended::Rival));
        answered.extend(of_first);
        second.close().await;
        drop((first, second));
        let log = open(dir.path(), LogSettings::default()).await;
        let stored: HashSet<String> = ids(&log, Order::Ascending).await.into_iter().map(|(_, id)| id).collect();
        let lost: Vec<&String> = answered.iter().filter(|id| !stored.contains(*id)).collect();
        assert!(lost.is_empty(), "of {} answered: {lost:?}", answered.len());
    }
}

/// A change of records is refused like events are, and so is the question that a failed commit ends with.
#[tokio::test]
async fn nothing_of_the_first_is_taken_whatever_it_is() {
    use auditwire_engine::store::{Change, Effect, Expect, RecordKey, RecordKind};
    let dir = tempfile::tempdir().unwrap();
    let open = async || SqliteStore::open(dir.path(), SqliteOptions::default()).await.unwrap();
    let key = RecordKey::global(RecordKind::Instance, "x");
    let put = || Commit {
        changes: vec![Change { key: key.clone(), expect: Expect::Any, effect: Effect::Put(b"v".to_vec()) }],
        ..Commit::default()
    };
    let first = open().await;
    first.commit(put()).await.unwrap();
    first.heads().await.unwrap();
    let second = open().await;
    assert!(matches!(first.commit(put()).await, Err(StoreError::Rival)));
    assert!(matches!(first.heads().await, Err(StoreError::Rival)));
    assert_eq!(second.record(&key).await.unwrap().unwrap().version, 1);
    second.commit(put()).await.unwrap();
    second.heads().await.unwrap();
}

/// A store without a mark is nobody's: else a group would be answered whose row was never written.
#[tokio::test]
async fn without_a_mark_nothing_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), LogSettings::default()).await;
    let options = SqliteConnectOptions::new().filename(dir.path().join("log.sqlite"));
    let mut other = options.connect().await.unwrap();
    assert_eq!(sqlx::query("DELETE FROM owner").execute(&mut other).await.unwrap().rows_affected(), 1);
    let (answered, refused) = post(log.clone(), "first", 1).await;
    assert_eq!((answered.len(), refused.as_deref()), (0, Some("storage_rival")));
    let groups: i64 = sqlx::query_scalar("SELECT count(*) FROM spans").fetch_one(&mut other).await.unwrap();
    assert_eq!(groups, 0);
}
