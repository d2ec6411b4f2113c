//! Full exports over HTTP.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::service::{EVENTS, Service, request};

async fn filled() -> Service {
    let service = Service::start().await;
    let events = json!([
        {"action": "a", "message": "=1+1", "source": {"id": "iam"}},
        {"action": "b", "message": "two,\n2", "source": {"id": "nova"}, "plane": "data"},
    ]);
    service.post(EVENTS, &events).await.is(200);
    service
}

#[tokio::test]
async fn files_come_with_their_name_and_kind() {
    let service = filled().await;
    let cases = [
        ("tsv", "text/tab-separated-values; charset=utf-8"),
        ("csv", "text/csv; charset=utf-8; header=present"),
        ("jsonl", "application/x-ndjson"),
        ("parquet", "application/vnd.apache.parquet"),
    ];
    for (format, kind) in cases {
        let answer = service.get(&format!("{EVENTS}/export?format={format}&q=source.id=iam")).await;
        answer.is(200);
        assert_eq!(answer.header("content-type"), kind);
        let name = format!("attachment; filename=\"events-default-20261122T100000Z.{format}\"");
        assert_eq!(answer.header("content-disposition"), name);
        assert_eq!((answer.header("x-export-events"), answer.header("x-export-events-exact")), ("1", "true"));
        assert!(!answer.body.is_empty());
    }
    let lines = service.get(&format!("{EVENTS}/export?format=jsonl&order=asc&to=now%2B0s&q=")).await;
    lines.is_problem(400, "invalid_time");
    let lines = service.get(&format!("{EVENTS}/export?format=jsonl&order=asc&limit=2")).await.is(200).text();
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
    assert_eq!(events[0], service.get(&format!("{EVENTS}/1")).await.json());
    assert_eq!((events.len(), &events[1]["seq"]), (2, &json!(2)));
    let csv = service.get(&format!("{EVENTS}/export?format=csv&plane=control&q=source.id=iam&raw=true")).await.text();
    assert!(csv.contains(",=1+1,"), "{csv}");
    let csv = service.get(&format!("{EVENTS}/export?format=csv&q=source.id=iam&raw=false")).await.text();
    assert!(csv.contains(",'=1+1,"), "{csv}");
}

#[tokio::test]
async fn wrong_parameters_are_named_and_nothing_is_told() {
    let service = filled().await;
    let cases = [
        ("", "invalid_format", "format"),
        ("format=xlsx", "invalid_format", "format"),
        ("format=csv&raw=yes", "invalid_value", "raw"),
        ("format=csv&limit=0", "invalid_limit", "limit"),
        ("format=csv&limit=many", "invalid_limit", "limit"),
        ("format=csv&order=up", "invalid_order", "order"),
        ("format=csv&q=(", "query_syntax", "q"),
        ("format=csv&cursor=x", "unknown_parameter", "cursor"),
    ];
    for (query, code, field) in cases {
        let problem = service.get(&format!("{EVENTS}/export?{query}")).await.is_problem(400, code);
        assert_eq!(problem["field"], field, "{query}");
    }
    let blind = service.token_with(&["ingest"]).await;
    service.send_as(&blind, "GET", &format!("{EVENTS}/export?format=csv"), &[], "").await.is_problem(403, "forbidden");
    let found = service.get(&format!("{EVENTS}/count?q=action:export")).await.json();
    assert_eq!(found["count"], 0);
}

#[tokio::test]
async fn exports_at_once_are_limited() {
    let service = Service::start().await;
    for n in 0..5 {
        service.fill(n * 10_000 + 1, (n + 1) * 10_000).await;
    }
    let begin = async || {
        let path = format!("{EVENTS}/export?format=jsonl");
        let request = request(&service.token, "GET", &path, &[], Body::empty());
        service.router.clone().oneshot(request).await.expect("infallible")
    };
    let mut under_way = Vec::new();
    for _ in 0..4 {
        let response = begin().await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-export-events-exact"]),
            (200, &"true".parse().expect("a value"))
        );
        under_way.push(response.into_body().into_data_stream());
    }
    service.get(&format!("{EVENTS}/export?format=csv")).await.is_problem(429, "too_many_exports");
    assert!(under_way[0].next().await.expect("a piece").is_ok());
    // Whoever hangs up gives the place back.
    drop(under_way);
    let free = async {
        while begin().await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), free).await.expect("a free place");
}
