//! The second mapping: what it says otherwise than the first, and that every message of it is valid with every option and at
//! every size.

mod bytes;
mod golden;
mod limits;
mod names;
mod raw;
mod typical;

use std::collections::BTreeMap;

use super::{first, message, renderer, with_view};
use crate::connection::{Format, Options};
use crate::event::testing::full;
use crate::event::{EventDraft, Metadata};
use crate::wire::{read_cef, read_json, read_leef, read5424};

fn text(format: Format, options: &Options, draft: EventDraft) -> String {
    with_view(draft, |event| message(&renderer(format, options.clone()), event, 42).unwrap().0)
}

/// The pairs of CEF's extension.
fn cef(options: &Options, draft: EventDraft) -> BTreeMap<String, String> {
    let text = text(Format::Cef, options, draft);
    let read = read_cef::parse_with_ipv6(&text).unwrap_or_else(|p| panic!("{p}: {text}"));
    assert_eq!(read.device_version, "2");
    read.extension.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// LEEF's attributes.
fn leef(options: &Options, draft: EventDraft) -> BTreeMap<String, String> {
    let text = text(Format::Leef, options, draft);
    let read = read_leef::parse(&text).unwrap_or_else(|p| panic!("{p}: {text}"));
    assert_eq!(read.product_version, "2");
    read.attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// RAW's structured data.
fn sd(options: &Options, draft: EventDraft) -> BTreeMap<String, String> {
    let text = text(Format::Rfc5424, options, draft);
    let read = read5424::parse(text.as_bytes()).unwrap_or_else(|p| panic!("{p}: {text}"));
    let element = read.element("audit@32473").unwrap();
    element.params.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_owned())).collect()
}

fn json_of(text: &str) -> BTreeMap<String, String> {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn get<'m>(pairs: &'m BTreeMap<String, String>, key: &str) -> Option<&'m str> {
    pairs.get(key).map(String::as_str)
}

fn pairs(pairs: &[(&str, &str)]) -> Metadata {
    pairs.iter().copied().collect()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn limited(max_bytes: u32) -> Options {
    Options { max_bytes: Some(max_bytes), ..Options::default() }
}

/// Readers know what marks a replay.
#[test]
fn messages_of_a_replay_are_read() {
    for options in [first(), Options::default()] {
        let text = |format| {
            let renderer = renderer(format, options.clone()).for_replay("r-1f00ab");
            with_view(full(), |event| message(&renderer, event, 7).unwrap().0)
        };
        let read = read_json::parse(&text(Format::Json)).unwrap();
        assert_eq!((read.n, read.replay.as_deref()), (0, Some("r-1f00ab")));
        let cef = text(Format::Cef);
        assert_eq!(read_cef::parse(&cef).unwrap().get("AuditwireCloudAuditReplay"), Some("r-1f00ab"));
        assert_eq!(read_leef::parse(&text(Format::Leef)).unwrap().get("replay"), Some("r-1f00ab"));
        let raw = text(Format::Rfc5424);
        let read = read5424::parse(raw.as_bytes()).unwrap();
        assert_eq!(read.element("audit@32473").unwrap().param("replay"), Some("r-1f00ab"));
    }
}

fn json(options: &Options, draft: EventDraft) -> read_json::JsonMessage {
    read_json::parse(&text(Format::Json, options, draft)).unwrap()
}
