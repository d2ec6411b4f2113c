//! The first mapping of LEEF. Frozen: connections from before keep it, and its golden files hold it. IBM's keys where one
//! means the field, own ones for the rest; they are of letters and digits only, as IBM's guide asks.

use std::net::IpAddr;

use crate::event::{EventView, Outcome};
use crate::wire::cef::mapping1::method_of;
use crate::wire::control::{self, LEEF_HEADER, LEEF_JSON, LEEF_VALUE, is_blank_char};
use crate::wire::keyed::{Dialect, Giving, Key, Keyed, Slot, Writer};
use crate::wire::render::{Rendered, Renderer, Unrenderable};
use crate::wire::time;

/// Vendor, product and the version of the field mapping, which is not the program's: SIEMs key parsers on it.
const HEADER: &[u8] = b"LEEF:2.0|Auditwire|Cloud Audit|1|";

/// Characters of the EventID.
const EVENT_ID_CHARS: usize = 255;

/// Of the giving: what is not listed stays, which is the header, `devTime`, `sev`, `eventId`, `seq` and `n`.
static LEEF: Keyed = Keyed {
    dialect: Dialect {
        header: &LEEF_HEADER,
        header_blank: control::is_blank,
        backslash: None,
        value: &LEEF_VALUE,
        blank: is_blank,
        json: &LEEF_JSON,
        json_value: &LEEF_JSON,
        list: &LEEF_VALUE,
        apart: false,
    },
    giving: Giving {
        repeating: &[],
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
    truncated: TRUNCATED,
};

pub(in crate::wire) fn render(
    renderer: &Renderer,
    event: &EventView<'_>,
    n: u64,
    out: &mut Vec<u8>,
) -> Result<Rendered, Unrenderable> {
    LEEF.render(renderer.max_bytes, out, |writer| write(renderer, event, n, writer))
}

fn write(renderer: &Renderer, event: &EventView<'_>, n: u64, writer: &mut Writer<'_, '_>) {
    super::header(renderer, event, writer.out);
    writer.out.extend_from_slice(HEADER);
    writer.header_field(Slot::ClassId, event.action, EVENT_ID_CHARS);
    writer.out.extend_from_slice(b"^|");
    attributes(renderer, event, n, writer);
}

/// Characters of `usrName`.
const USER_NAME_CHARS: usize = 255;

const CATEGORY: Key = own("^cat=");
const USER_NAME: Key = Key::plain("^usrName=", USER_NAME_CHARS);
const ACCOUNT: Key = own("^accountName=");
const SOURCE: Key = own("^src=");
const DESTINATION: Key = own("^dst=");
const RESOURCE: Key = own("^resource=");
const EVENT_ID: Key = own("^eventId=");
const SEQUENCE: Key = own("^seq=");
const DELIVERY_NUMBER: Key = own("^n=");
const REPLAY: Key = own("^replay=");
const SEVERITY: Key = own("^severity=");
const PLANE: Key = own("^plane=");
const OUTCOME: Key = own("^outcome=");
const USER_ADDRESS: Key = own("^userAddress=");
const SOURCE_ADDRESS: Key = own("^sourceAddress=");
const METHOD: Key = own("^requestMethod=");
const PROJECT_ID: Key = own("^projectId=");
const RESOURCE_TYPE: Key = own("^resourceType=");
const REQUEST_ID: Key = own("^requestId=");
const STATUS_CODE: Key = own("^statusCode=");
const STATUS_MESSAGE: Key = own("^statusMessage=");
const LABELS: Key = own("^labels=");
const RECEIVED_AT: Key = own("^receivedAt=");
const INSTANCE: Key = own("^instance=");
const RESOURCE_METADATA: Key = own("^resourceMetadata=");
const SUBJECT_METADATA: Key = own("^subjectMetadata=");
const MESSAGE: Key = own("^msg=");

/// Says that values were cut or left out.
const TRUNCATED: &str = "^truncated=1";

/// A key whose value has no limit but the message's.
const fn own(open: &'static str) -> Key {
    Key::plain(open, usize::MAX)
}

/// Writes all of it. `devTime` comes first and is always there, so the pairs after it begin with the delimiter; what
/// tells and counts the event comes early, as a receiver that cuts messages cuts their end.
fn attributes(renderer: &Renderer, event: &EventView<'_>, n: u64, w: &mut Writer<'_, '_>) {
    w.out.extend_from_slice(b"devTime=");
    time::epoch_millis_13(event.timestamp, w.out);
    w.out.extend_from_slice(b"^sev=");
    time::number(u64::from(event.severity.leef()), w.out);
    w.text(Slot::Category, CATEGORY, event.source_id);
    w.text(Slot::ExternalId, EVENT_ID, Some(event.event_id));
    if let Some(seq) = event.seq {
        w.plain(Slot::Sequence, SEQUENCE, |out| time::number(seq.0, out));
    }
    w.plain(Slot::DeliveryNumber, DELIVERY_NUMBER, |out| time::number(n, out));
    w.text(Slot::Replay, REPLAY, renderer.replay.as_deref());
    who(event, w);
    on_what(event, w);
    w.text(Slot::Severity, SEVERITY, Some(event.severity.as_str()));
    w.text(Slot::Plane, PLANE, Some(event.plane.as_str()));
    w.plain(Slot::IngestTime, RECEIVED_AT, |out| time::epoch_millis_13(event.received_at, out));
    w.text(Slot::Instance, INSTANCE, Some(&renderer.instance));
    metadata(event, w);
    message(event, w);
}

/// What names the subject to people, with the metadata key it stands under.
fn user<'a>(event: &EventView<'a>) -> Option<(&'static str, &'a str)> {
    event.user().filter(|(_, name)| !is_blank(name))
}

fn who(event: &EventView<'_>, w: &mut Writer<'_, '_>) {
    w.text(Slot::User, USER_NAME, user(event).map(|(_, name)| name).or(event.subject_user_id));
    w.text(Slot::UserId, ACCOUNT, event.subject_user_id);
    address(Slot::UserAddress, [SOURCE, USER_ADDRESS], event.subject_address, w);
    address(Slot::Device, [DESTINATION, SOURCE_ADDRESS], event.source_address, w);
    w.text(Slot::ProjectId, PROJECT_ID, event.subject_project_id);
}

fn on_what(event: &EventView<'_>, w: &mut Writer<'_, '_>) {
    w.text(Slot::ResourceId, RESOURCE, event.resource_id);
    w.text(Slot::ResourceType, RESOURCE_TYPE, event.resource_type);
    w.text(Slot::Method, METHOD, method_of(event));
    w.text(Slot::RequestId, REQUEST_ID, event.request_id);
    if event.outcome != Outcome::Unknown {
        w.text(Slot::Outcome, OUTCOME, Some(event.outcome.as_str()));
    }
    w.text(Slot::StatusCode, STATUS_CODE, event.status_code);
    w.text(Slot::Reason, STATUS_MESSAGE, event.status_message);
    w.list(Slot::Labels, LABELS, event.labels);
}

fn metadata(event: &EventView<'_>, w: &mut Writer<'_, '_>) {
    w.metadata(Slot::ResourceMetadata, RESOURCE_METADATA, event.resource_metadata, None);
    let carried = user(event).map(|(key, _)| key);
    w.metadata(Slot::SubjectMetadata, SUBJECT_METADATA, event.subject_metadata, carried);
}

/// An address goes under IBM's key, anything else under a key of our own: IBM's takes IPv4 and IPv6 and nothing else.
fn address(slot: Slot, [ibm, own]: [Key; 2], address: Option<&str>, w: &mut Writer<'_, '_>) {
    let is_address = address.is_some_and(|text| text.parse::<IpAddr>().is_ok());
    w.text(slot, if is_address { ibm } else { own }, address);
}

/// True when nothing of `text` would be seen, as the delimiter becomes a blank too.
fn is_blank(text: &str) -> bool {
    text.chars().all(becomes_blank)
}

fn becomes_blank(c: char) -> bool {
    is_blank_char(c) || c == '^'
}

/// The last pair. Blanks at the end of a message would be lost on the way, so they are not sent.
fn message(event: &EventView<'_>, w: &mut Writer<'_, '_>) {
    let message = event.message.map(|m| m.trim_end_matches(becomes_blank));
    if w.cut || w.flagged {
        w.out.extend_from_slice(TRUNCATED.as_bytes());
        w.flagged = true;
    }
    w.text(Slot::Message, MESSAGE, message);
}
