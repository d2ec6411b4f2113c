//! The canonical bytes of an event (`docs/formats/event.md`).

use super::draft::EventDraft;
use super::view::EventView;

/// Appends the canonical bytes of a stored event: deterministic one-line JSON in the nested form.
/// The same text is the API's answer, the RAW message's body and what integrity hashes.
pub fn write_canonical(event: &EventView<'_>, out: &mut Vec<u8>) {
    let _ = (event, out);
}

/// Appends what a source said, without anything made here: the text whose digest tells a repeated event from
/// a changed one. Absent fields stay absent, so a retry of an event without a timestamp is the same content.
pub fn content_bytes(draft: &EventDraft, out: &mut Vec<u8>) {
    let _ = (draft, out);
}
