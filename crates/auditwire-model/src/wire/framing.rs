//! Frames around messages in a stream (RFC 6587 section 3.4), written and read.

use crate::connection::Framing;

/// Appends `message` to `out` in its frame. LF framing trusts that the message has no LF, which the renderer guarantees.
pub fn write_frame(framing: Framing, message: &[u8], out: &mut Vec<u8>) {
    match framing {
        Framing::Lf => {
            out.extend_from_slice(message);
            out.push(b'\n');
        }
        Framing::OctetCounting => {
            out.extend_from_slice(message.len().to_string().as_bytes());
            out.push(b' ');
            out.extend_from_slice(message);
        }
    }
}
