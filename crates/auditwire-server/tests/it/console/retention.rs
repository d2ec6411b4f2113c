//! Event log → Settings → Retention without script: what holds, what waits, and what is refused.

use auditwire_engine::alerts;
use serde_json::Value;

use super::Browser;
use super::siem::read;
use crate::retention::RETENTION;
use crate::service::Service;

const PAGE: &str = "/projects/default/settings/retention";
const DAYS: [(&str, &str); 2] = [("do", "save"), ("days_kind", "limit")];

#[tokio::test]
async fn a_reduction_is_asked_for_shown_everywhere_and_cancelled() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let siem = browser.get("/projects/default/settings/siem").await;
    assert!(siem.is(200).text().contains(&format!("href=\"{PAGE}\"")), "a tab leads there");
    let page = browser.get(PAGE).await;
    let text = read(page.is(200));
    assert!(text.contains("Kept for 365 days") && text.contains("(the operator's floor) 7 days"), "{text}");
    let [save, limit] = DAYS;
    let saved = browser.submit(&page, PAGE, &[save, limit, ("days", "30"), ("bytes_kind", "none")]).await;
    assert_eq!(saved.is(303).header("location"), PAGE);
    let page = browser.get(PAGE).await;
    let text = read(page.is(200));
    assert!(text.contains("The reduction waits") && text.contains("Less will be kept from 2026-11-25"), "{text}");
    assert!(text.contains("Kept for: 30 days") && text.contains("Kept for 365 days"), "{text}");
    alerts::round(&service.engine).await.expect("looks");
    let events = browser.get("/projects/default/events").await;
    let text = read(events.is(200));
    assert!(text.contains("Less of this project's history is going to be kept"), "{text}");
    assert!(events.text().contains(&format!("<a href=\"{PAGE}\">Open the retention</a>")));
    let text = read(browser.get("/projects/default/settings/alerts").await.is(200));
    assert!(text.contains("If nobody of you wanted this, cancel it"), "{text}");
    browser.submit(&page, PAGE, &[("do", "cancel")]).await.is(303);
    assert!(read(browser.get(PAGE).await.is(200)).contains("The reduction is cancelled"));
    assert_eq!(service.get(RETENTION).await.is(200).json()["pending"], Value::Null);
    let twice = browser.submit(&page, PAGE, &[("do", "cancel")]).await;
    assert!(read(twice.is(404)).contains("it has taken effect"));
}

#[tokio::test]
async fn mistakes_stand_under_their_field_in_the_readers_language() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(PAGE).await;
    let [save, limit] = DAYS;
    for (days, said) in [("6", "at least 7 days"), ("", "Write a whole number"), ("<b>", "Write a whole number")] {
        let refused = browser.submit(&page, PAGE, &[save, limit, ("days", days)]).await;
        let text = refused.is(400).text();
        assert!(text.contains("id=\"f-days-error\"") && text.contains(said) && !text.contains("<b>\""), "{text}");
    }
    let bytes = [save, ("bytes_kind", "limit"), ("bytes", "18446744073709551615")];
    browser.submit(&page, PAGE, &bytes).await.is(303);
    assert_eq!(service.get(RETENTION).await.is(200).json()["bytes"], Value::Null, "so many bytes are a reduction");
    browser.language = "ru";
    let refused = browser.submit(&page, PAGE, &[save, limit, ("days", "6")]).await;
    assert!(read(refused.is(400)).contains("Это меньше минимума, заданного оператором"));
    let without = [("do".to_owned(), "cancel".to_owned())];
    browser.post(PAGE, &without).await.is(403);
    browser.get("/projects/other/settings/retention").await.is(404);
    Browser::new(&service).get(PAGE).await.is(303);
}
