//! The first mapping of RAW. Frozen: connections from before keep it, and its golden files hold it.

mod fit;

use super::{header, message_id, message_start};
use crate::event::{EventView, write_canonical};
use crate::wire::control::{SD_VALUE, copy, copy_cut, is_blank};
use crate::wire::render::{Rendered, Renderer, Unrenderable};
use crate::wire::time;

pub(in crate::wire) fn render(
    renderer: &Renderer,
    event: &EventView<'_>,
    n: u64,
    out: &mut Vec<u8>,
) -> Result<Rendered, Unrenderable> {
    let start = out.len();
    write(renderer, event, Some(event), n, Params::WHOLE, out);
    if out.len() - start <= renderer.max_bytes {
        return Ok(Rendered { truncated: false });
    }
    out.truncate(start);
    fit::render(renderer, event, n, out)?;
    Ok(Rendered { truncated: true })
}

/// Which SD parameters there are.
#[derive(Debug, Clone, Copy)]
struct Params {
    /// All, or only those without which the event cannot be told or counted.
    all: bool,
    /// Bytes of one value, but for `event_id`.
    bytes_max: usize,
    /// Whether to say that something is missing.
    truncated: bool,
}

impl Params {
    const WHOLE: Self = Self { all: true, bytes_max: usize::MAX, truncated: false };
}

/// `body` is what the JSON tells; without it the message has no MSG.
fn write(
    renderer: &Renderer,
    event: &EventView<'_>,
    body: Option<&EventView<'_>>,
    n: u64,
    params: Params,
    out: &mut Vec<u8>,
) {
    header(renderer, event.timestamp, event.severity, out);
    out.extend_from_slice(b" - ");
    out.extend_from_slice(message_id(event.action).as_bytes());
    out.push(b' ');
    structured_data(renderer, event, n, params, out);
    if let Some(body) = body {
        message_start(renderer, out);
        write_canonical(body, out);
    }
}

fn structured_data(renderer: &Renderer, event: &EventView<'_>, n: u64, params: Params, out: &mut Vec<u8>) {
    out.extend_from_slice(renderer.sd_open.as_bytes());
    param(" event_id=\"", Some(event.event_id), usize::MAX, out);
    if let Some(seq) = event.seq {
        count(" seq=\"", seq.0, out);
    }
    count(" n=\"", n, out);
    param(" replay=\"", renderer.replay.as_deref(), usize::MAX, out);
    param(" action=\"", Some(event.action), params.bytes_max, out);
    if params.all {
        more_params(renderer, event, params.bytes_max, out);
    }
    if params.truncated {
        out.extend_from_slice(b" truncated=\"1\"");
    }
    out.push(b']');
}

fn more_params(renderer: &Renderer, event: &EventView<'_>, room: usize, out: &mut Vec<u8>) {
    param(" request_id=\"", event.request_id, room, out);
    param(" severity=\"", Some(event.severity.as_str()), room, out);
    param(" plane=\"", Some(event.plane.as_str()), room, out);
    param(" source_id=\"", event.source_id, room, out);
    param(" source_addr=\"", event.source_address, room, out);
    param(" user_id=\"", event.subject_user_id, room, out);
    param(" user=\"", event.user().map(|(_, name)| name), room, out);
    param(" user_addr=\"", event.subject_address, room, out);
    param(" project_id=\"", event.subject_project_id, room, out);
    param(" res_id=\"", event.resource_id, room, out);
    param(" res_type=\"", event.resource_type, room, out);
    param(" status_code=\"", event.status_code, room, out);
    param(" outcome=\"", Some(event.outcome.as_str()), room, out);
    labels(event, room, out);
    out.extend_from_slice(b" ingested=\"");
    time::rfc3339_millis(event.received_at, out);
    out.push(b'"');
    param(" instance=\"", Some(&renderer.instance), room, out);
}

/// A parameter, unless its value is absent or blank. A value that takes more than `room` bytes is cut.
fn param(open: &str, value: Option<&str>, room: usize, out: &mut Vec<u8>) {
    let Some(value) = value else { return };
    if is_blank(value) {
        return;
    }
    out.extend_from_slice(open.as_bytes());
    copy_cut(value, &SD_VALUE, usize::MAX, room, out);
    out.push(b'"');
}

fn count(open: &str, value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(open.as_bytes());
    time::number(value, out);
    out.push(b'"');
}

/// One parameter, comma-joined: receivers keep only one of several with the same name.
fn labels(event: &EventView<'_>, room: usize, out: &mut Vec<u8>) {
    let visible = || event.labels.iter().filter(|label| !is_blank(label));
    if room < usize::MAX {
        return param(OPEN_LABELS, Some(&visible().collect::<Vec<_>>().join(",")), room, out);
    }
    let mut before = OPEN_LABELS;
    for label in visible() {
        out.extend_from_slice(before.as_bytes());
        copy(label, &SD_VALUE, out);
        before = ",";
    }
    if before == "," {
        out.push(b'"');
    }
}

const OPEN_LABELS: &str = " labels=\"";
