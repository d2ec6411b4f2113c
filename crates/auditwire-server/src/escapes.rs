//! Whether percent escapes (RFC 3986 section 2.1) are text. Decoders put U+FFFD in the place of what is not, and nobody would be
//! told that something else was asked for.

/// Whether the bytes, with their escapes undone, are UTF-8. What is no escape stands for itself.
pub(crate) fn is_text(escaped: &[u8]) -> bool {
    let mut plain = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((first, behind)) = rest.split_first() {
        let escape = behind.split_at_checked(2).filter(|_| *first == b'%');
        let byte = escape.and_then(|(digits, behind)| Some((16 * digit(digits[0])? + digit(digits[1])?, behind)));
        let (byte, behind) = byte.unwrap_or((*first, behind));
        plain.push(byte);
        rest = behind;
    }
    std::str::from_utf8(&plain).is_ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_text_or_not() {
        for text in ["", "q=a", "q=%D0%B0&x=%zz", "%", "%4", "q=%C3%A9", "a+b", "%e2%82%ac", "%00"] {
            assert!(is_text(text.as_bytes()), "{text}");
        }
        for other in ["q=caf%E9", "%ff", "q=%D0", "%C3%28", "%ed%a0%80", "%c0%af"] {
            assert!(!is_text(other.as_bytes()), "{other}");
        }
        assert!(!is_text(b"q=\xe9"));
    }
}
