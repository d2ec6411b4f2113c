//! The four procedures of the manual as each kind of visitor does them: create, change, start and stop, delete.

use super::SUITE;
use super::desk::{Desk, LIST};
use super::received::Receives;
use super::words::{ENGLISH, RUSSIAN, Words};
use crate::world::browser::Options;
use crate::world::real;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_javascript() {
    four_procedures(Options::default().without_javascript(), &ENGLISH).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_russian() {
    four_procedures(Options::default().language("ru"), &RUSSIAN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_dark() {
    four_procedures(Options::default().dark(), &ENGLISH).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_telephone() {
    four_procedures(Options::default().narrow(), &ENGLISH).await;
}

async fn four_procedures(options: Options, words: &'static Words) {
    let Some(root) = real::root(SUITE) else { return };
    let rsyslog = real::rsyslog(&root).await;
    let Some(desk) = Desk::open(options, words).await else { return };
    let browser = &desk.browser;

    // Create a connection: check it, activate it from a time on.
    browser.sees(words.no_connection).await;
    desk.looks("the empty list").await;
    let before = desk.post(3).await;
    desk.fill("Alpha", &rsyslog.endpoint("tcp"), "TCP").await;
    browser.choose(words.raw).await;
    desk.looks("the form").await;
    desk.create().await;
    desk.passes().await;
    browser.choose(words.from_time).await;
    if !options.has_javascript() {
        browser.click(words.count).await;
    }
    let waiting = desk.service.all_events().await.len().to_string();
    browser.wait_text("#f-start-from-sends", &waiting).await;
    desk.looks("a check that passed, with the form to activate").await;
    desk.activate("Alpha", words.from_time).await;
    desk.looks("the list").await;
    assert!(rsyslog.gets(&before).await.iter().all(|got| !got.is_cef));

    // Change its settings while it is active.
    desk.menu("Alpha", words.configure).await;
    browser.choose(words.cef).await;
    desk.looks("the form of an active connection").await;
    browser.click(words.save_keep).await;
    desk.comes_to_check().await;
    desk.passes().await;
    let changed = desk.post(3).await;
    let got = rsyslog.gets(&changed).await;
    assert!(got.iter().filter(|got| changed.contains(&got.id)).all(|got| got.is_cef), "{got:?}");
    browser.goto(LIST).await;

    // Start another one, which stops it; stop that, and start it again.
    desk.fill("Beta", &rsyslog.endpoint("tcp"), "TCP").await;
    desk.create().await;
    desk.passes().await;
    browser.click(words.keep_inactive).await;
    desk.shows("Beta", "inactive").await;
    desk.tick("Beta").await;
    desk.with_ticked(words.start).await;
    desk.passes().await;
    browser.click(words.activate).await;
    desk.shows("Beta", "active").await;
    desk.shows("Alpha", "inactive").await;
    desk.menu("Beta", words.stop).await;
    desk.shows("Beta", "inactive").await;
    let while_stopped = desk.post(3).await;
    desk.menu("Beta", words.start).await;
    desk.activate("Beta", words.goes_on).await;
    rsyslog.gets(&while_stopped).await;
    rsyslog.gets_all(&desk.service, 1).await;

    // Delete both, after a second thought.
    for answer in [words.cancel, words.delete_two] {
        desk.tick("Alpha").await;
        desk.tick("Beta").await;
        desk.with_ticked(words.delete).await;
        browser.sees(words.active_goes).await;
        desk.looks("the question before both are deleted").await;
        assert!(desk.stored("Alpha").await.is_some() && desk.state("Beta").await == "active");
        browser.click(answer).await;
        browser.absent(".going").await;
    }
    browser.sees(words.no_connection).await;
    assert!(desk.stored("Alpha").await.is_none() && desk.stored("Beta").await.is_none());
    desk.browser.finish().await;
}
