//! A clock that is set wrong, before a start and while the service runs; and the way out.

use std::sync::Arc;
use std::time::Duration;

use auditwire_model::access::{Origin, Principal};
use auditwire_model::clock::ManualClock;
use auditwire_model::event::{EventDraft, Plane, view};
use auditwire_model::{Clock, Position, ProjectId, Timestamp, TokenId};

use super::*;
use crate::Settings;
use crate::intake::{self, Intake};
use crate::log::{Floor, LogSettings, RetentionRule};
use crate::readiness::Trouble;
use crate::records::KeptFor;
use crate::secrets::{Keyring, Secret};
use crate::store::memory::MemoryStore;
use crate::{retention, search};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn operator() -> Caller {
    Caller::Operator { by: Principal::Token(TokenId::parse("o").unwrap()), origin: Origin::new([127, 0, 0, 1], "r-1") }
}

fn home() -> ProjectId {
    ProjectId::default_project()
}

fn start() -> Timestamp {
    Timestamp::parse("2026-11-22T10:00:00Z").unwrap()
}

fn after(time: Duration) -> Timestamp {
    start().saturating_add_nanos(i64::try_from(time.as_nanos()).unwrap())
}

/// A service that is stopped and started over one store, each time by a clock that somebody sets.
struct World {
    store: Arc<MemoryStore>,
    objects: Arc<dyn object_store::ObjectStore>,
    clock: Arc<ManualClock>,
    engine: Engine,
}

impl World {
    async fn new() -> Self {
        Self::over(Arc::new(MemoryStore::default()), crate::store::memory::objects(), start()).await
    }

    async fn over(store: Arc<MemoryStore>, objects: Arc<dyn object_store::ObjectStore>, now: Timestamp) -> Self {
        let keyring = Arc::new(Keyring::new(vec![("k1".to_owned(), Secret::new(vec![7; 32]))]));
        let clock = Arc::new(ManualClock::new(now));
        let floor = Floor { age: Duration::ZERO, bytes: 0 };
        let retention = RetentionRule { floor, ..RetentionRule::default() };
        let log = LogSettings { retention, tail_bytes_max: 0, ..LogSettings::default() };
        let settings = Settings { log, ..Settings::default() };
        let engine = Engine::open(store.clone(), objects.clone(), clock.clone(), keyring, settings).await.unwrap();
        Self { store, objects, clock, engine }
    }

    async fn restart(self, now: Timestamp) -> Self {
        self.engine.log.close().await;
        Self::over(self.store, self.objects, now).await
    }

    async fn post(&self, action: &str) {
        let draft = EventDraft { action: action.to_owned(), ..EventDraft::default() };
        let intake = Intake { items: vec![Ok(draft)], door: Plane::Control, idempotency_key: None };
        intake::accept(&self.engine, &operator(), &home(), intake).await.unwrap();
    }

    /// One round of upkeep, which looks at the clock.
    async fn round(&self) {
        self.engine.log.seal_now().await.unwrap();
    }

    fn stands(&self, trouble: Trouble) -> bool {
        self.engine.readiness().stands(trouble)
    }

    async fn received(&self, at: u64) -> Timestamp {
        let row = search::event(&self.engine, &operator(), &home(), Position(at)).await.unwrap();
        view(&row, 0).received_at
    }

    fn kept_from(&self) -> u64 {
        self.engine.log.first_kept(&home()).0
    }
}

#[tokio::test]
async fn a_start_800_days_ahead_ends_nothing_and_says_why() {
    let world = World::new().await;
    world.post("old").await;
    world.round().await;
    let world = world.restart(after(DAY * 800)).await;
    world.round().await;
    assert_eq!((world.kept_from(), world.stands(Trouble::ExpiryHeld)), (1, true));
    let standing = world.engine.readiness().standing();
    assert!(standing[0].1.contains("800.0 days") && standing[0].1.contains("about 1 events"), "{standing:?}");
    // Nor an hour later, nor after another start.
    world.clock.advance(HOUR * 2);
    world.round().await;
    let world = world.restart(after(DAY * 800 + HOUR * 2)).await;
    world.clock.advance(HOUR * 2);
    world.round().await;
    assert_eq!(world.kept_from(), 1);
    let state = get(&world.engine, &operator()).await.unwrap();
    assert!(
        state.may_end && state.held.is_some_and(|held| held > DAY * 799) && state.trusted < after(DAY),
        "{state:?}"
    );
    // What time itself ends, ends.
    world.clock.advance(DAY * 365);
    world.round().await;
    assert_eq!(world.kept_from(), 2);
}

#[tokio::test]
async fn a_clock_that_is_right_is_accepted_and_what_is_old_ends() {
    let world = World::new().await;
    world.post("old").await;
    world.round().await;
    // Nobody ran it for so long.
    let world = world.restart(after(DAY * 400)).await;
    world.clock.advance(HOUR);
    world.round().await;
    assert_eq!((world.kept_from(), world.stands(Trouble::ExpiryHeld)), (1, true));
    let state = accept(&world.engine, &operator()).await.unwrap();
    assert_eq!((state.held, state.trusted), (None, world.clock.now()));
    assert!(!world.stands(Trouble::ExpiryHeld));
    world.round().await;
    assert_eq!(world.kept_from(), 2);
    let world = world.restart(after(DAY * 400 + HOUR)).await;
    assert_eq!(get(&world.engine, &operator()).await.unwrap().held, None, "also after a start");
}

#[tokio::test]
async fn what_was_received_ahead_is_shown_and_accepted() {
    let world = World::new().await;
    world.post("before").await;
    world.clock.set(after(DAY * 800));
    world.post("meanwhile").await;
    let world = world.restart(after(HOUR)).await;
    world.post("behind").await;
    assert_eq!(world.received(3).await, after(DAY * 800), "order is kept");
    assert!(world.stands(Trouble::ClockAhead), "told with the commit");
    assert_eq!(world.engine.log.stats().await.unwrap().clock_ahead, DAY * 800 - HOUR);
    world.clock.advance(HOUR * 3);
    world.round().await;
    assert!(!get(&world.engine, &operator()).await.unwrap().may_end, "nothing ends by such a clock");
    let state = accept(&world.engine, &operator()).await.unwrap();
    assert_eq!((state.ahead, state.newest), (None, Some(after(HOUR * 4))));
    assert!(!world.stands(Trouble::ClockAhead));
    world.clock.advance(HOUR);
    world.post("after").await;
    assert_eq!(world.received(4).await, after(HOUR * 5));
    // Also when nothing came between the word and a start.
    world.clock.set(after(DAY * 900));
    world.post("again").await;
    world.clock.set(after(HOUR * 5));
    accept(&world.engine, &operator()).await.unwrap();
    let world = world.restart(after(HOUR * 6)).await;
    world.round().await;
    assert!(!world.stands(Trouble::ClockAhead));
    world.post("at last").await;
    assert_eq!([world.received(5).await, world.received(6).await], [after(DAY * 900), after(HOUR * 6)]);
}

#[tokio::test]
async fn what_came_by_a_wrong_clock_ends_when_it_was_accepted_and_not_years_later() {
    let world = World::new().await;
    world.clock.set(after(DAY * 800));
    world.post("meanwhile").await;
    world.clock.set(after(HOUR));
    accept(&world.engine, &operator()).await.unwrap();
    world.round().await;
    world.clock.advance(DAY * 100);
    world.post("later").await;
    world.round().await;
    assert_eq!(world.kept_from(), 1);
    world.clock.advance(DAY * 300);
    world.round().await;
    assert_eq!(world.kept_from(), 2, "a year after it was accepted");
}

#[tokio::test]
async fn the_word_is_told_and_is_an_operators() {
    let world = World::new().await;
    world.post("before").await;
    world.clock.set(after(DAY * 2));
    accept(&world.engine, &operator()).await.unwrap();
    accept(&world.engine, &operator()).await.unwrap();
    let told = auditwire_model::query::parse("action = clock-accept", None).unwrap().expr;
    let scan = crate::log::Scan { predicate: told, ..crate::log::tests::whole(&ProjectId::system()) };
    assert_eq!(world.engine.log.count(scan).await.unwrap(), 1, "where nothing is wrong there is nothing to tell");
    let token = Caller::Token {
        token: TokenId::parse("t").unwrap(),
        project: home(),
        scopes: vec![auditwire_model::access::Scope::Configure],
        sources: Vec::new(),
        origin: Origin::new([127, 0, 0, 1], "r-1"),
    };
    assert_eq!(accept(&world.engine, &token).await.unwrap_err().code, "forbidden");
    assert_eq!(get(&world.engine, &token).await.unwrap_err().code, "forbidden");
}

#[tokio::test]
async fn a_failed_commit_of_the_word_changes_nothing() {
    let world = World::new().await;
    world.post("before").await;
    world.clock.set(after(DAY * 800));
    world.post("meanwhile").await;
    world.clock.set(after(HOUR));
    world.store.inject(0, crate::store::memory::Fault::Full);
    assert!(accept(&world.engine, &operator()).await.is_err());
    world.post("behind").await;
    assert_eq!(world.received(3).await, after(DAY * 800));
    assert!(get(&world.engine, &operator()).await.unwrap().ahead.is_some());
}

#[tokio::test]
async fn a_clock_an_hour_back_keeps_the_order() {
    let world = World::new().await;
    world.post("a").await;
    world.clock.set(start().saturating_add_nanos(-3_600_000_000_000));
    world.post("b").await;
    assert_eq!(world.received(2).await, start());
    assert!(world.stands(Trouble::ClockAhead));
    world.clock.advance(HOUR);
    world.post("c").await;
    world.round().await;
    assert!(!world.stands(Trouble::ClockAhead), "the clock has come that far");
}

#[tokio::test]
async fn a_reduction_takes_effect_by_the_time_that_is_believed() {
    let world = World::new().await;
    world.post("old").await;
    let wanted = KeptFor { days: Some(30), bytes: None };
    retention::set(&world.engine, &operator(), &home(), wanted).await.unwrap();
    world.clock.set(after(DAY * 5));
    world.clock.advance(HOUR * 2);
    world.round().await;
    assert!(retention::get(&world.engine, &operator(), &home()).await.unwrap().pending.is_some());
    world.clock.advance(DAY * 3);
    world.round().await;
    assert_eq!(retention::get(&world.engine, &operator(), &home()).await.unwrap().pending, None);
}

#[tokio::test]
async fn a_key_of_a_request_is_known_under_a_clock_that_went_too_far() {
    let world = World::new().await;
    let create = async || {
        let (id, name) = (Some("bank".to_owned()), "Bank".to_owned());
        crate::projects::create(&world.engine, &operator(), id, name, Some("key")).await
    };
    create().await.unwrap();
    world.clock.set(after(DAY * 800));
    create().await.expect("a repeated request makes nothing and gives the same answer");
    // A day that has passed is a day.
    world.clock.set(start());
    world.clock.advance(DAY * 2);
    assert_eq!(create().await.unwrap_err().kind, crate::error::Kind::Conflict);
}
