//! LEEF 2.0 (IBM's Log Event Extended Format) behind an RFC 5424 header, its pairs delimited by `^`.
//!
//! TAB, which LEEF 1.0 prescribes, does not survive the way: rsyslog rewrites a received TAB to `#011`.

mod attributes;

use super::control::{LEEF_HEADER, LEEF_JSON, LEEF_VALUE};
use super::keyed::{Dialect, Giving, Keyed, Slot, Writer};
use super::render::{Rendered, Renderer, Unrenderable};
use super::rfc5424;
use crate::event::EventView;

/// Vendor, product and the version of the field mapping, which is not the program's: SIEMs key parsers on it.
const HEADER: &[u8] = b"LEEF:2.0|Auditwire|Cloud Audit|1|";

/// Characters of the EventID.
const EVENT_ID_CHARS: usize = 255;

/// Of the giving: what is not listed stays, which is the header, `devTime`, `sev`, `eventId`, `seq` and `n`.
static LEEF: Keyed = Keyed {
    dialect: Dialect {
        header: &LEEF_HEADER,
        value: &LEEF_VALUE,
        blank: attributes::is_blank,
        json: &LEEF_JSON,
        json_value: &LEEF_JSON,
    },
    giving: Giving {
        first: &[Slot::ResourceMetadata, Slot::SubjectMetadata, Slot::Message],
        levelled: &[
            Slot::ClassId,
            Slot::Category,
            Slot::Reason,
            Slot::StatusCode,
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
            Slot::Instance,
        ],
        leaving: &[
            Slot::Severity,
            Slot::IngestTime,
            Slot::Plane,
            Slot::Instance,
            Slot::Method,
            Slot::Labels,
            Slot::Reason,
            Slot::Device,
            Slot::ResourceType,
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
    truncated: attributes::TRUNCATED,
};

pub(super) fn render(
    renderer: &Renderer,
    event: &EventView<'_>,
    n: u64,
    out: &mut Vec<u8>,
) -> Result<Rendered, Unrenderable> {
    LEEF.render(renderer.max_bytes, out, |writer| write(renderer, event, n, writer))
}

fn write(renderer: &Renderer, event: &EventView<'_>, n: u64, writer: &mut Writer<'_, '_>) {
    rfc5424::header(renderer, event.timestamp, event.severity, writer.out);
    writer.out.extend_from_slice(b" - - -");
    rfc5424::message_start(renderer, writer.out);
    writer.out.extend_from_slice(HEADER);
    writer.header_field(Slot::ClassId, event.action, EVENT_ID_CHARS);
    writer.out.extend_from_slice(b"^|");
    attributes::write(renderer, event, n, writer);
}
