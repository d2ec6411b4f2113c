//! The Event log's live tail: the page, and its stream of rows.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Browser, unescape};
use crate::service::{EVENTS, Service};

const LIVE: &str = "/projects/default/events/live";

/// An open stream and what has come so far.
struct Stream {
    stream: BodyDataStream,
    text: String,
}

impl Stream {
    async fn open(browser: &Browser<'_>, path: &str, headers: &[(&str, &str)]) -> Self {
        let cookies: Vec<String> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request =
            Request::builder().uri(path).header("host", "127.0.0.1:8080").header("cookie", cookies.join("; "));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).expect("a request");
        let response = browser.service.router.clone().oneshot(request).await.expect("is infallible");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { stream: response.into_body().into_data_stream(), text: String::new() }
    }

    async fn until(&mut self, wanted: &str) -> &str {
        while !self.text.contains(wanted) {
            let next = tokio::time::timeout(Duration::from_secs(60), self.stream.next()).await;
            let piece = next.unwrap_or_else(|_| panic!("{wanted:?} does not come after {:?}", self.text));
            let piece = piece.unwrap_or_else(|| panic!("ended before {wanted:?}: {:?}", self.text)).expect("a piece");
            self.text.push_str(std::str::from_utf8(&piece).expect("is UTF-8"));
        }
        &self.text
    }

    async fn ends(mut self) {
        let rest = async { while let Some(Ok(_)) = self.stream.next().await {} };
        tokio::time::timeout(Duration::from_secs(60), rest).await.expect("ends");
    }
}

#[tokio::test]
async fn the_page_without_script_reloads_itself_and_has_no_time_range() {
    let service = Service::start().await;
    service.fill(1, 60).await;
    service.clock.advance(Duration::from_secs(48 * 3600));
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get("/projects/default/events?live=1&range=1h&order=asc&source=").await.text();
    assert!(page.contains("<noscript><meta http-equiv=\"refresh\" content=\"2\"></noscript>"), "{page}");
    assert_eq!(page.matches("data-event=").count(), 50);
    assert!(page.contains("data-event=\"60\"") && !page.contains("Last hour"), "{page}");
    assert!(page.contains("The time range does not apply"));
    let stream = page.split("data-tail=\"").nth(1).and_then(|t| t.split('"').next()).expect("a stream");
    assert_eq!(unescape(stream), format!("{LIVE}?range=1h&order=asc&live=1&after=60"));
    let usual = browser.get("/projects/default/events").await.text();
    assert!(!usual.contains("http-equiv"));
}

#[tokio::test]
async fn rows_come_as_they_are_committed_and_pass_the_filters() {
    let service = Service::start().await;
    service.fill(1, 3).await;
    let browser = Browser::signed_in(&service).await;
    let mut stream = Stream::open(&browser, &format!("{LIVE}?severity=ERROR&after=3"), &[]).await;
    let event =
        |n: u64, severity: &str| json!({"action": format!("<b>{n}"), "severity": severity, "message": "two\nlines"});
    service.post(EVENTS, &json!([event(4, "INFO"), event(5, "ERROR"), event(6, "ERROR")])).await.is(200);
    let text = stream.until("data-event=\"5\"").await;
    assert!(
        text.contains("id: 6\ndata: <tr") && !text.contains("data-event=\"4\"") && !text.contains("action-3"),
        "{text}"
    );
    let place = |seq: &str| text.find(&format!("data-event=\"{seq}\"")).expect("is there");
    assert!(place("6") < place("5"), "newest first");
    assert!(text.contains("&#60;b&#62;5") && text.contains("two lines"), "{text}");
    assert!(text.lines().all(|line| line.is_empty()
        || line.starts_with("id: ")
        || line.starts_with("data: ")
        || line.starts_with("retry: ")));
}

#[tokio::test]
async fn a_stream_goes_on_where_the_browser_was() {
    let service = Service::start().await;
    service.fill(1, 5).await;
    let browser = Browser::signed_in(&service).await;
    let mut stream = Stream::open(&browser, &format!("{LIVE}?after=1"), &[("last-event-id", "3")]).await;
    let text = stream.until("data-event=\"4\"").await;
    assert!(text.contains("id: 5\n") && !text.contains("data-event=\"3\""), "{text}");
    // Another log under this name: what comes now is shown.
    let mut ahead = Stream::open(&browser, &format!("{LIVE}?after=99"), &[]).await;
    service.fill(6, 6).await;
    ahead.until("data-event=\"6\"").await;
}

#[tokio::test]
async fn a_burst_is_bounded_and_counted() {
    let service = Service::start().await;
    service.fill(1, 1).await;
    let browser = Browser::signed_in(&service).await;
    let mut stream = Stream::open(&browser, &format!("{LIVE}?after=1"), &[]).await;
    service.fill(2, 1_001).await;
    let text = stream.until("id: 1001\n").await.to_owned();
    let text = if text.ends_with("\n\n") { text } else { stream.until("data-more").await.to_owned() };
    assert_eq!(text.matches("data-event=").count(), 200);
    assert!(text.contains("data-more=\"800\"") && text.contains("800 more events are not shown here"), "{text}");
    assert!(text.contains("href=\"/projects/default/events?range=all&#38;before=802\""), "{text}");
}

#[tokio::test]
async fn a_quiet_stream_has_a_heartbeat_and_ends_with_its_session() {
    let service = Service::with(|s| s.limits.tail_heartbeat = Duration::from_millis(20)).await;
    service.fill(1, 1).await;
    let mut browser = Browser::signed_in(&service).await;
    let mut stream = Stream::open(&browser, LIVE, &[]).await;
    stream.until(": still here\n\n").await;
    let page = browser.get("/account").await;
    browser.submit(&page, "/sign-out", &[]).await.is(303);
    stream.ends().await;
}

#[tokio::test]
async fn draining_ends_streams() {
    let service = Service::start().await;
    let browser = Browser::signed_in(&service).await;
    let mut stream = Stream::open(&browser, LIVE, &[]).await;
    stream.until("\n\n").await;
    service.app.begin_drain();
    stream.ends().await;
}

/// Events of the largest size fit into messages, too.
#[tokio::test]
async fn rows_are_cut() {
    let service = Service::start().await;
    let browser = Browser::signed_in(&service).await;
    let mut stream = Stream::open(&browser, LIVE, &[]).await;
    let word = "w".repeat(65_536);
    let events: Vec<Value> = (0..20).map(|n| json!({"action": word, "message": format!("{n}{word}")})).collect();
    service.post(EVENTS, &Value::from(events)).await.is(200);
    assert!(stream.until("data-event=\"1\"").await.len() < 60 << 10);
}
