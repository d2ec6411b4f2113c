//! Changing the settings of a connection, inactive or active, and mistakes in the form.

use std::sync::atomic::{AtomicBool, Ordering};

use super::SUITE;
use super::desk::{Desk, LIST};
use super::received::Receives;
use super::words::ENGLISH;
use crate::world::browser::{Browser, Options};
use crate::world::real;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_are_told_at_their_fields_and_a_key_never_comes_back() {
    let Some(root) = real::root(SUITE) else { return };
    let rsyslog = real::rsyslog(&root).await;
    let Some(desk) = Desk::open(Options::default(), &ENGLISH).await else { return };
    let browser = &desk.browser;
    let pem = [&*rsyslog.pki.ca, &rsyslog.pki.client, &rsyslog.pki.client_key].concat();

    desk.fill("", "no port", "TCP over TLS").await;
    browser.fill("TLS key", &pem).await;
    browser.wait_text("#pem-contents", "Private key: present").await;
    browser.click_css("#format-options > summary").await;
    browser.fill("Maximum message size, bytes", "12").await;
    browser.expect_status(422, &format!("{LIST}/new"));
    browser.click("Create and check").await;
    browser.wait_text("#f-name-error", "Enter a name").await;
    for field in ["endpoint", "max_bytes"] {
        browser.wait(&format!("#f-{field}-error")).await;
        assert_eq!(browser.attribute(&format!("#f-{field}"), "aria-invalid").await.as_deref(), Some("true"));
    }
    assert_eq!(browser.focused().await, "textbox \"Name\"", "the first mistake has the focus");
    assert!(browser.is_chosen("TCP over TLS").await);
    assert_eq!(browser.value("Connection point").await, "no port");
    assert_eq!(browser.value("Maximum message size, bytes").await, "12");
    assert_eq!(browser.value("TLS key").await.trim(), pem.trim(), "nothing that was entered is lost");
    browser.wait_text("#pem-contents", "Private key: present").await;
    desk.looks("the form with mistakes").await;
    never_shows(browser, &pem).await;

    browser.fill("Name", "Mended").await;
    browser.fill("Connection point", &rsyslog.endpoint("tls")).await;
    browser.fill("Maximum message size, bytes", "65000").await;
    desk.create().await;
    desk.passes().await;
    never_shows(browser, &pem).await;
    browser.click("Save as inactive").await;
    desk.shows("Mended", "inactive").await;

    // The stored key is told about, kept, and never shown.
    desk.menu("Mended", "Configure").await;
    browser.sees("Private key: present, never shown again").await;
    assert_eq!(browser.value("Maximum message size, bytes").await, "65000");
    never_shows(browser, &pem).await;
    desk.looks("the form of a stored connection").await;
    browser.fill("Name", "Renamed").await;
    browser.choose("CEF (Common Event Format)").await;
    browser.click("Save").await;
    browser.sees("Connection Renamed is saved.").await;
    desk.row("Renamed").sees("CEF").await;
    never_shows(browser, &pem).await;
    let stored = desk.stored("Renamed").await.unwrap();
    assert_eq!((&stored["format"], &stored["options"]["max_bytes"]), (&"cef".into(), &65000.into()));
    assert_eq!((&stored["tls"]["client_key"], &stored["status"]), (&true.into(), &"inactive".into()));
    assert!(desk.stored("Mended").await.is_none());
    desk.browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_active_one_goes_on_with_new_settings_without_a_gap() {
    let Some(root) = real::root(SUITE) else { return };
    let rsyslog = real::rsyslog(&root).await;
    let Some(desk) = Desk::open(Options::default(), &ENGLISH).await else { return };
    let browser = &desk.browser;
    desk.fill("Steady", &rsyslog.endpoint("tcp"), "TCP").await;
    browser.choose("RAW (Syslog RFC5424)").await;
    desk.create().await;
    desk.passes().await;
    desk.activate("Steady", "From now on").await;
    let raw = desk.post(3).await;
    let start = rsyslog.gets(&raw).await[0].seq;

    // While events come, all the time.
    let saved = AtomicBool::new(false);
    let events = async {
        while !saved.load(Ordering::Relaxed) {
            desk.post(2).await;
        }
    };
    let save = async {
        desk.menu("Steady", "Configure").await;
        browser.choose("CEF (Common Event Format)").await;
        browser.click("Save and keep active").await;
        desk.comes_to_check().await;
        saved.store(true, Ordering::Relaxed);
    };
    tokio::join!(events, save);
    desk.passes().await;
    browser.click("Back to the list").await;
    desk.shows("Steady", "active").await;
    desk.row("Steady").sees("CEF").await;
    let cef = desk.post(3).await;
    rsyslog.gets(&cef).await;
    let got = rsyslog.gets_all(&desk.service, start).await;
    let in_cef = |ids: &[String], wanted: bool| got.iter().filter(|m| ids.contains(&m.id)).all(|m| m.is_cef == wanted);
    assert!(in_cef(&raw, false) && in_cef(&cef, true), "{got:?}");

    // Saved as inactive it stops; when it starts again, nothing is missing.
    desk.menu("Steady", "Configure").await;
    browser.choose("RAW (Syslog RFC5424)").await;
    browser.click("Save as inactive").await;
    browser.sees("Connection Steady is saved and inactive.").await;
    desk.shows("Steady", "inactive").await;
    assert_eq!(desk.state("Steady").await, "inactive");
    let while_inactive = desk.post(3).await;
    desk.menu("Steady", "Start").await;
    desk.passes().await;
    assert!(rsyslog.has_none(&while_inactive));
    desk.activate("Steady", "Continue").await;
    let got = rsyslog.gets(&while_inactive).await;
    assert!(got.iter().filter(|m| while_inactive.contains(&m.id)).all(|m| !m.is_cef), "{got:?}");
    rsyslog.gets_all(&desk.service, start).await;
    desk.browser.finish().await;
}

/// No line of a PEM stands anywhere in the page. What is in a field at the moment is no part of its HTML.
async fn never_shows(browser: &Browser, pem: &str) {
    let html = browser.html().await;
    for line in pem.lines().filter(|line| !line.starts_with('-')) {
        assert!(!html.contains(line), "{} shows {line}", browser.path().await);
    }
}
