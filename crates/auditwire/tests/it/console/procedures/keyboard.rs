//! The procedures without a mouse: everything is reached by Tab and done by Enter, Space and Escape.

use super::SUITE;
use super::desk::{Desk, LIST};
use super::received::Receives;
use super::words::ENGLISH;
use crate::world::browser::Options;
use crate::world::real;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_is_enough() {
    let Some(root) = real::root(SUITE) else { return };
    let rsyslog = real::rsyslog(&root).await;
    let Some(desk) = Desk::open(Options::default(), &ENGLISH).await else { return };
    let browser = &desk.browser;
    let go = async |name: &str, key: &str| {
        browser.tab_to(name).await;
        browser.press(key).await;
    };

    go("Create connection", "Enter").await;
    browser.comes_to(&format!("{LIST}/new")).await;
    browser.sees("Create and check").await;
    assert_eq!(browser.focused().await, "textbox \"Name\"", "the form begins where one begins");
    browser.type_text("By hand").await;
    browser.tab_to("Connection point").await;
    browser.type_text(&rsyslog.endpoint("tcp")).await;
    // From the protocol that is chosen to the next and back.
    browser.tab_to("TCP").await;
    browser.press("ArrowDown").await;
    assert!(browser.is_chosen("UDP").await);
    browser.press("ArrowUp").await;
    go("Create and check", "Enter").await;
    desk.passes().await;
    go("Activate", "Enter").await;
    desk.shows("By hand", "active").await;
    let ids = desk.post(2).await;
    rsyslog.gets(&ids).await;

    // A menu opens, and its items are one Tab away.
    go("Actions for By hand", "Enter").await;
    go("Configure", "Enter").await;
    browser.tab_to("RAW (Syslog RFC5424)").await;
    browser.press("ArrowDown").await;
    go("Save and keep active", "Enter").await;
    desk.passes().await;
    let ids = desk.post(2).await;
    assert!(rsyslog.gets(&ids).await.iter().any(|got| got.is_cef && got.id == ids[0]));
    go("Back to the list", "Enter").await;
    go("Actions for By hand", "Enter").await;
    browser.press("Escape").await;
    assert!(browser.focused().await.ends_with("\"Actions for By hand\""), "{}", browser.focused().await);
    browser.press("Enter").await;
    go("Stop", "Enter").await;
    desk.shows("By hand", "inactive").await;

    // The dialog keeps the focus until it is answered.
    go("Select By hand", "Space").await;
    go("Delete", "Enter").await;
    browser.sees("Delete this connection?").await;
    for _ in 0..6 {
        let focused = browser.focused().await;
        let inside = ["link \"Cancel\"", "button \"Delete connection\"", "nothing"];
        assert!(inside.contains(&&*focused), "{focused} has the focus behind the dialog");
        browser.press("Tab").await;
    }
    browser.press("Escape").await;
    browser.absent("dialog").await;
    assert_eq!(browser.focused().await, "button \"Delete\"");
    browser.press("Enter").await;
    browser.sees("Delete this connection?").await;
    go("Delete connection", "Enter").await;
    browser.sees("No SIEM connection yet").await;
    assert!(desk.stored("By hand").await.is_none());
    desk.browser.finish().await;
}
