//! The one spelling of JSON text that Auditwire writes: minimal escaping, fixed by rule.

/// Appends `text` as a JSON string with its quotes. Escaped are `"` and `\` by a backslash, and the C0 controls and DEL
/// as `\b \f \n \r \t` or `\u00xx` in lower-case hex; everything else, U+2028 included, stays as it is in UTF-8. DEL is
/// among them, although JSON does not ask for it, because rsyslog rewrites a received DEL as `#177`.
pub fn append_json_string(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    append_escaped(text, out);
    out.push(b'"');
}

/// Bytes looked at together. Most texts need no escape at all, so a whole chunk is tested without a branch per byte
/// (the compiler turns the inner loop into vector instructions).
const CHUNK_BYTES: usize = 16;

fn append_escaped(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (number, chunk) in bytes.chunks(CHUNK_BYTES).enumerate() {
        if chunk.iter().fold(false, |any, byte| any | must_escape(*byte)) {
            let at = number * CHUNK_BYTES;
            copied = escape_in(bytes, copied, at..at + chunk.len(), out);
        }
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// Escapes what must be escaped in `range`, first copying what lies between `copied` and it. Returns the new `copied`.
#[cold]
fn escape_in(bytes: &[u8], mut copied: usize, range: std::ops::Range<usize>, out: &mut Vec<u8>) -> usize {
    for at in range {
        let byte = bytes[at];
        if must_escape(byte) {
            out.extend_from_slice(&bytes[copied..at]);
            escape(byte, out);
            copied = at + 1;
        }
    }
    copied
}

const fn must_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\' || byte == 0x7f
}

#[cold]
fn escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0x0f)]]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = Vec::new();
        append_json_string(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn escapes_by_the_rule() {
        assert_eq!(escaped("a\"b\\c/d"), r#""a\"b\\c/d""#);
        assert_eq!(escaped("\u{8}\u{c}\n\r\t\0\u{1f}\u{b}"), r#""\b\f\n\r\t\u0000\u001f\u000b""#);
        assert_eq!(escaped("\u{7f}\u{80}\u{2028}\u{feff}Ж😀"), "\"\\u007f\u{80}\u{2028}\u{feff}Ж😀\"");
    }

    proptest! {
        /// serde_json follows the same rule, so it is an independent check of every boundary between chunks.
        #[test]
        fn writes_what_serde_json_writes(text in "[a-zé\u{0}-\u{1f}\"\\\\\u{2028}😀]{0,70}") {
            prop_assert_eq!(escaped(&text), serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn reads_back(text in any::<String>()) {
            prop_assert_eq!(serde_json::from_str::<String>(&escaped(&text)).unwrap(), text);
        }
    }
}
