//! CEF version 0 (CEF Implementation Standard, document version 27) in one of three envelopes.

mod extension;

use super::control::{CEF_HEADER, CEF_JSON, CEF_VALUE, JSON, is_blank};
use super::keyed::{Dialect, Giving, Keyed, Slot, Writer};
use super::render::{Rendered, Renderer, Unrenderable};
use super::{rfc5424, time};
use crate::catalogue;
use crate::connection::CefEnvelope;
use crate::event::EventView;

/// Vendor, product and the version of the field mapping, which is not the program's: SIEMs key parsers on it.
const HEADER: &[u8] = b"CEF:0|Auditwire|Cloud Audit|1|";

/// Of the giving: what is not listed stays, which is the header, `rt`, `externalId`, `cn2` and `cn3`.
static CEF: Keyed = Keyed {
    dialect: Dialect { header: &CEF_HEADER, value: &CEF_VALUE, blank: is_blank, json: &JSON, json_value: &CEF_JSON },
    giving: Giving {
        first: &[Slot::ResourceMetadata, Slot::SubjectMetadata, Slot::Message],
        levelled: &[
            Slot::ClassId,
            Slot::Name,
            Slot::Category,
            Slot::Act,
            Slot::Reason,
            Slot::SourceService,
            Slot::DestinationService,
            Slot::Device,
            Slot::UserId,
            Slot::User,
            Slot::UserAddress,
            Slot::Method,
            Slot::ProjectId,
            Slot::ResourceId,
            Slot::ResourceType,
            Slot::RequestId,
            Slot::Labels,
        ],
        leaving: &[
            Slot::SourceService,
            Slot::Start,
            Slot::Severity,
            Slot::IngestTime,
            Slot::Method,
            Slot::DestinationService,
            Slot::Labels,
            Slot::Reason,
            Slot::Act,
            Slot::Device,
            Slot::ResourceType,
            Slot::FullId,
            Slot::ResourceId,
            Slot::RequestId,
            Slot::ProjectId,
            Slot::UserAddress,
            Slot::User,
            Slot::UserId,
            Slot::Outcome,
            Slot::StatusCode,
            Slot::Category,
            Slot::Message,
        ],
    },
    truncated: extension::TRUNCATED,
};

pub(super) fn render(
    renderer: &Renderer,
    event: &EventView<'_>,
    n: u64,
    out: &mut Vec<u8>,
) -> Result<Rendered, Unrenderable> {
    CEF.render(renderer.max_bytes, out, |writer| write(renderer, event, n, writer))
}

fn write(renderer: &Renderer, event: &EventView<'_>, n: u64, writer: &mut Writer<'_, '_>) {
    envelope(renderer, event, writer.out);
    writer.out.extend_from_slice(HEADER);
    writer.header_field(Slot::ClassId, event.action, 1023);
    writer.header_field(Slot::Name, title_of(event.action), 512);
    time::number(u64::from(event.severity.cef()), writer.out);
    writer.out.push(b'|');
    extension::write(event, n, renderer.replay.as_deref(), writer);
}

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

/// The static title of an event type; without one the action itself (CEF wants a name for people in every message).
fn title_of(action: &str) -> &str {
    catalogue::title(action).unwrap_or(action)
}

/// The HTTP method, where the source or the catalogue tells it: several event types differ in nothing else.
pub(super) fn method_of<'a>(event: &EventView<'a>) -> Option<&'a str> {
    let told = |key| event.resource_metadata.get(key).filter(|method| !is_blank(method));
    told("http_method").or_else(|| told("method")).or_else(|| catalogue::method(event.action))
}
