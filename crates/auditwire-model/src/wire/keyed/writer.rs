//! Appends fields, remembers how long each became, and keeps to the room that a plan gives it.

use crate::event::{Pairs, Texts};
use crate::wire::control::{Rules, copy, copy_cut};

/// How a format writes its texts.
pub(in crate::wire) struct Dialect {
    /// A field of the header.
    pub(in crate::wire) header: &'static Rules,
    /// Whether nothing of a text would be seen in the header: such a field is `-`.
    pub(in crate::wire) header_blank: fn(&str) -> bool,
    /// What a backslash is in the header, where one at the end of a field becomes `/`: readers that look behind a pipe for a
    /// backslash take it for an escaped one.
    pub(in crate::wire) backslash: Option<&'static str>,
    /// A value.
    pub(in crate::wire) value: &'static Rules,
    /// Whether nothing of a text would be seen in a value: such a value is left out.
    pub(in crate::wire) blank: fn(&str) -> bool,
    /// Text inside a JSON string; with `value` after it the same as `json_value`.
    pub(in crate::wire) json: &'static Rules,
    /// Text inside a JSON string inside a value, in one go.
    pub(in crate::wire) json_value: &'static Rules,
    /// A text of a list that is joined by commas, and whether a comma of its own becomes something else.
    pub(in crate::wire) list: &'static Rules,
    pub(in crate::wire) apart: bool,
}

/// Every field whose room can be limited, of both formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::wire) enum Slot {
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
    Replay,
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
    Plane,
    Instance,
    Project,
    TargetId,
    TargetName,
    TargetAddress,
    Client,
    Url,
    Chosen,
    Message,
}

pub(in crate::wire) const SLOTS: usize = Slot::Message as usize + 1;

/// Bytes that each value may take; 0 leaves the field out.
#[derive(Debug, Clone)]
pub(in crate::wire) struct Plan {
    pub(in crate::wire) room: [usize; SLOTS],
    /// Whether the message says from the start that something is missing.
    pub(in crate::wire) flagged: bool,
}

impl Plan {
    /// No limits but the format's.
    pub(in crate::wire) const WHOLE: Self = Self { room: [usize::MAX; SLOTS], flagged: false };

    pub(super) fn room(&self, slot: Slot) -> usize {
        self.room[slot as usize]
    }
}

/// What a field took in the message.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::wire) struct Size {
    /// Bytes of the value.
    pub(in crate::wire) value: usize,
    /// Bytes of key, value and label.
    pub(in crate::wire) field: usize,
}

pub(in crate::wire) struct Writer<'o, 'p> {
    pub(in crate::wire) out: &'o mut Vec<u8>,
    pub(super) dialect: &'static Dialect,
    pub(super) plan: &'p Plan,
    pub(in crate::wire) sizes: [Size; SLOTS],
    /// True once a value was cut or left out for want of room.
    pub(in crate::wire) cut: bool,
    /// Whether the message says that something is missing.
    pub(in crate::wire) flagged: bool,
}

/// A key with its value's limit and the label that follows.
#[derive(Debug, Clone, Copy)]
pub(in crate::wire) struct Key {
    /// ` key=`, with what separates it from the pair before it.
    pub(in crate::wire) open: &'static str,
    /// Characters of the value (the format's limit).
    pub(in crate::wire) chars_max: usize,
    /// ` keyLabel=Text`, or nothing.
    pub(in crate::wire) label: &'static str,
}

impl Key {
    pub(in crate::wire) const fn plain(open: &'static str, chars_max: usize) -> Self {
        Self { open, chars_max, label: "" }
    }

    pub(in crate::wire) const fn labelled(open: &'static str, chars_max: usize, label: &'static str) -> Self {
        Self { open, chars_max, label }
    }
}

impl<'o, 'p> Writer<'o, 'p> {
    pub(in crate::wire) fn new(out: &'o mut Vec<u8>, dialect: &'static Dialect, plan: &'p Plan) -> Self {
        Self { out, dialect, plan, sizes: [Size::default(); SLOTS], cut: false, flagged: plan.flagged }
    }

    /// A header field and the pipe after it. Never empty: a field of blanks becomes `-`.
    pub(in crate::wire) fn header_field(&mut self, slot: Slot, value: &str, chars_max: usize) {
        let value = if (self.dialect.header_blank)(value) { "-" } else { value };
        let (from, room) = (self.out.len(), self.plan.room(slot));
        self.cut |= copy_cut(value, self.dialect.header, chars_max, room, self.out);
        if let Some(backslash) = self.dialect.backslash
            && self.out[from..].ends_with(backslash.as_bytes())
        {
            self.out.truncate(self.out.len() - backslash.len());
            self.out.push(b'/');
        }
        let size = self.out.len() - from;
        self.sizes[slot as usize] = Size { value: size, field: size };
        self.out.push(b'|');
    }

    /// A text, unless it is absent or blank.
    pub(in crate::wire) fn text(&mut self, slot: Slot, key: Key, value: Option<&str>) {
        if let Some(value) = value
            && !(self.dialect.blank)(value)
        {
            self.field(slot, key, |w, room| {
                w.cut |= copy_cut(value, w.dialect.value, key.chars_max, room, w.out);
            });
        }
    }

    /// A value that needs no escaping and is written whole or not at all.
    pub(in crate::wire) fn plain(&mut self, slot: Slot, key: Key, write: impl FnOnce(&mut Vec<u8>)) {
        self.field(slot, key, |w, _| write(w.out));
    }

    /// Metadata as compact JSON, without the pair that another key carries.
    pub(in crate::wire) fn metadata(&mut self, slot: Slot, key: Key, pairs: Pairs<'_>, carried: Option<&str>) {
        let rest = || pairs.iter().filter(|(k, _)| Some(*k) != carried);
        if rest().next().is_none() {
            return;
        }
        self.field(slot, key, |w, room| {
            let from = w.out.len();
            if room == usize::MAX {
                let rules = w.dialect.json_value;
                object(rest(), |text, out| copy(text, rules, out), w.out);
                if w.out.len() - from <= key.chars_max {
                    return;
                }
                w.out.truncate(from);
            }
            let mut json = Vec::new();
            object(rest(), |text, out| copy(text, w.dialect.json, out), &mut json);
            w.cut |= copy_cut(&String::from_utf8_lossy(&json), w.dialect.value, key.chars_max, room, w.out);
        });
    }

    /// Texts joined by commas, without the blank ones.
    pub(in crate::wire) fn list(&mut self, slot: Slot, key: Key, texts: Texts<'_>) {
        let blank = self.dialect.blank;
        let visible = || texts.iter().filter(|text| !blank(text));
        let Some(first) = visible().next() else { return };
        self.field(slot, key, |w, room| {
            let (from, dialect) = (w.out.len(), w.dialect);
            copy(first, dialect.list, w.out);
            for text in visible().skip(1) {
                w.out.push(b',');
                copy(text, dialect.list, w.out);
            }
            if w.out.len() - from > key.chars_max.min(room) {
                w.out.truncate(from);
                let text = |text: &str| if dialect.apart { text.replace(',', ";") } else { text.to_owned() };
                let joined = visible().map(text).collect::<Vec<_>>().join(",");
                w.cut |= copy_cut(&joined, w.dialect.value, key.chars_max, room, w.out);
            }
        });
    }

    /// Notes what a slot took since `start`, its values alone `size` bytes.
    pub(super) fn took(&mut self, slot: Slot, size: usize, start: usize) {
        self.sizes[slot as usize] = Size { value: size, field: self.out.len() - start };
    }

    pub(super) fn field(&mut self, slot: Slot, key: Key, value: impl FnOnce(&mut Self, usize)) {
        let room = self.plan.room(slot);
        if room == 0 {
            self.cut |= self.plan.flagged;
            return;
        }
        let start = self.out.len();
        self.out.extend_from_slice(key.open.as_bytes());
        let from = self.out.len();
        value(self, room);
        let size = self.out.len() - from;
        if size == 0 {
            self.out.truncate(start);
            return;
        }
        self.out.extend_from_slice(key.label.as_bytes());
        self.took(slot, size, start);
    }
}

/// One JSON object of strings. `copy` writes text inside the quotes.
pub(super) fn object<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    copy: impl Fn(&str, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let mut before = b'{';
    for (key, value) in pairs {
        out.push(before);
        before = b',';
        for (text, after) in [(key, ":"), (value, "")] {
            out.push(b'"');
            copy(text, out);
            out.push(b'"');
            out.extend_from_slice(after.as_bytes());
        }
    }
    out.push(b'}');
}
