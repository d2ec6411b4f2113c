//! A rewrap that is cut off anywhere leaves everything openable, is finished by the next, and lets nothing be sealed by an old key.

use auditwire_model::access::{Origin, Principal};
use auditwire_model::clock::ManualClock;
use auditwire_model::event::rows;
use auditwire_model::{Position, TokenId};

use super::*;
use crate::Settings;
use crate::alerts::webhook::{self, NewWebhook};
use crate::connections::{self, ConnectionInput};
use crate::delivery::tls::fixtures::Ca;
use crate::secrets::Secret;
use crate::store::memory::{Fault, MemoryStore};

fn master(id: &str, fill: u8) -> MasterKey {
    MasterKey { id: id.to_owned(), secret: Secret::new(vec![fill; 32]), made_at: None }
}

fn old_and_new() -> Vec<MasterKey> {
    vec![master("old", 7), master("new", 8)]
}

struct World {
    engine: Engine,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
    caller: Caller,
}

async fn open(store: Arc<MemoryStore>, keys: Vec<MasterKey>) -> Result<World> {
    let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
    let objects = crate::store::memory::objects();
    let keyring = Arc::new(Keyring::of(keys));
    let engine = Engine::open(store.clone(), objects, clock.clone(), keyring, Settings::default()).await?;
    let caller = operator();
    Ok(World { engine, store, clock, caller })
}

fn operator() -> Caller {
    Caller::Operator { by: Principal::Token(TokenId::parse("t-operator").unwrap()), origin: from() }
}

fn from() -> Origin {
    Origin::new([192, 0, 2, 7], "r-1")
}

impl World {
    /// With a webhook, which has two secrets, and these many connections that have one.
    async fn with_secrets(connections: usize) -> Self {
        let world = open(Arc::new(MemoryStore::default()), vec![master("old", 7)]).await.unwrap();
        let hook = NewWebhook { url: Some(Secret::new(b"https://hooks.example/".to_vec())), ..NewWebhook::default() };
        webhook::set(&world.engine, &world.caller, &ProjectId::default_project(), hook).await.unwrap();
        for n in 0..connections {
            world.connect(n).await.unwrap();
        }
        world
    }

    async fn connect(&self, n: usize) -> Result<()> {
        let pem = Ca::new("siem").pem;
        let body = serde_json::json!({"name": format!("siem {n}"), "endpoint": "siem.example:6514", "transport": "tls", "tls": {"pem": pem}});
        let input = ConnectionInput::from_json(&serde_json::to_vec(&body).unwrap()).unwrap();
        connections::create(&self.engine, &self.caller, &ProjectId::default_project(), input, None).await.map(drop)
    }

    async fn keys(&self) -> Vec<KeyView> {
        keys(&self.engine, &self.caller).await.unwrap()
    }
}

fn counts(keys: &[KeyView]) -> Vec<(&str, u64)> {
    keys.iter().map(|key| (key.id.as_str(), key.secrets)).collect()
}

#[tokio::test]
async fn after_a_rewrap_the_old_key_is_only_needed_for_back_ups() {
    let world = World::with_secrets(2).await;
    let again = open(Arc::new(world.store.crash()), old_and_new()).await.unwrap();
    assert_eq!(counts(&again.keys().await), [("old", 4), ("new", 0)]);
    again.clock.advance(std::time::Duration::from_secs(60));
    let at = again.clock.now();
    let done = rewrap(&again.engine, &again.caller).await.unwrap();
    assert_eq!((done.secrets, counts(&done.keys)), (4, vec![("old", 0), ("new", 4)]));
    assert_eq!((done.keys[0].needed(), done.keys[0].back_ups_until), (false, Some(at)));
    assert_eq!((done.keys[1].needed(), done.keys[1].seals, done.keys[1].back_ups_until), (true, true, None));
    // Once more does nothing, and the date stays.
    again.clock.advance(std::time::Duration::from_secs(60));
    let done = rewrap(&again.engine, &again.caller).await.unwrap();
    assert_eq!((done.secrets, done.keys[0].back_ups_until), (0, Some(at)));
    let (system, mut told) = (ProjectId::system(), Vec::new());
    for at in 1..=again.engine.log.head(&system).0 {
        let event = again.engine.log.event(&system, Position(at)).await.unwrap().unwrap();
        told.extend(rows(&event).filter(|e| e.action == "keys-rewrap").map(|e| e.resource_id.map(str::to_owned)));
    }
    assert_eq!(told, [Some("new".to_owned())], "one event");
    // The old key may go; what it was needed for until when is still known.
    let without = open(Arc::new(again.store.crash()), vec![master("new", 8)]).await.unwrap();
    let keys = without.keys().await;
    assert_eq!(
        (counts(&keys), keys[1].present, keys[1].back_ups_until),
        (vec![("new", 4), ("old", 0)], false, Some(at))
    );
}

#[tokio::test]
async fn without_the_old_key_before_a_rewrap_the_start_is_refused() {
    let world = World::with_secrets(1).await;
    let refused = open(Arc::new(world.store.crash()), vec![master("new", 8)]).await.err().unwrap();
    assert_eq!(refused.code, "secrets_unreadable");
    assert!(refused.detail.contains("'old'"), "{refused}");
}

/// Every commit of a rewrap in every way in which it can be cut off.
#[tokio::test]
async fn a_rewrap_that_is_cut_off_anywhere_is_finished_by_the_next() {
    let world = World::with_secrets(3).await;
    let base = Arc::new(world.store.crash());
    let faults = [Fault::HangBefore, Fault::HangAfter, Fault::FailBefore, Fault::FailAfter, Fault::Full];
    let mut cut = 0;
    for fault in faults {
        for at in 0..8 {
            let world = open(Arc::new(base.crash()), old_and_new()).await.unwrap();
            world.store.inject(at, fault);
            let running = tokio::spawn({
                let (engine, caller) = (world.engine.clone(), world.caller.clone());
                async move { rewrap(&engine, &caller).await }
            });
            while !running.is_finished() && !world.store.hangs() {
                tokio::task::yield_now().await;
            }
            running.abort();
            let after = Arc::new(world.store.crash());
            cut += usize::from(after.records(RecordKind::RetiringKey, None).await.unwrap().is_empty());
            // Everything opens, whatever was cut off, and a new secret can be stored.
            let world = open(after, old_and_new()).await.unwrap_or_else(|e| panic!("{fault:?} at {at}: {e}"));
            world.connect(9).await.unwrap_or_else(|e| panic!("{fault:?} at {at}: {e}"));
            let done = rewrap(&world.engine, &world.caller).await.unwrap();
            assert_eq!(counts(&done.keys), [("old", 0), ("new", 6)], "{fault:?} at {at}");
            assert!(done.keys[0].back_ups_until.is_some());
            assert!(open(Arc::new(world.store.crash()), vec![master("new", 8)]).await.is_ok());
        }
    }
    assert!(cut > 0, "some were cut off before the first commit");
}

#[tokio::test]
async fn what_was_sealed_by_a_key_that_retires_meanwhile_is_not_stored() {
    let world = World::with_secrets(1).await;
    let world = open(Arc::new(world.store.crash()), vec![master("old", 7)]).await.unwrap();
    let sealed = world.engine.keyring.seal("late", &Secret::new(vec![1])).unwrap();
    world.engine.keyring.replace(old_and_new());
    rewrap(&world.engine, &world.caller).await.unwrap();
    let late = Submission { changes: vec![still_seals(&sealed)], ..Submission::default() };
    assert_eq!(world.engine.log.submit(late).await.unwrap_err().code, "conflict");
    world.connect(5).await.unwrap();
    assert_eq!(counts(&world.keys().await), [("old", 0), ("new", 4)]);
    // Who takes the new key away again finds the old one in use again.
    let back = open(Arc::new(world.store.crash()), vec![master("new", 8), master("old", 7)]).await.unwrap();
    back.connect(6).await.unwrap();
    assert_eq!(counts(&back.keys().await), [("new", 4), ("old", 1)]);
}

#[derive(Debug)]
struct Lying(Vec<MasterKey>);

impl KeySource for Lying {
    fn read(&self) -> Result<Vec<MasterKey>, String> {
        Ok(self.0.clone())
    }
}

#[tokio::test]
async fn a_running_service_takes_new_keys_up_only_if_they_open_everything() {
    let world = World::with_secrets(1).await;
    let store = Arc::new(world.store.crash());
    let world = open(store.clone(), vec![master("old", 7)]).await.unwrap();
    world.engine.read_keys_from(Arc::new(Lying(vec![master("new", 8)])));
    assert_eq!(rewrap(&world.engine, &world.caller).await.unwrap_err().code, "keys_unreadable");
    assert_eq!(counts(&world.keys().await), [("old", 3)], "nothing has changed");
    let world = open(Arc::new(store.crash()), vec![master("old", 7)]).await.unwrap();
    world.engine.read_keys_from(Arc::new(Lying(old_and_new())));
    assert_eq!(rewrap(&world.engine, &world.caller).await.unwrap().secrets, 3);
    let tenant = Caller::Token {
        token: TokenId::parse("t-1").unwrap(),
        project: ProjectId::default_project(),
        scopes: vec![auditwire_model::access::Scope::Configure],
        sources: vec![],
        origin: from(),
    };
    assert_eq!(rewrap(&world.engine, &tenant).await.unwrap_err().code, "forbidden");
    assert_eq!(keys(&world.engine, &tenant).await.unwrap_err().code, "forbidden");
}
