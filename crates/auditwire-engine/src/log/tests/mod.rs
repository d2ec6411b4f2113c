//! The log against a plain model, on the store in memory, with faults and crashes; and what each part promises alone.

mod blob;
mod deaths;
mod faults;
mod folder;
mod model;
mod objects;
mod readiness;
mod restored;
mod same;
mod sealed;
mod sealing;
mod window;

use std::sync::Arc;

use auditwire_model::clock::ManualClock;
use auditwire_model::event::{Columns, Event, EventDraft, Plane, rows};
use auditwire_model::query::Expr;
use auditwire_model::{Position, ProjectId, Timestamp};
use futures_util::TryStreamExt;
use object_store::ObjectStore;

use super::{Log, LogSettings, Scan, Submission};
use crate::store::memory::MemoryStore;
use crate::store::{Order, Store};

pub(crate) fn project(n: u8) -> ProjectId {
    ProjectId::parse(&format!("p{n}")).unwrap()
}

pub(crate) fn time(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos).unwrap()
}

/// Small enough that every mechanism works in a test of some dozen events.
pub(crate) fn tiny() -> LogSettings {
    LogSettings { duplicate_map_ids: 4, group_events_max: 12, tail_bytes_max: 60_000, ..LogSettings::default() }
}

pub(crate) fn event(id: &str, content: u8, at: i64) -> Event {
    let draft = EventDraft {
        event_id: Some(id.to_owned()),
        action: format!("action-{content}"),
        timestamp: Some(time(at)),
        ..EventDraft::default()
    };
    draft.complete(String::new, Plane::Control, time(at), [content; 16])
}

pub(crate) async fn open(store: &Arc<MemoryStore>, settings: LogSettings) -> Log {
    let store: Arc<dyn Store> = Arc::clone(store) as _;
    Log::open(store, crate::store::memory::objects(), Arc::new(ManualClock::new(Timestamp::EPOCH)), settings)
        .await
        .unwrap()
}

/// Runs a case of a property test to its end.
pub(crate) fn run<F: Future>(case: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(case)
}

/// Opens a log whose files lie in `objects`.
pub(crate) async fn open_on(store: &Arc<MemoryStore>, objects: Arc<dyn ObjectStore>, settings: LogSettings) -> Log {
    open_at(store, objects, Arc::new(ManualClock::new(Timestamp::EPOCH)), settings).await
}

/// The same by a clock that somebody moves.
pub(crate) async fn open_at(
    store: &Arc<MemoryStore>,
    objects: Arc<dyn ObjectStore>,
    clock: Arc<ManualClock>,
    settings: LogSettings,
) -> Log {
    Log::open(Arc::clone(store) as _, objects, clock, settings).await.unwrap()
}

pub(crate) fn submission(project: &ProjectId, events: Vec<Event>) -> Submission {
    Submission { project: Some(project.clone()), events, changes: Vec::new() }
}

pub(crate) async fn positions(log: &Log, project: &ProjectId, events: Vec<Event>) -> Vec<Option<u64>> {
    let receipt = log.submit(submission(project, events)).await.unwrap();
    receipt.positions.into_iter().map(|p| p.map(|p| p.0)).collect()
}

pub(crate) fn whole(project: &ProjectId) -> Scan {
    Scan {
        project: project.clone(),
        from: Position(1),
        to: Position(u64::MAX),
        time_from: None,
        time_to: None,
        predicate: Expr::All,
        order: Order::Ascending,
        limit: None,
        columns: Columns::ALL,
        numbered: false,
    }
}

/// What a scan finds: position, id, event time, time of receipt.
pub(crate) type Row = (u64, String, i64, i64);

pub(crate) async fn read(log: &Log, scan: Scan) -> Vec<Row> {
    let whole = |scanned: super::Scanned| {
        assert_eq!(scanned.damage, None);
        scanned.batch
    };
    let batches: Vec<_> = log.scan(scan).map_ok(whole).try_collect().await.unwrap();
    let row = |e: auditwire_model::event::EventView<'_>| {
        (e.seq.unwrap().0, e.event_id.to_owned(), e.timestamp.as_nanos(), e.received_at.as_nanos())
    };
    batches.iter().flat_map(rows).map(row).collect()
}
