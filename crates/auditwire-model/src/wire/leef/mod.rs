//! LEEF 2.0 (IBM's Log Event Extended Format) behind an RFC 5424 header, its pairs delimited by `^`, by one of two mappings.
//!
//! TAB, which LEEF 1.0 prescribes, does not survive the way: rsyslog rewrites a received TAB to `#011`.

pub(super) mod mapping1;
pub(super) mod mapping2;

use super::render::Renderer;
use super::rfc5424;
use crate::event::EventView;

/// What stands in front of `LEEF:2.0` and its pipe.
fn header(renderer: &Renderer, event: &EventView<'_>, out: &mut Vec<u8>) {
    rfc5424::header(renderer, event.timestamp, event.severity, out);
    out.extend_from_slice(b" - - -");
    rfc5424::message_start(renderer, out);
}
