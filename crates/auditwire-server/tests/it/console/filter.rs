//! The filter by query in the form of a connection: what is wrong with it, the rows that write it, its preview.

use serde_json::json;

use super::form::{CONNECTIONS, FILTER, LIST, NEW, existing, fields, has, stored};
use super::{Browser, unescape};
use crate::service::{EVENTS, Service};

#[tokio::test]
async fn a_query_is_stored_as_it_was_typed() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let form = browser.get(NEW).await;
    let typed = "severity >= ERROR  and source.id=iam";
    let made = browser.submit(&form, NEW, &fields(&[("filter", "query"), ("query", typed)])).await;
    made.is(303);
    let filter = stored(&service).await[0]["filter"].clone();
    assert_eq!((&filter["kind"], &filter["query"]), (&json!("query"), &json!(typed)));
    let list = browser.get(LIST).await;
    has(list.is(200), &["severity &#62;= ERROR AND source.id = iam"]);
    let id = stored(&service).await[0]["id"].as_str().expect("an id").to_owned();
    let page = browser.get(&format!("{LIST}/connections/{id}")).await;
    has(
        page.is(200),
        &["spellcheck=\"false\" aria-describedby=\"f-query-help\">severity &#62;= ERROR  and source.id=iam</textarea>"],
    );
}

#[tokio::test]
async fn a_wrong_query_is_told_with_its_place_and_nothing_is_stored() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let form = browser.get(NEW).await;
    let sent = [("filter", "query"), ("query", "sorce.id = iam")];
    let page = browser.submit(&form, NEW, &fields(&sent)).await;
    has(page.is(422), &["id=\"f-query-error\"", "href=\"#f-query\"", "<mark><bdi>sorce.id</bdi></mark>", "source.id"]);
    let relative = [("filter", "query"), ("query", "timestamp > now-1h")];
    has(browser.submit(&form, NEW, &fields(&relative)).await.is(422), &["f-query-error"]);
    let none = browser.submit(&form, NEW, &fields(&[("filter", "query"), ("query", " ")])).await;
    has(none.is(422), &["Enter a query, or choose another kind of filtering."]);
    assert!(stored(&service).await.is_empty());
    // What does not apply is no mistake.
    browser.submit(&form, NEW, &fields(&[("filter", "none"), ("query", "sorce.id =")])).await.is(303);
    let csrf = browser.csrf().await;
    let mut asked: Vec<(String, String)> = sent.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    asked.push(("csrf".to_owned(), csrf));
    has(browser.post(FILTER, &asked).await.is(200), &["data-repair=\"source.id = iam\""]);
    browser.language = "ru";
    has(browser.submit(&form, NEW, &fields(&sent)).await.is(422), &["Такого параметра нет."]);
}

#[tokio::test]
async fn rows_write_the_query() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let form = browser.get(NEW).await;
    let mut sent = fields(&[("filter", "query"), ("save", "build")]);
    for (field, op, value) in [("action", "=", "create vm"), ("", "=", "lost"), ("resource.metadata.a/b", "EXIST", "")]
    {
        sent.extend([("row_field", field), ("row_op", op), ("row_value", value)]);
    }
    let page = browser.submit(&form, NEW, &sent).await;
    let query = "action = \"create vm\" AND resource.metadata.\"a/b\" EXIST";
    let html = unescape(&page.is(200).text());
    assert!(html.contains(&format!(">{query}</textarea>")), "{html}");
    assert_eq!(html.matches("name=\"row_field\"").count(), 3, "two rows and an empty one");
    assert!(html.contains("value=\"siem.example.com:514\""), "what was entered stays");
    assert!(stored(&service).await.is_empty());
}

#[tokio::test]
async fn the_preview_shows_how_many_and_the_very_messages() {
    let service = Service::start().await;
    let events = json!([
        {"action": "a", "source": {"id": "iam"}, "message": "one\ntwo \u{202e}x"},
        {"action": "b", "source": {"id": "nova"}},
    ]);
    service.post(EVENTS, &events).await.is(200);
    let mut browser = Browser::signed_in(&service).await;
    let form = browser.get(NEW).await;
    let sent = [("filter", "query"), ("query", "source.id = iam"), ("save", "preview"), ("name", ""), ("endpoint", "")];
    let page = browser.submit(&form, NEW, &fields(&sent)).await;
    has(
        page.is(200),
        &["1 of 2 events of the last 24 hours would be sent", "&#62;1 2026-11-22T10:00:00", "Event 1</a>"],
    );
    assert!(!page.text().contains('\u{202e}'));
    let general = [
        ("filter", "general"),
        ("source_mode", "except"),
        ("source_more", "iam, nova"),
        ("format", "cef"),
        ("save", "preview"),
    ];
    let page = browser.submit(&form, NEW, &fields(&general)).await;
    has(page.is(200), &["0 of 2 events", "No event in the log matches"]);
    let wrong = [("filter", "query"), ("query", "source.id ="), ("save", "preview")];
    let page = browser.submit(&form, NEW, &fields(&wrong)).await;
    has(page.is(200), &["id=\"preview-shown\"", "<mark"]);
    let (_, address) = existing(&service, &json!({"name": "a", "endpoint": "a:1", "transport": "udp"})).await;
    let form = browser.get(&address).await;
    let page = browser.submit(&form, &address, &fields(&[("save", "preview"), ("format", "cef")])).await;
    has(page.is(200), &["events of the last 24 hours would be sent", "CEF:0|"]);
    assert_eq!(service.get(CONNECTIONS).await.json()["connections"][0]["format"], "rfc5424", "nothing is stored");
}
