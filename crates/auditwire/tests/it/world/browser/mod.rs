//! A real browser for tests: Debian's Chromium, driven as a person drives it, by the names that a person sees.
//!
//! ```ignore
//! let Some(chromium) = browser::chromium("the connections page") else { return };
//! let browser = chromium.open(&service.url, Options::default().dark()).await;
//! browser.goto("/sign-in").await;
//! browser.fill("Password", "…").await;
//! browser.click("Sign in").await;
//! browser.sees("Event log").await;
//! browser.row("siem").click("Start").await;
//! browser.assert_accessible("event log").await;
//! browser.finish().await;
//! ```
//!
//! Every step waits for what it needs, with a limit, and names its line in the test when the limit is over.
//! [`Browser::finish`] fails the test when the page broke its content policy, threw an error, asked another origin, or got
//! an answer of failure that the test had not announced. A test that fails leaves a picture and the page's text in
//! `target/browser-failures/`.

mod act;
mod check;
mod command;
mod driver;
mod failure;
mod find;
mod look;
mod picture;
mod png;
mod step;
mod watch;

use std::ops::Deref;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fantoccini::Client;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use self::driver::Driver;
pub(crate) use self::failure::folder as failures;
pub(crate) use self::find::View;
pub(crate) use self::png::Picture;
use self::watch::Watch;
use super::given;

/// Tests that may have browsers open at the same time in this process; each browser is a dozen processes.
static TESTS: Semaphore = Semaphore::const_new(2);

/// Where the installed browser is.
#[derive(Clone)]
pub(crate) struct Chromium {
    program: PathBuf,
    driver: PathBuf,
}

/// The installed browser; `None` (said aloud) when this run does without.
pub(crate) fn chromium(suite: &str) -> Option<Chromium> {
    let program = given("AUDITWIRE_TEST_CHROMIUM", suite)?;
    let driver = given("AUDITWIRE_TEST_CHROMEDRIVER", suite)?;
    Some(Chromium { program, driver })
}

/// How the person at the browser has set it up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    javascript: bool,
    language: &'static str,
    dark: bool,
    width: u32,
    height: u32,
    time_zone: &'static str,
    patience: Duration,
}

impl Default for Options {
    /// JavaScript on, English, light, 1280 × 800, UTC.
    fn default() -> Self {
        Self {
            javascript: true,
            language: "en",
            dark: false,
            width: 1280,
            height: 800,
            time_zone: "UTC",
            // Nothing that a console shows takes longer on a slow machine.
            patience: Duration::from_secs(30),
        }
    }
}

impl Options {
    /// JavaScript off, as the browser's own setting does it.
    pub(crate) fn without_javascript(self) -> Self {
        Self { javascript: false, ..self }
    }

    /// What `Accept-Language` asks for, most wanted first, such as `ru` or `ru,en`.
    pub(crate) fn language(self, language: &'static str) -> Self {
        Self { language, ..self }
    }

    /// Whether pages may run scripts.
    pub(crate) fn has_javascript(self) -> bool {
        self.javascript
    }

    /// Dark colours.
    pub(crate) fn dark(self) -> Self {
        Self { dark: true, ..self }
    }

    /// A telephone: 380 × 800.
    pub(crate) fn narrow(self) -> Self {
        Self { width: 380, ..self }
    }

    /// An IANA time zone.
    pub(crate) fn time_zone(self, time_zone: &'static str) -> Self {
        Self { time_zone, ..self }
    }

    /// How long each step waits for what it needs, where the test is that it waits in vain.
    pub(crate) fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }
}

impl Chromium {
    /// A new browser with nothing in it, for the console at `origin` (`http://127.0.0.1:PORT`).
    ///
    /// A test that needs a second one at the same time takes it from the first ([`Browser::beside`]).
    pub(crate) async fn open(&self, origin: &str, options: Options) -> Browser {
        let permit = TESTS.acquire().await.unwrap();
        Browser::start(self.clone(), origin, options, Some(permit)).await
    }
}

/// A browser with one page. It must end with [`Browser::finish`]; a test that forgets it fails.
pub(crate) struct Browser {
    page: View,
    origin: String,
    options: Options,
    watch: Watch,
    driver: Driver,
    finished: bool,
    chromium: Chromium,
    _permit: Option<SemaphorePermit<'static>>,
}

impl Deref for Browser {
    type Target = View;

    fn deref(&self) -> &View {
        &self.page
    }
}

impl Browser {
    async fn start(
        chromium: Chromium,
        origin: &str,
        options: Options,
        permit: Option<SemaphorePermit<'static>>,
    ) -> Self {
        let driver = Driver::start(&chromium.driver).await;
        let client = driver.session(&chromium.program, &options).await;
        let origin = origin.trim_end_matches('/').to_owned();
        let watch = Watch::new(&origin);
        let page = View::whole(client, options.patience);
        let browser = Self { page, origin, options, watch, driver, finished: false, chromium, _permit: permit };
        browser.emulate().await;
        browser
    }

    /// Another browser with a profile of its own, beside this one.
    pub(crate) async fn beside(&self, options: Options) -> Self {
        // Without a permit: two tests that each hold one and wait for a second would wait for ever.
        Self::start(self.chromium.clone(), &self.origin, options, None).await
    }

    /// Opens a page by its path.
    #[track_caller]
    pub(crate) fn goto(&self, path: &str) -> impl Future<Output = ()> {
        let step = self.step(format!("open {path}"));
        async move { step.until(async || Ok(self.client().goto(&format!("{}{path}", self.origin)).await?)).await }
    }

    /// Loads the page again.
    #[track_caller]
    pub(crate) fn reload(&self) -> impl Future<Output = ()> {
        let step = self.step("load the page again".to_owned());
        async move { step.until(async || Ok(self.client().refresh().await?)).await }
    }

    /// The browser's "back".
    #[track_caller]
    pub(crate) fn back(&self) -> impl Future<Output = ()> {
        let step = self.step("go back".to_owned());
        async move { step.until(async || Ok(self.client().back().await?)).await }
    }

    /// Announces an answer of failure: some request whose path contains `path` gets `status`. Without it, 4xx and 5xx fail
    /// the test; with it, the test fails when it does not happen.
    pub(crate) fn expect_status(&self, status: u16, path: &str) {
        self.watch.expect_status(status, path);
    }

    /// Announces that requests whose path contains `path` may get no answer, for tests that end the service under the page.
    pub(crate) fn may_fail(&self, path: &str) {
        self.watch.may_fail(path);
    }

    /// Forgets what it has kept of earlier pages, so that the next one is loaded as on a first visit.
    pub(crate) async fn forget_cache(&self) {
        self.devtools("Network.clearBrowserCache", json!({})).await;
    }

    /// The folder that the browser's processes name on their command lines.
    pub(crate) fn folder(&self) -> &Path {
        self.driver.folder()
    }

    /// Ends the browser and fails the test when something was wrong on the way.
    #[track_caller]
    pub(crate) fn finish(self) -> impl Future<Output = ()> {
        let at = Location::caller();
        async move {
            let wrong = self.watch.wrong(self.client()).await;
            assert!(wrong.is_empty(), "{at}: the browser saw what must not be:\n  {}", wrong.join("\n  "));
            self.end().await;
        }
    }

    /// Ends the browser; gives all that [`Browser::finish`] would complain of.
    pub(crate) async fn complaints(self) -> Vec<String> {
        let wrong = self.watch.wrong(self.client()).await;
        self.end().await;
        wrong
    }

    async fn end(mut self) {
        self.finished = true;
        self.client().clone().close().await.unwrap();
    }

    /// One command of the DevTools protocol.
    async fn devtools(&self, command: &'static str, params: Value) -> Value {
        let answer = self.client().issue_cmd(command::DevTools { command, params }).await;
        answer.unwrap_or_else(|e| panic!("{command}: {e}"))
    }

    /// Settings that hold for the whole life of the page's target, across navigations.
    async fn emulate(&self) {
        let Options { dark, width, height, time_zone, .. } = self.options;
        let colours = if dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": colours },
            // An animation that is under way is a click that misses.
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        self.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": time_zone })).await;
        let clipboard =
            json!({ "origin": self.origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        self.devtools("Browser.grantPermissions", clipboard).await;
        // They would be in every picture.
        self.devtools("Emulation.setScrollbarsHidden", json!({ "hidden": true })).await;
        self.resize(width, height).await;
    }

    async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    fn client(&self) -> &Client {
        self.page.client()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking() {
            failure::keep(&self.driver);
        } else {
            assert!(self.finished, "a browser was not finished: end the test with `browser.finish().await`");
        }
    }
}
