//! Unicode simple case folding (CaseFolding.txt, statuses C and S), for `:`.

use std::borrow::Cow;

use memchr::memmem::{self, Finder};

/// A text to look for, whatever its case.
#[derive(Debug)]
pub(super) struct Needle {
    folded: String,
    finder: Finder<'static>,
    /// It has a letter of ASCII, so what is searched must be folded.
    has_letters: bool,
    /// It has a `k` or an `s`, which are also the Kelvin sign and the long s.
    has_far_pairs: bool,
}

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        let mut folded = String::new();
        fold(text, &mut folded);
        let finder = Finder::new(&folded).into_owned();
        let has_letters = folded.bytes().any(|byte| byte.is_ascii_alphabetic());
        let has_far_pairs = folded.contains(['k', 's']);
        Self { folded, finder, has_letters, has_far_pairs }
    }

    /// True if `text` has it as a substring. `buffer` is scratch space.
    pub(super) fn is_in(&self, text: &str, buffer: &mut String) -> bool {
        // A character outside ASCII never folds into it, nor the other way but for two that fold to `k` and `s`.
        if text.is_ascii() && !self.folded.is_ascii() {
            return false;
        }
        fold(text, buffer);
        self.finder.find(buffer.as_bytes()).is_some()
    }

    /// Calls `found` for every text that has it, in order. The texts lie in `bytes` one behind the other, number `n` from
    /// `offsets[n]` to `offsets[n + 1]`; all are searched at once where folding keeps them in their places.
    pub(super) fn find_each(&self, bytes: &[u8], offsets: &[i32], mut found: impl FnMut(usize)) {
        let texts = offsets.len().saturating_sub(1);
        let place = |at: usize| offsets.get(at).map_or(0, |offset| usize::try_from(*offset).unwrap_or(0));
        let (base, end) = (place(0), place(texts));
        let whole = bytes.get(base..end).unwrap_or_default();
        if self.folded.is_empty() {
            (0..texts).for_each(found);
            return;
        }
        let Some(folded) = self.folded_in_place(whole) else {
            let mut buffer = String::new();
            for text in 0..texts {
                let part = bytes.get(place(text)..place(text + 1)).and_then(|part| std::str::from_utf8(part).ok());
                if part.is_some_and(|part| self.is_in(part, &mut buffer)) {
                    found(text);
                }
            }
            return;
        };
        let (mut text, mut from) = (0, 0);
        while let Some(next) = folded.get(from..).and_then(|rest| self.finder.find(rest)) {
            let at = from + next;
            let ended = |offset: &i32| usize::try_from(*offset).unwrap_or(0) <= base + at;
            text += offsets.get(text + 1..).map_or(0, |ends| ends.partition_point(ended));
            let end = place(text + 1) - base;
            if at + self.folded.len() <= end {
                found(text);
                text += 1;
                from = end;
            } else {
                // It lies across the border of two texts.
                from = at + 1;
            }
        }
    }

    /// `bytes` with every character folded as far as this needle can tell; empty where it cannot occur. `None` when a
    /// character would change its length.
    fn folded_in_place<'t>(&self, bytes: &'t [u8]) -> Option<Cow<'t, [u8]>> {
        const FAR_PAIRS: [&str; 2] = ["\u{212a}", "\u{17f}"];
        if !self.folded.is_ascii() {
            return if bytes.is_ascii() { Some(Cow::Borrowed(&[])) } else { fold_all(bytes).map(Cow::Owned) };
        }
        if self.has_far_pairs && !bytes.is_ascii() {
            let occurs = |pair: &&str| memmem::find(bytes, pair.as_bytes()).is_some();
            if FAR_PAIRS.iter().any(occurs) {
                return None;
            }
        }
        Some(if self.has_letters { Cow::Owned(bytes.to_ascii_lowercase()) } else { Cow::Borrowed(bytes) })
    }
}

/// All characters folded, when each keeps its length.
fn fold_all(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut out = bytes.to_ascii_lowercase();
    for (at, c) in text.char_indices().filter(|(_, c)| !c.is_ascii()) {
        let folded = fold_char(c);
        if folded != c {
            let place = out.get_mut(at..at + c.len_utf8()).filter(|place| place.len() == folded.len_utf8())?;
            folded.encode_utf8(place);
        }
    }
    Some(out)
}

fn fold(text: &str, out: &mut String) {
    out.clear();
    if text.is_ascii() {
        out.push_str(text);
        out.make_ascii_lowercase();
    } else {
        out.extend(text.chars().map(fold_char));
    }
}

/// Characters are the same without case when their capitals have the same small letter. That is simple case folding but
/// for the dotless i, which has no pair in it, and three pairs whose capitals are several characters.
fn fold_char(character: char) -> char {
    match character {
        'A'..='Z' => character.to_ascii_lowercase(),
        // Only for speed: the letters of Russian and its neighbours.
        '\0'..='\x7f' | '\u{131}' | '\u{430}'..='\u{45f}' => character,
        '\u{410}'..='\u{42f}' => char::from_u32(u32::from(character) + 0x20).unwrap_or(character),
        '\u{1fd3}' => '\u{390}',
        '\u{1fe3}' => '\u{3b0}',
        '\u{fb05}' => '\u{fb06}',
        _ => {
            let capital = single(character.to_uppercase()).unwrap_or(character);
            single(capital.to_lowercase()).unwrap_or(capital)
        }
    }
}

/// Simple folding maps one character to one; what would become several stays as it is.
fn single(mut mapped: impl Iterator<Item = char>) -> Option<char> {
    let first = mapped.next()?;
    mapped.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(needle: &str, text: &str) -> bool {
        Needle::new(needle).is_in(text, &mut String::from("left over"))
    }

    #[test]
    fn ignores_case_in_every_script() {
        for (needle, text) in [
            ("", ""),
            ("", "x"),
            ("ADMIN", "the Admin's"),
            ("вход", "ВХОД отклонён"),
            ("ЁЖ", "ёж"),
            ("ΣΑΣ", "σας"),
            ("straße", "STRAẞE"),
            ("k", "\u{212a}"),
            ("S", "\u{17f}"),
            ("\u{b5}", "\u{39c}"),
            ("\u{fb05}", "\u{fb06}"),
            ("\u{1fd3}", "\u{390}"),
            ("Ⅷ", "ⅷ"),
            ("𐐀", "𐐨"),
        ] {
            assert!(found(needle, text), "{needle} {text}");
        }
        for (needle, text) in [("ss", "ß"), ("i", "\u{131}"), ("i", "\u{130}"), ("е", "e"), ("ab", "a"), ("ж", "z")]
        {
            assert!(!found(needle, text), "{needle} {text}");
        }
    }

    /// Whole columns at once, with matches across the border of two texts, far pairs and characters that change length.
    #[test]
    fn finds_the_same_in_many_texts_as_in_each() {
        let columns: [&[&str]; 6] = [
            &["", "Kk", "a", "", "ab", "b", "AB", "", "aab", "ba", ""],
            &["ёЁ", "ё", "е", "", "Ж ёж", "aё"],
            &["\u{212a}", "sk", "\u{17f}K", "x", "é", "10.0.0.1"],
            &["STRA\u{1e9e}E", "straße", "ascii", "ß"],
            &[],
            &["éa", "É"],
        ];
        for texts in columns {
            let mut offsets = vec![3];
            let mut bytes = b"ab\0".to_vec();
            for text in texts {
                bytes.extend_from_slice(text.as_bytes());
                offsets.push(i32::try_from(bytes.len()).unwrap());
            }
            bytes.extend_from_slice(b"ab");
            for needle in ["", "a", "AB", "b", "k", "S", "Ё", "ж", "ß", "É", "1", ".0.", "bab", "ba"] {
                let mut at_once = Vec::new();
                Needle::new(needle).find_each(&bytes, &offsets, |text| at_once.push(text));
                let each: Vec<usize> = (0..texts.len()).filter(|text| found(needle, texts[*text])).collect();
                assert_eq!(at_once, each, "{needle} in {texts:?}");
            }
        }
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for character in '\0'..=char::MAX {
            let folded = fold_char(character);
            assert_eq!(fold_char(folded), folded, "{character:?}");
            assert!(!folded.is_ascii() || character.is_ascii() || "\u{212a}\u{17f}".contains(character));
        }
    }
}
