//! A folder that goes, and a lock that somebody else takes: nothing is answered as stored from then on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::objects::FaultyObjects;
use super::*;
use crate::error::Kind;
use crate::log::{Ended, Folder};
use crate::readiness::Trouble;
use crate::store::memory::Fault;

#[derive(Debug, Default)]
struct Place {
    gone: AtomicBool,
    taken: AtomicBool,
}

impl Folder for Place {
    fn there(&self) -> Result<(), String> {
        if self.gone.load(Ordering::SeqCst) { Err("it is gone".to_owned()) } else { Ok(()) }
    }

    fn ours(&self) -> Result<bool, String> {
        if self.taken.load(Ordering::SeqCst) { Err("somebody has it".to_owned()) } else { Ok(true) }
    }
}

/// `every`: how often it is looked at beside the answers.
fn settings(place: &Arc<Place>, every: Duration) -> LogSettings {
    LogSettings { folder: Some(Arc::clone(place) as _), folder_every: every, ..tiny() }
}

const NEVER: Duration = Duration::from_secs(3600);
const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_folder_that_is_gone_is_noticed_before_the_answer() {
    // What is written may be answered neither when the commit says that it succeeded nor when it is found to have.
    for fault in [None, Some(Fault::FailAfter)] {
        let (place, store) = (Arc::default(), Arc::new(MemoryStore::default()));
        let log = open(&store, settings(&place, NEVER)).await;
        assert_eq!(positions(&log, &project(0), vec![event("a", 1, 1)]).await, [Some(1)]);
        place.gone.store(true, Ordering::SeqCst);
        if let Some(fault) = fault {
            store.inject(0, fault);
        }
        let refused = log.submit(submission(&project(0), vec![event("b", 1, 1)])).await.unwrap_err();
        assert_eq!((refused.kind, refused.code), (Kind::Unavailable, "storage_gone"));
        assert!(refused.retry_after.is_some());
        assert_eq!(log.ended().await, Ended::Gone);
        assert!(log.readiness().stands(Trouble::StorageGone));
        let again = log.submit(submission(&project(0), vec![event("c", 1, 1)])).await.unwrap_err();
        assert_eq!(again.code, "storage_gone");
        assert_eq!(log.head(&project(0)), Position(1), "nobody is told of it");
        tokio::time::timeout(LIMIT, log.close()).await.unwrap();
    }
}

#[tokio::test]
async fn a_quiet_log_notices_it_too_and_a_rival() {
    type Act = fn(&Place);
    let places: [(Act, Ended, &str); 2] = [
        (|place| place.gone.store(true, Ordering::SeqCst), Ended::Gone, "storage_gone"),
        (|place| place.taken.store(true, Ordering::SeqCst), Ended::Rival, "storage_rival"),
    ];
    for (act, why, code) in places {
        let place = Arc::default();
        let log = open(&Arc::new(MemoryStore::default()), settings(&place, Duration::from_millis(1))).await;
        act(&place);
        let stop = tokio::time::timeout(LIMIT, log.stopped()).await.unwrap();
        assert_eq!(stop.why, why);
        assert_eq!(tokio::time::timeout(LIMIT, log.ended()).await.unwrap(), why);
        let refused = log.submit(submission(&project(0), vec![event("a", 1, 1)])).await.unwrap_err();
        assert_eq!(refused.code, code);
    }
}

/// Another folder of that name may be a copy of the store: its files have the same names.
#[tokio::test]
async fn no_file_is_removed_and_no_segment_named_in_a_folder_that_is_another_one() {
    let (place, store, objects) = (Arc::default(), Arc::new(MemoryStore::default()), FaultyObjects::default());
    let log = open_on(&store, Arc::new(objects), settings(&place, NEVER)).await;
    positions(&log, &project(0), vec![event("a", 1, 1)]).await;
    place.gone.store(true, Ordering::SeqCst);
    assert!(log.seal_now().await.is_err());
    assert_eq!(log.ended().await, Ended::Gone);
    assert!(store.segments().await.unwrap().is_empty());
}
