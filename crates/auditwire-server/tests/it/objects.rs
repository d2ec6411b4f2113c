//! Projects and tokens over HTTP.

use axum::body::Body;
use serde_json::{Value, json};

use crate::service::{EVENTS, Service};

const PROJECTS: &str = "/api/v1/projects";
const TOKENS: &str = "/api/v1/projects/default/tokens";
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn projects_are_listed_and_created() {
    let service = Service::start().await;
    let made = service.post(PROJECTS, &json!({"id": "web", "name": "Web shop"})).await;
    assert_eq!(made.is(201).header("location"), "/api/v1/projects/web");
    assert_eq!(made.json()["name"], "Web shop");
    let list = service.get(PROJECTS).await.is(200).json();
    let ids: Vec<_> = list["projects"].as_array().expect("projects").iter().map(|p| p["id"].clone()).collect();
    assert!(ids.contains(&json!("default")) && ids.contains(&json!("web")), "{list}");
    service.post("/api/v1/projects/web/events", &json!({"action": "a"})).await.is(200);

    service.post(PROJECTS, &json!({"id": "web", "name": "Again"})).await.is_problem(409, "project_exists");
    service.post(PROJECTS, &json!({"id": "No!", "name": "x"})).await.is_problem(400, "invalid_id");
    service.post(PROJECTS, &json!({"name": ""})).await.is_problem(400, "invalid_name");
    service.post(PROJECTS, &json!({"id": "x"})).await.is_problem(400, "missing_field");
    service.post(PROJECTS, &json!({"name": "x", "color": 1})).await.is_problem(400, "unknown_field");
    let token = service.token_with(&["configure", "read"]).await;
    let refused = service.send_as(&token, "POST", PROJECTS, &[JSON], r#"{"name":"x"}"#).await;
    refused.is_problem(403, "forbidden");
    let own = service.send_as(&token, "GET", PROJECTS, &[], Body::empty()).await.is(200).json();
    assert_eq!(own["projects"].as_array().map(Vec::len), Some(1), "{own}");
}

#[tokio::test]
async fn a_repeated_creation_gives_the_same_project() {
    let service = Service::start().await;
    let headers = [JSON, ("idempotency-key", "k")];
    let first = service.send("POST", PROJECTS, &headers, r#"{"name":"x"}"#).await.is(201).json();
    let second = service.send("POST", PROJECTS, &headers, r#"{"name":"x"}"#).await.is(201).json();
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_token_is_shown_once_works_and_is_revoked_at_once() {
    let service = Service::start().await;
    let body = json!({"name": "shipper", "scopes": ["ingest"], "sources": ["iam"]});
    let made = service.post(TOKENS, &body).await;
    let object = made.is(201).json();
    let secret = object["token"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("aw_"));
    let id = object["id"].as_str().expect("an id").to_owned();
    assert_eq!(made.header("location"), format!("{TOKENS}/{id}"));
    let listed = service.get(TOKENS).await;
    assert!(!listed.is(200).text().contains(&secret));
    assert_eq!(listed.json()["tokens"][0]["scopes"], json!(["ingest"]));

    let send = async |source: &str| {
        let event = json!({"action": "a", "source": {"id": source}}).to_string();
        service.send_as(&secret, "POST", EVENTS, &[JSON], event).await
    };
    assert_eq!(send("iam").await.is(200).json()["accepted"], 1);
    assert_eq!(send("nova").await.is(200).json()["rejected"][0]["code"], "source_not_allowed");
    service.send_as(&secret, "GET", EVENTS, &[], Body::empty()).await.is_problem(403, "forbidden");
    let elsewhere = "/api/v1/projects/system/events";
    service.send_as(&secret, "POST", elsewhere, &[JSON], "{}").await.is_problem(404, "project_not_found");

    service.send("DELETE", &format!("{TOKENS}/{id}"), &[], Body::empty()).await.is(204);
    send("iam").await.is_problem(401, "invalid_token");
    for gone in [id.as_str(), "Nobody!", "nobody"] {
        let path = format!("{TOKENS}/{}", gone.replace('!', "%21"));
        service.send("DELETE", &path, &[], Body::empty()).await.is_problem(404, "token_not_found");
    }
}

#[tokio::test]
async fn wrong_tokens_have_codes() {
    let service = Service::start().await;
    let cases = [
        (json!({"name": "x", "scopes": []}), "invalid_scopes"),
        (json!({"name": "", "scopes": ["read"]}), "invalid_name"),
        (json!({"name": "x", "scopes": ["root"]}), "invalid_value"),
        (json!({"name": "x", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}), "invalid_expiry"),
        (json!({"name": "x", "scopes": ["read"], "expires_at": "soon"}), "invalid_value"),
        (json!({"name": "x", "scopes": ["read"], "admin": true}), "unknown_field"),
        (json!({"scopes": ["read"]}), "missing_field"),
    ];
    for (body, code) in cases {
        service.post(TOKENS, &body).await.is_problem(400, code);
    }
    let headers = [JSON, ("idempotency-key", "k")];
    let body = json!({"name": "x", "scopes": ["read"]}).to_string();
    let first = service.send("POST", TOKENS, &headers, body.clone()).await.is(201).json();
    let second = service.send("POST", TOKENS, &headers, body).await.is(201).json();
    assert_eq!(first["id"], second["id"]);
    assert_eq!(second.get("token"), None::<&Value>);
}
