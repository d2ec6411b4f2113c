//! What the log says about itself while something is wrong with it.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::deaths::until;
use super::*;
use crate::log::{Disk, Space};
use crate::readiness::Trouble;
use crate::store::memory::Fault;

/// A volume that fills, and has room for the reserve or not.
#[derive(Debug, Default)]
struct Volume {
    used_percent: AtomicU64,
    refuses: AtomicBool,
}

impl Disk for Volume {
    fn space(&self) -> io::Result<Space> {
        Ok(Space { total: 100, free: 100 - self.used_percent.load(Ordering::SeqCst) })
    }

    fn reserve(&self, keep: bool) -> io::Result<()> {
        let refused = keep && self.refuses.load(Ordering::SeqCst);
        if refused { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

fn standing(log: &Log) -> Vec<Trouble> {
    log.readiness().standing().into_iter().map(|(trouble, _)| trouble).collect()
}

#[tokio::test]
async fn a_full_volume_and_a_missing_reserve_are_told_apart_and_end() {
    let (store, disk) = (Arc::new(MemoryStore::default()), Arc::new(Volume::default()));
    let settings =
        LogSettings { disk: Some(disk.clone()), disk_every: Duration::from_millis(2), ..LogSettings::default() };
    let log = open(&store, settings).await;
    disk.refuses.store(true, Ordering::SeqCst);
    until("the reserve is missed", || standing(&log) == [Trouble::ReserveMissing]).await;
    disk.used_percent.store(98, Ordering::SeqCst);
    until("it is full", || standing(&log) == [Trouble::StorageFull]).await;
    disk.used_percent.store(95, Ordering::SeqCst);
    until("it is not full any more", || standing(&log).is_empty()).await;
    disk.used_percent.store(10, Ordering::SeqCst);
    until("the reserve is missed again", || standing(&log) == [Trouble::ReserveMissing]).await;
    disk.refuses.store(false, Ordering::SeqCst);
    until("all is well", || standing(&log).is_empty()).await;
}

#[tokio::test]
async fn a_commit_that_failed_stands_until_one_succeeds() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, tiny()).await;
    for fault in [Fault::FailBefore, Fault::FailAfter] {
        store.inject(0, fault);
        let _ = log.submit(submission(&project(0), vec![event("a", 1, 1)])).await;
        assert_eq!(standing(&log), [Trouble::CommitsFailing], "{fault:?}");
        log.submit(submission(&project(0), vec![event("b", 1, 1)])).await.unwrap();
        assert_eq!(standing(&log), [], "{fault:?}");
    }
    // The caller's own fault is none of the store's, and a full disk has its own name.
    store.inject(0, Fault::Full);
    log.submit(submission(&project(0), vec![event("c", 1, 1)])).await.unwrap_err();
    assert_eq!(standing(&log), []);
}
