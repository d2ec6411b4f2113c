//! Live tail: server-sent events, and going on where the client was.

use std::pin::pin;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use tower::ServiceExt;

use crate::service::{EVENTS, Service, request};

const TAIL: &str = "/api/v1/projects/default/events/tail";

/// An open stream and what has come so far.
struct Tail {
    stream: BodyDataStream,
    text: String,
}

impl Tail {
    async fn open(service: &Service, token: &str, headers: &[(&str, &str)]) -> Self {
        let response = service
            .router
            .clone()
            .oneshot(request(token, "GET", TAIL, headers, Body::empty()))
            .await
            .expect("infallible");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { stream: response.into_body().into_data_stream(), text: String::new() }
    }

    /// Waits until the stream has said `wanted`.
    async fn until(&mut self, wanted: &str) -> &str {
        while !self.text.contains(wanted) {
            let next = tokio::time::timeout(Duration::from_secs(60), self.stream.next()).await;
            let piece = next.unwrap_or_else(|_| panic!("{wanted:?} does not come after {:?}", self.text));
            let piece = piece.unwrap_or_else(|| panic!("ended before {wanted:?}: {:?}", self.text)).expect("a piece");
            self.text.push_str(std::str::from_utf8(&piece).expect("is UTF-8"));
        }
        &self.text
    }

    async fn ends(mut self) -> String {
        let mut rest = pin!(async {
            while let Some(Ok(piece)) = self.stream.next().await {
                self.text.push_str(std::str::from_utf8(&piece).expect("is UTF-8"));
            }
        });
        tokio::time::timeout(Duration::from_secs(60), &mut rest).await.expect("ends");
        self.text.clone()
    }
}

#[tokio::test]
async fn new_events_come_as_they_are_committed() {
    let service = Service::start().await;
    service.fill(1, 3).await;
    let mut tail = Tail::open(&service, &service.token, &[]).await;
    tail.until("\n\n").await;
    service.fill(4, 5).await;
    let text = tail.until("action-5").await;
    assert!(!text.contains("action-3"), "{text}");
    let event = service.get(&format!("{EVENTS}/4")).await.text();
    assert!(text.contains(&format!("id: 4\nevent: event\ndata: {event}\n\nid: 5\nevent: event\n")), "{text}");
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_id_without_a_gap() {
    let service = Service::start().await;
    service.fill(1, 5).await;
    let mut tail = Tail::open(&service, &service.token, &[("last-event-id", "2")]).await;
    service.fill(6, 6).await;
    let text = tail.until("id: 6\n").await;
    let ids: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("id: ")).collect();
    assert_eq!(ids, ["3", "4", "5", "6"]);
    assert!(!text.contains("event: gap"));
}

#[tokio::test]
async fn an_id_that_the_log_never_had_is_told_as_a_gap() {
    let service = Service::start().await;
    service.fill(1, 2).await;
    let mut tail = Tail::open(&service, &service.token, &[("last-event-id", "7")]).await;
    let text = tail.until("event: gap\n").await;
    assert!(text.contains("id: 2\nevent: gap\ndata: {\"requested\":7,\"resumed_after\":2"), "{text}");
    service.fill(3, 3).await;
    tail.until("id: 3\nevent: event\n").await;

    let bad = service.send("GET", TAIL, &[("last-event-id", "x")], Body::empty()).await;
    bad.is_problem(400, "invalid_last_event_id");
    service.get(&format!("{TAIL}?q=x=")).await.is_problem(400, "query_unknown_parameter");
    service.get(&format!("{TAIL}?from=now")).await.is_problem(400, "unknown_parameter");
}

#[tokio::test]
async fn what_has_expired_meanwhile_is_told_as_a_gap() {
    let service = Service::start().await;
    service.fill(1, 5).await;
    service.engine.log.seal_now().await.expect("seals");
    service.clock.advance(Duration::from_secs(366 * 24 * 3600));
    service.fill(6, 7).await;
    service.engine.log.seal_now().await.expect("lets the first five end");
    let mut tail = Tail::open(&service, &service.token, &[("last-event-id", "2")]).await;
    let text = tail.until("id: 7\n").await;
    let gap = "id: 5\nevent: gap\ndata: {\"requested\":2,\"resumed_after\":5,\"reason\":\"expired\"}\n\nid: 6\nevent: event\n";
    assert!(text.contains(gap), "{text}");
    // Who has seen the last of them misses nothing, and who asks for the log from its beginning is told as well.
    let mut tail = Tail::open(&service, &service.token, &[("last-event-id", "5")]).await;
    assert!(!tail.until("id: 7\n").await.contains("event: gap"));
    let mut tail = Tail::open(&service, &service.token, &[("last-event-id", "0")]).await;
    assert!(tail.until("id: 7\n").await.contains("\"requested\":0,\"resumed_after\":5"));
}

#[tokio::test]
async fn a_quiet_stream_has_a_heartbeat_and_ends_with_its_token() {
    assert_eq!(auditwire_server::HttpLimits::default().tail_heartbeat, Duration::from_secs(15));
    let service = Service::with(|s| s.limits.tail_heartbeat = Duration::from_millis(20)).await;
    let token = service.token_with(&["read"]).await;
    let mut tail = Tail::open(&service, &token, &[]).await;
    tail.until(": still here\n\n").await;

    let tokens = service.get("/api/v1/projects/default/tokens").await.json();
    let id = tokens["tokens"][0]["id"].as_str().expect("an id").to_owned();
    service.send("DELETE", &format!("/api/v1/projects/default/tokens/{id}"), &[], Body::empty()).await.is(204);
    tail.ends().await;
}

#[tokio::test]
async fn draining_ends_streams() {
    let service = Service::start().await;
    let mut tail = Tail::open(&service, &service.token, &[]).await;
    tail.until("\n\n").await;
    service.app.begin_drain();
    tail.ends().await;
}
