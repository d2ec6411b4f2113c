//! The ChromeDriver process of one browser, and what Chromium is started with.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Options;
use crate::world::eventually;

/// Ends the whole process group (driver, browser, renderers) as soon as its standard input ends, so also when the test
/// process is killed. The driver is waited for, so that nothing is left to init.
const KEEPER: &str = r#""$0" "$@" </dev/null & driver=$!; read -r _; kill -KILL $driver; wait $driver; kill -KILL 0"#;

/// Nothing leaves this machine, nothing happens that no test asked for.
const SWITCHES: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--disable-features=Translate,MediaRouter,OptimizationHints,AutofillServerCommunication",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--window-size=1280,800",
];

/// A running ChromeDriver with at most one session. Ended when dropped, with all its browser's processes.
pub(super) struct Driver {
    keeper: Child,
    /// `http://127.0.0.1:PORT`
    url: String,
    session: std::sync::OnceLock<String>,
    folder: TempDir,
}

impl Driver {
    /// Starts one on a port that it picks itself. It picks one that is free for IPv4, and ends when another process has the same one for
    /// IPv6: then it is asked to pick again.
    pub(super) async fn start(program: &Path) -> Self {
        let mut said = String::new();
        for _ in 0..3 {
            let mut driver = Self::spawn(program);
            let listens = eventually("ChromeDriver listens or ends", Duration::from_secs(60), async || {
                let port = driver.port();
                if port.is_none() && !driver.has_ended() { None } else { Some(port) }
            });
            if let Some(port) = listens.await {
                driver.url = format!("http://127.0.0.1:{port}");
                return driver;
            }
            said = driver.log();
        }
        panic!("ChromeDriver does not start: {said}");
    }

    fn spawn(program: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let keeper = Command::new("sh")
            .args(["-c", KEEPER])
            .arg(program)
            .arg("--port=0")
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .current_dir(folder.path())
            .process_group(0)
            .spawn()
            .unwrap();
        Self { keeper, url: String::new(), session: std::sync::OnceLock::new(), folder }
    }

    /// The keeper waits for its input's end and not for the driver, so the driver's own last words are what tells.
    fn has_ended(&self) -> bool {
        self.log().contains("Exiting")
    }

    /// Starts the browser.
    pub(super) async fn session(&self, chromium: &Path, options: &Options) -> Client {
        let Value::Object(capabilities) = self.capabilities(chromium, options) else { unreachable!() };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(&self.url).await;
        let client = client.unwrap_or_else(|e| panic!("the browser does not start: {e}\n{}", self.log()));
        let session = client.session_id().await.unwrap().unwrap();
        // The session ends with the process; nobody must try to end it through a runtime that is gone.
        client.persist().await.unwrap();
        self.session.set(session).unwrap();
        client
    }

    /// Another client of the same session.
    pub(super) async fn attach(url: &str, session: &str) -> Option<Client> {
        let client = Client::with_existing_session(url, session, HttpConnector::new()).await.ok()?;
        client.persist().await.ok()?;
        Some(client)
    }

    /// The driver's address and the browser's session, once it has one.
    pub(super) fn address(&self) -> Option<(String, String)> {
        Some((self.url.clone(), self.session.get()?.clone()))
    }

    /// Where the browser puts what it downloads.
    pub(super) fn downloads(&self) -> std::path::PathBuf {
        self.folder.path().join("downloads")
    }

    /// Holds the profile and everything else of this browser.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What driver and browser printed.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn port(&self) -> Option<u16> {
        let log = self.log();
        let (_, after) = log.split_once("started successfully on port ")?;
        after.split_once('.')?.0.parse().ok()
    }

    fn capabilities(&self, chromium: &Path, options: &Options) -> Value {
        let mut switches: Vec<String> = SWITCHES.iter().map(|s| (*s).to_owned()).collect();
        switches.push(format!("--user-data-dir={}", self.folder.path().join("profile").display()));
        switches.push(format!("--lang={}", options.language.split(',').next().unwrap()));
        // 1 allows, 2 blocks, as the site settings of the browser do.
        let javascript = if options.javascript { 1 } else { 2 };
        let preferences = json!({
            "intl.accept_languages": options.language,
            "profile.default_content_setting_values.javascript": javascript,
            "credentials_enable_service": false,
            "profile.password_manager_enabled": false,
            "profile.password_manager_leak_detection": false,
            "download.default_directory": self.downloads(),
            "download.prompt_for_download": false,
        });
        json!({
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": {
                "binary": chromium,
                "args": switches,
                "prefs": preferences,
                "perfLoggingPrefs": { "enableNetwork": true, "enablePage": false },
            },
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The keeper reads the end of its input.
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        // Killed processes may still be on their way out, and write.
        let began = Instant::now();
        while std::fs::remove_dir_all(self.folder.path()).is_err() && began.elapsed() < Duration::from_secs(5) {
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

/// Takes the one file out of a folder that the browser is done with.
pub(super) fn take_download(folder: &Path) -> Result<(String, Vec<u8>), String> {
    let entries = std::fs::read_dir(folder).map_err(|e| e.to_string())?.flatten();
    let names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    match names.as_slice() {
        [name] if !name.ends_with(".crdownload") && !name.starts_with(".org.chromium") => {
            let path = folder.join(name);
            let bytes = std::fs::read(&path).map_err(|e| e.to_string())?;
            std::fs::remove_file(&path).map_err(|e| e.to_string())?;
            Ok((name.clone(), bytes))
        }
        names => Err(format!("the folder holds {names:?}")),
    }
}
