//! The tasks that the log is nothing without: a panic of one is told, nothing that was answered is lost, nobody waits for ever.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::objects::FaultyObjects;
use super::*;
use crate::error::Kind;
use crate::log::{Disk, Ended, Room, Space};
use crate::store::memory::Fault;
use crate::tasks::Task;

const LIMIT: Duration = Duration::from_secs(20);

/// A volume that fills, and breaks, when told to.
#[derive(Debug, Default)]
struct Volume {
    used_percent: AtomicU64,
    breaks: AtomicBool,
    looks: AtomicU64,
}

impl Disk for Volume {
    fn space(&self) -> io::Result<Space> {
        assert!(!self.breaks.load(Ordering::SeqCst), "on purpose");
        self.looks.fetch_add(1, Ordering::SeqCst);
        Ok(Space { total: 100, free: 100 - self.used_percent.load(Ordering::SeqCst) })
    }

    fn reserve(&self, _: bool) -> io::Result<()> {
        Ok(())
    }
}

pub(super) async fn until(what: &str, condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(LIMIT, met).await.unwrap_or_else(|_| panic!("not within {LIMIT:?}: {what}"));
}

async fn died(log: &Log) -> Task {
    tokio::time::timeout(LIMIT, log.tasks().death()).await.expect("the death is told")
}

async fn close(log: &Log) {
    tokio::time::timeout(LIMIT, log.close()).await.expect("what is dead does not keep the rest from ending");
}

#[tokio::test]
async fn a_committer_that_panics_is_told_and_what_was_answered_is_there() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, tiny()).await;
    assert_eq!(positions(&log, &project(0), vec![event("a", 1, 1)]).await, [Some(1)]);
    store.inject(0, Fault::Panic);
    let (first, second) = (submission(&project(0), vec![event("b", 1, 1)]), {
        // Does not fit into the first one's group.
        submission(&project(0), (0..12).map(|n| event(&format!("c-{n}"), 1, 1)).collect())
    });
    let (first, second) = (log.enqueue(first).unwrap(), log.enqueue(second).unwrap());
    let unknown = first.receipt().await.unwrap_err();
    assert_eq!((unknown.kind, unknown.code), (Kind::Internal, "storage_failed"), "nobody knows");
    let refused = second.receipt().await.unwrap_err();
    assert_eq!((refused.kind, refused.code), (Kind::Unavailable, "closing"), "nothing of it was taken");
    assert_eq!(died(&log).await, Task::Committer);
    assert_eq!(log.ended().await, Ended::Failed);
    let refused = log.submit(submission(&project(0), vec![event("d", 1, 1)])).await.unwrap_err();
    assert_eq!((refused.kind, refused.code), (Kind::Unavailable, "closing"));
    close(&log).await;
    let log = open(&Arc::new(store.crash()), tiny()).await;
    assert_eq!(positions(&log, &project(0), vec![event("a", 1, 1), event("b", 1, 1)]).await, [None, Some(2)]);
}

#[tokio::test]
async fn a_tail_that_panics_ends_the_log_behind_a_commit_and_repeats_are_known() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, tiny()).await;
    assert_eq!(positions(&log, &project(0), vec![event("a", 1, 1)]).await, [Some(1)]);
    log.tasks().faults().arm("tail", "", 1);
    let unknown = log.submit(submission(&project(0), vec![event("b", 1, 1)])).await.unwrap_err();
    assert_eq!((unknown.kind, unknown.code), (Kind::Internal, "storage_failed"));
    assert_eq!(died(&log).await, Task::Committer);
    assert_eq!(read(&log, whole(&project(0))).await.len(), 1, "what was told before can be read");
    close(&log).await;
    let log = open(&Arc::new(store.crash()), tiny()).await;
    assert_eq!(positions(&log, &project(0), vec![event("a", 1, 1), event("b", 1, 1)]).await, [None, None]);
}

#[tokio::test]
async fn an_upkeep_that_panics_is_told_and_nobody_waits_for_it() {
    let (store, objects) = (Arc::new(MemoryStore::default()), FaultyObjects::default());
    let log = open_on(&store, Arc::new(objects.clone()), tiny()).await;
    log.seal_now().await.unwrap();
    positions(&log, &project(0), vec![event("a", 1, 1)]).await;
    for skip in 0..8 {
        objects.inject(skip, Fault::Panic);
    }
    let waits = tokio::time::timeout(LIMIT, log.seal_now()).await.expect("an answer");
    assert_eq!(waits.unwrap_err().code, "closing");
    assert_eq!(died(&log).await, Task::Upkeep);
    let waits = tokio::time::timeout(LIMIT, log.seal_now()).await.expect("an answer");
    assert_eq!(waits.unwrap_err().code, "closing");
    // The rest can be ended in order.
    assert_eq!(positions(&log, &project(0), vec![event("b", 1, 1)]).await, [Some(2)]);
    close(&log).await;
    assert_eq!(log.ended().await, Ended::Closed);
}

#[tokio::test]
async fn a_guard_that_panics_is_told() {
    let (store, disk) = (Arc::new(MemoryStore::default()), Arc::new(Volume::default()));
    let settings =
        LogSettings { disk: Some(disk.clone()), disk_every: Duration::from_millis(5), ..LogSettings::default() };
    let log = open(&store, settings).await;
    until("it has looked", || disk.looks.load(Ordering::SeqCst) > 1).await;
    assert_eq!(log.tasks().died(), None);
    disk.breaks.store(true, Ordering::SeqCst);
    assert_eq!(died(&log).await, Task::DiskGuard);
    close(&log).await;
}

#[tokio::test]
async fn the_volume_is_guarded_while_a_merge_or_a_commit_hangs() {
    let (store, disk) = (Arc::new(MemoryStore::default()), Arc::new(Volume::default()));
    let objects = FaultyObjects::default();
    let settings =
        LogSettings { disk: Some(disk.clone()), disk_every: Duration::from_millis(5), ..LogSettings::default() };
    let log = open_on(&store, Arc::new(objects.clone()), settings).await;
    log.seal_now().await.unwrap();
    positions(&log, &project(0), vec![event("a", 1, 1)]).await;
    objects.inject(0, Fault::HangBefore);
    let sealing = tokio::spawn({
        let log = log.clone();
        async move { log.seal_now().await.map(drop) }
    });
    until("upkeep hangs", || objects.hangs()).await;
    disk.used_percent.store(92, Ordering::SeqCst);
    store.inject(0, Fault::HangBefore);
    until("little room is seen", || log.room() == Room::Little).await;
    until("telling of it hangs", || store.hangs()).await;
    disk.used_percent.store(98, Ordering::SeqCst);
    until("no room is seen", || log.room() == Room::None).await;
    assert_eq!(log.check_room().unwrap_err().code, "storage_full");
    sealing.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_whose_ids_met_a_defect_is_not_forgotten() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, tiny()).await;
    log.tasks().faults().arm("ids", "", 1);
    let mut next = 0;
    while store.id_run_heads(&project(0)).await.unwrap().is_empty() {
        assert!(next < 20_000, "no run is ever built again");
        positions(&log, &project(0), vec![event(&format!("id-{next}"), 1, 1)]).await;
        next += 1;
    }
    assert!(log.tasks().counts(Task::Ids).0 >= 1, "one attempt met the defect");
    assert_eq!(positions(&log, &project(0), vec![event("id-0", 1, 1)]).await, [None]);
}

#[tokio::test]
async fn a_scan_that_panics_is_a_defect_for_who_asked_and_no_damage() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, LogSettings { tail_bytes_max: 0, ..tiny() }).await;
    positions(&log, &project(0), vec![event("a", 1, 1)]).await;
    let map: fn(arrow_array::RecordBatch) -> usize = |_| panic!("on purpose");
    for sealed in [false, true] {
        if sealed {
            log.seal_now().await.unwrap();
        }
        let mut pieces = log.scan_map(whole(&project(0)), Arc::new(map));
        let error = futures_util::StreamExt::next(&mut pieces).await.unwrap().unwrap_err();
        assert_eq!((error.kind, error.code), (Kind::Internal, "internal"), "sealed: {sealed}");
        assert_eq!(log.tasks().died(), None);
    }
}
