//! The first mapping of CEF. Frozen: connections from before keep it, and its golden files hold it.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::external_id;
use crate::catalogue;
use crate::event::{EventView, Outcome};
use crate::wire::control::{CEF_HEADER, CEF_JSON, CEF_VALUE, JSON, is_blank, is_blank_char};
use crate::wire::keyed::{Dialect, Giving, Key, Keyed, Slot, Writer};
use crate::wire::render::{Rendered, Renderer, Unrenderable};
use crate::wire::time;

/// Vendor, product and the version of the field mapping, which is not the program's: SIEMs key parsers on it.
const HEADER: &[u8] = b"CEF:0|Auditwire|Cloud Audit|1|";

/// Of the giving: what is not listed stays, which is the header, `rt`, `externalId`, `cn2` and `cn3`.
static CEF: Keyed = Keyed {
    dialect: Dialect {
        header: &CEF_HEADER,
        header_blank: is_blank,
        backslash: None,
        value: &CEF_VALUE,
        blank: is_blank,
        json: &JSON,
        json_value: &CEF_JSON,
        list: &CEF_VALUE,
        apart: false,
    },
    giving: Giving {
        repeating: &[],
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
    truncated: TRUNCATED,
};

pub(in crate::wire) fn render(
    renderer: &Renderer,
    event: &EventView<'_>,
    n: u64,
    out: &mut Vec<u8>,
) -> Result<Rendered, Unrenderable> {
    CEF.render(renderer.max_bytes, out, |writer| write(renderer, event, n, writer))
}

fn write(renderer: &Renderer, event: &EventView<'_>, n: u64, writer: &mut Writer<'_, '_>) {
    super::envelope(renderer, event, writer.out);
    writer.out.extend_from_slice(HEADER);
    writer.header_field(Slot::ClassId, event.action, 1023);
    writer.header_field(Slot::Name, title_of(event.action), 512);
    time::number(u64::from(event.severity.cef()), writer.out);
    writer.out.push(b'|');
    extension(event, n, renderer.replay.as_deref(), writer);
}

const MESSAGE_CHARS: usize = 1023;

const START: Key = Key::plain(" start=", 0);
const CATEGORY: Key = Key::plain(" cat=", 1023);
const ACT: Key = Key::plain(" act=", ACT_CHARS);
const ACT_CHARS: usize = 63;
const OUTCOME: Key = Key::plain(" outcome=", 63);
const REASON: Key = Key::plain(" reason=", 1023);
const STATUS_CODE: Key = Key::labelled(" cn1=", 0, " cn1Label=StatusCode");
const SEQUENCE: Key = Key::labelled(" cn2=", 0, " cn2Label=Sequence");
const DELIVERY_NUMBER: Key = Key::labelled(" cn3=", 0, " cn3Label=DeliveryNumber");
const REPLAY: Key = Key::plain(" AuditwireCloudAuditReplay=", 64);
const SOURCE_SERVICE: Key = Key::plain(" sourceServiceName=", 1023);
const DESTINATION_SERVICE: Key = Key::plain(" destinationServiceName=", 1023);
const USER_ID: Key = Key::plain(" suid=", 1023);
const USER: Key = Key::plain(" suser=", 1023);
const METHOD: Key = Key::plain(" requestMethod=", 1023);
const PROJECT_ID: Key = Key::labelled(" cs1=", 4000, " cs1Label=ProjectId");
const RESOURCE_ID: Key = Key::labelled(" cs2=", 4000, " cs2Label=ResourceId");
const RESOURCE_TYPE: Key = Key::labelled(" cs3=", 4000, " cs3Label=ResourceType");
const REQUEST_ID: Key = Key::labelled(" cs4=", 4000, " cs4Label=RequestId");
const RESOURCE_METADATA: Key = Key::labelled(" cs5=", 4000, " cs5Label=ResourceMetadata");
const SUBJECT_METADATA: Key = Key::labelled(" cs6=", 4000, " cs6Label=SubjectMetadata");
const LABELS: Key = Key::labelled(" flexString1=", 1023, " flexString1Label=Labels");
const INGEST_TIME: Key = Key::labelled(" deviceCustomDate1=", 0, " deviceCustomDate1Label=IngestTime");
const SEVERITY: Key = Key::labelled(" flexString2=", 1023, " flexString2Label=Severity");
const MESSAGE: Key = Key::plain(" msg=", MESSAGE_CHARS);

/// Says that values were cut or left out. A key of our own, as no key of the dictionary means that.
const TRUNCATED: &str = " AuditwireCloudAuditTruncated=1";

/// What an address becomes: IPv4 has a key of its own, IPv6 goes to a custom key, anything else is a host name.
struct AddressKeys {
    v4: Key,
    v6: Key,
    name: Key,
}

const DEVICE: AddressKeys = AddressKeys {
    v4: Key::plain(" dvc=", 15),
    v6: Key::labelled(" c6a1=", 45, " c6a1Label=Device IPv6 Address"),
    name: Key::plain(" dvchost=", 100),
};
const USER_ADDRESS: AddressKeys = AddressKeys {
    v4: Key::plain(" src=", 15),
    v6: Key::labelled(" c6a2=", 45, " c6a2Label=Source IPv6 Address"),
    name: Key::plain(" shost=", 1023),
};

/// Writes all of it. `rt` comes first and is always there, so the pairs after it begin with their blank; a fixed label
/// comes last but for `msg`, so that no value but `msg` can lose blanks at the end of the line.
fn extension(event: &EventView<'_>, n: u64, replay: Option<&str>, w: &mut Writer<'_, '_>) {
    what(event, n, w);
    w.text(Slot::Replay, REPLAY, replay);
    who(event, w);
    on_what(event, w);
    w.plain(Slot::IngestTime, INGEST_TIME, |out| time::epoch_millis(event.received_at, out));
    w.text(Slot::Severity, SEVERITY, Some(event.severity.as_str()));
    message(event, w);
}

fn what(event: &EventView<'_>, n: u64, w: &mut Writer<'_, '_>) {
    w.out.extend_from_slice(b"rt=");
    time::epoch_millis(event.timestamp, w.out);
    w.plain(Slot::Start, START, |out| time::epoch_millis(event.timestamp, out));
    external_id::write(event.event_id, w);
    w.text(Slot::Category, CATEGORY, event.source_id);
    if event.action.len() <= ACT_CHARS || event.action.chars().count() <= ACT_CHARS {
        w.text(Slot::Act, ACT, Some(event.action));
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

/// A number goes to `cn1`, any other code to the end of `reason`.
fn status(event: &EventView<'_>, w: &mut Writer<'_, '_>) {
    let visible = |text: Option<&'_ str>| text.is_some_and(|t| !is_blank(t));
    match event.status_code {
        Some(code) if is_integer(code) => {
            w.text(Slot::Reason, REASON, event.status_message);
            w.plain(Slot::StatusCode, STATUS_CODE, |out| out.extend_from_slice(code.as_bytes()));
        }
        Some(code) if visible(Some(code)) && visible(event.status_message) => {
            let message = event.status_message.unwrap_or_default();
            w.text(Slot::Reason, REASON, Some(&format!("{message} ({code})")));
        }
        Some(code) if visible(Some(code)) => w.text(Slot::Reason, REASON, Some(code)),
        _ => w.text(Slot::Reason, REASON, event.status_message),
    }
}

/// True for a number that a reader prints back as it is written: no leading zeros, far inside 64 bits.
fn is_integer(code: &str) -> bool {
    let digits = code.strip_prefix('-').unwrap_or(code);
    let plain = matches!(digits.len(), 1..=18) && digits.bytes().all(|c| c.is_ascii_digit());
    plain && (!digits.starts_with('0') || code == "0")
}

fn who(event: &EventView<'_>, w: &mut Writer<'_, '_>) {
    w.text(Slot::SourceService, SOURCE_SERVICE, event.source_id);
    address(Slot::Device, &DEVICE, event.source_address, w);
    w.text(Slot::UserId, USER_ID, event.subject_user_id);
    w.text(Slot::User, USER, event.user().map(|(_, name)| name).or(event.subject_user_id));
    address(Slot::UserAddress, &USER_ADDRESS, event.subject_address, w);
}

fn on_what(event: &EventView<'_>, w: &mut Writer<'_, '_>) {
    let service = event.resource_metadata.get("service_id").filter(|s| !is_blank(s));
    w.text(Slot::DestinationService, DESTINATION_SERVICE, service);
    w.text(Slot::Method, METHOD, method_of(event));
    w.text(Slot::ProjectId, PROJECT_ID, event.subject_project_id);
    w.text(Slot::ResourceId, RESOURCE_ID, event.resource_id);
    w.text(Slot::ResourceType, RESOURCE_TYPE, event.resource_type);
    w.text(Slot::RequestId, REQUEST_ID, event.request_id);
    let carried = service.map(|_| "service_id");
    w.metadata(Slot::ResourceMetadata, RESOURCE_METADATA, event.resource_metadata, carried);
    let carried = event.user().map(|(key, _)| key);
    w.metadata(Slot::SubjectMetadata, SUBJECT_METADATA, event.subject_metadata, carried);
    w.list(Slot::Labels, LABELS, event.labels);
}

fn address(slot: Slot, keys: &AddressKeys, address: Option<&str>, w: &mut Writer<'_, '_>) {
    let Some(text) = address else { return };
    if text.parse::<Ipv4Addr>().is_ok() {
        w.text(slot, keys.v4, address);
    } else if text.parse::<Ipv6Addr>().is_ok() {
        w.text(slot, keys.v6, address);
    } else {
        w.text(slot, keys.name, address);
    }
}

/// The last key, as its limit lets a reader find everything else first. Blanks at its end would be lost, so they
/// are not sent.
fn message(event: &EventView<'_>, w: &mut Writer<'_, '_>) {
    let ends = |c: char| is_blank_char(c) && c != '\n' && c != '\r';
    let message = event.message.map(|m| m.trim_end_matches(ends)).filter(|m| !is_blank(m));
    let long = message.is_some_and(|m| m.len() > MESSAGE_CHARS && m.chars().nth(MESSAGE_CHARS).is_some());
    if w.cut || long || w.flagged {
        w.out.extend_from_slice(TRUNCATED.as_bytes());
        w.flagged = true;
    }
    w.text(Slot::Message, MESSAGE, message);
}

/// The static title of an event type; without one the action itself (CEF wants a name for people in every message).
fn title_of(action: &str) -> &str {
    catalogue::title(action).unwrap_or(action)
}

/// The HTTP method, where the source or the catalogue tells it: several event types differ in nothing else.
pub(in crate::wire) fn method_of<'a>(event: &EventView<'a>) -> Option<&'a str> {
    let told = |key| event.resource_metadata.get(key).filter(|method| !is_blank(method));
    told("http_method").or_else(|| told("method")).or_else(|| catalogue::method(event.action))
}
