//! The console as a browser without script sees it: pages, forms, cookies.

mod alerts;
mod banner;
mod delivery;
mod events;
mod filter;
mod form;
mod garbage;
mod hostile;
mod live;
mod overview;
mod replay;
mod retention;
mod safety;
mod search;
mod siem;
mod sign_in;
mod weight;

use std::collections::BTreeMap;
use std::sync::Mutex;

use auditwire_engine::people;
use axum::body::Body;
use axum::http::Request;

use crate::service::{Answer, Service};

/// A browser: keeps cookies, sends forms as pages write them.
pub(crate) struct Browser<'a> {
    pub(crate) service: &'a Service,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) language: &'static str,
    /// Sent with every request.
    pub(crate) headers: Vec<(&'static str, &'static str)>,
}

/// A one-time link's key for the operator.
pub(crate) async fn link(service: &Service) -> String {
    let key = Mutex::new(String::new());
    let made = people::ensure_operator(&service.engine, |secret, _| {
        *key.lock().expect("no panic before") = String::from_utf8_lossy(secret.expose()).into_owned();
        Ok(())
    })
    .await
    .expect("makes the account");
    assert!(made, "the operator has no password yet");
    key.into_inner().expect("no panic before")
}

impl<'a> Browser<'a> {
    pub(crate) fn new(service: &'a Service) -> Self {
        Self { service, cookies: BTreeMap::new(), language: "en", headers: Vec::new() }
    }

    /// A browser in which the operator is signed in, by a link.
    pub(crate) async fn signed_in(service: &'a Service) -> Self {
        let mut browser = Self::new(service);
        let key = link(service).await;
        let page = browser.get(&format!("/sign-in/link?key={key}")).await;
        browser.submit(&page, "/sign-in/link", &[]).await.is(303);
        browser
    }

    /// A browser in which the operator is signed in, whether or not others are already.
    pub(crate) async fn known(service: &'a Service) -> Self {
        let mut browser = Self::new(service);
        let made = service.post("/api/v1/sign-in-links", &serde_json::json!({})).await;
        let made = made.is(201).json();
        let path = made["url"].as_str().and_then(|url| url.split_once("/sign-in/")).expect("a link").1;
        let page = browser.get(&format!("/sign-in/{path}")).await;
        browser.submit(&page, "/sign-in/link", &[]).await.is(303);
        browser
    }

    /// A token for a form of this browser's.
    pub(crate) async fn csrf(&mut self) -> String {
        let page = self.get("/projects").await.is(200).text();
        page.split("name=\"csrf\" value=\"").nth(1).and_then(|t| t.get(..64)).expect("a token").to_owned()
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], Body::empty()).await
    }

    /// The content alone, as the script asks for it.
    pub(crate) async fn fragment(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[("x-fragment", "1")], Body::empty()).await
    }

    /// Sends the form of `page` whose action is `action`: its hidden fields, and `fields`.
    pub(crate) async fn submit(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all = hidden_fields(&page.text(), action);
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.post(action, &all).await
    }

    /// A form from a page of ours.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(String, String)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
        self.send("POST", path, &headers, body).await
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:8080");
        if headers.iter().all(|(name, _)| *name != "accept") {
            request = request.header("accept", "text/html");
        }
        request = request.header("accept-language", self.language);
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in headers.iter().chain(&self.headers) {
            request = request.header(*name, *value);
        }
        let answer = self.service.raw(request.body(body.into()).expect("a request")).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let text = cookie.to_str().expect("a text");
            let (pair, attributes) = text.split_once(';').expect("attributes");
            assert!(attributes.contains("HttpOnly") && attributes.contains("SameSite=Lax"), "{text}");
            let (name, value) = pair.split_once('=').expect("a pair");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// The hidden fields of the page's form with this action.
fn hidden_fields(html: &str, action: &str) -> Vec<(String, String)> {
    let form = html.split("<form").skip(1).find(|form| {
        let tag = form.split('>').next().unwrap_or_default();
        unescape(&attribute(tag, "action").unwrap_or_default()) == action
    });
    let form = form.unwrap_or_else(|| panic!("no form with action {action} in {html}"));
    let form = form.split("</form>").next().unwrap_or_default();
    form.split("<input")
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap_or_default())
        .filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"))
        .map(|tag| (attribute(tag, "name").expect("a name"), unescape(&attribute(tag, "value").unwrap_or_default())))
        .collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    rest.split('"').next().map(str::to_owned)
}

fn unescape(text: &str) -> String {
    text.replace("&#38;", "&").replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">")
}
