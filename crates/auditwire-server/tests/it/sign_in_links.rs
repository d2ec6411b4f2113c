//! Sign-in links over HTTP.

use auditwire_engine::people;
use axum::body::Body;
use serde_json::json;

use crate::service::{Service, request};

const LINKS: &str = "/api/v1/sign-in-links";

#[tokio::test]
async fn an_operators_token_makes_a_link_under_the_name_it_was_asked_for() {
    let service = Service::start().await;
    let made = service.send("POST", LINKS, &[], Body::empty()).await;
    assert_eq!(made.is(201).header("cache-control"), "no-store");
    let body = made.json();
    assert_eq!(body["expires_at"], "2026-11-22T10:30:00Z");
    let key = body["url"].as_str().and_then(|url| url.strip_prefix("http://127.0.0.1:8080/sign-in/link?key="));
    let key = key.unwrap_or_else(|| panic!("{body}"));
    assert!(people::link_is_valid(&service.engine, key).await.expect("the store answers"));

    service.send("POST", LINKS, &[], Body::empty()).await.is(201);
    let ended = !people::link_is_valid(&service.engine, key).await.expect("the store answers");
    assert!(ended, "the next link ends this one");
    let told = service.get("/api/v1/projects/system/events?order=asc").await.is(200).text();
    assert!(told.contains("console-sign-in-link") && !told.contains(key), "{told}");
}

#[tokio::test]
async fn a_projects_token_makes_none() {
    let service = Service::start().await;
    let token = service.token_with(&["ingest", "read", "configure", "metrics"]).await;
    service.send_as(&token, "POST", LINKS, &[], Body::empty()).await.is_problem(403, "forbidden");
    service.send_as("aw_nobody", "POST", LINKS, &[], Body::empty()).await.is_problem(401, "invalid_token");
    service.post(LINKS, &json!({"account": "operator"})).await.is_problem(400, "unknown_field");
    service.post(LINKS, &json!({})).await.is(201);
    service.get(LINKS).await.is_problem(405, "method_not_allowed");
}

#[tokio::test]
async fn behind_a_proxy_the_link_has_the_proxys_name() {
    let service = Service::with(|settings| {
        settings.behind_proxy = vec!["127.0.0.0/8".parse().expect("a network")];
        settings.hostnames = vec!["audit.example".parse().expect("a name")];
    })
    .await;
    let headers = [("x-forwarded-host", "audit.example"), ("x-forwarded-proto", "https")];
    let made = service.send("POST", LINKS, &headers, Body::empty()).await.is(201).json();
    let url = made["url"].as_str().unwrap_or_default();
    assert!(url.starts_with("https://audit.example/sign-in/link?key="), "{made}");
    let mut odd = request(&service.token, "POST", LINKS, &[], Body::empty());
    odd.headers_mut().insert("host", "127.0.0.1:80 80".parse().expect("a value"));
    service.raw(odd).await.is_problem(400, "invalid_host");
}
