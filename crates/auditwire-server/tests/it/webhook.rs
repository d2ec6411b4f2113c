//! The webhook of alerts, against real TLS servers on loopback.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auditwire_engine::alerts::{self, webhook};
use auditwire_engine::{Engine, Settings};
use auditwire_model::Clock as _;
use axum::body::Body;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::service::{EVENTS, Service};

const PROJECT: &str = "/api/v1/projects/default";
pub(crate) const WEBHOOK: &str = "/api/v1/projects/default/alerts/webhook";
pub(crate) const SECRET: &str = "a-secret-of-the-receiver";
pub(crate) const OK: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// A receiver of webhooks.
pub(crate) struct Hook {
    port: u16,
    /// The certificate that vouches for it.
    pub(crate) pem: String,
    /// What came: heads and bodies.
    requests: Arc<Mutex<Vec<(String, String)>>>,
    /// What it answers; empty: nothing, and it keeps the connection.
    answer: Arc<Mutex<String>>,
}

impl Hook {
    pub(crate) async fn new(names: &[&str], answer: &str) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "webhooks");
        let key = KeyPair::generate().expect("a key");
        let pem = authority.self_signed(&key).expect("a certificate").pem();
        let issuer = Issuer::new(authority, key);
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().expect("a key");
        let leaf = CertificateParams::new(names).expect("parameters").signed_by(&key, &issuer).expect("a certificate");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).expect("a key"))
            .expect("they fit");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let port = listener.local_addr().expect("an address").port();
        let (requests, answer) = (Arc::default(), Arc::new(Mutex::new(answer.to_owned())));
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), Arc::clone(&requests), Arc::clone(&answer)));
        Self { port, pem, requests, answer }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}/hook?key=1", self.port)
    }

    fn came(&self) -> Vec<(String, String)> {
        held(&self.requests).clone()
    }

    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.came().iter().map(|(_, body)| serde_json::from_str(body).expect("JSON")).collect()
    }
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    requests: Arc<Mutex<Vec<(String, String)>>>,
    answer: Arc<Mutex<String>>,
) {
    while let Ok((tcp, _)) = listener.accept().await {
        let (tls, requests, answer) = (tls.clone(), Arc::clone(&requests), Arc::clone(&answer));
        tokio::spawn(async move {
            let Ok(mut line) = tls.accept(tcp).await else { return };
            let mut read = Vec::new();
            let (head, body) = loop {
                let mut some = [0; 4096];
                let Ok(n @ 1..) = line.read(&mut some).await else { return };
                read.extend_from_slice(&some[..n]);
                let text = String::from_utf8_lossy(&read).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.to_lowercase().split("content-length: ").nth(1).expect("a length").to_owned();
                let length: usize = length.lines().next().expect("a line").trim().parse().expect("a number");
                if body.len() >= length {
                    break (head.to_owned(), body.to_owned());
                }
            };
            held(&requests).push((head, body));
            let said = held(&answer).clone();
            if said.is_empty() {
                return std::future::pending().await;
            }
            let _ = line.write_all(said.as_bytes()).await;
            let _ = line.shutdown().await;
        });
    }
}

async fn set(service: &Service, hook: &Hook) -> Value {
    let body = json!({"url": hook.url(), "secret": SECRET, "pem": hook.pem});
    put(service, &body).await.is(200).json()
}

async fn put(service: &Service, body: &Value) -> crate::service::Answer {
    service.send("PUT", WEBHOOK, &[("content-type", "application/json")], body.to_string()).await
}

async fn test(service: &Service) -> Value {
    service.post(&format!("{WEBHOOK}/test"), &json!({})).await.is(200).json()
}

/// HMAC-SHA-256 by its definition (RFC 2104), beside what the service uses.
fn hmac(key: &[u8], message: &[u8]) -> String {
    let sha256 = |parts: &[&[u8]]| auditwire_engine::secrets::sha256_hex(&parts.concat());
    assert!(key.len() <= 64, "longer keys are hashed first");
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = sha256(&[&block.map(|b| b ^ 0x36), message]);
    let inner: Vec<u8> =
        (0..64).step_by(2).map(|at| u8::from_str_radix(&inner[at..at + 2], 16).expect("hex")).collect();
    sha256(&[&block.map(|b| b ^ 0x5c), &inner])
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
    line.and_then(|line| line.split_once(": ")).map(|(_, value)| value).unwrap_or_else(|| panic!("{name} in {head}"))
}

#[tokio::test]
async fn it_is_set_shown_without_its_secret_and_deleted() {
    let service = Service::start().await;
    service.get(WEBHOOK).await.is_problem(404, "webhook_not_found");
    service.post(&format!("{WEBHOOK}/test"), &json!({})).await.is_problem(404, "webhook_not_found");
    for (body, code, field) in [
        (json!({"url": "http://h.test/"}), "invalid_url", "url"),
        (json!({"url": "https://u:p@h.test/"}), "invalid_url", "url"),
        (json!({"url": "https://h.test/", "secret": "short"}), "invalid_secret", "secret"),
        (json!({"url": "https://h.test/", "secret": "with a blank in it"}), "invalid_secret", "secret"),
        (json!({"url": "https://h.test/", "pem": "nonsense"}), "pem_empty", "pem"),
        (json!({"url": "https://h.test/", "redirects": true}), "unknown_field", "redirects"),
    ] {
        let problem = put(&service, &body).await.is_problem(400, code);
        assert_eq!(problem["field"], field, "{problem}");
    }
    let made = put(&service, &json!({"url": "https://h.test/x"})).await.is(200).json();
    let secret = made["secret"].as_str().expect("a secret, once").to_owned();
    assert!(secret.len() == 64 && made["last"].is_null() && made["pending"] == 0 && made["pem"] == false, "{made}");
    let again = put(&service, &json!({"url": "https://h.test/y"})).await.is(200).json();
    assert!(again.get("secret").is_none() && again["created_at"] == made["created_at"], "{again}");
    assert_eq!(service.get(WEBHOOK).await.is(200).json()["url"], "https://h.test/…");
    let reader = service.token_with(&["read"]).await;
    service.send_as(&reader, "GET", WEBHOOK, &[], Body::empty()).await.is_problem(403, "forbidden");
    service.send_as(&reader, "DELETE", WEBHOOK, &[], Body::empty()).await.is_problem(403, "forbidden");
    service.get(&WEBHOOK.replace("default", "other")).await.is_problem(404, "project_not_found");
    service.send("DELETE", WEBHOOK, &[], Body::empty()).await.is(204);
    service.get(WEBHOOK).await.is_problem(404, "webhook_not_found");
    let events = service.get(&format!("{EVENTS}?limit=1000")).await.is(200).text();
    for word in ["alert-webhook-set", "alert-webhook-delete", "h.test:443"] {
        assert!(events.contains(word), "{word}: {events}");
    }
    assert!(!events.contains(&secret) && !events.contains("/y"), "neither the secret nor the path");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_is_signed_and_tells_every_stage() {
    let service = Service::start().await;
    let hook = Hook::new(&["127.0.0.1"], OK).await;
    let shown = set(&service, &hook).await;
    assert!(!shown.to_string().contains(SECRET) && shown["pem"] == true, "{shown}");
    let report = test(&service).await;
    assert_eq!(report["ok"], true, "{report}");
    let stages: Vec<_> = report["stages"].as_array().expect("stages").iter().map(|s| s["stage"].clone()).collect();
    assert_eq!(stages, ["address", "resolve", "connect", "tls", "answer"]);
    let came = hook.came();
    let [(head, body)] = came.as_slice() else { panic!("one request: {came:?}") };
    assert!(head.starts_with("POST /hook?key=1 HTTP/1.1\r\n"), "{head}");
    assert_eq!(header(head, "host"), format!("127.0.0.1:{}", hook.port));
    assert_eq!(header(head, "content-type"), "application/json");
    let parsed: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!((&parsed["type"], &parsed["project"]), (&json!("test"), &json!("default")));
    assert_eq!(parsed["id"], header(head, "auditwire-delivery"));
    let signature = header(head, "auditwire-signature").to_owned();
    let (t, v1) = signature.split_once(",v1=").expect("two parts");
    let t = t.strip_prefix("t=").expect("a time");
    assert_eq!(t, (service.clock.now().as_nanos() / 1_000_000_000).to_string());
    assert_eq!(v1, hmac(SECRET.as_bytes(), format!("{t}.{body}").as_bytes()));
    let last = service.get(&format!("{PROJECT}/alerts")).await.is(200).json()["webhook"].clone();
    assert_eq!((&last["ok"], &last["code"]), (&json!(true), &json!("ok")));
    let events = service.get(&format!("{EVENTS}?limit=1000")).await.text();
    assert!(events.contains("alert-webhook-test") && !events.contains(SECRET), "{events}");
}

/// The code of the stage that failed, and its name.
async fn failure(service: &Service, body: &Value) -> (String, String) {
    put(service, body).await.is(200);
    let report = test(service).await;
    assert_eq!(report["ok"], false, "{report}");
    let last = report["stages"].as_array().and_then(|stages| stages.last()).expect("a stage").clone();
    assert!(!last["remedy"].as_str().expect("a remedy").is_empty(), "{last}");
    (last["stage"].as_str().expect("a name").to_owned(), last["code"].as_str().expect("a code").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_is_told_with_its_code() {
    let service = Service::start().await;
    let elsewhere = Hook::new(&["127.0.0.1"], OK).await;
    let moved = format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", elsewhere.url());
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("an address").port();
    for (names, answer, expected) in [
        (&["127.0.0.1"][..], moved.as_str(), ("answer", "webhook_redirected")),
        (
            &["127.0.0.1"],
            "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
            ("answer", "webhook_refused"),
        ),
        (&["127.0.0.1"], "220 mail.example.com ESMTP\r\n", ("answer", "webhook_broken")),
        (&["siem.example.com"], OK, ("tls", "cert_no_ip_san")),
    ] {
        let hook = Hook::new(names, answer).await;
        let body = json!({"url": hook.url(), "secret": SECRET, "pem": hook.pem});
        let (stage, code) = failure(&service, &body).await;
        assert_eq!((stage.as_str(), code.as_str()), expected, "{answer}");
        service.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(elsewhere.came(), [], "a redirect is not followed");
    let unknown = Hook::new(&["127.0.0.1"], OK).await;
    for (url, pem, expected) in [
        (unknown.url(), Value::Null, ("tls", "cert_unknown_ca")),
        (unknown.url(), json!(elsewhere.pem), ("tls", "cert_unknown_ca")),
        (format!("https://127.0.0.1:{nobody}/"), Value::Null, ("connect", "connect_refused")),
        ("https://nobody.invalid/".to_owned(), Value::Null, ("resolve", "name_not_found")),
        ("https://169.254.169.254/latest/meta-data".to_owned(), Value::Null, ("address", "address_forbidden")),
        ("https://[::ffff:169.254.169.254]/".to_owned(), Value::Null, ("address", "address_forbidden")),
        ("https://0.0.0.0/".to_owned(), Value::Null, ("address", "address_forbidden")),
    ] {
        let (stage, code) = failure(&service, &json!({"url": url, "pem": pem})).await;
        assert_eq!((stage.as_str(), code.as_str()), expected, "{url}");
        service.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(unknown.came(), [], "nothing is sent to whom nobody vouches for");
    let last = service.get(&format!("{PROJECT}/alerts")).await.is(200).json()["webhook"].clone();
    assert_eq!((&last["ok"], &last["code"]), (&json!(false), &json!("address_forbidden")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_does_not_answer_is_left_after_ten_seconds() {
    let service = Service::start().await;
    let hook = Hook::new(&["127.0.0.1"], "").await;
    let began = tokio::time::Instant::now();
    let (stage, code) = failure(&service, &json!({"url": hook.url(), "secret": SECRET, "pem": hook.pem})).await;
    let took = began.elapsed();
    assert_eq!((stage.as_str(), code.as_str()), ("answer", "webhook_timeout"));
    assert!((Duration::from_secs(9)..Duration::from_secs(15)).contains(&took), "{took:?}");
}

/// A connection whose SIEM is not there, active for over five minutes.
async fn alarm(service: &Service) -> String {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("an address");
    let body = json!({"name": "main", "endpoint": nobody.to_string(), "transport": "tcp"});
    let id = service.post(&format!("{PROJECT}/connections"), &body).await.is(201).json()["id"].clone();
    let path = format!("{PROJECT}/connections/{}", id.as_str().expect("an id"));
    service.post(&format!("{path}/activate"), &json!({"start": "now", "despite_failed_check": true})).await.is(200);
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    while service.get(&path).await.json()["status"] == "active" {
        assert!(tokio::time::Instant::now() < until, "a link that cannot be made degrades");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    service.clock.advance(Duration::from_secs(361));
    alerts::round(&service.engine).await.expect("looks");
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_is_told_when_it_begins_and_when_it_is_over_also_after_a_restart() {
    let service = Service::start().await;
    let hook = Hook::new(&["127.0.0.1"], OK).await;
    set(&service, &hook).await;
    let path = alarm(&service).await;
    assert_eq!(service.get(WEBHOOK).await.json()["pending"], 1, "it waits as a record");
    assert_eq!(hook.came(), []);
    // The process ends before it made the call; another one makes it.
    let Service { engine, store, clock, .. } = &service;
    let mut settings = Settings::default();
    settings.delivery.allow_loopback = true;
    let objects = auditwire_engine::store::memory::objects();
    let (keyring, store) = (Arc::clone(&engine.keyring), Arc::clone(store));
    engine.close().await;
    let engine = Engine::open(store, objects, Arc::clone(clock) as _, keyring, settings).await.expect("opens");
    let local = std::net::SocketAddr::from(([127, 0, 0, 1], 8080));
    let app = auditwire_server::App::new(engine.clone(), &auditwire_server::ServerSettings::new(local), local);
    let service = Service { router: auditwire_server::router(app.clone()), app, engine, ..service };
    webhook::round(&service.engine).await.expect("calls");
    let bodies = hook.bodies();
    let [begun] = bodies.as_slice() else { panic!("one call: {bodies:?}") };
    let alert = &begun["alert"];
    assert_eq!((&begun["type"], &alert["kind"]), (&json!("alert.begun"), &json!("delivery_degraded")), "{begun}");
    assert_eq!((&alert["connection"]["name"], &alert["days_left"]), (&json!("main"), &Value::Null), "{begun}");
    let listed = service.get(&format!("{PROJECT}/alerts")).await.is(200).json();
    assert_eq!((&listed["alerts"][0]["since"], &listed["webhook"]["ok"]), (&alert["since"], &json!(true)), "{listed}");
    let limits = json!({"degraded_after_seconds": 300, "backlog_percent": 90, "certificate_days": [30, 14, 7, 1],
        "token_days": [7, 1]});
    assert_eq!(listed["limits"], limits);
    webhook::round(&service.engine).await.expect("calls");
    assert_eq!(hook.came().len(), 1, "once it was taken it is not told again");
    service.send("POST", &format!("{path}/stop"), &[], Body::empty()).await.is(200);
    alerts::round(&service.engine).await.expect("looks");
    webhook::round(&service.engine).await.expect("calls");
    let bodies = hook.bodies();
    assert_eq!((bodies.len(), &bodies[1]["type"]), (2, &json!("alert.over")));
    assert_eq!(bodies[1]["alert"]["id"], alert["id"]);
    assert_ne!(bodies[1]["id"], begun["id"], "each call has an id of its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_leads_to_the_connection_s_page_where_the_console_s_name_is_configured() {
    for (names, origin) in [(&[][..], None), (&["audit.example.com"], Some("http://audit.example.com:8080"))] {
        let names = names.iter().map(|name| name.parse().expect("a name")).collect();
        let service = Service::with(|settings| settings.hostnames = names).await;
        let hook = Hook::new(&["127.0.0.1"], OK).await;
        set(&service, &hook).await;
        let path = alarm(&service).await;
        webhook::round(&service.engine).await.expect("calls");
        let id = path.rsplit('/').next().expect("an id");
        let page = origin.map(|origin| format!("{origin}/projects/default/settings/siem/connections/{id}/delivery"));
        assert_eq!(hook.bodies()[0]["alert"]["connection"]["url"], json!(page));
        service.send("DELETE", &path, &[], Body::empty()).await.is(204);
        alerts::round(&service.engine).await.expect("looks");
        webhook::round(&service.engine).await.expect("calls");
        assert_eq!(hook.bodies()[1]["alert"]["connection"]["url"], Value::Null, "a deleted one has no page");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_down_is_called_five_times_in_an_hour_with_the_same_body() {
    let service = Service::start().await;
    let hook = Hook::new(&["127.0.0.1"], "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n").await;
    set(&service, &hook).await;
    alarm(&service).await;
    for (attempt, minutes) in [(1, 1), (2, 5), (3, 15), (4, 39), (5, 60)] {
        webhook::round(&service.engine).await.expect("calls");
        webhook::round(&service.engine).await.expect("calls");
        assert_eq!(hook.came().len(), attempt, "not before it is due");
        service.clock.advance(Duration::from_secs(minutes * 60));
    }
    webhook::round(&service.engine).await.expect("calls");
    let bodies = hook.bodies();
    assert!(bodies.len() == 5 && bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    let shown = service.get(WEBHOOK).await.json();
    assert_eq!((&shown["pending"], &shown["last"]["code"]), (&json!(0), &json!("webhook_refused")), "{shown}");
    let events = service.get(&format!("{EVENTS}?q=action+%3D+alert-webhook-failed")).await.is(200).json();
    assert_eq!(events["events"].as_array().map(Vec::len), Some(1), "{events}");
    // One that comes back later takes the next.
    OK.clone_into(&mut held(&hook.answer));
    assert_eq!(test(&service).await["ok"], true);
}
