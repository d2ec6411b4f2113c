//! The second mapping of LEEF: EventID and `cat` tell every deed and its outcome apart, and no value has a pipe.

mod attributes;

use crate::event::EventView;
use crate::wire::control::{LEEF_HEADER, LEEF_JSON_2, LEEF_LABEL, LEEF_VALUE_2, is_unseen};
use crate::wire::facts::Facts;
use crate::wire::keyed::{Dialect, Giving, Keyed, Slot, Writer};
use crate::wire::render::{Rendered, Renderer, Unrenderable};

/// Vendor, product and the version of the field mapping, which is not the program's: SIEMs key parsers on it.
const HEADER: &[u8] = b"LEEF:2.0|Auditwire|Cloud Audit|2|";

/// Characters of the EventID.
const EVENT_ID_CHARS: usize = 255;

/// Of the giving: what is not listed stays, which is the header, `devTime`, `sev`, `eventId`, `seq`, `n` and `project`.
static LEEF: Keyed = Keyed {
    dialect: Dialect {
        header: &LEEF_HEADER,
        header_blank: is_unseen,
        backslash: Some(r"\"),
        value: &LEEF_VALUE_2,
        blank: attributes::is_blank,
        json: &LEEF_JSON_2,
        json_value: &LEEF_JSON_2,
        list: &LEEF_LABEL,
        apart: true,
    },
    giving: Giving {
        repeating: &[],
        first: &[Slot::ResourceMetadata, Slot::SubjectMetadata, Slot::Message, Slot::Chosen],
        levelled: &[
            Slot::ClassId,
            Slot::Category,
            Slot::Reason,
            Slot::StatusCode,
            Slot::Device,
            Slot::UserId,
            Slot::User,
            Slot::UserAddress,
            Slot::TargetAddress,
            Slot::TargetName,
            Slot::Method,
            Slot::Url,
            Slot::Client,
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
            Slot::Client,
            Slot::Url,
            Slot::Method,
            Slot::Labels,
            Slot::Reason,
            Slot::TargetAddress,
            Slot::Device,
            Slot::ResourceType,
            Slot::TargetName,
            Slot::ResourceId,
            Slot::RequestId,
            Slot::ProjectId,
            Slot::UserAddress,
            Slot::User,
            Slot::UserId,
            Slot::Outcome,
            Slot::StatusCode,
            Slot::Category,
        ],
    },
    truncated: attributes::TRUNCATED,
};

pub(in crate::wire) fn render(
    renderer: &Renderer,
    event: &EventView<'_>,
    n: u64,
    out: &mut Vec<u8>,
) -> Result<Rendered, Unrenderable> {
    let facts = Facts::of(event, attributes::is_blank);
    LEEF.render(renderer.max_bytes, out, |writer| write(renderer, event, &facts, n, writer))
}

fn write(renderer: &Renderer, event: &EventView<'_>, facts: &Facts<'_>, n: u64, writer: &mut Writer<'_, '_>) {
    super::header(renderer, event, writer.out);
    writer.out.extend_from_slice(HEADER);
    writer.header_field(Slot::ClassId, facts.named.id, EVENT_ID_CHARS);
    writer.out.extend_from_slice(b"^|");
    attributes::write(renderer, event, facts, n, writer);
}
