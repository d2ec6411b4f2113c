//! Who looked: whatever shows an event tells of it, on every route of the API and on the pages of the console.

use auditwire_model::event::{rows, write_canonical};
use auditwire_model::{Position, ProjectId};
use axum::body::Body;
use serde_json::{Value, json};

use crate::console::Browser;
use crate::service::{EVENTS, Service};

const PROJECT: &str = "/api/v1/projects/default";
const CANARY: &str = "canary-7c31";

async fn watched() -> Service {
    let service = Service::start().await;
    let events: Vec<Value> = (0..3).map(|n| json!({"event_id": format!("e{n}"), "action": CANARY})).collect();
    service.post(EVENTS, &Value::from(events)).await.is(200);
    let on = json!({"audited": true}).to_string();
    service.send("PUT", &format!("{PROJECT}/reading"), &[("content-type", "application/json")], on).await.is(200);
    service
}

/// What the log tells of looks when the service has ended.
async fn told(service: &Service) -> Vec<Value> {
    service.engine.close().await;
    let (log, project) = (&service.engine.log, ProjectId::default_project());
    let mut looks = Vec::new();
    for at in 1..=log.head(&project).0 {
        let event = log.event(&project, Position(at)).await.expect("the log answers").expect("an event");
        for event in rows(&event).filter(|event| event.action == "event-log-read") {
            let mut text = Vec::new();
            write_canonical(&event, &mut text);
            looks.push(serde_json::from_slice(&text).expect("JSON"));
        }
    }
    looks
}

/// What shows the canary or counts it is told, with the request and its address.
#[tokio::test]
async fn no_route_shows_an_event_unseen() {
    for (path, way) in [
        (EVENTS.to_owned(), "page"),
        (format!("{EVENTS}/1"), "event"),
        (format!("{EVENTS}/1/delivery"), "event"),
        (format!("{EVENTS}/count"), "count"),
        (format!("{EVENTS}/histogram"), "histogram"),
        (format!("{EVENTS}/facets?field=action"), "facets"),
    ] {
        let service = watched().await;
        let headers = [("x-request-id", "the-look")];
        service.send("GET", &path, &headers, Body::empty()).await.is(200);
        let told = told(&service).await;
        let ways: Vec<&Value> = told.iter().map(|look| &look["resource"]["metadata"]["ways"]).collect();
        assert_eq!(ways, [&json!(way)], "{path}: {told:?}");
        assert_eq!((&told[0]["request_id"], &told[0]["subject"]["address"]), (&json!("the-look"), &json!("127.0.0.1")));
    }
}

#[tokio::test]
async fn a_preview_and_a_search_are_looks_and_an_export_tells_itself() {
    let service = watched().await;
    service.post(&format!("{PROJECT}/connections/preview"), &json!({})).await.is(200);
    service.post(&format!("{EVENTS}/search"), &json!({"q": "seq = 2"})).await.is(200);
    assert!(service.get(&format!("{EVENTS}/export?format=jsonl")).await.is(200).text().contains(CANARY));
    let told = told(&service).await;
    let looks: Vec<String> = told
        .iter()
        .map(|look| format!("[{}] {}", look["resource"]["metadata"]["query"], look["resource"]["metadata"]["ways"]))
        .collect();
    assert_eq!(looks.len(), 2, "{looks:?}");
    for look in ["[\"\"] \"count page\"", "[\"seq = 2\"] \"page\""] {
        assert!(looks.iter().any(|told| told == look), "{look}: {looks:?}");
    }
}

#[tokio::test]
async fn the_console_switches_it_and_its_pages_are_looks() {
    let service = Service::start().await;
    service.post(EVENTS, &json!({"action": CANARY})).await.is(200);
    let mut browser = Browser::signed_in(&service).await;
    let settings = "/projects/default/settings/alerts";
    let page = browser.get(settings).await;
    assert!(page.text().contains("Not told"), "{}", page.text());
    browser.submit(&page, settings, &[("do", "tell")]).await.is(303);
    browser.language = "ru";
    assert!(browser.get(settings).await.text().contains("Больше не записывать"));
    assert!(browser.get("/projects/default/events").await.is(200).text().contains(CANARY));
    let told = told(&service).await;
    assert!(!told.is_empty(), "the page was a look");
    assert!(told.iter().all(|look| look["subject"]["metadata"]["kind"] == "operator"), "{told:?}");
}
