//! Pages that change by themselves: the live tail under load, across a restart and after a sign-out, and the list of connections while
//! a receiver dies.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::browser::{self, Browser, Options};
use crate::world::console::sign_in;
use crate::world::eventually;
use crate::world::real;
use crate::world::service::{EVENTS, Service};
use crate::world::visitor::Visitor;

const SUITE: &str = "live pages of the console";
const LIVE: &str = "/projects/default/events?live=1";
/// The most that a page keeps of the tail.
const ROWS_MAX: u64 = 500;

/// Posts events `from..=to`, numbered in their actions, of which each is taken; in bursts of this size.
async fn post(service: &Service, from: u64, to: u64, burst: usize) {
    let all: Vec<Value> =
        (from..=to).map(|n| json!({ "event_id": format!("e{n}"), "action": format!("a{n}") })).collect();
    for events in all.chunks(burst) {
        let answer = service.post(EVENTS, &Value::from(events.to_vec())).await.expect(200);
        assert_eq!(answer["accepted"], events.len());
    }
}

async fn open(chromium: &browser::Chromium, service: &Service) -> Browser {
    let browser = chromium.open(&service.url, Options::default()).await;
    sign_in(&browser, service).await;
    browser.goto(LIVE).await;
    browser.part("Event log").sees("Live").await;
    browser
}

/// The events of the table, from above, and how many each row stands for.
async fn rows(browser: &Browser) -> Vec<(Option<u64>, u64)> {
    let rows = browser.execute(ROWS).await;
    rows.as_array().unwrap().iter().map(|row| (row[0].as_u64(), row[1].as_u64().unwrap())).collect()
}

const ROWS: &str = "return [...document.querySelectorAll('#events tbody tr')]
    .map(row => [row.dataset.event ? Number(row.dataset.event) : null, Number(row.dataset.more || 1)]);";

/// Waits until this event is the uppermost.
async fn newest_is(browser: &Browser, seq: u64) {
    eventually(&format!("event {seq} on top"), Duration::from_secs(60), async || {
        let top = browser.execute("return document.querySelector('#events tbody tr')?.dataset.event").await;
        (top.as_str()?.parse() == Ok(seq)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_events_in_bursts() {
    let Some(chromium) = browser::chromium(SUITE) else { return };
    let service = Service::start().await;
    post(&service, 1, 60, 60).await;
    let browser = open(&chromium, &service).await;
    browser.execute(WATCH).await;
    post(&service, 61, 2_060, 125).await;
    newest_is(&browser, 2_060).await;
    let shown = rows(&browser).await;
    let seqs: Vec<u64> = shown.iter().filter_map(|(seq, _)| *seq).collect();
    assert!(seqs.is_sorted_by(|newer, older| newer > older), "newest first, each once: {seqs:?}");
    assert!(seqs.len() > 100, "a page of them is there: {}", seqs.len());
    let most = browser.execute("return window.mostRows").await.as_u64().unwrap();
    assert!((200..=ROWS_MAX).contains(&most), "there were {most} rows");
    // What a message left out stands there as a number: from the uppermost row to the lowest none is missing.
    let counted: u64 = shown.iter().map(|(_, count)| count).sum();
    let lowest = seqs.last().unwrap();
    let below = shown.iter().rev().take_while(|(seq, _)| seq.is_none()).map(|(_, count)| count).sum::<u64>();
    assert_eq!(counted - below, 2_060 - lowest + 1, "{shown:?}");

    browser.click("Pause").await;
    browser.sees("Paused").await;
    let before = rows(&browser).await;
    post(&service, 2_061, 2_360, 100).await;
    browser.wait_text(".held", "300").await;
    assert_eq!(rows(&browser).await, before, "a paused table stands still");
    browser.click("Resume 300").await;
    newest_is(&browser, 2_360).await;
    browser.sees_no("Paused").await;
    let after: Vec<u64> = rows(&browser).await.iter().take(300).filter_map(|(seq, _)| *seq).collect();
    assert!(after.is_sorted_by(|newer, older| newer > older), "{after:?}");
    browser.finish().await;
}

/// Keeps the most rows that the table ever had.
const WATCH: &str = "
    const body = document.querySelector('#events tbody');
    window.mostRows = body.rows.length;
    new MutationObserver(() => { window.mostRows = Math.max(window.mostRows, body.rows.length); }).observe(body, { childList: true });";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tail_goes_on_after_a_restart_and_misses_nothing() {
    let Some(chromium) = browser::chromium(SUITE) else { return };
    let service = Service::start().await;
    post(&service, 1, 3, 3).await;
    let browser = open(&chromium, &service).await;
    post(&service, 4, 5, 1).await;
    newest_is(&browser, 5).await;
    browser.may_fail("/events/live");
    let service = service.restart().await;
    // Before the browser comes again.
    post(&service, 6, 40, 7).await;
    newest_is(&browser, 40).await;
    let seqs: Vec<u64> = rows(&browser).await.into_iter().filter_map(|(seq, _)| seq).collect();
    assert_eq!(seqs, (1..=40).rev().collect::<Vec<u64>>());
    browser.sees_no("Connection lost").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tail_ends_with_its_session() {
    let Some(chromium) = browser::chromium(SUITE) else { return };
    let service = Service::start().await;
    post(&service, 1, 1, 1).await;
    let browser = open(&chromium, &service).await;
    newest_is(&browser, 1).await;
    sign_out_everywhere(&service).await;
    // The stream asks every 15 seconds whether its session is still there.
    browser.comes_to("/sign-in").await;
    assert!(!browser.html().await.contains("data-event"));
    browser.finish().await;
}

/// Somebody else with the same account sets a password, which ends all other sessions.
async fn sign_out_everywhere(service: &Service) {
    let link = service.post("/api/v1/sign-in-links", &json!({})).await.expect(201);
    let mut visitor = Visitor::new(&service.url);
    let page = visitor.get(link["url"].as_str().unwrap()).await;
    visitor.submit(&page, "/sign-in/link", &[]).await;
    let page = visitor.get("/account/password").await;
    let fields = [("new", "a sentence is easier"), ("again", "a sentence is easier")];
    let set = visitor.submit(&page, "/account/password", &fields).await;
    assert_eq!(set.status, 303, "{}", set.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_connections_tells_that_a_receiver_died() {
    let Some(root) = real::root(SUITE) else { return };
    let Some(chromium) = browser::chromium(SUITE) else { return };
    let (service, receiver) = (Service::start().await, real::rsyslog(&root).await);
    let connection = |name: &str, endpoint: String| json!({ "name": name, "endpoint": endpoint, "transport": "tcp", "format": "rfc5424", "framing": "lf" });
    let id = service.create(&connection("Main", receiver.endpoint("tcp"))).await;
    service.create(&connection("Spare", receiver.endpoint("tcp"))).await;
    service.activate(&id, "now").await;
    let browser = chromium.open(&service.url, Options::default()).await;
    sign_in(&browser, &service).await;
    browser.goto("/projects/default/settings/siem").await;
    browser.row("Main").wait_text(".status", "active").await;
    browser.execute("window.stays = 'the same page'").await;
    browser.choose("Select Spare").await;
    assert_eq!(browser.focused().await, "checkbox \"Select Spare\"");
    post(&service, 1, 20, 20).await;
    // What the connections themselves told the log stands before them.
    let newest = service.get(&format!("{EVENTS}?limit=1")).await.expect(200);
    let newest = newest["events"][0]["seq"].to_string();
    browser.row("Main").wait_text("[data-label^='Last']", &newest).await;
    drop(receiver);
    post(&service, 21, 25, 5).await;
    browser.row("Main").wait_text(".status", "degraded").await;
    let told = browser.wait_text("#trouble", "Main").await;
    assert!(told.contains("refused") || told.contains("closed"), "{told}");
    assert_eq!(browser.execute("return window.stays").await, "the same page", "nothing was loaded anew");
    assert!(browser.is_chosen("Select Spare").await && !browser.is_chosen("Select Main").await);
    assert_eq!(browser.focused().await, "checkbox \"Select Spare\"");
    browser.assert_accessible("the list with a failing connection").await;
    browser.finish().await;
}
