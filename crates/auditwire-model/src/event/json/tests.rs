//! What the reader takes, what it refuses, and that nothing is lost between a source's text and the stored event.

use proptest::prelude::*;

use super::*;
use crate::event::testing::{any_draft, batch, completed, full, hostile, minimal};
use crate::event::{Metadata, Outcome, Plane, content_bytes, view, write_canonical};
use crate::{Severity, Timestamp};

fn read(body: &str) -> Items {
    DraftReader::default().read_object_or_array(body.as_bytes()).unwrap()
}

fn one(body: &str) -> Result<EventDraft, Rejection> {
    let mut items = read(body);
    assert_eq!(items.len(), 1);
    items.remove(0)
}

fn draft(body: &str) -> EventDraft {
    one(body).unwrap()
}

fn refused(body: &str) -> (RejectionCode, Option<String>) {
    let rejection = one(body).unwrap_err();
    assert!(!rejection.message.is_empty());
    (rejection.code, rejection.field)
}

fn pairs(pairs: &[(&str, &str)]) -> Metadata {
    pairs.iter().copied().collect()
}

#[test]
fn takes_every_field_in_both_forms() {
    let nested = r#"{"event_id":"e","seq":7,"timestamp":"2026-11-22T13:00:00+03:00","received_at":"x","plane":"data",
        "action":"a","severity":"warn","message":"m","source":{"id":"iam","address":"10.0.0.7"},
        "subject":{"user_id":"u","address":"::1","project_id":"p","metadata":{"email":"e@x","geo":{"lat":56.860}}},
        "resource":{"id":"r","type":"t","metadata":{"k":"v"}},"status":{"code":404,"message":"no"},
        "outcome":"failure","request_id":"q","labels":["x",1,true,null]}"#;
    let flat = r#"{"labels":["x","1","true"],"request_id":"q","outcome":"failure","status.message":"no","status.code":"404",
        "resource.metadata":{"k":"v"},"resource.type":"t","resource.id":"r","subject.metadata.geo.lat":56.860,
        "subject.metadata.email":"e@x","subject.project_id":"p","subject.address":"::1","subject.user_id":"u",
        "source.address":"10.0.0.7","source.id":"iam","message":"m","severity":"WARNING","action":"a","plane":"data",
        "timestamp":"2026-11-22T10:00:00Z","event_id":"e"}"#;
    let expected = EventDraft {
        event_id: Some("e".into()),
        timestamp: Some(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()),
        plane: Some(Plane::Data),
        action: "a".into(),
        request_id: Some("q".into()),
        severity: Severity::Warning,
        message: Some("m".into()),
        source_id: Some("iam".into()),
        source_address: Some("10.0.0.7".into()),
        subject_user_id: Some("u".into()),
        subject_address: Some("::1".into()),
        subject_project_id: Some("p".into()),
        subject_metadata: pairs(&[("email", "e@x"), ("geo.lat", "56.860")]),
        resource_id: Some("r".into()),
        resource_type: Some("t".into()),
        resource_metadata: pairs(&[("k", "v")]),
        status_code: Some("404".into()),
        status_message: Some("no".into()),
        outcome: Some(Outcome::Failure),
        labels: vec!["x".into(), "1".into(), "true".into()],
        digest: None,
    };
    assert_eq!(draft(nested), expected);
    assert_eq!(draft(flat), expected);
}

#[test]
fn metadata_flattens_and_keeps_spelling() {
    let body = r#"{"action":"a","subject":{"metadata":{
        "b":{"c":{"d":1.50e+2,"":"x"}},"a":[1.0, "q\"\n", {"k" : null,"l":[]}, false],"n":null,"e":"","t":true,
        "big":123456789012345678901234567890,"o":{},"\u0430\ud83d\ude00":-0}}}"#;
    let expected = [
        ("a", r#"[1.0,"q\"\n",{"k":null,"l":[]},false]"#),
        ("b.c.", "x"),
        ("b.c.d", "1.50e+2"),
        ("big", "123456789012345678901234567890"),
        ("e", ""),
        ("t", "true"),
        ("а😀", "-0"),
    ];
    assert_eq!(draft(body).subject_metadata, pairs(&expected));
}

#[test]
fn unknown_fields_are_kept_under_x() {
    let body = r#"{"action":"a","zone":"ru-1","trace":{"id":7,"none":null},"source":{"id":"s","version":"2","id.x":1},
        "status":{"metadata":{"k":"v"}},"resource.kind":"vm","subject":null,"tags":[1,2],"subjects":"x"}"#;
    let expected = [
        ("x_resource.kind", "vm"),
        ("x_source.id.x", "1"),
        ("x_source.version", "2"),
        ("x_status.metadata.k", "v"),
        ("x_subjects", "x"),
        ("x_tags", "[1,2]"),
        ("x_trace.id", "7"),
        ("x_zone", "ru-1"),
    ];
    assert_eq!(draft(body).resource_metadata, pairs(&expected));
}

#[test]
fn null_equals_missing_and_empty_is_a_value() {
    let body = r#"{"action":"a","event_id":null,"timestamp":null,"plane":null,"severity":null,"outcome":null,
        "message":null,"source":null,"subject":{"user_id":null,"metadata":null},"labels":null,"request_id":"","status":{}}"#;
    assert_eq!(draft(body), EventDraft { request_id: Some(String::new()), ..minimal() });
}

#[test]
fn refuses_with_code_and_field() {
    use RejectionCode as C;
    let with = |member: &str| format!(r#"{{"action":"a",{member}}}"#);
    let cases: [(&str, C, Option<&str>); 35] = [
        (r#""timestamp":"2026-11-22T10:00:00""#, C::InvalidTimestamp, Some("timestamp")),
        (r#""timestamp":1795341600"#, C::InvalidTimestamp, Some("timestamp")),
        (r#""timestamp":"""#, C::InvalidTimestamp, Some("timestamp")),
        (r#""timestamp":"1960-01-01T00:00:00Z""#, C::InvalidTimestamp, Some("timestamp")),
        (r#""timestamp":{}"#, C::InvalidType, Some("timestamp")),
        (r#""severity":"loud""#, C::InvalidSeverity, Some("severity")),
        (r#""severity":"""#, C::InvalidSeverity, Some("severity")),
        (r#""severity":3"#, C::InvalidSeverity, Some("severity")),
        (r#""plane":"Control""#, C::InvalidPlane, Some("plane")),
        (r#""outcome":true"#, C::InvalidOutcome, Some("outcome")),
        (r#""outcome":[]"#, C::InvalidType, Some("outcome")),
        (r#""event_id":"""#, C::InvalidEventId, Some("event_id")),
        (r#""source":"iam""#, C::InvalidType, Some("source")),
        (r#""source":{"id":{}}"#, C::InvalidType, Some("source.id")),
        (r#""status.code":[404]"#, C::InvalidType, Some("status.code")),
        (r#""subject":{"metadata":[]}"#, C::InvalidType, Some("subject.metadata")),
        (r#""resource.metadata":"x""#, C::InvalidType, Some("resource.metadata")),
        (r#""labels":"x""#, C::InvalidType, Some("labels")),
        (r#""labels":["x",["y"]]"#, C::InvalidType, Some("labels")),
        (r#""action":"b""#, C::DuplicateKey, Some("action")),
        (r#""\u0061ction":"b""#, C::DuplicateKey, Some("action")),
        (r#""source":{"id":"x"},"source.id":"x""#, C::DuplicateKey, Some("source.id")),
        (r#""zone":null,"zone":1"#, C::DuplicateKey, Some("zone")),
        (r#""seq":1,"seq":1"#, C::DuplicateKey, Some("seq")),
        (r#""seq":{"a":1,"a":1}"#, C::DuplicateKey, Some("a")),
        (r#""subject":{"metadata":{"a":{"b":1},"a":{"c":1}}}"#, C::DuplicateKey, Some("a")),
        (r#""resource":{"metadata":{"a":[{"b":1,"b":1}]}}"#, C::DuplicateKey, Some("b")),
        (r#""subject":{"metadata":{"a.b":1,"a":{"b":2}}}"#, C::MetadataKeyConflict, Some("subject.metadata.a.b")),
        (r#""zone":1,"resource":{"metadata":{"x_zone":2}}"#, C::MetadataKeyConflict, Some("resource.metadata.x_zone")),
        (r#""subject":{"metadata.a":1,"metadata":{"a":1}}"#, C::MetadataKeyConflict, Some("subject.metadata.a")),
        (r#""message":"\ud800""#, C::InvalidJson, None),
        (r#""message":"\udc00\ud800""#, C::InvalidJson, None),
        (r#""message":"\ud800x""#, C::InvalidJson, None),
        (r#""\ud800":"x""#, C::InvalidJson, None),
        (r#""zone":["\ud800\n"]"#, C::InvalidJson, None),
    ];
    for (member, code, field) in cases {
        assert_eq!(refused(&with(member)), (code, field.map(str::to_owned)), "{member}");
    }
    for no_action in ["{}", r#"{"action":""}"#, r#"{"action":null}"#, r#"{"message":"x"}"#] {
        assert_eq!(refused(no_action), (C::MissingAction, Some("action".to_owned())), "{no_action}");
    }
    let naive = one(r#"{"action":"a","timestamp":"2026-11-22T10:00:00"}"#).unwrap_err().message;
    assert!(naive.contains("no zone"), "{naive}");
}

#[test]
fn every_limit_is_exact() {
    use RejectionCode as C;
    let limits = EventLimits::default();
    let code = |body: &str| one(body).err().map(|rejection| rejection.code);
    let id = |bytes: usize| format!(r#"{{"action":"a","event_id":"{}"}}"#, "i".repeat(bytes));
    assert_eq!(code(&id(limits.event_id_bytes_max)), None);
    assert_eq!(code(&id(limits.event_id_bytes_max + 1)), Some(C::InvalidEventId));

    let labels = |count: usize| format!(r#"{{"action":"a","labels":[{}]}}"#, vec!["1"; count].join(","));
    assert_eq!(code(&labels(limits.labels_max)), None);
    assert_eq!(code(&labels(limits.labels_max + 1)), Some(C::TooManyLabels));

    let keys = |count: usize| {
        let member = |at: usize| format!(r#""k{at}":1"#);
        let (one, other): (Vec<_>, Vec<_>) = ((0..100).map(member).collect(), (100..count).map(member).collect());
        format!(r#"{{"action":"a","subject":{{"metadata":{{{}}}}},{}}}"#, one.join(","), other.join(","))
    };
    assert_eq!(code(&keys(limits.metadata_keys_max)), None);
    assert_eq!(code(&keys(limits.metadata_keys_max + 1)), Some(C::TooManyMetadataKeys));

    // The item is level 1.
    for (open, close) in [(r#"{"k":"#, "}"), ("[", "]")] {
        let deep =
            |levels: usize| format!(r#"{{"action":"a","zone":{}1{}}}"#, open.repeat(levels), close.repeat(levels));
        assert_eq!(code(&deep(limits.json_depth_max - 1)), None);
        assert_eq!(code(&deep(limits.json_depth_max)), Some(C::TooDeep));
        assert_eq!(code(&deep(100_000)), Some(C::TooDeep));
    }

    let sized = |bytes: usize| {
        let frame = r#"{"action":"a","message":""}"#.len();
        format!(r#"{{"action":"a","message":"{}"}}"#, "m".repeat(bytes - frame))
    };
    assert_eq!(code(&sized(limits.event_bytes_max)), None);
    assert_eq!(code(&sized(limits.event_bytes_max + 1)), Some(C::EventTooLarge));
    let lines = format!("{}\r\n{}\n", sized(limits.event_bytes_max), sized(limits.event_bytes_max + 1));
    let items = DraftReader::default().read_ndjson(lines.as_bytes()).unwrap();
    assert!(items[0].is_ok());
    assert_eq!(items[1].as_ref().unwrap_err().code, C::EventTooLarge);
}

#[test]
fn a_wrong_item_leaves_the_others() {
    let body = r#" [ {"action":"a"}, 5, [[[{"x":"\ud800"}]]], {"action":"b","severity":"?","q":[1,{"a":"}]"}]},
        {"action":"\uDC00"}, "x", null, {"action":"c"} ] "#;
    let items = read(body);
    let codes: Vec<_> = items.iter().map(|item| item.as_ref().err().map(|r| (r.index, r.code.as_str()))).collect();
    let expected = [
        None,
        Some((1, "not_an_object")),
        Some((2, "not_an_object")),
        Some((3, "invalid_severity")),
        Some((4, "invalid_json")),
        Some((5, "not_an_object")),
        Some((6, "not_an_object")),
        None,
    ];
    assert_eq!(codes, expected);
    assert_eq!(items[7].as_ref().unwrap().action, "c");
    assert!(read("[]").is_empty());
    let broken_utf8 =
        DraftReader::default().read_object_or_array(b"[{\"action\":\"\xff\"},{\"action\":\"a\"}]").unwrap();
    assert_eq!(broken_utf8[0].as_ref().unwrap_err().code, RejectionCode::InvalidJson);
    assert!(broken_utf8[1].is_ok());
}

#[test]
fn a_broken_body_is_refused_with_its_place() {
    let place = |body: &str| {
        let error = DraftReader::default().read_object_or_array(body.as_bytes()).unwrap_err();
        assert_eq!(error.code.as_str(), "invalid_json");
        (error.line, error.column)
    };
    assert_eq!(place("[{\"action\":\"a\"},\n {\"action\":NaN}]"), (2, 12));
    // Also behind an item that is refused for its content.
    assert_eq!(place("[{\"action\":\"\\ud800\"},\n {\"action\" \"b\"}]"), (2, 12));
    assert_eq!(place("[{\"severity\":\"?\",\n\"b\":tru}]"), (2, 5));
    for broken in [
        "",
        " ",
        "x",
        "[",
        "{",
        "[{]",
        "[{},]",
        "[1 2]",
        "{} {}",
        "\"a\"",
        "5",
        "null",
        "[{\"a\":\"\u{1}\"}]",
        "{'a':1}",
    ] {
        assert!(place(broken).0 == 1, "{broken}");
    }
    assert!(DraftReader::default().read_object_or_array("\u{feff}{\"action\":\"a\"}".as_bytes()).unwrap()[0].is_ok());
}

#[test]
fn ndjson_goes_line_by_line() {
    let body = "{\"action\":\"a\"}\r\n\n  \t\r\nnonsense\n{\"action\":\"b\"} {}\n[{\"action\":\"c\"}]\n{\"action\":\"\\ud800\"}\n {\"action\":\"d\"}";
    let items = DraftReader::default().read_ndjson(body.as_bytes()).unwrap();
    let seen: Vec<_> = items
        .iter()
        .map(|item| match item {
            Ok(draft) => draft.action.clone(),
            Err(rejection) => format!("{} {}", rejection.index, rejection.code.as_str()),
        })
        .collect();
    assert_eq!(seen, ["a", "1 invalid_json", "2 invalid_json", "3 not_an_object", "4 invalid_json", "d"]);
    assert!(DraftReader::default().read_ndjson(b"").unwrap().is_empty());
}

#[test]
fn too_many_items_refuse_the_body() {
    let reader = DraftReader { items_max: 2, ..DraftReader::default() };
    let array = |count: usize| format!("[{}]", vec![r#"{"action":"a"}"#; count].join(",\n"));
    let lines = |count: usize| "{\"action\":\"a\"}\n\n".repeat(count);
    assert_eq!(reader.read_object_or_array(array(2).as_bytes()).unwrap().len(), 2);
    assert_eq!(reader.read_ndjson(lines(2).as_bytes()).unwrap().len(), 2);
    let error = reader.read_object_or_array(array(3).as_bytes()).unwrap_err();
    assert_eq!((error.code, error.line), (UnreadableCode::TooManyItems, 3));
    let error = reader.read_ndjson(lines(3).as_bytes()).unwrap_err();
    assert_eq!((error.code.as_str(), error.line), ("too_many_items", 5));
}

fn content(draft: &EventDraft) -> Vec<u8> {
    let mut out = Vec::new();
    content_bytes(draft, &mut out);
    out
}

/// Written, stored, answered and sent in again: nothing that the source said may change on the way.
fn round_trip(given: &EventDraft) {
    let said = content(given);
    let read = DraftReader::default().read_object_or_array(&said).unwrap().remove(0).unwrap();
    assert_eq!(&read, given);

    let event = completed(given.clone());
    let batch = batch([given.clone()]);
    let mut answer = Vec::new();
    write_canonical(&view(&batch, 0), &mut answer);
    let read = DraftReader::default().read_object_or_array(&answer).unwrap().remove(0).unwrap();
    let expected = EventDraft {
        event_id: Some(event.event_id),
        timestamp: Some(event.timestamp),
        plane: Some(event.plane),
        outcome: Some(event.outcome),
        ..given.clone()
    };
    assert_eq!(read, expected);
    assert_eq!(DraftReader::default().read_ndjson(&answer).unwrap().remove(0).unwrap(), expected);
}

#[test]
fn fixed_drafts_come_back_whole() {
    for draft in [full(), minimal(), hostile()] {
        round_trip(&draft);
    }
}

/// Any JSON text, as a source might write it: odd keys, duplicates, depth, all kinds of values.
fn any_json() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        "action|source|subject|resource|status|metadata|labels|timestamp|severity|seq|subject\\.metadata\\.a|source\\.id|a|b",
        "[a-c.]{0,3}"
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        "true|false|-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just(r#""\ud83d""#.to_owned()),
    ];
    leaf.prop_recursive(6, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(" , "))),
            proptest::collection::vec((key.clone(), inner), 0..6).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_draft_comes_back_whole(draft in any_draft()) {
        round_trip(&draft);
    }

    #[test]
    fn foreign_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = DraftReader::default().read_object_or_array(&bytes);
        let _ = DraftReader::default().read_ndjson(&bytes);
    }

    #[test]
    fn broken_json_does_not_panic(text in any_json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = DraftReader::default().read_object_or_array(&bytes);
        let _ = DraftReader::default().read_ndjson(&bytes);
    }

    /// Sound JSON is never unreadable, every item is answered for, and the items do not depend on their neighbours.
    #[test]
    fn each_item_is_by_itself(texts in proptest::collection::vec(any_json(), 0..5)) {
        let items = read(&format!("[{}]", texts.join(",")));
        prop_assert_eq!(items.len(), texts.len());
        for (index, (item, text)) in items.into_iter().zip(&texts).enumerate() {
            let alone = read(&format!("[{text}]")).remove(0).map_err(|rejection| Rejection { index, ..rejection });
            prop_assert_eq!(&item, &alone);
            if let Ok(draft) = item {
                prop_assert!(draft.subject_metadata.iter().is_sorted_by(|one, next| one.0 < next.0));
                prop_assert!(draft.resource_metadata.iter().is_sorted_by(|one, next| one.0 < next.0));
            }
        }
    }
}
