//! The published control-character map (`docs/formats/wire.md`) and the one copying loop that applies it.
//!
//! Every text that leaves in an SD value or in a header field or value of CEF or LEEF passes [`copy`]: the bytes that mean
//! something to the format are escaped, every other control character becomes one blank. So no value can end a line,
//! a field or a message. The loop looks at bytes and copies whole runs of plain text.

/// What a byte means while copying. Numbers from [`ESCAPE`] on are an index into [`Rules::escapes`].
const PLAIN: u8 = 0;
/// C0 or DEL.
const CONTROL: u8 = 1;
/// First byte of U+0080–U+00BF, of which U+0080–U+009F (C1) are controls.
const LEAD_C1: u8 = 2;
/// First byte of U+2000–U+2FFF, of which U+2028 and U+2029 end lines for some readers.
const LEAD_SEPARATOR: u8 = 3;
const ESCAPE: u8 = 4;

/// How one format writes text.
pub(super) struct Rules {
    class: [u8; 256],
    /// What is written for each character that has an escape.
    escapes: &'static [(char, &'static str)],
    /// Writes a control character that has no escape of its own.
    control: fn(u32, &mut Vec<u8>),
}

/// SD PARAM-VALUE (RFC 5424 section 6.3.3). It knows no escape for LF and CR, so they become a blank too.
pub(super) static SD_VALUE: Rules = Rules::new(&[('"', r#"\""#), ('\\', r"\\"), (']', r"\]")], blank);

/// CEF header field. The pipe is replaced: several readers split at every pipe, escaped or not.
pub(super) static CEF_HEADER: Rules = Rules::new(&[('\\', r"\\"), ('|', "/")], blank);

/// CEF extension value.
pub(super) static CEF_VALUE: Rules = Rules::new(&[('\\', r"\\"), ('=', r"\="), ('\n', r"\n"), ('\r', r"\r")], blank);

/// Text inside a JSON string inside a CEF extension value: JSON's escapes, then CEF's, in one go. Exact: JSON has an
/// escape for every control character.
pub(super) static CEF_JSON: Rules = Rules::new(
    &[('"', r#"\\""#), ('\\', r"\\\\"), ('=', r"\="), ('\n', r"\\n"), ('\r', r"\\r"), ('\t', r"\\t")],
    |code, out| {
        out.push(b'\\');
        json_unicode(code, out);
    },
);

/// LEEF header field. LEEF has no escapes, so the pipe is replaced.
pub(super) static LEEF_HEADER: Rules = Rules::new(&[('|', "/")], blank);

/// LEEF value. LEEF has no escapes, so the delimiter, LF and CR become a blank too.
pub(super) static LEEF_VALUE: Rules = Rules::new(&[('^', " ")], blank);

/// Text inside a JSON string inside a LEEF value. Exact: JSON has an escape for the delimiter as well.
pub(super) static LEEF_JSON: Rules = Rules::new(
    &[('"', r#"\""#), ('\\', r"\\"), ('\n', r"\n"), ('\r', r"\r"), ('\t', r"\t"), ('^', r"\u005e")],
    json_unicode,
);

/// Text inside a JSON string; with [`CEF_VALUE`] after it the same as [`CEF_JSON`].
pub(super) static JSON: Rules =
    Rules::new(&[('"', r#"\""#), ('\\', r"\\"), ('\n', r"\n"), ('\r', r"\r"), ('\t', r"\t")], json_unicode);

/// As [`CEF_JSON`], with the two escapes of canonical JSON that it lacks.
pub(super) static CEF_JSON_2: Rules = Rules::new(
    &[
        ('"', r#"\\""#),
        ('\\', r"\\\\"),
        ('=', r"\="),
        ('\n', r"\\n"),
        ('\r', r"\\r"),
        ('\t', r"\\t"),
        ('\u{8}', r"\\b"),
        ('\u{c}', r"\\f"),
    ],
    |code, out| {
        out.push(b'\\');
        json_unicode(code, out);
    },
);

/// A label in a list that is joined by commas in a CEF value.
pub(super) static CEF_LABEL: Rules =
    Rules::new(&[('\\', r"\\"), ('=', r"\="), ('\n', r"\n"), ('\r', r"\r"), (',', ";")], blank);

/// LEEF value. SC4S takes the attributes from the last pipe of the line on, so there is none in a value.
pub(super) static LEEF_VALUE_2: Rules = Rules::new(&[('^', " "), ('|', "/")], blank);

/// A label in a list that is joined by commas in a LEEF value.
pub(super) static LEEF_LABEL: Rules = Rules::new(&[('^', " "), ('|', "/"), (',', ";")], blank);

/// As [`LEEF_JSON`], with the pipe as JSON's escape and the two escapes of canonical JSON that it lacks.
pub(super) static LEEF_JSON_2: Rules = Rules::new(
    &[
        ('"', r#"\""#),
        ('\\', r"\\"),
        ('\n', r"\n"),
        ('\r', r"\r"),
        ('\t', r"\t"),
        ('\u{8}', r"\b"),
        ('\u{c}', r"\f"),
        ('^', r"\u005e"),
        ('|', r"\u007c"),
    ],
    json_unicode,
);

/// A label in a list that is joined by commas in an SD value.
pub(super) static SD_LABEL: Rules = Rules::new(&[('"', r#"\""#), ('\\', r"\\"), (']', r"\]"), (',', ";")], blank);

/// RAW's MSG as plain text: one line, nothing to escape.
pub(super) static TEXT: Rules = Rules::new(&[], blank);

impl Rules {
    const fn new(escapes: &'static [(char, &'static str)], control: fn(u32, &mut Vec<u8>)) -> Self {
        let mut class = [PLAIN; 256];
        let mut byte = 0;
        while byte < 0x20 {
            class[byte] = CONTROL;
            byte += 1;
        }
        class[0x7F] = CONTROL;
        class[0xC2] = LEAD_C1;
        class[0xE2] = LEAD_SEPARATOR;
        let mut i = 0;
        while i < escapes.len() {
            class[escapes[i].0 as usize] = ESCAPE + i as u8;
            i += 1;
        }
        Self { class, escapes, control }
    }

    /// How many bytes there are before the first that is not plain; `None` when all are. Most texts are plain, so
    /// bytes are looked at in chunks without a branch for each.
    fn plain_bytes(&self, bytes: &[u8]) -> Option<usize> {
        let class = |byte: &u8| self.class[usize::from(*byte)];
        let (chunks, _) = bytes.as_chunks::<16>();
        let plain = chunks.iter().take_while(|chunk| chunk.iter().fold(PLAIN, |any, byte| any | class(byte)) == PLAIN);
        let done = plain.count() * 16;
        bytes[done..].iter().position(|byte| class(byte) != PLAIN).map(|at| done + at)
    }
}

/// Appends `text` as `rules` say.
pub(super) fn copy(text: &str, rules: &Rules, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let (mut done, mut at) = (0, 0);
    while let Some(plain) = rules.plain_bytes(&bytes[at..]) {
        at += plain;
        let class = rules.class[usize::from(bytes[at])];
        let taken = match class {
            LEAD_C1 => usize::from(matches!(bytes.get(at + 1), Some(0x80..=0x9F))) * 2,
            LEAD_SEPARATOR => usize::from(matches!(bytes.get(at + 1..at + 3), Some([0x80, 0xA8 | 0xA9]))) * 3,
            _ => 1,
        };
        if taken == 0 {
            at += 1;
            continue;
        }
        out.extend_from_slice(&bytes[done..at]);
        match rules.escapes.get(usize::from(class.wrapping_sub(ESCAPE))) {
            Some((_, escape)) => out.extend_from_slice(escape.as_bytes()),
            None => (rules.control)(text[at..].chars().next().map_or(0, u32::from), out),
        }
        at += taken;
        done = at;
    }
    out.extend_from_slice(&bytes[done..]);
}

/// What stands at the end of a text that was cut.
pub(super) const ELLIPSIS: &str = "…";

/// Appends as much of `text` as fits into `chars_max` characters of the text and `bytes_max` bytes of the message,
/// and [`ELLIPSIS`] if that is not all. Cuts between characters and never inside an escape. True when it cut.
pub(super) fn copy_cut(text: &str, rules: &Rules, chars_max: usize, bytes_max: usize, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    if text.len() <= chars_max.min(bytes_max) {
        copy(text, rules, out);
        if out.len() - start <= bytes_max {
            return false;
        }
        out.truncate(start);
    }
    let mut keep = start;
    for (i, (at, c)) in text.char_indices().enumerate() {
        copy(&text[at..at + c.len_utf8()], rules, out);
        if i >= chars_max || out.len() - start > bytes_max {
            out.truncate(keep);
            out.extend_from_slice(ELLIPSIS.as_bytes());
            return true;
        }
        if i + 1 < chars_max && out.len() - start + ELLIPSIS.len() <= bytes_max {
            keep = out.len();
        }
    }
    false
}

/// True when nothing of `text` would be visible: such a value is left out, as receivers refuse empty ones.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(is_blank_char)
}

/// True for the blank and everything that the map turns into one.
pub(super) fn is_blank_char(c: char) -> bool {
    c == ' ' || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// True when nothing of `text` would be seen, for the second mapping: the blanks of other scripts are blanks too, here as
/// everywhere else.
pub(super) fn is_unseen(text: &str) -> bool {
    text.chars().all(is_unseen_char)
}

/// True for what Unicode calls white space (U+00A0 and U+3000 among it) and for every control character.
pub(super) fn is_unseen_char(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

fn blank(_: u32, out: &mut Vec<u8>) {
    out.push(b' ');
}

fn json_unicode(code: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        let digit = u8::try_from(code >> shift & 0xF).unwrap_or(0);
        out.push(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(input: &str, rules: &Rules) -> String {
        let mut out = Vec::new();
        copy(input, rules, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn maps_every_control_character_and_nothing_else() {
        for code in 0..=0x2FFFu32 {
            let Some(c) = char::from_u32(code) else { continue };
            let mapped = matches!(code, 0..=0x1F | 0x7F..=0x9F | 0x2028 | 0x2029);
            let expected = match c {
                '\\' => r"\\".to_owned(),
                '=' => r"\=".to_owned(),
                '\n' => r"\n".to_owned(),
                '\r' => r"\r".to_owned(),
                _ if mapped => " ".to_owned(),
                _ => c.to_string(),
            };
            assert_eq!(text(&c.to_string(), &CEF_VALUE), expected, "U+{code:04X}");
            let expected = match c {
                '"' | '\\' | ']' => format!("\\{c}"),
                _ if mapped => " ".to_owned(),
                _ => c.to_string(),
            };
            assert_eq!(text(&c.to_string(), &SD_VALUE), expected, "U+{code:04X}");
            assert_eq!(is_blank(&c.to_string()), mapped || c == ' ', "U+{code:04X}");
        }
    }

    #[test]
    fn header_fields_have_no_pipe_and_no_newline() {
        assert_eq!(text("a|b\\c\r\nd=e\u{85}|", &CEF_HEADER), r"a/b\\c  d=e /");
    }

    #[test]
    fn json_in_cef_equals_json_and_then_cef() {
        let every: String = (0..0x2100).filter_map(char::from_u32).collect();
        assert_eq!(text(&text(&every, &JSON), &CEF_VALUE), text(&every, &CEF_JSON));
        assert_eq!(text("\u{1}\u{2028}", &JSON), r"\u0001\u2028");
    }

    /// What the second mapping escapes in JSON is what canonical JSON escapes, and what its format asks for.
    #[test]
    fn json_of_the_second_mapping_is_json_then_the_format() {
        let every: String = (0..0x2100).filter_map(char::from_u32).collect();
        let cef = text(&every, &CEF_JSON_2).replace(r"\=", "=").replace(r"\\", r"\");
        let leef = text(&every, &LEEF_JSON_2);
        for json in [&cef, &leef] {
            assert_eq!(serde_json::from_str::<String>(&format!("\"{json}\"")).unwrap(), every);
            assert!(json.contains(r"\b") && json.contains(r"\f") && !json.contains(r"\u0008"));
        }
        assert_eq!(text(&leef, &LEEF_VALUE_2), leef, "no pipe and no delimiter is left");
        assert_eq!(text("a|b^c", &LEEF_VALUE_2), "a/b c");
        for rules in [&CEF_LABEL, &LEEF_LABEL, &SD_LABEL] {
            assert_eq!(text("a,b,", rules), "a;b;");
        }
    }

    #[test]
    fn blanks_of_every_script_are_unseen() {
        assert!(is_unseen(" \u{a0}\u{3000}\u{2003}\t\n\u{85}\u{2028}") && is_unseen(""));
        assert!(!is_unseen("\u{3000}a") && !is_unseen("\u{200b}") && !is_unseen("^"));
    }

    /// LEEF knows no escapes, so what would end a field or a value must be gone.
    #[test]
    fn leef_has_no_delimiter_and_no_line_end_in_a_value() {
        for code in 0..=0x2FFFu32 {
            let Some(c) = char::from_u32(code) else { continue };
            let mapped = matches!(code, 0..=0x1F | 0x7F..=0x9F | 0x2028 | 0x2029);
            let of = |c: char| if mapped { " ".to_owned() } else { c.to_string() };
            assert_eq!(
                text(&c.to_string(), &LEEF_VALUE),
                if c == '^' { " ".to_owned() } else { of(c) },
                "U+{code:04X}"
            );
            assert_eq!(
                text(&c.to_string(), &LEEF_HEADER),
                if c == '|' { "/".to_owned() } else { of(c) },
                "U+{code:04X}"
            );
        }
        let every: String = (0..0x2100).filter_map(char::from_u32).collect();
        let json = text(&every, &LEEF_JSON);
        assert_eq!(text(&json, &LEEF_VALUE), json);
        assert_eq!(serde_json::from_str::<String>(&format!("\"{json}\"")).unwrap(), every);
    }

    #[test]
    fn cuts_between_characters_and_never_in_an_escape() {
        let cut = |input: &str, chars, bytes| {
            let mut out = Vec::new();
            let cut = copy_cut(input, &CEF_VALUE, chars, bytes, &mut out);
            (String::from_utf8(out).unwrap(), cut)
        };
        assert_eq!(cut("abcdef", 6, 6), ("abcdef".into(), false));
        assert_eq!(cut("abcdef", 5, 99), ("abcd…".into(), true));
        assert_eq!(cut("abcdef", 99, 5), ("ab…".into(), true));
        assert_eq!(cut("a==b", 99, 5), ("a…".into(), true));
        assert_eq!(cut("a==b", 99, 6), (r"a\==b".replace("==", "=\\="), false));
        assert_eq!(cut("жжжж", 99, 7), ("жж…".into(), true));
        assert_eq!(cut("жжжж", 99, 8), ("жжжж".into(), false));
    }
}
