//! Who gets in, under which name, and what never gets out.

use std::sync::{Arc, Mutex};

use auditwire_engine::store::memory::Fault;
use auditwire_server::Authority;
use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::service::{EVENTS, Service};

const PROJECT: &str = "/api/v1/projects/default";

#[tokio::test]
async fn without_a_valid_token_nothing_is_answered() {
    let service = Service::start().await;
    let bare = |path: &str| Request::builder().uri(path).header("host", "localhost");
    let none = service.raw(bare(EVENTS).body(Body::empty()).expect("a request")).await;
    none.is_problem(401, "missing_token");
    assert_eq!(none.header("www-authenticate"), "Bearer");
    let cookie = bare(EVENTS).header("cookie", format!("token={0}; aw={0}", service.token));
    service.raw(cookie.body(Body::empty()).expect("a request")).await.is_problem(401, "missing_token");
    let basic = bare(EVENTS).header("authorization", "Basic YTpi");
    service.raw(basic.body(Body::empty()).expect("a request")).await.is_problem(401, "missing_token");
    let wrong = service.send_as(&format!("aw_{}", "0".repeat(64)), "GET", EVENTS, &[], Body::empty()).await;
    wrong.is_problem(401, "invalid_token");
    assert!(wrong.header("www-authenticate").starts_with("Bearer"));
    for open in ["/healthz", "/readyz", "/api/v1/openapi.json"] {
        service.raw(bare(open).body(Body::empty()).expect("a request")).await.is(200);
    }
}

#[tokio::test]
async fn failing_again_and_again_is_limited_and_hurts_no_valid_token() {
    let service = Service::start().await;
    let mut statuses = Vec::new();
    for n in 0..40 {
        let wrong = service.send_as(&format!("aw_{n:064}"), "GET", EVENTS, &[], Body::empty()).await;
        statuses.push(wrong.status.as_u16());
        if wrong.status == 429 {
            wrong.is_problem(429, "too_many_refusals");
        }
    }
    assert_eq!((statuses.first(), statuses.last()), (Some(&401), Some(&429)));
    service.get(EVENTS).await.is(200);
    let audit = service.get("/api/v1/projects/system/events").await.is(200).text();
    assert_eq!(audit.matches("token-refused").count(), 1, "{audit}");
}

#[tokio::test]
async fn other_names_than_ours_are_refused() {
    let service = Service::with(|s| s.hostnames = vec!["audit.example.com".parse().expect("a name")]).await;
    let ask = async |host: &str| {
        let request = Request::builder().uri("/healthz").header("host", host).body(Body::empty()).expect("a request");
        service.raw(request).await
    };
    for host in ["127.0.0.1:8080", "localhost", "audit.example.com"] {
        ask(host).await.is(200);
    }
    for host in ["evil.example", "10.0.0.1"] {
        ask(host).await.is_problem(421, "host_not_allowed");
    }
    for host in ["localhost:1@evil.example", "[127.0.0.1]evil.example", "127.0.0.1:evil"] {
        ask(host).await.is_problem(400, "invalid_host");
    }
    let two = Request::builder().uri("/healthz").header("host", "localhost").header("host", "evil.example");
    service.raw(two.body(Body::empty()).expect("a request")).await.is_problem(400, "invalid_host");
}

#[tokio::test]
async fn no_header_gets_into_a_link_of_ours() {
    const LINKS: &str = "/api/v1/sign-in-links";
    let behind = |names: &[&str]| {
        let names: Vec<Authority> = names.iter().map(|name| name.parse().expect("a name")).collect();
        Service::with(|s| {
            s.behind_proxy = vec!["127.0.0.0/8".parse().expect("a network")];
            s.hostnames = names;
        })
    };
    let named = behind(&["audit.example:8443", "second.example"]).await;
    for headers in [&[][..], &[("x-forwarded-host", "second.example")], &[("x-forwarded-proto", "http")]] {
        let url = named.send("POST", LINKS, headers, Body::empty()).await.is(201).json()["url"].clone();
        assert!(url.as_str().is_some_and(|u| u.starts_with("https://audit.example:8443/sign-in/link?key=")), "{url}");
    }
    let unnamed = behind(&[]).await;
    for service in [&named, &unnamed] {
        for host in ["evil.example", "127.0.0.1", "audit.example, evil.example"] {
            let forged = service.send("POST", LINKS, &[("x-forwarded-host", host)], Body::empty()).await;
            forged.is_problem(421, "host_not_allowed");
        }
    }
    let url = unnamed.send("POST", LINKS, &[], Body::empty()).await.is(201).json()["url"].clone();
    assert!(url.as_str().is_some_and(|u| u.starts_with("http://127.0.0.1:8080/sign-in/link?key=")), "{url}");
}

#[tokio::test]
async fn every_answer_has_an_id_and_the_headers_that_protect() {
    let service = Service::start().await;
    for path in [EVENTS, "/nowhere", "/healthz"] {
        let answer = service.get(path).await;
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let given = service.send("GET", EVENTS, &[("x-request-id", "trace-1")], Body::empty()).await;
    assert_eq!(given.header("x-request-id"), "trace-1");
    for bad in ["", "a b", "<script>", &"x".repeat(200)] {
        let made = service.send("GET", EVENTS, &[("x-request-id", bad)], Body::empty()).await;
        assert!(!made.header("x-request-id").is_empty() && made.header("x-request-id") != bad);
    }
}

#[tokio::test]
async fn what_is_not_served_says_which_way() {
    let service = Service::start().await;
    let unserved = [("GET", "members"), ("PUT", "members"), ("DELETE", "members")];
    for (method, path) in unserved {
        let path = format!("{PROJECT}/{path}");
        service.send(method, &path, &[], Body::empty()).await.is_problem(400, "not_available_yet");
        service.send_as("", method, &path, &[], Body::empty()).await.is_problem(401, "missing_token");
    }
    for path in ["/api", "/api/v2/projects", &format!("{PROJECT}/nothing"), &format!("{EVENTS}/")] {
        service.get(path).await.is_problem(404, "not_found");
    }
    let wrong = service.send("PATCH", EVENTS, &[], Body::empty()).await;
    wrong.is_problem(405, "method_not_allowed");
    assert!(wrong.header("allow").contains("POST"), "{:?}", wrong.headers);
}

#[tokio::test]
async fn metrics_need_their_scope_and_show_one_project_to_its_token() {
    let service = Service::start().await;
    service.fill(1, 3).await;
    let reader = service.token_with(&["read"]).await;
    service.send_as(&reader, "GET", "/metrics", &[], Body::empty()).await.is_problem(403, "forbidden");
    let all = service.get("/metrics").await.is(200).text();
    for wanted in [
        "auditwire_intake_events_total{result=\"accepted\"} 3",
        "auditwire_log_head{project=\"default\"}",
        "auditwire_log_head{project=\"system\"}",
        "auditwire_http_requests_total{route=\"/api/v1/projects/{project}/events\",method=\"POST\",status=\"200\"} 1",
        "auditwire_log_events_total ",
        "auditwire_log_commit_seconds_bucket{le=\"+Inf\"}",
        "auditwire_task_panics_total{task=\"message\"} 0",
        "auditwire_task_restarts_total{task=\"sender\"} 0",
        "# EOF\n",
    ] {
        assert!(all.contains(wanted), "{wanted} is not in\n{all}");
    }
    let scraper = service.token_with(&["metrics"]).await;
    let own = service.send_as(&scraper, "GET", "/metrics", &[], Body::empty()).await.is(200).text();
    assert!(own.contains("project=\"default\"") && !own.contains("project=\"system\""), "{own}");
}

/// Everything that is logged, down to the finest level.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic before")).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic before").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_secret_that_was_sent_is_in_no_answer_and_no_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let service = Service::start().await;
    const CANARY: &str = "canary-2f9d71";
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n");
    let connections = format!("{PROJECT}/connections");
    let body = |pem: &serde_json::Value| {
        json!({"name": "main", "endpoint": "127.0.0.1:6514", "transport": "tls", "format": "rfc5424",
               "framing": "octet_counting", "tls": {"pem": pem, "verify": "full"}})
    };
    let mut answers = vec![service.post(&connections, &body(&json!(pem))).await];
    answers.push(service.post(&connections, &body(&json!([pem]))).await);
    answers.push(service.post(&format!("{connections}/check"), &body(&json!(pem))).await);
    let real = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    let certificate = rcgen::generate_simple_self_signed(["siem.example".to_owned()]).expect("a certificate");
    let pair = format!("{}{}", certificate.cert.pem(), certificate.signing_key.serialize_pem());
    answers.push(service.post(&connections, &body(&json!(real))).await);
    let made = service.post(&connections, &body(&json!(pair))).await;
    assert_eq!(made.is(201).json()["tls"]["client_key"], true);
    answers.push(made);
    for path in [connections.as_str(), EVENTS, "/metrics", &format!("{PROJECT}/tokens")] {
        answers.push(service.get(path).await);
    }
    let secrets = [CANARY.to_owned(), service.token.clone(), real, certificate.signing_key.serialize_pem()];
    for answer in &answers {
        for secret in &secrets {
            let lines: Vec<&str> = secret.lines().filter(|l| l.len() > 12 && !l.starts_with("-----")).collect();
            assert!(!lines.iter().any(|line| answer.text().contains(line)), "a secret is in {}", answer.text());
            assert!(!lines.iter().any(|line| log.text().contains(line)), "a secret is in the log");
        }
    }
    assert!(log.text().contains("/api/v1/projects/default/connections"), "the log was not captured");
    assert!(!format!("{:?}", service.app).contains(&service.token));
}

#[tokio::test]
async fn a_full_disk_is_said_takes_nothing_and_passes() {
    let service = Service::start().await;
    service.store.inject(0, Fault::Full);
    let event = json!({"event_id": "e", "action": "a"});
    let refused = service.post(EVENTS, &event).await;
    refused.is_problem(503, "storage_full");
    assert_eq!(service.post(EVENTS, &event).await.is(200).json()["accepted"], 1);
}
