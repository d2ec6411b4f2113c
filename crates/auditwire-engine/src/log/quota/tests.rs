//! The day against a plain list, and who is refused, until when, and over restarts.

use auditwire_model::access::{Caller, Origin, Principal};
use auditwire_model::clock::ManualClock;
use auditwire_model::event::{EventDraft, Plane};
use auditwire_model::{Clock, TokenId};
use proptest::prelude::*;

use super::*;
use crate::error::Error;
use crate::intake::{self, Intake, IntakeReport};
use crate::log::{Floor, LogSettings, RetentionRule, SealSettings, TrustRule};
use crate::records::KeptFor;
use crate::secrets::{Keyring, Secret};
use crate::store::memory::MemoryStore;
use crate::{Engine, Settings, projects, retention};

proptest! {
    #[test]
    fn a_day_is_the_hours_of_a_plain_list(sent in prop::collection::vec((0..30u64, 0..100u64), 1..40), limit in 1..500u64) {
        let (mut day, mut list, mut hour) = (Day::default(), Vec::new(), 1000);
        for (pause, bytes) in sent {
            hour += pause / 4;
            day.add(hour, bytes);
            list.push((hour, bytes));
            let used = |hour: u64| -> u64 {
                list.iter().filter(|(at, _)| at + 24 > hour).map(|(_, bytes)| bytes).sum()
            };
            for later in 0..30 {
                prop_assert_eq!(day.used(hour + later), used(hour + later));
            }
            if used(hour) >= limit {
                let frees = (hour + 1..).find(|hour| used(*hour) < limit).expect("a day ends");
                prop_assert_eq!(day.frees_at(hour, limit), at_hour(frees));
            }
            prop_assert!(day.0.len() <= 24);
        }
    }
}

fn at_hour(hour: u64) -> Timestamp {
    later(Timestamp::EPOCH, Duration::from_secs(hour * 3600))
}

struct World {
    store: Arc<MemoryStore>,
    objects: Arc<dyn object_store::ObjectStore>,
    clock: Arc<ManualClock>,
    engine: Engine,
    settings: LogSettings,
}

impl World {
    async fn new(quota: QuotaSettings) -> Self {
        let floor = Floor { age: Duration::ZERO, bytes: 0 };
        let trust = TrustRule::ALWAYS;
        let retention = RetentionRule { floor, reduction_delay: Duration::ZERO, trust, ..RetentionRule::default() };
        let seal = SealSettings { merged: 99, ..SealSettings::default() };
        let settings = LogSettings { quota, retention, seal, tail_bytes_max: 0, ..LogSettings::default() };
        let (store, objects) = (Arc::new(MemoryStore::default()), crate::store::memory::objects());
        let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:30:00Z").unwrap()));
        let engine = open(&store, &objects, &clock, &settings).await;
        let id = Some("other".to_owned());
        projects::create(&engine, &operator(), id, "Other".to_owned(), None).await.unwrap();
        Self { store, objects, clock, engine, settings }
    }

    async fn restart(&mut self) {
        self.engine.close().await;
        self.engine = open(&self.store, &self.objects, &self.clock, &self.settings).await;
    }

    /// Posts this many kilobytes of noise; under a key that makes the same ids again.
    async fn post(&self, project: &ProjectId, kilobytes: usize, key: &str) -> Result<IntakeReport, Error> {
        let mut x = 88_172_645_463_325_252_u64;
        let noise = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x.to_le_bytes()[3]
        };
        let text: Vec<u8> = std::iter::repeat_with(noise).take(kilobytes * 500).collect();
        let draft = EventDraft { action: "a".to_owned(), message: Some(hex::encode(text)), ..EventDraft::default() };
        let idempotency_key = Some(key.to_owned()).filter(|key| !key.is_empty());
        let intake = Intake { items: vec![Ok(draft)], door: Plane::Control, idempotency_key };
        intake::accept(&self.engine, &operator(), project, intake).await
    }

    async fn refused(&self) -> Option<Duration> {
        let refused = self.post(&home(), 1, "").await.err()?;
        assert_eq!((refused.kind, refused.code), (crate::Kind::Busy, "project_quota"));
        Some(refused.retry_after.expect("a time"))
    }
}

async fn open(
    store: &Arc<MemoryStore>,
    objects: &Arc<dyn object_store::ObjectStore>,
    clock: &Arc<ManualClock>,
    log: &LogSettings,
) -> Engine {
    let keyring = Arc::new(Keyring::new(vec![("k1".to_owned(), Secret::new(vec![7; 32]))]));
    let settings = Settings { log: log.clone(), ..Settings::default() };
    Engine::open(store.clone(), objects.clone(), clock.clone(), keyring, settings).await.unwrap()
}

fn operator() -> Caller {
    Caller::Operator { by: Principal::Token(TokenId::parse("o").unwrap()), origin: Origin::new([127, 0, 0, 1], "r-1") }
}

fn home() -> ProjectId {
    ProjectId::default_project()
}

fn other() -> ProjectId {
    ProjectId::parse("other").unwrap()
}

fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3600)
}

#[tokio::test]
async fn a_day_that_is_used_up_refuses_its_project_alone_until_an_hour_of_it_is_over() {
    let mut world = World::new(QuotaSettings { bytes_per_day: Some(10_000), stored_bytes: None }).await;
    world.post(&home(), 4, "").await.unwrap();
    world.clock.advance(hours(2));
    world.post(&home(), 3, "").await.unwrap();
    // The same batch again is nothing new.
    for _ in 0..9 {
        world.post(&home(), 2, "key").await.unwrap();
    }
    assert!(!world.engine.log.quota_uses(&home()).day.unwrap().reached);
    world.post(&home(), 5, "").await.expect("the batch that reaches the quota is taken");
    // It is 12:30; at 10:00 tomorrow what came at 10:30 is no more of the day, but that is not enough: at 12:00 the rest is.
    assert_eq!(world.refused().await, Some(hours(24) - Duration::from_secs(1800)));
    let uses = world.engine.log.quota_uses(&home());
    assert!(uses.day.unwrap().reached && uses.refused == 1 && uses.stored.is_none());
    world.post(&other(), 5, "").await.expect("another project has a quota of its own");
    let kept = KeptFor { days: Some(400), bytes: None };
    retention::set(&world.engine, &operator(), &home(), kept).await.expect("the service writes its events");
    world.restart().await;
    assert_eq!(world.refused().await, Some(hours(24) - Duration::from_secs(1800)), "a restart forgets nothing");
    world.clock.advance(hours(23));
    assert_eq!(world.refused().await, Some(Duration::from_secs(1800)));
    world.clock.advance(Duration::from_secs(1800));
    assert_eq!(world.refused().await, None);
    assert!(!world.engine.log.quota_uses(&home()).day.unwrap().reached);
}

#[tokio::test]
async fn a_process_that_is_killed_forgets_a_minute_at_most() {
    let world = World::new(QuotaSettings { bytes_per_day: Some(10_000), stored_bytes: None }).await;
    world.engine.log.seal_now().await.unwrap();
    world.post(&home(), 12, "").await.unwrap();
    world.clock.advance(NOTE_EVERY);
    world.engine.log.seal_now().await.unwrap();
    // Nothing is closed: what is on the disk is all there is.
    let store = Arc::new(world.store.crash());
    let again = open(&store, &world.objects, &world.clock, &world.settings).await;
    assert!(again.log.quota_uses(&home()).day.unwrap().reached);
}

#[tokio::test]
async fn a_full_store_refuses_its_project_alone_until_something_ends() {
    let mut world = World::new(QuotaSettings { bytes_per_day: None, stored_bytes: Some(1 << 20) }).await;
    let kept = KeptFor { days: Some(30), bytes: None };
    retention::set(&world.engine, &operator(), &home(), kept).await.unwrap();
    let stored = async || {
        // What was sent since the look before the last is counted beside what is found.
        for _ in 0..2 {
            world.engine.log.seal_now().await.unwrap();
        }
        world.engine.log.quota_uses(&home()).stored.unwrap()
    };
    let mut posted = 0;
    while !stored().await.reached {
        world.post(&home(), 200, "").await.expect("it is not full");
        posted += 1;
    }
    assert!((6..=14).contains(&posted), "{posted} batches of 200 kB, whose noise compresses to half of that");
    let wait = world.refused().await.expect("full");
    assert_eq!(wait, hours(24), "the oldest end in 30 days: ask again tomorrow");
    world.post(&other(), 200, "").await.expect("another project has a quota of its own");
    world.restart().await;
    assert_eq!(world.refused().await, Some(wait), "a restart forgets nothing");
    world.clock.advance(hours(30 * 24 - 6));
    world.engine.log.seal_now().await.unwrap();
    assert_eq!(world.refused().await, Some(hours(6)), "when the oldest end");
    world.clock.advance(hours(7));
    world.engine.log.seal_now().await.unwrap();
    assert_eq!(world.refused().await, None);
}

#[tokio::test]
async fn a_clock_that_was_ahead_does_not_use_up_the_quota_for_years() {
    let world = World::new(QuotaSettings { bytes_per_day: Some(10_000), stored_bytes: None }).await;
    let right = world.clock.now();
    world.clock.set(Timestamp::parse("2029-11-22T10:30:00Z").unwrap());
    world.post(&home(), 12, "").await.unwrap();
    assert!(world.refused().await.is_some());
    world.clock.set(right);
    assert!(world.refused().await.is_some(), "nor does it make the day longer");
    world.clock.advance(hours(24));
    assert_eq!(world.refused().await, None);
}
