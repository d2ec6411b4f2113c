//! How long events are kept, over HTTP: the floor, the reduction that waits, and the quota.

use std::time::Duration;

use auditwire_engine::{Settings, alerts};
use axum::body::Body;
use serde_json::{Value, json};

use crate::service::{Answer, Service};

pub(crate) const RETENTION: &str = "/api/v1/projects/default/retention";
const PENDING: &str = "/api/v1/projects/default/retention/pending";
const ALERTS: &str = "/api/v1/projects/default/alerts";

async fn put(service: &Service, body: Value) -> Answer {
    service.send("PUT", RETENTION, &[("content-type", "application/json")], body.to_string()).await
}

#[tokio::test]
async fn a_reduction_waits_is_an_alert_and_can_be_cancelled() {
    let service = Service::start().await;
    let before = service.get(RETENTION).await.is(200).json();
    assert_eq!(before["floor"], json!({ "days": 7, "bytes": null }));
    assert_eq!((&before["days"], &before["pending"]), (&json!(365), &Value::Null));
    let waits = put(&service, json!({ "days": 30, "bytes": 1_048_576 })).await.is(200).json();
    assert_eq!((&waits["days"], &waits["bytes"]), (&json!(365), &Value::Null), "what holds stays");
    assert_eq!(waits["pending"], json!({ "days": 30, "bytes": 1_048_576, "at": "2026-11-25T10:00:00Z" }));
    alerts::round(&service.engine).await.expect("looks");
    let standing = service.get(ALERTS).await.is(200).json();
    let alert = &standing["alerts"][0];
    assert_eq!((&alert["kind"], &alert["connection"]), (&json!("retention_reduction"), &Value::Null));
    assert!(alert["message"].as_str().is_some_and(|text| text.contains("for 30 days")), "{alert}");
    service.send("DELETE", PENDING, &[], Body::empty()).await.is(204);
    service.send("DELETE", PENDING, &[], Body::empty()).await.is_problem(404, "no_reduction_pending");
    assert_eq!(service.get(RETENTION).await.is(200).json(), before);
    let raised = put(&service, json!({ "days": null })).await.is(200).json();
    assert_eq!((&raised["days"], &raised["pending"]), (&Value::Null, &Value::Null));
    let again = put(&service, json!({ "days": 30 })).await.is(200).json();
    assert_eq!(again["pending"]["days"], 30);
    service.clock.advance(Duration::from_secs(72 * 3600));
    service.engine.log.seal_now().await.expect("a round");
    let made = service.get(RETENTION).await.is(200).json();
    assert_eq!((&made["days"], &made["pending"]), (&json!(30), &Value::Null));
}

#[tokio::test]
async fn a_project_that_has_used_up_its_quota_is_refused_alone() {
    let quota = |settings: &mut Settings| settings.log.quota.bytes_per_day = Some(2_000);
    let service = Service::with_both(quota, |_| {}).await;
    service.post("/api/v1/projects", &json!({ "id": "other", "name": "Other" })).await.is(201);
    let send = async |project: &str| {
        let body = json!({ "action": "a", "message": "x".repeat(1_500) });
        service.post(&format!("/api/v1/projects/{project}/events"), &body).await
    };
    send("default").await.is(200);
    send("default").await.is(200);
    let refused = send("default").await;
    let problem = refused.is_problem(429, "project_quota");
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("2000 bytes a day")), "{problem}");
    assert_eq!(refused.header("retry-after"), "86400", "it is 10:00: tomorrow at 10:00 this hour is over");
    send("other").await.is(200);
    service.token_with(&["read"]).await;
    put(&service, json!({ "days": 400 })).await.is(200);
    alerts::round(&service.engine).await.expect("looks");
    let standing = service.get(ALERTS).await.is(200).json();
    assert_eq!(standing["alerts"][0]["kind"], "project_quota", "{standing}");
    let metrics = service.get("/metrics").await.is(200).text();
    assert!(metrics.contains("auditwire_quota_refused_batches{project=\"default\"} 1"), "{metrics}");
    assert!(metrics.contains("auditwire_quota_refused_batches{project=\"other\"} 0"), "{metrics}");
    service.clock.advance(Duration::from_secs(86_400));
    send("default").await.is(200);
    alerts::round(&service.engine).await.expect("looks");
    assert_eq!(service.get(ALERTS).await.is(200).json()["alerts"], json!([]));
}

#[tokio::test]
async fn the_operator_finds_what_was_done_in_a_project_and_its_tenant_does_not_find_others() {
    let service = Service::start().await;
    put(&service, json!({ "days": 400 })).await.is(200);
    let ask = async |token: &str, project: &str, q: &str| {
        let body = json!({ "q": q }).to_string();
        let path = format!("/api/v1/projects/{project}/events/search");
        service.send_as(token, "POST", &path, &[("content-type", "application/json")], body).await
    };
    let copies = "source.id = auditwire AND resource.metadata.project = default AND action = retention-update";
    let found = ask(&service.token, "system", copies).await.is(200).json();
    let own = ask(&service.token, "default", "source.id = auditwire").await.is(200).json();
    assert_eq!(found["events"][0]["event_id"], own["events"][0]["event_id"]);
    assert_eq!(found["events"][0]["resource"]["metadata"]["project"], "default");
    assert_eq!(own["events"][0]["resource"]["metadata"]["project"], Value::Null);
    let tenant = service.token_with(&["read", "configure"]).await;
    ask(&tenant, "system", copies).await.is_problem(404, "project_not_found");
}

#[tokio::test]
async fn what_is_below_the_floor_is_refused_and_the_floor_named() {
    let service = Service::start().await;
    let refused = put(&service, json!({ "days": 6 })).await.is_problem(400, "retention_below_floor");
    assert_eq!(refused["field"], "days");
    assert!(refused["detail"].as_str().is_some_and(|text| text.contains("at least 7 days")), "{refused}");
    put(&service, json!({ "floor": 1 })).await.is_problem(400, "unknown_field");
    let reader = service.token_with(&["read"]).await;
    let send = async |method, path| service.send_as(&reader, method, path, &[], Body::empty()).await;
    send("DELETE", PENDING).await.is_problem(403, "forbidden");
    send("GET", RETENTION).await.is(200);
    send("DELETE", "/api/v1/projects/system/retention/pending").await.is_problem(404, "project_not_found");
}
