//! Count, histogram and facets over HTTP.

use serde_json::json;

use crate::service::{EVENTS, Service};

async fn filled() -> Service {
    let service = Service::start().await;
    let event = |time: &str, severity: &str, source: &str, plane: &str| {
        json!({
            "action": "a", "timestamp": time, "severity": severity, "source": {"id": source}, "plane": plane,
            "labels": ["x", source], "resource": {"metadata": {"service_id": "S", "a b": source}},
        })
    };
    let events = json!([
        event("2026-11-22T08:00:30Z", "INFO", "iam", "control"),
        event("2026-11-22T08:10:00Z", "ERROR", "nova", "control"),
        event("2026-11-22T09:59:59Z", "INFO", "iam", "data"),
    ]);
    service.post(EVENTS, &events).await.is(200);
    service
}

#[tokio::test]
async fn counts() {
    let service = filled().await;
    let cases = [
        ("", 3),
        ("plane=control", 2),
        ("from=2026-11-22T08:10:00Z", 2),
        ("to=2026-11-22T08:10:00Z", 1),
        ("from=now-1m&plane=control&q=", 0),
        ("q=severity%3DINFO", 2),
        ("q=iam&plane=data", 1),
    ];
    for (query, expected) in cases {
        let found = service.get(&format!("{EVENTS}/count?{query}")).await.is(200).json();
        assert_eq!(found, json!({"count": expected, "exact": true}), "{query}");
    }
}

#[tokio::test]
async fn histograms() {
    let service = filled().await;
    let path = format!("{EVENTS}/histogram?from=2026-11-22T08:00:00Z&to=2026-11-22T10:00:00Z&buckets=3");
    let found = service.get(&path).await.is(200).json();
    let expected = json!({"partial": false, "buckets": [
        {"from": "2026-11-22T08:00:00Z", "to": "2026-11-22T08:40:00Z", "counts": {"INFO": 1, "ERROR": 1}},
        {"from": "2026-11-22T08:40:00Z", "to": "2026-11-22T09:20:00Z", "counts": {}},
        {"from": "2026-11-22T09:20:00Z", "to": "2026-11-22T10:00:00Z", "counts": {"INFO": 1}},
    ]});
    assert_eq!(found, expected);
    let whole = service.get(&format!("{EVENTS}/histogram")).await.is(200).json();
    let buckets = whole["buckets"].as_array().expect("buckets");
    assert_eq!(buckets.len(), 60);
    assert_eq!(
        (&buckets[0]["from"], &buckets[59]["to"]),
        (&json!("2026-11-22T08:00:00Z"), &json!("2026-11-22T10:00:00Z"))
    );
}

#[tokio::test]
async fn facets() {
    let service = filled().await;
    let facets = async |query: &str| {
        let found = service.get(&format!("{EVENTS}/facets?{query}")).await.is(200).json();
        let values = found["values"].as_array().expect("values").clone();
        let values: Vec<(String, u64)> = values
            .iter()
            .map(|v| (v["value"].as_str().expect("a text").to_owned(), v["count"].as_u64().expect("a number")))
            .collect();
        (values, found["more"].as_bool().expect("a flag"), found["partial"] == true)
    };
    let pairs = |pairs: &[(&str, u64)]| pairs.iter().map(|(v, n)| ((*v).to_owned(), *n)).collect::<Vec<_>>();
    assert_eq!(facets("field=source.id").await, (pairs(&[("iam", 2), ("nova", 1)]), false, false));
    assert_eq!(facets("field=source.id&limit=1").await, (pairs(&[("iam", 2)]), true, false));
    assert_eq!(facets("field=labels&plane=control").await.0, pairs(&[("x", 2), ("iam", 1), ("nova", 1)]));
    assert_eq!(facets("field=service_id&from=now-1m").await.0, pairs(&[("S", 1)]));
    assert_eq!(facets("field=severity&to=2026-11-22T09:00:00Z").await.0, pairs(&[("ERROR", 1), ("INFO", 1)]));
    assert_eq!(facets("field=subject.user_id").await.0, []);
    assert_eq!(facets("field=resource.metadata.%22a%20b%22&q=iam").await.0, pairs(&[("iam", 2)]));
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let service = filled().await;
    let cases = [
        ("count?q=colour%3Dred", "query_unknown_parameter", "q"),
        ("histogram?q=(", "query_syntax", "q"),
        ("count?order=asc", "unknown_parameter", "order"),
        ("count?from=yesterday", "invalid_time", "from"),
        ("count?plane=both", "invalid_plane", "plane"),
        ("histogram?buckets=0", "invalid_buckets", "buckets"),
        ("histogram?buckets=501", "invalid_buckets", "buckets"),
        ("histogram?buckets=ten", "invalid_buckets", "buckets"),
        ("histogram?from=now&to=now", "invalid_range", "to"),
        ("facets", "invalid_field", "field"),
        ("facets?field=colour", "query_unknown_parameter", "field"),
        ("facets?field=action%20EXIST%20OR%20plane", "invalid_field", "field"),
        ("facets?field=action&limit=0", "invalid_limit", "limit"),
        ("facets?field=action&limit=1001", "invalid_limit", "limit"),
        ("facets?field=action&limit=%2B1", "invalid_limit", "limit"),
    ];
    for (query, code, field) in cases {
        let problem = service.get(&format!("{EVENTS}/{query}")).await.is_problem(400, code);
        assert_eq!(problem["field"], field, "{query}");
    }
    let blind = service.token_with(&["ingest"]).await;
    for path in ["count", "histogram", "facets?field=action"] {
        service.send_as(&blind, "GET", &format!("{EVENTS}/{path}"), &[], "").await.is_problem(403, "forbidden");
    }
    service.get("/api/v1/projects/elsewhere/events/count").await.is_problem(404, "project_not_found");
}
