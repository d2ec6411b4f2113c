//! What must not happen while a page is used: broken content policies, errors of scripts, failed requests, other origins.

use std::collections::HashMap;
use std::sync::Mutex;

use fantoccini::Client;
use serde_json::Value;

use super::command::Log;

/// What one browser's pages did.
pub(super) struct Watch {
    origin: String,
    expected: Mutex<Vec<Expected>>,
    may_fail: Mutex<Vec<String>>,
}

struct Expected {
    status: u64,
    path: String,
    seen: bool,
}

impl Watch {
    pub(super) fn new(origin: &str) -> Self {
        Self { origin: origin.to_owned(), expected: Mutex::default(), may_fail: Mutex::default() }
    }

    pub(super) fn expect_status(&self, status: u16, path: &str) {
        let expected = Expected { status: status.into(), path: path.to_owned(), seen: false };
        self.expected.lock().unwrap().push(expected);
    }

    pub(super) fn may_fail(&self, path: &str) {
        self.may_fail.lock().unwrap().push(path.to_owned());
    }

    /// Everything wrong since the browser was opened.
    pub(super) async fn wrong(&self, client: &Client) -> Vec<String> {
        // What the page did before this answer is in the logs after it. A page that is just going away answers with an error.
        let _ = client.execute("return 0", Vec::new()).await;
        let console = client.issue_cmd(Log("browser")).await.unwrap();
        let network = client.issue_cmd(Log("performance")).await.unwrap();
        let mut wrong: Vec<String> = entries(&console).filter_map(said).collect();
        let mut requests = Requests::default();
        for entry in entries(&network) {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            wrong.extend(self.event(&event["message"], &mut requests));
        }
        let expected = self.expected.lock().unwrap();
        let missing = expected.iter().filter(|e| !e.seen);
        wrong.extend(missing.map(|e| format!("announced, but did not happen: {} of {}", e.status, e.path)));
        wrong
    }

    fn event(&self, event: &Value, requests: &mut Requests) -> Option<String> {
        let params = &event["params"];
        let id = params["requestId"].as_str()?.to_owned();
        match event["method"].as_str()? {
            "Network.requestWillBeSent" => {
                // A redirect is told with the request that follows it.
                let redirect = self.answer(&params["redirectResponse"]);
                let url = params["request"]["url"].as_str()?.to_owned();
                let elsewhere = self.elsewhere(&url);
                requests.urls.insert(id, url);
                elsewhere.or(redirect)
            }
            "Network.webSocketCreated" => self.elsewhere(params["url"].as_str()?),
            "Network.responseReceived" => self.answer(&params["response"]),
            "Network.loadingFailed" => self.failed(requests.urls.get(&id)?, params),
            _ => None,
        }
    }

    fn elsewhere(&self, url: &str) -> Option<String> {
        let outside = ["http:", "https:", "ws:", "wss:"].iter().any(|scheme| url.starts_with(scheme));
        let ours = url.strip_prefix(&self.origin).is_some_and(|rest| rest.starts_with('/'));
        (outside && !ours).then(|| format!("a request to another origin: {url}"))
    }

    fn answer(&self, response: &Value) -> Option<String> {
        let (status, url) = (response["status"].as_u64()?, response["url"].as_str()?);
        let path = url.strip_prefix(&self.origin)?;
        // The browser asks for this on its own, at some time, when a page names no icon.
        if status < 400 || path == "/favicon.ico" {
            return None;
        }
        let mut expected = self.expected.lock().unwrap();
        let announced: Vec<&mut Expected> =
            expected.iter_mut().filter(|e| e.status == status && path.contains(&e.path)).collect();
        if announced.is_empty() {
            return Some(format!("an answer of failure: {status} of {path}"));
        }
        announced.into_iter().for_each(|e| e.seen = true);
        None
    }

    fn failed(&self, url: &str, params: &Value) -> Option<String> {
        let why = params["errorText"].as_str().unwrap_or_default();
        // Leaving a page ends what it was still loading, and a download ends the loading of a page.
        let left = params["canceled"] == true || why == "net::ERR_ABORTED";
        let path = url.strip_prefix(&self.origin)?;
        let announced = self.may_fail.lock().unwrap().iter().any(|part| path.contains(part));
        (!left && !announced).then(|| format!("no answer: {why} for {path}"))
    }
}

/// Requests by the browser's id.
#[derive(Default)]
struct Requests {
    urls: HashMap<String, String>,
}

fn entries(log: &Value) -> impl Iterator<Item = &Value> {
    log.as_array().unwrap().iter()
}

/// A console message that somebody should have looked at. Failed requests are told by the network's log, more exactly.
fn said(entry: &Value) -> Option<String> {
    let (level, source) = (entry["level"].as_str()?, entry["source"].as_str()?);
    let loud = matches!(level, "SEVERE" | "WARNING") && source != "network";
    loud.then(|| format!("the console says ({source}): {}", entry["message"].as_str().unwrap_or_default()))
}
