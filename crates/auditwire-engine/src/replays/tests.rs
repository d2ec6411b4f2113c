//! Replays over real sockets on loopback, with the verbs and senders of the product and a store in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use auditwire_model::access::{Origin, Principal, Scope};
use auditwire_model::clock::ManualClock;
use auditwire_model::event::{EventDraft, Plane};
use auditwire_model::{Clock, Position, TokenId};
use parking_lot::Mutex;
use serde_json::json;

use super::*;
use crate::Settings;
use crate::connections::{self, ConnectionInput, Start};
use crate::delivery::tests::fixtures::{Manner, Received, receiver, until};
use crate::history::{self, Delivered, EventState};
use crate::intake::{self, Intake};
use crate::log::Submission;
use crate::records::{CheckResult, CheckResultRecord, Document, QuarantineRecord, Quarantined};
use crate::secrets::{Keyring, Secret};
use crate::store::memory::MemoryStore;
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};

/// An engine, a receiver, and an active connection between them.
struct World {
    engine: Engine,
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    caller: Caller,
    project: ProjectId,
    received: Arc<Mutex<Received>>,
    connection: ConnectionId,
}

async fn open(store: &Arc<MemoryStore>, clock: &Arc<ManualClock>) -> Engine {
    let keyring = Arc::new(Keyring::new(vec![("k1".to_owned(), Secret::new(vec![7; 32]))]));
    let mut settings = Settings::default();
    settings.delivery.allow_loopback = true;
    let objects = crate::store::memory::objects();
    Engine::open(store.clone(), objects, clock.clone(), keyring, settings).await.unwrap()
}

impl World {
    /// `count` events, of which live delivery has sent none; the connection begins behind them.
    async fn new(count: usize, manners: Vec<Manner>, filter: serde_json::Value) -> Self {
        Self::of(count, manners, json!({"filter": filter})).await
    }

    /// The same with whatever else the connection is made of.
    async fn of(count: usize, manners: Vec<Manner>, parts: serde_json::Value) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
        let store = Arc::new(MemoryStore::default());
        let engine = open(&store, &clock).await;
        let caller = Caller::Operator {
            by: Principal::Token(TokenId::parse("t-operator").unwrap()),
            origin: Origin::new([127, 0, 0, 1], "r-1"),
        };
        let project = ProjectId::default_project();
        let (address, received) = receiver(manners, None).await;
        received.lock().stalled = false;
        let mut body = json!({"name": "siem", "endpoint": address.to_string(), "transport": "tcp"});
        body.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
        let input = ConnectionInput::from_json(&serde_json::to_vec(&body).unwrap()).unwrap();
        let created = connections::create(&engine, &caller, &project, input, None).await.unwrap();
        let connection = created.stored.id;
        let world = Self { engine, clock, store, caller, project, received, connection };
        world.post(count).await;
        world.activate(Start::Now).await;
        world
    }

    async fn post(&self, count: usize) {
        let draft = |i: usize| EventDraft {
            action: "create-vm".to_owned(),
            source_id: Some(if i.is_multiple_of(2) { "nova" } else { "iam" }.to_owned()),
            ..EventDraft::default()
        };
        let items = (0..count).map(|i| Ok(draft(i)));
        let batch = Intake { items, door: Plane::Control, idempotency_key: None };
        intake::accept(&self.engine, &self.caller, &self.project, batch).await.unwrap();
    }

    /// Without a check: it would be a link of its own.
    async fn activate(&self, start: Start) {
        let result = CheckResult { revision: 1, ok: true, confirmed: true, at: self.clock.now(), stages: Vec::new() };
        let key = RecordKey::of(RecordKind::CheckResult, &self.project, self.connection.as_str());
        let effect = Effect::Put(CheckResultRecord::from(result).encode().unwrap());
        let changes = vec![Change { key, expect: Expect::Any, effect }];
        self.engine.log.submit(Submission { changes, ..Submission::default() }).await.unwrap();
        let (engine, caller, project) = (&self.engine, &self.caller, &self.project);
        connections::activate(engine, caller, project, self.connection.as_str(), Some(start), false).await.unwrap();
    }

    async fn begin(&self, new: &NewReplay) -> Result<ReplayView> {
        let id = self.connection.as_str();
        super::begin(&self.engine, &self.caller, &self.project, id, new, None).await
    }

    async fn get(&self, id: &str) -> ReplayView {
        super::get(&self.engine, &self.caller, &self.project, id).await.unwrap()
    }

    /// Waits until a replay stands so.
    async fn stands(&self, id: &str, state: ReplayState) -> ReplayView {
        let found = async {
            loop {
                let view = self.get(id).await;
                if view.stored.state == state {
                    return view;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        let limit = crate::delivery::tests::fixtures::LIMIT;
        tokio::time::timeout(limit, found).await.unwrap_or_else(|_| panic!("{state:?} within {limit:?}"))
    }

    /// Positions that came as part of a replay.
    fn replayed(&self) -> BTreeSet<u64> {
        let received = self.received.lock();
        received.events.iter().filter(|(_, numbers)| numbers.contains(&0)).map(|(seq, _)| *seq).collect()
    }

    /// The process ends and begins anew on the same store.
    async fn restart(&mut self) {
        self.engine.close().await;
        self.engine = open(&self.store, &self.clock).await;
    }
}

const ALL: fn() -> serde_json::Value = || json!({"kind": "none"});

fn fast() -> NewReplay {
    NewReplay { rate: Some(1_000_000), ..NewReplay::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_past_comes_again_and_live_delivery_is_not_disturbed() {
    let world = World::new(3000, vec![Manner::Reads], ALL()).await;
    let begun = world.begin(&fast()).await.unwrap().stored;
    world.post(500).await;
    let done = world.stands(&begun.id, ReplayState::Done).await.stored;
    assert_eq!((done.matched, done.exact), (begun.last.0, true));
    assert_eq!(world.replayed(), (1..=begun.last.0).collect());
    assert_eq!((done.progress.sent, done.progress.resent, done.progress.settled), (begun.last.0, 0, begun.last));
    until("live delivery", || {
        let received = world.received.lock();
        (begun.last.0 + 1..=begun.last.0 + 500).all(|seq| received.events.get(&seq).is_some_and(|n| n[0] > 0))
    })
    .await;
    let received = world.received.lock();
    let live = received.events.iter().filter_map(|(seq, n)| Some((*seq, *n.iter().find(|n| **n > 0)?)));
    let numbers: Vec<u64> = live.map(|(_, n)| n).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "a replay takes no delivery number");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_asked_for_and_what_the_filter_lets_through() {
    let only_nova = json!({"kind": "query", "query": "source.id = nova"});
    let world = World::new(2000, vec![Manner::Reads], only_nova).await;
    let new = NewReplay { query: Some("seq > 500 AND action = create-vm".to_owned()), ..fast() };
    let begun = world.begin(&new).await.unwrap().stored;
    let done = world.stands(&begun.id, ReplayState::Done).await.stored;
    let replayed = world.replayed();
    assert_eq!((replayed.len() as u64, done.progress.sent), (done.matched, done.matched));
    assert!(replayed.iter().all(|seq| *seq > 500) && (700..=800).contains(&replayed.len()), "{}", replayed.len());
    let later = NewReplay { time_from: Some(Timestamp::parse("2026-11-23T00:00:00Z").unwrap()), ..fast() };
    let nothing = world.begin(&later).await.unwrap().stored;
    let done = world.stands(&nothing.id, ReplayState::Done).await.stored;
    assert_eq!((done.matched, done.progress.sent), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_survives_a_restart_and_receivers_that_die() {
    let manners = vec![Manner::Reads, Manner::Dies { after: 50_000 }, Manner::Closes { after: 150_000 }, Manner::Reads];
    let mut world = World::new(3000, manners, ALL()).await;
    world.post(1).await;
    until("the live link", || world.received.lock().links == 1).await;
    let new = NewReplay { rate: Some(3000), ..NewReplay::default() };
    let begun = world.begin(&new).await.unwrap().stored;
    until("a part of it", || world.replayed().len() > 300).await;
    world.restart().await;
    world.stands(&begun.id, ReplayState::Done).await;
    assert_eq!(world.replayed(), (1..=begun.last.0).collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_never_closes_gets_the_end_twice_and_not_for_ever() {
    let world = World::new(300, vec![Manner::Stays], ALL()).await;
    let begun = world.begin(&fast()).await.unwrap().stored;
    let done = world.stands(&begun.id, ReplayState::Done).await.stored;
    assert_eq!(done.progress.sent, begun.last.0);
    let received = world.received.lock();
    assert!((1..=begun.last.0).all(|seq| received.events[&seq].iter().filter(|n| **n == 0).count() <= 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_proxy_too_it_comes_to_an_end() {
    let world = World::of(300, vec![Manner::Reads], json!({"options": {"overlap_seconds": 3600}})).await;
    let begun = world.begin(&fast()).await.unwrap().stored;
    world.stands(&begun.id, ReplayState::Done).await;
    let received = world.received.lock();
    let times = |seq: u64| received.events[&seq].iter().filter(|n| **n == 0).count();
    assert!((1..=begun.last.0).all(|seq| times(seq) == 2), "the end of a proxy's link proves nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_events_do_not_make_a_running_replay_look_ill() {
    let world = World::new(3000, vec![Manner::Reads], ALL()).await;
    world.clock.advance(std::time::Duration::from_hours(48));
    let slow = NewReplay { rate: Some(1000), ..NewReplay::default() };
    let id = world.begin(&slow).await.unwrap().stored.id;
    until("a part of it", || world.replayed().len() > 500).await;
    let view = world.get(&id).await;
    assert_eq!((view.stored.state, view.cause), (ReplayState::Running, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_rests_goes_on_and_ends_when_told() {
    let world = World::new(3000, vec![Manner::Reads], ALL()).await;
    let (engine, caller, project) = (&world.engine, &world.caller, &world.project);
    let slow = NewReplay { rate: Some(1000), ..NewReplay::default() };
    let id = world.begin(&slow).await.unwrap().stored.id;
    assert_eq!(world.begin(&slow).await.unwrap_err().code, "replay_running");
    until("a part of it", || world.replayed().len() > 100).await;
    let paused = pause(engine, caller, project, &id).await.unwrap();
    assert_eq!(paused.stored.state, ReplayState::Paused);
    let before = world.replayed().len();
    assert!(before < 3000);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(world.replayed().len(), before, "nothing is sent while it rests");
    assert_eq!(resume(engine, caller, project, &id).await.unwrap().stored.state, ReplayState::Running);
    until("it goes on", || world.replayed().len() > before + 100).await;
    let cancelled = cancel(engine, caller, project, &id).await.unwrap().stored;
    assert!(cancelled.state == ReplayState::Cancelled && cancelled.ended_at.is_some());
    let before = world.replayed().len();
    for over in [resume(engine, caller, project, &id).await, pause(engine, caller, project, &id).await] {
        assert_eq!(over.unwrap_err().code, "replay_over");
    }
    cancel(engine, caller, project, &id).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(world.replayed().len(), before);
    assert_eq!(super::get(engine, caller, project, "r-none").await.unwrap_err().code, "replay_not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_waits_for_its_connection_and_ends_with_it() {
    let world = World::new(2000, vec![Manner::Reads], ALL()).await;
    let (engine, caller, project) = (&world.engine, &world.caller, &world.project);
    let slow = NewReplay { rate: Some(500), ..NewReplay::default() };
    let id = world.begin(&slow).await.unwrap().stored.id;
    connections::stop(engine, caller, project, world.connection.as_str()).await.unwrap();
    let waiting = world.get(&id).await;
    assert_eq!((waiting.stored.state, waiting.cause), (ReplayState::Running, Some("not_active")));
    assert_eq!(world.begin(&slow).await.unwrap_err().code, "not_active");
    let before = world.replayed().len();
    world.activate(Start::Continue).await;
    until("it goes on", || world.replayed().len() > before + 50).await;
    connections::delete(engine, caller, project, &[world.connection.to_string()], None).await.unwrap();
    assert_eq!(world.get(&id).await.stored.state, ReplayState::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_and_what_is_wrong() {
    let world = World::new(10, vec![Manner::Reads], ALL()).await;
    let (engine, project, id) = (&world.engine, &world.project, world.connection.as_str());
    let token = |scopes: &[Scope]| Caller::Token {
        token: TokenId::parse("t-token").unwrap(),
        project: project.clone(),
        scopes: scopes.to_vec(),
        sources: vec![],
        origin: Origin::new([127, 0, 0, 1], "r-1"),
    };
    for scopes in [&[Scope::Read][..], &[Scope::Configure], &[Scope::Ingest]] {
        let refused = super::begin(engine, &token(scopes), project, id, &fast(), None).await;
        assert_eq!(refused.unwrap_err().code, "forbidden", "{scopes:?}");
    }
    let time = |text: &str| Some(Timestamp::parse(text).unwrap());
    let wrong = [
        (NewReplay { rate: Some(0), ..fast() }, "invalid_rate", "rate"),
        (NewReplay { query: Some("a = b".to_owned()), ..fast() }, "query_unknown_parameter", "q"),
        (NewReplay { query: Some("timestamp > now-1h".to_owned()), ..fast() }, "query_relative_time", "q"),
        (
            NewReplay { time_from: time("2026-01-02T00:00:00Z"), time_to: time("2026-01-02T00:00:00Z"), ..fast() },
            "invalid_range",
            "to",
        ),
    ];
    for (new, code, field) in wrong {
        let error = world.begin(&new).await.unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (code, Some(field)));
    }
    let begin = |key| super::begin(engine, &world.caller, project, id, &FAST, Some(key));
    let first = begin("once").await.unwrap().stored.id;
    world.stands(&first, ReplayState::Done).await;
    assert_eq!(begin("once").await.unwrap().stored.id, first);
    world.clock.advance(std::time::Duration::from_secs(1));
    assert_ne!(begin("twice").await.unwrap().stored.id, first);
    let all = list(engine, &token(&[Scope::Read]), project).await.unwrap();
    assert_eq!((all.len(), all[1].stored.id == first), (2, true), "newest first");
}

const FAST: NewReplay = NewReplay { time_from: None, time_to: None, query: None, rate: Some(1_000_000) };

/// Entries of the quarantine: position, and whether one names a replay.
async fn aside(world: &World) -> Vec<(u64, bool)> {
    let id = world.connection.as_str();
    let page = connections::quarantine(&world.engine, &world.caller, &world.project, id, None, 200).await.unwrap();
    let mut all: Vec<_> = page.entries.iter().map(|e| (e.quarantined.seq.0, e.quarantined.replay.is_some())).collect();
    all.sort_unstable();
    all
}

async fn set_aside(world: &World, seqs: impl Iterator<Item = u64>) {
    let entry = |seq| {
        let entry =
            Quarantined { seq: Position(seq), reason: "before".to_owned(), at: world.clock.now(), replay: None };
        let id = Quarantined::record_id(&world.connection, entry.seq);
        let effect = Effect::Put(QuarantineRecord::from(entry).encode().unwrap());
        Change { key: RecordKey::of(RecordKind::Quarantine, &world.project, id), expect: Expect::Absent, effect }
    };
    let submission = Submission { changes: seqs.map(entry).collect(), ..Submission::default() };
    world.engine.log.submit(submission).await.unwrap();
}

impl World {
    async fn resend(&self, seqs: Option<&[u64]>) -> Result<ReplayView> {
        let seqs: Option<Vec<Position>> = seqs.map(|seqs| seqs.iter().copied().map(Position).collect());
        let id = self.connection.as_str();
        resend(&self.engine, &self.caller, &self.project, id, seqs.as_deref(), None).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_set_aside_is_sent_again_and_leaves_the_list() {
    // What the filter says by now does not matter: somebody chose these.
    let world = World::new(2000, vec![Manner::Reads], json!({"kind": "query", "query": "source.id = nova"})).await;
    assert_eq!(world.resend(None).await.unwrap_err().code, "nothing_quarantined");
    // Close together, far apart, and beyond the log's end.
    set_aside(&world, [3, 4, 9, 1000, 1999, 99_999].into_iter()).await;
    assert_eq!(world.resend(Some(&[5])).await.unwrap_err().code, "nothing_quarantined");
    let begun = world.resend(Some(&[3, 9, 1999, 5])).await.unwrap().stored;
    assert!(begun.quarantined && begun.matched == 3 && begun.last == Position(1999), "{begun:?}");
    let done = world.stands(&begun.id, ReplayState::Done).await.stored;
    assert_eq!((done.progress.sent, world.replayed()), (3, [3, 9, 1999].into()));
    assert_eq!(aside(&world).await, [(4, false), (1000, false), (99_999, false)]);
    let begun = world.resend(None).await.unwrap().stored;
    world.stands(&begun.id, ReplayState::Done).await;
    assert_eq!((world.replayed(), aside(&world).await), ([3, 4, 9, 1000, 1999].into(), vec![]));
    // What became of one: sent again by the first of the two, and nothing is unknown.
    let told = history::event(&world.engine, &world.caller, &world.project, Position(9)).await.unwrap().deliveries;
    let [Delivered { state: EventState::Acknowledged { after, by, replay: Some(id) }, .. }] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!((id, *after, Some(*by)), (&done.id, done.created_at, done.ended_at));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_still_cannot_be_sent_stays_with_the_reason_of_today() {
    let narrow = json!({"options": {"max_bytes": 480, "hostname": "h".repeat(200), "app_name": "a".repeat(48)}, "filter":
        {"kind": "query", "query": "source.id = nova"}});
    let world = World::of(0, vec![Manner::Reads], narrow).await;
    let draft = |id: String| EventDraft { action: "create-vm".to_owned(), event_id: Some(id), ..EventDraft::default() };
    let drafts = ["small".to_owned(), "large".repeat(24), "tiny".to_owned()].map(draft);
    let items = drafts.into_iter().map(Ok);
    let batch = Intake { items, door: Plane::Control, idempotency_key: None };
    intake::accept(&world.engine, &world.caller, &world.project, batch).await.unwrap();
    let head = world.engine.log.head(&world.project).0;
    set_aside(&world, head - 2..=head).await;
    let begun = world.resend(None).await.unwrap().stored;
    let done = world.stands(&begun.id, ReplayState::Done).await.stored;
    assert_eq!((done.progress.sent, done.progress.quarantined), (2, 1));
    assert_eq!(world.replayed(), [head - 2, head].into());
    let id = world.connection.as_str();
    let page = connections::quarantine(&world.engine, &world.caller, &world.project, id, None, 200).await.unwrap();
    let left: Vec<_> = page.entries.iter().map(|e| (e.quarantined.seq.0, e.quarantined.reason.as_str())).collect();
    assert!(left.len() == 1 && left[0].0 == head - 1 && left[0].1.contains("allows 480"), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resend_survives_a_restart_and_what_is_cancelled_stays_listed() {
    let mut world = World::new(3000, vec![Manner::Reads, Manner::Dies { after: 20_000 }, Manner::Reads], ALL()).await;
    let all: Vec<u64> = (1..=3000).filter(|seq| seq % 7 == 0).collect();
    set_aside(&world, all.iter().copied()).await;
    let begun = world.resend(None).await.unwrap().stored;
    assert!(aside(&world).await.iter().all(|(_, named)| *named), "each names the replay that sends it");
    world.restart().await;
    world.stands(&begun.id, ReplayState::Done).await;
    assert_eq!(world.replayed(), all.iter().copied().collect());
    assert_eq!(aside(&world).await, []);

    set_aside(&world, 1..=200).await;
    connections::stop(&world.engine, &world.caller, &world.project, world.connection.as_str()).await.unwrap();
    assert_eq!(world.resend(None).await.unwrap_err().code, "not_active");
    world.activate(Start::Continue).await;
    let begun = world.resend(None).await.unwrap().stored;
    pause(&world.engine, &world.caller, &world.project, &begun.id).await.unwrap();
    let cancelled = cancel(&world.engine, &world.caller, &world.project, &begun.id).await.unwrap().stored;
    assert_eq!(cancelled.state, ReplayState::Cancelled);
    assert_eq!(aside(&world).await, (1..=200).map(|seq| (seq, false)).collect::<Vec<_>>(), "nothing sends them now");
}
