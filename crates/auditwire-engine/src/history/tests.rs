//! The history as senders write it over real sockets, and what is told of events from it.

mod events;
mod fresh;
mod steps;

use std::sync::Arc;
use std::time::Duration;

use auditwire_model::access::{Caller, Origin, Principal};
use auditwire_model::clock::ManualClock;
use auditwire_model::event::EventDraft;
use auditwire_model::{Clock, ConnectionId, Position, ProjectId, TokenId};
use parking_lot::Mutex;
use serde_json::json;

use super::*;
use crate::connections::{self, ConnectionInput, Start};
use crate::delivery::tests::fixtures::{Manner, Received, receiver, until};
use crate::log::Submission;
use crate::records::{CheckResult, CheckResultRecord};
use crate::secrets::{Keyring, Secret};
use crate::store::memory::MemoryStore;
use crate::{Engine, Settings};

/// An engine with senders, on a clock that stands until moved.
struct World {
    engine: Engine,
    clock: Arc<ManualClock>,
    caller: Caller,
    project: ProjectId,
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
        let keyring = Arc::new(Keyring::new(vec![("k1".to_owned(), Secret::new(vec![7; 32]))]));
        let mut settings = Settings::default();
        settings.delivery.allow_loopback = true;
        let (store, objects) = (Arc::new(MemoryStore::default()), crate::store::memory::objects());
        let engine = Engine::open(store, objects, clock.clone(), keyring, settings).await.unwrap();
        let caller = Caller::Operator {
            by: Principal::Token(TokenId::parse("t-operator").unwrap()),
            origin: Origin::new([127, 0, 0, 1], "r-1"),
        };
        Self { engine, clock, caller, project: ProjectId::default_project() }
    }

    /// A connection to a receiver that reads everything; its fields beside the address.
    async fn connection(&self, name: &str, more: &serde_json::Value) -> (ConnectionId, Arc<Mutex<Received>>) {
        let (address, received) = receiver(vec![Manner::Reads], None).await;
        let mut body = json!({"name": name, "endpoint": address.to_string(), "transport": "tcp", "framing": "lf"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let input = ConnectionInput::from_json(&serde_json::to_vec(&body).unwrap()).unwrap();
        let (engine, caller, project) = (&self.engine, &self.caller, &self.project);
        (connections::create(engine, caller, project, input, None).await.unwrap().stored.id, received)
    }

    async fn activate(&self, id: &ConnectionId, start: Start) {
        // Its check has passed: it would reach the receiver, and be told as an event.
        let view = connections::get(&self.engine, &self.caller, &self.project, id.as_str()).await.unwrap();
        let (revision, at) = (view.stored.revision, self.clock.now());
        let result = CheckResult { revision, ok: true, confirmed: true, at, stages: Vec::new() };
        let effect = Effect::Put(CheckResultRecord::from(result).encode().unwrap());
        let key = RecordKey::of(RecordKind::CheckResult, &self.project, id.as_str());
        let changes = vec![Change { key, expect: Expect::Any, effect }];
        self.engine.log.submit(Submission { changes, ..Submission::default() }).await.unwrap();
        let (engine, caller, project) = (&self.engine, &self.caller, &self.project);
        connections::activate(engine, caller, project, id.as_str(), Some(start), true).await.unwrap();
    }

    async fn stop(&self, id: &ConnectionId) {
        connections::stop(&self.engine, &self.caller, &self.project, id.as_str()).await.unwrap();
    }

    /// Posts events of an action; the position of the last one.
    async fn post(&self, action: &str, count: usize) -> Position {
        let event = |i| {
            let draft =
                EventDraft { action: action.to_owned(), message: Some("m".repeat(20)), ..EventDraft::default() };
            let id = format!("{action}-{i}-{}", self.engine.log.head(&self.project));
            draft.complete(|| id, auditwire_model::event::Plane::Control, self.clock.now(), [0; 16])
        };
        let project = Some(self.project.clone());
        let submission = Submission { project, events: (0..count).map(event).collect(), changes: Vec::new() };
        self.engine.log.submit(submission).await.unwrap().positions.into_iter().last().flatten().unwrap()
    }

    async fn settled(&self, id: &ConnectionId) {
        let head = self.engine.log.head(&self.project);
        until("everything is settled", || {
            self.engine.delivery.live(id).is_some_and(|live| live.delivery.cursor >= head)
        })
        .await;
    }

    async fn steps(&self, id: &ConnectionId) -> Vec<DeliveryStep> {
        read::steps(&self.engine, &self.project, id, Timestamp::EPOCH).await.unwrap()
    }

    /// What is told of an event: per connection the name, the word and the revision.
    async fn told(&self, seq: Position) -> Vec<(String, &'static str, Option<u64>)> {
        let told = event(&self.engine, &self.caller, &self.project, seq).await.unwrap();
        told.deliveries.into_iter().map(|one| (one.name, one.state.as_str(), one.revision)).collect()
    }

    fn forward(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}
