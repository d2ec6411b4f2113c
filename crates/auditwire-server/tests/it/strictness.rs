//! Nothing is guessed: text that is none, cursors of somewhere else, HEAD for an export, and codes that the documents tell.

use std::collections::BTreeMap;
use std::path::Path;

use axum::body::Body;
use serde_json::{Value, json};

use crate::service::{EVENTS, Service};

/// Every path of the API's own description, and pages of the console.
#[tokio::test]
async fn escapes_that_are_no_text_are_refused_on_every_route() {
    let service = Service::start().await;
    let document: Value = serde_json::from_str(include_str!("../../../../docs/openapi.json")).expect("is JSON");
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let path = path.replace("{project}", "default").replace("{id}", "c-1").replace("{seq}", "1");
        for method in methods.as_object().expect("methods").keys() {
            let path = format!("{path}?q=%22caf%E9%22");
            let answer = service.send(&method.to_uppercase(), &path, &[], Body::empty()).await;
            answer.is_problem(400, "invalid_query_string");
            asked += 1;
        }
    }
    assert!(asked > 50, "{asked}");
    for page in ["/sign-in", "/projects/default/events", "/connections", "/projects/default/settings/siem", "/nowhere"]
    {
        for query in ["q=%E9", "%ff=1", "q=a&to=%C3"] {
            service.get(&format!("{page}?{query}")).await.is_problem(400, "invalid_query_string");
        }
    }
    service.get(&format!("{EVENTS}?q=%22caf%C3%A9%22")).await.is(200);
    let body = "name=caf%E9";
    let form = [("content-type", "application/x-www-form-urlencoded"), ("origin", "http://127.0.0.1:8080")];
    service.send("POST", "/sign-in", &form, body).await.is_problem(400, "invalid_value");
}

#[tokio::test]
async fn a_plus_sign_that_became_a_blank_is_named() {
    let service = Service::start().await;
    let problem = service.get(&format!("{EVENTS}?q=timestamp%3E=2026-11-22T10:00:00+03:00")).await;
    let problem = problem.is_problem(400, "query_bad_value");
    assert_eq!(problem["suggestion"], "2026-11-22T10:00:00+03:00");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("%2B")), "{problem}");
    service.get(&format!("{EVENTS}?q=timestamp%3E=2026-11-22T10:00:00%2B03:00")).await.is(200);
    let problem = service.get(&format!("{EVENTS}?q=subject.address=10.1.2.3/33")).await;
    assert!(problem.is_problem(400, "query_bad_value")["detail"].as_str().is_some_and(|d| d.contains("0 to 32")));
}

#[tokio::test]
async fn a_cursor_belongs_to_its_project() {
    let service = Service::start().await;
    service.post("/api/v1/projects", &json!({"id": "pp", "name": "Other"})).await.is(201);
    service.fill(1, 5).await;
    let others = EVENTS.replace("default", "pp");
    let events: Vec<Value> = (0..5).map(|n| json!({"action": format!("b{n}")})).collect();
    service.post(&others, &json!(events)).await.is(200);
    let page = service.get(&format!("{EVENTS}?limit=2&order=asc")).await.is(200).json();
    let cursor = page["next"].as_str().expect("another page");
    service.get(&format!("{EVENTS}?limit=2&order=asc&cursor={cursor}")).await.is(200);
    for answer in [
        service.get(&format!("{others}?limit=2&order=asc&cursor={cursor}")).await,
        service.post(&format!("{others}/search"), &json!({"limit": 2, "order": "asc", "cursor": cursor})).await,
    ] {
        let problem = answer.is_problem(400, "invalid_cursor");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("another project")), "{problem}");
    }
}

#[tokio::test]
async fn head_runs_no_export() {
    let service = Service::start().await;
    service.fill(1, 3).await;
    let export = format!("{EVENTS}/export?format=csv");
    let answer = service.send("HEAD", &export, &[], Body::empty()).await;
    answer.is(200);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert!(answer.header("content-disposition").ends_with(".csv\""));
    assert!(answer.body.is_empty());
    assert!(!answer.headers.contains_key("content-length"), "the file has a length, and it is not 0");
    let told = service.get(&format!("{EVENTS}/count?q=source.id=auditwire")).await.json();
    assert_eq!(told["count"], 0, "nothing was taken out");
    let blind = service.token_with(&["ingest"]).await;
    assert_eq!(service.send_as(&blind, "HEAD", &export, &[], "").await.status.as_u16(), 403);
    assert_eq!(service.send("HEAD", &format!("{EVENTS}/export?format=x"), &[], "").await.status.as_u16(), 400);
    // The same path by GET is an export, and told.
    service.get(&export).await.is(200);
    let told = service.get(&format!("{EVENTS}/count?q=action=export")).await.json();
    assert_eq!(told["count"], 1);
}

/// Wherever a document says a status with a code, the table of codes says the same.
#[test]
fn every_document_tells_the_same_status_of_a_code() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let api = std::fs::read_to_string(docs.join("api.md")).expect("docs/api.md");
    let rows = api.lines().filter_map(|line| {
        let (status, codes) = line.strip_prefix("| ")?.split_once(" | ")?;
        Some((status.parse::<u16>().ok()?, codes))
    });
    let mut table: BTreeMap<&str, Vec<u16>> = BTreeMap::new();
    for (status, codes) in rows {
        codes.split('`').skip(1).step_by(2).for_each(|code| table.entry(code).or_default().push(status));
    }
    assert!(table.len() > 60, "{}", table.len());
    let files = ["", "formats"].into_iter().flat_map(|folder| std::fs::read_dir(docs.join(folder)).expect("a folder"));
    let mut told = 0;
    for path in files.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "md")) {
        let text = std::fs::read_to_string(&path).expect("a document");
        for (at, _) in text.match_indices(" `") {
            let status = text.get(at.saturating_sub(3)..at).and_then(|status| status.parse::<u16>().ok());
            let code = text[at + 2..].split('`').next().unwrap_or_default();
            let Some((status, known)) = status.filter(|s| (400..600).contains(s)).zip(table.get(code)) else {
                continue;
            };
            assert!(known.contains(&status), "{}: {status} `{code}`, but the table says {known:?}", path.display());
            told += 1;
        }
    }
    assert!(told > 10, "{told}");
}
