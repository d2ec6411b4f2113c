//! What keeps other sites and strangers out of the console.

use axum::body::Body;
use axum::http::Request;

use super::Browser;
use crate::service::Service;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[tokio::test]
async fn a_form_needs_its_token_and_its_origin() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let name = || ("name".to_owned(), "x".to_owned());
    let page = browser.get("/projects").await;
    browser.post("/projects", &[name()]).await.is(403);
    browser.post("/projects", &[name(), ("csrf".to_owned(), "0".repeat(64))]).await.is(403);
    let token =
        page.text().split("name=\"csrf\" value=\"").nth(1).and_then(|t| t.get(..64)).expect("a token").to_owned();
    let body = format!("name=x&csrf={token}");
    let form = ("content-type", "application/x-www-form-urlencoded");
    for elsewhere in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        browser.send("POST", "/projects", &[form, elsewhere], body.clone()).await.is(403);
    }
    browser.send("POST", "/projects", &[("sec-fetch-site", "same-origin")], body.clone()).await.is(415);
    let mut stranger = Browser::new(&service);
    stranger.send("POST", "/projects", &[form, ("sec-fetch-site", "same-origin")], body.clone()).await.is(303);
    browser.send("POST", "/projects", &[form, ("origin", "http://127.0.0.1:8080")], body).await.is(303);
}

#[tokio::test]
async fn pages_carry_the_policy_and_are_not_kept() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    for path in ["/projects", "/account", "/account/password", "/sign-in", "/nothing-here", "/projects/nobodys/events"]
    {
        let page = browser.get(path).await;
        assert_eq!(page.header("content-security-policy"), POLICY, "{path}");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        let html = page.text();
        assert!(
            !html.contains(" style=") && !html.contains("<script>") && !html.contains(" onclick="),
            "{path}: {html}"
        );
    }
}

#[tokio::test]
async fn assets_are_named_by_their_content_and_kept_for_ever() {
    let service = Service::start().await;
    let mut browser = Browser::new(&service);
    let page = browser.get("/sign-in").await.text();
    let urls: Vec<&str> =
        page.split('"').filter(|t| t.starts_with("/assets/")).map(|t| t.split('#').next().unwrap_or(t)).collect();
    assert!(urls.len() >= 4, "{urls:?}");
    for url in urls {
        let plain = browser.get(url).await;
        assert!(plain.is(200).header("cache-control").contains("immutable"), "{url}");
        let small = browser.send("GET", url, &[("accept-encoding", "gzip")], Body::empty()).await;
        assert_eq!(small.header("content-encoding"), "gzip");
        assert!(small.body.len() < plain.body.len(), "{url}");
    }
    browser.get("/assets/0000000000000000-console.css").await.is(404);
}

#[tokio::test]
async fn browsers_get_pages_and_programs_get_problems() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    browser.language = "ru";
    let page = browser.get("/projects/nobodys/events").await;
    assert!(page.is(404).text().contains("Здесь ничего нет"), "{}", page.text());
    let api = browser.get("/api/v1/nothing").await;
    api.is_problem(404, "not_found");
    let request = Request::builder().uri("/nothing-here").header("host", "127.0.0.1:8080");
    service.raw(request.body(Body::empty()).expect("a request")).await.is_problem(404, "not_found");
}

#[tokio::test]
async fn the_script_gets_the_content_without_the_frame() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let (page, content) = (browser.get("/projects").await.text(), browser.fragment("/projects").await.text());
    assert!(page.contains("<html") && page.contains("<nav"), "{page}");
    assert!(content.contains("<h1>") && !content.contains("<html") && !content.contains("<nav"), "{content}");
}

/// The API looks at the Authorization header alone: a page of another site cannot use a visitor's cookies there.
#[tokio::test]
async fn the_api_ignores_cookies() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    browser.get("/api/v1/projects").await.is_problem(401, "missing_token");
}

/// `//host` in a link is another host, whatever address a page was asked for under.
#[tokio::test]
async fn no_link_leads_to_another_host() {
    let service = Service::start().await;
    let mut browser = Browser::new(&service);
    for path in ["//evil.example", "//evil.example/sign-in", "/sign-in?next=//evil.example", "/sign-in?x=%22%3E%3Cb%3E"]
    {
        let page = browser.get(path).await.text();
        let links = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default());
        for link in links {
            assert!(link.starts_with('/') && !link.starts_with("//") || link.starts_with('#'), "{link} on {path}");
        }
        assert!(!page.contains("<b>"), "{page}");
    }
}

/// A stream that a script goes on with must not be answered with the page of the sign-in.
#[tokio::test]
async fn a_stream_of_a_stranger_ends_for_good() {
    let service = Service::start().await;
    let mut stranger = Browser::new(&service);
    let stream = ("accept", "text/event-stream");
    let answer = stranger.send("GET", "/projects/default/events/live", &[stream], Body::empty()).await;
    assert!(answer.is(204).body.is_empty());
}
