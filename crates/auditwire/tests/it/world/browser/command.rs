//! WebDriver commands that the client does not know by name.

use fantoccini::elements::ElementRef;
use fantoccini::wd::WebDriverCompatibleCommand;
use reqwest::{Method, Url};
use serde_json::{Value, json};

type ParseError = <Url as std::str::FromStr>::Err;

/// Chromium's own: one command of the DevTools protocol.
#[derive(Debug)]
pub(super) struct DevTools {
    pub(super) command: &'static str,
    pub(super) params: Value,
}

/// Chromium's own: takes what a log (`browser` or `performance`) has gathered since it was last taken.
#[derive(Debug)]
pub(super) struct Log(pub(super) &'static str);

/// The standard's: the name of an element as a screen reader says it.
#[derive(Debug)]
pub(super) struct Name(pub(super) ElementRef);

/// The standard's: the role of an element as a screen reader says it.
#[derive(Debug)]
pub(super) struct Role(pub(super) ElementRef);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        below(base, session, "goog/cdp/execute")
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "cmd": self.command, "params": self.params }).to_string()))
    }
}

impl WebDriverCompatibleCommand for Log {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        below(base, session, "se/log")
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": self.0 }).to_string()))
    }
}

impl WebDriverCompatibleCommand for Name {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        below(base, session, &format!("element/{}/computedlabel", self.0))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::GET, None)
    }
}

impl WebDriverCompatibleCommand for Role {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        below(base, session, &format!("element/{}/computedrole", self.0))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::GET, None)
    }
}

fn below(base: &Url, session: Option<&str>, command: &str) -> Result<Url, ParseError> {
    base.join(&format!("session/{}/{command}", session.unwrap_or_default()))
}
