//! Names of projects and connections, filters and addresses that are hostile.

use serde_json::{Value, json};

use super::texts::TEXTS;
use super::{assert_same, assert_unmoved, elements, project};
use crate::world::browser::{self, Browser, Options};
use crate::world::console::sign_in;
use crate::world::service::Service;

const SUITE: &str = "hostile names in the console";

/// The texts that a name may be: no control characters, at most 128 characters.
fn names() -> Vec<String> {
    let named = TEXTS.iter().map(|text| text.chars().filter(|c| !c.is_control()).take(128).collect::<String>());
    named.map(|name| name.trim().to_owned()).collect()
}

/// Creates a connection that nobody answers at, and that sends nothing but these sources; its id.
async fn connection(service: &Service, project: &str, name: &str, sources: &[String]) -> String {
    let mode = if sources.is_empty() { "off" } else { "only" };
    let body = json!({
        "name": name, "endpoint": "127.0.0.1:1", "transport": "tcp", "format": "cef", "framing": "lf",
        "filter": { "kind": "general", "status": { "mode": "only", "values": ["failure"] }, "source": { "mode": mode, "values": sources } },
    });
    let made = service.post(&format!("/api/v1/projects/{project}/connections"), &body).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

/// The connections of two projects, one with hostile names, one with harmless ones as long; their ids.
async fn two_projects(service: &Service) -> Vec<[String; 2]> {
    project(service, "hostile", "<i>A</i> \u{202e}\"B\"").await;
    project(service, "harmless", "aiaAaiaaaaBa").await;
    let mut ids = Vec::new();
    for (n, name) in names().iter().enumerate() {
        let plain = format!("{n:02}{}", "a".repeat(name.len() - 2));
        let hostile = connection(service, "hostile", name, &[name.clone(), format!("{name}2")]).await;
        let harmless = connection(service, "harmless", &plain, &[plain.clone(), format!("{plain}2")]).await;
        ids.push([hostile, harmless]);
    }
    ids
}

/// Opens a page of each project and compares.
async fn compare(browser: &Browser, [hostile, harmless]: [&str; 2]) {
    let path = |project: &str, page: &str| format!("/projects/{project}/settings/siem{page}");
    browser.goto(&path("harmless", harmless)).await;
    let expected = elements(browser).await;
    browser.goto(&path("hostile", hostile)).await;
    assert_unmoved(browser, hostile).await;
    assert_same(hostile, &elements(browser).await, &expected);
}

async fn walk(options: Options) {
    let Some(chromium) = browser::chromium(SUITE) else { return };
    let service = Service::start().await;
    let ids = two_projects(&service).await;
    let browser = chromium.open(&service.url, options).await;
    sign_in(&browser, &service).await;
    compare(&browser, ["", ""]).await;
    browser.assert_accessible("the list").await;
    // Script, the longest markup, bidi controls, and letters that pile up.
    for [hostile, harmless] in [0, 3, 9, 14].map(|n| &ids[n]) {
        let page = |id: &str| format!("/connections/{id}");
        compare(&browser, [&page(hostile), &page(harmless)]).await;
    }
    let all = |n: usize| format!("/delete?{}", ids.iter().map(|ids| format!("id={}&", ids[n])).collect::<String>());
    browser.assert_accessible("the form").await;
    compare(&browser, [&all(0), &all(1)]).await;
    browser.assert_accessible("the question before a deletion").await;
    for (n, project) in ["hostile", "harmless"].iter().enumerate() {
        browser.goto(&format!("/projects/{project}/settings/siem/connections/{}/check", ids[0][n])).await;
        browser.click_css("#check-again button").await;
        browser.sees("connect_refused").await;
    }
    let check = |n: usize| format!("/connections/{}/check", ids[0][n]);
    compare(&browser, [&check(0), &check(1)]).await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_connections_stay_as_they_are() {
    walk(Options::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_connections_fit_on_a_telephone() {
    walk(Options::default().narrow().dark().without_javascript()).await;
}

/// The dialog, what is told after it, and the menus.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dialogs_and_notices_show_names_as_text() {
    let Some(chromium) = browser::chromium(SUITE) else { return };
    let service = Service::start().await;
    for (n, name) in names().iter().enumerate() {
        connection(&service, "default", name, &[]).await;
        project(&service, &format!("p-{n}"), name).await;
    }
    let browser = chromium.open(&service.url, Options::default()).await;
    sign_in(&browser, &service).await;
    browser.goto("/projects").await;
    assert_unmoved(&browser, "the projects").await;
    browser.goto("/projects/default/settings/siem").await;
    browser.click("Project: Default").await;
    assert_unmoved(&browser, "the menu of projects").await;
    browser.press("Escape").await;
    browser.choose("Select all").await;
    browser.click("Delete").await;
    browser.wait("dialog[open] .going").await;
    assert_eq!(browser.execute("return document.querySelectorAll('dialog .going li').length").await, names().len());
    assert_unmoved(&browser, "the dialog").await;
    browser.assert_accessible("the dialog").await;
    browser.click_css("dialog[open] form button.danger").await;
    browser.wait(".notice").await;
    assert_unmoved(&browser, "the notice").await;
    browser.finish().await;
}

/// What an address says is shown, if at all, as text.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_are_only_text() {
    let Some(chromium) = browser::chromium(SUITE) else { return };
    let service = Service::start().await;
    service.post("/api/v1/projects/default/events", &json!({ "action": "a" })).await.expect(200);
    let id = connection(&service, "default", "SIEM", &[]).await;
    let browser = chromium.open(&service.url, Options::default()).await;
    browser.goto("/sign-in").await;
    for text in TEXTS {
        browser.goto(&format!("/sign-in?next={}&language={}", encoded(text), encoded(text))).await;
        assert_unmoved(&browser, text).await;
    }
    sign_in(&browser, &service).await;
    for text in TEXTS {
        let text = encoded(text);
        let fields =
            ["source", "severity", "outcome", "range", "from", "to", "zone", "plane", "order", "before", "at", "live"];
        let query: String = fields.iter().map(|name| format!("{name}={text}&")).collect();
        for page in ["events", "settings/siem/delete", &format!("settings/siem/connections/{id}/check")] {
            browser.goto(&format!("/projects/default/{page}?{query}id={id}&start={text}")).await;
            let wrong = browser.execute(super::WRONG).await;
            assert_eq!(wrong, Value::Array(Vec::new()), "{page}?{query}");
        }
    }
    browser.finish().await;
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
