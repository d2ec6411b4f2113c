//! Events out: pages both ways, cursors, one event.

use serde_json::{Value, json};

use crate::service::{EVENTS, NOW, Service};

fn seqs(page: &Value) -> Vec<u64> {
    page["events"].as_array().expect("events").iter().map(|e| e["seq"].as_u64().expect("a seq")).collect()
}

/// All pages of a question; `between` runs after each.
async fn all_pages(service: &Service, query: &str, mut between: impl AsyncFnMut(usize)) -> Vec<u64> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    for n in 0..100 {
        let page = service.get(&format!("{EVENTS}?{query}&cursor={cursor}")).await.is(200).json();
        assert_eq!(page["partial"], false);
        all.extend(seqs(&page));
        let Some(next) = page["next"].as_str() else { return all };
        cursor = next.to_owned();
        between(n).await;
    }
    panic!("the pages do not end");
}

#[tokio::test]
async fn an_event_comes_back_in_the_nested_form() {
    let service = Service::start().await;
    let event = json!({
        "event_id": "e1", "action": "create-vm", "severity": "warn", "message": "made \"it\"\n",
        "timestamp": "2026-11-22T12:00:00+03:00", "source": {"id": "nova", "address": "192.0.2.1"},
        "subject": {"user_id": "u", "metadata": {"name": "Ада"}}, "resource": {"id": "r", "metadata": {"a": {"b": 1}}},
        "status": {"code": "403"}, "labels": ["x"], "colour": "blue",
    });
    service.post(EVENTS, &event).await.is(200);
    let one = service.get(&format!("{EVENTS}/1")).await.is(200).json();
    let list = service.get(EVENTS).await.is(200).json();
    assert_eq!(list["events"][0], one);
    assert_eq!(list["next"], Value::Null);
    assert_eq!(one["seq"], 1);
    assert_eq!(one["timestamp"], "2026-11-22T09:00:00Z");
    assert_eq!(one["received_at"], NOW);
    assert_eq!(one["severity"], "WARNING");
    assert_eq!(one["plane"], "control");
    assert_eq!(one["outcome"], "failure");
    assert_eq!(one["subject"]["metadata"]["name"], "Ада");
    assert_eq!(one["resource"]["metadata"], json!({"a.b": "1", "x_colour": "blue"}));
    assert_eq!(one["labels"], json!(["x"]));
}

#[tokio::test]
async fn pages_go_both_ways_and_new_events_never_shift_them() {
    let service = Service::start().await;
    service.fill(1, 25).await;
    let down = all_pages(&service, "limit=10", async |n| {
        service.fill(100 * (n as u64 + 1), 100 * (n as u64 + 1) + 4).await;
    });
    assert_eq!(down.await, (1..=25).rev().collect::<Vec<_>>());
    // Going up, what comes meanwhile is at the end and is seen.
    let up = all_pages(&service, "limit=10&order=asc", async |n| {
        if n == 0 {
            service.fill(1000, 1004).await;
        }
    });
    assert_eq!(up.await, (1..=40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_page_that_is_just_full_ends_without_a_cursor() {
    let service = Service::start().await;
    service.fill(1, 10).await;
    for order in ["asc", "desc"] {
        let page = service.get(&format!("{EVENTS}?limit=10&order={order}")).await.is(200).json();
        assert_eq!((seqs(&page).len(), &page["next"]), (10, &Value::Null), "{order}");
    }
}

#[tokio::test]
async fn large_pages_come_in_pieces_that_fit_together() {
    let service = Service::start().await;
    let events: Vec<Value> =
        (0..200).map(|n| json!({"action": "a", "message": format!("{n}{}", "x".repeat(4000))})).collect();
    service.post(EVENTS, &Value::from(events)).await.is(200);
    let page = service.get(&format!("{EVENTS}?limit=1000")).await.is(200).json();
    assert_eq!(seqs(&page), (1..=200).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn time_and_plane_select() {
    let service = Service::start().await;
    let at = |time: &str, plane: &str| json!({"action": "a", "timestamp": time, "plane": plane});
    let batch = json!([
        at("2026-11-22T08:00:00Z", "control"),
        at("2026-11-22T09:00:00Z", "data"),
        at("2026-11-22T09:59:00Z", "control"),
    ]);
    service.post(EVENTS, &batch).await.is(200);
    let cases = [
        ("from=2026-11-22T09:00:00Z", vec![3, 2]),
        ("to=2026-11-22T09:00:00Z", vec![1]),
        ("from=2026-11-22T08:00:00Z&to=2026-11-22T09:59:00Z", vec![2, 1]),
        ("from=2026-11-22T12:00:00%2B03:00", vec![3, 2]),
        ("from=now-1m", vec![3]),
        ("from=now-1h&to=now", vec![3, 2]),
        ("plane=data", vec![2]),
        ("plane=control&order=asc&from=&q=", vec![1, 3]),
        ("from=now", vec![]),
        ("q=plane%20%3D%20data%20OR%20seq%20%3D%201", vec![2, 1]),
        ("q=timestamp%20%3E%3D%20now-1m&plane=control", vec![3]),
        ("q=a", vec![3, 2, 1]),
        ("q=nothing", vec![]),
    ];
    for (query, expected) in cases {
        assert_eq!(seqs(&service.get(&format!("{EVENTS}?{query}")).await.is(200).json()), expected, "{query}");
    }
}

#[tokio::test]
async fn relative_times_mean_the_same_on_every_page() {
    let service = Service::start().await;
    service.fill(1, 5).await;
    let first = service.get(&format!("{EVENTS}?from=now-1m&limit=3")).await.is(200).json();
    service.clock.advance(std::time::Duration::from_secs(3600));
    let cursor = first["next"].as_str().expect("a cursor");
    let second = service.get(&format!("{EVENTS}?from=now-1m&limit=3&cursor={cursor}")).await.is(200).json();
    assert_eq!(seqs(&second), [2, 1]);
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let service = Service::start().await;
    service.fill(1, 5).await;
    let first = service.get(&format!("{EVENTS}?limit=2")).await.is(200).json();
    let cursor = first["next"].as_str().expect("a cursor");
    let cases = [
        ("form=now".to_owned(), "unknown_parameter", "form"),
        ("limit=1&limit=2".to_owned(), "duplicate_parameter", "limit"),
        ("limit=0".to_owned(), "invalid_limit", "limit"),
        ("order=up".to_owned(), "invalid_order", "order"),
        ("plane=both".to_owned(), "invalid_plane", "plane"),
        ("from=yesterday".to_owned(), "invalid_time", "from"),
        ("to=2026-11-22T10:00:00".to_owned(), "invalid_time", "to"),
        ("cursor=abc".to_owned(), "invalid_cursor", "cursor"),
        (format!("order=asc&cursor={cursor}"), "cursor_mismatch", "cursor"),
        ("q=severity%3E".to_owned(), "query_syntax", "q"),
    ];
    for (query, code, field) in cases {
        let problem = service.get(&format!("{EVENTS}?{query}")).await.is_problem(400, code);
        assert_eq!(problem["field"], field, "{query}");
    }
}

#[tokio::test]
async fn a_wrong_query_is_explained() {
    let service = Service::start().await;
    // Positions are code points of the decoded text: the Cyrillic letters count one each.
    let q = "q=%D0%B2%D1%85%D0%BE%D0%B4%20AND%20adress%20%3D%20x";
    for path in [format!("{EVENTS}?{q}"), format!("{EVENTS}/tail?{q}")] {
        let problem = service.get(&path).await.is_problem(400, "query_unknown_parameter");
        assert_eq!((&problem["position"], &problem["length"]), (&json!(9), &json!(6)), "{problem}");
        assert_eq!((&problem["suggestion"], &problem["field"]), (&json!("subject.address"), &json!("q")), "{problem}");
        assert_eq!(problem["expected"], json!(["a parameter"]), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|d| d.contains("did you mean subject.address?")), "{problem}");
    }
    let problem = service.get(&format!("{EVENTS}?q=a%20AND")).await.is_problem(400, "query_syntax");
    assert_eq!(
        (&problem["position"], &problem["length"], &problem["suggestion"]),
        (&json!(5), &json!(0), &json!(null))
    );
    assert!(problem.as_object().is_some_and(|fields| fields.contains_key("suggestion")), "{problem}");
    let other = service.get(&format!("{EVENTS}?limit=0")).await.is_problem(400, "invalid_limit");
    assert!(other.get("position").is_none() && other.get("suggestion").is_none(), "{other}");
}

#[tokio::test]
async fn a_search_by_body_is_the_search_by_parameters() {
    let service = Service::start().await;
    service.fill(1, 7).await;
    let search = format!("{EVENTS}/search");
    let first = service.post(&search, &json!({"q": "seq >= 2", "order": "asc", "limit": 3, "from": null})).await;
    let first = first.is(200).json();
    assert_eq!(seqs(&first), [2, 3, 4]);
    let (by_parameters, cursor) = (format!("{EVENTS}?q=seq%20%3E%3D%202&order=asc&limit=3"), &first["next"]);
    assert_eq!(service.get(&by_parameters).await.is(200).json(), first);
    let body = json!({"q": "seq >= 2", "order": "asc", "cursor": cursor, "plane": ""});
    let second = service.post(&search, &body).await.is(200).json();
    assert_eq!((seqs(&second), &second["next"]), (vec![5, 6, 7], &Value::Null));
    // A query may be longer than an address.
    let long = vec!["seq = 1"; 1200].join(" OR ");
    assert_eq!(seqs(&service.post(&search, &json!({"q": long})).await.is(200).json()), [1]);
    let all = service.send("POST", &search, &[], axum::body::Body::empty()).await;
    assert_eq!(seqs(&all.is(200).json()).len(), 7);
    for (body, code, field) in [
        (json!({"query": "x"}), "unknown_field", "query"),
        (json!({"q": "actoin = x"}), "query_unknown_parameter", "q"),
        (json!({"q": "a ".repeat(9000)}), "query_too_long", "q"),
        (json!({"limit": 0}), "invalid_limit", "limit"),
        (json!({"limit": 1001}), "invalid_limit", "limit"),
        (json!({"order": "up"}), "invalid_order", "order"),
        (json!({"to": "yesterday"}), "invalid_time", "to"),
        (json!({"cursor": cursor}), "cursor_mismatch", "cursor"),
    ] {
        let problem = service.post(&search, &body).await.is_problem(400, code);
        assert_eq!(problem["field"], field, "{problem}");
    }
    service.post(&search, &json!({"q": 1})).await.is_problem(400, "invalid_value");
    service.get(&search).await.is_problem(405, "method_not_allowed");
}

#[tokio::test]
async fn one_event_or_none() {
    let service = Service::start().await;
    service.fill(1, 1).await;
    service.get(&format!("{EVENTS}/1")).await.is(200);
    for seq in ["0", "2", "+1", "abc", "99999999999999999999"] {
        service.get(&format!("{EVENTS}/{seq}")).await.is_problem(404, "event_not_found");
    }
    for path in ["events", "events/1", "connections", "tokens", "events/tail"] {
        service.get(&format!("/api/v1/projects/elsewhere/{path}")).await.is_problem(404, "project_not_found");
    }
    service.get("/api/v1/projects/No%20Project/events").await.is_problem(404, "project_not_found");
}
