//! Foreign text on a page: HTML is escaped by the templates; here is what HTML escaping leaves, characters that cannot be seen or
//! that turn the text around them. They are shown as what they are.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with every control, bidi control and other invisible format character as `⟨U+202E⟩`. Line breaks and tabs stay.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 32);
    for c in text.chars() {
        if hidden(c) {
            let _ = write!(out, "⟨U+{:04X}⟩", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Bytes as text in which also line breaks, tabs and what is no UTF-8 can be seen.
pub(crate) fn visible_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 32);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if hidden(c) || c.is_control() {
                let _ = write!(out, "⟨U+{:04X}⟩", u32::from(c));
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "⟨{byte:02X}⟩");
        }
    }
    out
}

/// For one line of a table: line breaks become blanks, and at most `max` characters are shown.
pub(crate) fn line(text: &str, max: usize) -> String {
    let cut = text.char_indices().nth(max).map(|(at, _)| at);
    let shown = text.get(..cut.unwrap_or(text.len())).unwrap_or(text);
    let one_line = shown.replace(['\n', '\r', '\t'], " ");
    let mut out = visible(&one_line).into_owned();
    if cut.is_some() {
        out.push('…');
    }
    out
}

/// JSON in which such characters are escaped, which changes nothing of its meaning.
pub(crate) fn visible_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if hidden(c) && c != '\n' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn hidden(c: char) -> bool {
    match c {
        '\n' | '\r' | '\t' => false,
        // Bidi controls (UAX #9), invisible joiners and fillers, byte order mark, interlinear marks, tags, variation selectors are left:
        // scripts and emoji need ZWJ, ZWNJ and variation selectors.
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{ad}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' | '\u{180e}' => true,
        _ => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_is_shown() {
        assert_eq!(visible("Вход 👩‍💻 ok\n"), "Вход 👩‍💻 ok\n");
        assert_eq!(visible("a\u{202e}b\u{0}\u{7f}"), "a⟨U+202E⟩b⟨U+0000⟩⟨U+007F⟩");
        assert_eq!(line("one\r\ntwo", 100), "one  two");
        assert_eq!(line(&"й".repeat(70_000), 3), "ййй…");
        assert_eq!(line("abc", 3), "abc");
    }

    #[test]
    fn bytes_show_everything() {
        assert_eq!(visible_bytes("<109>1 \u{feff}я\r\n\t".as_bytes()), "<109>1 ⟨U+FEFF⟩я⟨U+000D⟩⟨U+000A⟩⟨U+0009⟩");
        assert_eq!(visible_bytes(b"a\xff\xd1"), "a⟨FF⟩⟨D1⟩");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let json = serde_json::to_string_pretty(&serde_json::json!({"a": "x\u{202e}y\u{e0041}\n"})).expect("json");
        let shown = visible_json(&json);
        assert!(shown.contains(r"x\u202ey\udb40\udc41\n"), "{shown}");
        let (before, after): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(&json).expect("json"), serde_json::from_str(&shown).expect("json"));
        assert_eq!(before, after);
    }
}
