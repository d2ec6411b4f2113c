//! Deleting one connection and several, with a confirmation that names them.

use serde_json::json;

use super::SUITE;
use super::desk::{Desk, LIST};
use super::received::Receives;
use super::words::ENGLISH;
use crate::world::browser::Options;
use crate::world::{eventually, real};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_is_named_and_confirmed() {
    let Some(root) = real::root(SUITE) else { return };
    let rsyslog = real::rsyslog(&root).await;
    let Some(desk) = Desk::open(Options::default(), &ENGLISH).await else { return };
    let browser = &desk.browser;
    let mut active = String::new();
    for name in ["Active one", "Idle one", "Spare one", "Kept one"] {
        let connection = json!({ "name": name, "endpoint": rsyslog.endpoint("tcp"), "transport": "tcp",
            "format": "rfc5424", "framing": "lf" });
        let id = desk.service.create(&connection).await;
        active = if name == "Active one" { id } else { active };
    }
    desk.service.activate(&active, "now").await;
    browser.reload().await;
    desk.shows("Active one", "active").await;
    let before = desk.post(3).await;
    rsyslog.gets(&before).await;

    // One, by the menu of its row; every way back leaves it, and the focus where it was.
    for way_back in ["Cancel", "Escape"] {
        desk.menu("Spare one", "Delete").await;
        let dialog = browser.part("Delete this connection?");
        dialog.sees("Spare one").await;
        dialog.sees_no("Active one").await;
        desk.looks("the question before one is deleted").await;
        assert!(browser.focused().await.contains("\"Cancel\""), "the harmless answer has the focus");
        if way_back == "Escape" {
            browser.press("Escape").await
        } else {
            dialog.click("Cancel").await
        }
        browser.absent("dialog").await;
        assert!(browser.focused().await.ends_with("\"Actions for Spare one\""), "{}", browser.focused().await);
        assert_eq!(desk.state("Spare one").await, "inactive");
    }
    desk.menu("Spare one", "Delete").await;
    browser.click("Delete connection").await;
    browser.sees("Connection deleted: Spare one.").await;
    browser.row("Kept one").sees("inactive").await;
    assert!(desk.stored("Spare one").await.is_none());

    // Several, the active one among them.
    desk.tick("Active one").await;
    desk.tick("Idle one").await;
    desk.with_ticked("Delete").await;
    let dialog = browser.part("Delete 2 connections?");
    dialog.sees("Idle one").await;
    dialog.row("Active one").sees("Active. It is stopped first.").await;
    dialog.sees_no("Kept one").await;
    desk.looks("the question before several are deleted").await;
    dialog.click("Cancel").await;
    browser.absent("dialog").await;
    assert_eq!(browser.focused().await, "button \"Delete\"");
    assert!(desk.row("Idle one").is_chosen("Select Idle one").await, "the choice is kept");
    assert_eq!(desk.state("Active one").await, "active");
    desk.with_ticked("Delete").await;
    browser.part("Delete 2 connections?").click("Delete 2 connections").await;
    browser.sees("2 connections deleted: Active one, Idle one.").await;
    browser.comes_to(LIST).await;
    assert_eq!(browser.texts(".connection-name").await, ["Kept one"]);
    assert!(desk.stored("Active one").await.is_none() && desk.stored("Idle one").await.is_none());

    // What comes now comes to nobody; it would have come before what the next connection sends.
    let after = desk.post(3).await;
    let kept = desk.stored("Kept one").await.unwrap();
    desk.service.activate(kept["id"].as_str().unwrap(), "now").await;
    let last = desk.post(1).await;
    rsyslog.gets(&last).await;
    assert!(rsyslog.has_none(&after));

    // The last one: the list is empty again, also in the eyes of one who deletes by the API.
    desk.service.post("/api/v1/projects/default/connections/delete", &json!({ "ids": [kept["id"]] })).await.expect(200);
    browser.sees("No SIEM connection yet").await;
    eventually("deleted", std::time::Duration::from_secs(10), async || {
        desk.stored("Kept one").await.is_none().then_some(())
    })
    .await;
    desk.browser.finish().await;
}
