//! One service of its own for each test, and the few calls to it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use auditwire_engine::secrets::Keyring;
use auditwire_engine::store::memory::MemoryStore;
use auditwire_engine::{Engine, Settings, tokens};
use auditwire_model::Timestamp;
use auditwire_model::clock::ManualClock;
use auditwire_server::{App, ServerSettings};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

/// The time all tests begin at.
pub(crate) const NOW: &str = "2026-11-22T10:00:00Z";

/// Events of the default project.
pub(crate) const EVENTS: &str = "/api/v1/projects/default/events";

/// A running service.
pub(crate) struct Service {
    pub(crate) app: App,
    pub(crate) router: axum::Router,
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<MemoryStore>,
    /// The operator's token.
    pub(crate) token: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// That this is a problem of this status and code, in the full shape.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert!(
            problem["title"].is_string() && !problem["detail"].as_str().unwrap_or_default().is_empty(),
            "{problem}"
        );
        assert_eq!(problem["request_id"], self.header("x-request-id"), "{problem}");
        if status == 429 || status == 503 {
            assert!(self.header("retry-after").parse::<u64>().is_ok_and(|s| s > 0), "{problem}");
        }
        problem
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut ServerSettings)) -> Self {
        Self::with_both(|_| {}, change).await
    }

    pub(crate) async fn with_both(
        engine: impl FnOnce(&mut Settings),
        change: impl FnOnce(&mut ServerSettings),
    ) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::parse(NOW).expect("a time")));
        let keyring = Arc::new(Keyring::new(vec![Keyring::generate().expect("a key")]));
        let store = Arc::new(MemoryStore::default());
        let mut settings = Settings::default();
        settings.delivery.allow_loopback = true;
        engine(&mut settings);
        let engine = Engine::open(
            Arc::clone(&store) as _,
            auditwire_engine::store::memory::objects(),
            Arc::clone(&clock) as _,
            keyring,
            settings,
        )
        .await
        .expect("opens");
        let handed_over = Mutex::new(String::new());
        tokens::create_operator(&engine, |secret| {
            *handed_over.lock().expect("no panic before") = String::from_utf8_lossy(secret.expose()).into_owned();
            Ok(())
        })
        .await
        .expect("makes the operator's token");
        let local = SocketAddr::from(([127, 0, 0, 1], 8080));
        let mut settings = ServerSettings::new(local);
        change(&mut settings);
        let app = App::new(engine.clone(), &settings, local);
        let token = handed_over.into_inner().expect("no panic before");
        Self { router: auditwire_server::router(app.clone()), app, engine, clock, store, token }
    }

    /// A request with all headers as given.
    pub(crate) async fn raw(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("is infallible");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 64 << 20).await.expect("a whole body");
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A request with the operator's token and these headers.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        self.send_as(&self.token, method, path, headers, body).await
    }

    pub(crate) async fn send_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        self.raw(request(token, method, path, headers, body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string()).await
    }

    /// Sends events `from..=to`, numbered in their ids and actions.
    pub(crate) async fn fill(&self, from: u64, to: u64) {
        let events: Vec<Value> = (from..=to)
            .map(|n| serde_json::json!({"event_id": format!("e{n}"), "action": format!("action-{n}")}))
            .collect();
        self.post(EVENTS, &Value::from(events)).await.is(200);
    }

    /// A token of the default project.
    pub(crate) async fn token_with(&self, scopes: &[&str]) -> String {
        let made =
            self.post("/api/v1/projects/default/tokens", &serde_json::json!({"name": "test", "scopes": scopes})).await;
        made.is(201).json()["token"].as_str().expect("a secret").to_owned()
    }
}

/// A request as a client with this token sends it.
pub(crate) fn request(
    token: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:8080");
    request = request.header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).expect("a request")
}
