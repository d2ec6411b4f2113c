//! The Event log's pages: what they show, what they ask for, and what hostile events do to them (nothing).

use axum::body::Body;
use serde_json::{Value, json};

use super::{Browser, unescape};
use crate::service::{Answer, EVENTS, Service};

const LIST: &str = "/projects/default/events";

/// The events of a page, in its order.
pub(super) fn seqs(page: &Answer) -> Vec<u64> {
    let html = page.text();
    html.split("data-event=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().and_then(|n| n.parse().ok()).expect("a number"))
        .collect()
}

/// The address of the page's first link whose tag has this attribute and whose text is this.
#[track_caller]
pub(super) fn link(page: &Answer, text: &str) -> String {
    let html = page.text();
    let found = html.split("<a ").skip(1).find(|rest| {
        let inside = rest.split("</a>").next().unwrap_or_default();
        let plain: String = inside.split('>').skip(1).map(|t| t.split('<').next().unwrap_or_default()).collect();
        plain.trim() == text
    });
    let tag = found.unwrap_or_else(|| panic!("no link {text:?} in {html}"));
    unescape(tag.split("href=\"").nth(1).and_then(|t| t.split('"').next()).expect("an address"))
}

pub(super) fn says(page: &Answer, text: &str) -> bool {
    page.text().contains(text)
}

pub(super) async fn send(service: &Service, events: &[Value]) {
    let answer = service.post(EVENTS, &Value::from(events.to_vec())).await;
    assert_eq!(answer.is(200).json()["rejected"], json!([]));
}

#[tokio::test]
async fn the_table_shows_what_happened() {
    let service = Service::start().await;
    send(
        &service,
        &[
            json!({"action": "create-vm", "severity": "NOTICE", "message": "web-1 created", "source": {"id": "nova"},
                   "subject": {"user_id": "u-1", "address": "203.0.113.7", "metadata": {"email": "a@corp.example", "name": "Alice"}},
                   "resource": {"type": "vm", "id": "vm-1"}, "status": {"code": "202"}}),
            json!({"action": "user-signin", "timestamp": "2026-11-22T08:00:00Z", "subject": {"metadata": {"email": "bob@corp.example"}},
                   "status": {"code": "401"}}),
        ],
    )
    .await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(LIST).await;
    assert_eq!(seqs(page.is(200)), [2, 1]);
    for text in [
        "<bdi>create-vm</bdi>",
        "Virtual machine created",
        "web-1 created",
        "<bdi>nova</bdi>",
        "<bdi>Alice</bdi>",
        "203.0.113.7",
        "<bdi>vm</bdi>",
        "<bdi>vm-1</bdi>",
        "<bdi>202</bdi>",
        "2026-11-22 10:00:00",
        ">success<",
        ">failure<",
        "<bdi>bob@corp.example</bdi>",
        "title=\"Received 2026-11-22 10:00:00 +00:00 (UTC)\"",
        "2 hr. ago",
    ] {
        assert!(says(&page, text), "{text} is not in {}", page.text());
    }
    assert!(!says(&page, "u-1"), "a name is better than an id");
    assert_eq!(page.text().matches("Received 2026").count(), 1, "only one event is late");
    assert_eq!(link(&page, "create-vm"), "/projects/default/events/1");
    assert_eq!(link(&page, "Settings"), "/projects/default/settings/siem");

    let turned = browser.get(&link(&page, "Event date")).await;
    assert_eq!(seqs(&turned), [1, 2]);
    assert!(says(&turned, "aria-sort=\"ascending\""));
    assert_eq!(link(&turned, "Event date"), LIST);

    browser.language = "ru";
    let page = browser.get(LIST).await;
    for text in
        ["Журнал событий", "Уровень управления", "успешно", "Последние 24 часа", "lang=\"en\">Virtual machine created"]
    {
        assert!(says(&page, text), "{text}");
    }
}

#[tokio::test]
async fn pages_are_stable_both_ways() {
    let service = Service::start().await;
    service.fill(1, 120).await;
    let mut browser = Browser::signed_in(&service).await;
    let range = |from: u64, to: u64| (to..=from).rev().collect::<Vec<_>>();
    let hour = format!("{LIST}?range=1h");
    let first = browser.get(&hour).await;
    assert_eq!(seqs(&first), range(120, 71));
    assert!(!says(&first, ">Newest<") && !says(&first, "rel=\"prev\""));
    let second = browser.get(&link(&first, "Older")).await;
    service.fill(121, 125).await;
    service.clock.advance(std::time::Duration::from_secs(70 * 60));
    let second_again = browser.get(&link(&first, "Older")).await;
    assert_eq!((seqs(&second), seqs(&second_again)), (range(70, 21), range(70, 21)));
    let third = browser.get(&link(&second, "Older")).await;
    assert_eq!(seqs(&third), range(20, 1));
    assert!(!says(&third, "rel=\"next\""), "nothing is older");
    let back = browser.get(&link(&third, "Newer")).await;
    assert_eq!(seqs(&back), range(70, 21));
    let near = browser.get(&link(&back, "Newer")).await;
    assert_eq!(seqs(&near), range(120, 71));
    let over = browser.get(&link(&near, "Newer")).await;
    assert_eq!(over.is(303).header("location"), hour, "the first page has more than these five");
    assert_eq!(link(&near, "Newest"), hour);

    let oldest = browser.get(&format!("{LIST}?order=asc&range=all")).await;
    assert_eq!(seqs(&oldest), (1..=50).collect::<Vec<_>>());
    let newer = browser.get(&link(&oldest, "Newer")).await;
    assert_eq!(seqs(&newer), (51..=100).collect::<Vec<_>>());
    browser.get(&link(&newer, "Older")).await.is(303);
}

#[tokio::test]
async fn filters_are_in_the_address() {
    let service = Service::start().await;
    send(
        &service,
        &[
            json!({"action": "a", "source": {"id": "iam"}, "severity": "ERROR", "outcome": "failure"}),
            json!({"action": "b", "source": {"id": "nova"}, "severity": "CRITICAL", "outcome": "success"}),
            json!({"action": "c", "source": {"id": "nova"}, "severity": "INFO"}),
            json!({"action": "d", "source": {"id": "nova"}, "severity": "ERROR", "plane": "data"}),
        ],
    )
    .await;
    let mut browser = Browser::signed_in(&service).await;
    for (query, expected) in [
        ("", vec![3, 2, 1]),
        ("plane=data", vec![4]),
        ("source=nova", vec![3, 2]),
        ("source=nova&source=iam", vec![3, 2, 1]),
        ("severity=ERROR&severity=CRITICAL", vec![2, 1]),
        ("severity=ERROR&severity=CRITICAL&source=nova", vec![2]),
        ("outcome=unknown", vec![3]),
        ("outcome=success&severity=ERROR", vec![]),
        ("plane=data&severity=ERROR&range=7d", vec![4]),
    ] {
        let page = browser.get(&format!("{LIST}?{query}")).await;
        assert_eq!(seqs(page.is(200)), expected, "{query}");
    }
    let page = browser.get(&format!("{LIST}?severity=ERROR&severity=CRITICAL&source=nova&range=7d")).await;
    assert!(says(&page, "Severity: <bdi>CRITICAL, ERROR</bdi>") && says(&page, "Source: <bdi>nova</bdi>"));
    assert!(says(&page, "name=\"source\" value=\"nova\" checked") && says(&page, "name=\"source\" value=\"iam\">"));
    assert_eq!(link(&page, "Clear filters"), format!("{LIST}?range=7d"));
    assert_eq!(
        link(&page, "Data plane"),
        format!("{LIST}?plane=data&range=7d&source=nova&severity=ERROR&severity=CRITICAL")
    );
    assert!(!says(&browser.get(LIST).await, "Clear filters"));
}

#[tokio::test]
async fn a_wrong_value_is_explained_and_the_rest_is_shown() {
    let service = Service::start().await;
    service.fill(1, 2).await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(&format!("{LIST}?from=soon&to=2027-01-01T00:00&severity=%3Cb%3E")).await;
    assert_eq!(seqs(page.is(200)), [2, 1]);
    let field =
        page.text().split("id=\"f-from\"").nth(1).and_then(|t| t.split('>').next()).unwrap_or_default().to_owned();
    assert!(field.contains("aria-invalid=\"true\"") && field.contains("f-from-error"), "{field}");
    assert!(says(&page, "“soon” is not a date and time") && says(&page, "“&#60;b&#62;”"), "{}", page.text());
    browser.language = "ru";
    assert!(says(&browser.get(&format!("{LIST}?from=soon")).await, "«soon» — не дата и время"));
}

#[tokio::test]
async fn time_ranges_go_by_the_viewers_zone() {
    let service = Service::start().await;
    let at = |time: &str| json!({"action": "a", "timestamp": time});
    send(&service, &[at("2026-11-01T00:00:00Z"), at("2026-11-21T20:30:00Z"), at("2026-11-22T09:50:00Z")]).await;
    let mut browser = Browser::signed_in(&service).await;
    for (query, expected) in [
        ("", vec![3, 2]),
        ("range=15m", vec![3]),
        ("range=7d", vec![3, 2]),
        ("range=30d", vec![3, 2, 1]),
        ("range=all", vec![3, 2, 1]),
        ("from=2026-11-21T20:00&to=2026-11-21T21:00", vec![2]),
        ("from=2026-11-21T23:00&to=2026-11-22T00:00&zone=Europe%2FMoscow", vec![2]),
        ("to=2026-11-21T20:30:00Z", vec![1]),
    ] {
        let page = browser.get(&format!("{LIST}?{query}")).await;
        assert_eq!(seqs(page.is(200)), expected, "{query}");
    }
    browser.cookies.insert("auditwire_zone".to_owned(), "Europe/Moscow".to_owned());
    let page = browser.get(&format!("{LIST}?from=2026-11-21T23:00&to=2026-11-22T00:00")).await;
    assert_eq!(seqs(&page), [2]);
    assert!(says(&page, "2026-11-21 23:30:00") && says(&page, "value=\"2026-11-21T23:00:00\""), "{}", page.text());
}

#[tokio::test]
async fn an_event_with_every_field() {
    let service = Service::start().await;
    let full = json!({
        "event_id": "id-1", "timestamp": "2026-11-22T09:00:00.25Z", "plane": "data", "action": "user-signin",
        "request_id": "req-1", "severity": "CRITICAL", "message": "it \"happened\"", "source": {"id": "iam", "address": "10.0.0.5"},
        "subject": {"user_id": "u-1", "address": "203.0.113.7", "project_id": "p-1", "metadata": {"a": {"b": "nested"}}},
        "resource": {"id": "r-1", "type": "account", "metadata": {"region": "north"}},
        "status": {"code": "403", "message": "denied"}, "labels": ["one", "two"]
    });
    send(&service, &[json!({"action": "first"}), full, json!({"action": "last"})]).await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(&format!("{LIST}/2")).await;
    for text in [
        "user-signin",
        "User sign-in",
        "2026-11-22 09:00:00.25 +00:00 (UTC)",
        "2026-11-22 10:00:00 +00:00 (UTC)",
        "id-1",
        "req-1",
        "CRITICAL",
        "iam",
        "10.0.0.5",
        "u-1",
        "203.0.113.7",
        "p-1",
        "<bdi>a.b</bdi>",
        "nested",
        "r-1",
        "account",
        "north",
        "403",
        "denied",
        "<bdi>one</bdi>",
        "<bdi>two</bdi>",
        "failure",
        "Data plane",
        "&#34;a.b&#34;: &#34;nested&#34;",
    ] {
        assert!(says(page.is(200), text), "{text} is not in {}", page.text());
    }
    let fragment = browser.fragment(&format!("{LIST}/2")).await;
    assert!(!says(&fragment, "<html") && says(&fragment, "id=\"event-json\""));
    assert_eq!(link(&fragment, "Event log"), format!("{LIST}?plane=data"));
    assert_eq!(link(&page, "Previous"), format!("{LIST}/1"));
    assert_eq!(link(&page, "Next"), format!("{LIST}/3"));
    assert!(!says(&browser.get(&format!("{LIST}/1")).await, "Previous"));
    assert!(!says(&browser.get(&format!("{LIST}/3")).await, ">Next<"));

    let json = page
        .text()
        .split("id=\"event-json\" tabindex=\"0\">")
        .nth(1)
        .map(|t| unescape(t.split("</pre>").next().expect("an end")));
    let shown: Value = serde_json::from_str(&json.expect("JSON")).expect("reads");
    assert_eq!(shown, service.get(&format!("{EVENTS}/2")).await.json());

    for absent in ["4", "0", "x", "18446744073709551616", "+1"] {
        let missing = browser.get(&format!("{LIST}/{absent}")).await;
        assert!(says(missing.is(404), "event_not_found"), "{absent}: {}", missing.text());
    }
    browser.language = "ru";
    let page = browser.get(&format!("{LIST}/2")).await;
    assert!(says(&page, "Дата события") && says(&page, "lang=\"en\">User sign-in"));
    assert!(says(browser.get(&format!("{LIST}/4")).await.is(404), "Такого события нет"));
}

#[tokio::test]
async fn nothing_to_show_says_what_to_do() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(LIST).await;
    assert!(says(&page, "No events yet") && says(&page, "operator.token"));
    assert!(says(&page, "curl &#39;http://127.0.0.1:8080/api/v1/projects/default/events&#39;"), "{}", page.text());
    let data = browser.get(&format!("{LIST}?plane=data&range=all")).await;
    assert!(says(&data, "No data plane events yet") && says(&data, "inside virtual machines"));
    assert_eq!(link(&data, "Go to the control plane"), format!("{LIST}?range=all"));

    send(&service, &[json!({"action": "old", "timestamp": "2026-01-01T00:00:00Z", "source": {"id": "iam"}})]).await;
    let page = browser.get(&format!("{LIST}?source=nova&range=1h")).await;
    assert!(says(&page, "No events match these filters") && says(&page, "Time range: Last hour"));
    assert_eq!(link(&page, "Show all time"), format!("{LIST}?range=all&source=nova"));
    assert_eq!(link(&page, "Clear filters"), format!("{LIST}?range=1h"));
    let page = browser.get(LIST).await;
    assert!(says(&page, "No events in this time range") && !says(&page, "Clear filters"));
    assert_eq!(seqs(&browser.get(&link(&page, "Show all time")).await), [1]);
}

#[tokio::test]
async fn the_download_is_the_list_as_a_file_and_is_told_in_the_log() {
    let service = Service::start().await;
    send(
        &service,
        &[json!({"action": "a", "source": {"id": "iam"}}), json!({"action": "b", "source": {"id": "nova"}})],
    )
    .await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(&format!("{LIST}?source=iam&order=asc")).await;
    let action = format!("{LIST}/download?order=asc&source=iam");
    let file = browser.submit(&page, &action, &[]).await;
    assert_eq!(file.is(200).header("content-type"), "text/tab-separated-values; charset=utf-8");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"events-default-20261122T100000Z.tsv\"");
    assert_eq!(file.text().lines().count(), 2, "{}", file.text());
    assert!(file.text().lines().nth(1).is_some_and(|row| row.contains("iam")));
    let told = browser.get(&format!("{LIST}?source=auditwire")).await;
    assert_eq!(seqs(&told), [3]);
    assert!(says(&told, "<bdi>export</bdi>"));

    let (format, raw) = (("format", "csv"), ("raw", "1"));
    let whole = browser.submit(&page, &action, &[format]).await;
    assert_eq!(
        whole.is(200).header("content-disposition"),
        "attachment; filename=\"events-default-20261122T100000Z.csv\""
    );
    assert!(
        whole.header("content-type").starts_with("text/csv") && whole.text().lines().count() == 2,
        "{}",
        whole.text()
    );
    for other in ["tsv", "jsonl", "parquet"] {
        let file = browser.submit(&page, &action, &[("format", other), raw]).await;
        assert!(!file.is(200).body.is_empty(), "{other}");
    }
    let refused = browser.submit(&page, &action, &[("format", "exe")]).await;
    refused.is(400);
    assert_eq!(link(&refused, "Back to the list"), format!("{LIST}?order=asc&source=iam"));
    let before = seqs(&browser.get(LIST).await).len();

    browser.post(&action, &[]).await.is(403);
    browser.get(&action).await.is(405);
    assert_eq!(seqs(&browser.get(LIST).await).len(), before, "what was refused is no export");
}

#[tokio::test]
async fn strangers_and_other_projects_see_nothing() {
    let service = Service::start().await;
    service.fill(1, 1).await;
    let mut stranger = Browser::new(&service);
    for path in [LIST, "/projects/default/events/1", "/projects/default/events/live"] {
        let answer = stranger.get(path).await;
        assert!(answer.is(303).header("location").starts_with("/sign-in?next="), "{path}");
    }
    let mut browser = Browser::signed_in(&service).await;
    for path in ["/projects/nobodys/events", "/projects/nobodys/events/1", "/projects/nobodys/events/live"] {
        browser.get(path).await.is(404);
    }
}

/// Every field of an event as hostile as it can be.
fn hostile(n: usize) -> Value {
    let word = "x".repeat(4_000);
    let text = format!("<script>alert({n})</script>\u{202e}\u{0}\"'&{n}{word}");
    json!({
        "event_id": format!("<i>{n}"), "action": text, "message": text, "request_id": text,
        "source": {"id": text, "address": text}, "labels": [text],
        "subject": {"user_id": text, "address": text, "metadata": {"name": text, "<b>": text}},
        "resource": {"id": text, "type": text, "metadata": {"\u{202e}key": text}},
        "status": {"code": text, "message": text}
    })
}

#[tokio::test]
async fn hostile_events_change_nothing() {
    let service = Service::start().await;
    for part in 0..5 {
        let events: Vec<Value> = (part * 10..part * 10 + 10).map(hostile).collect();
        send(&service, &events).await;
    }
    let word = "й".repeat(65_536 / 2);
    send(&service, &[json!({"action": word, "message": word, "source": {"id": "<i>\u{202e}</i>"}})]).await;
    let mut browser = Browser::signed_in(&service).await;
    let list = browser.get(LIST).await;
    assert_eq!(seqs(&list).len(), 50);
    for path in
        [LIST.to_owned(), format!("{LIST}/50"), format!("{LIST}/51"), format!("{LIST}?source=%3Cscript%3E%E2%80%AE")]
    {
        let page = browser.get(&path).await;
        let html = page.is(200).text();
        assert!(!html.contains("<script>alert") && !html.contains("<i>") && !html.contains("<b>"), "{path}");
        // A form sends back what stands in an attribute, which nobody sees.
        let seen: String = html.split('<').map(|tag| tag.split_once('>').map_or(tag, |(_, text)| text)).collect();
        assert!(!seen.contains('\u{202e}') && !seen.contains('\0'), "{path}");
    }
    assert!(says(&browser.get(&format!("{LIST}/50")).await, "⟨U+202E⟩"));
    let filtered = browser.get(&format!("{LIST}?source=%3Ci%3E%E2%80%AE%3C%2Fi%3E")).await;
    assert_eq!(seqs(&filtered), [51]);
    let small = browser.send("GET", LIST, &[("accept-encoding", "gzip")], Body::empty()).await;
    assert_eq!(small.header("content-encoding"), "gzip");
    assert!(small.body.len() <= 100 << 10, "{} bytes", small.body.len());
}
