//! Appends CEF fields, remembers how long each became, and keeps to the room that a plan gives it.

use super::{CEF_HEADER, copy, copy_cut, is_blank};
use crate::event::{Pairs, Texts};
use crate::wire::control::{CEF_JSON, CEF_VALUE, JSON};

/// Every field whose room can be limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    ClassId,
    Name,
    Start,
    ExternalId,
    Category,
    Act,
    Outcome,
    Reason,
    StatusCode,
    Sequence,
    DeliveryNumber,
    SourceService,
    DestinationService,
    Device,
    UserId,
    User,
    UserAddress,
    Method,
    ProjectId,
    ResourceId,
    ResourceType,
    RequestId,
    ResourceMetadata,
    SubjectMetadata,
    Labels,
    IngestTime,
    FullId,
    Severity,
    Message,
}

pub(super) const SLOTS: usize = Slot::Message as usize + 1;

/// Bytes that each value may take; 0 leaves the field out.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) room: [usize; SLOTS],
    /// Whether the message says from the start that something is missing.
    pub(super) flagged: bool,
}

impl Plan {
    /// No limits but the dictionary's.
    pub(super) const WHOLE: Self = Self { room: [usize::MAX; SLOTS], flagged: false };

    fn room(&self, slot: Slot) -> usize {
        self.room[slot as usize]
    }
}

/// What a field took in the message.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    /// Bytes of the value.
    pub(super) value: usize,
    /// Bytes of key, value and label.
    pub(super) field: usize,
}

pub(super) struct Writer<'o, 'p> {
    pub(super) out: &'o mut Vec<u8>,
    plan: &'p Plan,
    pub(super) sizes: [Size; SLOTS],
    /// True once a value was cut or left out for want of room.
    pub(super) cut: bool,
    /// Whether the message says that something is missing.
    pub(super) flagged: bool,
}

/// A key with its value's limit and the label that follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// ` key=`, with the blank before it.
    pub(super) open: &'static str,
    /// Characters of the value (the dictionary's limit).
    pub(super) chars_max: usize,
    /// ` keyLabel=Text`, or nothing.
    pub(super) label: &'static str,
}

impl Key {
    pub(super) const fn plain(open: &'static str, chars_max: usize) -> Self {
        Self { open, chars_max, label: "" }
    }

    pub(super) const fn labelled(open: &'static str, chars_max: usize, label: &'static str) -> Self {
        Self { open, chars_max, label }
    }
}

impl<'o, 'p> Writer<'o, 'p> {
    pub(super) fn new(out: &'o mut Vec<u8>, plan: &'p Plan) -> Self {
        Self { out, plan, sizes: [Size::default(); SLOTS], cut: false, flagged: plan.flagged }
    }

    /// A header field and the pipe after it. Never empty: a field of blanks becomes `-`.
    pub(super) fn header_field(&mut self, slot: Slot, value: &str, chars_max: usize) {
        let value = if is_blank(value) { "-" } else { value };
        let (from, room) = (self.out.len(), self.plan.room(slot));
        self.cut |= copy_cut(value, &CEF_HEADER, chars_max, room, self.out);
        let size = self.out.len() - from;
        self.sizes[slot as usize] = Size { value: size, field: size };
        self.out.push(b'|');
    }

    /// A text, unless it is absent or blank.
    pub(super) fn text(&mut self, slot: Slot, key: Key, value: Option<&str>) {
        if let Some(value) = value
            && !is_blank(value)
        {
            self.field(slot, key, |w, room| {
                w.cut |= copy_cut(value, &CEF_VALUE, key.chars_max, room, w.out);
            });
        }
    }

    /// A value that needs no escaping and is written whole or not at all.
    pub(super) fn plain(&mut self, slot: Slot, key: Key, write: impl FnOnce(&mut Vec<u8>)) {
        self.field(slot, key, |w, _| write(w.out));
    }

    /// Metadata as compact JSON, without the pair that another key carries.
    pub(super) fn metadata(&mut self, slot: Slot, key: Key, pairs: Pairs<'_>, carried: Option<&str>) {
        let rest = || pairs.iter().filter(|(k, _)| Some(*k) != carried);
        if rest().next().is_none() {
            return;
        }
        self.field(slot, key, |w, room| {
            let from = w.out.len();
            if room == usize::MAX {
                object(rest(), r#"""#, |text, out| copy(text, &CEF_JSON, out), w.out);
                if w.out.len() - from <= key.chars_max {
                    return;
                }
                w.out.truncate(from);
            }
            let mut json = Vec::new();
            object(rest(), r#"""#, |text, out| copy(text, &JSON, out), &mut json);
            w.cut |= copy_cut(&String::from_utf8_lossy(&json), &CEF_VALUE, key.chars_max, room, w.out);
        });
    }

    /// Texts joined by commas, without the blank ones.
    pub(super) fn list(&mut self, slot: Slot, key: Key, texts: Texts<'_>) {
        let visible = || texts.iter().filter(|text| !is_blank(text));
        let Some(first) = visible().next() else { return };
        self.field(slot, key, |w, room| {
            let from = w.out.len();
            copy(first, &CEF_VALUE, w.out);
            for text in visible().skip(1) {
                w.out.push(b',');
                copy(text, &CEF_VALUE, w.out);
            }
            if w.out.len() - from > key.chars_max.min(room) {
                w.out.truncate(from);
                let joined = visible().collect::<Vec<_>>().join(",");
                w.cut |= copy_cut(&joined, &CEF_VALUE, key.chars_max, room, w.out);
            }
        });
    }

    fn field(&mut self, slot: Slot, key: Key, value: impl FnOnce(&mut Self, usize)) {
        let room = self.plan.room(slot);
        if room == 0 {
            self.cut = true;
            return;
        }
        let start = self.out.len();
        self.out.extend_from_slice(key.open.as_bytes());
        let from = self.out.len();
        value(self, room);
        let size = self.out.len() - from;
        self.out.extend_from_slice(key.label.as_bytes());
        self.sizes[slot as usize] = Size { value: size, field: self.out.len() - start };
    }
}

/// One JSON object of strings. `copy` writes text inside the quotes.
fn object<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    quote: &str,
    copy: impl Fn(&str, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let mut before = b'{';
    for (key, value) in pairs {
        out.push(before);
        before = b',';
        for (text, after) in [(key, ":"), (value, "")] {
            out.extend_from_slice(quote.as_bytes());
            copy(text, out);
            out.extend_from_slice(quote.as_bytes());
            out.extend_from_slice(after.as_bytes());
        }
    }
    out.push(b'}');
}
