//! Events bodies, good and bad.

use std::io::Write;
use std::time::Duration;

use auditwire_engine::readiness::Trouble;
use auditwire_engine::tasks::Task;
use axum::body::{Body, Bytes};
use axum::http::Request;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::service::{EVENTS, Service};

const JSON: (&str, &str) = ("content-type", "application/json");
const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("compresses");
    encoder.finish().expect("compresses")
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(plain, 3).expect("compresses")
}

/// A zstd frame that asks for a window of `log` bits.
fn zstd_with_window(plain: &[u8], log: u32) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).expect("an encoder");
    encoder.window_log(log).expect("sets");
    encoder.write_all(plain).expect("compresses");
    encoder.finish().expect("compresses")
}

#[tokio::test]
async fn one_object_an_array_and_lines_are_taken_in_order() {
    let service = Service::start().await;
    let object = service.send("POST", EVENTS, &[JSON], r#"{"action":"one"}"#).await;
    assert_eq!(object.is(200).json(), json!({"accepted": 1, "duplicates": 0, "rejected": []}));
    let array = service.send("POST", EVENTS, &[JSON], r#"[{"action":"two"},{"action":"three"}]"#).await;
    assert_eq!(array.is(200).json()["accepted"], 2);
    let lines = "{\"action\":\"four\"}\r\n\n{\"action\":\n{\"action\":\"five\"}";
    let lines = service.send("POST", EVENTS, &[NDJSON], lines).await.is(200).json();
    assert_eq!(lines["accepted"], 2);
    assert_eq!(lines["rejected"][0]["index"], 1);
    assert_eq!(lines["rejected"][0]["code"], "invalid_json");

    let page = service.get(&format!("{EVENTS}?order=asc")).await.is(200).json();
    let actions: Vec<_> = page["events"].as_array().expect("events").iter().map(|e| e["action"].clone()).collect();
    assert_eq!(actions, ["one", "two", "three", "four", "five"]);
}

#[tokio::test]
async fn a_bad_item_is_named_and_the_rest_is_taken() {
    let service = Service::start().await;
    let batch = json!([{"action": "a"}, {"action": "b", "timestamp": "2026-11-22T10:00:00"}, {}, 7]);
    let answer = service.post(EVENTS, &batch).await.is(200).json();
    assert_eq!(answer["accepted"], 1);
    let codes: Vec<_> = answer["rejected"].as_array().expect("rejected").iter().map(|r| r["code"].clone()).collect();
    assert_eq!(codes, ["invalid_timestamp", "missing_action", "not_an_object"]);
    assert_eq!(answer["rejected"][0]["index"], 1);
    assert_eq!(answer["rejected"][0]["field"], "timestamp");
    assert!(answer["rejected"][0]["message"].as_str().is_some_and(|m| !m.is_empty()));

    let none = service.post(EVENTS, &json!([{}, {}])).await;
    assert_eq!(none.is(200).json()["accepted"], 0);
}

#[tokio::test]
async fn a_repeated_batch_adds_nothing() {
    let service = Service::start().await;
    let body = json!([{"event_id": "x", "action": "a"}, {"action": "b"}]).to_string();
    let headers = [JSON, ("idempotency-key", "once")];
    let first = service.send("POST", EVENTS, &headers, body.clone()).await;
    assert_eq!(first.is(200).json()["accepted"], 2);
    let second = service.send("POST", EVENTS, &headers, body).await;
    assert_eq!(second.is(200).json(), json!({"accepted": 0, "duplicates": 2, "rejected": []}));
}

#[tokio::test]
async fn compressed_bodies() {
    let service = Service::start().await;
    let plain = br#"[{"action":"a"},{"action":"b"}]"#;
    for (encoding, body) in [("gzip", gzip(plain)), ("zstd", zstd(plain)), ("identity", plain.to_vec())] {
        let answer = service.send("POST", EVENTS, &[JSON, ("content-encoding", encoding)], body).await;
        assert_eq!(answer.is(200).json()["accepted"], 2, "{encoding}");
    }
    let two_members = [gzip(b"[{\"action\":\"a\"},"), gzip(b"{\"action\":\"b\"}]")].concat();
    let answer = service.send("POST", EVENTS, &[JSON, ("content-encoding", "gzip")], two_members).await;
    assert_eq!(answer.is(200).json()["accepted"], 2);
}

/// What it is, headers, body, status and code of the answer.
type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, Vec<u8>, u16, &'a str);

#[tokio::test]
async fn what_cannot_be_read_takes_nothing() {
    let service = Service::start().await;
    let whole = gzip(&vec![b' '; 5000]);
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let zstd_whole = zstd(br#"{"action":"a"}"#);
    let gz = ("content-encoding", "gzip");
    let zs = ("content-encoding", "zstd");
    let cases: Vec<Case> = vec![
        ("empty", vec![JSON], vec![], 400, "invalid_json"),
        ("no JSON", vec![JSON], b"hello".to_vec(), 400, "invalid_json"),
        ("cut off", vec![JSON], br#"[{"action":"a"},"#.to_vec(), 400, "invalid_json"),
        ("a number", vec![JSON], b"7".to_vec(), 400, "invalid_json"),
        ("two documents", vec![JSON], br#"{"action":"a"}{"action":"b"}"#.to_vec(), 400, "invalid_json"),
        ("truncated gzip", vec![JSON, gz], whole[..whole.len() - 9].to_vec(), 400, "invalid_compression"),
        ("no gzip", vec![JSON, gz], b"hello".to_vec(), 400, "invalid_compression"),
        ("truncated zstd", vec![JSON, zs], zstd_whole[..zstd_whole.len() - 3].to_vec(), 400, "invalid_compression"),
        ("no zstd", vec![JSON, zs], b"hello".to_vec(), 400, "invalid_compression"),
        ("a large window", vec![JSON, zs], zstd_with_window(&vec![b' '; 20 << 20], 25), 400, "invalid_compression"),
        ("brotli", vec![JSON, ("content-encoding", "br")], vec![], 415, "unsupported_content_encoding"),
        ("two encodings", vec![JSON, ("content-encoding", "gzip, zstd")], vec![], 415, "unsupported_content_encoding"),
        ("a form", vec![("content-type", "application/x-www-form-urlencoded")], vec![], 415, "unsupported_media_type"),
        ("no type", vec![], vec![], 415, "unsupported_media_type"),
        ("CloudEvents", vec![("content-type", "application/cloudevents+json")], vec![], 400, "not_available_yet"),
        ("CloudEvents, binary", vec![JSON, ("ce-specversion", "1.0")], vec![], 400, "not_available_yet"),
        ("a bad key", vec![JSON, ("idempotency-key", "")], b"{}".to_vec(), 400, "invalid_idempotency_key"),
    ];
    for (name, headers, body, status, code) in cases {
        let answer = service.send("POST", EVENTS, &headers, body).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (status, Some(code)), "{name}");
        answer.is_problem(status, code);
    }
    let odd = service.send("POST", EVENTS, &[JSON], deep).await;
    assert!(matches!(odd.status.as_u16(), 200 | 400), "{}", odd.text());
    let broken =
        service.send("POST", EVENTS, &[JSON], b"[{\"action\":\"\xff\xfe\"},{\"action\":\"good\"}]".to_vec()).await;
    assert_eq!(broken.is(200).json()["accepted"], 1);
    let page = service.get(EVENTS).await.is(200).json();
    assert_eq!(page["events"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn too_much_is_refused() {
    let service = Service::start().await;
    let too_many = format!("[{}]", vec![r#"{"action":"a"}"#; 10_001].join(","));
    service.send("POST", EVENTS, &[JSON], too_many).await.is_problem(413, "too_many_items");
    let lines = "{\"action\":\"a\"}\n".repeat(10_001);
    service.send("POST", EVENTS, &[NDJSON], lines).await.is_problem(413, "too_many_items");

    let unread = Body::from_stream(futures_util::stream::poll_fn(
        |_| -> std::task::Poll<Option<Result<Bytes, std::io::Error>>> {
            panic!("a body that declares too much must not be read")
        },
    ));
    let declared = (16 << 20) + 1;
    let headers = [JSON, ("content-length", &declared.to_string())];
    service.send("POST", EVENTS, &headers, unread).await.is_problem(413, "body_too_large");

    let chunked =
        futures_util::stream::iter((0..17).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 1 << 20]))));
    service.send("POST", EVENTS, &[JSON], Body::from_stream(chunked)).await.is_problem(413, "body_too_large");

    // 15 MiB of blanks in a few kilobytes: within the size, beyond the ratio; 17 MiB: beyond both.
    for (encoding, bomb) in [("gzip", gzip(&vec![b' '; 15 << 20])), ("zstd", zstd(&vec![b' '; 15 << 20]))] {
        let answer = service.send("POST", EVENTS, &[JSON, ("content-encoding", encoding)], bomb).await;
        answer.is_problem(413, "compression_ratio");
    }
    let words: Vec<u8> = (0..(17_u32 << 20) / 8).flat_map(|n| format!("{n:08x}").into_bytes()).collect();
    for (encoding, large) in [("gzip", gzip(&words)), ("zstd", zstd(&words))] {
        let answer = service.send("POST", EVENTS, &[JSON, ("content-encoding", encoding)], large).await;
        answer.is_problem(413, "body_too_large");
    }
}

#[tokio::test]
async fn bodies_in_flight_have_budgets_of_their_own_that_are_given_back() {
    let service = Service::with(|s| {
        s.limits.intake.in_flight_bytes_max = 1000;
        s.limits.management.in_flight_bytes_max = 1000;
    })
    .await;
    let events = |bytes: usize| format!(r#"{{"action":"{}"}}"#, "a".repeat(bytes));
    for _ in 0..3 {
        service.send("POST", EVENTS, &[JSON], events(2000)).await.is_problem(503, "overloaded");
        service.send("POST", EVENTS, &[JSON], events(700)).await.is_problem(429, "too_many_bodies");
        service.post("/api/v1/projects", &json!({"name": "a".repeat(1000)})).await.is_problem(503, "overloaded");
        service.send("POST", EVENTS, &[JSON], r#"{"action":"a"}"#).await.is(200);
    }
}

/// A body that begins with `beginning` and never ends.
fn endless(beginning: &'static str) -> Body {
    let beginning = futures_util::stream::once(async move { Ok::<_, std::io::Error>(Bytes::from(beginning)) });
    Body::from_stream(futures_util::StreamExt::chain(beginning, futures_util::stream::pending()))
}

#[tokio::test]
async fn a_body_that_pauses_for_too_long_is_given_up() {
    let service = Service::with(|s| s.limits.intake.slack = Duration::from_millis(50)).await;
    service.send("POST", EVENTS, &[JSON], endless("[")).await.is_problem(408, "body_timeout");
}

#[tokio::test]
async fn a_body_that_drips_is_given_up_however_short_its_pauses_are() {
    let service = Service::with(|s| {
        s.limits.intake.slack = Duration::from_millis(300);
        s.limits.intake.rate_min = 1000;
    })
    .await;
    // A byte every 20 ms: 50 bytes a second, for as long as somebody reads.
    let drips = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
    });
    let headers = [JSON, ("content-length", "16000000")];
    service.send("POST", EVENTS, &headers, Body::from_stream(drips)).await.is_problem(408, "body_timeout");
}

#[tokio::test]
async fn who_shows_no_credential_fills_nobody_elses_memory() {
    let service = Service::with(|s| {
        s.limits.anonymous.in_flight_bytes_max = 3000;
        s.limits.anonymous.slack = Duration::from_secs(600);
    })
    .await;
    let form = |length: usize, body: Body| {
        let request = Request::builder().method("POST").uri("/sign-in").header("host", "127.0.0.1:8080");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        service.raw(request.header("content-length", length).body(body).expect("a request"))
    };
    // More than an anonymous body may have is refused before it is read.
    assert_eq!(form((64 << 10) + 1, endless("name=")).await.status, 413);
    // A thousand bytes each, and never an end: more than the share of one address.
    const PART: &str = concat!(
        "name=",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    );
    let attackers = futures_util::future::join_all((0..108).map(|_| form(60_000, endless(PART))));
    let victim = async {
        for _ in 0..200 {
            service.send("POST", EVENTS, &[JSON], r#"{"action":"a"}"#).await.is(200);
            service.get("/api/v1/projects").await.is(200);
        }
    };
    tokio::select! {
        biased;
        _ = attackers => panic!("the attackers' deadline is far away"),
        () = victim => {}
    }
}

#[tokio::test]
async fn behind_a_proxy_requests_are_counted_by_client() {
    let service = Service::with(|s| {
        s.behind_proxy = vec!["127.0.0.0/8".parse().expect("a network")];
        s.limits.newcomers_per_address_max = 2;
        s.limits.anonymous.slack = Duration::from_secs(600);
    })
    .await;
    let form = |client: &str, body: Body| {
        let request = Request::builder().method("POST").uri("/sign-in").header("host", "127.0.0.1:8080");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        service.raw(request.header("x-forwarded-for", client).body(body).expect("a request"))
    };
    let two = futures_util::future::join(form("203.0.113.9", endless("a")), form("203.0.113.9", endless("a")));
    let others = async {
        form("203.0.113.9", Body::empty()).await.is_problem(429, "too_many_requests");
        // Another client, and one with a token at the same address.
        assert_ne!(form("203.0.113.10", Body::empty()).await.status, 429);
    };
    tokio::select! {
        biased;
        _ = two => panic!("their deadline is far away"),
        () = others => {}
    }
}

#[tokio::test]
async fn a_compressed_body_that_begins_again_and_again_is_refused() {
    let service = Service::start().await;
    let (gz, zs) = (("content-encoding", "gzip"), ("content-encoding", "zstd"));
    let whole = r#"[{"action":"a"}]"#.as_bytes();
    for (encoding, empty, full) in [(gz, gzip(b""), gzip(whole)), (zs, zstd(b""), zstd(whole))] {
        let few = [empty.repeat(1000), full.clone()].concat();
        let answer = service.send("POST", EVENTS, &[JSON, encoding], few).await;
        assert_eq!(answer.is(200).json()["accepted"], 1, "{encoding:?}");
        let many = [empty.repeat(400_000), full].concat();
        let answer = service.send("POST", EVENTS, &[JSON, encoding], many).await;
        answer.is_problem(413, "too_many_members");
    }
}

#[tokio::test]
async fn while_draining_intake_says_so_and_readiness_goes() {
    let service = Service::start().await;
    service.get("/readyz").await.is(200);
    service.app.begin_drain();
    service.post(EVENTS, &json!({"action": "a"})).await.is_problem(503, "closing");
    service.get("/readyz").await.is_problem(503, "closing");
    service.get("/healthz").await.is(200);
    service.get(EVENTS).await.is(200);
}

#[tokio::test]
async fn readiness_says_what_is_wrong_and_what_does_not_count_can_be_named() {
    let service = Service::start().await;
    let readiness = service.engine.readiness();
    for trouble in Trouble::ALL {
        readiness.raise(trouble, "/a/path");
        let answer = service.get("/readyz").await;
        if trouble.is_ready() {
            assert_eq!(answer.is(200).text(), format!("ready; {}\n", trouble.what()));
        } else {
            let told = answer.is_problem(503, trouble.code());
            assert!(!told.to_string().contains("/a/path"), "a stranger asks: {told}");
            let excluded = format!("/readyz?exclude=upkeep_stalled,{}", trouble.code());
            service.get(&excluded).await.is(200);
        }
        let metrics = service.get("/metrics").await;
        let line = format!("auditwire_trouble{{code=\"{}\"}} 1\n", trouble.code());
        assert!(metrics.is(200).text().contains(&line), "{line}");
        readiness.clear(trouble);
    }
    service.get("/readyz").await.is(200);
    service.get("/readyz?probe=1").await.is(200);
    service.get("/readyz?exclude=nonsense").await.is_problem(400, "invalid_exclude");
    // The worst is told, and the next one when that does not count.
    readiness.raise(Trouble::ClockAhead, "");
    readiness.raise(Trouble::StorageFull, "");
    service.get("/readyz").await.is_problem(503, "storage_full");
    service.get("/readyz?exclude=storage_full").await.is_problem(503, "clock_ahead");
}

#[tokio::test]
async fn when_a_vital_task_is_over_nothing_is_taken_and_readiness_says_why() {
    let service = Service::start().await;
    service.engine.tasks().die(Task::Upkeep);
    for _ in 0..2 {
        let not_ready = service.get("/readyz").await.is_problem(503, "task_failed");
        assert!(not_ready["detail"].as_str().unwrap().contains("(upkeep)"), "{not_ready}");
        service.post(EVENTS, &json!({"action": "a"})).await.is_problem(503, "task_failed");
        service.get("/healthz").await.is(200);
        service.get(EVENTS).await.is(200);
        // The drain that follows does not hide the reason.
        service.app.begin_drain();
    }
}
