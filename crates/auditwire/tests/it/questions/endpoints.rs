//! What each endpoint promises beyond the language: pages and cursors, limits, ranges, the live tail, the cells of an export,
//! and the preview of a connection beside what is then really sent.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{event, get, post, seqs};
use crate::world::eventually;
use crate::world::service::{Answer, CONNECTIONS, EVENTS, Service};
use crate::world::sink::Sink;

/// A service with `count` events, and what they are, with their `seq`.
async fn filled(count: usize) -> (Service, Vec<Value>) {
    let service = Service::start().await;
    let mut events: Vec<Value> = (0..count).map(event).collect();
    post(&service, &events).await;
    for (seq, event) in (1..).zip(&mut events) {
        event["seq"] = json!(seq);
    }
    (service, events)
}

async fn ask(service: &Service, path: &str, query: &[(&str, &str)]) -> Answer {
    let query = reqwest::Url::parse_with_params("http://x/", query).unwrap();
    service.get(&format!("{EVENTS}{path}?{}", query.query().unwrap_or_default())).await
}

#[tokio::test]
async fn pages_do_not_shift_and_a_cursor_belongs_to_its_query() {
    let (service, _) = filled(250).await;
    let first = get(&service, "", &[]).await;
    assert_eq!(seqs(&first), (151..=250).rev().collect::<Vec<u64>>(), "100 is the default");
    // What comes meanwhile does not shift the next page; the body takes the same cursor.
    post(&service, &(250..260).map(event).collect::<Vec<_>>()).await;
    let cursor = first["next"].as_str().unwrap();
    let again = json!({ "cursor": cursor, "limit": 1000 });
    let rest = service.post(&format!("{EVENTS}/search"), &again).await.expect(200);
    assert_eq!(seqs(&rest), (1..=150).rev().collect::<Vec<u64>>());
    assert_eq!((&rest["next"], &rest["partial"]), (&Value::Null, &json!(false)));
    let oldest = get(&service, "", &[("order", "asc"), ("limit", "3")]).await;
    assert_eq!(seqs(&oldest), [1, 2, 3]);
    let next = oldest["next"].as_str().unwrap();
    assert_eq!(seqs(&get(&service, "", &[("order", "asc"), ("limit", "2"), ("cursor", next)]).await), [4, 5]);

    for other in [("q", "iam"), ("order", "asc"), ("plane", "data"), ("from", "now-1h"), ("to", "now")] {
        let refused = ask(&service, "", &[("cursor", cursor), other]).await.expect(400);
        assert_eq!(refused["code"], "cursor_mismatch", "{other:?}: {refused}");
    }
    ask(&service, "", &[("cursor", "1234")]).await.expect(400);
}

#[tokio::test]
async fn limits_and_names_are_kept() {
    let (service, _) = filled(20).await;
    let wrong = [
        ("", "limit", ["0", "1001", "-1", "many"].as_slice()),
        ("", "order", &["up"]),
        ("", "plane", &["both"]),
        ("", "from", &["yesterday", "2025-03-01T00:00:00"]),
        ("/count", "to", &["soon"]),
        ("/histogram", "buckets", &["0", "501", "x"]),
        ("/facets", "field", &["colour", "source.id OR action"]),
        ("/export", "format", &["xlsx"]),
    ];
    for (path, name, values) in wrong {
        for value in values {
            let refused = ask(&service, path, &[(name, value)]).await;
            assert_eq!((refused.status, &refused.body["field"]), (400, &json!(name)), "{value}: {refused:?}");
        }
    }
    let refused = service.post(&format!("{EVENTS}/search"), &json!({ "limits": 5 })).await.expect(400);
    assert_eq!((&refused["code"], &refused["field"]), (&json!("unknown_field"), &json!("limits")));
    assert_eq!(seqs(&get(&service, "", &[("limit", "1000")]).await).len(), 20);

    let buckets = get(&service, "/histogram", &[]).await["buckets"].as_array().unwrap().len();
    assert_eq!(buckets, 60);
    let nested = |depth: usize| format!("{}action EXIST{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(get(&service, "/count", &[("q", &nested(60))]).await["count"], 20);
    let one = get(&service, "/7", &[]).await;
    assert_eq!(one, get(&service, "", &[("q", "seq = 7")]).await["events"][0]);
    service.get(&format!("{EVENTS}/21")).await.expect(404);
}

#[tokio::test]
async fn ranges_planes_and_facets_are_the_lists() {
    let (service, events) = filled(400).await;
    let time = |n: usize| events[n]["timestamp"].as_str().unwrap();
    // An event of the plane lies on either end; that of the beginning is inside.
    let (from, to) = (time(50), time(90));
    let inside = |e: &Value| (from..to).contains(&e["timestamp"].as_str().unwrap()) && e["plane"] == "data";
    let expected: Vec<&Value> = events.iter().filter(|e| inside(e)).collect();
    assert!(inside(&events[50]) && events[90]["plane"] == "data" && !inside(&events[90]));
    let range = [("from", from), ("to", to), ("plane", "data"), ("limit", "1000")];
    let found = get(&service, "", &range).await;
    assert_eq!(seqs(&found), expected.iter().rev().map(|e| e["seq"].as_u64().unwrap()).collect::<Vec<_>>());
    assert_eq!(get(&service, "/count", &range[..3]).await["count"], expected.len());
    for (field, pointer) in [
        ("severity", "/severity"),
        ("action", "/action"),
        ("subject.user_id", "/subject/user_id"),
        ("service_id", "/resource/metadata/service_id"),
        ("subject.metadata.email", "/subject/metadata/email"),
        ("labels", "/labels"),
    ] {
        let mut expected_values: BTreeMap<&str, u64> = BTreeMap::new();
        for value in expected.iter().filter_map(|e| e.pointer(pointer)) {
            let each = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            each.iter().for_each(|v| *expected_values.entry(v.as_str().unwrap()).or_default() += 1);
        }
        let facets = get(&service, "/facets", &[&range[..3], &[("field", field), ("limit", "1000")]].concat()).await;
        let values = facets["values"].as_array().unwrap();
        let found = values.iter().map(|v| (v["value"].as_str().unwrap(), v["count"].as_u64().unwrap()));
        assert_eq!(found.collect::<BTreeMap<_, _>>(), expected_values, "{field}: {facets}");
        assert!(values.is_sorted_by(|a, b| a["count"].as_u64() >= b["count"].as_u64()), "{field}: {facets}");
    }
}

#[tokio::test]
async fn a_tail_with_a_query_goes_on_where_it_was_and_waits_for_more() {
    let (service, _) = filled(40).await;
    let request = service.request(reqwest::Method::GET, &format!("{EVENTS}/tail"));
    let request = request.query(&[("q", "source.id = nova AND severity >= WARNING")]).header("last-event-id", "9");
    let mut stream = request.send().await.unwrap();
    assert_eq!(
        (stream.status().as_u16(), &stream.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let rule = |e: &Value| e["source"]["id"] == "nova" && super::rank(e) >= 4;
    let expected: Vec<u64> =
        (0..80).filter(|n| rule(&event(*n))).map(|n| n as u64 + 1).filter(|seq| *seq > 9).collect();
    assert!(expected.iter().any(|seq| *seq <= 40) && expected.iter().any(|seq| *seq > 40), "{expected:?}");
    post(&service, &(40..80).map(event).collect::<Vec<_>>()).await;
    let mut text = String::new();
    while text.matches("event: event\n").count() < expected.len() {
        text.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
    }
    let ids: Vec<u64> = text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect();
    assert_eq!(ids, expected);
    for (data, seq) in text.lines().filter_map(|line| line.strip_prefix("data: ")).zip(expected) {
        assert_eq!(serde_json::from_str::<Value>(data).unwrap(), get(&service, &format!("/{seq}"), &[]).await);
    }
}

#[tokio::test]
async fn cells_are_named_and_no_formula_runs_unless_asked() {
    let service = Service::start().await;
    let texts = ["=1+1", "+7", "-7", "@SUM(A1)", "plain"];
    let events = texts.map(|text| json!({ "action": "a", "message": text, "timestamp": "2025-03-01T00:00:00Z" }));
    post(&service, &events).await;
    for (format, separator) in [("csv", ','), ("tsv", '\t')] {
        for (raw, mark) in [("false", "'"), ("true", "")] {
            let asked = [("format", format), ("raw", raw), ("order", "asc"), ("limit", "4"), ("q", "action = a")];
            let answer = ask(&service, "/export", &asked).await;
            let file = answer.body.as_str().unwrap().replace("\r\n", "\n");
            let lines: Vec<Vec<&str>> = file.lines().map(|line| line.split(separator).collect()).collect();
            assert_eq!(lines.len(), 5, "{file}");
            let message = lines[0].iter().position(|name| *name == "message").unwrap();
            assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{file}");
            for (line, text) in lines[1..].iter().zip(texts) {
                assert_eq!(line[message], format!("{mark}{text}"), "{file}");
            }
        }
    }
}

#[tokio::test]
async fn a_preview_tells_what_is_then_sent() {
    let (service, _) = filled(30).await;
    // Of today, beside the thirty of last year.
    let today: Vec<Value> = (30..70)
        .map(|n| {
            let mut event = event(n);
            event.as_object_mut().unwrap().remove("timestamp");
            event
        })
        .collect();
    post(&service, &today).await;
    let sink = Sink::stream(None).await;
    let connection = json!({
        "name": "siem", "endpoint": format!("127.0.0.1:{}", sink.port), "transport": "tcp", "format": "rfc5424",
        "filter": { "kind": "query", "query": "source.id = nova OR source.id = iam" },
    });
    let preview = service.post(&format!("{CONNECTIONS}/preview"), &connection).await.expect(200);
    let passes = |e: &&Value| ["nova", "iam"].iter().any(|id| e["source"]["id"] == *id);
    let matched = today.iter().filter(passes).count();
    assert_eq!(
        (&preview["matched"], &preview["total"], &preview["exact"]),
        (&json!(matched), &json!(40), &json!(true))
    );
    let shown: Vec<&str> =
        preview["messages"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap()).collect();
    assert!(!shown.is_empty());

    let id = service.create(&connection).await;
    let start = json!({ "start": { "from": "2020-01-01T00:00:00Z" } });
    let activation = service.post(&format!("{CONNECTIONS}/{id}/activate"), &start).await.expect(200);
    let all = (0..70).map(event).collect::<Vec<_>>().iter().filter(passes).count();
    assert_eq!(activation["will_send"], all);
    let sent = sink.wait("all that match", |m| m.iter().filter(|m| m.contains(" seq=\"")).count() >= all).await;
    // A message has its delivery number; a preview has none to give.
    let unnumbered = |message: &str| {
        let (before, rest) = message.split_once(" n=\"").unwrap();
        format!("{before} n=\"0{}", &rest[rest.find('"').unwrap()..])
    };
    let sent: Vec<String> = sent.iter().filter(|m| m.contains(" n=\"")).map(|m| unnumbered(m)).collect();
    for message in shown {
        assert!(sent.iter().any(|m| m == message), "{message} is not among {sent:#?}");
    }
    // The events that tell of the connection are the service's own, which the filter keeps back.
    eventually("settled", std::time::Duration::from_secs(20), async || {
        let connection = service.get(&format!("{CONNECTIONS}/{id}")).await.expect(200);
        (connection["delivery"]["backlog"] == 0 && connection["delivery"]["sent"] == all).then_some(())
    })
    .await;
    let wrong = json!({ "filter": { "kind": "query", "query": "sorce.id = nova" } });
    let refused = service.post(&format!("{CONNECTIONS}/preview"), &wrong).await.expect(400);
    assert_eq!((&refused["position"], &refused["suggestion"]), (&json!(0), &json!("source.id")));
}
