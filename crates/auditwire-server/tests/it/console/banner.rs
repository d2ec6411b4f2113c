//! Alerts above every page of a project.

use auditwire_engine::alerts::{self, AlertKind};
use auditwire_engine::log::Submission;
use auditwire_engine::readiness::Trouble;
use auditwire_engine::records::{Alert, AlertRecord, Document};
use auditwire_engine::store::{Change, Effect, Expect, RecordKey, RecordKind};
use auditwire_model::{Clock, ConnectionId, ProjectId};
use axum::body::Body;
use serde_json::json;

use super::Browser;
use super::siem::read;
use crate::service::Service;

/// `count` alerts of the default project.
pub(super) async fn alerts(service: &Service, kind: AlertKind, count: usize) {
    let put = |k: usize| {
        let connection = Some(ConnectionId::parse(&format!("c-{k}")).expect("an id"));
        let (since, message, remedy) = (service.clock.now(), "<b>what</b>".to_owned(), "remedy".to_owned());
        let alert = Alert { connection, token: None, kind, step: 0, since, message, remedy };
        let key = RecordKey::of(RecordKind::Alert, &ProjectId::default_project(), format!("c-{k}/{}", kind.as_str()));
        Change { key, expect: Expect::Any, effect: Effect::Put(AlertRecord::from(alert).encode().expect("is written")) }
    };
    let changes = (0..count).map(put).collect();
    service.engine.log.submit(Submission { changes, ..Submission::default() }).await.expect("is stored");
}

#[tokio::test]
async fn what_is_wrong_stands_above_every_page_of_its_project_and_no_other() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    service.post("/api/v1/projects", &json!({"id": "other", "name": "Other"})).await.is(201);
    let wrong = "Events do not reach the SIEM as they should";
    assert!(!browser.get("/projects/default/events").await.is(200).text().contains(wrong));
    alerts(&service, AlertKind::DeliveryDegraded, 1).await;
    for page in ["/projects/default/events", "/projects/default/settings/siem"] {
        let page = browser.get(page).await;
        assert_eq!(read(page.is(200)).matches(wrong).count(), 1);
        assert!(page.text().contains("href=\"/projects/default/settings/siem/connections/c-0/delivery\""));
    }
    for elsewhere in ["/projects", "/projects/other/events"] {
        assert!(!browser.get(elsewhere).await.is(200).text().contains(wrong), "{elsewhere}");
    }
    let fragment = browser.send("GET", "/projects/default/events", &[("x-fragment", "1")], Body::empty()).await;
    assert!(!fragment.is(200).text().contains(wrong), "what the script fetches has no frame");
}

#[tokio::test]
async fn what_is_wrong_with_the_service_stands_above_every_page_of_its_operator() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let wrong = "Events were received at times that the clock has not reached yet";
    assert!(!browser.get("/projects").await.is(200).text().contains(wrong));
    service.engine.readiness().raise(Trouble::ClockAhead, "by an hour");
    for page in ["/projects", "/projects/default/events", "/projects/default/settings/siem", "/projects/system/events"]
    {
        let page = browser.get(page).await;
        assert_eq!(read(page.is(200)).matches(wrong).count(), 1);
        assert!(page.text().contains("clock_ahead"));
    }
    alerts::round(&service.engine).await.expect("is looked at");
    assert_eq!(read(browser.get("/projects/system/events").await.is(200)).matches(wrong).count(), 1, "not twice");
    let listed = read(browser.get("/projects/system/settings/alerts").await.is(200));
    assert!(listed.matches(wrong).count() == 2 && listed.contains("by an hour"), "{listed}");
    let mut browser = Browser { language: "ru", ..Browser::known(&service).await };
    assert!(read(browser.get("/projects").await.is(200)).contains("Время получения событий опережает часы сервера"));
    service.engine.readiness().clear(Trouble::ClockAhead);
    assert!(!browser.get("/projects").await.is(200).text().contains("clock_ahead"));
}

#[tokio::test]
async fn many_are_counted_and_a_russian_reader_reads_russian() {
    let service = Service::start().await;
    alerts(&service, AlertKind::CertificateExpiring, 5).await;
    let mut browser = Browser::signed_in(&service).await;
    let text = read(browser.get("/projects/default/events").await.is(200));
    assert_eq!(text.matches("A certificate of the SIEM connection expires soon").count(), 3);
    assert!(text.contains("2 more alerts of this project"), "{text}");
    let mut browser = Browser { language: "ru", ..Browser::known(&service).await };
    let text = read(browser.get("/projects/default/events").await.is(200));
    assert!(text.contains("Сертификат подключения SIEM скоро истечёт") && text.contains("Ещё 2 оповещения"), "{text}");
}
