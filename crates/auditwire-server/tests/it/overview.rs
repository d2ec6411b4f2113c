//! The connections of all projects over HTTP.

use axum::body::Body;
use serde_json::{Value, json};

use crate::service::Service;

const OVERVIEW: &str = "/api/v1/connections";

/// A project with a connection of this name.
async fn project(service: &Service, id: &str, name: &str, connection: &str) {
    service.post("/api/v1/projects", &json!({"id": id, "name": name})).await.is(201);
    let body = json!({"name": connection, "endpoint": "127.0.0.1:9", "transport": "tcp"});
    service.post(&format!("/api/v1/projects/{id}/connections"), &body).await.is(201);
}

fn names(page: &Value) -> Vec<&str> {
    page["connections"].as_array().expect("a list").iter().filter_map(|row| row["name"].as_str()).collect()
}

#[tokio::test]
async fn every_project_is_on_one_page_with_its_connections_whole() {
    let service = Service::start().await;
    for (id, name) in [("b", "Bank"), ("a", "Airport"), ("c", "Clinic")] {
        project(&service, id, name, &format!("siem of {id}")).await;
    }
    let page = service.get(OVERVIEW).await.is(200).json();
    assert_eq!(names(&page), ["siem of a", "siem of b", "siem of c"]);
    assert_eq!(page["totals"], json!({"failing": 0, "degraded": 0, "active": 0, "inactive": 3}));
    assert_eq!((&page["matched"], &page["next"]), (&json!(3), &Value::Null));
    let (row, own) = (&page["connections"][1], service.get("/api/v1/projects/b/connections").await.is(200).json());
    assert_eq!(row["project"], json!({"id": "b", "name": "Bank"}));
    let mut row = row.clone();
    row.as_object_mut().expect("an object").remove("project");
    assert_eq!(row, own["connections"][0], "the same object as in its project");
    assert!(row["delivery"].as_object().expect("counters").contains_key("oldest_unacknowledged_ms"));

    let first = service.get(&format!("{OVERVIEW}?limit=2")).await.is(200).json();
    assert_eq!((names(&first), &first["matched"]), (vec!["siem of a", "siem of b"], &json!(3)));
    let cursor = first["next"].as_str().expect("there is more");
    let second = service.get(&format!("{OVERVIEW}?limit=2&cursor={cursor}")).await.is(200).json();
    assert_eq!((names(&second), &second["next"]), (vec!["siem of c"], &Value::Null));
    let found = service.get(&format!("{OVERVIEW}?text=CLIN&status=inactive,failing")).await.is(200).json();
    assert_eq!((names(&found), &found["totals"]["inactive"]), (vec!["siem of c"], &json!(3)));
}

#[tokio::test]
async fn a_project_s_token_does_not_see_it_and_mistakes_are_told() {
    let service = Service::start().await;
    let token = service.token_with(&["ingest", "read", "configure", "metrics"]).await;
    service.send_as(&token, "GET", OVERVIEW, &[], Body::empty()).await.is_problem(403, "forbidden");
    service.send_as("aw_nobody", "GET", OVERVIEW, &[], Body::empty()).await.is(401);
    for (query, code) in [
        ("status=broken", "invalid_status"),
        ("limit=0", "invalid_limit"),
        ("limit=201", "invalid_limit"),
        ("limit=x", "invalid_limit"),
        ("cursor=10..x.6", "invalid_cursor"),
        ("page=2", "unknown_parameter"),
    ] {
        service.get(&format!("{OVERVIEW}?{query}")).await.is_problem(400, code);
    }
    let long = "x".repeat(257);
    service.get(&format!("{OVERVIEW}?text={long}")).await.is_problem(400, "invalid_text");
}
