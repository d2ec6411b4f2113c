//! The exact bytes of one event in every format and envelope. SIEM rules are written against them: a change here is a
//! change of the mapping's version.

use super::{ENVELOPES, message, renderer, with_view};
use crate::connection::{Format, Options};
use crate::event::testing::{full, hostile, minimal};
use crate::event::{EventDraft, EventView};

const GOLDEN: &str = include_str!("../../../tests/golden/wire-1.txt");

fn lines(event: &EventView<'_>) -> Vec<String> {
    let text = |format, options| message(&renderer(format, options), event, 42).unwrap().0;
    let mut lines = vec![text(Format::Rfc5424, Options::default())];
    lines.extend(ENVELOPES.map(|e| text(Format::Cef, Options { cef_envelope: e, ..Options::default() })));
    lines.push(text(Format::Rfc5424, Options { max_bytes: Some(1024), ..Options::default() }));
    lines.push(text(Format::Cef, Options { max_bytes: Some(900), ..Options::default() }));
    lines
}

#[test]
fn golden() {
    let long_id = EventDraft { event_id: Some("openstack:".repeat(5)), status_code: Some("42501".into()), ..full() };
    let found: Vec<_> = [full(), minimal(), hostile(), long_id].into_iter().flat_map(|d| with_view(d, lines)).collect();
    let found = found.join("\n") + "\n";
    assert_eq!(found, GOLDEN);
}

/// The page that customers read shows what is sent.
#[test]
fn the_documentation_shows_these_lines() {
    let page = include_str!("../../../../../docs/formats/wire.md");
    for line in GOLDEN.lines().take(6).filter(|line| !line.starts_with("CEF:")) {
        assert!(page.lines().any(|shown| shown == line), "docs/formats/wire.md does not show {line}");
    }
}
