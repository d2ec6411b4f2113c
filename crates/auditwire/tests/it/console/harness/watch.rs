//! What must not happen on a page is noticed.

use super::fixture::Fixture;
use super::{open, panic_of};
use crate::world::browser::Options;
use crate::world::given;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_content_policy_is_noticed() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    browser.goto("/inline").await;
    assert_eq!(browser.text("#inline").await, "not run");
    let complaint = browser.complaints().await.join("\n");
    assert!(complaint.contains("(security)") && complaint.contains("Content Security Policy"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_a_script_is_noticed() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    browser.goto("/throws").await;
    let complaint = browser.complaints().await.join("\n");
    assert!(complaint.contains("thrown on purpose"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_to_another_origin_is_noticed() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    let other = Fixture::start().await;
    browser.goto(&format!("/elsewhere?{}", other.url)).await;
    let complaint = browser.complaints().await.join("\n");
    assert!(complaint.contains(&format!("another origin: {}/picture.png", other.url)), "{complaint}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_failure_is_noticed() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    browser.goto("/missing-image").await;
    browser.goto("/none").await;
    let complaint = browser.complaints().await.join("\n");
    for path in ["/nowhere.png", "/none"] {
        assert!(complaint.contains(&format!("404 of {path}")), "{complaint}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announced_answer_must_happen() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    browser.expect_status(404, "/none");
    browser.expect_status(403, "/forbidden");
    browser.goto("/none").await;
    let complaint = browser.complaints().await.join("\n");
    assert!(complaint.contains("did not happen: 403 of /forbidden") && !complaint.contains("404"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_without_an_answer_is_noticed() {
    for announced in [false, true] {
        let Some((_fixture, browser)) = open(Options::default()).await else { return };
        if announced {
            browser.may_fail("/cut");
        }
        browser.goto("/no-answer").await;
        let complaint = browser.complaints().await.join("\n");
        assert_eq!(complaint.contains("no answer: net::ERR_EMPTY_RESPONSE for /cut"), !announced, "{complaint}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_names_the_rule_and_the_element() {
    let Some(_) = given("AUDITWIRE_TEST_AXE", "axe-core") else { return };
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    browser.goto("/inaccessible").await;
    let found = browser.axe().await.join("\n");
    assert!(found.contains("image-alt (critical)") && found.contains("<img src=\"/good\">"), "{found}");
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_too_wide_is_noticed() {
    let Some((_fixture, browser)) = open(Options::default().narrow()).await else { return };
    browser.goto("/good").await;
    browser.assert_fits("the good page").await;
    browser.goto("/wide").await;
    let complaint = panic_of(browser.assert_fits("the wide page")).await;
    assert!(complaint.contains("<td>ww") && complaint.contains("watch.rs"), "{complaint}");
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_focus_that_is_not_seen_is_noticed() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    browser.goto("/asks").await;
    let stops = browser.tab_stops().await;
    assert_eq!(stops[..2], ["button \"Delete\"", "button \"Copy\""]);
    assert!(stops.len() == 3 && stops[2].ends_with("\"More\""), "{stops:?}");
    browser.goto("/unseen-focus").await;
    let complaint = panic_of(async { drop(browser.tab_stops().await) }).await;
    assert!(complaint.contains("nobody sees that link \"Unseen\" has the focus"), "{complaint}");
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bytes_of_a_page_are_counted() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    browser.goto("/good").await;
    let few = browser.transferred().await;
    browser.goto("/tall").await;
    let more = browser.transferred().await;
    assert!((1_000..5_000).contains(&few) && more > few, "{few}, {more}");
    browser.finish().await;
}
