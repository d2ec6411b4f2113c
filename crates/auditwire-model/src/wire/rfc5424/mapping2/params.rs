//! The SD element: which parameters there are, and how each is written.

use crate::event::EventView;
use crate::wire::address::{Address, write_v4};
use crate::wire::control::{SD_LABEL, SD_VALUE, copy, copy_cut, is_unseen};
use crate::wire::render::Renderer;
use crate::wire::time;

/// Which parameters there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// All; bytes of one value, but for ids that are made here.
    Full(usize),
    /// Those that tell and count the event; bytes of the action.
    Ids(usize),
    /// No element.
    None,
}

pub(super) fn element(
    renderer: &Renderer,
    event: &EventView<'_>,
    n: u64,
    detail: Detail,
    truncated: bool,
    out: &mut Vec<u8>,
) {
    let room = match detail {
        Detail::None => return out.push(b'-'),
        Detail::Full(room) | Detail::Ids(room) => room,
    };
    out.extend_from_slice(renderer.sd_open.as_bytes());
    param(" event_id=\"", Some(event.event_id), usize::MAX, out);
    if let Some(seq) = event.seq {
        count(" seq=\"", seq.0, out);
    }
    count(" n=\"", n, out);
    param(" replay=\"", renderer.replay.as_deref(), usize::MAX, out);
    param(" action=\"", Some(event.action), room, out);
    if let Detail::Full(room) = detail {
        rest(event, room, out);
    }
    param(" project=\"", Some(&renderer.project), usize::MAX, out);
    param(" instance=\"", Some(&renderer.instance), usize::MAX, out);
    if let Detail::Full(room) = detail {
        for (open, value) in renderer.chosen_of(event) {
            param(open, Some(value), room, out);
        }
    }
    if truncated {
        out.extend_from_slice(b" truncated=\"1\"");
    }
    out.push(b']');
}

fn rest(event: &EventView<'_>, room: usize, out: &mut Vec<u8>) {
    param(" request_id=\"", event.request_id, room, out);
    param(" severity=\"", Some(event.severity.as_str()), room, out);
    param(" plane=\"", Some(event.plane.as_str()), room, out);
    param(" source_id=\"", event.source_id, room, out);
    address(" source_addr=\"", event.source_address, room, out);
    param(" user_id=\"", event.subject_user_id, room, out);
    param(" user=\"", event.user().map(|(_, name)| name), room, out);
    address(" user_addr=\"", event.subject_address, room, out);
    param(" project_id=\"", event.subject_project_id, room, out);
    param(" res_id=\"", event.resource_id, room, out);
    param(" res_type=\"", event.resource_type, room, out);
    param(" status_code=\"", event.status_code, room, out);
    param(" outcome=\"", Some(event.outcome.as_str()), room, out);
    labels(event, room, out);
    out.extend_from_slice(b" ingested=\"");
    time::rfc3339_millis(event.received_at, out);
    out.push(b'"');
}

/// A parameter, unless its value is absent or nothing of it would be seen. A value that takes more than `room` bytes is cut.
fn param(open: &str, value: Option<&str>, room: usize, out: &mut Vec<u8>) {
    let Some(value) = value.filter(|value| !is_unseen(value)) else { return };
    out.extend_from_slice(open.as_bytes());
    copy_cut(value, &SD_VALUE, usize::MAX, room, out);
    out.push(b'"');
}

fn address(open: &str, value: Option<&str>, room: usize, out: &mut Vec<u8>) {
    match value.map(Address::of) {
        Some(Address::Mapped(address)) => {
            out.extend_from_slice(open.as_bytes());
            write_v4(address, out);
            out.push(b'"');
        }
        _ => param(open, value, room, out),
    }
}

fn count(open: &str, value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(open.as_bytes());
    time::number(value, out);
    out.push(b'"');
}

/// One parameter, comma-joined: receivers keep only one of several with the same name. A comma in a label becomes a semicolon.
fn labels(event: &EventView<'_>, room: usize, out: &mut Vec<u8>) {
    let seen = || event.labels.iter().filter(|label| !is_unseen(label));
    let start = out.len();
    let mut before = OPEN_LABELS;
    for label in seen() {
        out.extend_from_slice(before.as_bytes());
        copy(label, &SD_LABEL, out);
        before = ",";
    }
    if out.len() == start {
        return;
    }
    if out.len() - start - OPEN_LABELS.len() > room {
        out.truncate(start);
        let joined = seen().map(|label| label.replace(',', ";")).collect::<Vec<_>>().join(",");
        return param(OPEN_LABELS, Some(&joined), room, out);
    }
    out.push(b'"');
}

const OPEN_LABELS: &str = " labels=\"";
