//! The search line of the Event log and what stands over the table, as a browser without script sees them, and their fragments.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::events::{link, says, send, seqs};
use super::{Browser, unescape};
use crate::service::{Answer, Service};

const LIST: &str = "/projects/default/events";

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The text of the page's first element whose tag holds this.
#[track_caller]
fn inside(page: &Answer, tag: &str, end: &str) -> String {
    let html = page.text();
    let rest = html.split_once(tag).unwrap_or_else(|| panic!("no {tag} in {html}")).1;
    let content = rest.split_once('>').and_then(|(_, rest)| rest.split_once(end)).expect("an end").0;
    let plain: String = content.split('<').map(|t| t.split_once('>').map_or(t, |(_, text)| text)).collect();
    unescape(&plain).split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn cloud(service: &Service) {
    let event = |action: &str, severity: &str, source: &str, user: &str, at: &str| {
        json!({"action": action, "severity": severity, "source": {"id": source}, "subject": {"user_id": user},
               "timestamp": at, "message": format!("{action} by {user}"), "resource": {"type": "vm"}, "labels": ["one", "two"]})
    };
    send(
        service,
        &[
            event("user-signin", "INFO", "iam", "ann", "2026-11-22T08:00:00Z"),
            event("create-vm", "NOTICE", "nova", "ann", "2026-11-22T09:00:00Z"),
            event("delete-vm", "ERROR", "nova", "petr", "2026-11-22T09:30:00Z"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_query_is_part_of_the_address() {
    let service = Service::start().await;
    cloud(&service).await;
    let mut browser = Browser::signed_in(&service).await;
    for (query, expected) in [
        ("severity >= NOTICE", vec![3, 2]),
        ("source.id = nova AND subject.user_id = petr", vec![3]),
        ("PETR", vec![3]),
        ("timestamp > now-45m", vec![3]),
        ("(action = create-vm OR action = user-signin) NOT subject.user_id = petr", vec![2, 1]),
        ("nothing-like-this", vec![]),
    ] {
        let page = browser.get(&format!("{LIST}?q={}", encoded(query))).await;
        assert_eq!(seqs(page.is(200)), expected, "{query}");
    }
    let page = browser.get(&format!("{LIST}?q=vm&source=nova&range=7d")).await;
    assert_eq!(seqs(&page), [3, 2]);
    assert!(says(&page, "name=\"q\" value=\"vm\""));
    assert_eq!(link(&page, "Data plane"), format!("{LIST}?plane=data&range=7d&q=vm&source=nova"));
    assert_eq!(link(&page, "As a query"), format!("{LIST}?range=7d&q=vm+AND+source.id+%3D+nova"));
    assert_eq!(link(&page, "Clear filters"), format!("{LIST}?range=7d"));
    assert_eq!(link(&page, "delete-vm"), format!("{LIST}/3?range=7d&q=vm&source=nova"));
    let live = browser.get(&format!("{LIST}?live=1&q=petr")).await;
    assert_eq!(seqs(&live), [3]);
    assert!(
        says(&live, "data-tail=\"/projects/default/events/live?live=1&#38;q=petr&#38;after=3\""),
        "{}",
        live.text()
    );
    let file = browser.submit(&page, &format!("{LIST}/download?range=7d&q=vm&source=nova"), &[]).await;
    assert_eq!(file.is(200).text().lines().count(), 3);
}

#[tokio::test]
async fn a_wrong_query_is_explained_and_nothing_passes_for_its_answer() {
    let service = Service::start().await;
    cloud(&service).await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(&format!("{LIST}?q={}&range=7d", encoded("action = create-vm AND sorce.id = nova"))).await;
    assert_eq!(seqs(page.is(200)), Vec::<u64>::new());
    assert_eq!(inside(&page, "<mark", "</mark>"), "sorce.id");
    assert_eq!(inside(&page, "<pre class=\"query-echo\"", "</pre>"), "action = create-vm AND sorce.id = nova");
    assert!(says(&page, "aria-invalid=\"true\" aria-describedby=\"q-error\"") && says(&page, "id=\"q-error\""));
    assert!(says(&page, "value=\"action = create-vm AND sorce.id = nova\""), "it can be corrected by hand");
    assert!(says(&page, "The query cannot be read") && says(&page, "Did you mean"));
    let repaired = link(&page, "source.id");
    assert_eq!(repaired, format!("{LIST}?range=7d&q=action+%3D+create-vm+AND+source.id+%3D+nova"));
    assert_eq!(seqs(&browser.get(&repaired).await), [2]);
    for part in ["count", "histogram", "facets", "live"] {
        let path = format!("{LIST}/{part}?of=source&q={}", encoded("action ="));
        let refused = browser.get(&path).await;
        assert!(says(refused.is(400), "query_syntax"), "{path}: {}", refused.text());
    }
    let csrf = browser.csrf().await;
    browser.post(&format!("{LIST}/download?q=%28"), &[("csrf".to_owned(), csrf)]).await.is(400);
    browser.language = "ru";
    let page = browser.get(&format!("{LIST}?q={}", encoded("sorce.id = nova"))).await;
    assert!(says(&page, "Такого параметра нет.") && says(&page, "Возможно, вы имели в виду"), "{}", page.text());
}

#[tokio::test]
async fn two_values_side_by_side_are_offered_as_alternatives() {
    let service = Service::start().await;
    cloud(&service).await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(&format!("{LIST}?q={}", encoded("action = create-vm action = delete-vm"))).await;
    assert_eq!(seqs(&page), Vec::<u64>::new());
    assert!(says(&page, "Side by side means AND"), "{}", page.text());
    let either = browser.get(&link(&page, "action = create-vm OR action = delete-vm")).await;
    assert_eq!(seqs(&either), [3, 2]);
    assert!(!says(&either, "Side by side means AND"));
}

#[tokio::test]
async fn numbers_come_as_fragments_or_with_the_page() {
    let service = Service::start().await;
    cloud(&service).await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(&format!("{LIST}?source=nova")).await;
    let count = format!("{LIST}/count?source=nova");
    assert!(says(&page, &format!("data-load=\"{count}\"")) && !says(&page, "<svg class=\"histogram\""));
    let fragment = browser.fragment(&count).await;
    assert!(says(fragment.is(200), "2 events") && !says(&fragment, "<html"));
    let fragment = browser.fragment(&format!("{LIST}/histogram?source=nova")).await;
    assert_eq!(fragment.is(200).text().matches("class=\"bucket\"").count(), 60);
    assert!(says(&fragment, "1 event (ERROR 1)") && says(&fragment, "1 event (NOTICE 1)"), "{}", fragment.text());
    // The bar's link leads to its event.
    let html = fragment.text();
    let bar = html.split("<a href=\"").nth(2).and_then(|t| t.split('"').next()).expect("a bar");
    assert_eq!(seqs(&browser.get(&unescape(bar)).await), [3]);
    let fragment = browser.fragment(&format!("{LIST}/facets?of=source&source=nova")).await;
    let html = fragment.is(200).text();
    assert!(html.contains("value=\"nova\" checked") && html.contains("value=\"iam\"><"), "{html}");
    assert!(html.contains("menu-count numeric\">2<") && html.contains("menu-count numeric\">1<"), "{html}");
    browser.get(&format!("{LIST}/facets?of=color")).await.is(400);

    let whole = browser.get(&link(&page, "Show numbers and histogram")).await;
    for text in [
        "2 events",
        "<svg class=\"histogram\"",
        "value=\"ann\"",
        "value=\"create-vm\"",
        "name=\"with\" value=\"counts\"",
    ] {
        assert!(says(&whole, text), "{text}");
    }
    assert!(!says(&whole, "data-load") && !says(&whole, "data-facets"));
    let chosen = browser.get(&format!("{LIST}?action=create-vm&user=ann&type=vm")).await;
    assert_eq!(seqs(&chosen), [2]);
}

#[tokio::test]
async fn what_is_typed_is_completed() {
    let service = Service::start().await;
    cloud(&service).await;
    let mut browser = Browser::signed_in(&service).await;
    let mut offered = async |text: &str, more: &str| {
        let cursor = text.chars().count();
        let page = browser.fragment(&format!("{LIST}/complete?q={}&cursor={cursor}{more}", encoded(text))).await;
        let html = page.is(200).text();
        let all = html.split("data-insert=\"").skip(1).map(|t| unescape(t.split('"').next().expect("an end")));
        all.collect::<Vec<_>>()
    };
    assert_eq!(offered("sev", "").await, ["severity"]);
    assert!(offered("severity ", "").await.contains(&">=".to_owned()));
    assert_eq!(offered("severity = ERR", "").await, ["ERROR"]);
    assert_eq!(offered("action = ", "").await.len(), 3);
    assert_eq!(offered("x action = vm", "").await, ["\"create-vm\"", "\"delete-vm\""]);
    assert_eq!(offered("action = vm", "&user=petr").await, ["\"delete-vm\""], "the filters hold for it");
    assert_eq!(offered("action = vm", "&user=petr&whole=1").await.len(), 2);
    assert_eq!(offered("message = ", "").await, Vec::<String>::new(), "nearly every event has its own");
}

#[tokio::test]
async fn a_value_leads_to_the_events_with_it() {
    let service = Service::start().await;
    cloud(&service).await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(&format!("{LIST}/3?range=7d&q=vm")).await;
    let find = |label: &str| {
        let html = page.text();
        let tag = html.split("<a ").find(|tag| unescape(tag).contains(&format!("aria-label=\"{label}\"")));
        let tag = tag.unwrap_or_else(|| panic!("no {label} in {html}"));
        unescape(tag.split("href=\"").nth(1).and_then(|t| t.split('"').next()).expect("an address"))
    };
    let only = find("Only subject.user_id = petr");
    assert_eq!(only, format!("{LIST}?range=7d&q=vm+AND+subject.user_id+%3D+petr"));
    assert_eq!(seqs(&browser.get(&only).await), [3]);
    assert_eq!(seqs(&browser.get(&find("Without subject.user_id = petr")).await), [2, 1]);
    assert_eq!(seqs(&browser.get(&find("Only severity = ERROR")).await), [3]);
    assert_eq!(seqs(&browser.get(&find("Only labels = two")).await), [3, 2, 1]);
    let fragment = browser.fragment(&format!("{LIST}/3?range=7d&q=vm")).await;
    assert_eq!(link(&fragment, "Event log"), format!("{LIST}?range=7d&q=vm"));
    assert_eq!(seqs(&browser.get(&link(&page, "5 minutes around it")).await), [3]);
}

/// Longer than a query may be, and as deep as it may not be.
#[tokio::test]
async fn the_largest_queries_are_refused_in_a_small_page() {
    let service = Service::start().await;
    cloud(&service).await;
    let mut browser = Browser::signed_in(&service).await;
    for query in ["ж".repeat(9_000), "(".repeat(500), "NOT ".repeat(4_000), "\"".repeat(15_001)] {
        let page = browser.get(&format!("{LIST}?q={}", encoded(&query))).await;
        assert!(page.status == StatusCode::OK || page.status.is_client_error(), "{}", page.status);
        assert!(seqs(&page).is_empty());
    }
    let value: Value =
        json!({"action": "x", "message": "y".repeat(600), "subject": {"metadata": {"k": "z".repeat(600)}}});
    send(&service, &[value]).await;
    let page = browser.get(&format!("{LIST}/4")).await;
    assert!(says(page.is(200), "Only action = x") && !says(&page, "Only message"), "{}", page.text());
}
