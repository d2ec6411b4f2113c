//! A damaged data file: found, told, written to no more; what is damaged by itself leaves the rest alone.

use std::path::Path;
use std::time::Duration;

use auditwire_engine::log::{Log, LogSettings, Submission};
use auditwire_engine::readiness::Trouble;
use auditwire_engine::store::StoreError;
use auditwire_model::Position;
use auditwire_model::event::{Event, EventDraft, Plane};
use auditwire_store::{SqliteOptions, SqliteStore};

use super::log::{event, open, project, submit};

const PAGE: usize = 8192;
const LIMIT: Duration = Duration::from_secs(20);

/// So long that its group lies in pages of its own.
fn long(id: &str) -> Event {
    let message = Some("0123456789abcdef".repeat(1500));
    let draft =
        EventDraft { event_id: Some(id.to_owned()), action: "create-vm".to_owned(), message, ..EventDraft::default() };
    draft.complete(String::new, Plane::Control, auditwire_model::Timestamp::EPOCH, [1; 16])
}

/// A closed store with three groups; the second one is long.
async fn filled(dir: &Path) {
    let log = open(dir, LogSettings::default()).await;
    for event in [event("a", 1), long("b"), event("c", 1)] {
        submit(&log, vec![event]).await;
    }
    log.close().await;
    drop(log);
    closed(dir).await;
}

/// Waits until everything is in the data file: the write-ahead log goes with the last connection.
pub(super) async fn closed(dir: &Path) {
    let gone = async {
        while dir.join("log.sqlite-wal").exists() {
            SqliteStore::open(dir, SqliteOptions::default()).await.unwrap().close().await;
        }
    };
    tokio::time::timeout(LIMIT, gone).await.unwrap();
}

/// Changes the pages that only the long group has: all that hold its text and nothing else, but for where they go on.
fn change(dir: &Path, how: impl Fn(&mut [u8])) {
    let path = dir.join("log.sqlite");
    let mut bytes = std::fs::read(&path).unwrap();
    let text = b"0123456789abcdef0123456789abcdef";
    let mut changed = 0;
    for page in bytes.chunks_mut(PAGE).skip(2) {
        // Such a page begins with the number of the next one.
        if page[0] == 0 && page.windows(text.len()).any(|window| window == text) {
            how(page);
            changed += 1;
        }
    }
    assert!(changed > 0, "no page to damage");
    std::fs::write(path, bytes).unwrap();
}

async fn told(log: &Log) {
    let told = async {
        while !log.readiness().stands(Trouble::StoreDamaged) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, told).await.unwrap();
}

async fn refused(log: &Log) -> Option<&'static str> {
    let submission = Submission { project: Some(project()), events: vec![event("d", 1)], changes: Vec::new() };
    log.submit(submission).await.err().map(|error| error.code)
}

#[tokio::test]
async fn a_malformed_store_takes_no_more_and_is_read_as_far_as_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    change(dir.path(), |page| page[..4].copy_from_slice(&0x00ff_ffff_u32.to_be_bytes()));
    let log = open(dir.path(), LogSettings::default()).await;
    // Nobody has read it: it is looked for.
    told(&log).await;
    let before = std::fs::read(dir.path().join("log.sqlite-wal")).unwrap();
    assert_eq!(refused(&log).await, Some("store_damaged"));
    assert_eq!(std::fs::read(dir.path().join("log.sqlite-wal")).unwrap(), before, "nothing was written");
    for (at, readable) in [(1, true), (2, false), (3, true)] {
        assert_eq!(log.event(&project(), Position(at)).await.is_ok(), readable, "seq {at}");
    }
    assert!(!log.readiness().stands(Trouble::CommitsFailing));
}

#[tokio::test]
async fn a_blob_that_is_damaged_is_told_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    change(dir.path(), |page| page[100] ^= 1);
    let log = open(dir.path(), LogSettings::default()).await;
    assert!(!log.readiness().stands(Trouble::StoreDamaged), "no page contradicts another one");
    assert_eq!(log.event(&project(), Position(2)).await.unwrap_err().code, "damaged");
    told(&log).await;
    let (_, detail) = log.readiness().standing().into_iter().find(|(at, _)| *at == Trouble::StoreDamaged).unwrap();
    assert!(detail.contains("group 2") && detail.contains("checksum"), "{detail}");
    assert_eq!(refused(&log).await, None);
    assert!(log.event(&project(), Position(3)).await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_no_database_is_told_from_what_fails() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let path = dir.path().join("log.sqlite");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..16].fill(b'x');
    std::fs::write(&path, &bytes).unwrap();
    let opened = SqliteStore::open(dir.path(), SqliteOptions::default()).await;
    assert!(matches!(opened, Err(StoreError::Malformed(_))), "{opened:?}");
    assert!(std::fs::read(&path).unwrap() == bytes, "it is as it was");
}
