//! Creating a connection, waiting for its check, activating it or saving it as inactive.

use serde_json::json;

use super::SUITE;
use super::desk::Desk;
use super::received::{Receives, in_order};
use super::words::ENGLISH;
use crate::world::browser::Options;
use crate::world::gate::Gate;
use crate::world::real;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tcp_after_it_was_saved_as_inactive() {
    let Some(root) = real::root(SUITE) else { return };
    let rsyslog = real::rsyslog(&root).await;
    let Some(desk) = Desk::open(Options::default(), &ENGLISH).await else { return };
    let browser = &desk.browser;
    browser.sees("No SIEM connection yet").await;
    desk.looks("the empty list").await;

    desk.fill("Main SIEM", &rsyslog.endpoint("tcp"), "TCP").await;
    browser.choose("RAW (Syslog RFC5424)").await;
    desk.create().await;
    browser.sees("Connection Main SIEM is created. It is inactive.").await;
    desk.passes().await;
    let stages = ["Address", "Name resolution", "Connection", "Test message", "Watching", "Acknowledgement"];
    assert_eq!(desk.stages("passed").await, stages);
    rsyslog.wait(1, |message| message["msgid"] == "siem-connection-test").await;
    desk.looks("a check that passed, with the form to activate").await;

    browser.click("Save as inactive").await;
    browser.sees("Main SIEM is saved as inactive.").await;
    desk.shows("Main SIEM", "inactive").await;
    let row = desk.row("Main SIEM");
    row.sees("never started").await;
    row.sees(&rsyslog.endpoint("tcp")).await;
    row.sees("RAW").await;
    let while_inactive = desk.post(3).await;

    desk.menu("Main SIEM", "Start").await;
    desk.passes().await;
    assert_eq!(rsyslog.tests(), 1, "a check that passed a moment ago is not repeated");
    browser.wait_text("#f-start-now-sends", "Nothing to send at the moment").await;
    desk.activate("Main SIEM", "From now on").await;
    browser.sees("Main SIEM is active.").await;
    let while_active = desk.post(3).await;
    let got = rsyslog.gets(&while_active).await;
    let got = rsyslog.gets_all(&desk.service, got[0].seq).await;
    assert!(rsyslog.has_none(&while_inactive), "they came although nothing was active: {got:?}");
    assert!(in_order(&got) && got.iter().all(|got| !got.is_cef), "{got:?}");
    // The list says so without being loaded again.
    row.wait_text("[id$=-backlog]", "0").await;
    desk.looks("the list with an active connection").await;
    desk.browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_udp_from_a_time() {
    let Some(root) = real::root(SUITE) else { return };
    let rsyslog = real::rsyslog(&root).await;
    let Some(desk) = Desk::open(Options::default(), &ENGLISH).await else { return };
    let browser = &desk.browser;
    let before = desk.post(5).await;
    desk.fill("Datagrams", &rsyslog.endpoint("udp"), "UDP").await;
    browser.choose("CEF (Common Event Format)").await;
    desk.create().await;
    browser.sees("UDP cannot confirm").await;
    browser.wait_text("#check-stages .doubtful", "udp_unconfirmed").await;
    let stages = ["Address", "Name resolution", "Connection", "Test message", "Watching"];
    assert_eq!(desk.stages("passed").await, stages);
    assert_eq!(desk.stages("doubtful").await, ["Acknowledgement"]);
    rsyslog.wait(1, |message| message["msg"].as_str().unwrap().contains("siem-connection-test")).await;

    browser.choose("From a time").await;
    let waiting = desk.service.all_events().await.len();
    browser.wait_text("#f-start-from-sends", &format!("{waiting} events will be sent now")).await;
    desk.looks("the form to activate with a time").await;
    browser.click("Activate").await;
    browser.sees("Datagrams is active.").await;
    desk.shows("Datagrams", "active").await;
    desk.row("Datagrams").sees("UDP").await;
    let after = desk.post(5).await;
    rsyslog.gets(&after).await;
    let got = rsyslog.gets_all(&desk.service, 1).await;
    assert!(got.iter().all(|got| got.is_cef));
    assert!(before.iter().all(|id| got.iter().any(|got| got.id == *id)));
    desk.browser.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_with_a_certificate_authority() {
    let Some(root) = real::root(SUITE) else { return };
    let rsyslog = real::rsyslog(&root).await;
    let gate = Gate::before(rsyslog.port("tls")).await;
    let Some(desk) = Desk::open(Options::default(), &ENGLISH).await else { return };
    let browser = &desk.browser;
    desk.fill("Secure", &gate.endpoint(), "TCP over TLS").await;
    browser.fill("TLS key", "-----BEGIN CERTIFICATE-----\nthis is none\n-----END CERTIFICATE-----").await;
    browser.wait("#pem-contents .error").await;
    browser.fill("TLS key", &rsyslog.pki.ca).await;
    browser.wait_text("#pem-contents", "Test CA").await;
    browser.absent("#pem-contents .error").await;
    assert!(desk.stored("Secure").await.is_none(), "it is shown before anything is stored");
    desk.looks("the form with certificates").await;
    desk.create().await;

    // The receiver keeps silent at first: its stage runs, those before it have passed, those behind it wait.
    browser.wait_text("#check-stages .running", "TLS handshake").await;
    let (passed, waiting) = (desk.stages("passed").await, desk.stages("waiting").await);
    gate.open();
    assert_eq!(passed, ["Address", "Name resolution", "Connection"]);
    assert_eq!(waiting, ["Test message", "Watching", "Acknowledgement"]);
    desk.passes().await;
    browser.sees("Test CA").await;

    desk.activate("Secure", "From now on").await;
    desk.row("Secure").sees("TCP over TLS").await;
    let ids = desk.post(5).await;
    let got = rsyslog.gets(&ids).await;
    assert!(in_order(&rsyslog.gets_all(&desk.service, got[0].seq).await));
    let stored = desk.stored("Secure").await.unwrap();
    assert_eq!((&stored["status"], &stored["verified"]), (&json!("active"), &json!(true)));
    desk.browser.finish().await;
}
