//! A person at a desk: a browser with the console of a service of its own, and the steps that all procedures share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::SUITE;
use super::words::Words;
use crate::world::browser::{self, Browser, Options, View};
use crate::world::console::sign_in;
use crate::world::service::{CONNECTIONS, EVENTS, Service};

/// Settings → SIEM.
pub(super) const LIST: &str = "/projects/default/settings/siem";

/// A signed-in operator.
pub(super) struct Desk {
    pub(super) browser: Browser,
    pub(super) service: Service,
    pub(super) words: &'static Words,
    /// Without it nothing on a page is renewed by itself.
    javascript: bool,
    posted: AtomicUsize,
}

impl Desk {
    /// `None` (said aloud) when this run does without a browser.
    pub(super) async fn open(options: Options, words: &'static Words) -> Option<Self> {
        let chromium = browser::chromium(SUITE)?;
        let service = Service::start().await;
        let browser = chromium.open(&service.url, options).await;
        sign_in(&browser, &service).await;
        browser.goto(LIST).await;
        Some(Self { browser, service, words, javascript: options.has_javascript(), posted: AtomicUsize::new(0) })
    }

    /// Sends events by the API; gives their ids.
    pub(super) async fn post(&self, count: usize) -> Vec<String> {
        let first = self.posted.fetch_add(count, Ordering::Relaxed);
        let ids: Vec<String> = (first..first + count).map(|number| format!("event-{number}")).collect();
        let event = |id: &String| json!({ "event_id": id, "action": "create-vm", "source": { "id": "nova" } });
        let report = self.service.post(EVENTS, &ids.iter().map(event).collect()).await.expect(200);
        assert_eq!(report["accepted"], count, "{report}");
        ids
    }

    /// Fills the form of a new connection as far as every connection needs it.
    pub(super) async fn fill(&self, name: &str, endpoint: &str, protocol: &str) {
        self.browser.click(self.words.create_connection).await;
        self.browser.fill(self.words.name, name).await;
        self.browser.fill(self.words.endpoint, endpoint).await;
        self.browser.choose(protocol).await;
    }

    /// Sends the form of a new connection; comes to its check.
    pub(super) async fn create(&self) {
        self.browser.click(self.words.create).await;
        self.comes_to_check().await;
    }

    /// Waits for the page of a check.
    pub(super) async fn comes_to_check(&self) {
        self.browser.wait("#check-summary").await;
    }

    /// Waits until the check passed.
    pub(super) async fn passes(&self) {
        self.browser.sees(self.words.passed).await;
        self.browser.absent("#check-stages > :not(.passed)").await;
    }

    /// The stages of the check whose mark is this one now: `passed`, `running`, `waiting`, `failed`, `left-out`.
    pub(super) async fn stages(&self, mark: &str) -> Vec<String> {
        let names = self.browser.texts(&format!("#check-stages .{mark} .stage-name")).await;
        // After the colon stands what is only read out.
        names.iter().map(|name| name.split(':').next().unwrap_or_default().trim().to_owned()).collect()
    }

    /// Activates with this beginning; comes to the list, where this is the one that is active.
    pub(super) async fn activate(&self, name: &str, start: &str) {
        self.browser.choose(start).await;
        self.browser.click(self.words.activate).await;
        self.browser.wait(&format!("main form[action='{LIST}/delete']")).await;
        self.shows(name, "active").await;
    }

    /// The row of a connection in the list.
    pub(super) fn row(&self, name: &str) -> View {
        self.browser.row(name)
    }

    /// Waits until the list shows a connection in this state, in words, too.
    pub(super) async fn shows(&self, name: &str, state: &str) {
        let began = Instant::now();
        // As a person without JavaScript looks again.
        while !self.javascript && !self.row(name).attribute(".status", "class").await.unwrap().ends_with(state) {
            assert!(began.elapsed() < Duration::from_secs(60), "{name} does not become {state}");
            self.browser.reload().await;
        }
        self.row(name).wait(&format!(".status.{state}")).await;
        self.row(name).wait_text(".status", self.words.state(state)).await;
    }

    /// Chooses something in the menu of a row.
    pub(super) async fn menu(&self, name: &str, item: &str) {
        self.row(name).click(&format!("{} {name}", self.words.actions)).await;
        self.row(name).click(item).await;
    }

    /// Ticks the box of a row.
    pub(super) async fn tick(&self, name: &str) {
        self.row(name).choose(&format!("{} {name}", self.words.select)).await;
    }

    /// A button over the table, for the rows that are ticked.
    pub(super) async fn with_ticked(&self, button: &str) {
        self.browser.part(self.words.selected).click(button).await;
    }

    /// Fails the test when somebody cannot use the page as it is now, or it does not fit.
    #[track_caller]
    pub(super) fn looks(&self, page: &str) -> impl Future<Output = ()> {
        let (accessible, fits) = (self.browser.assert_accessible(page), self.browser.assert_fits(page));
        async move {
            // What lies half under the bar at the top is small there.
            self.browser.execute("scrollTo(0, 0)").await;
            accessible.await;
            fits.await;
        }
    }

    /// A connection as the API shows it; `None` when there is none of this name.
    pub(super) async fn stored(&self, name: &str) -> Option<Value> {
        let all = self.service.get(CONNECTIONS).await.expect(200);
        all["connections"].as_array().unwrap().iter().find(|connection| connection["name"] == name).cloned()
    }

    /// Its state, as the API says it.
    pub(super) async fn state(&self, name: &str) -> String {
        self.stored(name).await.unwrap()["status"].as_str().unwrap().to_owned()
    }
}
