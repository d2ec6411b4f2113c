//! The extension: which field goes under which key (`docs/formats/wire.md`).

use crate::event::{EventView, Outcome};
use crate::wire::address::{Address, write_v4};
use crate::wire::cef::external_id;
use crate::wire::control::{is_unseen, is_unseen_char};
use crate::wire::facts::Facts;
use crate::wire::keyed::{Key, Slot, Writer};
use crate::wire::render::Renderer;
use crate::wire::time;

/// Longest `act` in characters (dictionary).
const ACT_CHARS: usize = 63;
/// Longest `msg` in characters (dictionary).
const MESSAGE_CHARS: usize = 1023;
/// Characters of a key that the connection has chosen; the dictionary does not say.
const CHOSEN_CHARS: usize = 4000;

const START: Key = Key::plain(" start=", 0);
const CATEGORY: Key = Key::plain(" cat=", 1023);
const ACT: Key = Key::plain(" act=", ACT_CHARS);
const OUTCOME: Key = Key::plain(" outcome=", 63);
const REASON: Key = Key::plain(" reason=", 1023);
const STATUS_CODE: Key = Key::labelled(" cn1=", 0, " cn1Label=StatusCode");
const SEQUENCE: Key = Key::labelled(" cn2=", 0, " cn2Label=Sequence");
const DELIVERY_NUMBER: Key = Key::labelled(" cn3=", 0, " cn3Label=DeliveryNumber");
const REPLAY: Key = Key::plain(" AuditwireCloudAuditReplay=", 64);
const PROJECT: Key = Key::plain(" AuditwireCloudAuditProject=", 255);
const PLANE: Key = Key::plain(" AuditwireCloudAuditPlane=", 63);
const INSTANCE: Key = Key::plain(" deviceExternalId=", 255);
const SOURCE_SERVICE: Key = Key::plain(" sourceServiceName=", 1023);
const DESTINATION_SERVICE: Key = Key::plain(" destinationServiceName=", 1023);
const USER_ID: Key = Key::plain(" suid=", 1023);
const USER: Key = Key::plain(" suser=", 1023);
const TARGET_ID: Key = Key::plain(" duid=", 1023);
const TARGET_NAME: Key = Key::plain(" duser=", 1023);
const METHOD: Key = Key::plain(" requestMethod=", 1023);
const URL: Key = Key::plain(" request=", 1023);
const CLIENT: Key = Key::plain(" requestClientApplication=", 1023);
const PROJECT_ID: Key = Key::labelled(" cs1=", 4000, " cs1Label=ProjectId");
const RESOURCE_ID: Key = Key::labelled(" cs2=", 4000, " cs2Label=ResourceId");
const RESOURCE_TYPE: Key = Key::labelled(" cs3=", 4000, " cs3Label=ResourceType");
const REQUEST_ID: Key = Key::labelled(" cs4=", 4000, " cs4Label=RequestId");
const RESOURCE_METADATA: Key = Key::labelled(" cs5=", 4000, " cs5Label=ResourceMetadata");
const SUBJECT_METADATA: Key = Key::labelled(" cs6=", 4000, " cs6Label=SubjectMetadata");
const LABELS: Key = Key::labelled(" flexString1=", 1023, " flexString1Label=Labels");
const INGEST_TIME: Key = Key::labelled(" deviceCustomDate1=", 0, " deviceCustomDate1Label=IngestTime");
/// Not `Severity`: parsers that rename keys by their labels would lose the header's.
const SEVERITY: Key = Key::labelled(" flexString2=", 1023, " flexString2Label=SeverityName");
const MESSAGE: Key = Key::plain(" msg=", MESSAGE_CHARS);

/// Says that values were cut or left out. A key of our own, as no key of the dictionary means that.
pub(super) const TRUNCATED: &str = " AuditwireCloudAuditTruncated=1";

/// What an address becomes: IPv4 has a key of its own, IPv6 goes to a custom key, anything else is a host name.
struct AddressKeys {
    v4: Key,
    v6: Key,
    name: Key,
}

const DEVICE: AddressKeys = AddressKeys {
    v4: Key::plain(" dvc=", 45),
    v6: Key::labelled(" c6a1=", 45, " c6a1Label=Device IPv6 Address"),
    name: Key::plain(" dvchost=", 100),
};
const USER_ADDRESS: AddressKeys = AddressKeys {
    v4: Key::plain(" src=", 45),
    v6: Key::labelled(" c6a2=", 45, " c6a2Label=Source IPv6 Address"),
    name: Key::plain(" shost=", 1023),
};
const TARGET_ADDRESS: AddressKeys = AddressKeys {
    v4: Key::plain(" dst=", 45),
    v6: Key::labelled(" c6a3=", 45, " c6a3Label=Destination IPv6 Address"),
    name: Key::plain(" dhost=", 1023),
};

/// Writes all of it. `rt` comes first and is always there, so the pairs after it begin with their blank; a fixed label
/// comes last but for `msg`, so that no value but `msg` can lose blanks at the end of the line.
pub(super) fn write(renderer: &Renderer, event: &EventView<'_>, facts: &Facts<'_>, n: u64, w: &mut Writer<'_, '_>) {
    what(event, facts, n, w);
    w.text(Slot::Replay, REPLAY, renderer.replay.as_deref());
    who(renderer, event, facts, w);
    on_what(renderer, event, facts, w);
    metadata(renderer, event, facts, w);
    w.plain(Slot::IngestTime, INGEST_TIME, |out| time::epoch_millis(event.received_at, out));
    w.text(Slot::Severity, SEVERITY, Some(event.severity.as_str()));
    message(event, w);
}

fn what(event: &EventView<'_>, facts: &Facts<'_>, n: u64, w: &mut Writer<'_, '_>) {
    w.out.extend_from_slice(b"rt=");
    time::epoch_millis(event.timestamp, w.out);
    w.plain(Slot::Start, START, |out| time::epoch_millis(event.timestamp, out));
    external_id::write(event.event_id, w);
    w.text(Slot::Category, CATEGORY, event.source_id);
    let id = facts.named.id;
    if id.len() <= ACT_CHARS || id.chars().count() <= ACT_CHARS {
        w.text(Slot::Act, ACT, Some(id));
    }
    if event.outcome != Outcome::Unknown {
        w.text(Slot::Outcome, OUTCOME, Some(event.outcome.as_str()));
    }
    status(event, w);
    if let Some(seq) = event.seq {
        w.plain(Slot::Sequence, SEQUENCE, |out| time::number(seq.0, out));
    }
    w.plain(Slot::DeliveryNumber, DELIVERY_NUMBER, |out| time::number(n, out));
}

/// A code of HTTP or gRPC goes to `cn1`, any other to the end of `reason`: rules compare `cn1` with 400.
fn status(event: &EventView<'_>, w: &mut Writer<'_, '_>) {
    let seen = |text: &&str| !is_unseen(text);
    let (code, message) = (event.status_code.filter(seen), event.status_message.filter(seen));
    match (code, message) {
        (Some(code), _) if is_http_or_grpc(code) => {
            w.text(Slot::Reason, REASON, message);
            w.plain(Slot::StatusCode, STATUS_CODE, |out| out.extend_from_slice(code.as_bytes()));
        }
        (Some(code), Some(message)) => w.text(Slot::Reason, REASON, Some(&format!("{message} ({code})"))),
        (code, message) => w.text(Slot::Reason, REASON, code.or(message)),
    }
}

/// 100 to 599 (RFC 9110 section 15), or 0 to 16 (gRPC's status codes), as a reader prints it back.
fn is_http_or_grpc(code: &str) -> bool {
    let plain = matches!(code.len(), 1..=3) && code.bytes().all(|c| c.is_ascii_digit());
    let number = code.parse::<u16>().unwrap_or(u16::MAX);
    plain && matches!(number, 0..=16 | 100..=599) && (code == "0" || !code.starts_with('0'))
}

fn who(renderer: &Renderer, event: &EventView<'_>, facts: &Facts<'_>, w: &mut Writer<'_, '_>) {
    w.text(Slot::Project, PROJECT, Some(&renderer.project));
    w.text(Slot::Plane, PLANE, Some(event.plane.as_str()));
    w.text(Slot::Instance, INSTANCE, Some(&renderer.instance));
    w.text(Slot::SourceService, SOURCE_SERVICE, event.source_id);
    address(renderer, Slot::Device, &DEVICE, event.source_address, w);
    w.text(Slot::UserId, USER_ID, event.subject_user_id);
    w.text(Slot::User, USER, facts.user().or(event.subject_user_id));
    address(renderer, Slot::UserAddress, &USER_ADDRESS, event.subject_address, w);
}

fn on_what(renderer: &Renderer, event: &EventView<'_>, facts: &Facts<'_>, w: &mut Writer<'_, '_>) {
    w.text(Slot::DestinationService, DESTINATION_SERVICE, facts.service());
    if facts.is_account {
        w.text(Slot::TargetId, TARGET_ID, event.resource_id);
        w.text(Slot::TargetName, TARGET_NAME, facts.target().or(event.resource_id));
    }
    address(renderer, Slot::TargetAddress, &TARGET_ADDRESS, facts.target_address(), w);
    w.text(Slot::Method, METHOD, facts.method());
    w.text(Slot::Url, URL, facts.url());
    w.text(Slot::Client, CLIENT, facts.client());
    w.text(Slot::ProjectId, PROJECT_ID, event.subject_project_id);
    w.text(Slot::ResourceId, RESOURCE_ID, event.resource_id);
    w.text(Slot::ResourceType, RESOURCE_TYPE, event.resource_type);
    w.text(Slot::RequestId, REQUEST_ID, event.request_id);
}

fn metadata(renderer: &Renderer, event: &EventView<'_>, facts: &Facts<'_>, w: &mut Writer<'_, '_>) {
    w.chosen(CHOSEN_CHARS, renderer.chosen_of(event));
    let carried = |key: &str, value: &str| facts.carries_of_resource(renderer, true, key, value);
    w.members(Slot::ResourceMetadata, RESOURCE_METADATA, event.resource_metadata, carried);
    let carried = |key: &str, value: &str| facts.carries_of_subject(renderer, key, value);
    w.members(Slot::SubjectMetadata, SUBJECT_METADATA, event.subject_metadata, carried);
    w.list(Slot::Labels, LABELS, event.labels);
}

fn address(renderer: &Renderer, slot: Slot, keys: &AddressKeys, address: Option<&str>, w: &mut Writer<'_, '_>) {
    let Some(text) = address else { return };
    match Address::of(text) {
        Address::Mapped(address) => w.plain(slot, keys.v4, |out| write_v4(address, out)),
        Address::V4 => w.text(slot, keys.v4, Some(text)),
        Address::V6 if renderer.ipv6_in_src => w.text(slot, keys.v4, Some(text)),
        Address::V6 => w.text(slot, keys.v6, Some(text)),
        Address::Name => w.text(slot, keys.name, Some(text)),
    }
}

/// The last key, as its limit lets a reader find everything else first. Blanks at its end would be lost, so they
/// are not sent.
fn message(event: &EventView<'_>, w: &mut Writer<'_, '_>) {
    let ends = |c: char| is_unseen_char(c) && c != '\n' && c != '\r';
    let message = event.message.map(|m| m.trim_end_matches(ends)).filter(|m| !is_unseen(m));
    let long = message.is_some_and(|m| m.len() > MESSAGE_CHARS && m.chars().nth(MESSAGE_CHARS).is_some());
    if w.cut || long || w.flagged {
        w.out.extend_from_slice(TRUNCATED.as_bytes());
        w.flagged = true;
    }
    w.text(Slot::Message, MESSAGE, message);
}
