//! The log on SQLite: what was answered is there after a restart.

use std::path::Path;
use std::sync::Arc;

use auditwire_engine::log::{Log, LogSettings, Scan, Submission};
use auditwire_engine::store::Order;
use auditwire_model::clock::ManualClock;
use auditwire_model::event::{Columns, Event, EventDraft, Plane, rows};
use auditwire_model::query::Expr;
use auditwire_model::{Position, ProjectId, Timestamp};
use auditwire_store::{SqliteOptions, SqliteStore, open_segments};
use futures_util::TryStreamExt;

pub(super) fn project() -> ProjectId {
    ProjectId::default_project()
}

pub(super) fn event(id: &str, content: u8) -> Event {
    let draft = EventDraft {
        event_id: Some(id.to_owned()),
        action: "create-vm".to_owned(),
        message: Some(content.to_string()),
        ..EventDraft::default()
    };
    draft.complete(String::new, Plane::Control, Timestamp::from_nanos(1_000_000).unwrap(), [content; 16])
}

pub(super) async fn open(dir: &Path, settings: LogSettings) -> Log {
    let store = SqliteStore::open(dir, SqliteOptions::default()).await.unwrap();
    Log::open(
        Arc::new(store),
        open_segments(dir, true).unwrap(),
        Arc::new(ManualClock::new(Timestamp::EPOCH)),
        settings,
    )
    .await
    .unwrap()
}

pub(super) async fn submit(log: &Log, events: Vec<Event>) -> Vec<Option<u64>> {
    let receipt = log.submit(Submission { project: Some(project()), events, changes: Vec::new() }).await.unwrap();
    receipt.positions.into_iter().map(|p| p.map(|p| p.0)).collect()
}

pub(super) async fn ids(log: &Log, order: Order) -> Vec<(u64, String)> {
    let scan = Scan {
        project: project(),
        from: Position(1),
        to: Position(u64::MAX),
        time_from: None,
        time_to: None,
        predicate: Expr::All,
        order,
        limit: None,
        columns: Columns::ALL,
        numbered: false,
    };
    let batches: Vec<_> = log.scan(scan).map_ok(|s| s.batch).try_collect().await.unwrap();
    batches.iter().flat_map(rows).map(|e| (e.seq.unwrap().0, e.event_id.to_owned())).collect()
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), LogSettings::default()).await;
    assert_eq!(submit(&log, vec![event("a", 1), event("b", 1), event("a", 1)]).await, [Some(1), Some(2), None]);
    assert_eq!(submit(&log, vec![event("b", 1), event("c", 1), event("a", 2)]).await, [None, Some(3), Some(4)]);
    assert_eq!(log.head(&project()), Position(4));
    let expected: Vec<(u64, String)> =
        [(1, "a"), (2, "b"), (3, "c"), (4, "a~02020202")].map(|(seq, id)| (seq, id.to_owned())).to_vec();
    assert_eq!(ids(&log, Order::Ascending).await, expected);
    log.close().await;
    assert_eq!(log.submit(Submission::default()).await.unwrap_err().code, "closing");
    drop(log);

    let log = open(dir.path(), LogSettings::default()).await;
    assert_eq!(ids(&log, Order::Ascending).await, expected);
    assert_eq!(submit(&log, vec![event("a", 2), event("a", 1), event("d", 1)]).await, [None, None, Some(5)]);
    let mut newest_first = ids(&log, Order::Descending).await;
    assert_eq!(newest_first.remove(0), (5, "d".to_owned()));
    newest_first.reverse();
    assert_eq!(newest_first, expected);
}
