//! The exact bytes of one event in every format and envelope. SIEM rules are written against them: a change here is a
//! change of the mapping's version.

use super::{ENVELOPES, first, message, renderer, with_view};
use crate::connection::{Format, Options};
use crate::event::testing::{full, hostile, minimal};
use crate::event::{EventDraft, EventView};

/// RAW in its full size, CEF in every envelope, both of a size at which something is cut.
const GOLDEN: &str = include_str!("../../../tests/golden/wire-1.txt");
/// In its full size and in one at which something is cut.
const LEEF: &str = include_str!("../../../tests/golden/leef-1.txt");
/// As [`LEEF`].
const JSON: &str = include_str!("../../../tests/golden/json-1.txt");

fn text(event: &EventView<'_>, format: Format, options: Options) -> String {
    message(&renderer(format, options), event, 42).unwrap().0
}

fn limited(max_bytes: u32) -> Options {
    Options { max_bytes: Some(max_bytes), ..first() }
}

fn lines(event: &EventView<'_>) -> Vec<String> {
    let mut lines = vec![text(event, Format::Rfc5424, first())];
    let cef = |envelope| text(event, Format::Cef, Options { cef_envelope: envelope, ..first() });
    lines.extend(ENVELOPES.map(cef));
    lines.push(text(event, Format::Rfc5424, limited(1024)));
    lines.push(text(event, Format::Cef, limited(900)));
    lines
}

fn of_every_event(lines: impl Fn(&EventView<'_>) -> Vec<String>) -> String {
    let long_id = EventDraft { event_id: Some("openstack:".repeat(5)), status_code: Some("42501".into()), ..full() };
    let found: Vec<_> =
        [full(), minimal(), hostile(), long_id].into_iter().flat_map(|d| with_view(d, &lines)).collect();
    found.join("\n") + "\n"
}

#[test]
fn golden() {
    assert_eq!(of_every_event(lines), GOLDEN);
    for (format, golden) in [(Format::Leef, LEEF), (Format::Json, JSON)] {
        let found =
            of_every_event(|event| [first(), limited(600)].map(|options| text(event, format, options)).to_vec());
        assert_eq!(found, golden);
    }
}

/// The page that customers read shows what is sent.
#[test]
fn the_documentation_shows_these_lines() {
    let page = include_str!("../../../../../docs/formats/wire.md");
    let lines = GOLDEN.lines().take(6).chain(LEEF.lines().take(2)).chain(JSON.lines().take(2));
    for line in lines.filter(|line| !line.starts_with("CEF:")) {
        assert!(page.lines().any(|shown| shown == line), "docs/formats/wire.md does not show {line}");
    }
}
