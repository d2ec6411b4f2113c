//! Replays without script: what would be sent, beginning one, its progress, and the list.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::Browser;
use super::siem::{connection, read, receiver};
use crate::service::{Answer, Service};

const LIST: &str = "/projects/default/settings/siem";
const API: &str = "/api/v1/projects/default";

fn page_of(id: &str) -> String {
    format!("{LIST}/connections/{id}/replay")
}

/// A service with 50 events and an active connection.
async fn begun(service: &Service) -> String {
    service.fill(1, 50).await;
    let id = connection(service, "main", receiver().await, &json!({})).await;
    service.post(&format!("{API}/connections/{id}/activate"), &json!({"start": "now"})).await.is(200);
    id
}

/// Sends the form of the page with the token of the button that starts.
async fn start(browser: &mut Browser<'_>, page: &str, fields: &[(&str, &str)]) -> Answer {
    let csrf = browser.csrf().await;
    let mut all = vec![("csrf".to_owned(), csrf)];
    all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    browser.post(page, &all).await
}

#[tokio::test]
async fn one_that_is_not_active_says_why_there_is_no_form() {
    let service = Service::start().await;
    let id = connection(&service, "main", 9, &json!({})).await;
    let mut browser = Browser::signed_in(&service).await;
    assert!(browser.get(LIST).await.text().contains(&format!("href=\"{}\"", page_of(&id))), "the menu leads here");
    let page = browser.get(&page_of(&id)).await;
    let text = read(page.is(200));
    assert!(text.contains("This connection is not active") && text.contains("Nothing was ever replayed"), "{text}");
    assert!(!page.text().contains("data-recount"), "{}", page.text());
    let refused = start(&mut browser, &page_of(&id), &[("range", "all")]).await;
    assert!(read(refused.is(409)).contains("This connection is not active"));
    browser.get(&page_of("c-none")).await.is(404);
    browser.get(&page_of(&id).replace("default", "other")).await.is(404);
}

#[tokio::test]
async fn it_says_before_it_begins_how_much_that_is() {
    let service = Service::start().await;
    let id = begun(&service).await;
    let mut browser = Browser::signed_in(&service).await;
    let text = read(browser.get(&page_of(&id)).await.is(200));
    assert!(text.contains("Sends ") && text.contains("That takes about 1 sec."), "{text}");
    for (query, expected) in [
        ("range=all&q=seq+%3C%3D+40&rate=4", "Sends 40 events. That takes about 10 sec."),
        ("range=all&q=seq+%3D+7", "Sends 1 event. That takes about 1 sec."),
        ("range=all&q=seq+%3E+9999", "No events match: nothing would be sent."),
        ("from=2026-11-22T09:59:00&to=2026-11-22T10:01:00&q=seq+%3C+4", "Sends 3 events."),
        ("from=2026-11-22T10:00:01&q=seq+%3C+4", "No events match"),
        ("range=between", "Enter the beginning, the end, or both."),
        ("range=between&from=soon", "“soon” is not a date and time"),
        ("range=between&from=2026-11-22T10:00&to=2026-11-22T09:00", "'to' must be later than 'from'"),
        ("range=1y", "“1y” is not a date and time"),
        ("range=all&rate=0", "Enter a number from 1 to 1,000,000."),
        ("range=all&q=colour+%3D+red", "There is no parameter of this name"),
        ("range=all&q=timestamp+%3E+now-1h", "timestamp > now-1h"),
    ] {
        let page = browser.get(&format!("{}?{query}", page_of(&id))).await;
        let text = read(page.is(200)).replace("&#62;", ">");
        assert!(text.contains(expected), "{query}: {text}");
    }
    let repaired = browser.get(&format!("{}?range=7d&rate=5&q=sevrity+%3D+INFO", page_of(&id))).await.text();
    assert!(repaired.contains("range=7d&#38;from=&#38;to=&#38;q=severity+%3D+INFO&#38;rate=5"), "{repaired}");
    let hostile = browser.get(&format!("{}?q=%3Cscript%3E%E2%80%AE", page_of(&id))).await.text();
    assert!(!hostile.contains("<script>") && hostile.contains("&#60;script&#62;"), "{hostile}");
    browser.language = "ru";
    assert!(read(&browser.get(&page_of(&id)).await).contains("Будет отправлено"));
}

#[tokio::test]
async fn it_is_begun_watched_and_ended_without_script() {
    let service = Service::start().await;
    let id = begun(&service).await;
    let mut browser = Browser::signed_in(&service).await;
    let refused = browser.post(&page_of(&id), &[("range".to_owned(), "all".to_owned())]).await;
    refused.is(403);
    for fields in [&[("range", "all"), ("rate", "many")][..], &[("range", "all"), ("q", "colour = red")]] {
        start(&mut browser, &page_of(&id), fields).await.is(422);
    }
    let fields = [("range", "all"), ("q", "seq <= 40"), ("rate", "1")];
    let begun = start(&mut browser, &page_of(&id), &fields).await;
    let state = begun.is(303).header("location").to_owned();
    let page = browser.get(&state).await;
    let (html, text) = (page.is(200).text(), read(&page));
    let replay = state.rsplit('/').next().expect("an id");
    assert!(text.contains("The replay has begun") && text.contains("of 40 events sent"), "{text}");
    assert!(text.contains("seq &#60;= 40") && text.contains("All time"), "{text}");
    assert!(html.contains(&format!("n=&#34;0&#34; replay=&#34;{replay}&#34;")), "how it is marked: {html}");
    assert!(html.contains("data-refresh=") && html.contains("http-equiv=\"refresh\""), "{html}");
    assert!(html.contains("<progress max=\"40\""), "{html}");

    let other = read(&browser.get(&page_of(&id)).await);
    assert!(other.contains("A replay is under way"), "{other}");
    let page = browser.get(&state).await;
    browser.submit(&page, &state, &[("to", "pause")]).await.is(303);
    let paused = browser.get(&state).await;
    assert!(read(&paused).contains("paused") && paused.text().contains("value=\"resume\""), "{}", paused.text());
    browser.submit(&paused, &state, &[("to", "resume")]).await.is(303);
    let page = browser.get(&state).await;
    assert!(page.text().contains("value=\"pause\""), "{}", page.text());
    browser.submit(&page, &state, &[("to", "cancel")]).await.is(303);
    let over = browser.get(&state).await;
    let html = over.text();
    assert!(html.contains("data-refreshed") && !html.contains("value=\"cancel\""), "{html}");
    browser.submit(&page, &state, &[("to", "pause")]).await.is(303);
    assert!(read(&browser.get(&state).await).contains("This replay is over already"));

    let list = read(&browser.get(&page_of(&id)).await);
    assert!(list.contains(replay) && list.contains("cancelled") && list.contains("Start replay"), "{list}");
    browser.language = "ru";
    let russian = read(&browser.get(&state).await);
    assert!(russian.contains("отменена") && russian.contains("Отправлено событий"), "{russian}");
    browser.get(&format!("{LIST}/replays/r-none")).await.is(404);
}

#[tokio::test]
async fn the_progress_of_one_that_waits_says_why_and_one_that_is_done_is_full() {
    let service = Service::start().await;
    let id = begun(&service).await;
    let mut browser = Browser::signed_in(&service).await;
    let begun = start(&mut browser, &page_of(&id), &[("range", "all"), ("q", "seq <= 20"), ("rate", "2")]).await;
    let state = begun.is(303).header("location").to_owned();
    service.post(&format!("{API}/connections/{id}/stop"), &json!({})).await.is(200);
    let text = read(&browser.get(&state).await);
    assert!(text.contains("It waits: its connection is not active") && text.contains("waiting"), "{text}");
    service.post(&format!("{API}/connections/{id}/activate"), &json!({"start": "continue"})).await.is(200);
    let until = Instant::now() + Duration::from_secs(30);
    let done = loop {
        let page = browser.get(&state).await;
        if page.text().contains("data-refreshed") {
            break page;
        }
        assert!(Instant::now() < until, "{}", page.text());
        sleep(Duration::from_millis(50)).await;
    };
    assert!(done.text().contains("<progress max=\"20\" value=\"20\""), "{}", done.text());
    assert!(read(&done).contains("20 of 20 events sent"), "{}", done.text());
}

#[tokio::test]
async fn what_was_set_aside_is_sent_again_from_its_page() {
    let service = Service::start().await;
    let id = begun(&service).await;
    crate::quarantine::set_aside(&service, &id, &[3, 5, 7]).await;
    let mut browser = Browser::signed_in(&service).await;
    let here = format!("{LIST}/connections/{id}/quarantine");
    let page = browser.get(&here).await;
    let nothing = browser.submit(&page, &here, &[("resend", "chosen")]).await;
    let nothing = browser.get(nothing.is(303).header("location")).await;
    assert!(read(&nothing).contains("Nothing is sent again: select events first."), "{}", nothing.text());
    let begun = browser.submit(&page, &here, &[("resend", "chosen"), ("seq", "3"), ("seq", "7")]).await;
    let state = begun.is(303).header("location").to_owned();
    assert!(state.contains("/settings/siem/replays/r-"), "{state}");
    let text = read(&browser.get(&state).await);
    assert!(text.contains("From the quarantine") && text.contains("of 2 events sent"), "{text}");
    let until = Instant::now() + Duration::from_secs(30);
    while !browser.get(&state).await.text().contains("data-refreshed") {
        assert!(Instant::now() < until, "it comes to its end");
        sleep(Duration::from_millis(50)).await;
    }
    let left = read(&browser.get(&here).await);
    assert!(left.contains("One event.") && left.contains("too large: 5") && !left.contains("too large: 3"), "{left}");
}
