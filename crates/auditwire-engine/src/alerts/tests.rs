//! What is told, once, and when it is over.

use std::sync::Arc;

use auditwire_model::access::{Origin, Principal, Scope};
use auditwire_model::clock::ManualClock;
use auditwire_model::connection::{CertificateInfo, CertificateRole, TlsSpec};
use auditwire_model::event::rows;
use auditwire_model::query::parse;
use auditwire_model::{Clock, Timestamp, TokenId};
use serde_json::json;

use super::conditions::conditions;
use super::*;
use crate::Settings;
use crate::connections::{self, ConnectionInput, ConnectionView, Start};
use crate::delivery::tests::fixtures::{Manner, receiver, until};
use crate::delivery::{ServerCertificate, Status};
use crate::log::Retention;
use crate::records::KeptFor;
use crate::retention;
use crate::search::{self, Search};
use crate::secrets::{Keyring, Secret};
use crate::store::Order;
use crate::store::memory::MemoryStore;
use crate::tokens::{self, TokenSpec};

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

    async fn connect(&self, endpoint: &str, options: serde_json::Value) -> ConnectionId {
        let filter = json!({"kind": "query", "query": "severity = ALERT"});
        let body =
            json!({"name": "siem", "endpoint": endpoint, "transport": "tcp", "options": options, "filter": filter});
        let input = ConnectionInput::from_json(&serde_json::to_vec(&body).unwrap()).unwrap();
        let (engine, caller, project) = (&self.engine, &self.caller, &self.project);
        let id = connections::create(engine, caller, project, input, None).await.unwrap().stored.id;
        connections::activate(engine, caller, project, id.as_str(), Some(Start::Now), true).await.unwrap();
        id
    }

    async fn view(&self, id: &ConnectionId) -> ConnectionView {
        connections::get(&self.engine, &self.caller, &self.project, id.as_str()).await.unwrap()
    }

    /// The events of an action: `status.code` and `resource.metadata.alert`.
    async fn told(&self, action: &str) -> Vec<(String, String)> {
        let query = parse(&format!("action = {action}"), None).unwrap().expr;
        let (order, limit) = (Order::Ascending, 100);
        let search = Search { query, time_from: None, time_to: None, plane: None, order, after: None, limit };
        let page = search::page(&self.engine, &self.caller, &self.project, &search).await.unwrap();
        let events = page.batches.iter().flat_map(rows);
        let told = events.map(|event| {
            let alert = event.resource_metadata.get("alert").unwrap_or_default().to_owned();
            (event.status_code.unwrap_or_default().to_owned(), alert)
        });
        told.collect()
    }
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_stays_degraded_is_told_once_and_its_end_too() {
    let world = World::new().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let id = world.connect(&nobody.to_string(), json!({})).await;
    let status = || async { world.view(&id).await.status };
    let began = std::time::Instant::now();
    while status().await != Status::Degraded {
        assert!(began.elapsed() < seconds(20), "a link that cannot be made degrades");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    round(&world.engine).await.unwrap();
    assert_eq!(world.told("siem-alert").await, [], "not at once");
    world.clock.advance(seconds(301 + 60));
    for _ in 0..3 {
        round(&world.engine).await.unwrap();
    }
    let degraded = ("delivery_degraded".to_owned(), String::new());
    assert_eq!(world.told("siem-alert").await, std::slice::from_ref(&degraded), "once");
    let standing = list(&world.engine, &world.caller, &world.project).await.unwrap();
    assert_eq!(
        (standing.len(), standing[0].kind, &standing[0].connection),
        (1, AlertKind::DeliveryDegraded, &Some(id.clone()))
    );
    assert!(standing[0].message.contains("siem is failing"), "{}", standing[0].message);
    connections::stop(&world.engine, &world.caller, &world.project, id.as_str()).await.unwrap();
    round(&world.engine).await.unwrap();
    assert_eq!(list(&world.engine, &world.caller, &world.project).await.unwrap(), []);
    assert_eq!(world.told("siem-alert-over").await, [(String::new(), "delivery_degraded".to_owned())]);
}

#[tokio::test]
async fn a_project_at_which_the_watch_panics_keeps_no_other_from_being_watched() {
    let world = World::new().await;
    let (address, _received) = receiver(vec![Manner::Reads], None).await;
    world.connect(&address.to_string(), json!({"heartbeat_seconds": 60})).await;
    let caller = &world.caller;
    crate::projects::create(&world.engine, caller, Some("a-broken".to_owned()), "first of all".to_owned(), None)
        .await
        .unwrap();
    world.engine.tasks().faults().arm("alerts", "a-broken", u32::MAX);
    round(&world.engine).await.unwrap();
    assert_eq!(world.told("siem-heartbeat").await.len(), 1);
    assert_eq!(world.engine.tasks().counts(crate::tasks::Task::Alerts).0, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_comes_in_time_whatever_the_filter_says() {
    let world = World::new().await;
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let id = world.connect(&address.to_string(), json!({"heartbeat_seconds": 60})).await;
    let before = received.lock().events.len();
    for pause in [0, 30, 30, 59, 1] {
        world.clock.advance(seconds(pause));
        round(&world.engine).await.unwrap();
    }
    assert_eq!(world.told("siem-heartbeat").await.len(), 3, "at once, after 60 s and after 120 s");
    until("the heartbeats", || received.lock().events.len() == before + 3).await;
    connections::stop(&world.engine, &world.caller, &world.project, id.as_str()).await.unwrap();
    world.clock.advance(seconds(600));
    round(&world.engine).await.unwrap();
    assert_eq!(world.told("siem-heartbeat").await.len(), 3, "a stopped connection has none");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_told_at_each_step_and_the_first_to_end_counts() {
    let world = World::new().await;
    let (address, _) = receiver(vec![Manner::Reads], None).await;
    let id = world.connect(&address.to_string(), json!({})).await;
    let now = world.clock.now();
    let day = |days: i64| now.saturating_add_nanos(days * 24 * 3600 * 1_000_000_000);
    let mut view = world.view(&id).await;
    view.status = Status::Active;
    let stored = |days| CertificateInfo {
        role: CertificateRole::Ca,
        subject: "CN=ca".to_owned(),
        issuer: "CN=ca".to_owned(),
        names: Vec::new(),
        not_before: day(-10).into(),
        not_after: day(days).into(),
        sha256: String::new(),
    };
    let steps = |view: &ConnectionView| {
        let found = conditions(view, Retention::FOR_EVER, AlertSettings::default(), now);
        found.into_iter().map(|c| (c.kind, c.step)).collect::<Vec<_>>()
    };
    for (days, step) in [
        (31, None),
        (30, Some(30)),
        (15, Some(30)),
        (14, Some(14)),
        (7, Some(7)),
        (2, Some(7)),
        (1, Some(1)),
        (0, Some(0)),
        (-3, Some(0)),
    ] {
        view.stored.spec.tls = Some(TlsSpec { certificates: vec![stored(days), stored(300)], ..TlsSpec::default() });
        let expected: Vec<_> = step.map(|step| (AlertKind::CertificateExpiring, step)).into_iter().collect();
        assert_eq!(steps(&view), expected, "{days} days");
    }
    view.stored.spec.tls = None;
    view.server_certificate = Some(ServerCertificate { subject: "CN=siem".to_owned(), not_after: day(5).into() });
    assert_eq!(steps(&view), [(AlertKind::CertificateExpiring, 7)]);
    view.status = Status::Inactive;
    assert_eq!(steps(&view), [], "nothing depends on a stopped connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_that_comes_near_retention_is_told() {
    let world = World::new().await;
    let (address, _) = receiver(vec![Manner::Reads], None).await;
    let mut view = world.view(&world.connect(&address.to_string(), json!({})).await).await;
    (view.status, view.server_certificate) = (Status::Active, None);
    let now = world.clock.now();
    let kept = |days: u64| Retention { age: Some(Duration::from_secs(days * 24 * 3600)), bytes: None };
    for (hours, told) in [(1, false), (9 * 24 - 1, false), (9 * 24, true), (11 * 24, true)] {
        view.delivery.oldest_unacknowledged_at = Some(now.saturating_add_nanos(-hours * 3600 * 1_000_000_000));
        let found = conditions(&view, kept(10), AlertSettings::default(), now);
        assert_eq!(found.iter().any(|c| c.kind == AlertKind::BacklogNearRetention), told, "{hours} h of ten days");
        assert_eq!(conditions(&view, Retention::FOR_EVER, AlertSettings::default(), now), []);
    }
}

#[tokio::test]
async fn a_reduction_of_the_retention_stands_until_it_is_cancelled_or_made() {
    let world = World::new().await;
    let (engine, caller, project) = (&world.engine, &world.caller, &world.project);
    let standing = async || {
        round(engine).await.unwrap();
        let alerts = list(engine, caller, project).await.unwrap();
        alerts.into_iter().map(|alert| (alert.id(), alert.connection)).collect::<Vec<_>>()
    };
    let reduce = async |days| {
        let wanted = KeptFor { days: Some(days), bytes: None };
        retention::set(engine, caller, project, wanted).await.unwrap();
    };
    let reduction = [("project/retention_reduction".to_owned(), None)];
    let told = ("retention_reduction".to_owned(), String::new());
    assert_eq!(standing().await, []);
    reduce(30).await;
    assert_eq!((standing().await, standing().await), (reduction.to_vec(), reduction.to_vec()));
    assert_eq!(world.told("siem-alert").await, std::slice::from_ref(&told), "once");
    world.clock.advance(seconds(3600));
    reduce(20).await;
    assert_eq!(standing().await, reduction);
    assert_eq!(world.told("siem-alert").await, [told.clone(), told.clone()], "it waits anew, for less");
    retention::cancel(engine, caller, project).await.unwrap();
    assert_eq!(standing().await, []);
    let over = (String::new(), "retention_reduction".to_owned());
    assert_eq!(world.told("siem-alert-over").await, std::slice::from_ref(&over));
    reduce(30).await;
    assert_eq!(standing().await, reduction);
    world.clock.advance(seconds(72 * 3600));
    engine.log.seal_now().await.unwrap();
    assert_eq!(standing().await, []);
    assert_eq!(world.told("siem-alert-over").await, [over.clone(), over]);
}

#[tokio::test]
async fn the_end_of_a_token_is_told_seven_days_before_and_a_rotation_ends_that() {
    let world = World::new().await;
    let (engine, caller, project) = (&world.engine, &world.caller, &world.project);
    let day = 24 * 3600;
    let end = world.clock.now().saturating_add_nanos(10 * 24 * 3600 * 1_000_000_000);
    let spec =
        TokenSpec { name: "agent".to_owned(), scopes: vec![Scope::Ingest], sources: vec![], expires_at: Some(end) };
    let id = tokens::create(engine, caller, project, spec, None).await.unwrap().0.token.id;
    let standing = async || {
        round(engine).await.unwrap();
        let alerts = list(engine, caller, project).await.unwrap();
        alerts.into_iter().map(|alert| (alert.token, alert.step)).collect::<Vec<_>>()
    };
    let told = ("token_expiring".to_owned(), String::new());
    world.clock.advance(seconds(3 * day - 1));
    assert_eq!(standing().await, []);
    world.clock.advance(seconds(1));
    assert_eq!((standing().await, standing().await), (vec![(Some(id.clone()), 7)], vec![(Some(id.clone()), 7)]));
    assert_eq!(world.told("siem-alert").await, std::slice::from_ref(&told), "once");
    world.clock.advance(seconds(6 * day));
    assert_eq!(standing().await, [(Some(id.clone()), 1)]);
    assert_eq!(world.told("siem-alert").await, [told.clone(), told], "and again a day before");
    tokens::rotate(engine, caller, project, &id, Duration::ZERO, None).await.unwrap();
    assert_eq!(standing().await, [], "it lasts ten days again");
    assert_eq!(world.told("siem-alert-over").await, [(String::new(), "token_expiring".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_keeps_no_heartbeat_away() {
    let world = World::new().await;
    let (address, _received) = receiver(vec![Manner::Reads], None).await;
    world.connect(&address.to_string(), json!({"heartbeat_seconds": 60})).await;
    let beats = async || {
        round(&world.engine).await.unwrap();
        world.told("siem-heartbeat").await.len()
    };
    assert_eq!(beats().await, 1);
    world.clock.set(Timestamp::parse("2024-11-22T10:00:00Z").unwrap());
    assert_eq!(beats().await, 1);
    world.clock.advance(seconds(60));
    assert_eq!(beats().await, 2);
    world.clock.set(Timestamp::parse("2029-11-22T10:00:00Z").unwrap());
    assert_eq!(beats().await, 2, "nor does one that is set ahead bring one early");
}
