//! Who may change it, what holds, and what is gone by it.

use std::sync::Arc;

use auditwire_model::access::{Origin, Principal, Scope};
use auditwire_model::clock::ManualClock;
use auditwire_model::event::{EventDraft, Plane, view};
use auditwire_model::{Position, Timestamp, TokenId};

use super::*;
use crate::error::Kind;
use crate::intake::{self, Intake};
use crate::log::{Disk, LogSettings, Room, Space};
use crate::search;
use crate::secrets::{Keyring, Secret};
use crate::store::memory::{Fault, MemoryStore};
use crate::{Settings, log};

fn operator() -> Caller {
    Caller::Operator { by: Principal::Token(TokenId::parse("o").unwrap()), origin: Origin::new([127, 0, 0, 1], "r-1") }
}

fn home() -> ProjectId {
    ProjectId::default_project()
}

#[derive(Debug, Default)]
struct FakeDisk {
    used_percent: std::sync::atomic::AtomicU64,
    reserve: std::sync::atomic::AtomicBool,
}

impl FakeDisk {
    fn set(&self, percent: u64) {
        self.used_percent.store(percent, std::sync::atomic::Ordering::SeqCst);
    }

    fn has_reserve(&self) -> bool {
        self.reserve.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl Disk for FakeDisk {
    fn space(&self) -> std::io::Result<Space> {
        let used = self.used_percent.load(std::sync::atomic::Ordering::SeqCst);
        Ok(Space { total: 1000, free: (100 - used) * 10 })
    }

    fn reserve(&self, keep: bool) -> std::io::Result<()> {
        self.reserve.store(keep, std::sync::atomic::Ordering::SeqCst);
        Ok(())
    }
}

async fn engine(log: LogSettings) -> (Engine, Arc<ManualClock>) {
    on(Arc::new(MemoryStore::default()), log).await
}

async fn on(store: Arc<MemoryStore>, log: LogSettings) -> (Engine, Arc<ManualClock>) {
    let keyring = Arc::new(Keyring::new(vec![("k1".to_owned(), Secret::new(vec![7; 32]))]));
    let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
    let objects = crate::store::memory::objects();
    let settings = Settings { log, ..Settings::default() };
    (Engine::open(store, objects, clock.clone(), keyring, settings).await.unwrap(), clock)
}

async fn post(engine: &Engine, action: &str) -> Result<()> {
    let draft = EventDraft { action: action.to_owned(), ..EventDraft::default() };
    let intake = Intake { items: vec![Ok(draft)], door: Plane::Control, idempotency_key: None };
    intake::accept(engine, &operator(), &home(), intake).await.map(drop)
}

async fn actions(engine: &Engine, project: &ProjectId) -> Vec<(u64, String)> {
    let search = search::Search {
        query: auditwire_model::query::Expr::All,
        time_from: None,
        time_to: None,
        plane: None,
        order: crate::store::Order::Ascending,
        after: None,
        limit: 100,
    };
    let page = search::page(engine, &operator(), project, &search).await.unwrap();
    let rows = page.batches.iter().flat_map(auditwire_model::event::rows);
    rows.map(|event| (event.seq.unwrap().0, event.action.to_owned())).collect()
}

#[tokio::test]
async fn what_a_project_sets_holds_and_is_told() {
    let (engine, _) = engine(LogSettings::default()).await;
    let before = get(&engine, &operator(), &home()).await.unwrap();
    assert_eq!((before.set, before.holds, before.expired), (KeptFor::default(), Retention::default(), None));
    let wanted = KeptFor { days: Some(30), bytes: Some(0) };
    let after = set(&engine, &operator(), &home(), wanted).await.unwrap();
    assert_eq!(after.holds, Retention { age: Some(Duration::from_secs(30 * 24 * 3600)), bytes: None });
    assert_eq!(get(&engine, &operator(), &home()).await.unwrap(), after);
    assert_eq!(actions(&engine, &home()).await, [(1, "retention-update".to_owned())]);

    for (wrong, field) in
        [(KeptFor { days: Some(40_000), bytes: None }, "days"), (KeptFor { days: None, bytes: Some(5) }, "bytes")]
    {
        let refused = set(&engine, &operator(), &home(), wrong).await.unwrap_err();
        assert_eq!((refused.kind, refused.field.as_deref()), (Kind::Invalid, Some(field)));
    }
    let reader = Caller::Token {
        token: TokenId::parse("t").unwrap(),
        project: home(),
        scopes: vec![Scope::Read],
        sources: Vec::new(),
        origin: Origin::new([127, 0, 0, 1], "r-1"),
    };
    assert_eq!(set(&engine, &reader, &home(), wanted).await.unwrap_err().code, "forbidden");
    assert_eq!(get(&engine, &reader, &home()).await.unwrap(), after);
    assert_eq!(get(&engine, &reader, &ProjectId::system()).await.unwrap_err().code, "project_not_found");
}

#[tokio::test]
async fn old_events_end_and_it_is_told_which() {
    let (engine, clock) = engine(LogSettings { tail_bytes_max: 0, ..LogSettings::default() }).await;
    for n in 0..3 {
        post(&engine, &format!("old-{n}")).await.unwrap();
    }
    engine.log.seal_now().await.unwrap();
    clock.advance(Duration::from_secs(300 * 24 * 3600));
    post(&engine, "young").await.unwrap();
    engine.log.seal_now().await.unwrap();
    assert_eq!(actions(&engine, &home()).await.len(), 4);
    clock.advance(Duration::from_secs(66 * 24 * 3600));
    engine.log.seal_now().await.unwrap();
    assert_eq!(actions(&engine, &home()).await, [(4, "young".to_owned()), (5, "retention-expire".to_owned())]);
    let row = search::event(&engine, &operator(), &home(), Position(5)).await.unwrap();
    let told = view(&row, 0);
    let said = |key: &str| told.resource_metadata.get(key).unwrap_or_default().to_owned();
    assert_eq!([said("first_seq"), said("last_seq"), said("count"), said("reason")], ["1", "3", "3", "age"]);
    for gone in 1..=3 {
        let answer = search::event(&engine, &operator(), &home(), Position(gone)).await.unwrap_err();
        assert_eq!((answer.kind, answer.code), (Kind::NotFound, "event_expired"));
    }
    let answer = search::event(&engine, &operator(), &home(), Position(6)).await.unwrap_err();
    assert_eq!(answer.code, "event_not_found");
    let expired = get(&engine, &operator(), &home()).await.unwrap().expired.unwrap();
    assert_eq!((expired.through, expired.events), (Position(3), 3));
    assert_eq!(engine.log.first_kept(&home()), Position(4));
    assert_eq!(engine.log.stats().await.unwrap().seal.expired_rows, 3);
}

#[tokio::test]
async fn a_project_keeps_no_more_than_it_may() {
    let seal = log::SealSettings { merged: 99, ..log::SealSettings::default() };
    let (engine, _) = engine(LogSettings { tail_bytes_max: 0, seal, ..LogSettings::default() }).await;
    set(&engine, &operator(), &home(), KeptFor { days: Some(0), bytes: Some(1 << 20) }).await.unwrap();
    let noise = |n: u64| {
        let mut x = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let text: String = (0..20_000)
            .map(|_| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                char::from(b'a' + u8::try_from(x % 26).unwrap())
            })
            .collect();
        EventDraft { action: "big".to_owned(), message: Some(text), ..EventDraft::default() }
    };
    for round in 0..8 {
        let items = (0..20).map(|n| Ok(noise(round * 20 + n)));
        let intake = Intake { items, door: Plane::Control, idempotency_key: None };
        intake::accept(&engine, &operator(), &home(), intake).await.unwrap();
        engine.log.seal_now().await.unwrap();
    }
    let size: u64 = engine.store.sizes().await.unwrap().iter().map(|size| size.bytes).sum();
    assert!((500_000..=1 << 20).contains(&size), "{size} bytes are kept");
    let first = engine.log.first_kept(&home());
    assert!(first > Position(1));
    let left = actions(&engine, &home()).await;
    assert_eq!(left.first().map(|(seq, _)| *seq), Some(first.0));
}

#[tokio::test]
async fn a_commit_that_finds_no_room_makes_the_guard_look_at_once() {
    let (disk, store) = (Arc::new(FakeDisk::default()), Arc::new(MemoryStore::default()));
    let (engine, _) = on(store.clone(), LogSettings { disk: Some(disk.clone()), ..LogSettings::default() }).await;
    engine.log.seal_now().await.unwrap();
    assert!(disk.has_reserve());
    disk.set(99);
    store.inject(0, Fault::Full);
    assert_eq!(post(&engine, "refused").await.unwrap_err().code, "storage_full");
    let looked = async {
        while engine.log.room() != Room::None || disk.has_reserve() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    // Otherwise it looks every ten seconds.
    tokio::time::timeout(Duration::from_secs(5), looked).await.expect("the reserve is given up");
}

#[tokio::test]
async fn a_full_volume_stops_intake_and_nothing_else() {
    let disk = Arc::new(FakeDisk::default());
    let (engine, _) = engine(LogSettings { disk: Some(disk.clone()), ..LogSettings::default() }).await;
    let round = async |percent: u64| {
        disk.set(percent);
        engine.log.seal_now().await.unwrap();
    };
    round(50).await;
    assert_eq!((engine.log.room(), disk.has_reserve()), (Room::Enough, true));
    round(92).await;
    assert_eq!((engine.log.room(), disk.has_reserve()), (Room::Little, true));
    post(&engine, "still taken").await.unwrap();
    round(98).await;
    assert_eq!((engine.log.room(), disk.has_reserve()), (Room::None, false));
    let refused = post(&engine, "refused").await.unwrap_err();
    assert_eq!((refused.kind, refused.code), (Kind::Unavailable, "storage_full"));
    assert!(refused.retry_after.is_some());
    // Everything else goes on.
    set(&engine, &operator(), &home(), KeptFor { days: Some(9), bytes: None }).await.unwrap();
    engine.log.seal_now().await.unwrap();
    assert_eq!(actions(&engine, &home()).await.len(), 2);
    round(60).await;
    assert_eq!((engine.log.room(), disk.has_reserve()), (Room::Enough, true));
    post(&engine, "taken again").await.unwrap();
    let told: Vec<String> =
        actions(&engine, &ProjectId::system()).await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(told, ["storage-warning", "storage-full", "storage-ok"]);
    assert_eq!(engine.log.stats().await.unwrap().space, Space { total: 1000, free: 400 });
}
