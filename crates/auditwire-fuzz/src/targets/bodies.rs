//! Bodies of `POST /events`: what is taken prints as canonical bytes that read back as the same event; what a reader of JSON
//! takes is no broken JSON to ours.

use auditwire_model::event::{DraftReader, EventDraft, UnreadableBody, UnreadableCode, view, write_canonical};

use crate::samples;

const ITEMS_MAX: usize = 64;

fn reader() -> DraftReader {
    DraftReader { items_max: ITEMS_MAX, ..DraftReader::default() }
}

pub(crate) fn json(bytes: &[u8]) {
    match reader().read_object_or_array(bytes) {
        Ok(items) => each(items.into_iter().flatten()),
        Err(refused) => {
            told(&refused);
            let plain = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            let other = serde_json::from_slice::<serde_json::Value>(plain);
            let events = other.is_ok_and(|value| value.is_object() || value.is_array());
            assert!(!events || refused.code == UnreadableCode::TooManyItems, "JSON is refused: {refused}");
        }
    }
}

pub(crate) fn ndjson(bytes: &[u8]) {
    match reader().read_ndjson(bytes) {
        Ok(items) => each(items.into_iter().flatten()),
        Err(refused) => {
            told(&refused);
            assert_eq!(refused.code, UnreadableCode::TooManyItems, "one line is no reason to refuse all");
        }
    }
}

fn told(refused: &UnreadableBody) {
    assert!(refused.line > 0 && refused.column > 0, "no place: {refused}");
}

/// Prints each event and reads it back.
fn each(drafts: impl Iterator<Item = EventDraft>) {
    for draft in drafts {
        let printed = canonical(draft);
        // Escapes may make it longer than an event may be.
        if let Some(Ok(again)) = reader().read_object_or_array(&printed).expect("what we print is JSON").pop() {
            assert_eq!(text(&canonical(again)), text(&printed), "an event reads back as another one");
        } else {
            assert!(printed.len() > 200 << 10, "an event of ours is refused: {}", text(&printed));
        }
    }
}

fn canonical(draft: EventDraft) -> Vec<u8> {
    let batch = samples::batch([draft]);
    let mut out = Vec::new();
    write_canonical(&view(&batch, 0), &mut out);
    out
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("what we print is UTF-8")
}
