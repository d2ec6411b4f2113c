//! Tokens over HTTP: the tree, the question before others end, and new secrets.

use axum::body::Body;
use serde_json::{Value, json};

use crate::service::Service;

const TOKENS: &str = "/api/v1/projects/default/tokens";
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// A token made with `by`; its id and secret.
async fn make(service: &Service, by: &str, scopes: &[&str]) -> (String, String) {
    let body = json!({"name": "made", "scopes": scopes}).to_string();
    let made = service.send_as(by, "POST", TOKENS, &JSON, body).await;
    let made = made.is(201).json();
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    (text("id"), text("token"))
}

async fn opens(service: &Service, secret: &str) -> bool {
    service.send_as(secret, "GET", "/api/v1/projects", &[], Body::empty()).await.status.as_u16() == 200
}

#[tokio::test]
async fn a_revocation_asks_what_shall_become_of_the_others() {
    let service = Service::start().await;
    let (root, by_root) = make(&service, &service.token, &["ingest", "configure"]).await;
    let (child, by_child) = make(&service, &by_root, &["ingest", "configure"]).await;
    let (leaf, by_leaf) = make(&service, &by_child, &["ingest"]).await;
    let listed = service.get(TOKENS).await.is(200).json();
    let token = |id: &str| {
        let tokens = listed["tokens"].as_array().expect("a list");
        tokens.iter().find(|token| token["id"] == id).expect("is listed").clone()
    };
    assert_eq!(token(&root)["children"], json!([child]));
    assert_eq!((&token(&child)["parent"], &token(&child)["made_by"]), (&json!(root), &json!(root)));
    assert_eq!(token(&root)["last_used_at"], "2026-11-22T10:00:00Z");
    assert_eq!(token(&leaf)["last_used_at"], Value::Null);

    let at = format!("{TOKENS}/{root}");
    let problem = service.send("DELETE", &at, &[], Body::empty()).await.is_problem(409, "token_has_descendants");
    let named: Vec<_> = problem["descendants"].as_array().expect("a list").iter().map(|token| &token["id"]).collect();
    assert_eq!(named, [&json!(child), &json!(leaf)]);
    assert_eq!(problem["descendants"][1]["scopes"], json!(["ingest"]));
    assert_eq!(problem["descendants"][1]["last_used_at"], Value::Null);
    let wrong = service.send("DELETE", &format!("{at}?descendants=keep"), &[], Body::empty()).await;
    assert_eq!(wrong.is_problem(400, "invalid_value")["field"], "descendants");
    service
        .send("DELETE", &format!("{at}?children=adopt"), &[], Body::empty())
        .await
        .is_problem(400, "unknown_parameter");

    let adopted = service.send("DELETE", &format!("{TOKENS}/{child}?descendants=adopt"), &[], Body::empty()).await;
    adopted.is(204);
    assert!(!opens(&service, &by_child).await && opens(&service, &by_leaf).await);
    service.send("DELETE", &format!("{at}?descendants=revoke"), &[], Body::empty()).await.is(204);
    assert!(!opens(&service, &by_leaf).await);
    assert_eq!(service.get(TOKENS).await.json()["tokens"], json!([]));
}

#[tokio::test]
async fn a_new_secret_for_the_same_token() {
    let service = Service::start().await;
    let (id, old) = make(&service, &service.token, &["ingest"]).await;
    let at = format!("{TOKENS}/{id}/rotate");
    let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
    let rotated = service.send("POST", &at, &headers, r#"{"overlap_seconds":60}"#).await.is(200).json();
    let new = rotated["token"].as_str().expect("a secret").to_owned();
    assert_eq!(rotated["id"], json!(id));
    assert_eq!(rotated["earlier_secrets"], json!([{"until": "2026-11-22T10:01:00Z", "until_used": false}]));
    let again = service.send("POST", &at, &headers, r#"{"overlap_seconds":60}"#).await.is(200).json();
    assert_eq!((&again["id"], &again["token"]), (&json!(id), &Value::Null));
    assert!(opens(&service, &old).await && opens(&service, &new).await);
    service.clock.advance(std::time::Duration::from_secs(60));
    assert!(!opens(&service, &old).await && opens(&service, &new).await);

    let rotate = |body: &'static str| service.send("POST", &at, &JSON, body);
    assert_eq!(
        rotate(r#"{"overlap_seconds":604801}"#).await.is_problem(400, "invalid_overlap")["field"],
        "overlap_seconds"
    );
    rotate(r#"{"overlap_seconds":-1}"#).await.is_problem(400, "invalid_value");
    rotate(r#"{"overlap":1}"#).await.is_problem(400, "unknown_field");
    service.send("POST", &format!("{TOKENS}/t-none/rotate"), &JSON, "{}").await.is_problem(404, "token_not_found");
    // Without a word on it the old one goes on for a day.
    let rotated = service.send("POST", &at, &[], Body::empty()).await.is(200).json();
    assert_eq!(rotated["earlier_secrets"][0]["until"], "2026-11-23T10:01:00Z");
}

#[tokio::test]
async fn the_only_operators_token_is_rotated_without_being_locked_out() {
    let service = Service::start().await;
    let tokens = "/api/v1/projects/system/tokens";
    let listed = service.get(tokens).await.is(200).json();
    let id = listed["tokens"][0]["id"].as_str().expect("an id");
    assert_eq!(listed["tokens"][0]["parent"], Value::Null);
    let at = format!("{tokens}/{id}/rotate");
    let lost = service.send("POST", &at, &JSON, r#"{"overlap_seconds":0}"#).await.is(200).json();
    assert_eq!(lost["earlier_secrets"][0]["until_used"], true);
    service.clock.advance(std::time::Duration::from_secs(3600));
    let rotated = service.send("POST", &at, &JSON, r#"{"overlap_seconds":0}"#).await.is(200).json();
    let new = rotated["token"].as_str().expect("a secret");
    assert!(opens(&service, &service.token).await && opens(&service, new).await);
    assert!(!opens(&service, &service.token).await, "the new one has arrived");
    let removed = service.send_as(new, "DELETE", &format!("{tokens}/{id}"), &[], Body::empty()).await;
    removed.is_problem(409, "last_operator_token");
}
