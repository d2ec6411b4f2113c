//! Problems as pages, for browsers. Handlers return a [`Problem`] everywhere; this layer, inside `transport`, writes it as a page
//! when a browser asked for one, in the reader's language.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;

use super::page::{Frame, Section, html_response};
use super::urls;
use super::who::Guest;
use super::words::{Language, Words};
use crate::App;
use crate::api::Problem;

/// Marks an answer whose problem has been written as a page; `transport` only logs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written;

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    frame: Frame,
    text: String,
    /// The engine's own words where there is a translation of the code.
    detail: Option<String>,
    code: &'static str,
    back: String,
    /// It leads to the list that was to be downloaded.
    to_list: bool,
}

/// Around all routes.
pub(crate) async fn pages(State(app): State<App>, request: Request, next: Next) -> Response {
    if !wants_page(request.method(), request.uri().path(), request.headers()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let guest = Guest::read(&parts, &app);
    let response = next.run(Request::from_parts(parts, body)).await;
    // A handler that shows its form again has written the problem itself.
    let written = response.extensions().get::<Written>().is_some();
    match response.extensions().get::<Problem>().filter(|_| !written).cloned() {
        Some(problem) => write(&guest, &problem, response),
        None => response,
    }
}

/// Programs get `application/problem+json`, also where they meet the console's addresses.
fn wants_page(method: &Method, path: &str, headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let html = accepts.contains("text/html") || headers.contains_key("x-fragment");
    html && *method != Method::OPTIONS && !path.starts_with("/api/")
}

fn write(guest: &Guest, problem: &Problem, response: Response) -> Response {
    let words = guest.words;
    let known = words.find(&format!("failure-{}", problem.code()));
    let known = known.or_else(|| words.find(&format!("failure-{}", problem.status().as_u16())));
    let title = known.unwrap_or_else(|| words.t("failure"));
    let (text, detail) = explained(words, problem.code(), problem.detail());
    let frame = Frame::new(guest, Section::Elsewhere, title);
    let list = urls::downloaded_list(&guest.here);
    let (to_list, back) = (list.is_some(), list.unwrap_or_else(|| urls::HOME.to_owned()));
    let Ok(html) = (FailurePage { frame, text, detail, code: problem.code(), back, to_list }).render() else {
        return response;
    };
    let mut page = html_response(problem.status(), html);
    if let Some(seconds) = problem.retry_after_seconds() {
        page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    page.extensions_mut().insert(problem.clone());
    page.extensions_mut().insert(Written);
    page
}

/// What an error code means in the reader's language, and the engine's own words (English) where they say more. In English
/// the engine's words are the text.
pub(crate) fn explained(words: Words, code: &str, detail: &str) -> (String, Option<String>) {
    let translated = match words.0 {
        Language::English => None,
        Language::Russian => words.find(&format!("error-{code}")),
    };
    match translated {
        Some(text) => (text, Some(detail.to_owned())),
        None => (detail.to_owned(), None),
    }
}
