//! Options hold, on every page and for this browser alone.

use super::open;
use crate::world::browser::Options;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_without_faults_is_not_complained_of() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    browser.goto("/good").await;
    assert_eq!(
        browser.wait_text("#told", "width").await,
        "width 1280, dark false, zone UTC, language en",
        "a browser without options"
    );
    browser.assert_accessible("the good page").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_hold_on_every_page() {
    let options = Options::default().dark().narrow().language("ru").time_zone("Asia/Vladivostok");
    let Some((fixture, browser)) = open(options).await else { return };
    for _ in 0..2 {
        browser.goto("/good").await;
        let told = browser.wait_text("#told", "width").await;
        assert_eq!(told, "width 380, dark true, zone Asia/Vladivostok, language ru");
        browser.goto("/tall").await;
    }
    assert!(
        fixture.header("/good", "Accept-Language").starts_with("ru"),
        "{}",
        fixture.header("/good", "Accept-Language")
    );
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_javascript_nothing_runs_and_everything_can_be_used() {
    let Some((_fixture, browser)) = open(Options::default().without_javascript()).await else { return };
    browser.goto("/good").await;
    browser.sees("scripts are off").await;
    assert_eq!(browser.text("#told").await, "", "the page's script did not run");
    browser.click("Go on").await;
    browser.comes_to("/sent?noscript").await;
    browser.goto("/throws").await;
    browser.goto("/form").await;
    browser.fill("Name", "siem").await;
    browser.fill("From", "2026-08-01T10:30").await;
    browser.select("Protocol", "UDP").await;
    browser.choose("CEF").await;
    browser.click("Save").await;
    browser.sees("name=siem").await;
    assert!(browser.text("#query").await.contains("protocol=UDP&format=cef"));
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_browser_knows_nothing_of_the_first() {
    let Some((_fixture, first)) = open(Options::default()).await else { return };
    let second = first.beside(Options::default().language("ru")).await;
    first.goto("/good").await;
    first.execute("document.cookie = 'who=first'").await;
    second.goto("/good").await;
    second.wait_text("#told", "language ru").await;
    assert_eq!((first.cookie("who").await.as_deref(), second.cookie("who").await), (Some("first"), None));
    first.forget_cookies().await;
    assert_eq!(first.cookie("who").await, None);
    first.finish().await;
    second.finish().await;
}
