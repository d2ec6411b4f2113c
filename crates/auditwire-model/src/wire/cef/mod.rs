//! CEF version 0 (CEF Implementation Standard, document version 27) in one of three envelopes.

mod extension;
mod fit;
mod writer;

use super::control::{CEF_HEADER, copy, copy_cut, is_blank};
use super::render::{Rendered, Renderer, Unrenderable};
use super::{rfc5424, time};
use crate::catalogue;
use crate::connection::CefEnvelope;
use crate::event::EventView;
use writer::{Plan, Slot, Writer};

/// Vendor, product and the version of the field mapping, which is not the program's: SIEMs key parsers on it.
const HEADER: &[u8] = b"CEF:0|Auditwire|Cloud Audit|1|";

pub(super) fn render(
    renderer: &Renderer,
    event: &EventView<'_>,
    n: u64,
    out: &mut Vec<u8>,
) -> Result<Rendered, Unrenderable> {
    let start = out.len();
    let mut writer = Writer::new(out, &Plan::WHOLE);
    write(renderer, event, n, &mut writer);
    let Writer { sizes, cut, flagged, .. } = writer;
    let limit = renderer.max_bytes;
    if out.len() - start <= limit {
        return Ok(Rendered { truncated: cut });
    }
    let flag = if flagged { 0 } else { extension::TRUNCATED.len() };
    let over = out.len() - start + flag - limit;
    out.truncate(start);
    let plan = fit::plan(&sizes, over).map_err(|still| Unrenderable::TooLarge { needed: limit + still, limit })?;
    write(renderer, event, n, &mut Writer::new(out, &plan));
    Ok(Rendered { truncated: true })
}

fn write(renderer: &Renderer, event: &EventView<'_>, n: u64, writer: &mut Writer<'_, '_>) {
    envelope(renderer, event, writer.out);
    writer.out.extend_from_slice(HEADER);
    writer.header_field(Slot::ClassId, event.action, 1023);
    writer.header_field(Slot::Name, title_of(event.action), 512);
    time::number(u64::from(event.severity.cef()), writer.out);
    writer.out.push(b'|');
    extension::write(event, n, writer);
}

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

/// The static title of an event type; without one the action itself (CEF wants a name for people in every message).
fn title_of(action: &str) -> &str {
    catalogue::title(action).unwrap_or(action)
}

/// The HTTP method, where the source or the catalogue tells it: several event types differ in nothing else.
fn method_of<'a>(event: &EventView<'a>) -> Option<&'a str> {
    let told = |key| event.resource_metadata.get(key).filter(|method| !is_blank(method));
    told("http_method").or_else(|| told("method")).or_else(|| catalogue::method(event.action))
}
