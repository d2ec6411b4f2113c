//! JSON Lines: every event as its canonical bytes (`docs/formats/event.md`), each on a line of its own. Exact: integrity
//! proofs can be checked against such a file.

use crate::event::{EventView, write_canonical};

/// Appends one event as one line.
pub fn write_row(event: &EventView<'_>, out: &mut Vec<u8>) {
    // Canonical bytes hold no line feed: JSON escapes it.
    write_canonical(event, out);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::testing::{any_draft, batch};
    use crate::event::{rows, view};

    proptest! {
        #[test]
        fn any_events_are_lines_of_json(drafts in proptest::collection::vec(any_draft(), 0..5)) {
            let batch = batch(drafts);
            let mut out = Vec::new();
            rows(&batch).for_each(|event| write_row(&event, &mut out));
            let text = String::from_utf8(out).unwrap();
            let lines: Vec<&str> = text.split_terminator('\n').collect();
            prop_assert_eq!(lines.len(), batch.num_rows());
            for (at, line) in lines.into_iter().enumerate() {
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                prop_assert_eq!(&event["action"], view(&batch, at).action);
            }
        }
    }
}
