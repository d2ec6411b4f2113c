//! Somebody who sees the console for the first time: from the link of the first start to a SIEM that receives events.

use std::cell::Cell;
use std::process::{Command, Stdio};

use super::SUITE;
use super::received::Receives;
use crate::world::browser::{self, Browser, Options, View};
use crate::world::real;
use crate::world::service::Service;

/// Clicks and fields from the first page to an active connection.
const ENOUGH: u32 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connects_a_siem_in_a_few_steps() {
    let Some(root) = real::root(SUITE) else { return };
    let Some(chromium) = browser::chromium(SUITE) else { return };
    let rsyslog = real::rsyslog(&root).await;
    let service = Service::start().await;
    let browser = chromium.open(&service.url, Options::default()).await;
    let hand = Hand { browser: &browser, steps: Cell::new(0) };
    let link = std::fs::read_to_string(service.folder.path().join("data/sign-in.url")).unwrap();
    browser.goto(link.trim().strip_prefix(&service.url).unwrap()).await;
    hand.click("Sign in").await;
    hand.fill("New password", "a sentence is easier to remember").await;
    hand.fill("New password again", "a sentence is easier to remember").await;
    hand.click("Save password").await;

    // The empty log says how to send a first event. It appears by itself.
    browser.sees("No events yet").await;
    browser.assert_accessible("the empty log").await;
    hand.click("Copy").await;
    let command = browser.clipboard().await;
    run(&command, &service);
    browser.sees("Alice signed in").await;
    browser.assert_accessible("the log with its first event").await;

    hand.click_in(&browser.part("Sections"), "Settings").await;
    hand.click("Create connection").await;
    hand.fill("Name", "My SIEM").await;
    hand.fill("Connection point", &rsyslog.endpoint("tcp")).await;
    hand.click("Create and check").await;
    browser.sees("The check passed").await;
    hand.click("Activate").await;
    browser.row("My SIEM").wait(".status.active").await;
    assert!(hand.steps.get() <= ENOUGH, "{} steps", hand.steps.get());

    let sent = service.all_events().await.len() as u64;
    run(&command, &service);
    let event = service.all_events().await.into_iter().find(|event| event["seq"] == sent + 1).unwrap();
    assert_eq!(event["action"], "user-signin");
    rsyslog.gets(&[event["event_id"].as_str().unwrap().to_owned()]).await;
    browser.row("My SIEM").wait_text("[id$=-acknowledged]", &(sent + 1).to_string()).await;
    browser.finish().await;
}

/// Counts what a person does.
struct Hand<'a> {
    browser: &'a Browser,
    steps: Cell<u32>,
}

impl Hand<'_> {
    async fn click(&self, name: &str) {
        self.click_in(self.browser, name).await;
    }

    async fn click_in(&self, part: &View, name: &str) {
        self.steps.set(self.steps.get() + 1);
        part.click(name).await;
    }

    async fn fill(&self, label: &str, value: &str) {
        self.steps.set(self.steps.get() + 1);
        self.browser.fill(label, value).await;
    }
}

/// Runs a command that a page shows, with the operator's token as the page says.
fn run(command: &str, service: &Service) {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).env("AUDITWIRE_TOKEN", &service.token).stdin(Stdio::null());
    let output = shell.output().unwrap();
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && answer.contains("\"accepted\":1"), "{command}: {output:?}");
}
