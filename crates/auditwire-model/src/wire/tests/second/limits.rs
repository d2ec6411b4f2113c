//! Every combination of options at every size: the message is valid, its JSON is JSON, no limit is broken, and what is missing
//! is told.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::any::hostile;
use super::super::{ALL, ENVELOPES, message, renderer, with_view};
use super::{json_of, limited};
use crate::connection::{CefEnvelope, Format, LeefCategory, MessagePart, MetadataKey, Options, StructuredData};
use crate::event::testing::full;
use crate::event::{EventDraft, EventView, Pairs};
use crate::wire::{Rendered, read_cef, read_json, read_leef, read5424};

const PATHS: [&str; 6] = [
    "subject.metadata.email",
    "subject.metadata.name",
    "resource.metadata.service_id",
    "resource.metadata.http_method",
    "resource.metadata.a",
    "subject.metadata.a.b",
];

/// Largest number that CEF can say.
const NUMBER_MAX: u64 = i64::MAX as u64;

fn any_options() -> impl Strategy<Value = Options> {
    let parts = (
        select(&ENVELOPES[..]),
        select(&[LeefCategory::Outcome, LeefCategory::Source][..]),
        select(&[StructuredData::Full, StructuredData::Ids, StructuredData::None][..]),
        select(&[MessagePart::Json, MessagePart::Text][..]),
        subsequence(&PATHS[..], 0..=PATHS.len()),
        prop_oneof![Just(None), (480u32..6000).prop_map(Some)],
    );
    (parts, any::<bool>(), any::<bool>()).prop_map(|(parts, bom, ipv6_in_src)| Options {
        cef_envelope: parts.0,
        leef_cat: parts.1,
        structured_data: parts.2,
        message: parts.3,
        metadata_keys: parts.4.iter().map(|path| MetadataKey::parse(path).unwrap()).collect(),
        max_bytes: parts.5.or(Some(64 << 20)),
        bom,
        ipv6_in_src,
        ..Options::default()
    })
}

/// The message, but for events whose ids alone are too long for a small limit.
fn rendered(format: Format, options: Options, event: &EventView<'_>, n: u64) -> Option<(String, Rendered)> {
    let small = options.max_bytes.is_some_and(|bytes| bytes < if format == Format::Json { 1200 } else { 900 });
    match message(&renderer(format, options), event, n) {
        Ok(made) => Some(made),
        Err(error) => {
            assert!(small, "{error}");
            None
        }
    }
}

/// Each member is one of the event's, or the list of those that are not there, which stands only in a cut message.
fn check_metadata(json: &str, pairs: Pairs<'_>, truncated: bool) {
    let mut found = json_of(json);
    let told = pairs.get("…").is_none().then(|| found.remove("…")).flatten();
    assert!(told.is_none() || truncated, "{json}");
    for (key, value) in &found {
        assert!(pairs.get(key) == Some(value) || (key == "…" && truncated), "{key} in {json}");
    }
    let names: BTreeSet<_> = pairs.iter().map(|(key, _)| key).collect();
    if let Some(first) = told.as_deref().and_then(|told| told.split(',').next())
        && !first.is_empty()
        && !first.contains('…')
    {
        assert!(names.iter().any(|name| name.starts_with(first)), "{first} of {json}");
    }
}

fn event_json(json: &str, event: &EventView<'_>, truncated: bool) {
    let value: serde_json::Value = serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}: {json}"));
    assert_eq!(value["event_id"].as_str(), Some(event.event_id));
    for (side, pairs) in [("subject", event.subject_metadata), ("resource", event.resource_metadata)] {
        let metadata = &value[side]["metadata"];
        if !metadata.is_null() {
            check_metadata(&metadata.to_string(), pairs, truncated);
        }
    }
    if !truncated {
        assert_eq!(value["message"].as_str(), event.message);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(768))]

    #[test]
    fn cef(draft in hostile(), options in any_options(), n in 0..=NUMBER_MAX) {
        with_view(draft, |event| {
            let ipv6 = options.ipv6_in_src;
            let bom = options.bom && options.cef_envelope == CefEnvelope::Rfc5424;
            let Some((text, rendered)) = rendered(Format::Cef, options, event, n) else { return };
            let parse = if ipv6 { read_cef::parse_with_ipv6 } else { read_cef::parse };
            let read = parse(&text).unwrap_or_else(|p| panic!("{p}: {text:?}"));
            assert_eq!(read.get("AuditwireCloudAuditTruncated"), rendered.truncated.then_some("1"));
            assert_eq!((read.get("cn2"), read.get("cn3")), (Some("1"), Some(n.to_string().as_str())));
            assert_eq!(read.get("AuditwireCloudAuditProject"), Some("default"));
            assert_eq!(text.contains('\u{FEFF}') && read.envelope.contains('\u{FEFF}'), bom);
            assert!(!text[..text.find("|rt=").unwrap()].contains(r"\|"), "{text}");
            for (key, pairs) in [("cs5", event.resource_metadata), ("cs6", event.subject_metadata)] {
                if let Some(json) = read.get(key) {
                    check_metadata(json, pairs, rendered.truncated);
                }
            }
        });
    }

    #[test]
    fn leef(draft in hostile(), options in any_options(), n in 0..=NUMBER_MAX) {
        with_view(draft, |event| {
            let Some((text, rendered)) = rendered(Format::Leef, options, event, n) else { return };
            let read = read_leef::parse(&text).unwrap_or_else(|p| panic!("{p}: {text:?}"));
            assert_eq!(read.get("truncated"), rendered.truncated.then_some("1"));
            assert_eq!((read.get("seq"), read.get("n")), (Some("1"), Some(n.to_string().as_str())));
            assert_eq!(read.get("project"), Some("default"));
            for key in ["usrName", "accountName"] {
                assert!(read.get(key).is_none_or(|value| value.chars().count() <= 255), "{text}");
            }
            let (_, attributes) = text.split_once("|^|devTime=").unwrap();
            assert!(!attributes.contains('|'), "{text}");
            for (key, pairs) in [("resourceMetadata", event.resource_metadata), ("subjectMetadata", event.subject_metadata)] {
                if let Some(json) = read.get(key) {
                    check_metadata(json, pairs, rendered.truncated);
                }
            }
        });
    }

    #[test]
    fn raw(draft in hostile(), options in any_options(), n in 0..=NUMBER_MAX) {
        with_view(draft, |event| {
            let (structured_data, part) = (options.structured_data, options.message);
            let Some((text, rendered)) = rendered(Format::Rfc5424, options, event, n) else { return };
            let read = read5424::parse(text.as_bytes()).unwrap_or_else(|p| panic!("{p}: {text:?}"));
            syslog_rfc5424::parse_message(&text).unwrap_or_else(|e| panic!("{e}: {text:?}"));
            let said = if structured_data == StructuredData::None {
                assert!(read.elements.is_empty());
                None
            } else {
                let sd = read.element("audit@32473").unwrap();
                let names: BTreeSet<_> = sd.params.iter().map(|(name, _)| *name).collect();
                assert_eq!(names.len(), sd.params.len(), "a parameter stands twice in {text:?}");
                let found = (sd.param("seq"), sd.param("n"), sd.param("project"));
                assert_eq!(found, (Some("1"), Some(n.to_string().as_str()), Some("default")));
                assert_eq!(sd.param("truncated"), rendered.truncated.then_some("1"));
                Some(())
            };
            let Some(msg) = read.msg.map(|msg| std::str::from_utf8(msg).unwrap()) else { return };
            if part == MessagePart::Json {
                event_json(msg, event, rendered.truncated);
                if said.is_none() {
                    assert_eq!(read_json::parse(msg).unwrap().truncated, rendered.truncated);
                }
            }
        });
    }

    #[test]
    fn json(draft in hostile(), options in any_options(), n in 0..=NUMBER_MAX) {
        with_view(draft, |event| {
            let Some((text, rendered)) = rendered(Format::Json, options, event, n) else { return };
            let read = read_json::parse(&text).unwrap_or_else(|p| panic!("{p}: {text:?}"));
            assert_eq!((read.truncated, read.seq, read.n), (rendered.truncated, Some(1), n));
            assert_eq!(read.project.as_deref(), Some("default"));
            event_json(&text, event, rendered.truncated);
        });
    }

    /// An ordinary event fits into the smallest size that every receiver takes.
    #[test]
    fn core_fits_into_480_bytes(messages in "[a-zж=\"\\\\]{0,400}", format in select(&ALL[..])) {
        with_view(EventDraft { message: Some(messages), ..full() }, |event| {
            let (text, rendered) = message(&renderer(format, limited(480)), event, 123_456).unwrap();
            assert!(rendered.truncated);
            assert!(text.contains(event.event_id) && text.contains("123456"), "{text}");
        });
    }
}
