//! The table of rights against the service: every route of the API as every kind of caller, and what `docs/api.md` says of it.

use std::collections::BTreeMap;
use std::path::Path;

use auditwire_model::access::{Needs, Scope, Verb};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::replays::reader;
use crate::service::{Answer, Service, request};

const PROJECT: &str = "/api/v1/projects/default";
const CONNECTIONS: &str = "/api/v1/projects/default/connections";
const SCOPES: [Scope; 4] = [Scope::Ingest, Scope::Read, Scope::Configure, Scope::Metrics];

/// Who asks.
struct Caller {
    name: String,
    token: Option<String>,
    operator: bool,
    scopes: Vec<Scope>,
    /// Whether the project that is asked of is its own.
    own: bool,
}

/// What a caller is answered.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Served,
    Unauthenticated,
    Forbidden,
    Hidden,
}

impl Caller {
    fn expects(&self, needs: Needs) -> Expected {
        let has = |yes| if yes { Expected::Served } else { Expected::Forbidden };
        match needs {
            Needs::Nothing => Expected::Served,
            _ if self.token.is_none() => Expected::Unauthenticated,
            Needs::Token => Expected::Served,
            _ if self.operator => Expected::Served,
            Needs::Operator => Expected::Forbidden,
            Needs::Anywhere(scope) => has(self.scopes.contains(&scope)),
            Needs::InProject(_) if !self.own => Expected::Hidden,
            Needs::InProject(needed) => has(needed.iter().all(|scope| self.scopes.contains(scope))),
        }
    }
}

/// Operations of the document: name, method, path.
fn operations() -> Vec<(String, String, String)> {
    let document: Value = serde_json::from_str(&auditwire_server::api::openapi()).expect("is JSON");
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let id = operation["operationId"].as_str().expect("a name").to_owned();
            operations.push((id, method.to_uppercase(), path.clone()));
        }
    }
    operations
}

fn needs(operation: &str) -> Needs {
    let verb = Verb::of_operation(operation);
    verb.unwrap_or_else(|| panic!("{operation} is no verb of the table (auditwire-model, access/verbs.rs)")).needs()
}

/// What makes a request whole, so that only its caller decides: of things that are not there where it could do harm.
fn body(operation: &str) -> Option<Value> {
    let connection = || json!({"name": "main", "endpoint": "127.0.0.1:9", "transport": "tcp"});
    Some(match operation {
        "create_project" => json!({"id": "bank", "name": "Bank"}),
        "post_events" => json!({"action": "a"}),
        "create_connection" | "check_candidate" | "update_connection" => connection(),
        "delete_connections" => json!({"ids": ["c-nobody"]}),
        "search_events" | "preview_connection" | "activate_connection" | "begin_replay" | "estimate_replay" => {
            json!({})
        }
        "clear_quarantine" | "resend_quarantine" => json!({"seqs": null}),
        "set_webhook" => json!({"url": "https://h.test/"}),
        "set_reading" => json!({"audited": false}),
        "set_retention" => json!({"days": 30}),
        "create_token" => json!({"name": "t", "scopes": ["configure"]}),
        _ => return None,
    })
}

fn address(operation: &str, path: &str) -> String {
    let id = if operation.contains("replay") && !path.contains("connections") { "r-nobody" } else { "c-nobody" };
    let path = path.replace("{project}", "default").replace("{id}", id).replace("{seq}", "1");
    let query = match operation {
        "events_facets" => "?field=action",
        "export_events" => "?format=jsonl",
        _ => "",
    };
    format!("{path}{query}")
}

/// The answer without its body where it is a stream that may not end.
async fn ask(service: &Service, caller: &Caller, operation: &str, method: &str, path: &str) -> Answer {
    let (path, body) = (address(operation, path), body(operation));
    let content = [("content-type", "application/json")];
    let headers: &[(&str, &str)] = if body.is_some() { &content } else { &[] };
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let request = match &caller.token {
        Some(token) => request(token, method, &path, headers, body),
        None => {
            let request = Request::builder().method(method).uri(&path).header("host", "127.0.0.1:8080");
            let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
            request.body(body).expect("a request")
        }
    };
    let (parts, body) = service.router.clone().oneshot(request).await.expect("is infallible").into_parts();
    let body = if parts.status.is_success() { Body::empty() } else { body };
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a whole body");
    Answer { status: parts.status, headers: parts.headers, body }
}

fn judged(answer: &Answer) -> Expected {
    let code = |answer: &Answer| answer.json()["code"].as_str().unwrap_or_default().to_owned();
    match answer.status.as_u16() {
        401 => Expected::Unauthenticated,
        403 => Expected::Forbidden,
        404 if code(answer) == "project_not_found" => Expected::Hidden,
        // The request must get so far that its caller has been judged.
        400 | 405 | 415 => panic!("the request is not whole: {}", answer.text()),
        404 if code(answer) == "not_found" => panic!("no such route"),
        _ => Expected::Served,
    }
}

async fn callers(service: &Service) -> Vec<Caller> {
    service.post("/api/v1/projects", &json!({"id": "other", "name": "Other"})).await.is(201);
    let token = async |project: &str, scopes: &[Scope]| {
        let path = format!("/api/v1/projects/{project}/tokens");
        let made = service.post(&path, &json!({"name": "t", "scopes": scopes})).await;
        Some(made.is(201).json()["token"].as_str().expect("a secret").to_owned())
    };
    let mut callers = vec![
        Caller { name: "nobody".to_owned(), token: None, operator: false, scopes: vec![], own: false },
        Caller {
            name: "operator".to_owned(),
            token: Some(service.token.clone()),
            operator: true,
            scopes: vec![],
            own: true,
        },
    ];
    let mut sets: Vec<Vec<Scope>> = SCOPES.iter().map(|scope| vec![*scope]).collect();
    sets.push(vec![Scope::Read, Scope::Configure]);
    for scopes in sets {
        let token = token("default", &scopes).await;
        callers.push(Caller { name: format!("{scopes:?}"), token, operator: false, scopes, own: true });
    }
    let token = token("other", &SCOPES).await;
    callers.push(Caller { name: "a stranger".to_owned(), token, operator: false, scopes: SCOPES.to_vec(), own: false });
    callers
}

#[tokio::test]
async fn every_route_answers_every_caller_as_the_table_says() {
    let service = Service::start().await;
    let callers = callers(&service).await;
    service.fill(1, 2).await;
    for (operation, method, path) in operations() {
        let needs = needs(&operation);
        // No limit of a minute is in the way.
        service.clock.advance(std::time::Duration::from_secs(60));
        for caller in &callers {
            let answer = ask(&service, caller, &operation, &method, &path).await;
            assert_eq!(judged(&answer), caller.expects(needs), "{operation} as {}: {}", caller.name, answer.text());
        }
    }
}

/// The table as `docs/api.md` shows it.
fn written() -> String {
    let mut rows: BTreeMap<u8, (String, Vec<String>)> = BTreeMap::new();
    let mut add = |needs: Needs, what: String| {
        let (rank, words) = match needs {
            Needs::Nothing => (0, "nothing".to_owned()),
            Needs::Token => (1, "any token".to_owned()),
            Needs::InProject([Scope::Ingest]) => (2, "`ingest`".to_owned()),
            Needs::InProject([Scope::Read]) => (3, "`read`".to_owned()),
            Needs::InProject([Scope::Configure]) => (4, "`configure`".to_owned()),
            Needs::InProject([Scope::Read, Scope::Configure]) => (5, "`read` and `configure`".to_owned()),
            Needs::Anywhere(Scope::Metrics) => (6, "`metrics`".to_owned()),
            Needs::Operator => (7, "an operator's token".to_owned()),
            other => panic!("the document has no words for {other:?}"),
        };
        rows.entry(rank).or_insert_with(|| (words, Vec::new())).1.push(what);
    };
    for (operation, method, path) in operations() {
        let path = path.replace("/api/v1/projects/{project}", "…").replace("/api/v1", "");
        add(needs(&operation), format!("`{method} {path}`"));
    }
    let redirect =
        "`PUT …/connections/{id}` of the active connection, when it changes more than `name` and `rate_limit`";
    add(Verb::RedirectConnection.needs(), redirect.to_owned());
    let rows = rows.into_values().map(|(needs, what)| format!("| {needs} | {} |\n", what.join(", ")));
    format!("| needs | for |\n| --- | --- |\n{}", rows.collect::<String>())
}

#[test]
fn the_document_shows_the_table() {
    const BEGIN: &str = "<!-- rights: written by a test -->\n";
    const END: &str = "<!-- end of rights -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    let text = std::fs::read_to_string(&path).expect("docs/api.md");
    let (before, rest) = text.split_once(BEGIN).expect("the beginning of the table");
    let (shown, after) = rest.split_once(END).expect("the end of the table");
    let table = written();
    if shown != table {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).expect("writes the new table");
        panic!("the table of rights in docs/api.md was out of date; it is written anew: look at the difference");
    }
}

async fn put(service: &Service, token: &str, path: &str, body: &Value) -> Answer {
    service.send_as(token, "PUT", path, &[("content-type", "application/json")], body.to_string()).await
}

/// A connection that is active and sends to `port`.
async fn active(service: &Service, port: u16) -> (String, Value) {
    let body = json!({"name": "main", "endpoint": format!("127.0.0.1:{port}"), "transport": "tcp"});
    let made = service.post(CONNECTIONS, &body).await.is(201).json();
    let path = format!("{CONNECTIONS}/{}", made["id"].as_str().expect("an id"));
    service.post(&format!("{path}/activate"), &json!({"start": "now"})).await.is(200);
    (path, body)
}

/// The right to configure is none to read: no change to the active connection sends the log elsewhere.
#[tokio::test]
async fn configuring_alone_does_not_turn_the_log_elsewhere() {
    let service = Service::start().await;
    let configure = service.token_with(&["configure"]).await;
    let both = service.token_with(&["read", "configure"]).await;
    let (path, body) = active(&service, reader().await).await;
    let with = |field: &str, value: Value| {
        let mut body = body.clone();
        body[field] = value;
        body
    };
    let elsewhere = with("endpoint", json!(format!("127.0.0.1:{}", reader().await)));
    for refused in
        [&elsewhere, &with("format", json!("cef")), &with("filter", json!({"kind": "query", "query": "seq > 1"}))]
    {
        let problem = put(&service, &configure, &path, refused).await.is_problem(403, "forbidden");
        assert!(problem["detail"].as_str().is_some_and(|d| d.contains("read and configure")), "{problem}");
    }
    assert_eq!(service.get(&path).await.is(200).json()["revision"], 1, "nothing was changed");
    put(&service, &configure, &path, &with("name", json!("renamed"))).await.is(200);
    put(&service, &configure, &path, &with("rate_limit", json!(100))).await.is(200);
    put(&service, &both, &path, &elsewhere).await.is(200);
    // What is not active sends nothing; whoever activates it must be one who reads.
    service.send_as(&configure, "POST", &format!("{path}/stop"), &[], Body::empty()).await.is(200);
    put(&service, &configure, &path, &body).await.is(200);
    let activate = format!("{path}/activate");
    service.send_as(&configure, "POST", &activate, &[], Body::empty()).await.is_problem(403, "forbidden");
}

/// Each address that a tenant has this process connect to counts, whichever way it asks.
#[tokio::test]
async fn another_address_for_the_active_connection_counts_as_a_check() {
    let service = Service::start().await;
    let (path, mut body) = active(&service, reader().await).await;
    // The activation has checked once; nine are left in this minute.
    for port in 1..=9 {
        body["endpoint"] = json!(format!("127.0.0.1:{port}"));
        put(&service, &service.token, &path, &body).await.is(200);
    }
    body["name"] = json!("renamed");
    put(&service, &service.token, &path, &body).await.is(200);
    let before = service.get(&path).await.is(200).json();
    for changed in [
        json!({"endpoint": "127.0.0.1:10"}),
        json!({"transport": "udp"}),
        json!({"transport": "tls", "tls": {"server_name": "other.example"}}),
    ] {
        let mut body = body.clone();
        body.as_object_mut().expect("an object").extend(changed.as_object().expect("an object").clone());
        put(&service, &service.token, &path, &body).await.is_problem(429, "too_many_checks");
    }
    service.post(&format!("{CONNECTIONS}/check"), &body).await.is_problem(429, "too_many_checks");
    service.post(&format!("{path}/check"), &body).await.is_problem(429, "too_many_checks");
    service.post(&format!("{PROJECT}/alerts/webhook/test"), &json!({})).await.is_problem(404, "webhook_not_found");
    assert_eq!(service.get(&path).await.is(200).json()["revision"], before["revision"], "nothing was changed");
    service.clock.advance(std::time::Duration::from_secs(60));
    body["endpoint"] = json!("127.0.0.1:10");
    put(&service, &service.token, &path, &body).await.is(200);
}
