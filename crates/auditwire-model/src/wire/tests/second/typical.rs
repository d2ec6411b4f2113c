//! Twenty events of the kind that clouds send, where messages may have 1,024 bytes (QRadar over UDP as it is delivered): how much
//! of their metadata arrives by each mapping.

use super::super::{first, message, renderer};
use super::limited;
use crate::connection::{Format, Options};
use crate::event::testing::batch;
use crate::event::{DraftReader, EventView, rows};
use crate::wire::{read_cef, read_leef, read5424};

const EVENTS: &str = include_str!("../../../../tests/typical.jsonl");
const FORMATS: [Format; 4] = [Format::Rfc5424, Format::Cef, Format::Leef, Format::Json];

/// How much arrives: events with all of their metadata, events with none of it, values.
fn arrive(format: Format, options: &Options) -> (usize, usize, usize) {
    let reader = DraftReader::default();
    let items = EVENTS.lines().flat_map(|line| reader.read_object_or_array(line.as_bytes()).unwrap());
    let batch = batch(items.map(|item| item.unwrap()));
    let renderer = renderer(format, options.clone());
    let counts: Vec<_> = rows(&batch).map(|event| counts(&event, &message(&renderer, &event, 42).unwrap().0)).collect();
    assert_eq!(counts.len(), 20);
    let all = counts.iter().filter(|(there, of)| there == of).count();
    let none = counts.iter().filter(|(there, _)| *there == 0).count();
    (all, none, counts.iter().map(|(there, _)| there).sum())
}

/// A value counts as arrived when it stands in the message, wherever; and how many there are.
fn counts(event: &EventView<'_>, text: &str) -> (usize, usize) {
    let values = || event.subject_metadata.iter().chain(event.resource_metadata.iter()).map(|(_, value)| value);
    let body = body(text);
    (values().filter(|value| body.contains(&format!("\u{1}{value}\u{1}"))).count(), values().count())
}

/// All texts of a message, between U+0001.
fn body(text: &str) -> String {
    fn texts(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) => found.push(text.clone()),
            serde_json::Value::Object(members) => members.values().for_each(|value| texts(value, found)),
            serde_json::Value::Array(items) => items.iter().for_each(|value| texts(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    let mut add = |text: &str| match serde_json::from_str::<serde_json::Value>(text) {
        Ok(json) if json.is_object() => texts(&json, &mut found),
        _ => found.push(text.to_owned()),
    };
    if let Ok(read) = read_cef::parse(text) {
        read.extension.iter().for_each(|(_, value)| add(value));
    } else if let Ok(read) = read_leef::parse(text) {
        read.attributes.iter().for_each(|(_, value)| add(value));
    } else if let Ok(read) = read5424::parse(text.as_bytes()) {
        read.elements.iter().flat_map(|element| &element.params).for_each(|(_, value)| add(value));
        add(std::str::from_utf8(read.msg.unwrap_or_default()).unwrap());
    } else {
        add(text);
    }
    format!("\u{1}{}\u{1}", found.join("\u{1}"))
}

#[test]
fn most_metadata_arrives_in_1024_bytes() {
    let whole = arrive(Format::Json, &Options::default());
    let small = limited(1024);
    let found = FORMATS.map(|format| {
        let before = arrive(format, &Options { max_bytes: small.max_bytes, ..first() });
        (before, arrive(format, &small))
    });
    assert_eq!(whole, (20, 0, 161));
    let measured = [
        ((0, 2, 32), (7, 1, 107)),
        ((5, 1, 86), (5, 0, 101)),
        ((20, 0, 161), (20, 0, 161)),
        ((20, 0, 161), (20, 0, 161)),
    ];
    assert_eq!(found, measured, "of RAW, CEF, LEEF and JSON, by the first mapping and by the second");
}
