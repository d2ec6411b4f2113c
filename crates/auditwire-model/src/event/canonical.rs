//! The canonical bytes of an event (`docs/formats/event.md`): one line of deterministic JSON.
//!
//! Two texts are written here by one set of rules: what is stored about an event ([`write_canonical`]) and what its source
//! said ([`content_bytes`]). Both are frozen: integrity hashes the first, the duplicate window remembers the second.

use super::draft::{EventDraft, Outcome, Plane};
use super::escape::append_json_string;
use super::view::EventView;
use crate::Timestamp;

/// A member's name as it is written: comma, quotes and colon included, so that it is appended at once.
macro_rules! member {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}

/// Appends the canonical bytes of a stored event: deterministic one-line JSON in the nested form.
/// The same text is the API's answer, the RAW message's body and what integrity hashes.
pub fn write_canonical(event: &EventView<'_>, out: &mut Vec<u8>) {
    write_canonical_of(event, event.subject_metadata.iter(), event.resource_metadata.iter(), out);
}

/// As [`write_canonical`], with other metadata than the event's.
pub(crate) fn write_canonical_of<'p>(
    event: &EventView<'_>,
    subject_metadata: impl Iterator<Item = (&'p str, &'p str)>,
    resource_metadata: impl Iterator<Item = (&'p str, &'p str)>,
    out: &mut Vec<u8>,
) {
    let mut object = Object::open(out);
    object.text(member!("event_id"), Some(event.event_id));
    object.number(member!("seq"), event.seq.map(|seq| seq.0));
    object.time(member!("timestamp"), Some(event.timestamp));
    object.time(member!("received_at"), Some(event.received_at));
    object.text(member!("plane"), Some(event.plane.as_str()));
    object.text(member!("action"), Some(event.action));
    object.text(member!("severity"), Some(event.severity.as_str()));
    object.text(member!("message"), event.message);
    object.nested(member!("source"), |source| {
        source.text(member!("id"), event.source_id);
        source.text(member!("address"), event.source_address);
    });
    object.nested(member!("subject"), |subject| {
        subject.text(member!("user_id"), event.subject_user_id);
        subject.text(member!("address"), event.subject_address);
        subject.text(member!("project_id"), event.subject_project_id);
        subject.pairs(member!("metadata"), subject_metadata);
    });
    object.nested(member!("resource"), |resource| {
        resource.text(member!("id"), event.resource_id);
        resource.text(member!("type"), event.resource_type);
        resource.pairs(member!("metadata"), resource_metadata);
    });
    object.nested(member!("status"), |status| {
        status.text(member!("code"), event.status_code);
        status.text(member!("message"), event.status_message);
    });
    object.text(member!("outcome"), Some(event.outcome.as_str()));
    object.text(member!("request_id"), event.request_id);
    object.list(member!("labels"), event.labels.iter());
    object.close();
}

/// Appends the canonical bytes of an event with a delivery number at their end, the replay it is part of (an id, which needs no
/// escaping), and whether something was left out.
/// Without that end (and with the closing brace) these are the canonical bytes again.
pub(crate) fn write_delivered(event: &EventView<'_>, n: u64, replay: Option<&str>, truncated: bool, out: &mut Vec<u8>) {
    write_canonical(event, out);
    write_tail(Tail { n, project: None, replay, truncated }, out);
}

/// What stands behind an event that is delivered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tail<'t> {
    /// The delivery number.
    pub(crate) n: u64,
    /// The project whose event it is.
    pub(crate) project: Option<&'t str>,
    /// The replay it is part of (an id, which needs no escaping).
    pub(crate) replay: Option<&'t str>,
    /// Whether something was left out.
    pub(crate) truncated: bool,
}

/// Puts members behind the last one of the object that ends `out`.
pub(crate) fn write_tail(tail: Tail<'_>, out: &mut Vec<u8>) {
    out.pop();
    out.extend_from_slice(b",\"n\":");
    append_number(tail.n, out);
    if let Some(project) = tail.project {
        out.extend_from_slice(b",\"project\":");
        append_json_string(project, out);
    }
    if let Some(replay) = tail.replay {
        out.extend_from_slice(b",\"replay\":\"");
        out.extend_from_slice(replay.as_bytes());
        out.push(b'"');
    }
    if tail.truncated {
        out.extend_from_slice(b",\"truncated\":true");
    }
    out.push(b'}');
}

/// Appends what a source said, without anything made here: the text whose digest tells a repeated event from
/// a changed one. Absent fields stay absent, so a retry of an event without a timestamp is the same content.
/// Two drafts that differ in any field have different texts.
pub fn content_bytes(draft: &EventDraft, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.text(member!("event_id"), draft.event_id.as_deref());
    object.time(member!("timestamp"), draft.timestamp);
    object.text(member!("plane"), draft.plane.map(Plane::as_str));
    object.text(member!("action"), Some(&draft.action));
    object.text(member!("severity"), Some(draft.severity.as_str()));
    object.text(member!("message"), draft.message.as_deref());
    object.nested(member!("source"), |source| {
        source.text(member!("id"), draft.source_id.as_deref());
        source.text(member!("address"), draft.source_address.as_deref());
    });
    object.nested(member!("subject"), |subject| {
        subject.text(member!("user_id"), draft.subject_user_id.as_deref());
        subject.text(member!("address"), draft.subject_address.as_deref());
        subject.text(member!("project_id"), draft.subject_project_id.as_deref());
        subject.pairs(member!("metadata"), draft.subject_metadata.iter());
    });
    object.nested(member!("resource"), |resource| {
        resource.text(member!("id"), draft.resource_id.as_deref());
        resource.text(member!("type"), draft.resource_type.as_deref());
        resource.pairs(member!("metadata"), draft.resource_metadata.iter());
    });
    object.nested(member!("status"), |status| {
        status.text(member!("code"), draft.status_code.as_deref());
        status.text(member!("message"), draft.status_message.as_deref());
    });
    object.text(member!("outcome"), draft.outcome.map(Outcome::as_str));
    object.text(member!("request_id"), draft.request_id.as_deref());
    object.list(member!("labels"), draft.labels.iter().map(String::as_str));
    object.close();
}

/// An open JSON object at the end of a buffer. What is absent or empty leaves nothing behind.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    fn close(self) {
        self.out.push(b'}');
    }

    /// Begins a member; `name` is made by `member!`.
    #[inline]
    fn name(&mut self, name: &'static str) {
        let skipped = usize::from(std::mem::take(&mut self.empty));
        self.out.extend_from_slice(&name.as_bytes()[skipped..]);
    }

    #[inline]
    fn text(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.name(name);
            append_json_string(value, self.out);
        }
    }

    fn time(&mut self, name: &'static str, value: Option<Timestamp>) {
        if let Some(value) = value {
            self.name(name);
            self.out.push(b'"');
            value.append_rfc3339(self.out);
            self.out.push(b'"');
        }
    }

    fn number(&mut self, name: &'static str, value: Option<u64>) {
        if let Some(value) = value {
            self.name(name);
            append_number(value, self.out);
        }
    }

    fn nested(&mut self, name: &'static str, members: impl FnOnce(&mut Object<'_>)) {
        let (before, was_empty) = (self.out.len(), self.empty);
        self.name(name);
        let mut object = Object::open(self.out);
        members(&mut object);
        if object.empty {
            self.out.truncate(before);
            self.empty = was_empty;
        } else {
            object.close();
        }
    }

    fn pairs<'p>(&mut self, name: &'static str, pairs: impl Iterator<Item = (&'p str, &'p str)>) {
        self.nested(name, |object| {
            for (key, value) in pairs {
                if !std::mem::take(&mut object.empty) {
                    object.out.push(b',');
                }
                append_json_string(key, object.out);
                object.out.push(b':');
                append_json_string(value, object.out);
            }
        });
    }

    fn list<'t>(&mut self, name: &'static str, texts: impl ExactSizeIterator<Item = &'t str>) {
        if texts.len() == 0 {
            return;
        }
        self.name(name);
        for (at, text) in texts.enumerate() {
            self.out.push(if at == 0 { b'[' } else { b',' });
            append_json_string(text, self.out);
        }
        self.out.push(b']');
    }
}

fn append_number(mut number: u64, out: &mut Vec<u8>) {
    const DIGITS_MAX: usize = 20;
    let mut digits = [0_u8; DIGITS_MAX];
    let mut at = DIGITS_MAX;
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10).to_le_bytes()[0];
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::event::testing::{any_draft, batch, full, hostile, minimal};
    use crate::event::{Metadata, rows, view};

    fn canonical(event: &EventView<'_>) -> String {
        let mut out = Vec::new();
        write_canonical(event, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn content(draft: &EventDraft) -> String {
        let mut out = Vec::new();
        content_bytes(draft, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// These bytes are hashed and kept for ever: the files may grow, no line of them may change.
    #[test]
    fn golden() {
        let drafts = [full(), minimal(), hostile()];
        let batch = batch(drafts.clone());
        let lines = |texts: Vec<String>| texts.into_iter().map(|text| text + "\n").collect::<String>();
        let canonical = lines(rows(&batch).map(|event| canonical(&event)).collect());
        let content = lines(drafts.iter().map(content).collect());
        assert_eq!(canonical, include_str!("../../tests/golden/event-1.jsonl"));
        assert_eq!(content, include_str!("../../tests/golden/content-1.jsonl"));
    }

    #[test]
    fn an_event_outside_a_log_has_no_seq() {
        let batch = batch([minimal()]);
        let event = EventView { seq: None, ..view(&batch, 0) };
        let json: serde_json::Value = serde_json::from_str(&canonical(&event)).unwrap();
        assert!(json.get("seq").is_none());
        assert_eq!(json["event_id"], "made-here");
    }

    #[test]
    fn numbers() {
        for number in [0, 1, 9, 10, 255, 256, 1_234_567_890, u64::MAX] {
            let mut out = Vec::new();
            append_number(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }

    proptest! {
        #[test]
        fn is_one_line_of_json_with_every_value(draft in any_draft()) {
            let batch = batch([draft.clone()]);
            let text = canonical(&view(&batch, 0));
            prop_assert!(!text.contains(['\n', '\r', '\0']));
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&json["action"], &draft.action);
            prop_assert_eq!(json["message"].as_str(), draft.message.as_deref());
            prop_assert_eq!(json["status"]["code"].as_str(), draft.status_code.as_deref());
            let metadata: Option<BTreeMap<String, String>> =
                serde_json::from_value(json["subject"]["metadata"].clone()).unwrap();
            prop_assert_eq!(metadata.unwrap_or_default().iter().collect::<Metadata>(), draft.subject_metadata);
        }

        #[test]
        fn content_differs_when_drafts_differ(one in any_draft(), other in any_draft()) {
            prop_assert_eq!(content(&one) == content(&other), one == other);
        }
    }

    /// Random pairs are never near each other, so each field is also changed by itself.
    #[test]
    fn content_tells_absent_from_empty_and_every_field_apart() {
        let texts: [fn(&mut EventDraft) -> &mut Option<String>; 12] = [
            |d| &mut d.event_id,
            |d| &mut d.request_id,
            |d| &mut d.message,
            |d| &mut d.source_id,
            |d| &mut d.source_address,
            |d| &mut d.subject_user_id,
            |d| &mut d.subject_address,
            |d| &mut d.subject_project_id,
            |d| &mut d.resource_id,
            |d| &mut d.resource_type,
            |d| &mut d.status_code,
            |d| &mut d.status_message,
        ];
        let mut seen = vec![content(&minimal())];
        for field in texts {
            for value in ["", "x"] {
                let mut draft = minimal();
                *field(&mut draft) = Some(value.to_owned());
                seen.push(content(&draft));
            }
        }
        for metadata in [[("a", "b.c")], [("a.b", "c")]] {
            let pairs = Metadata::from(metadata);
            seen.push(content(&EventDraft { subject_metadata: pairs.clone(), ..minimal() }));
            seen.push(content(&EventDraft { resource_metadata: pairs, ..minimal() }));
        }
        for labels in [vec!["a,b"], vec!["a", "b"], vec!["b", "a"]] {
            let labels = labels.into_iter().map(str::to_owned).collect();
            seen.push(content(&EventDraft { labels, ..minimal() }));
        }
        let all = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), all);
    }
}
