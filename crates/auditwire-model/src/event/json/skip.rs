//! Finds the end of a JSON value whose content is refused.
//!
//! The item reader stops at the first thing that is wrong with an item; the rest of the item must still be JSON, or the body
//! is not. This checks the grammar of RFC 8259 only: no limit on depth (without recursion), none on the digits of a
//! number, and texts need not be Unicode.

use jiter::{JiterError, JiterErrorType, JsonErrorType};

/// The offset after the value that begins at `start`.
pub(super) fn value(data: &[u8], start: usize) -> Result<usize, JiterError> {
    let mut skipper = Skipper { data, at: start, open: Vec::new() };
    loop {
        let opened = skipper.one_value()?;
        if !opened && skipper.after_value()? {
            return Ok(skipper.at);
        }
    }
}

struct Skipper<'d> {
    data: &'d [u8],
    at: usize,
    /// The closing bytes of the containers that are open.
    open: Vec<u8>,
}

impl Skipper<'_> {
    /// Reads a scalar or an empty container, or the beginning of a container up to its first value (then true).
    fn one_value(&mut self) -> Result<bool, JiterError> {
        match self.next_byte() {
            Some(b'{') => {
                self.at += 1;
                self.open.push(b'}');
                if self.next_byte() == Some(b'}') {
                    return Ok(false);
                }
                self.key()?;
                Ok(true)
            }
            Some(b'[') => {
                self.at += 1;
                self.open.push(b']');
                Ok(self.next_byte() != Some(b']'))
            }
            Some(b'"') => self.string().map(|()| false),
            Some(b't') => self.word(b"true").map(|()| false),
            Some(b'f') => self.word(b"false").map(|()| false),
            Some(b'n') => self.word(b"null").map(|()| false),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            Some(_) => Err(self.error(JsonErrorType::ExpectedSomeValue)),
            None => Err(self.error(JsonErrorType::EofWhileParsingValue)),
        }
    }

    /// Closes what ends here. True when nothing is open any more, false when another value follows.
    fn after_value(&mut self) -> Result<bool, JiterError> {
        while let Some(closing) = self.open.last().copied() {
            match self.next_byte() {
                Some(byte) if byte == closing => {
                    self.at += 1;
                    self.open.pop();
                }
                // Only an empty container stands here without a value before it, and that one is closed at once.
                Some(b',') => {
                    self.at += 1;
                    if closing == b'}' {
                        self.key()?;
                    }
                    return Ok(false);
                }
                Some(_) if closing == b'}' => return Err(self.error(JsonErrorType::ExpectedObjectCommaOrEnd)),
                Some(_) => return Err(self.error(JsonErrorType::ExpectedListCommaOrEnd)),
                None if closing == b'}' => return Err(self.error(JsonErrorType::EofWhileParsingObject)),
                None => return Err(self.error(JsonErrorType::EofWhileParsingList)),
            }
        }
        Ok(true)
    }

    fn key(&mut self) -> Result<(), JiterError> {
        match self.next_byte() {
            Some(b'"') => self.string()?,
            Some(_) => return Err(self.error(JsonErrorType::KeyMustBeAString)),
            None => return Err(self.error(JsonErrorType::EofWhileParsingObject)),
        }
        match self.next_byte() {
            Some(b':') => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.error(JsonErrorType::ExpectedColon)),
            None => Err(self.error(JsonErrorType::EofWhileParsingObject)),
        }
    }

    fn string(&mut self) -> Result<(), JiterError> {
        loop {
            self.at += 1;
            match self.data.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                Some(0..=0x1f) => return Err(self.error(JsonErrorType::ControlCharacterWhileParsingString)),
                Some(_) => {}
                None => return Err(self.error(JsonErrorType::EofWhileParsingString)),
            }
        }
    }

    /// Stands on the byte after the backslash, leaves standing on the last byte of the escape.
    fn escape(&mut self) -> Result<(), JiterError> {
        match self.data.get(self.at) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            Some(b'u') => {
                for _ in 0..4 {
                    self.at += 1;
                    match self.data.get(self.at) {
                        Some(byte) if byte.is_ascii_hexdigit() => {}
                        Some(_) => return Err(self.error(JsonErrorType::InvalidEscape)),
                        None => return Err(self.error(JsonErrorType::EofWhileParsingString)),
                    }
                }
                Ok(())
            }
            Some(_) => Err(self.error(JsonErrorType::InvalidEscape)),
            None => Err(self.error(JsonErrorType::EofWhileParsingString)),
        }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), JiterError> {
        if self.data[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.error(JsonErrorType::ExpectedSomeIdent))
        }
    }

    fn number(&mut self) -> Result<(), JiterError> {
        if self.data.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if self.data.get(self.at) == Some(&b'0') {
            self.at += 1;
            if self.data.get(self.at).is_some_and(u8::is_ascii_digit) {
                return Err(self.error(JsonErrorType::InvalidNumber));
            }
        } else {
            self.digits()?;
        }
        if self.data.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.data.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.data.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JiterError> {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        if digits == 0 { Err(self.error(JsonErrorType::InvalidNumber)) } else { Ok(()) }
    }

    fn next_byte(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.data.get(self.at) {
            self.at += 1;
        }
        self.data.get(self.at).copied()
    }

    fn error(&self, error: JsonErrorType) -> JiterError {
        JiterError { error_type: JiterErrorType::JsonError(error), index: self.at }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accepts(text: &[u8]) -> bool {
        value(text, 0).is_ok_and(|end| text[end..].trim_ascii().is_empty())
    }

    #[test]
    fn takes_what_only_the_content_rules_refuse() {
        assert!(accepts(br#"{"a":"\ud800"}"#));
        assert!(accepts(b"[\"\xff\"]"));
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        assert!(accepts(&deep));
        assert!(accepts("1".repeat(10_000).as_bytes()));
    }

    #[test]
    fn comma_needs_values_around_it() {
        for wrong in
            ["[,]", "[1,]", "{,}", r#"{"a":1,}"#, "[1 2]", r#"{"a"}"#, "[}", "{]", "01", "-", "1.", "1e", "+1", "NaN"]
        {
            assert!(!accepts(wrong.as_bytes()), "{wrong}");
        }
    }

    proptest! {
        /// serde_json is an independent reader of the same grammar.
        #[test]
        fn agrees_with_serde_json(text in r#"[\[\]{}",:0-9a-z\\ .eE+-]{0,12}|(\[|\{"a":|1|"x"|,|\]|\}|null| |true|-0\.5e3){0,10}"#) {
            prop_assert_eq!(accepts(text.as_bytes()), serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(), "{}", text);
        }

        #[test]
        fn foreign_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = value(&bytes, 0);
        }
    }
}
