//! A script that knows only the published names and rules: questions in the search language, asked at every endpoint about a
//! log that lies partly in segments and partly at the fresh end, against a plain list.

mod endpoints;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::world::service::{EVENTS, Service};
use crate::world::{eventually, given};

/// Most events are sealed, the last ones stay at the fresh end.
const FIRST: usize = 1200;
const LAST: usize = 900;
/// Events of one post, and so of one group.
const BATCH: usize = 300;

type Rule = fn(&Value) -> bool;

/// What the language says, and the same as a rule over the posted events.
const CASES: &[(&str, Rule)] = &[
    ("", |_| true),
    ("   ", |_| true),
    ("action = create-vm", |e| e["action"] == "create-vm"),
    ("action = \"create-vm\"", |e| e["action"] == "create-vm"),
    ("action = 'create-vm'", |e| e["action"] == "create-vm"),
    ("action <> create-vm", |e| e["action"] != "create-vm"),
    ("message : QUOTA", |e| text(e, "/message").is_some_and(|m| m.to_lowercase().contains("quota"))),
    ("message : \"квота\"", |e| text(e, "/message").is_some_and(|m| m.to_lowercase().contains("квота"))),
    ("message EXIST", |e| text(e, "/message").is_some()),
    ("NOT message EXISTS", |e| text(e, "/message").is_none()),
    ("not message exist", |e| text(e, "/message").is_none()),
    // A missing field makes = false and <> true; NOT is plain negation.
    ("status.code = 404", |e| text(e, "/status/code") == Some("404")),
    ("status.code <> 404", |e| text(e, "/status/code") != Some("404")),
    ("NOT status.code = 404", |e| text(e, "/status/code") != Some("404")),
    ("status.code >= 400", |e| number(e).is_some_and(|n| n >= 400)),
    ("status.code < 99", |e| number(e).is_some_and(|n| n < 99)),
    // Severity by rank, in any case.
    ("severity = error", |e| e["severity"] == "ERROR"),
    ("severity >= WARNING", |e| rank(e) >= 4),
    ("severity > WARN AND severity <= CRIT", |e| (5..=6).contains(&rank(e))),
    ("severity < INFO", |e| rank(e) < 2),
    // 100 to 599 are codes of HTTP, 0 to 16 of gRPC.
    ("outcome = failure", |e| number(e).is_some_and(|n| n >= 400 || (1..=16).contains(&n))),
    // Precedence NOT > AND > OR; adjacent terms mean AND.
    ("action = create-vm OR action = delete-vm AND source.id = nova", |e| {
        e["action"] == "create-vm" || (e["action"] == "delete-vm" && text(e, "/source/id") == Some("nova"))
    }),
    ("(action = create-vm OR action = delete-vm) AND source.id = nova", |e| {
        (e["action"] == "create-vm" || e["action"] == "delete-vm") && text(e, "/source/id") == Some("nova")
    }),
    ("action = create-vm source.id = nova", |e| e["action"] == "create-vm" && text(e, "/source/id") == Some("nova")),
    ("NOT action = create-vm AND source.id = nova", |e| {
        e["action"] != "create-vm" && text(e, "/source/id") == Some("nova")
    }),
    ("NOT (action = create-vm OR source.id = nova)", |e| {
        e["action"] != "create-vm" && text(e, "/source/id") != Some("nova")
    }),
    // Addresses compare as addresses, a CIDR means inside.
    ("subject.address = 10.0.0.0/8", |e| text(e, "/subject/address").is_some_and(|a| a.starts_with("10."))),
    ("subject.address <> 10.0.0.0/8", |e| !text(e, "/subject/address").is_some_and(|a| a.starts_with("10."))),
    ("subject.address = \"2001:0db8:0:0:0:0:0:5\"", |e| text(e, "/subject/address") == Some("2001:db8::5")),
    // Metadata, quoted keys, short names.
    ("resource.metadata.zone = ru-1", |e| text(e, "/resource/metadata/zone") == Some("ru-1")),
    ("service_id = databases", |e| text(e, "/resource/metadata/service_id") == Some("databases")),
    ("resource.metadata.\"authorization.k8s.io/decision\" = allow", |e| {
        text(e, "/resource/metadata/authorization.k8s.io~1decision") == Some("allow")
    }),
    ("subject.metadata.email : example.com", |e| {
        text(e, "/subject/metadata/email").is_some_and(|m| m.contains("example.com"))
    }),
    ("resource.metadata.size > 9", |e| {
        text(e, "/resource/metadata/size").is_some_and(|s| s.parse::<i64>().unwrap() > 9)
    }),
    // Lists: = and : mean "has this element".
    ("labels = urgent", |e| has_label(e, "urgent")),
    ("labels : urgent", |e| has_label(e, "urgent")),
    ("labels = urg", |_| false),
    ("labels <> urgent", |e| !has_label(e, "urgent")),
    ("labels EXIST", |e| e["labels"].as_array().is_some_and(|l| !l.is_empty())),
    // A value alone: message and every other text field, labels and metadata values, not keys.
    ("urgent", |e| anywhere(e, "urgent")),
    ("DATABASES", |e| anywhere(e, "databases")),
    ("zone", |e| anywhere(e, "zone")),
    ("\"user 7\"", |e| anywhere(e, "user 7")),
    ("квота nova", |e| anywhere(e, "квота") && anywhere(e, "nova")),
    ("u-3 OR u-4", |e| anywhere(e, "u-3") || anywhere(e, "u-4")),
    // Times.
    ("timestamp >= 2025-03-01T00:00:00Z", |e| text(e, "/timestamp").unwrap() >= "2025-03-01T00:00:00Z"),
    ("timestamp < 2025-03-01T03:00:00+03:00", |e| text(e, "/timestamp").unwrap() < "2025-03-01T00:00:00Z"),
    ("timestamp < 2025-03-01T03:00:00Z03:00", |e| text(e, "/timestamp").unwrap() < "2025-03-01T00:00:00Z"),
    ("timestamp > now-1m", |_| false),
    ("received_at > now-1h", |_| true),
    ("plane = data", |e| e["plane"] == "data"),
    ("request_id = r-17", |e| e["request_id"] == "r-17"),
    ("timestamp = 2025-03-01T05:00:00+03:00", |e| text(e, "/timestamp") == Some("2025-03-01T02:00:00Z")),
    // Numeric for seq, here across the border between sealed and fresh; textual where no type says otherwise.
    ("seq = 17", |e| e["seq"] == 17),
    ("seq > 590 AND seq <= 1210", |e| (591..=1210).contains(&e["seq"].as_u64().unwrap())),
    ("event_id = e-7", |e| e["event_id"] == "e-7"),
    ("action < d", |e| text(e, "/action").unwrap() < "d"),
    ("action >= k8s.delete.pods", |e| text(e, "/action").unwrap() >= "k8s.delete.pods"),
    ("resource.metadata.zone > ru-1", |e| text(e, "/resource/metadata/zone").is_some_and(|z| z > "ru-1")),
    ("resource.metadata.size < 10x", |e| text(e, "/resource/metadata/size").is_some_and(|s| s < "10x")),
    ("resource.metadata.nothing <> 1", |_| true),
    ("status.code : 40", |e| text(e, "/status/code").is_some_and(|c| c.contains("40"))),
    ("severity <> info", |e| e["severity"] != "INFO"),
    ("outcome = unknown", |e| number(e).is_none()),
    ("outcome <> failure", |e| !number(e).is_some_and(|n| n >= 400 || (1..=16).contains(&n))),
    ("subject.address = 2001:db8::/32", |e| text(e, "/subject/address") == Some("2001:db8::5")),
    ("group_id = g-2", |e| text(e, "/resource/metadata/group_id") == Some("g-2")),
    ("stream_id : S-1", |e| text(e, "/resource/metadata/stream_id") == Some("s-1")),
    ("labels = batch-1 OR labels = batch-2", |e| has_label(e, "batch-1") || has_label(e, "batch-2")),
    // The escape character in quoted values.
    (r#"message : "said \"yes\"""#, |e| text(e, "/message").is_some_and(|m| m.contains("said \"yes\""))),
    (r"message : 'C:\\ or \'D:\\'", |e| text(e, "/message").is_some_and(|m| m.contains(r"C:\ or 'D:\"))),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_endpoint_answers_what_the_rules_say() {
    let service = Service::start_in(tempfile::tempdir().unwrap(), &[("AUDITWIRE_LOG__SEAL_EVENTS", "1000")], &[]).await;
    let mut events: Vec<Value> = (0..FIRST + LAST).map(event).collect();
    post(&service, &events[..FIRST]).await;
    // A segment ends before the group that would exceed it.
    sealed(&service, (FIRST - 2 * BATCH) as u64).await;
    post(&service, &events[FIRST..]).await;
    // The log also holds what the service says itself.
    let own = service.all_events().await.into_iter().filter(|e| e["source"]["id"] == "auditwire").count();
    assert_eq!(own, 0, "nothing was configured or exported yet");
    for (seq, event) in (1..).zip(&mut events) {
        event["seq"] = json!(seq);
    }
    for (q, rule) in CASES {
        let expected: Vec<u64> = events.iter().filter(|e| rule(e)).map(|e| e["seq"].as_u64().unwrap()).rev().collect();
        assert_eq!(pages(&service, q).await, expected, "GET /events?q={q}");
        let body = service.post(&format!("{EVENTS}/search"), &json!({ "q": q, "limit": 1000 })).await.expect(200);
        let first: Vec<u64> = expected.iter().copied().take(1000).collect();
        assert_eq!(seqs(&body), first, "POST /events/search {q}");
        let count = get(&service, "/count", &[("q", q)]).await;
        assert_eq!(count, json!({ "count": expected.len(), "exact": true }), "{q}");
        let range = [("q", *q), ("from", "2025-01-01T00:00:00Z"), ("to", "2026-01-01T00:00:00Z"), ("buckets", "12")];
        let histogram = get(&service, "/histogram", &range).await;
        let buckets = histogram["buckets"].as_array().unwrap();
        assert_eq!(buckets.len(), 12, "{histogram}");
        let sum: u64 =
            buckets.iter().flat_map(|b| b["counts"].as_object().unwrap().values()).filter_map(Value::as_u64).sum();
        assert_eq!(sum, expected.len() as u64, "{q}: {histogram}");
        assert!(buckets.windows(2).all(|two| two[0]["to"] == two[1]["from"]), "{histogram}");
        check_facets(&service, q, &events, *rule).await;
    }
    check_exports(&service, &events).await;
    check_errors(&service).await;
}

async fn check_facets(service: &Service, q: &str, events: &[Value], rule: Rule) {
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for event in events.iter().filter(|e| rule(e)) {
        if let Some(source) = text(event, "/source/id") {
            *expected.entry(source.to_owned()).or_default() += 1;
        }
    }
    let facets = get(service, "/facets", &[("q", q), ("field", "source.id"), ("limit", "100")]).await;
    let values = facets["values"].as_array().unwrap();
    let found = values.iter().map(|v| (v["value"].as_str().unwrap().to_owned(), v["count"].as_u64().unwrap()));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected, "{q}: {facets}");
}

/// Each format holds the same events; each export is an event of the log, which the next one must not count.
async fn check_exports(service: &Service, events: &[Value]) {
    let q = "severity >= ERROR AND source.id <> auditwire";
    let expected: Vec<u64> = events.iter().filter(|e| rank(e) >= 5).map(|e| e["seq"].as_u64().unwrap()).collect();
    for format in ["jsonl", "csv", "tsv", "parquet"] {
        let request = service.request(reqwest::Method::GET, &format!("{EVENTS}/export"));
        let asked = [("q", q), ("format", format), ("order", "asc")];
        let response = request.query(&asked).send().await.unwrap();
        assert_eq!(response.status(), 200, "{format}");
        let bytes = response.bytes().await.unwrap();
        match format {
            "jsonl" => {
                let lines: Vec<Value> = bytes
                    .split(|b| *b == b'\n')
                    .filter(|l| !l.is_empty())
                    .map(|l| serde_json::from_slice(l).unwrap())
                    .collect();
                assert_eq!(lines.iter().map(|e| e["seq"].as_u64().unwrap()).collect::<Vec<_>>(), expected);
                for line in lines {
                    let one = service.get(&format!("{EVENTS}/{}", line["seq"])).await.expect(200);
                    assert_eq!(one, line);
                }
            }
            // No value here holds a line break, so lines are rows.
            "csv" | "tsv" => {
                assert_eq!(String::from_utf8_lossy(&bytes).lines().count(), expected.len() + 1, "{format}")
            }
            _ => assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1")),
        }
    }
    let told = get(service, "/count", &[("q", "action = export source.id = auditwire")]).await;
    assert!(told["count"].as_u64().unwrap() >= 4, "{told}");
}

/// A wrong query names the place, what was expected, and the nearest parameter.
async fn check_errors(service: &Service) {
    for (q, position, length, suggestion) in [
        ("action = create-vm AND sorce.id = nova", 23, 8, Some("source.id")),
        ("квота AND subject.adress = 10.0.0.1", 10, 14, Some("subject.address")),
        ("severity >= LOUD", 12, 4, None),
        ("timestamp > yesterday", 12, 9, None),
    ] {
        for path in ["", "/count", "/histogram", "/export", "/tail"] {
            let request = service.request(reqwest::Method::GET, &format!("{EVENTS}{path}")).query(&[("q", q)]);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 400, "{path} {q}");
            let problem: Value = response.json().await.unwrap();
            assert_eq!((&problem["position"], &problem["length"]), (&json!(position), &json!(length)), "{problem}");
            assert_eq!(problem["suggestion"].as_str(), suggestion, "{problem}");
            assert!(problem["code"].is_string() && problem["detail"].is_string(), "{problem}");
            assert!(!problem["expected"].is_null(), "{problem}");
        }
    }
    let deep = format!("{}a{}", "(".repeat(65), ")".repeat(65));
    for q in [deep, "a ".repeat(9000), "action =".to_owned(), "(a".to_owned(), "\"open".to_owned(), "a AND".to_owned()]
    {
        let answer = service.post(&format!("{EVENTS}/search"), &json!({ "q": q })).await;
        assert_eq!(answer.status, 400, "{q:.40}");
        assert!(answer.body["position"].is_u64(), "{:?}", answer.body);
    }
}

/// DuckDB opens the segments where they lie and finds the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duckdb_reads_the_segments() {
    let Some(package) = given("AUDITWIRE_TEST_ANALYSTS", "of segments in DuckDB") else { return };
    // A batch fills a segment, so that all of them are sealed.
    let service = Service::start_in(tempfile::tempdir().unwrap(), &[("AUDITWIRE_LOG__SEAL_EVENTS", "300")], &[]).await;
    let events: Vec<Value> = (0..FIRST).map(event).collect();
    post(&service, &events).await;
    sealed(&service, FIRST as u64).await;
    let files = service.folder.path().join("data/segments/**/*.parquet");
    // The statement in the description of the format, over all time.
    let published = include_str!("../../../../docs/formats/segment.md").split("```sql\n").nth(1).unwrap();
    let published = published.split(';').next().unwrap().replace("1 DAY", "30000 DAY");
    let published = published.replace("'segments/*.parquet'", "?");
    let sql = "SELECT count(*), min(seq), max(seq), count(*) FILTER (severity >= 5), count(DISTINCT event_id), \
               count(*) FILTER (list_contains(labels, 'urgent')), count(*) FILTER (resource_metadata['zone'] = 'ru-1'), \
               count(*) FILTER (timestamp::TIMESTAMPTZ >= TIMESTAMPTZ '2025-03-01 00:00:00Z') FROM read_parquet(?) WHERE project = 'default'";
    let script = format!(
        "import duckdb, sys\nfor sql in ({sql:?}, {:?}):\n    print(*duckdb.execute(sql, [sys.argv[1]]).fetchone())",
        format!("SELECT count(*) FROM ({published})")
    );
    let output = std::process::Command::new("python3")
        .env("PYTHONPATH", package)
        .args(["-c", &script])
        .arg(files)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Vec<u64> =
        String::from_utf8_lossy(&output.stdout).split_whitespace().map(|n| n.parse().unwrap()).collect();
    let count = |rule: Rule| events.iter().filter(|e| rule(e)).count() as u64;
    let all = FIRST as u64;
    let expected = [
        all,
        1,
        all,
        count(|e| rank(e) >= 5),
        all,
        count(|e| has_label(e, "urgent")),
        count(|e| text(e, "/resource/metadata/zone") == Some("ru-1")),
        count(|e| text(e, "/timestamp").unwrap() >= "2025-03-01T00:00:00Z"),
        all,
    ];
    assert_eq!(found, expected);
}

/// Event `n`: fields come and go, so that every rule about missing ones is met.
fn event(n: usize) -> Value {
    const ACTIONS: [&str; 4] = ["create-vm", "delete-vm", "user-signin", "k8s.delete.pods"];
    const SEVERITIES: [&str; 9] =
        ["DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"];
    const SOURCES: [&str; 4] = ["nova", "iam", "databases", "network"];
    let time = format!("2025-{:02}-{:02}T{:02}:00:00Z", n % 12 + 1, n / 12 % 28 + 1, n % 24);
    let mut event = json!({
        "event_id": format!("e-{n}"), "timestamp": time, "action": ACTIONS[n % 4], "severity": SEVERITIES[n / 4 % 9],
        "plane": if n.is_multiple_of(5) { "data" } else { "control" }, "request_id": format!("r-{}", n % 100),
    });
    if !n.is_multiple_of(3) {
        let words = ["quota exceeded", "Квота превышена", "done", "user 7 left", r#"said "yes", C:\ or 'D:\'"#];
        event["message"] = json!(format!("{} #{n}", words[n / 3 % 5]));
    }
    if !n.is_multiple_of(7) {
        event["source"] = json!({ "id": SOURCES[n / 7 % 4], "address": "10.9.0.1" });
        let code = ["200", "404", "500", "7", "403"][n % 5];
        event["status"] = json!({ "code": code });
    }
    if !n.is_multiple_of(4) {
        let address = ["10.1.2.3", "192.0.2.7", "2001:db8::5"][n % 3];
        event["subject"] = json!({
            "user_id": format!("u-{}", n % 10), "address": address, "metadata": { "email": format!("u{}@example.com", n % 10) },
        });
    }
    if n.is_multiple_of(2) {
        let zone = ["ru-1", "ru-2"][n / 2 % 2];
        event["resource"] = json!({
            "id": format!("res-{n}"), "type": "vm",
            "metadata": {
                "zone": zone, "size": (n % 20).to_string(), "group_id": format!("g-{}", n % 3), "stream_id": format!("s-{}", n % 5),
                "service_id": if n.is_multiple_of(6) { "databases" } else { "compute" },
                "authorization.k8s.io/decision": if n.is_multiple_of(8) { "allow" } else { "forbid" },
            },
        });
    }
    if n.is_multiple_of(9) {
        event["labels"] = json!(["urgent", format!("batch-{}", n % 3)]);
    }
    event
}

fn text<'e>(event: &'e Value, pointer: &str) -> Option<&'e str> {
    event.pointer(pointer)?.as_str()
}

fn number(event: &Value) -> Option<i64> {
    text(event, "/status/code")?.parse().ok()
}

fn rank(event: &Value) -> usize {
    let names = ["DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"];
    names.iter().position(|name| event["severity"] == *name).unwrap()
}

fn has_label(event: &Value, label: &str) -> bool {
    event["labels"].as_array().is_some_and(|labels| labels.iter().any(|l| l == label))
}

/// In a text field of the event or in a metadata value. What is no text field (time, severity, plane, outcome) does not count.
fn anywhere(event: &Value, word: &str) -> bool {
    fn values<'e>(value: &'e Value, out: &mut BTreeSet<&'e str>) {
        match value {
            Value::String(text) => drop(out.insert(text)),
            Value::Array(items) => items.iter().for_each(|item| values(item, out)),
            Value::Object(fields) => fields.values().for_each(|field| values(field, out)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for (name, value) in event.as_object().unwrap() {
        if !["timestamp", "severity", "plane", "seq"].contains(&name.as_str()) {
            values(value, &mut found);
        }
    }
    found.iter().any(|text| text.to_lowercase().contains(word))
}

async fn post(service: &Service, events: &[Value]) {
    for batch in events.chunks(BATCH) {
        let report = service.post(EVENTS, &json!(batch)).await.expect(200);
        assert_eq!(report["accepted"], batch.len(), "{report}");
    }
}

/// Waits until so many rows of all are in segments.
async fn sealed(service: &Service, rows: u64) {
    eventually("sealed", Duration::from_secs(60), async || {
        let text = service.get("/metrics").await.expect(200);
        let sealed = text.as_str()?.lines().find_map(|line| line.strip_prefix("auditwire_seal_events_total "))?;
        (sealed.parse::<f64>().unwrap() >= rows as f64).then_some(())
    })
    .await;
}

async fn get(service: &Service, path: &str, query: &[(&str, &str)]) -> Value {
    let response = service.request(reqwest::Method::GET, &format!("{EVENTS}{path}")).query(query).send().await.unwrap();
    let status = response.status();
    let body: Value = response.json().await.unwrap();
    assert_eq!(status, 200, "{path} {query:?}: {body}");
    body
}

/// All seqs of a query, by pages.
async fn pages(service: &Service, q: &str) -> Vec<u64> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let body = get(service, "", &[("q", q), ("limit", "700"), ("cursor", &cursor)]).await;
        assert_eq!(body["partial"], false, "{q}");
        all.extend(seqs(&body));
        match body["next"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return all,
        }
    }
}

fn seqs(body: &Value) -> Vec<u64> {
    body["events"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()).collect()
}
