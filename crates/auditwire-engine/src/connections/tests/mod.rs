//! The verbs on a store in memory. No sender runs against a live receiver here: delivery has tests of its own.

mod activation;
mod checking;
mod choices;
mod editing;
mod model;
mod overview;
mod previewing;
mod quarantining;

use std::sync::Arc;
use std::time::Duration;

use auditwire_model::access::{Caller, Origin, Principal, Scope};
use auditwire_model::clock::ManualClock;
use auditwire_model::event::{Columns, EventDraft, Plane, rows};
use auditwire_model::query::Expr;
use auditwire_model::{Clock, Position, ProjectId, Timestamp, TokenId};
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::*;
use crate::intake::{self, Intake};
use crate::log::{Scan, Submission};
use crate::records::{CheckResult, CheckResultRecord, Cursor, CursorRecord, Document};
use crate::secrets::{Keyring, Secret};
use crate::store::memory::MemoryStore;
use crate::store::{Change, Effect, Expect, Order, RecordKey, RecordKind, Store};
use crate::{Engine, Settings};

/// An engine on a store in memory, with a clock that stands until moved.
struct World {
    engine: Engine,
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    caller: Caller,
    project: ProjectId,
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
        let store = Arc::new(MemoryStore::default());
        let caller = Caller::Operator {
            by: Principal::Token(TokenId::parse("t-operator").unwrap()),
            origin: Origin::new([127, 0, 0, 1], "r-1"),
        };
        Self::open(clock, store, caller).await
    }

    async fn open(clock: Arc<ManualClock>, store: Arc<MemoryStore>, caller: Caller) -> Self {
        let keyring = Arc::new(Keyring::new(vec![("k1".to_owned(), Secret::new(vec![7; 32]))]));
        let mut settings = Settings::default();
        settings.delivery.allow_loopback = true;
        let engine = Engine::open(store.clone(), crate::store::memory::objects(), clock.clone(), keyring, settings)
            .await
            .unwrap();
        Self { engine, clock, store, caller, project: ProjectId::default_project() }
    }

    /// What a new process finds.
    async fn reopened(self) -> Self {
        Self::open(self.clock, self.store, self.caller).await
    }

    fn token(&self, scopes: &[Scope]) -> Caller {
        Caller::Token {
            token: TokenId::parse("t-token").unwrap(),
            project: self.project.clone(),
            scopes: scopes.to_vec(),
            sources: vec![],
            origin: Origin::new([127, 0, 0, 1], "r-1"),
        }
    }

    /// Its address is forbidden: a check of this connection fails and its sender gets nowhere.
    async fn create(&self, name: &str) -> ConnectionView {
        super::create(&self.engine, &self.caller, &self.project, input(&body(name)), None).await.unwrap()
    }

    async fn get(&self, id: &ConnectionId) -> ConnectionView {
        super::get(&self.engine, &self.caller, &self.project, id.as_str()).await.unwrap()
    }

    async fn activate(&self, id: &ConnectionId, start: Option<Start>) -> Result<Activation, ActivateError> {
        self.pass_check(id).await;
        super::activate(&self.engine, &self.caller, &self.project, id.as_str(), start, false).await
    }

    /// Posts `count` events.
    async fn post(&self, count: usize) {
        let draft = || Ok(EventDraft { action: "create-vm".to_owned(), ..EventDraft::default() });
        let items = (0..count).map(|_| draft());
        let batch = Intake { items, door: Plane::Control, idempotency_key: None };
        intake::accept(&self.engine, &self.caller, &self.project, batch).await.unwrap();
    }

    /// Records a passed check of the stored revision.
    async fn pass_check(&self, id: &ConnectionId) {
        let revision = self.get(id).await.stored.revision;
        let result = CheckResult { revision, ok: true, confirmed: true, at: self.clock.now(), stages: Vec::new() };
        self.write(RecordKind::CheckResult, id.as_str(), CheckResultRecord::from(result)).await;
    }

    /// What a sender does when events are settled.
    async fn settle(&self, id: &ConnectionId, settled: u64, resend_from: Option<u64>) {
        let old = stored::cursor(&self.engine, &self.project, id).await.unwrap().unwrap().value;
        let (settled, resend_from) = (Position(settled), resend_from.map(Position));
        let cursor = Cursor { settled, resend_from, next_n: old.next_n + 5, sent: old.sent + 5, ..old };
        self.write(RecordKind::Cursor, id.as_str(), CursorRecord::from(cursor)).await;
    }

    async fn write(&self, kind: RecordKind, id: &str, document: impl Document) {
        let key = RecordKey::of(kind, &self.project, id);
        let change = Change { key, expect: Expect::Any, effect: Effect::Put(document.encode().unwrap()) };
        self.engine.log.submit(Submission { changes: vec![change], ..Submission::default() }).await.unwrap();
    }

    fn head(&self) -> u64 {
        self.engine.log.head(&self.project).0
    }

    async fn cursor(&self, id: &ConnectionId) -> Cursor {
        stored::cursor(&self.engine, &self.project, id).await.unwrap().unwrap().value
    }

    async fn epoch(&self) -> u64 {
        let record = self.store.record(&stored::active_key(&self.project)).await.unwrap();
        record.map_or(0, |r| r.version)
    }

    /// Audit events after `after`: action and what it was done to.
    async fn told(&self, after: u64) -> Vec<(String, String)> {
        let scan = Scan {
            project: self.project.clone(),
            from: Position(after + 1),
            to: Position(u64::MAX),
            time_from: None,
            time_to: None,
            predicate: Expr::All,
            order: Order::Ascending,
            limit: None,
            columns: Columns::ALL,
            numbered: false,
        };
        let mut pieces = self.engine.log.scan(scan);
        let mut told = Vec::new();
        while let Some(piece) = pieces.next().await {
            for event in rows(&piece.unwrap().batch).filter(|e| e.source_id == Some("auditwire")) {
                let who = event.subject_user_id.unwrap_or("-");
                assert!(who.starts_with("t-") && event.plane == Plane::Control, "{event:?}");
                told.push((event.action.to_owned(), event.resource_id.unwrap_or("-").to_owned()));
            }
        }
        told
    }

    async fn actions(&self, after: u64) -> Vec<String> {
        self.told(after).await.into_iter().map(|(action, _)| action).collect()
    }
}

fn body(name: &str) -> Value {
    json!({"name": name, "endpoint": "169.254.0.1:514", "transport": "tcp"})
}

fn input(body: &Value) -> ConnectionInput {
    ConnectionInput::from_json(&serde_json::to_vec(body).unwrap()).unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    result.expect_err("an error").code
}

fn activate_code(result: Result<Activation, ActivateError>) -> &'static str {
    match result {
        Ok(_) => "activated",
        Err(ActivateError::CheckFailed(_)) => "check_failed",
        Err(ActivateError::Other(error)) => error.code,
    }
}

const MINUTE: Duration = Duration::from_secs(60);
