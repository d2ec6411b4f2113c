//! RAW: an RFC 5424 message with one private SD element and the event's canonical JSON as its MSG, by one of two mappings.

pub(super) mod mapping1;
pub(super) mod mapping2;

use super::render::Renderer;
use super::time;
use crate::{Severity, Timestamp};

const BOM: &[u8] = b"\xEF\xBB\xBF";

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
