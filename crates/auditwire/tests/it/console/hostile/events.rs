//! Events whose every field is hostile, on the pages of the Event log.

use std::time::Duration;

use serde_json::Value;

use super::texts::{events, every_field, twins};
use super::{WEIGHT, assert_same, assert_unmoved, elements, project, send};
use crate::world::browser::{self, Browser, Options};
use crate::world::console::sign_in;
use crate::world::eventually;
use crate::world::service::Service;

const SUITE: &str = "hostile events in the console";

/// Two projects, one with hostile events, one with their harmless twins; in both planes.
async fn two_projects(service: &Service) -> usize {
    let all = [events("control"), events("data")];
    for (id, name) in [("hostile", "A & B"), ("harmless", "A a B")] {
        project(service, id, name).await;
    }
    for events in &all {
        send(service, "hostile", events).await;
        send(service, "harmless", &twins(events)).await;
    }
    all[0].len()
}

/// Opens the page in both projects and compares.
async fn compare(browser: &Browser, path: &str) {
    browser.goto(&format!("/projects/harmless/events{path}")).await;
    let harmless = elements(browser).await;
    browser.goto(&format!("/projects/hostile/events{path}")).await;
    assert_unmoved(browser, path).await;
    assert_same(path, &elements(browser).await, &harmless);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_and_the_details_stay_as_they_are() {
    let Some(chromium) = browser::chromium(SUITE) else { return };
    let service = Service::start().await;
    let count = two_projects(&service).await;
    let browser = chromium.open(&service.url, Options::default()).await;
    sign_in(&browser, &service).await;
    for path in ["", "?plane=data", "?order=asc&range=all"] {
        compare(&browser, path).await;
        browser.assert_accessible(path).await;
        assert_eq!(browser.execute(ROWS).await, count, "rows in {path:?}");
        let tallest = browser.execute(TALLEST).await.as_f64().unwrap();
        assert!(tallest < 120.0, "a row of {path:?} is {tallest} px tall");
    }
    for seq in 1..=count {
        compare(&browser, &format!("/{seq}")).await;
    }
    browser.assert_accessible("an event").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_fit_on_a_telephone_also_without_javascript() {
    let Some(chromium) = browser::chromium(SUITE) else { return };
    let service = Service::start().await;
    let count = two_projects(&service).await;
    let options = Options::default().narrow().without_javascript().language("ru");
    let browser = chromium.open(&service.url, options).await;
    sign_in(&browser, &service).await;
    for path in ["", "?plane=data", "?live=1"] {
        compare(&browser, path).await;
    }
    // The longest markup, controls, letters that pile up, and long words.
    for seq in [4, 11, 15, count - 3, count - 1, count] {
        browser.goto(&format!("/projects/hostile/events/{seq}")).await;
        assert_unmoved(&browser, &format!("event {seq}")).await;
    }
    browser.finish().await;
}

/// Seen for the first time, also a page of the largest events is small.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_the_largest_events_is_a_small_page() {
    let Some(chromium) = browser::chromium(SUITE) else { return };
    let service = Service::start().await;
    let sources = (0..60).map(|n| {
        let mut event = every_field(&super::texts::word(n)[..8 << 10], 0);
        event["event_id"] = Value::Null;
        event["source"]["id"] = super::texts::word(n)[..256].into();
        event
    });
    send(&service, "default", &sources.collect::<Vec<_>>()).await;
    let browser = chromium.open(&service.url, Options::default()).await;
    sign_in(&browser, &service).await;
    browser.forget_cache().await;
    browser.goto("/projects/default/events").await;
    assert_eq!(browser.execute(ROWS).await, 50);
    let bytes = browser.transferred().await;
    assert!(bytes > 10_000 && bytes <= WEIGHT, "the first visit takes {bytes} bytes");
    browser.finish().await;
}

const ROWS: &str = "return document.querySelectorAll('#events tbody tr').length";
const TALLEST: &str =
    "return Math.max(...[...document.querySelectorAll('#events tbody tr')].map(r => r.getBoundingClientRect().height))";

/// While they arrive, and in the sheet over the list.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_live_tail_and_the_sheet_stay_as_they_are() {
    let Some(chromium) = browser::chromium(SUITE) else { return };
    let service = Service::start().await;
    let events = events("control");
    let count = events.len();
    let browser = chromium.open(&service.url, Options::default()).await;
    sign_in(&browser, &service).await;
    let mut shown = Vec::new();
    for id in ["harmless", "hostile"] {
        project(&service, id, id).await;
    }
    for (id, events) in [("harmless", twins(&events)), ("hostile", events)] {
        browser.goto(&format!("/projects/{id}/events?live=1")).await;
        send(&service, id, &events).await;
        let arrived = eventually("all have arrived", Duration::from_secs(60), async || {
            (browser.execute(ROWS).await == count).then_some(())
        });
        arrived.await;
        let rows = elements(&browser).await;
        browser.click_css("#events a.row-link").await;
        browser.wait("dialog[open] .event-json").await;
        shown.push([rows, elements(&browser).await]);
        assert_unmoved(&browser, id).await;
    }
    let [[harmless, its_sheet], [hostile, sheet]] = shown.try_into().unwrap();
    assert_same("the live tail", &hostile, &harmless);
    assert_same("the sheet", &sheet, &its_sheet);
    browser.finish().await;
}

/// One line for each event, and as many cells in each, whatever the texts hold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_download_keeps_its_lines_and_cells() {
    let Some(chromium) = browser::chromium(SUITE) else { return };
    let service = Service::start().await;
    let events = events("control");
    send(&service, "default", &events).await;
    let browser = chromium.open(&service.url, Options::default()).await;
    sign_in(&browser, &service).await;
    browser.goto("/projects/default/events").await;
    browser.click("Download").await;
    browser.click("TSV, up to 1,000 rows").await;
    let (name, bytes) = browser.downloaded().await;
    assert!(name.starts_with("events-default-") && name.ends_with(".tsv"), "{name}");
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<&str> = text.strip_suffix('\n').unwrap().split('\n').collect();
    assert_eq!(lines.len(), events.len() + 1, "a head and the events");
    let cells = lines[0].split('\t').count();
    for line in &lines {
        assert_eq!(line.split('\t').count(), cells, "{line}");
        for cell in line.split('\t') {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "a spreadsheet would run {cell}");
        }
        let control = line.chars().find(|c| c.is_ascii_control() && *c != '\t');
        assert_eq!(control, None, "{line}");
    }
    browser.finish().await;
}
