//! Steps find things by their names, wait for what they need, and say what they miss.

use std::path::Path;
use std::time::Duration;

use super::{open, panic_of};
use crate::world::browser::Options;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn things_are_found_by_the_names_that_people_see() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    browser.goto("/form").await;
    let key = format!("-----BEGIN KEY-----\n{}", "0123456789\n".repeat(300));
    browser.fill("Name", "first").await;
    browser.fill("Name", "siem").await;
    browser.fill("Key", &key).await;
    browser.fill("From", "2026-08-01T10:30").await;
    browser.untick("Mark").await;
    browser.choose("Say \"loud\"").await;
    browser.attach("File", Path::new(env!("CARGO_MANIFEST_PATH"))).await;
    assert_eq!((browser.value("Name").await, browser.value("Key").await == key), ("siem".to_owned(), true));
    assert_eq!((browser.is_chosen("RAW").await, browser.is_chosen("CEF").await), (true, false));
    browser.click("Live").await;
    browser.wait_text("#clicked", "clicked").await;
    browser.part("Connections").row("siem").click("Open").await;
    assert_eq!(browser.comes_to("/sent").await, "/sent?siem");
    browser.back().await;
    browser.click("Download").await;
    assert_eq!(browser.downloaded().await, ("report.tsv".to_owned(), b"a\tb\n".to_vec()));
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_waits_for_what_the_page_becomes() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    browser.goto("/changes?a=b").await;
    assert_eq!((browser.path().await, browser.title().await), ("/changes?a=b".to_owned(), "Fixture".to_owned()));
    assert_eq!(browser.texts(".state").await, ["it is as before", ""]);
    browser.click("Change the page").await;
    browser.wait("#after").await;
    browser.absent("#before").await;
    browser.id("after").sees("has changed").await;
    browser.sees_no("before").await;
    browser.reload().await;
    assert_eq!(browser.text("#before").await, "it is as before");
    browser.click_css("#change").await;
    browser.sees_no("before").await;
    assert_eq!(browser.attribute("#after", "class").await.as_deref(), Some("state"));
    assert!(browser.html().await.contains("<p id=\"after\" class=\"state\">it has changed</p>"));
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_reloads_itself_can_be_used() {
    let Some((_fixture, browser)) = open(Options::default().without_javascript()).await else { return };
    browser.goto("/counts").await;
    for count in ["2", "3", "4"] {
        browser.wait_text("#count", count).await;
    }
    browser.click("Result").await;
    browser.comes_to("/sent?counts").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dialog_is_a_part_with_a_name() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    browser.goto("/asks").await;
    browser.sees_no("folded away").await;
    browser.click("More").await;
    browser.sees("folded away").await;
    browser.click("Delete").await;
    let question = browser.part("Delete it?");
    question.sees("Keep").await;
    browser.press("Escape").await;
    assert_eq!(browser.focused().await, "button \"Delete\"", "a dialog returns the focus");
    browser.press("Enter").await;
    question.click("Delete").await;
    browser.comes_to("/sent?delete=yes").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_page_copies_can_be_read() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    browser.goto("/asks").await;
    browser.click("Copy").await;
    assert_eq!(browser.clipboard().await, "curl it");
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_waits_in_vain_names_its_line_and_what_there_was() {
    let Some((_fixture, browser)) = open(Options::default().patience(Duration::from_millis(300))).await else { return };
    browser.goto("/form").await;
    let at = line!() + 1;
    let complaint = panic_of(async { browser.fill("Nmae", "x").await }).await;
    for part in [&format!("steps.rs:{at}:"), "fill \"Nmae\"", "\"Name\", \"Key\", \"Protocol\"", "/form"] {
        assert!(complaint.contains(part), "{part} is not in {complaint}");
    }
    let complaint = panic_of(async { browser.click("Open").await }).await;
    assert!(complaint.contains("2 of them have this name"), "{complaint}");
    let complaint = panic_of(async { browser.row("nowhere").click("Open").await }).await;
    assert!(complaint.contains("nowhere"), "{complaint}");
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_is_enough() {
    let Some((_fixture, browser)) = open(Options::default()).await else { return };
    browser.goto("/form").await;
    assert_eq!(browser.focused().await, "nothing");
    browser.press("Tab").await;
    assert_eq!(browser.focused().await, "textbox \"Name\"");
    browser.type_text("Ünïcode").await;
    browser.tab_to("RAW").await;
    browser.press("ArrowDown").await;
    assert!(browser.is_chosen("CEF").await);
    browser.press("Shift+Tab").await;
    assert_eq!(browser.focused().await, "combobox \"Protocol\"");
    browser.tab_to("Save").await;
    browser.press("Enter").await;
    browser.comes_to("/sent?name=%C3%9Cn%C3%AFcode&").await;
    browser.finish().await;
}
