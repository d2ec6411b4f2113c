//! The exact bytes of the second mapping. SIEM rules are written against them: a change here is a change of its version.

use super::super::{ENVELOPES, message, renderer, with_view};
use super::{limited, pairs, some};
use crate::connection::{Format, MessagePart, MetadataKey, Options, StructuredData};
use crate::event::testing::{full, hostile, minimal};
use crate::event::{EventDraft, EventView};

/// RAW in its full size and with each of its options, CEF in every envelope, both of a size at which something is cut.
const GOLDEN: &str = include_str!("../../../../tests/golden/wire-2.txt");
/// In its full size and in one at which something is cut.
const LEEF: &str = include_str!("../../../../tests/golden/leef-2.txt");
/// As [`LEEF`].
const JSON: &str = include_str!("../../../../tests/golden/json-2.txt");

fn text(event: &EventView<'_>, format: Format, options: Options) -> String {
    message(&renderer(format, options), event, 42).unwrap().0
}

fn lines(event: &EventView<'_>) -> Vec<String> {
    let mut lines = vec![text(event, Format::Rfc5424, Options::default())];
    let cef = |envelope| text(event, Format::Cef, Options { cef_envelope: envelope, ..Options::default() });
    lines.extend(ENVELOPES.map(cef));
    lines.push(text(event, Format::Rfc5424, limited(1024)));
    lines.push(text(event, Format::Cef, limited(900)));
    let raw = |structured_data, message| {
        text(event, Format::Rfc5424, Options { structured_data, message, ..Options::default() })
    };
    lines.push(raw(StructuredData::Ids, MessagePart::Json));
    lines.push(raw(StructuredData::None, MessagePart::Json));
    lines.push(raw(StructuredData::Full, MessagePart::Text));
    let keys = ["resource.metadata.roles", "subject.metadata.geo.city"];
    let metadata_keys = keys.iter().map(|path| MetadataKey::parse(path).unwrap()).collect();
    lines.push(text(event, Format::Cef, Options { metadata_keys, ipv6_in_src: true, ..Options::default() }));
    lines
}

fn of_every_event(lines: impl Fn(&EventView<'_>) -> Vec<String>) -> String {
    let long_id = EventDraft { event_id: Some("openstack:".repeat(5)), status_code: Some("42501".into()), ..full() };
    let request = EventDraft {
        action: "/v2/shares/{share_id}".to_owned(),
        source_id: some("manila"),
        subject_address: some("::ffff:10.1.2.3"),
        resource_type: some("share"),
        resource_metadata: pairs(&[("address", "10.9.8.7"), ("http_method", "DELETE"), ("url", "/v2/shares/7|8?a=b")]),
        subject_metadata: pairs(&[("name", "Ann"), ("user_agent", "curl/8.5.0")]),
        labels: vec!["a,b".to_owned(), "c".to_owned()],
        ..full()
    };
    let events = [full(), minimal(), hostile(), long_id, request];
    let found: Vec<_> = events.into_iter().flat_map(|d| with_view(d, &lines)).collect();
    found.join("\n") + "\n"
}

#[test]
fn golden() {
    assert_eq!(of_every_event(lines), GOLDEN);
    for (format, golden) in [(Format::Leef, LEEF), (Format::Json, JSON)] {
        let found = of_every_event(|event| {
            [Options::default(), limited(700)].map(|options| text(event, format, options)).to_vec()
        });
        assert_eq!(found, golden);
    }
}

/// The page that customers read shows what is sent.
#[test]
fn the_documentation_shows_these_lines() {
    let page = include_str!("../../../../../../docs/formats/wire.md");
    let lines = GOLDEN.lines().take(9).chain(LEEF.lines().take(2)).chain(JSON.lines().take(2));
    for line in lines.filter(|line| !line.starts_with("CEF:")) {
        assert!(page.lines().any(|shown| shown == line), "docs/formats/wire.md does not show {line}");
    }
}
