//! Looks for a text in decompressed pages as they are, before anything is decoded. A page that cannot have it need not be
//! decoded; one that seems to have it is decoded and decided by the evaluator. So a probe may err on one side only.

use auditwire_model::query::Op;
use memchr::memmem::{Finder, find};

use super::notes::Alphabet;

/// Two characters outside ASCII are the same as an ASCII letter without case (U+212A and k, U+017F and s).
const KELVIN: &[u8] = "\u{212a}".as_bytes();
const LONG_S: &[u8] = "\u{17f}".as_bytes();
/// The first two bytes of U+1C80 to U+1CBF, some of which are Cyrillic letters without case.
const OLD_CYRILLIC: [u8; 2] = [0xe1, 0xb2];

/// What is looked for.
#[derive(Debug)]
pub(super) enum Probe {
    /// Anything may match.
    Open,
    /// These bytes, exactly.
    Exact(Finder<'static>),
    /// A text without case.
    Folded { needle: Finder<'static>, script: Script, special: bool },
}

/// What a folded needle consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Ascii,
    /// ASCII and the Cyrillic letters that have a pair 32 or 80 further on: those of Russian and its neighbours.
    Cyrillic,
    Other,
}

impl Probe {
    /// For `=` the value itself, for `:` the value without case.
    pub(super) fn new(op: Op, value: &str) -> Self {
        match op {
            _ if value.is_empty() => Self::Open,
            Op::Equal => Self::Exact(Finder::new(value.as_bytes()).into_owned()),
            Op::Contains => Self::folded(value),
            _ => Self::Open,
        }
    }

    /// `value` without case; not empty.
    pub(super) fn folded(value: &str) -> Self {
        if value.is_empty() {
            return Self::Open;
        }
        let value: String = value
            .chars()
            .map(|c| match c {
                '\u{212a}' => 'k',
                '\u{17f}' => 's',
                other => other,
            })
            .collect();
        let cyrillic = |c: char| c.is_ascii() || ('\u{400}'..='\u{45f}').contains(&c);
        let script = match () {
            () if value.is_ascii() => Script::Ascii,
            () if value.chars().all(cyrillic) => Script::Cyrillic,
            () => Script::Other,
        };
        let mut bytes = value.into_bytes();
        fold(&mut bytes, script);
        let special = bytes.iter().any(|byte| matches!(byte, b'k' | b's'));
        Self::Folded { needle: Finder::new(&bytes).into_owned(), script, special }
    }

    /// False if texts of these bytes cannot match.
    pub(super) fn may_be_of(&self, alphabet: &Alphabet) -> bool {
        match self {
            Self::Open => true,
            Self::Exact(needle) => needle.needle().iter().all(|byte| alphabet.has(byte.to_ascii_lowercase())),
            Self::Folded { script: Script::Ascii, needle, special } => {
                let other = |byte: &u8| *special && matches!(byte, b'k' | b's') && !alphabet.is_ascii();
                needle.needle().iter().all(|byte| alphabet.has(*byte) || other(byte))
            }
            Self::Folded { .. } => !alphabet.is_ascii(),
        }
    }

    /// False if no text in `page` matches. `buffer` is scratch space.
    pub(super) fn may_be_in(&self, page: &[u8], buffer: &mut Vec<u8>) -> bool {
        match self {
            Self::Open => true,
            Self::Exact(needle) => needle.find(page).is_some(),
            Self::Folded { needle, script, special } => {
                if *script != Script::Ascii && page.is_ascii() {
                    return false;
                }
                if *script == Script::Other {
                    return true;
                }
                buffer.clear();
                buffer.extend_from_slice(page);
                fold(buffer, *script);
                needle.find(buffer).is_some()
                    || *special && (find(page, KELVIN).is_some() || find(page, LONG_S).is_some())
                    || *script == Script::Cyrillic && find(page, &OLD_CYRILLIC).is_some()
            }
        }
    }
}

/// Small letters for capital ones. The bytes need not be UTF-8: what is in front of a text is never taken for a part of it,
/// as no text begins with a continuation byte.
fn fold(bytes: &mut [u8], script: Script) {
    bytes.make_ascii_lowercase();
    if script != Script::Cyrillic {
        return;
    }
    for at in 1..bytes.len() {
        if bytes[at - 1] == 0xd0 {
            // А–П, Р–Я, Ѐ–Џ: two bytes, of which both may change.
            (bytes[at - 1], bytes[at]) = match bytes[at] {
                low @ 0x90..=0x9f => (0xd0, low + 0x20),
                low @ 0xa0..=0xaf => (0xd1, low - 0x20),
                low @ 0x80..=0x8f => (0xd1, low + 0x10),
                low => (0xd0, low),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use auditwire_model::event::{BatchBuilder, Event, EventDraft, Plane, columns};
    use auditwire_model::query::{Expr, Field, Value, evaluate};
    use auditwire_model::{Position, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn matches(op: Op, needle: &str, text: &str) -> bool {
        let draft = EventDraft { action: "a".to_owned(), message: Some(text.to_owned()), ..EventDraft::default() };
        let event: Event = draft.complete(String::new, Plane::Control, Timestamp::EPOCH, [0; 16]);
        let mut builder = BatchBuilder::default();
        builder.push(Position(1), &event);
        let field = Field::Column(columns::MESSAGE);
        evaluate(&Expr::Compare(field, op, Value::Text(needle.to_owned())), &builder.finish().unwrap()).value(0)
    }

    fn text() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            4 => prop::sample::select("kKsSaA1-\u{212a}\u{17f}вВжЖрРяЯёЁЀѐЏџЯ\u{1c80}\u{1c88}ѢѣҐґßẞİıÅåσςΣ".chars().collect::<Vec<_>>()),
            1 => any::<char>(),
        ];
        prop::collection::vec(character, 0..5).prop_map(|chars| chars.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]
        #[test]
        fn a_match_is_never_lost(needle in text(), before in text(), after in text(), other in prop::option::of(text()), folds in any::<bool>(), junk in prop::collection::vec(any::<u8>(), 0..6)) {
            let op = if folds { Op::Contains } else { Op::Equal };
            // Often the needle itself in another case.
            let middle = other.unwrap_or_else(|| needle.chars().flat_map(|c| if c.is_lowercase() { c.to_uppercase().collect::<Vec<_>>() } else { c.to_lowercase().collect() }).collect());
            let text = if folds { format!("{before}{middle}{after}") } else { middle };
            if matches(op, &needle, &text) {
                let probe = Probe::new(op, &needle);
                let page = [&junk[..], text.as_bytes(), &junk[..]].concat();
                prop_assert!(probe.may_be_in(&page, &mut vec![1, 2, 3]));
                let mut alphabet = Alphabet::default();
                alphabet.add(text.as_bytes());
                prop_assert!(probe.may_be_of(&alphabet));
            }
        }
    }

    #[test]
    fn pages_without_it_are_told() {
        let none = |op, needle: &str, page: &str| !Probe::new(op, needle).may_be_in(page.as_bytes(), &mut Vec::new());
        assert!(none(Op::Contains, "needle", "hay NEEDL E"));
        assert!(none(Op::Equal, "Needle", "needle"));
        assert!(none(Op::Contains, "вход", "ВЫХОД отклонён"));
        assert!(none(Op::Contains, "Σ", "only ascii"));
        assert!(!none(Op::Contains, "ВХОД", "…вход…"));
        let mut digits = Alphabet::default();
        digits.add(b"0123456789ABCDEF-");
        assert!(!Probe::new(Op::Contains, "timeout").may_be_of(&digits));
        assert!(Probe::new(Op::Contains, "DEAD-beef").may_be_of(&digits));
        assert!(!Probe::new(Op::Contains, "вход").may_be_of(&digits));
    }
}
