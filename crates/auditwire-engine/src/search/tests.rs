//! Pages and live tail; [`questions`] has what is asked beside a page.

mod agreement;
mod questions;
mod sealed;

use std::sync::Arc;

use auditwire_model::TokenId;
use auditwire_model::access::{Caller, Origin, Principal};
use auditwire_model::clock::ManualClock;
use auditwire_model::event::EventDraft;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::time::Instant;

use super::asking::Asking;
use super::page::{collect, last_seq};
use super::tail::Follow;
use super::*;
use crate::error::Result;
use crate::intake::{self, Intake};
use crate::log::LogSettings;
use crate::log::tests::{event, open, positions, project, whole};
use crate::log::{Damage, Log, Mapped};
use crate::permits::Permits;
use crate::secrets::{Keyring, Secret};
use crate::store::memory::MemoryStore;
use crate::{Engine, Settings};

/// An engine on a store in memory, whose clock stands.
pub(crate) async fn engine() -> (Engine, Arc<MemoryStore>) {
    engine_with(Settings::default()).await
}

/// The same with these limits.
pub(crate) async fn engine_with(settings: Settings) -> (Engine, Arc<MemoryStore>) {
    let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
    let keyring = Arc::new(Keyring::new(vec![("k1".to_owned(), Secret::new(vec![7; 32]))]));
    let store = Arc::new(MemoryStore::default());
    let objects = crate::store::memory::objects();
    (Engine::open(store.clone(), objects, clock, keyring, settings).await.unwrap(), store)
}

pub(crate) fn operator() -> Caller {
    Caller::Operator {
        by: Principal::Token(TokenId::parse("t-1").unwrap()),
        origin: Origin::new([127, 0, 0, 1], "r-1"),
    }
}

/// Posts `count` events like `draft`.
pub(crate) async fn post(engine: &Engine, project: &ProjectId, draft: &EventDraft, count: usize) {
    let items = (0..count).map(|_| Ok(draft.clone()));
    let batch = Intake { items, door: Plane::Control, idempotency_key: None };
    intake::accept(engine, &operator(), project, batch).await.unwrap();
}

async fn log_of(events: i64) -> Log {
    let log = open(&Arc::new(MemoryStore::default()), LogSettings { tails_max: 2, ..LogSettings::default() }).await;
    for n in 0..events {
        positions(&log, &project(0), vec![event(&format!("id-{n}"), 1, n)]).await;
    }
    log
}

fn seqs(page: &Page) -> Vec<u64> {
    page.batches.iter().flat_map(auditwire_model::event::rows).map(|e| e.seq.unwrap().0).collect()
}

fn asking(
    pieces: BoxStream<'static, Result<Mapped<arrow_array::RecordBatch>>>,
    millis: u64,
) -> Asking<arrow_array::RecordBatch> {
    let permit = Permits::new(1).try_take(&project(0));
    Asking::over(pieces, Instant::now() + Duration::from_millis(millis), permit)
}

#[tokio::test]
async fn a_page_says_whether_there_is_another() {
    let log = log_of(5).await;
    let page = async |from, to, order, limit: usize| {
        let scan = Scan { from: Position(from), to: Position(to), order, limit: Some(limit + 1), ..whole(&project(0)) };
        collect(asking(log.scan_map(scan, Arc::new(|batch| batch)), 60_000), limit, Position(0)).await.unwrap()
    };
    let first = page(1, 9, Order::Descending, 2).await;
    assert_eq!((seqs(&first), first.next, first.partial), (vec![5, 4], Some(Position(4)), false));
    let second = page(1, 3, Order::Descending, 2).await;
    assert_eq!((seqs(&second), second.next), (vec![3, 2], Some(Position(2))));
    let last = page(1, 1, Order::Descending, 2).await;
    assert_eq!((seqs(&last), last.next), (vec![1], None));
    let exact = page(1, 9, Order::Ascending, 5).await;
    assert_eq!((seqs(&exact), exact.next), (vec![1, 2, 3, 4, 5], None));
}

#[tokio::test]
async fn a_search_out_of_time_is_partial_and_goes_on_where_it_stopped() {
    let read = crate::log::ScanStats::default();
    let piece = Mapped { value: None, rows: 0, through: Position(7), damage: None, read };
    let endless = stream::iter([Ok(piece)]).chain(stream::pending()).boxed();
    let page = collect(asking(endless, 20), 10, Position(9)).await.unwrap();
    assert_eq!((seqs(&page), page.next, page.partial), (vec![], Some(Position(7)), true));
    let page = collect(asking(stream::pending().boxed(), 20), 10, Position(9)).await.unwrap();
    assert_eq!((page.next, page.partial), (Some(Position(9)), true));
}

#[tokio::test]
async fn what_cannot_be_read_is_told() {
    let damage = Damage { from: Position(3), to: Position(7), segment: "s".to_owned(), detail: "torn".to_owned() };
    let read = crate::log::ScanStats::default();
    let piece = Mapped { value: None, rows: 0, through: Position(3), damage: Some(damage.clone()), read };
    let mut scan = asking(stream::iter([Ok(piece.clone())]).boxed(), 60_000);
    while scan.next().await.unwrap().is_some() {}
    assert!(scan.in_time() && !scan.whole());
    let page = collect(asking(stream::iter([Ok(piece)]).boxed(), 60_000), 10, Position(9)).await.unwrap();
    assert_eq!((page.next, page.partial, page.unreadable), (None, false, vec![damage]));
}

#[tokio::test]
async fn a_tail_is_bounded_per_project_and_frees_its_place() {
    let log = log_of(1).await;
    let (first, second) = (log.tail_permit(&project(0)), log.tail_permit(&project(0)));
    assert!(first.is_some() && second.is_some());
    assert!(log.tail_permit(&project(0)).is_none());
    assert!(log.tail_permit(&project(1)).is_some());
    drop(first);
    assert!(log.tail_permit(&project(0)).is_some());
}

#[tokio::test]
async fn a_tail_follows_the_log_until_it_is_closed() {
    let log = log_of(2).await;
    let head = log.follow(&project(0));
    let mut follow =
        Follow { log: log.clone(), project: project(0), predicate: Expr::All, head, after: Position(1), scan: None };
    let next = async |follow: &mut Follow| follow.next().await.unwrap().and_then(|batch| last_seq(&batch));
    assert_eq!(next(&mut follow).await, Some(Position(2)));
    let project = project(0);
    let (found, _) = tokio::join!(next(&mut follow), positions(&log, &project, vec![event("new", 1, 1)]));
    assert_eq!(found, Some(Position(3)));
    log.close().await;
    assert_eq!(next(&mut follow).await, None);
}

/// The console pages both ways with this.
#[tokio::test]
async fn a_page_of_the_other_order_turned_around_is_the_one_before() {
    let ((engine, _), project) = (engine().await, ProjectId::default_project());
    post(&engine, &project, &EventDraft { action: "a".to_owned(), ..EventDraft::default() }, 7).await;
    for (order, other) in [(Order::Ascending, Order::Descending), (Order::Descending, Order::Ascending)] {
        let page = async |order, after| {
            let search =
                Search { query: Expr::All, time_from: None, time_to: None, plane: None, order, after, limit: 2 };
            page(&engine, &operator(), &project, &search).await.unwrap()
        };
        let mut pages = vec![page(order, None).await];
        while let Some(next) = pages.last().unwrap().next {
            pages.push(page(order, Some(next)).await);
        }
        assert_eq!(pages.len(), 4);
        for (at, pair) in pages.windows(2).enumerate() {
            let first = Position(seqs(&pair[1])[0]);
            let before = page(other, Some(first)).await;
            let turned: Vec<_> = seqs(&before).into_iter().rev().collect();
            assert_eq!((turned, before.next.is_some()), (seqs(&pair[0]), at > 0), "{order:?}");
        }
    }
}
