//! Checks that fail: each says why and what to do, the connection is kept, and activating it needs a second confirmation.

use super::SUITE;
use super::desk::{Desk, LIST};
use super::received::Receives;
use super::words::ENGLISH;
use crate::world::browser::Options;
use crate::world::real;
use crate::world::sink::Sleeper;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_listens_activation_needs_a_second_confirmation() {
    let sleeper = Sleeper::new();
    let Some(desk) = Desk::open(Options::default(), &ENGLISH).await else { return };
    let browser = &desk.browser;
    desk.fill("Sleeper", &sleeper.endpoint(), "TCP").await;
    desk.create().await;
    browser.sees("The check failed: Connection refused").await;
    let stage = browser.wait_text("#check-stages .failed", "connect_refused").await;
    assert!(stage.contains("Connection refused") && stage.contains("Check the port number"), "{stage}");
    assert_eq!(desk.stages("failed").await, ["Connection"]);
    assert_eq!(desk.stages("left-out").await, ["Test message", "Watching", "Acknowledgement"]);
    desk.looks("a check that failed, with the form to activate").await;
    assert_eq!(desk.state("Sleeper").await, "inactive", "it is kept");

    // The browser does not let it go without the confirmation, and the service does not take it.
    browser.click("Activate").await;
    assert!(browser.focused().await.contains("Activate although the check failed"), "{}", browser.focused().await);
    browser.execute("document.getElementById('f-despite').required = false").await;
    browser.click("Activate").await;
    browser.sees("Sleeper was not activated: the check failed.").await;
    assert_eq!(desk.state("Sleeper").await, "inactive");
    browser.choose("Activate although the check failed").await;
    browser.click("Activate").await;
    browser.comes_to(LIST).await;
    desk.shows("Sleeper", "degraded").await;
    desk.row("Sleeper").sees("Connection refused").await;
    browser.sees("Sleeper is degraded: Connection refused").await;
    desk.looks("the list with a connection in trouble").await;

    // It goes on by itself when somebody listens, with all that came meanwhile.
    let meanwhile = desk.post(4).await;
    let sink = sleeper.wake();
    desk.shows("Sleeper", "active").await;
    sink.gets(&meanwhile).await;

    // A check that failed passes when it is done again.
    let late = Sleeper::new();
    desk.fill("Late", &late.endpoint(), "TCP").await;
    desk.create().await;
    browser.sees("The check failed: Connection refused").await;
    let late = late.wake();
    browser.click("Check again").await;
    desk.passes().await;
    assert_eq!(late.tests(), 1);
    browser.absent("#f-despite").await;
    desk.browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_mistake_with_tls_is_told_apart_and_can_be_mended() {
    let Some(root) = real::root(SUITE) else { return };
    let rsyslog = real::rsyslog(&root).await;
    let syslog_ng = real::syslog_ng(&root).await;
    let Some(desk) = Desk::open(Options::default(), &ENGLISH).await else { return };
    let browser = &desk.browser;
    let cases = [
        ("Plain port", syslog_ng.endpoint("syslog"), "TCP over TLS", "The port does not speak TLS", "plain_expected"),
        ("TLS port", rsyslog.endpoint("tls"), "TCP", "The port expects TLS", "tls_expected"),
        ("Other CA", rsyslog.endpoint("tls"), "TCP over TLS", "Unknown certificate authority", "cert_unknown_ca"),
    ];
    for (name, endpoint, protocol, cause, code) in cases {
        desk.fill(name, &endpoint, protocol).await;
        if name == "Other CA" {
            browser.fill("TLS key", &syslog_ng.pki.ca).await;
        }
        desk.create().await;
        browser.sees(&format!("The check failed: {cause}")).await;
        browser.wait_text("#check-stages .failed", code).await;
        browser.wait("#check-stages .failed .remedy").await;
        browser.click("Save as inactive").await;
        desk.shows(name, "inactive").await;
    }

    // The right authority, and the same check again.
    desk.menu("Other CA", "Configure").await;
    browser.click("Add new key").await;
    browser.fill("TLS key", &rsyslog.pki.ca).await;
    browser.click("Save").await;
    desk.menu("Other CA", "Check").await;
    desk.passes().await;
    desk.activate("Other CA", "From now on").await;
    let ids = desk.post(2).await;
    rsyslog.gets(&ids).await;
    desk.browser.finish().await;
}
