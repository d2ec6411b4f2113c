//! RAW: how much its two parts say, and what of them goes first.

use super::{get, json_of, limited, pairs, sd, some, text};
use crate::connection::{Format, MessagePart, Options, StructuredData};
use crate::event::EventDraft;
use crate::event::testing::{full, minimal};
use crate::wire::{read_json, read5424};

fn options(structured_data: StructuredData, message: MessagePart) -> Options {
    Options { structured_data, message, ..Options::default() }
}

fn msg(text: &str) -> Option<String> {
    let read = read5424::parse(text.as_bytes()).unwrap_or_else(|p| panic!("{p}: {text}"));
    read.msg.map(|msg| String::from_utf8(msg.to_vec()).unwrap())
}

#[test]
fn ids_tell_and_count_the_event_and_no_more() {
    let read = sd(&options(StructuredData::Ids, MessagePart::Json), full());
    let names: Vec<_> = read.keys().map(String::as_str).collect();
    assert_eq!(names, ["action", "event_id", "instance", "n", "project", "seq"]);
}

#[test]
fn without_structured_data_json_says_what_it_said() {
    let options = options(StructuredData::None, MessagePart::Json);
    let message = text(Format::Rfc5424, &options, full());
    assert!(message.starts_with("<108>1 2026-11-22T10:00:00.123Z audit.example.com auditwire - user-signin - {"));
    let read = read_json::parse(&msg(&message).unwrap()).unwrap();
    assert_eq!((read.n, read.project, read.truncated), (42, some("default"), false));
    let cut = text(Format::Rfc5424, &Options { max_bytes: Some(600), ..options }, full());
    assert!(read_json::parse(&msg(&cut).unwrap()).unwrap().truncated, "nothing else could say so");
}

#[test]
fn msg_is_the_message_for_people() {
    let of = |draft| msg(&text(Format::Rfc5424, &options(StructuredData::Full, MessagePart::Text), draft));
    assert_eq!(of(full()), some("Вход отклонён: пароль \"x\" attempt=3"), "one line");
    let without = |action: &str| EventDraft { action: action.to_owned(), message: some("\u{3000}"), ..full() };
    assert_eq!((of(without("create-vm")), of(without("x-1"))), (some("Virtual machine created"), some("x-1")));
    assert_eq!(of(EventDraft { action: " ".to_owned(), message: None, ..minimal() }), None);
    let bare = text(Format::Rfc5424, &options(StructuredData::None, MessagePart::Text), full());
    assert!(bare.ends_with(" auditwire - user-signin - Вход отклонён: пароль \"x\" attempt=3"), "{bare}");
}

/// What stands twice goes before what stands once, and then nothing is lost.
#[test]
fn duplicates_go_before_metadata() {
    let whole = text(Format::Rfc5424, &Options::default(), full());
    let less = text(Format::Rfc5424, &limited(u32::try_from(whole.len()).unwrap() - 1), full());
    let read = sd(&limited(u32::try_from(whole.len()).unwrap() - 1), full());
    assert_eq!(msg(&less), msg(&whole), "the JSON is whole");
    assert_eq!((get(&read, "truncated"), get(&read, "user"), get(&read, "n")), (None, None, Some("42")));
}

#[test]
fn keys_of_cef_that_say_the_same_go_first() {
    let whole = text(Format::Cef, &Options::default(), full());
    let less = super::cef(&limited(u32::try_from(whole.len()).unwrap() - 1), full());
    assert_eq!((get(&less, "start"), get(&less, "AuditwireCloudAuditTruncated")), (None, None), "rt says it");
    let whole = super::cef(&Options::default(), full());
    assert!(whole.iter().all(|(key, value)| key == "start" || get(&less, key) == Some(value)));
}

#[test]
fn metadata_goes_member_by_member() {
    let draft = || EventDraft {
        resource_metadata: pairs(&[("big", &"y".repeat(900)), ("flavor", "m1"), ("image", "debian")]),
        ..full()
    };
    let message = text(Format::Rfc5424, &limited(1100), draft());
    let json: serde_json::Value = serde_json::from_str(&msg(&message).unwrap()).unwrap();
    let expected = serde_json::json!({"flavor": "m1", "image": "debian", "…": "big"});
    assert_eq!(json["resource"]["metadata"], expected);
    assert_eq!(json["subject"]["metadata"]["geo.city"], "Тверь");
    assert_eq!(get(&sd(&limited(1100), draft()), "truncated"), Some("1"));
    let alone = super::json(&limited(900), draft());
    assert_eq!(alone.resource.metadata["…"], "big");
    assert!(alone.truncated && alone.subject.metadata.len() == 3);
}

#[test]
fn metadata_in_cef_and_leef_stays_json() {
    let draft = || EventDraft {
        resource_metadata: pairs(&[("a", "1"), ("big", &"\"\\=\n".repeat(1500)), ("c", "3")]),
        ..full()
    };
    let expected = serde_json::json!({"a": "1", "c": "3", "…": "big"});
    let read = super::cef(&Options { max_bytes: Some(1 << 20), ..Options::default() }, draft());
    assert_eq!(serde_json::to_value(json_of(&read["cs5"])).unwrap(), expected, "more than 4,000 characters");
    assert_eq!(get(&read, "AuditwireCloudAuditTruncated"), Some("1"));
    let read = super::leef(&limited(1400), draft());
    assert_eq!(serde_json::to_value(json_of(&read["resourceMetadata"])).unwrap(), expected);
    assert_eq!(get(&read, "truncated"), Some("1"));
}
