//! A visitor of the console without a browser: keeps cookies, sends forms as pages write them.

use std::collections::BTreeMap;

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, Url};

/// Somebody with cookies of one service.
pub(crate) struct Visitor {
    base: String,
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

/// What a page said.
pub(crate) struct Page {
    pub(crate) status: u16,
    /// Where a redirect leads, else empty.
    pub(crate) location: String,
    pub(crate) text: String,
}

impl Visitor {
    /// `base` without a slash at the end.
    pub(crate) fn new(base: &str) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        Self { base: base.to_owned(), http: http.build().unwrap(), cookies: BTreeMap::new() }
    }

    /// A page by its path, or by its whole address.
    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, None).await
    }

    /// Sends the form of `page` to `action`: its hidden fields, and `fields`.
    pub(crate) async fn submit(&mut self, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
        let mut all = hidden_fields(&page.text, action);
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let body = Url::parse_with_params("http://form", &all).unwrap().query().unwrap_or_default().to_owned();
        self.send(Method::POST, action, Some(body)).await
    }

    /// The secret of the session.
    pub(crate) fn session(&self) -> String {
        let found = self.cookies.iter().find(|(name, _)| name.contains("session"));
        found.map(|(_, value)| value.clone()).expect("a session's cookie")
    }

    async fn send(&mut self, method: Method, path: &str, body: Option<String>) -> Page {
        let url = if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() };
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request =
            self.http.request(method, url).header("accept", "text/html").header(COOKIE, cookies.join("; "));
        if let Some(body) = body {
            request = request.header("sec-fetch-site", "same-origin");
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
        }
        let response = request.send().await.unwrap();
        for set in response.headers().get_all(SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let location = response.headers().get(LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        Page { status: response.status().as_u16(), location, text: response.text().await.unwrap() }
    }
}

/// Names and values of the hidden fields in the form with this action.
fn hidden_fields(html: &str, action: &str) -> Vec<(String, String)> {
    let action = format!("action=\"{action}\"");
    let form = html.split("<form").find(|form| form.contains(&action)).unwrap_or_else(|| panic!("{action} in {html}"));
    let form = form.split("</form>").next().unwrap_or_default();
    let value = |input: &str, name: &str| {
        input.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
    };
    let inputs = form.split("<input").skip(1).map(|input| input.split('>').next().unwrap_or_default());
    inputs.filter(|i| i.contains("type=\"hidden\"")).map(|i| (value(i, "name"), value(i, "value"))).collect()
}
