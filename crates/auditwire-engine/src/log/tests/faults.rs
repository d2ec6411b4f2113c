//! Limits and faults that a caller sees.

use std::time::Duration;

use super::*;
use crate::error::Kind;
use crate::log::Ended;
use crate::store::memory::Fault;
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};

#[tokio::test]
async fn a_full_disk_is_told_and_clears_by_itself() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, tiny()).await;
    assert_eq!(positions(&log, &project(0), vec![event("a", 1, 1)]).await, [Some(1)]);
    store.inject(0, Fault::Full);
    let error = log.submit(submission(&project(0), vec![event("b", 1, 1)])).await.unwrap_err();
    assert_eq!((error.kind, error.code), (Kind::Unavailable, "storage_full"));
    assert!(error.retry_after.is_some());
    // The same again: it was not remembered as seen.
    assert_eq!(positions(&log, &project(0), vec![event("b", 1, 1)]).await, [Some(2)]);
    assert_eq!(log.stats().await.unwrap().storage_full, 1);
}

#[tokio::test]
async fn an_unconfirmed_write_ends_the_log() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, tiny()).await;
    store.inject(0, Fault::Unsynced);
    let error = log.submit(submission(&project(0), vec![event("a", 1, 1)])).await.unwrap_err();
    assert_eq!(error.code, "storage_failed");
    assert_eq!(log.ended().await, Ended::Failed);
    assert!(log.submit(submission(&project(0), vec![event("b", 1, 1)])).await.is_err());
}

#[tokio::test]
async fn a_failed_expectation_fails_one_submission_and_the_rest_is_stored() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, tiny()).await;
    let key = RecordKey::global(RecordKind::Instance, "x");
    let change = |expect| vec![Change { key: key.clone(), expect, effect: Effect::Put(b"v".to_vec()) }];
    let with = |id: &str, changes| Submission { changes, ..submission(&project(0), vec![event(id, 1, 1)]) };
    let (a, b, c, d) = tokio::join!(
        log.submit(with("a", Vec::new())),
        log.submit(with("b", change(Expect::Version(9)))),
        log.submit(with("c", change(Expect::Absent))),
        log.submit(with("d", change(Expect::Absent))),
    );
    assert_eq!(a.unwrap().positions, [Some(Position(1))]);
    assert_eq!(b.unwrap_err().code, "conflict");
    // The second of two that contradict each other fails, not both.
    assert_eq!(c.unwrap().positions, [Some(Position(2))]);
    assert_eq!(d.unwrap_err().code, "conflict");
    assert_eq!(read(&log, whole(&project(0))).await.len(), 2);
    assert_eq!(store.record(&key).await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn an_event_of_the_service_and_its_copy_are_there_together_or_not_at_all() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, tiny()).await;
    let (home, system) = (project(0), ProjectId::system());
    let own = || crate::audit::Audit::new(crate::audit::action::EXPORT, &auditwire_model::access::Caller::Service);
    let told = own().build(Timestamp::EPOCH);
    let key = RecordKey::global(RecordKind::Instance, "x");
    let refused = vec![Change { key, expect: Expect::Version(9), effect: Effect::None }];
    let conflict = Submission { changes: refused, ..submission(&home, vec![told.clone()]) };
    assert_eq!(log.submit(conflict).await.unwrap_err().code, "conflict");
    assert_eq!((log.head(&home), log.head(&system)), (Position::ZERO, Position::ZERO));
    let with_another = vec![event("a", 1, 1), told.clone()];
    assert_eq!(positions(&log, &home, with_another).await, [Some(1), Some(2)], "the copy has no place there");
    let ids =
        async |log: &Log, project| read(log, whole(project)).await.into_iter().map(|row| row.1).collect::<Vec<_>>();
    assert_eq!(ids(&log, &system).await, std::slice::from_ref(&told.event_id));
    // The same again is known in both, also after the process was killed.
    assert_eq!(positions(&log, &home, vec![told.clone()]).await, [None]);
    let log = open(&Arc::new(store.crash()), tiny()).await;
    assert_eq!(positions(&log, &home, vec![told.clone()]).await, [None]);
    assert_eq!(ids(&log, &home).await, ["a".to_owned(), told.event_id.clone()]);
    assert_eq!(ids(&log, &system).await, [told.event_id]);
    // What the operator does in system is there once.
    positions(&log, &system, vec![own().build(Timestamp::EPOCH)]).await;
    assert_eq!(ids(&log, &system).await.len(), 2);
}

#[tokio::test]
async fn a_question_is_answered_only_while_the_committer_commits() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, LogSettings { queue_bytes_max: 3000, ..tiny() }).await;
    log.answers().await;
    assert_eq!(log.commits(), 0, "it costs no commit");
    store.inject(0, Fault::HangBefore);
    let hanging = log.enqueue(submission(&project(0), vec![event("a", 1, 1)])).unwrap();
    // Until the queue takes no more: who asks is heard nevertheless.
    while log.enqueue(submission(&project(0), vec![event("b", 1, 1)])).is_ok() {}
    let wait = Duration::from_millis(100);
    assert!(tokio::time::timeout(wait, log.answers()).await.is_err(), "nothing is committed");
    drop((hanging, log));

    let log = open(&Arc::new(store.crash()), tiny()).await;
    log.close().await;
    log.answers().await;
}

#[tokio::test]
async fn too_much_in_the_queue_is_refused() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, LogSettings { queue_bytes_max: 3000, ..tiny() }).await;
    store.inject(0, Fault::HangBefore);
    let hanging = tokio::spawn({
        let log = log.clone();
        async move { log.submit(submission(&project(0), vec![event("a", 1, 1)])).await }
    });
    let mut refused = None;
    for _ in 0..100 {
        let next = log.submit(submission(&project(0), vec![event("b", 1, 1), event("c", 1, 1)]));
        if let Ok(answer) = tokio::time::timeout(Duration::from_millis(1), next).await {
            refused = Some(answer.unwrap_err());
            break;
        }
    }
    let refused = refused.unwrap();
    assert_eq!((refused.kind, refused.code), (Kind::Unavailable, "overloaded"));
    hanging.abort();
}

#[tokio::test]
async fn a_million_bytes_of_single_events_stay_few_pieces() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, LogSettings { tail_bytes_max: 400_000, ..LogSettings::default() }).await;
    for n in 0..1500 {
        positions(&log, &project(0), vec![event(&format!("id-{n}"), 1, n)]).await;
    }
    let bytes = log.stats().await.unwrap().tail_bytes;
    assert!(bytes <= 400_000, "{bytes} bytes");
    // Merged, an event of this size costs a few hundred bytes; 1,500 pieces of one row would be over 7 MB.
    let before = log.stats().await.unwrap().scans;
    let rows = read(&log, Scan { from: Position(1200), ..whole(&project(0)) }).await;
    assert_eq!(rows.len(), 301);
    let after = log.stats().await.unwrap().scans;
    assert_eq!(after.groups_read, before.groups_read, "the tail did not hold the newest events");
}

#[tokio::test]
async fn followers_are_woken_and_see_what_they_are_told() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, tiny()).await;
    let mut head = log.follow(&project(0));
    assert_eq!(*head.borrow(), Position::ZERO);
    positions(&log, &project(0), vec![event("a", 1, 1)]).await;
    head.changed().await.unwrap();
    assert_eq!(*head.borrow(), Position(1));
    assert_eq!(read(&log, whole(&project(0))).await.len(), 1);
}

#[tokio::test]
async fn the_time_of_receipt_never_decreases() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, tiny()).await;
    let mut late = event("b", 1, 5);
    late.timestamp_from_receipt = true;
    positions(&log, &project(0), vec![event("a", 1, 9), late.clone()]).await;
    let store = Arc::new(store.crash());
    let log = open(&store, tiny()).await;
    late.event_id = "c".to_owned();
    positions(&log, &project(0), vec![late, event("d", 1, 2)]).await;
    let times: Vec<(i64, i64)> =
        read(&log, whole(&project(0))).await.into_iter().map(|(_, _, at, r)| (at, r)).collect();
    assert_eq!(times, [(9, 9), (9, 9), (9, 9), (2, 9)]);
}
