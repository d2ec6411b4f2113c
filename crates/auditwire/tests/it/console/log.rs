//! What the Event log says of itself: how much a file will hold, what lies behind the histogram, what is missing.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::browser::{self, Browser, Options};
use crate::world::console::sign_in;
use crate::world::eventually;
use crate::world::service::{EVENTS, Service};

const SUITE: &str = "what the Event log says of itself";
const LOG: &str = "/projects/default/events";

/// So many events, half of them of each source.
async fn post(service: &Service, count: usize) {
    let event = |n: usize| json!({ "action": format!("a{n}"), "source": { "id": (["iam", "nova"][n % 2]) } });
    let events: Vec<Value> = (0..count).map(event).collect();
    service.post(EVENTS, &Value::Array(events)).await.expect(200);
}

async fn open(service: &Service, options: Options) -> Option<Browser> {
    let chromium = browser::chromium(SUITE)?;
    let browser = chromium.open(&service.url, options).await;
    sign_in(&browser, service).await;
    browser.goto(LOG).await;
    Some(browser)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_says_what_it_will_hold() {
    let service = Service::start().await;
    post(&service, 1_200).await;
    let Some(browser) = open(&service, Options::default()).await else { return };
    browser.wait_text("#found", "1,200 events").await;
    browser.tab_to("Download").await;
    browser.press("Enter").await;
    browser.wait_text(".download-menu[open]", "this file ends after its first 1,000 rows").await;
    browser.assert_accessible("the menu of downloads").await;
    browser.press("ArrowDown").await;
    assert_eq!(browser.focused().await, "button \"TSV, up to 1,000 rows\"");
    browser.press("Enter").await;
    let (_, bytes) = browser.downloaded().await;
    assert_eq!(String::from_utf8(bytes).unwrap().lines().count(), 1_001);
    browser.wait_text("[data-begun]", "at most its first 1,000 rows").await;
    assert!(browser.focused().await.ends_with("\"Download\""), "{}", browser.focused().await);

    browser.press("Enter").await;
    browser.tab_to("JSON Lines").await;
    browser.press("Enter").await;
    let (name, bytes) = browser.downloaded().await;
    assert!(name.ends_with(".jsonl"), "{name}");
    // And the audit event of the first download.
    assert_eq!(String::from_utf8(bytes).unwrap().lines().count(), 1_201);
    browser.wait_text("[data-begun]", "The file is being written: 1,200 events.").await;
    browser.assert_accessible("the Event log while a file is written").await;
    browser.assert_fits("the Event log while a file is written").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_offers_its_values_to_the_keyboard() {
    for options in [Options::default().dark(), Options::default().narrow()] {
        let service = Service::start().await;
        post(&service, 12).await;
        let Some(browser) = open(&service, options).await else { return };
        browser.tab_to("Source").await;
        browser.press("ArrowDown").await;
        browser.wait_text(".filter-menu[open]", "nova 6").await;
        browser.assert_accessible("an open filter").await;
        browser.assert_fits("an open filter").await;
        browser.tab_to("nova 6").await;
        browser.press("Space").await;
        browser.press("Escape").await;
        browser.comes_to(&format!("{LOG}?source=nova")).await;
        browser.wait_text("#found", "6 events").await;
        browser.finish().await;
    }
}

/// A range that is counted back from now has what a hasty clock dates later; the picture, which ends now, says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_from_the_future_are_counted_and_told() {
    let service = Service::start().await;
    post(&service, 12).await;
    service.post(EVENTS, &json!({ "action": "too-early", "timestamp": "2100-01-01T00:00:00Z" })).await.expect(200);
    let Some(browser) = open(&service, Options::default()).await else { return };
    browser.wait_text("#found", "13 events").await;
    browser.wait_text(".legend", "Debug and default 12").await;
    browser.assert_accessible("a histogram with something behind it").await;
    browser.click("1 event is dated later than now").await;
    browser.wait_text("#found", "1 event").await;
    browser.sees("too-early").await;
    browser.sees_no("is dated later than now").await;
    browser.finish().await;
}

/// A gap is never silent: the page names the events and the file, and shows the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_segment_is_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start_in(folder, &[("AUDITWIRE_LOG__SEAL_EVENTS", "20")], &[]).await;
    post(&service, 20).await;
    eventually("20 events are sealed", Duration::from_secs(30), async || {
        let metrics = service.get("/metrics").await.expect(200);
        let sealed = metrics.as_str()?.lines().find_map(|line| line.strip_prefix("auditwire_seal_events_total "))?;
        (sealed.parse::<f64>().unwrap() >= 20.0).then_some(())
    })
    .await;
    // A service that has just started has no events in memory.
    let service = service.restart().await;
    post(&service, 3).await;
    let Some(browser) = open(&service, Options::default()).await else { return };
    // It may have files open: one that is deleted would stay readable.
    for file in std::fs::read_dir(service.folder.path().join("data/segments")).unwrap() {
        std::fs::write(file.unwrap().path(), "").unwrap();
    }
    browser.goto(LOG).await;
    let told = browser.wait_text(".events-notice", ".parquet").await;
    assert!(told.contains("Events 1–20 are missing here"), "{told}");
    // Whole minutes are counted without the file.
    browser.wait_text("#found", "23 events").await;
    browser.assert_accessible("the Event log with a gap").await;
    browser.assert_fits("the Event log with a gap").await;
    // A file with a gap is not handed out; the way back is the list.
    browser.expect_status(500, "/events/download");
    browser.click("Download").await;
    browser.click("TSV, up to 1,000 rows").await;
    browser.sees("A part of the Event log cannot be read").await;
    browser.click("Back to the list").await;
    browser.comes_to(LOG).await;
    browser.wait(".events-notice").await;
    browser.finish().await;
}
