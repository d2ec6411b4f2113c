//! RAW: an RFC 5424 message with one private SD element and the event's canonical JSON as its MSG.

use super::control::{SD_VALUE, copy, is_blank};
use super::render::{Rendered, Renderer, Unrenderable};
use super::time;
use crate::event::{EventView, write_canonical};
use crate::{Severity, Timestamp};

const BOM: &[u8] = b"\xEF\xBB\xBF";

pub(super) fn render(
    renderer: &Renderer,
    event: &EventView<'_>,
    n: u64,
    out: &mut Vec<u8>,
) -> Result<Rendered, Unrenderable> {
    let start = out.len();
    write(renderer, event, n, Shape::WHOLE, out);
    let needed = out.len() - start;
    if needed > renderer.max_bytes {
        return Err(Unrenderable::TooLarge { needed, limit: renderer.max_bytes });
    }
    Ok(Rendered { truncated: false })
}

/// What of an event goes into the message.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// All SD parameters, or only those without which the event cannot be told or counted.
    all_params: bool,
    /// Whether the JSON is there.
    body: bool,
    /// Whether SD says that something is missing.
    truncated: bool,
}

impl Shape {
    const WHOLE: Self = Self { all_params: true, body: true, truncated: false };
}

fn write(renderer: &Renderer, event: &EventView<'_>, n: u64, shape: Shape, out: &mut Vec<u8>) {
    header(renderer, event.timestamp, event.severity, out);
    out.extend_from_slice(b" - ");
    out.extend_from_slice(message_id(event.action).as_bytes());
    out.push(b' ');
    structured_data(renderer, event, n, shape, out);
    if shape.body {
        message_start(renderer, out);
        write_canonical(event, out);
    }
}

/// `<PRI>1 TIMESTAMP HOSTNAME APP-NAME`.
pub(super) fn header(renderer: &Renderer, time: Timestamp, severity: Severity, out: &mut Vec<u8>) {
    priority(renderer, severity, out);
    out.extend_from_slice(b"1 ");
    time::rfc3339_millis(time, out);
    out.push(b' ');
    out.extend_from_slice(renderer.hostname.as_bytes());
    out.push(b' ');
    out.extend_from_slice(renderer.app_name.as_bytes());
}

/// `<PRI>`.
pub(super) fn priority(renderer: &Renderer, severity: Severity, out: &mut Vec<u8>) {
    out.push(b'<');
    time::number(u64::from(renderer.facility) * 8 + u64::from(severity.syslog()), out);
    out.push(b'>');
}

/// The blank before MSG, and the byte order mark if the connection wants it.
pub(super) fn message_start(renderer: &Renderer, out: &mut Vec<u8>) {
    out.push(b' ');
    if renderer.bom {
        out.extend_from_slice(BOM);
    }
}

/// The action if it is a legal MSGID (RFC 5424 section 6.2.7).
fn message_id(action: &str) -> &str {
    let legal = matches!(action.len(), 1..=32) && action.bytes().all(|c| matches!(c, b'!'..=b'~'));
    if legal { action } else { "-" }
}

fn structured_data(renderer: &Renderer, event: &EventView<'_>, n: u64, shape: Shape, out: &mut Vec<u8>) {
    out.extend_from_slice(renderer.sd_open.as_bytes());
    param(" event_id=\"", Some(event.event_id), out);
    if let Some(seq) = event.seq {
        count(" seq=\"", seq.0, out);
    }
    count(" n=\"", n, out);
    param(" action=\"", Some(event.action), out);
    if shape.all_params {
        more_params(renderer, event, out);
    }
    if shape.truncated {
        out.extend_from_slice(b" truncated=\"1\"");
    }
    out.push(b']');
}

fn more_params(renderer: &Renderer, event: &EventView<'_>, out: &mut Vec<u8>) {
    param(" request_id=\"", event.request_id, out);
    param(" severity=\"", Some(event.severity.as_str()), out);
    param(" plane=\"", Some(event.plane.as_str()), out);
    param(" source_id=\"", event.source_id, out);
    param(" source_addr=\"", event.source_address, out);
    param(" user_id=\"", event.subject_user_id, out);
    param(" user=\"", user(event).map(|(_, name)| name), out);
    param(" user_addr=\"", event.subject_address, out);
    param(" project_id=\"", event.subject_project_id, out);
    param(" res_id=\"", event.resource_id, out);
    param(" res_type=\"", event.resource_type, out);
    param(" status_code=\"", event.status_code, out);
    param(" outcome=\"", Some(event.outcome.as_str()), out);
    labels(event, out);
    out.extend_from_slice(b" ingested=\"");
    time::rfc3339_millis(event.received_at, out);
    out.push(b'"');
    param(" instance=\"", Some(&renderer.instance), out);
}

/// The subject's name for people, with the metadata key it stands under.
pub(super) fn user<'a>(event: &EventView<'a>) -> Option<(&'static str, &'a str)> {
    ["email", "name"].into_iter().find_map(|key| {
        let value = event.subject_metadata.get(key)?;
        (!is_blank(value)).then_some((key, value))
    })
}

fn param(open: &str, value: Option<&str>, out: &mut Vec<u8>) {
    let Some(value) = value else { return };
    if is_blank(value) {
        return;
    }
    out.extend_from_slice(open.as_bytes());
    copy(value, &SD_VALUE, out);
    out.push(b'"');
}

fn count(open: &str, value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(open.as_bytes());
    time::number(value, out);
    out.push(b'"');
}

/// One parameter, comma-joined: receivers keep only one of several with the same name.
fn labels(event: &EventView<'_>, out: &mut Vec<u8>) {
    let mut open = " labels=\"";
    for label in event.labels.iter().filter(|label| !is_blank(label)) {
        out.extend_from_slice(open.as_bytes());
        copy(label, &SD_VALUE, out);
        open = ",";
    }
    if open == "," {
        out.push(b'"');
    }
}
