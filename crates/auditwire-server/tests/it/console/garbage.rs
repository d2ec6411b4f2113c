//! Whatever an address or a form holds, the answer is a page or a refusal, never a defect; and every answer has its policy.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::Browser;
use super::hostile::text;
use crate::service::{EVENTS, Service};

/// Every field that some page or form knows.
const FIELDS: &[&str] = &[
    "action",
    "after",
    "app_name",
    "at",
    "before",
    "bom",
    "cef_envelope",
    "count",
    "cursor",
    "despite",
    "endpoint",
    "facility",
    "filter",
    "fingerprint",
    "format",
    "framing",
    "from",
    "hostname",
    "id",
    "inactive",
    "key",
    "language",
    "live",
    "max_bytes",
    "min_version",
    "name",
    "next",
    "of",
    "order",
    "outcome",
    "overlap_bytes",
    "overlap_seconds",
    "heartbeat_seconds",
    "order",
    "pem",
    "pem_remove",
    "pen",
    "plane",
    "q",
    "query",
    "range",
    "rate_limit",
    "revision",
    "row_field",
    "row_op",
    "row_value",
    "save",
    "server_name",
    "severity",
    "source",
    "source_mode",
    "source_more",
    "start",
    "status",
    "status_mode",
    "status_more",
    "theme",
    "to",
    "transport",
    "type",
    "user",
    "verify",
    "verify_off_confirmed",
    "whole",
    "with",
    "zone",
];
/// Values that are nearly right.
const VALUES: &[&str] = &[
    "",
    "0",
    "-1",
    "18446744073709551615",
    "18446744073709551616",
    "1e9",
    "asc",
    "data",
    "all",
    "7d",
    "only",
    "except",
    "general",
    "tls",
    "udp",
    "cef",
    "off",
    "from",
    "now",
    "take_over",
    "1970-01-01T00:00",
    "9999-12-31T23:59:59Z",
    "2262-04-11T23:47:16.854775807Z",
    "1969-12-31T23:59:59Z",
    "0000-00-00T00:00",
    "+99:99",
    "UTC",
    "Europe/Berlin",
    "../../etc/passwd",
    "ERROR",
    "failure",
    "ru",
    "//evil.example",
    "[::1]:65536",
    "[::ffff:127.0.0.1]:0",
    "a:1",
    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
    "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0Y2FuYXJ5",
    "keep",
    "preview",
    "build",
    "query",
    "counts",
    "severity >= ERROR",
    "action = a action = b",
    "sorce.id = x",
    "timestamp > now-1h OR (",
    "source",
    "c-000000000000",
];

/// Of the key among [`VALUES`].
const KEY: &str = "c2VjcmV0Y2FuYXJ5";

/// Where nothing is streamed and no password is hashed.
fn addresses(id: &str) -> (Vec<String>, Vec<String>) {
    let project = |path: &str| format!("/projects/default{path}");
    let (events, siem) = (project("/events"), project("/settings/siem"));
    let connection = format!("{siem}/connections/{id}");
    let pages = ["/", "/sign-in", "/sign-in/link", "/account", "/account/password", "/projects"].map(str::to_owned);
    let mut pages = pages.to_vec();
    pages.extend([
        events.clone(),
        format!("{events}/1"),
        format!("{events}/count"),
        format!("{events}/histogram"),
        format!("{events}/facets"),
        format!("{events}/complete"),
        siem.clone(),
        format!("{siem}/new"),
        format!("{siem}/delete"),
    ]);
    pages.extend([connection.clone(), format!("{connection}/check")]);
    let forms = [
        "/account".to_owned(),
        "/projects".to_owned(),
        format!("{events}/download"),
        format!("{siem}/new"),
        format!("{siem}/pem"),
        format!("{siem}/filter"),
        format!("{siem}/start"),
        format!("{siem}/stop"),
        format!("{siem}/delete"),
        format!("{connection}/check"),
        format!("{connection}/activate"),
        connection,
    ];
    (pages, forms.to_vec())
}

type Fields = Vec<(String, String)>;

fn fields() -> impl Strategy<Value = Fields> {
    let value = prop_oneof![3 => proptest::sample::select(VALUES).prop_map(str::to_owned), 1 => text()];
    let field = (proptest::sample::select(FIELDS).prop_map(str::to_owned), value);
    proptest::collection::vec(field, 0..14)
}

fn encoded(fields: &Fields) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A service with one event and one connection, and the connection's id.
async fn service() -> (Service, String) {
    let service = Service::start().await;
    service.post(EVENTS, &json!({"action": "a", "source": {"id": "iam"}})).await.is(200);
    let body = json!({"name": "SIEM", "endpoint": "127.0.0.1:1", "transport": "tcp", "format": "cef"});
    let made = service.post("/api/v1/projects/default/connections", &body).await;
    let id = made.is(201).json()["id"].as_str().expect("an id").to_owned();
    (service, id)
}

fn run(
    cases: u32,
    strategy: &impl Strategy<Value = (usize, Fields)>,
    test: impl AsyncFn(&mut Browser<'_>, &str, usize, Fields),
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (service, id) = runtime.block_on(service());
    let browser = runtime.block_on(async { tokio::sync::Mutex::new(Browser::known(&service).await) });
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let result = runner.run(strategy, |(which, fields)| {
        runtime.block_on(async { test(&mut *browser.lock().await, &id, which, fields).await });
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn any_address_has_an_answer() {
    run(300, &(any::<usize>(), fields()), async |browser, id, which, fields| {
        let (pages, _) = addresses(id);
        let path = format!("{}?{}", pages[which % pages.len()], encoded(&fields));
        let page = browser.get(&path).await;
        assert!(!page.status.is_server_error(), "{path}: {}", page.text());
        assert!(page.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        let location = page.header("location");
        assert!(location.is_empty() || location.starts_with('/') && !location.starts_with("//"), "{path}: {location}");
    });
}

#[test]
fn any_form_has_an_answer() {
    run(250, &(any::<usize>(), fields()), async |browser, id, which, mut fields| {
        let (_, forms) = addresses(id);
        let path = &forms[which % forms.len()];
        fields.push(("csrf".to_owned(), browser.csrf().await));
        let answer = browser.post(path, &fields).await;
        assert!(!answer.status.is_server_error(), "{path} with {fields:?}: {}", answer.text());
        let location = answer.header("location");
        assert!(location.is_empty() || location.starts_with('/') && !location.starts_with("//"), "{path}: {location}");
        // What was sent as a key is in no answer. (In other fields it is no secret.)
        let elsewhere = fields.iter().any(|(name, value)| name != "pem" && value.contains(KEY));
        assert!(elsewhere || !answer.text().contains(KEY), "{path} with {fields:?}");
    });
}

/// As much as a body may hold, in as many fields as fit: read in a moment, and refused or done.
#[tokio::test]
async fn the_largest_forms_cost_little() {
    let (service, id) = service().await;
    let mut browser = Browser::known(&service).await;
    let csrf = browser.csrf().await;
    for (path, field) in [
        ("/projects/default/settings/siem/delete".to_owned(), "id"),
        ("/projects/default/settings/siem/filter".to_owned(), "source"),
        (format!("/projects/default/settings/siem/connections/{id}"), "status"),
        ("/projects".to_owned(), "name"),
    ] {
        let many = format!("csrf={csrf}&{}", format!("{field}=%00&").repeat((1 << 20) / (field.len() + 5) - 20));
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        let answer = browser.send("POST", &path, &headers, many).await;
        assert!(
            answer.status.is_success() || answer.status.is_redirection() || answer.status.is_client_error(),
            "{path}"
        );
        let large = format!("csrf={csrf}&{field}={}", "a".repeat(1 << 20));
        browser.send("POST", &path, &headers, large).await.is(413);
    }
}
