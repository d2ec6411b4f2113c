//! Who may change it, what holds, and what is gone by it.

use std::sync::Arc;
use std::time::Duration;

use auditwire_model::access::{Origin, Principal, Scope};
use auditwire_model::clock::ManualClock;
use auditwire_model::event::{EventDraft, Plane, view};
use auditwire_model::{Clock, Position, Timestamp, TokenId};

use super::*;
use crate::error::Kind;
use crate::intake::{self, Intake};
use crate::log::{Disk, LogSettings, Room, Space, TrustRule};
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
    over(store, crate::store::memory::objects(), log).await
}

async fn over(
    store: Arc<MemoryStore>,
    objects: Arc<dyn object_store::ObjectStore>,
    log: LogSettings,
) -> (Engine, Arc<ManualClock>) {
    let keyring = Arc::new(Keyring::new(vec![("k1".to_owned(), Secret::new(vec![7; 32]))]));
    let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
    let settings = Settings { log, ..Settings::default() };
    (Engine::open(store, objects, clock.clone(), keyring, settings).await.unwrap(), clock)
}

async fn post(engine: &Engine, action: &str) -> Result<()> {
    let draft = EventDraft { action: action.to_owned(), ..EventDraft::default() };
    let intake = Intake { items: vec![Ok(draft)], door: Plane::Control, idempotency_key: None };
    intake::accept(engine, &operator(), &home(), intake).await.map(drop)
}

async fn actions(engine: &Engine, project: &ProjectId) -> Vec<(u64, String)> {
    found(engine, project, auditwire_model::query::Expr::All).await
}

async fn found(engine: &Engine, project: &ProjectId, query: auditwire_model::query::Expr) -> Vec<(u64, String)> {
    let search = search::Search {
        query,
        time_from: None,
        time_to: None,
        plane: None,
        order: crate::store::Order::Ascending,
        after: None,
        limit: 10_000,
    };
    let page = search::page(engine, &operator(), project, &search).await.unwrap();
    let rows = page.batches.iter().flat_map(auditwire_model::event::rows);
    rows.map(|event| (event.seq.unwrap().0, event.action.to_owned())).collect()
}

/// As before there were a floor and a delay: for what is tried of other things.
fn at_once() -> RetentionRule {
    let floor = Floor { age: Duration::ZERO, bytes: 0 };
    RetentionRule { floor, reduction_delay: Duration::ZERO, trust: TrustRule::ALWAYS, ..RetentionRule::default() }
}

fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 3600)
}

fn kept(days: u32) -> KeptFor {
    KeptFor { days: Some(days), bytes: None }
}

/// 400 KB that do not compress to less than half of it.
async fn fill(engine: &Engine, round: u64) {
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
        EventDraft { action: "filler".to_owned(), message: Some(text), ..EventDraft::default() }
    };
    let items = (0..20).map(|n| Ok(noise(round * 20 + n)));
    let intake = Intake { items, door: Plane::Control, idempotency_key: None };
    intake::accept(engine, &operator(), &home(), intake).await.unwrap();
    engine.log.seal_now().await.unwrap();
}

/// The actions that are there, without the filler.
async fn evidence(engine: &Engine) -> Vec<String> {
    let left = actions(engine, &home()).await.into_iter().map(|(_, action)| action);
    left.filter(|action| action != "filler").collect()
}

/// Segments are not merged, so that what ends is small.
fn unmerged(retention: RetentionRule) -> LogSettings {
    let seal = log::SealSettings { merged: 99, ..log::SealSettings::default() };
    LogSettings { tail_bytes_max: 0, seal, retention, ..LogSettings::default() }
}

#[tokio::test]
async fn a_tenant_cannot_erase_its_history() {
    let (engine, clock) = engine(unmerged(RetentionRule::default())).await;
    post(&engine, "evidence").await.unwrap();
    engine.log.seal_now().await.unwrap();
    set(&engine, &operator(), &home(), KeptFor { days: None, bytes: Some(1 << 20) }).await.unwrap();
    for round in 0..8 {
        fill(&engine, round).await;
    }
    assert_eq!(evidence(&engine).await, ["evidence", "retention-update"], "a reduction waits");
    clock.advance(days(3));
    fill(&engine, 8).await;
    let made = ["evidence", "retention-update", "retention-apply"];
    assert_eq!(evidence(&engine).await, made, "what is younger than the floor stays whatever was set");
    clock.advance(days(4));
    fill(&engine, 9).await;
    let left = evidence(&engine).await;
    assert_eq!(left, ["retention-apply", "retention-expire"], "the first week is over, the second begins");
    assert_eq!(get(&engine, &operator(), &home()).await.unwrap().holds.bytes, Some(1 << 20));
    // And what its tenant did to it is still known where no tenant has a say, to the operator's term.
    engine.log.seal_now().await.unwrap();
    let copies: Vec<String> =
        actions(&engine, &ProjectId::system()).await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(copies[..3], ["retention-update", "retention-apply", "retention-expire"]);
    let of_home = auditwire_model::query::parse("source.id = auditwire AND resource.metadata.project = default", None);
    assert_eq!(found(&engine, &ProjectId::system(), of_home.unwrap().expr).await.len(), copies.len());
    let own = auditwire_model::query::parse("source.id = auditwire", None).unwrap().expr;
    assert_eq!(found(&engine, &home(), own).await.len(), left.len());
}

#[tokio::test]
async fn what_a_project_sets_holds_and_is_told() {
    let (engine, clock) = engine(LogSettings::default()).await;
    let rule = RetentionRule::default();
    let before = get(&engine, &operator(), &home()).await.unwrap();
    assert_eq!((before.set, before.holds, before.pending), (KeptFor::default(), rule.default, None));
    assert_eq!((before.floor, before.expired), (rule.floor, None));
    let wanted = KeptFor { days: Some(30), bytes: Some(0) };
    let after = set(&engine, &operator(), &home(), wanted).await.unwrap();
    assert_eq!(after.holds, rule.default, "also the operator waits");
    let at = Timestamp::parse("2026-11-25T10:00:00Z").unwrap();
    assert_eq!(after.pending, Some(Pending { holds: Retention { age: Some(days(30)), bytes: None }, at }));
    assert_eq!(get(&engine, &operator(), &home()).await.unwrap(), after);
    cancel(&engine, &operator(), &home()).await.unwrap();
    assert_eq!(get(&engine, &operator(), &home()).await.unwrap().pending, None);
    let twice = cancel(&engine, &operator(), &home()).await.unwrap_err();
    assert_eq!((twice.kind, twice.code), (Kind::NotFound, "no_reduction_pending"));
    clock.advance(days(4));
    engine.log.seal_now().await.unwrap();
    let after = set(&engine, &operator(), &home(), kept(400)).await.unwrap();
    assert_eq!((after.holds.age, after.pending), (Some(days(400)), None), "a raise is at once");
    let told = ["retention-update", "retention-cancel", "retention-update"];
    assert_eq!(evidence(&engine).await, told);

    for (wrong, field, code) in [
        (kept(40_000), "days", "invalid_days"),
        (KeptFor { days: None, bytes: Some(5) }, "bytes", "invalid_bytes"),
        (kept(6), "days", "retention_below_floor"),
    ] {
        let refused = set(&engine, &operator(), &home(), wrong).await.unwrap_err();
        assert_eq!((refused.kind, refused.field.as_deref(), refused.code), (Kind::Invalid, Some(field), code));
    }
    let refused = set(&engine, &operator(), &home(), kept(6)).await.unwrap_err();
    assert!(refused.detail.contains("7 days"), "{}", refused.detail);
    let reader = Caller::Token {
        token: TokenId::parse("t").unwrap(),
        project: home(),
        scopes: vec![Scope::Read],
        sources: Vec::new(),
        origin: Origin::new([127, 0, 0, 1], "r-1"),
    };
    assert_eq!(set(&engine, &reader, &home(), wanted).await.unwrap_err().code, "forbidden");
    assert_eq!(cancel(&engine, &reader, &home()).await.unwrap_err().code, "forbidden");
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
    let (engine, _) = engine(unmerged(at_once())).await;
    set(&engine, &operator(), &home(), KeptFor { days: Some(0), bytes: Some(1 << 20) }).await.unwrap();
    for round in 0..8 {
        fill(&engine, round).await;
    }
    let size: u64 = engine.store.sizes().await.unwrap().iter().map(|size| size.bytes).sum();
    assert!((500_000..=1 << 20).contains(&size), "{size} bytes are kept");
    let first = engine.log.first_kept(&home());
    assert!(first > Position(1));
    let left = actions(&engine, &home()).await;
    assert_eq!(left.first().map(|(seq, _)| *seq), Some(first.0));
}

#[tokio::test]
async fn a_reduction_is_made_once_and_over_restarts() {
    let (store, objects) = (Arc::new(MemoryStore::default()), crate::store::memory::objects());
    let (first, clock) = over(store.clone(), objects.clone(), LogSettings::default()).await;
    set(&first, &operator(), &home(), kept(30)).await.unwrap();
    first.close().await;
    let start = clock.now();
    let at = async |age: Duration| {
        let (engine, clock) = over(store.clone(), objects.clone(), LogSettings::default()).await;
        clock.advance(start.since(clock.now()) + age);
        for _ in 0..2 {
            engine.log.seal_now().await.unwrap();
        }
        let view = get(&engine, &operator(), &home()).await.unwrap();
        let told = evidence(&engine).await;
        engine.close().await;
        (view.holds.age, view.pending.is_some(), told)
    };
    let early = (Some(days(365)), true, vec!["retention-update".to_owned()]);
    assert_eq!(at(days(3) - Duration::from_millis(1)).await, early);
    let made = vec!["retention-update".to_owned(), "retention-apply".to_owned()];
    for age in [days(3), days(4)] {
        assert_eq!(at(age).await, (Some(days(30)), false, made.clone()));
    }
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
    set(&engine, &operator(), &home(), kept(9)).await.unwrap();
    engine.log.seal_now().await.unwrap();
    assert_eq!(actions(&engine, &home()).await.len(), 2);
    round(60).await;
    assert_eq!((engine.log.room(), disk.has_reserve()), (Room::Enough, true));
    post(&engine, "taken again").await.unwrap();
    let told: Vec<String> =
        actions(&engine, &ProjectId::system()).await.into_iter().map(|(_, action)| action).collect();
    assert_eq!(told, ["storage-warning", "storage-full", "retention-update", "storage-ok"], "with a copy");
    assert_eq!(engine.log.stats().await.unwrap().space, Space { total: 1000, free: 400 });
}
