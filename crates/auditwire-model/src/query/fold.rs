//! Unicode simple case folding (CaseFolding.txt, statuses C and S), for `:`.

/// A text to look for, whatever its case.
#[derive(Debug)]
pub(super) struct Needle(String);

impl Needle {
    pub(super) fn new(text: &str) -> Self {
        let mut folded = String::new();
        fold(text, &mut folded);
        Self(folded)
    }

    /// True if `text` has it as a substring. `buffer` is scratch space.
    pub(super) fn is_in(&self, text: &str, buffer: &mut String) -> bool {
        // A character outside ASCII never folds into it, nor the other way but for two that fold to `k` and `s`.
        if text.is_ascii() && !self.0.is_ascii() {
            return false;
        }
        fold(text, buffer);
        buffer.contains(&self.0)
    }
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
        '\0'..='\x7f' | '\u{131}' => character,
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

    #[test]
    fn folding_twice_changes_nothing() {
        for character in '\0'..=char::MAX {
            let folded = fold_char(character);
            assert_eq!(fold_char(folded), folded, "{character:?}");
            assert!(!folded.is_ascii() || character.is_ascii() || "\u{212a}\u{17f}".contains(character));
        }
    }
}
