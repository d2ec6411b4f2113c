//! Everything can be done by keyboard alone: the way of the focus, menus, sheets and dialogs.

use serde_json::{Value, json};

use crate::world::browser::{self, Browser, Options};
use crate::world::service::{EVENTS, Service};
use crate::world::sink::Sink;

const SUITE: &str = "the console by keyboard";
const PASSWORD: &str = "a sentence is easier";

/// In by the link, a password, out, and in by the password.
async fn sign_in(browser: &Browser, service: &Service) {
    let link = std::fs::read_to_string(service.folder.path().join("data/sign-in.url")).unwrap();
    browser.goto(link.trim().strip_prefix(&service.url).unwrap()).await;
    assert_eq!(browser.focused().await, "button \"Sign in\"", "nothing else can be done here");
    browser.press("Enter").await;
    browser.comes_to("/account/password").await;
    browser.tab_to("New password").await;
    browser.type_text(PASSWORD).await;
    browser.tab_to("New password again").await;
    browser.type_text(PASSWORD).await;
    browser.press("Enter").await;
    browser.comes_to("/projects/default/events").await;

    browser.tab_to("Account: operator").await;
    browser.press("Enter").await;
    browser.press("ArrowUp").await;
    assert_eq!(browser.focused().await, "button \"Sign out\"", "the last of the menu");
    browser.press("Space").await;
    browser.comes_to("/sign-in").await;
    browser.sees("You are signed out").await;
    browser.type_text(PASSWORD).await;
    browser.press("Enter").await;
    browser.comes_to("/projects/default/events").await;
}

async fn start() -> Option<(Service, Browser)> {
    let chromium = browser::chromium(SUITE)?;
    let service = Service::start().await;
    service.post("/api/v1/projects", &json!({ "id": "other", "name": "Other" })).await.expect(201);
    let events = json!([
        { "action": "a-first", "severity": "ERROR" },
        { "action": "a-second", "severity": "INFO" },
        { "action": "a-third", "severity": "ERROR" },
    ]);
    service.post(EVENTS, &events).await.expect(200);
    let browser = chromium.open(&service.url, Options::default()).await;
    sign_in(&browser, &service).await;
    browser.goto("/projects/default/events").await;
    Some((service, browser))
}

/// Presses a key many times; all that has the focus meanwhile lies in the open dialog.
async fn assert_trapped(browser: &Browser, keys: &str) {
    for _ in 0..30 {
        browser.press(keys).await;
        let outside = "const e = document.activeElement; return e !== document.body && !document.querySelector('dialog[open]').contains(e)";
        assert_eq!(
            browser.execute(outside).await,
            false,
            "{keys} leads out of the dialog, to {}",
            browser.focused().await
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_event_log() {
    let Some((_service, browser)) = start().await else { return };
    browser.press("Tab").await;
    assert_eq!(browser.focused().await, "link \"Skip to the content\"", "the first stop");
    let place = "const r = document.activeElement.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]";
    let place = browser.execute(place).await;
    let seen = place.as_array().unwrap().iter().all(|n| n.as_f64().unwrap() > 1.0);
    assert!(seen, "it is seen while it has the focus: {place}");
    browser.press("Enter").await;
    browser.press("Tab").await;
    let inside = "return document.getElementById('content').contains(document.activeElement)";
    assert_eq!(browser.execute(inside).await, true, "skipped to {}", browser.focused().await);

    // An event, its neighbours, and back to its row.
    browser.tab_to("a-second").await;
    browser.press("Enter").await;
    browser.wait("dialog[open] .event-json").await;
    assert_trapped(&browser, "Tab").await;
    assert_trapped(&browser, "Shift+Tab").await;
    browser.tab_to("Next").await;
    browser.press("Enter").await;
    browser.part("a-third").wait_text("h1", "a-third").await;
    browser.press("Escape").await;
    browser.absent("dialog").await;
    assert_eq!(browser.focused().await, "link \"a-third\"", "where one left it");
    assert_eq!(
        browser.path().await,
        "/projects/default/events#content",
        "a jump in the page and a sheet are no other page"
    );

    // A filter, chosen in its menu; the focus stays on its button.
    browser.press("Home").await;
    browser.execute("document.getElementById('content').focus()").await;
    browser.tab_to("Severity").await;
    browser.press("Space").await;
    browser.tab_to("ERROR 2").await;
    browser.press("Space").await;
    browser.press("Escape").await;
    browser.comes_to("/projects/default/events?severity=ERROR").await;
    browser.sees_no("a-second").await;
    browser.wait("#m-severity.chosen").await;
    assert_eq!(browser.execute("return document.activeElement.id").await, "m-severity");
    browser.tab_to("Clear filters").await;
    browser.press("Enter").await;
    browser.sees("a-second").await;

    // Another project.
    browser.tab_to("Project: Default").await;
    browser.press("ArrowDown").await;
    assert_eq!(browser.focused().await, "link \"Other\"");
    browser.press("Escape").await;
    browser.absent(".bar .menu-list").await;
    browser.press("Enter").await;
    browser.press("ArrowDown").await;
    browser.press("Enter").await;
    browser.comes_to("/projects/other/events").await;
    browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_stop_is_seen_and_the_order_is_that_of_the_page() {
    let Some((service, browser)) = start().await else { return };
    let id = service
        .create(&json!({ "name": "SIEM", "endpoint": "127.0.0.1:1", "transport": "tls", "format": "cef" }))
        .await;
    let siem = "/projects/default/settings/siem";
    for path in [
        "/projects/default/events",
        "/projects/default/events/1",
        "/projects/other/events",
        "/projects",
        "/account",
        siem,
        &format!("{siem}/delete?id={id}"),
        &format!("{siem}/connections/{id}"),
        &format!("{siem}/connections/{id}/check"),
    ] {
        browser.goto(path).await;
        browser.tab_stops().await;
        let leaps = browser.execute(LEAPS).await;
        assert_eq!(leaps, Value::Array(Vec::new()), "{path}");
    }
    browser.finish().await;
}

/// What takes itself out of the page's order, or cannot be reached though it can be clicked.
const LEAPS: &str = "
    return [...document.querySelectorAll('[tabindex]')].filter(e => e.tabIndex > 0)
      .concat([...document.querySelectorAll('a:not([href]), [onclick], div[role=button], span[role=button]')])
      .map(e => e.outerHTML.slice(0, 120));";

/// Creates a connection without a mouse and activates it.
async fn create(browser: &Browser, name: &str, endpoint: &str) {
    browser.tab_to("Create connection").await;
    browser.press("Enter").await;
    browser.comes_to("/projects/default/settings/siem/new").await;
    assert_eq!(browser.focused().await, "textbox \"Name\"", "where one begins");
    browser.type_text(name).await;
    browser.tab_to("Connection point").await;
    browser.type_text(endpoint).await;
    // Radio buttons are one stop; arrows choose among them.
    browser.press("Tab").await;
    browser.press("ArrowDown").await;
    assert!(browser.is_chosen("UDP").await);
    browser.press("ArrowUp").await;
    assert!(browser.is_chosen("TCP").await);
    browser.press("Enter").await;
    browser.comes_to("/projects/default/settings/siem/connections/").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections() {
    let sink = Sink::stream(None).await;
    let Some((_service, browser)) = start().await else { return };
    browser.tab_to("Settings").await;
    browser.press("Enter").await;
    browser.comes_to("/projects/default/settings/siem").await;
    create(&browser, "First", &format!("127.0.0.1:{}", sink.port)).await;
    browser.wait("#activate-button button:not([disabled])").await;
    browser.tab_to("Activate").await;
    browser.press("Enter").await;
    browser.comes_to("/projects/default/settings/siem").await;
    browser.row("First").sees("active").await;
    create(&browser, "Second", "127.0.0.1:1").await;
    browser.wait("#activate-button button:not([disabled])").await;
    browser.tab_to("Save as inactive").await;
    browser.press("Enter").await;
    browser.comes_to("/projects/default/settings/siem").await;

    // The menu of a row: walked through by arrows, left by Escape.
    browser.tab_to("Actions for First").await;
    browser.press("Enter").await;
    browser.press("ArrowDown").await;
    assert_eq!(browser.focused().await, "link \"Configure\"");
    browser.press("Escape").await;
    assert!(browser.focused().await.ends_with("\"Actions for First\""), "{}", browser.focused().await);
    browser.press("ArrowUp").await;
    assert_eq!(browser.focused().await, "link \"Delete\"", "the last one");
    browser.press("Enter").await;
    browser.wait("dialog[open] .going").await;
    assert_eq!(browser.focused().await, "link \"Cancel\"", "what harms nothing");
    assert_trapped(&browser, "Tab").await;
    assert_trapped(&browser, "Shift+Tab").await;
    browser.press("Escape").await;
    browser.absent("dialog").await;
    assert!(browser.focused().await.ends_with("\"Actions for First\""), "{}", browser.focused().await);

    // A row is checked, and what is asked before it goes is answered with no, then with yes.
    browser.execute("document.getElementById('content').focus()").await;
    browser.tab_to("Select Second").await;
    browser.press("Space").await;
    for answer in ["Cancel", "Delete connection"] {
        browser.execute("document.getElementById('content').focus()").await;
        browser.tab_to("Delete").await;
        browser.press("Enter").await;
        browser.wait("dialog[open] .going").await;
        if browser.focused().await != format!("link {answer:?}") {
            browser.tab_to(answer).await;
        }
        browser.press("Enter").await;
        browser.absent("dialog").await;
        if answer == "Cancel" {
            assert_eq!(browser.focused().await, "button \"Delete\"", "back where it was asked");
        }
    }
    browser.sees_no("Select Second").await;
    browser.row("First").sees("active").await;
    browser.finish().await;
}
