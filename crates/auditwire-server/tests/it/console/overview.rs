//! The connections of all projects, without script.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::Browser;
use super::siem::read;
use crate::service::Service;

const PAGE: &str = "/connections";

/// A project with a connection of this name; the connection's id.
async fn project(service: &Service, id: &str, name: &str, connection: &str) -> String {
    service.post("/api/v1/projects", &json!({"id": id, "name": name})).await.is(201);
    let body = json!({"name": connection, "endpoint": "127.0.0.1:9", "transport": "tcp"});
    let made = service.post(&format!("/api/v1/projects/{id}/connections"), &body).await;
    made.is(201).json()["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_somebody_comes_first_and_says_why() {
    let service = Service::start().await;
    project(&service, "a", "Airport", "quiet").await;
    let id = project(&service, "b", "Bank", "broken").await;
    let activate = json!({"start": "now", "despite_failed_check": true});
    service.post(&format!("/api/v1/projects/b/connections/{id}/activate"), &activate).await.is(200);
    let mut browser = Browser::signed_in(&service).await;
    let until = Instant::now() + Duration::from_secs(30);
    let page = loop {
        let page = browser.get(PAGE).await;
        // As the cause and as the last error.
        if read(page.is(200)).matches("Connection refused").count() >= 2 {
            break page;
        }
        assert!(Instant::now() < until, "{}", page.text());
        sleep(Duration::from_millis(50)).await;
    };
    let (html, text) = (page.text(), read(&page));
    let place = |what: &str| html.find(what).unwrap_or_else(|| panic!("{what}: {html}"));
    assert!(place(">broken<") < place(">quiet<"));
    assert!(text.contains("degraded") && text.contains(":9 TCP"), "{text}");
    assert!(html.contains(&format!("href=\"/projects/b/settings/siem/connections/{id}/delivery\"")));
    assert!(html.contains("href=\"/projects/b/settings/siem\""));
    assert!(text.contains("All 2") && text.contains("Degraded 1") && text.contains("Inactive 1"), "{text}");
    assert_eq!(html.matches("<h1>").count(), 1);
    assert!(html.contains("href=\"/connections\" aria-current=\"page\""), "it stands in the navigation");
    let failing = read(browser.get("/connections?status=failing").await.is(200));
    assert!(failing.contains("No connection is like that") && failing.contains("Show all"), "{failing}");
    let degraded = browser.get("/connections?status=degraded&text=BANK").await;
    assert!(degraded.is(200).text().contains(">broken<") && !degraded.text().contains(">quiet<"));
    browser.language = "ru";
    let russian = read(browser.get(PAGE).await.is(200));
    assert!(russian.contains("Все подключения SIEM") && russian.contains("С перебоями 1"), "{russian}");
}

#[tokio::test]
async fn pages_are_bounded_and_keep_what_was_asked_for() {
    let service = Service::start().await;
    for n in 0..52 {
        project(&service, &format!("p-{n:02}"), "Shop & <b>Co</b>", &format!("SIEM \"{n:02}\" <i>")).await;
    }
    project(&service, "q", "Other", "other").await;
    let mut browser = Browser::signed_in(&service).await;
    let first = browser.get("/connections?status=inactive&text=shop+%26").await;
    let html = first.is(200).text();
    assert_eq!(html.matches("<tr id=\"o-").count(), 50);
    assert!(html.contains("52 connections") && html.contains("value=\"shop &#38;\""), "{html}");
    assert!(html.contains("SIEM &#34;00&#34; &#60;i&#62;") && !html.contains("<i>") && !html.contains("<b>Co"));
    assert!(!html.contains("First page"));
    let next = html.split("href=\"").filter_map(|rest| rest.split('"').next()).find(|url| url.contains("cursor="));
    let next = next.expect("a next page").replace("&#38;", "&");
    assert!(next.starts_with("/connections?status=inactive&text=shop+%26&cursor=1"), "{next}");
    let second = browser.get(&next).await.is(200).text();
    assert_eq!(second.matches("<tr id=\"o-").count(), 2);
    assert!(second.contains("First page") && !second.contains("Next page"));
    // A cursor that is none begins anew; a text that nothing has is a page of its own; nobody else sees it.
    assert_eq!(browser.get("/connections?cursor=x").await.is(200).text().matches("<tr id=\"o-").count(), 50);
    browser.get(&format!("/connections?text={}", "x".repeat(300))).await.is(400);
    Browser::new(&service).get(PAGE).await.is(303);
}

#[tokio::test]
async fn without_any_connection_the_page_says_where_they_are_made() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let text = read(browser.get(PAGE).await.is(200));
    assert!(text.contains("No SIEM connection yet") && text.contains("settings of each project"), "{text}");
    let menu = browser.get("/projects/default/events").await;
    assert!(menu.is(200).text().contains("href=\"/connections\""), "the menus lead there");
}
