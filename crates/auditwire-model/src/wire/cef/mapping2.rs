//! The second mapping of CEF: one id for one deed, keys of the dictionary for what stands in metadata, and metadata that stays
//! JSON.

mod extension;

use crate::event::EventView;
use crate::wire::control::{CEF_HEADER, CEF_JSON_2, CEF_LABEL, CEF_VALUE, JSON, is_unseen};
use crate::wire::facts::Facts;
use crate::wire::keyed::{Dialect, Giving, Keyed, Slot, Writer};
use crate::wire::render::{Rendered, Renderer, Unrenderable};
use crate::wire::time;

/// Vendor, product and the version of the field mapping, which is not the program's: SIEMs key parsers on it.
const HEADER: &[u8] = b"CEF:0|Auditwire|Cloud Audit|2|";

/// Characters of the class id.
const CLASS_ID_CHARS: usize = 1023;
/// Characters of the name.
const NAME_CHARS: usize = 512;

/// Of the giving: what is not listed stays, which is the header, `rt`, `externalId`, `cn2`, `cn3` and the project.
static CEF: Keyed = Keyed {
    dialect: Dialect {
        header: &CEF_HEADER,
        header_blank: is_unseen,
        backslash: Some(r"\\"),
        value: &CEF_VALUE,
        blank: is_unseen,
        json: &JSON,
        json_value: &CEF_JSON_2,
        list: &CEF_LABEL,
        apart: true,
    },
    giving: Giving {
        // What `rt`, `cat`, the header's severity, `cs2` and the class id say.
        repeating: &[Slot::Start, Slot::SourceService, Slot::Severity, Slot::TargetId, Slot::Act],
        first: &[Slot::ResourceMetadata, Slot::SubjectMetadata, Slot::Message, Slot::Chosen],
        levelled: &[
            Slot::ClassId,
            Slot::Name,
            Slot::Category,
            Slot::Reason,
            Slot::DestinationService,
            Slot::Device,
            Slot::Instance,
            Slot::UserId,
            Slot::User,
            Slot::UserAddress,
            Slot::TargetId,
            Slot::TargetName,
            Slot::Method,
            Slot::Url,
            Slot::Client,
            Slot::ProjectId,
            Slot::ResourceId,
            Slot::ResourceType,
            Slot::RequestId,
            Slot::Labels,
        ],
        leaving: &[
            Slot::IngestTime,
            Slot::Plane,
            Slot::Client,
            Slot::Instance,
            Slot::Url,
            Slot::Method,
            Slot::DestinationService,
            Slot::Labels,
            Slot::Reason,
            Slot::TargetAddress,
            Slot::Device,
            Slot::ResourceType,
            Slot::FullId,
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
    truncated: extension::TRUNCATED,
};

pub(in crate::wire) fn render(
    renderer: &Renderer,
    event: &EventView<'_>,
    n: u64,
    out: &mut Vec<u8>,
) -> Result<Rendered, Unrenderable> {
    let facts = Facts::of(event, is_unseen);
    CEF.render(renderer.max_bytes, out, |writer| write(renderer, event, &facts, n, writer))
}

fn write(renderer: &Renderer, event: &EventView<'_>, facts: &Facts<'_>, n: u64, writer: &mut Writer<'_, '_>) {
    super::envelope(renderer, event, writer.out);
    writer.out.extend_from_slice(HEADER);
    writer.header_field(Slot::ClassId, facts.named.id, CLASS_ID_CHARS);
    writer.header_field(Slot::Name, facts.named.title, NAME_CHARS);
    time::number(u64::from(event.severity.cef()), writer.out);
    writer.out.push(b'|');
    extension::write(renderer, event, facts, n, writer);
}
