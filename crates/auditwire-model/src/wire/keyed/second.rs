//! What only the second mapping writes: metadata of which whole members go, keys that the connection has chosen, and values
//! made of two parts.

use super::writer::{Key, Slot, Writer, object};
use crate::event::Pairs;
use crate::wire::control::{copy, copy_cut};
use crate::wire::members::Members;

/// A chosen value is not cut below this many bytes; it is left out instead.
const SHARE_MIN: usize = 16;

impl Writer<'_, '_> {
    /// Metadata as compact JSON, without the pairs that other keys carry. Where not all of it has room, whole members go, so
    /// that it stays JSON; the last member, `…`, names them.
    pub(in crate::wire) fn members(
        &mut self,
        slot: Slot,
        key: Key,
        pairs: Pairs<'_>,
        carried: impl Fn(&str, &str) -> bool,
    ) {
        let rest = || pairs.iter().filter(|(k, v)| !carried(k, v));
        if rest().next().is_none() {
            return;
        }
        self.field(slot, key, |w, room| {
            let (from, rules) = (w.out.len(), w.dialect.json_value);
            let fits = |value: &[u8]| {
                value.len() <= room && (value.len() <= key.chars_max || characters(value) <= key.chars_max)
            };
            object(rest(), |text, out| copy(text, rules, out), w.out);
            if fits(&w.out[from..]) {
                return;
            }
            w.cut = true;
            let found = Members::of(rest(), std::iter::empty()).most(|[kept, _]| {
                w.out.truncate(from);
                let pairs = kept.iter().map(|(k, v)| (*k, v.as_ref()));
                object(pairs, |text, out| copy(text, rules, out), w.out);
                fits(&w.out[from..])
            });
            if !found {
                w.out.truncate(from);
            }
        });
    }

    /// Values under keys that the connection has chosen. They share the room of one slot.
    pub(in crate::wire) fn chosen<'a>(
        &mut self,
        chars_max: usize,
        values: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) {
        let blank = self.dialect.blank;
        let seen = values.filter(|(_, value)| !blank(value));
        let mut left = seen.clone().count();
        let mut room = self.plan.room(Slot::Chosen);
        if left == 0 || room == 0 {
            self.cut |= left > 0 && self.plan.flagged;
            return;
        }
        let (start, mut size) = (self.out.len(), 0);
        for (open, value) in seen {
            let share = if room == usize::MAX { room } else { room / left };
            let before = self.out.len();
            self.out.extend_from_slice(open.as_bytes());
            let from = self.out.len();
            let cut = copy_cut(value, self.dialect.value, chars_max, share, self.out);
            self.cut |= cut;
            let mut taken = self.out.len() - from;
            if cut && share < SHARE_MIN {
                self.out.truncate(before);
                taken = 0;
            }
            left -= 1;
            size += taken;
            room = if room == usize::MAX { room } else { room - taken };
        }
        self.took(Slot::Chosen, size, start);
    }

    /// A text with a word behind it and a full stop between them; the word alone where there is no text.
    pub(in crate::wire) fn text_and_word(
        &mut self,
        slot: Slot,
        key: Key,
        value: Option<&str>,
        word: Option<&'static str>,
    ) {
        let seen = value.filter(|value| !(self.dialect.blank)(value));
        let (Some(value), Some(word)) = (seen, word) else { return self.text(slot, key, seen.or(word)) };
        self.field(slot, key, |w, room| {
            let room = if room == usize::MAX { room } else { room.saturating_sub(word.len() + 1) };
            w.cut |= copy_cut(value, w.dialect.value, key.chars_max, room, w.out);
            w.out.push(b'.');
            w.out.extend_from_slice(word.as_bytes());
        });
    }
}

/// Characters of a CEF value once a reader has undone its escapes. (Values of LEEF that hold JSON have no such limit.)
fn characters(value: &[u8]) -> usize {
    let (mut characters, mut bytes) = (0, value.iter());
    while let Some(byte) = bytes.next() {
        characters += usize::from((byte & 0xC0) != 0x80);
        if *byte == b'\\' {
            bytes.next();
        }
    }
    characters
}
