//! Whatever an event holds, the pages that show it are made of the same elements: compared, tag by tag, with the pages of an
//! event of the same shape whose texts are harmless.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::Browser;
use crate::service::Service;

/// Pieces of which no page may take anything for its own.
const PIECES: &[&str] = &[
    "<script>",
    "</script>",
    "<!--",
    "]]>",
    "\"",
    "'",
    "`",
    "=",
    ">",
    "</td>",
    "</bdi>",
    "</pre>",
    "</title>",
    "</textarea>",
    "<img src=x onerror=x>",
    " onclick=x ",
    "javascript:",
    "&lt;",
    "&#60;",
    "&",
    "{{7*7}}",
    "{$name}",
    "\u{0}",
    "\u{8}",
    "\u{1b}[31m",
    "\r",
    "\n",
    "\n\n",
    "data: ",
    "\t",
    "\u{85}",
    "\u{2028}",
    "\u{200b}",
    "\u{202e}",
    "\u{2066}",
    "\u{feff}",
    "\u{fffd}",
    "\u{10ffff}",
    "שלום",
    "e\u{301}\u{302}\u{303}",
    "👩‍👩‍👧",
    "a",
    "0",
    "x.y",
    " ",
];

pub(super) fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![4 => proptest::sample::select(PIECES).prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
    // None that is empty or only blank: a cell without text is another shape.
    proptest::collection::vec(piece, 1..12).prop_map(|pieces| format!("x{}", pieces.concat()))
}

/// The texts of an event.
fn texts() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(text(), FIELDS)
}

const FIELDS: usize = 18;

/// An event of these texts.
fn event(texts: &[String]) -> Value {
    let text = |n: usize| texts[n].as_str();
    json!({
        "event_id": text(0).chars().take(25).collect::<String>(), "action": text(1), "message": text(2), "request_id": text(3),
        "source": {"id": text(4), "address": text(5)}, "labels": [text(6)],
        "subject": {"user_id": text(7), "address": text(8), "project_id": text(9), "metadata": {"name": text(10), (format!("k{}", text(11))): text(12)}},
        "resource": {"id": text(13), "type": text(14), "metadata": {(format!("k{}", text(15))): text(16)}},
        "status": {"code": "200", "message": text(17)}
    })
}

/// The tags of a page in their order: element, attributes, and the values of those that hold no foreign text.
fn skeleton(html: &str) -> Vec<String> {
    const FREE: [&str; 13] = [
        "value",
        "href",
        "title",
        "datetime",
        "action",
        "data-tail",
        "data-event",
        "aria-label",
        "data-url",
        "data-load",
        "data-facets",
        "data-complete",
        "data-histogram",
    ];
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (tag, after) = end_of_tag(rest.get(at + 1..).unwrap_or_default());
        let (name, attributes) = tag.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((tag, ""));
        let mut shown = name.to_owned();
        for (name, value) in pairs(attributes) {
            shown += &if FREE.contains(&name) { format!(" {name}") } else { format!(" {name}={value}") };
        }
        tags.push(shown);
        rest = after;
    }
    tags
}

/// Cuts a tag off: its end is the first `>` outside of quotes.
fn end_of_tag(text: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

fn pairs(attributes: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = attributes.trim();
    while !rest.is_empty() {
        let name_end = rest.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_end);
        let quoted = after.strip_prefix("=\"").and_then(|value| value.split_once('"'));
        let (value, after) = quoted.unwrap_or(("", after.trim_start_matches('=')));
        found.push((name, value));
        rest = after.trim_start();
    }
    found
}

#[test]
fn the_scanner_sees_what_differs() {
    assert_eq!(skeleton("a<b class=\"x\" title=\"<i>\" hidden>c</b>"), ["b class=x title hidden=", "/b"]);
    assert_ne!(skeleton("<td>a</td>"), skeleton("<td>a<i></td>"));
    assert_ne!(skeleton("<a title=\"a\">"), skeleton("<a title=\"\" onclick=\"a\">"));
}

/// Pages of a log with this one event: both lists, the filtered list, its details, and what the live tail and the script get.
async fn pages(event: &Value, source: &str) -> Vec<(String, String)> {
    let service = Service::start().await;
    let answer = service.post(crate::service::EVENTS, &Value::from(vec![event.clone()])).await;
    assert_eq!(answer.is(200).json()["rejected"], json!([]), "{event}");
    let mut browser = Browser::signed_in(&service).await;
    let filter: String = form_urlencoded::byte_serialize(source.as_bytes()).collect();
    let list = "/projects/default/events";
    let mut pages = Vec::new();
    // As a query that is right, and as one that is wrong.
    let quoted = source.replace('\\', "\\\\").replace('"', "\\\"");
    let query = |text: String| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let right = query(format!("source.id = \"{quoted}\""));
    let wrong = query(format!("sorce.id = \"{quoted}\""));
    for path in [
        list.to_owned(),
        format!("{list}?live=1"),
        format!("{list}?source={filter}"),
        format!("{list}?with=counts"),
        format!("{list}?q={right}"),
        format!("{list}?q={wrong}"),
        format!("{list}/1"),
    ] {
        pages.push((path.split('?').next().unwrap_or_default().to_owned(), browser.get(&path).await.is(200).text()));
    }
    pages.push(("fragment".to_owned(), browser.fragment(&format!("{list}/1")).await.is(200).text()));
    pages
}

/// A character that nobody sees, or that turns the text around it.
fn hidden(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
        || matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

async fn check(texts: &[String]) {
    let harmless: Vec<String> =
        texts.iter().enumerate().map(|(n, text)| format!("{n:02}{}", "a".repeat(text.len() - 2))).collect();
    let (shown, expected) = (pages(&event(texts), &texts[4]).await, pages(&event(&harmless), &harmless[4]).await);
    for ((page, html), (_, plain)) in shown.iter().zip(&expected) {
        assert_eq!(skeleton(html), skeleton(plain), "{page} of {texts:?}");
        let outside = html.split('<').map(|tag| end_of_tag(tag).1).collect::<String>();
        assert!(!outside.contains(hidden), "{page} of {texts:?} hides something: {outside}");
    }
}

#[test]
fn any_event_gives_the_same_elements() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let result = runner.run(&texts(), |texts| {
        runtime.block_on(check(&texts));
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}
