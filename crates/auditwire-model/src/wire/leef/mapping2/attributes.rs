//! The attributes: which field goes under which key (`docs/formats/wire.md`). IBM's keys where one means the field, own
//! ones for the rest; they are of letters and digits only, as IBM's guide asks.

use crate::connection::LeefCategory;
use crate::event::{EventView, Outcome};
use crate::wire::address::{Address, write_v4};
use crate::wire::control::is_unseen_char;
use crate::wire::facts::Facts;
use crate::wire::keyed::{Key, Slot, Writer};
use crate::wire::render::Renderer;
use crate::wire::time;

/// Characters of `usrName` and of `accountName`.
const USER_CHARS: usize = 255;

const CATEGORY: Key = own("^cat=");
const EVENT_ID: Key = own("^eventId=");
const SEQUENCE: Key = own("^seq=");
const DELIVERY_NUMBER: Key = own("^n=");
const REPLAY: Key = own("^replay=");
const PROJECT: Key = own("^project=");
const USER_NAME: Key = Key::plain("^usrName=", USER_CHARS);
const ACCOUNT: Key = Key::plain("^accountName=", USER_CHARS);
const SOURCE: Key = own("^src=");
const USER_ADDRESS: Key = own("^userAddress=");
const DESTINATION: Key = own("^dst=");
const SOURCE_ADDRESS: Key = own("^sourceAddress=");
const PROJECT_ID: Key = own("^projectId=");
const RESOURCE: Key = own("^resource=");
const RESOURCE_TYPE: Key = own("^resourceType=");
const TARGET_NAME: Key = own("^targetUser=");
const METHOD: Key = own("^requestMethod=");
const URL: Key = own("^url=");
const CLIENT: Key = own("^userAgent=");
const REQUEST_ID: Key = own("^requestId=");
const OUTCOME: Key = own("^outcome=");
const STATUS_CODE: Key = own("^statusCode=");
const STATUS_MESSAGE: Key = own("^statusMessage=");
const LABELS: Key = own("^labels=");
const SEVERITY: Key = own("^severity=");
const PLANE: Key = own("^plane=");
const RECEIVED_AT: Key = own("^receivedAt=");
const INSTANCE: Key = own("^instance=");
const RESOURCE_METADATA: Key = own("^resourceMetadata=");
const SUBJECT_METADATA: Key = own("^subjectMetadata=");
const MESSAGE: Key = own("^msg=");

/// Says that values were cut or left out.
pub(super) const TRUNCATED: &str = "^truncated=1";

/// A key whose value has no limit but the message's.
const fn own(open: &'static str) -> Key {
    Key::plain(open, usize::MAX)
}

/// Writes all of it. `devTime` comes first and is always there, so the pairs after it begin with the delimiter; what
/// tells and counts the event comes early, as a receiver that cuts messages cuts their end.
pub(super) fn write(renderer: &Renderer, event: &EventView<'_>, facts: &Facts<'_>, n: u64, w: &mut Writer<'_, '_>) {
    w.out.extend_from_slice(b"devTime=");
    time::epoch_millis_13(event.timestamp, w.out);
    w.out.extend_from_slice(b"^sev=");
    time::number(u64::from(event.severity.leef()), w.out);
    category(renderer, event, w);
    w.text(Slot::ExternalId, EVENT_ID, Some(event.event_id));
    if let Some(seq) = event.seq {
        w.plain(Slot::Sequence, SEQUENCE, |out| time::number(seq.0, out));
    }
    w.plain(Slot::DeliveryNumber, DELIVERY_NUMBER, |out| time::number(n, out));
    w.text(Slot::Replay, REPLAY, renderer.replay.as_deref());
    w.text(Slot::Project, PROJECT, Some(&renderer.project));
    who(event, facts, w);
    on_what(event, facts, w);
    w.text(Slot::Severity, SEVERITY, Some(event.severity.as_str()));
    w.text(Slot::Plane, PLANE, Some(event.plane.as_str()));
    w.plain(Slot::IngestTime, RECEIVED_AT, |out| time::epoch_millis_13(event.received_at, out));
    w.text(Slot::Instance, INSTANCE, Some(&renderer.instance));
    metadata(renderer, event, facts, w);
    message(event, w);
}

/// QRadar tells events apart by EventID and `cat` alone, so the outcome has to show in one of them.
fn category(renderer: &Renderer, event: &EventView<'_>, w: &mut Writer<'_, '_>) {
    let outcome = match (renderer.leef_cat, event.outcome) {
        (LeefCategory::Source, _) | (_, Outcome::Unknown) => None,
        (LeefCategory::Outcome, outcome) => Some(outcome.as_str()),
    };
    w.text_and_word(Slot::Category, CATEGORY, event.source_id, outcome);
}

fn who(event: &EventView<'_>, facts: &Facts<'_>, w: &mut Writer<'_, '_>) {
    w.text(Slot::User, USER_NAME, facts.user().or(event.subject_user_id));
    w.text(Slot::UserId, ACCOUNT, event.subject_user_id);
    // IBM's key takes IPv4 and IPv6 and nothing else.
    address(Slot::UserAddress, [SOURCE, USER_ADDRESS], event.subject_address, w);
    // Never `dst`: what reports an event is not what was done something to.
    address(Slot::Device, [SOURCE_ADDRESS; 2], event.source_address, w);
    w.text(Slot::ProjectId, PROJECT_ID, event.subject_project_id);
}

fn on_what(event: &EventView<'_>, facts: &Facts<'_>, w: &mut Writer<'_, '_>) {
    address(Slot::TargetAddress, [DESTINATION; 2], facts.target_address(), w);
    w.text(Slot::ResourceId, RESOURCE, event.resource_id);
    w.text(Slot::ResourceType, RESOURCE_TYPE, event.resource_type);
    if facts.is_account {
        w.text(Slot::TargetName, TARGET_NAME, facts.target());
    }
    w.text(Slot::Method, METHOD, facts.method());
    w.text(Slot::Url, URL, facts.url());
    w.text(Slot::Client, CLIENT, facts.client());
    w.text(Slot::RequestId, REQUEST_ID, event.request_id);
    if event.outcome != Outcome::Unknown {
        w.text(Slot::Outcome, OUTCOME, Some(event.outcome.as_str()));
    }
    w.text(Slot::StatusCode, STATUS_CODE, event.status_code);
    w.text(Slot::Reason, STATUS_MESSAGE, event.status_message);
    w.list(Slot::Labels, LABELS, event.labels);
}

/// An address goes under the first key, anything else under the second.
fn address(slot: Slot, [address, other]: [Key; 2], text: Option<&str>, w: &mut Writer<'_, '_>) {
    match text.map(Address::of) {
        Some(Address::Mapped(v4)) => w.plain(slot, address, |out| write_v4(v4, out)),
        Some(Address::V4 | Address::V6) => w.text(slot, address, text),
        _ => w.text(slot, other, text),
    }
}

fn metadata(renderer: &Renderer, event: &EventView<'_>, facts: &Facts<'_>, w: &mut Writer<'_, '_>) {
    w.chosen(usize::MAX, renderer.chosen_of(event));
    let carried = |key: &str, value: &str| facts.carries_of_resource(renderer, false, key, value);
    w.members(Slot::ResourceMetadata, RESOURCE_METADATA, event.resource_metadata, carried);
    let carried = |key: &str, value: &str| facts.carries_of_subject(renderer, key, value);
    w.members(Slot::SubjectMetadata, SUBJECT_METADATA, event.subject_metadata, carried);
}

/// True when nothing of `text` would be seen, as the delimiter becomes a blank too.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(becomes_blank)
}

fn becomes_blank(c: char) -> bool {
    is_unseen_char(c) || c == '^'
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
