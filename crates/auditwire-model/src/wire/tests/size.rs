//! Messages that do not fit: what is cut, and that what remains is valid and says so.

use proptest::prelude::*;
use proptest::sample::select;

use super::any::hostile;
use super::raw::canonical;
use super::{ALL, ENVELOPES, first, message, renderer, with_view};
use crate::connection::{Format, Options};
use crate::event::EventDraft;
use crate::event::testing::full;
use crate::wire::{Unrenderable, read_cef, read_json, read_leef, read5424};

fn limited(max_bytes: u32) -> Options {
    Options { max_bytes: Some(max_bytes), ..first() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn raw_stays_valid_at_every_size(draft in hostile(), max_bytes in 900u32..6000) {
        with_view(draft, |event| {
            let (text, rendered) = message(&renderer(Format::Rfc5424, limited(max_bytes)), event, 7).unwrap();
            let read = read5424::parse(text.as_bytes()).unwrap_or_else(|p| panic!("{p}: {text:?}"));
            syslog_rfc5424::parse_message(&text).unwrap_or_else(|e| panic!("{e}: {text:?}"));
            let sd = read.element("audit@32473").unwrap();
            assert_eq!(sd.param("truncated"), rendered.truncated.then_some("1"));
            assert_eq!((sd.param("seq"), sd.param("n")), (Some("1"), Some("7")));
            match read.msg.map(|json| std::str::from_utf8(json).unwrap()) {
                Some(json) if rendered.truncated => {
                    let value: serde_json::Value = serde_json::from_str(json).unwrap();
                    assert_eq!((value["event_id"].as_str(), value["seq"].as_u64()), (Some(event.event_id), Some(1)));
                }
                json => assert_eq!(json, (!rendered.truncated).then(|| canonical(event)).as_deref()),
            }
        });
    }

    #[test]
    fn cef_stays_valid_at_every_size(draft in hostile(), max_bytes in 900u32..6000, envelope in select(&ENVELOPES[..])) {
        with_view(draft, |event| {
            let options = Options { cef_envelope: envelope, ..limited(max_bytes) };
            let (text, rendered) = message(&renderer(Format::Cef, options), event, 7).unwrap();
            let read = read_cef::parse(&text).unwrap_or_else(|p| panic!("{p}: {text:?}"));
            assert_eq!(read.get("AuditwireCloudAuditTruncated"), rendered.truncated.then_some("1"));
            assert_eq!((read.get("cn2"), read.get("cn3")), (Some("1"), Some("7")));
        });
    }

    #[test]
    fn leef_stays_valid_at_every_size(draft in hostile(), max_bytes in 900u32..6000) {
        with_view(draft, |event| {
            let (text, rendered) = message(&renderer(Format::Leef, limited(max_bytes)), event, 7).unwrap();
            let read = read_leef::parse(&text).unwrap_or_else(|p| panic!("{p}: {text:?}"));
            assert_eq!(read.get("truncated"), rendered.truncated.then_some("1"));
            assert_eq!((read.get("seq"), read.get("n")), (Some("1"), Some("7")));
        });
    }

    #[test]
    fn json_stays_valid_at_every_size(draft in hostile(), max_bytes in 1200u32..6000) {
        with_view(draft, |event| {
            let (text, rendered) = message(&renderer(Format::Json, limited(max_bytes)), event, 7).unwrap();
            let read = read_json::parse(&text).unwrap_or_else(|p| panic!("{p}: {text:?}"));
            assert_eq!((read.truncated, read.seq, read.n), (rendered.truncated, Some(1), 7));
            assert_eq!(read.event_id, event.event_id);
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

/// A message that could hold more than the limit holds nearly the limit: cutting gives away little.
#[test]
fn cutting_uses_the_room() {
    let draft = EventDraft { message: Some("ж=\\\"".repeat(60_000)), ..full() };
    with_view(draft, |event| {
        let (text, _) = message(&renderer(Format::Rfc5424, limited(2048)), event, 1).unwrap();
        assert!(text.len() > 2048 - 16, "{}", text.len());
        let read = read5424::parse(text.as_bytes()).unwrap();
        let value: serde_json::Value = serde_json::from_slice(read.msg.unwrap()).unwrap();
        assert!(value["message"].as_str().unwrap().ends_with('…'));
        assert_eq!(value["subject"]["metadata"].as_object().map_or(0, serde_json::Map::len), 0);
        assert_eq!(value["status"]["message"], "Unauthorized");
        assert_eq!(read.element("audit@32473").unwrap().param("user"), Some("u@example.ru"));

        let (text, _) = message(&renderer(Format::Cef, limited(1400)), event, 1).unwrap();
        assert!(text.len() > 1400 - 16, "{}", text.len());
        let read = read_cef::parse(&text).unwrap();
        assert!(read.get("msg").unwrap().ends_with('…'));
        assert_eq!((read.get("cs5"), read.get("cs6")), (None, None));
        assert_eq!((read.get("suser"), read.get("reason")), (Some("u@example.ru"), Some("Unauthorized")));

        let (text, _) = message(&renderer(Format::Leef, limited(1400)), event, 1).unwrap();
        assert!(text.len() > 1400 - 16, "{}", text.len());
        let read = read_leef::parse(&text).unwrap();
        assert!(read.get("msg").unwrap().ends_with('…'));
        assert_eq!((read.get("resourceMetadata"), read.get("subjectMetadata")), (None, None));
        assert_eq!((read.get("usrName"), read.get("statusMessage")), (Some("u@example.ru"), Some("Unauthorized")));

        let (text, _) = message(&renderer(Format::Json, limited(1400)), event, 1).unwrap();
        assert!(text.len() > 1400 - 16, "{}", text.len());
        let read = read_json::parse(&text).unwrap();
        assert!(read.message.unwrap().ends_with('…') && read.subject.metadata.is_empty());
        assert_eq!(read.status.message.as_deref(), Some("Unauthorized"));
    });
}

/// One long text does not cost the short ones.
#[test]
fn the_longest_gives_first() {
    let long = "x".repeat(3000);
    with_view(EventDraft { request_id: Some(long.clone()), status_message: Some(long), ..full() }, |event| {
        let (text, _) = message(&renderer(Format::Cef, limited(2048)), event, 1).unwrap();
        let read = read_cef::parse(&text).unwrap();
        let value = |key: &str| read.get(key).unwrap().to_owned();
        assert!(value("cs4").len() > 300 && value("reason").len() > 300);
        assert_eq!(
            (value("suid"), value("cs2"), value("c6a2")),
            ("d7bec06f".into(), "acc-1".into(), "2001:db8::5".into())
        );

        let (text, _) = message(&renderer(Format::Rfc5424, limited(2048)), event, 1).unwrap();
        let read = read5424::parse(text.as_bytes()).unwrap();
        let sd = read.element("audit@32473").unwrap();
        assert_eq!((sd.param("user_id"), sd.param("res_id")), (Some("d7bec06f"), Some("acc-1")));
        assert!(sd.param("request_id").unwrap().ends_with('…'));
    });
}

#[test]
fn what_cannot_fit_is_refused() {
    with_view(full(), |event| {
        for format in ALL {
            let refused = message(&renderer(format, limited(150)), event, 1).unwrap_err();
            let Unrenderable::TooLarge { needed, limit } = refused;
            assert!(limit == 150 && needed > 150);
            let at = u32::try_from(needed).unwrap();
            assert!(message(&renderer(format, limited(at)), event, 1).is_ok(), "{needed} bytes are enough");
            assert!(message(&renderer(format, limited(at - 1)), event, 1).is_err(), "{needed} bytes are needed");
        }
    });
}
