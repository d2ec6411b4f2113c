//! Every audit event that a request caused says from which address and by which request it came; what the service does by
//! itself has neither.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use serde_json::{Value, json};

use crate::console::Browser;
use crate::quarantine::set_aside;
use crate::replays::reader;
use crate::service::{Service, request};
use crate::webhook::{Hook, OK, SECRET};

const PROJECT: &str = "/api/v1/projects/default";
const CLIENT: &str = "203.0.113.9";
/// Operations that change nothing of the service's own and are told by no audit event.
const UNTOLD: [&str; 5] =
    ["post_events", "search_events", "preview_connection", "estimate_replay", "resend_quarantine"];

/// A client behind a proxy that gives each of its requests an id, and what the log shall be told of each.
struct Client<'a> {
    service: &'a Service,
    /// Actions by request id, which is the operation's name with a number.
    told: BTreeMap<String, Vec<&'static str>>,
}

impl Client<'_> {
    async fn ask(
        &mut self,
        operation: &str,
        request: (&str, &str),
        body: Value,
        status: u16,
        told: &[&'static str],
    ) -> Value {
        self.ask_as(&self.service.token.clone(), operation, request, body, status, told).await
    }

    async fn ask_as(
        &mut self,
        token: &str,
        operation: &str,
        (method, path): (&str, &str),
        body: Value,
        status: u16,
        told: &[&'static str],
    ) -> Value {
        let id = format!("{operation}/{}", self.told.len());
        self.told.insert(id.clone(), told.to_vec());
        let headers = [("content-type", "application/json"), ("x-forwarded-for", CLIENT), ("x-request-id", &id)];
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let answer = self.service.raw(request(token, method, path, &headers, body)).await;
        answer.is(status);
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }
}

async fn behind_proxy() -> Service {
    Service::with(|settings| settings.behind_proxy = vec!["127.0.0.0/8".parse().expect("a network")]).await
}

/// The service's own events of a project, oldest first.
async fn told(service: &Service, project: &str) -> Vec<Value> {
    let path = format!("/api/v1/projects/{project}/events?order=asc&limit=1000&q=source.id%3Dauditwire");
    let events = service.get(&path).await.is(200).json();
    assert_eq!(events["next"], Value::Null, "there are more");
    events["events"].as_array().expect("events").clone()
}

/// That the events are those of the requests, in full, and else of the service itself.
fn compare(events: &[Value], expected: &BTreeMap<String, Vec<&'static str>>) {
    let mut seen: BTreeMap<String, Vec<&str>> = expected.keys().map(|id| (id.clone(), vec![])).collect();
    for event in events {
        let action = event["action"].as_str().expect("an action");
        if event["subject"]["metadata"]["kind"] == "service" {
            assert_eq!((&event["subject"]["address"], &event["request_id"]), (&Value::Null, &Value::Null), "{event}");
            continue;
        }
        assert_eq!(event["subject"]["address"], CLIENT, "{event}");
        let id = event["request_id"].as_str().unwrap_or_else(|| panic!("no request id: {event}"));
        seen.get_mut(id).unwrap_or_else(|| panic!("of no request: {event}")).push(action);
    }
    for (id, actions) in expected {
        assert_eq!(&seen[id], actions, "told of {id}");
    }
}

/// Each operation that changes something is asked for, so that a new one cannot be forgotten here.
fn demand_all_operations(asked: &BTreeMap<String, Vec<&'static str>>) {
    let document: Value = serde_json::from_str(&auditwire_server::api::openapi()).expect("is JSON");
    let items = document["paths"].as_object().expect("paths").values();
    let operations = items.flat_map(|item| item.as_object().expect("operations"));
    let changing = operations.filter(|(method, _)| *method != "get");
    let wanted = changing.filter_map(|(_, operation)| operation["operationId"].as_str());
    let asked: BTreeSet<&str> = asked.keys().filter_map(|id| id.split('/').next()).collect();
    let missing: Vec<&str> = wanted.filter(|id| !asked.contains(id) && !UNTOLD.contains(id)).collect();
    assert!(missing.is_empty(), "not asked for: {missing:?}");
}

#[tokio::test]
async fn what_the_api_tells_names_address_and_request() {
    let service = behind_proxy().await;
    let mut client = Client { service: &service, told: BTreeMap::new() };
    manage(&mut client).await;
    deliver(&mut client).await;
    watch(&mut client).await;
    let wrong = format!("aw_{}", "0".repeat(64));
    client
        .ask_as(&wrong, "list_events", ("GET", &format!("{PROJECT}/events")), Value::Null, 401, &["token-refused"])
        .await;
    demand_all_operations(&client.told);
    let is_copy = |event: &Value| event["resource"]["metadata"]["project"] != Value::Null;
    let (copies, mut events) = told(&service, "system").await.into_iter().partition::<Vec<_>, _>(is_copy);
    let own = told(&service, "default").await;
    let said = |events: &[Value]| -> Vec<Value> {
        let parts = |event: &Value| json!([event["event_id"], event["action"], event["subject"], event["request_id"]]);
        events.iter().filter(|event| event["action"] != "siem-quarantine").map(parts).collect()
    };
    assert_eq!(said(&copies), said(&own), "the operator's copies say the same");
    events.extend(own);
    compare(&events, &client.told);
}

/// Projects, tokens, retention, exports, links.
async fn manage(client: &mut Client<'_>) {
    let at = |path: &str| format!("{PROJECT}{path}");
    let bank = json!({"id": "bank", "name": "Bank"});
    client.ask("create_project", ("POST", "/api/v1/projects"), bank, 201, &["project-create"]).await;
    let spec = json!({"name": "t", "scopes": ["read", "configure"]});
    let made = client.ask("create_token", ("POST", &at("/tokens")), spec.clone(), 201, &["token-create"]).await;
    let token = made["token"].as_str().expect("a secret").to_owned();
    let other = client.ask_as(&token, "create_token", ("POST", &at("/tokens")), spec, 201, &["token-create"]).await;
    let path = at(&format!("/tokens/{}", other["id"].as_str().expect("an id")));
    let rotate = format!("{path}/rotate");
    client.ask("rotate_token", ("POST", &rotate), Value::Null, 200, &["token-rotate"]).await;
    client.ask("delete_token", ("DELETE", &path), Value::Null, 204, &["token-revoke"]).await;
    let term = json!({"days": 30, "bytes": null});
    client.ask_as(&token, "set_retention", ("PUT", &at("/retention")), term, 200, &["retention-update"]).await;
    let pending = at("/retention/pending");
    client.ask_as(&token, "cancel_reduction", ("DELETE", &pending), Value::Null, 204, &["retention-cancel"]).await;
    let tell = json!({"audited": true});
    client.ask_as(&token, "set_reading", ("PUT", &at("/reading")), tell, 200, &["reading-update"]).await;
    let untell = json!({"audited": false});
    client.ask_as(&token, "set_reading", ("PUT", &at("/reading")), untell, 200, &["reading-update"]).await;
    let export = at("/events/export?format=jsonl");
    client.ask_as(&token, "export_events", ("GET", &export), Value::Null, 200, &["export", "export-end"]).await;
    // There is nothing to seal anew, so nothing is told.
    client.ask("rewrap_keys", ("POST", "/api/v1/keys/rewrap"), Value::Null, 200, &[]).await;
    // Nor is the clock wrong.
    client.ask("accept_clock", ("POST", "/api/v1/clock/accept"), Value::Null, 200, &[]).await;
    let links = &["account-create", "console-sign-in-link"];
    client.ask("create_sign_in_link", ("POST", "/api/v1/sign-in-links"), Value::Null, 201, links).await;
}

/// Connections, replays, the quarantine.
async fn deliver(client: &mut Client<'_>) {
    let all = format!("{PROJECT}/connections");
    let plain =
        |name: &str, port: u16| json!({"name": name, "endpoint": format!("127.0.0.1:{port}"), "transport": "tcp"});
    let main = plain("main", reader().await);
    let checked = &["siem-connection-check"];
    client.ask("check_candidate", ("POST", &format!("{all}/check")), main.clone(), 200, checked).await;
    let created = &["siem-connection-create"];
    let made = client.ask("create_connection", ("POST", &all), main, 201, created).await;
    let id = made["id"].as_str().expect("an id").to_owned();
    let one = format!("{all}/{id}");
    let updated = &["siem-connection-update"];
    client.ask("update_connection", ("PUT", &one), plain("main", reader().await), 200, updated).await;
    client.ask("check_connection", ("POST", &format!("{one}/check")), Value::Null, 200, checked).await;
    let start = json!({"start": "now"});
    let activated = &["siem-connection-activate", "siem-gap"];
    client.ask("activate_connection", ("POST", &format!("{one}/activate")), start, 200, activated).await;
    let slow = json!({"rate": 1});
    let begun = client.ask("begin_replay", ("POST", &format!("{one}/replay")), slow, 202, &["siem-replay-start"]).await;
    let replay = format!("{PROJECT}/replays/{}", begun["id"].as_str().expect("an id"));
    for (operation, verb, told) in [
        ("pause_replay", "pause", "siem-replay-pause"),
        ("resume_replay", "resume", "siem-replay-resume"),
        ("cancel_replay", "cancel", "siem-replay-cancel"),
    ] {
        client.ask(operation, ("POST", &format!("{replay}/{verb}")), Value::Null, 200, &[told]).await;
    }
    set_aside(client.service, &id, &[1, 2]).await;
    let cleared = &["siem-quarantine-delete"];
    let few = json!({"seqs": null});
    client.ask("clear_quarantine", ("POST", &format!("{one}/quarantine/delete")), few, 200, cleared).await;
    client.ask("stop_connection", ("POST", &format!("{one}/stop")), Value::Null, 200, &["siem-connection-stop"]).await;
    let deleted = &["siem-connection-delete"];
    client.ask("delete_connection", ("DELETE", &one), Value::Null, 204, deleted).await;
    let made = client.ask("create_connection", ("POST", &all), plain("other", 9), 201, created).await;
    let both = json!({"ids": [made["id"], "c-nobody"]});
    client.ask("delete_connections", ("POST", &format!("{all}/delete")), both, 200, deleted).await;
}

/// The webhook of alerts.
async fn watch(client: &mut Client<'_>) {
    let hook = Hook::new(&["localhost"], OK).await;
    let path = format!("{PROJECT}/alerts/webhook");
    let body = json!({"url": hook.url(), "secret": SECRET, "pem": hook.pem});
    client.ask("set_webhook", ("PUT", &path), body, 200, &["alert-webhook-set"]).await;
    client.ask("test_webhook", ("POST", &format!("{path}/test")), Value::Null, 200, &["alert-webhook-test"]).await;
    client.ask("delete_webhook", ("DELETE", &path), Value::Null, 204, &["alert-webhook-delete"]).await;
}

#[tokio::test]
async fn what_the_console_tells_names_address_and_request() {
    let service = behind_proxy().await;
    let mut browser = Browser::known(&service).await;
    browser.headers = vec![("x-forwarded-for", CLIENT), ("x-request-id", "the-console")];
    let since = told(&service, "system").await.len();
    let page = browser.get("/account/password").await;
    let fields = [("new", "correct horse battery"), ("again", "correct horse battery")];
    browser.submit(&page, "/account/password", &fields).await.is(303);
    let csrf = browser.csrf().await;
    let project = [("csrf", csrf.as_str()), ("name", "Bank")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    browser.post("/projects", &project).await.is(303);
    browser.post("/sign-out", &[("csrf".to_owned(), csrf)]).await.is(303);
    let page = browser.get("/sign-in").await;
    let action = "/sign-in?language=en";
    browser.submit(&page, action, &[("name", "operator"), ("password", "wrong")]).await.is(401);
    let page = browser.get("/sign-in").await;
    browser.submit(&page, action, &[("name", "operator"), ("password", "correct horse battery")]).await.is(303);

    let events = told(&service, "system").await.split_off(since);
    let expected =
        ["console-password", "project-create", "console-sign-out", "console-sign-in-refused", "console-sign-in"];
    compare(&events, &BTreeMap::from([("the-console".to_owned(), expected.to_vec())]));
}
