//! Connections over HTTP: shapes, conditions, conflicts.

use axum::body::Body;
use serde_json::{Value, json};

use crate::service::Service;

const CONNECTIONS: &str = "/api/v1/projects/default/connections";
const JSON: (&str, &str) = ("content-type", "application/json");

fn plain(name: &str, port: u16) -> Value {
    json!({"name": name, "endpoint": format!("127.0.0.1:{port}"), "transport": "tcp", "format": "rfc5424", "framing": "lf"})
}

/// A port of loopback on which nobody listens: it was just free.
fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    listener.local_addr().expect("an address").port()
}

#[tokio::test]
async fn an_object_is_created_read_replaced_and_deleted() {
    let service = Service::start().await;
    let created = service.post(CONNECTIONS, &plain("main", 514)).await;
    let object = created.is(201).json();
    let location = created.header("location").to_owned();
    assert_eq!(location, format!("{CONNECTIONS}/{}", object["id"].as_str().expect("an id")));
    assert_eq!(created.header("etag"), "\"1\"");
    assert_eq!(object["status"], "inactive");
    assert_eq!(object["options"]["facility"], 13);
    assert_eq!(object["filter"]["kind"], "none");
    assert_eq!(object["delivery"]["last_error"], Value::Null);
    assert!(object.get("tls").is_none(), "{object}");

    let read = service.get(&location).await;
    assert_eq!(read.is(200).json(), object);
    let known = service.send("GET", &location, &[("if-none-match", "\"1\"")], Body::empty()).await;
    assert!(known.is(304).body.is_empty());

    // What was read can be edited and sent back.
    let mut edited = object.clone();
    edited["name"] = "second".into();
    let put = service.send("PUT", &location, &[JSON, ("if-match", "\"1\"")], edited.to_string()).await;
    assert_eq!((put.is(200).header("etag"), put.json()["revision"].clone()), ("\"2\"", json!(2)));
    let stale = service.send("PUT", &location, &[JSON, ("if-match", "\"1\"")], edited.to_string()).await;
    stale.is_problem(412, "stale");
    let stale = service.send("DELETE", &location, &[("if-match", "\"1\"")], Body::empty()).await;
    stale.is_problem(412, "stale");
    service.send("PUT", &location, &[JSON, ("if-match", "*")], edited.to_string()).await.is(200);
    let list = service.get(CONNECTIONS).await.is(200).json();
    assert_eq!(list["connections"][0]["name"], "second");

    let gone = service.send("DELETE", &location, &[], Body::empty()).await;
    assert!(gone.is(204).body.is_empty());
    service.get(&location).await.is_problem(404, "connection_not_found");
    service.send("DELETE", &location, &[], Body::empty()).await.is_problem(404, "connection_not_found");
}

#[tokio::test]
async fn a_name_in_another_script_is_shown_in_both_ways_and_can_be_sent_back() {
    let service = Service::start().await;
    let made =
        service.post(CONNECTIONS, &json!({"name": "a", "endpoint": "Сервер.рф:514", "receiver": "rsyslog"})).await;
    let object = made.is(201).json();
    let (endpoint, written) = (&object["endpoint"], &object["endpoint_unicode"]);
    assert_eq!((endpoint, written), (&json!("xn--b1afb6bcb.xn--p1ai:514"), &json!("сервер.рф:514")));
    let put = service.send("PUT", made.header("location"), &[JSON, ("if-match", "\"1\"")], object.to_string()).await;
    assert_eq!(put.is(200).json()["endpoint_unicode"], "сервер.рф:514");
}

#[tokio::test]
async fn several_are_deleted_at_once() {
    let service = Service::start().await;
    let mut ids = Vec::new();
    for n in 0..2 {
        let made = service.post(CONNECTIONS, &plain(&format!("c{n}"), 514)).await.is(201).json();
        ids.push(made["id"].as_str().expect("an id").to_owned());
    }
    let wanted = json!({"ids": [ids[0], "nobody", ids[1]]});
    let mut answer = service.post(&format!("{CONNECTIONS}/delete"), &wanted).await.is(200).json();
    // The order of the deleted is not promised.
    ids.sort();
    answer["deleted"].as_array_mut().expect("ids").sort_by_key(|id| id.to_string());
    assert_eq!(answer, json!({"deleted": ids, "not_found": ["nobody"]}));
    let unknown = service.post(&format!("{CONNECTIONS}/delete"), &json!({"ids": [], "all": true})).await;
    unknown.is_problem(400, "unknown_field");
}

#[tokio::test]
async fn wrong_bodies_have_codes_and_fields() {
    let service = Service::start().await;
    let with = |field: &str, value: Value| {
        let mut body = plain("main", 514);
        body[field] = value;
        body
    };
    let cases = [
        (with("colour", json!(1)), "unknown_field"),
        (with("endpoint", json!("siem")), "invalid_endpoint"),
        (with("name", json!("")), "invalid_name"),
        (with("transport", json!("carrier-pigeon")), "invalid_transport"),
        (with("format", json!("syslog")), "invalid_format"),
        (with("filter", json!({"kind": "query", "query": "a=b"})), "query_unknown_parameter"),
        (with("filter", json!({"kind": "query"})), "missing_field"),
    ];
    for (body, code) in cases {
        let problem = service.post(CONNECTIONS, &body).await.is_problem(400, code);
        assert!(problem["field"].is_string(), "{problem}");
    }
    service.send("POST", CONNECTIONS, &[JSON], "{").await.is_problem(400, "invalid_json");
    service.send("POST", CONNECTIONS, &[], plain("a", 1).to_string()).await.is_problem(415, "unsupported_media_type");
    let large = " ".repeat((1 << 20) + 1);
    service.send("POST", CONNECTIONS, &[JSON], large).await.is_problem(413, "body_too_large");
    service.post(CONNECTIONS, &plain("main", 514)).await.is(201);
    service.post(CONNECTIONS, &plain("main", 514)).await.is_problem(409, "name_taken");
    let empty = service.get(CONNECTIONS).await.is(200).json();
    assert_eq!(empty["connections"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_query_is_a_filter_and_a_wrong_one_is_explained() {
    let service = Service::start().await;
    let mut body = plain("main", 514);
    body["filter"] = json!({"kind": "query", "query": "severity>=warn source.id = iam"});
    let created = service.post(CONNECTIONS, &body).await;
    let mut object = created.is(201).json();
    assert_eq!(object["filter"]["query"], "severity>=warn source.id = iam", "shown as it was written");
    assert_eq!(object["filter"]["kind"], "query");
    let location = created.header("location").to_owned();
    object["filter"]["query"] = json!("(severity >= warn");
    let refused = service.send("PUT", &location, &[JSON], object.to_string()).await;
    let problem = refused.is_problem(400, "query_syntax");
    assert_eq!(
        (&problem["field"], &problem["position"], &problem["length"]),
        (&json!("filter.query"), &json!(0), &json!(1))
    );
    object["filter"]["query"] = json!("timestamp > now-1h");
    let refused = service.send("PUT", &location, &[JSON], object.to_string()).await;
    refused.is_problem(400, "query_relative_time");
    object["filter"]["query"] = json!("outcome = failure");
    let changed = service.send("PUT", &location, &[JSON], object.to_string()).await.is(200).json();
    assert_eq!(changed["filter"]["query"], "outcome = failure");
}

#[tokio::test]
async fn a_preview_shows_the_effect_and_the_messages() {
    let service = Service::start().await;
    service.fill(1, 3).await;
    let preview = format!("{CONNECTIONS}/preview");
    let body = json!({"format": "cef", "filter": {"kind": "query", "query": "seq > 1"}});
    let seen = service.post(&preview, &body).await.is(200).json();
    assert_eq!((&seen["matched"], &seen["total"], &seen["exact"]), (&json!(2), &json!(3), &json!(true)), "{seen}");
    assert_eq!(seen["filter"], "seq > 1");
    let messages = seen["messages"].as_array().expect("messages");
    assert_eq!(messages.iter().map(|m| m["seq"].clone()).collect::<Vec<_>>(), [json!(3), json!(2)]);
    assert!(messages.iter().all(|m| m["text"].as_str().is_some_and(|text| text.contains("CEF:0|"))), "{seen}");
    service.post(&preview, &plain("main", 514)).await.is(200);
    service.post(&preview, &json!({"colour": 1})).await.is_problem(400, "unknown_field");
    let wrong = json!({"filter": {"kind": "query", "query": "seq >"}});
    let problem = service.post(&preview, &wrong).await.is_problem(400, "query_syntax");
    assert_eq!((&problem["field"], &problem["position"]), (&json!("filter.query"), &json!(5)), "{problem}");
    let reader = service.token_with(&["read"]).await;
    service.send_as(&reader, "POST", &preview, &[JSON], "{}").await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn a_repeated_creation_makes_one_connection() {
    let service = Service::start().await;
    let headers = [JSON, ("idempotency-key", "k1")];
    let body = plain("main", 514);
    let first = service.send("POST", CONNECTIONS, &headers, body.to_string()).await;
    let second = service.send("POST", CONNECTIONS, &headers, body.to_string()).await;
    assert_eq!(first.is(201).json()["id"], second.is(201).json()["id"]);
    let other = service.send("POST", CONNECTIONS, &headers, plain("other", 514).to_string()).await;
    other.is_problem(409, "idempotency_key_reused");
}

#[tokio::test]
async fn a_check_tells_its_stages_and_a_failed_one_stops_activation() {
    let service = Service::start().await;
    let body = plain("main", closed_port());
    let id = service.post(CONNECTIONS, &body).await.is(201).json()["id"].as_str().expect("an id").to_owned();
    let paths =
        [(format!("{CONNECTIONS}/check"), body.to_string()), (format!("{CONNECTIONS}/{id}/check"), String::new())];
    for (path, body) in paths {
        let check = service.send("POST", &path, &[JSON], body).await.is(200).json();
        assert_eq!((&check["ok"], &check["confirmed"]), (&json!(false), &json!(false)), "{check}");
        let last = check["stages"].as_array().and_then(|s| s.last()).expect("a stage").clone();
        assert_eq!(
            (&last["stage"], &last["code"], &last["ok"]),
            (&json!("connect"), &json!("connect_refused"), &json!(false))
        );
        assert!(last["ms"].is_u64() && last["message"].is_string() && last["remedy"].is_string(), "{last}");
    }
    let refused = service.send("POST", &format!("{CONNECTIONS}/{id}/activate"), &[], Body::empty()).await;
    let problem = refused.is_problem(409, "check_failed");
    assert!(problem["check"]["stages"][1]["code"].is_string(), "{problem}");
    let unchanged = service.get(&format!("{CONNECTIONS}/{id}")).await.is(200).json();
    assert_eq!(unchanged["status"], "inactive");
}

#[tokio::test]
async fn activation_and_stop() {
    let service = Service::start().await;
    service.fill(1, 3).await;
    let id = service.post(CONNECTIONS, &plain("main", closed_port())).await.is(201).json()["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let path = format!("{CONNECTIONS}/{id}");
    for (body, code, status) in [
        (json!({"start": "soon"}), "invalid_start", 400),
        (json!({"begin": "now"}), "unknown_field", 400),
        (json!({"start": "take_over", "despite_failed_check": true}), "nothing_to_take_over", 409),
    ] {
        service.post(&format!("{path}/activate"), &body).await.is_problem(status, code);
    }
    let wanted = json!({"start": {"from": "2026-01-01T00:00:00Z"}, "despite_failed_check": true});
    let active = service.post(&format!("{path}/activate"), &wanted).await.is(200).json();
    assert_eq!((&active["start_at"], &active["stopped"]), (&json!(1), &Value::Null), "{active}");
    assert!(active["will_send"].as_u64().is_some_and(|n| n >= 3), "{active}");
    assert_ne!(active["connection"]["status"], "inactive");
    let again = service.post(&format!("{path}/activate"), &json!({"despite_failed_check": true})).await;
    again.is(200);
    service.post(&format!("{path}/stop"), &json!({"now": true})).await.is_problem(400, "unknown_field");
    for _ in 0..2 {
        let stopped = service.send("POST", &format!("{path}/stop"), &[], Body::empty()).await;
        assert_eq!(stopped.is(200).json()["status"], "inactive");
    }
    for verb in ["activate", "stop", "check"] {
        let nobody = service.send("POST", &format!("{CONNECTIONS}/nobody/{verb}"), &[], Body::empty()).await;
        nobody.is_problem(404, "connection_not_found");
    }
}

#[tokio::test]
async fn a_history_is_read_and_an_event_tells_what_became_of_it() {
    let service = Service::start().await;
    let made = service.post(CONNECTIONS, &plain("main", closed_port())).await.is(201).json();
    let id = made["id"].as_str().expect("an id").to_owned();
    let history = format!("{CONNECTIONS}/{id}/history");
    let empty = service.get(&history).await.is(200).json();
    assert_eq!((empty["range"].clone(), empty["points"].as_array().map(Vec::len)), (json!("24h"), Some(144)));
    let point = &empty["points"][143];
    assert_eq!(
        (point["known"].clone(), point["backlog"].clone(), point["acknowledged"].clone()),
        (json!(false), Value::Null, json!(0))
    );
    let month = service.get(&format!("{history}?range=30d")).await.is(200).json();
    assert_eq!(month["points"].as_array().map(Vec::len), Some(120));
    service.get(&format!("{history}?range=1y")).await.is_problem(400, "invalid_range");
    service.get(&format!("{history}?rang=24h")).await.is_problem(400, "unknown_parameter");
    service.get(&format!("{CONNECTIONS}/c-nobody/history")).await.is_problem(404, "connection_not_found");

    let activate = json!({"start": "now", "despite_failed_check": true});
    service.post(&format!("{CONNECTIONS}/{id}/activate"), &activate).await.is(200);
    // The first event is of the connection's creation, before it was activated; the last one came later.
    let events = service.get("/api/v1/projects/default/events?limit=1").await.is(200).json();
    let last = events["events"][0]["seq"].as_u64().expect("a seq");
    let told = service.get(&format!("/api/v1/projects/default/events/{last}/delivery")).await.is(200).json();
    let one = &told["deliveries"][0];
    assert_eq!(
        (one["connection"].clone(), one["name"].clone(), one["state"].clone()),
        (json!(id), json!("main"), json!("waiting"))
    );
    let told = service.get("/api/v1/projects/default/events/1/delivery").await.is(200).json();
    assert_eq!(told["deliveries"][0]["state"], "skipped", "{told}");
    assert!(told["deliveries"][0]["at"].is_string() && told["seq"] == 1);
    service.get("/api/v1/projects/default/events/99999/delivery").await.is_problem(404, "event_not_found");
}
