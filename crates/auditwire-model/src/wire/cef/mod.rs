//! CEF version 0 (CEF Implementation Standard, document version 27) in one of three envelopes, by one of two mappings.

mod external_id;
pub(super) mod mapping1;
pub(super) mod mapping2;

use super::render::Renderer;
use super::{rfc5424, time};
use crate::connection::CefEnvelope;
use crate::event::EventView;

/// What stands in front of `CEF:0` and its pipe.
fn envelope(renderer: &Renderer, event: &EventView<'_>, out: &mut Vec<u8>) {
    match renderer.cef_envelope {
        CefEnvelope::Rfc5424 => {
            rfc5424::header(renderer, event.timestamp, event.severity, out);
            out.extend_from_slice(b" - - -");
            rfc5424::message_start(renderer, out);
        }
        CefEnvelope::Bsd => {
            rfc5424::priority(renderer, event.severity, out);
            time::bsd(event.timestamp, out);
            out.push(b' ');
            out.extend_from_slice(renderer.hostname.as_bytes());
            out.push(b' ');
        }
        CefEnvelope::None => {}
    }
}
