//! The opaque cursor of a page: where to go on, and which question it belongs to. It never expires.

use auditwire_model::{Position, Timestamp};

use super::range::Question;
use crate::api::problem::{Problem, Result};

/// Version 1: `1`, then the position, the first page's time and the question's hash, each as 16 hex digits.
const VERSION: char = '1';

/// Where a page goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The last position that was shown.
    pub(super) after: Position,
    /// What `now` meant on the first page, so that relative times mean the same on all of them.
    pub(super) now: Timestamp,
}

impl Cursor {
    pub(super) fn write(self, question: &Question) -> String {
        format!("{VERSION}{:016x}{:016x}{:016x}", self.after.0, self.now.as_nanos(), question.hash())
    }

    /// Reads a cursor of this very question.
    pub(super) fn read(text: &str, question: &Question) -> Result<Self> {
        let refuse = |code, detail| Problem::bad_request(code, detail).in_field("cursor");
        let part = |n: usize| text.get(1 + n * 16..17 + n * 16).and_then(|hex| u64::from_str_radix(hex, 16).ok());
        let known = text.len() == 49 && text.is_ascii() && text.starts_with(VERSION) && !text.contains('+');
        let parts = known.then(|| Some((part(0)?, part(1)?, part(2)?))).flatten();
        let Some((after, now, hash)) = parts else {
            return Err(refuse("invalid_cursor", "this is no cursor; use the text of `next` as it is"));
        };
        if hash != question.hash() {
            let detail = "this cursor belongs to another query; keep q, from, to, plane and order as they were, \
                          or begin again without a cursor";
            return Err(refuse("cursor_mismatch", detail));
        }
        let now = i64::try_from(now).ok().and_then(Timestamp::from_nanos).unwrap_or(Timestamp::EPOCH);
        Ok(Self { after: Position(after), now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_belongs_to_its_question() {
        let one = Question { from: Some("now-1h".to_owned()), ..Question::default() };
        let other = Question { to: Some("now-1h".to_owned()), ..Question::default() };
        let cursor = Cursor { after: Position(u64::MAX), now: Timestamp::from_nanos(5).expect("a time") };
        let text = cursor.write(&one);
        assert_eq!(Cursor::read(&text, &one).expect("reads back"), cursor);
        assert_eq!(Cursor::read(&text, &other).expect_err("is refused").code(), "cursor_mismatch");
        for broken in ["", "1", "2000", &text.replacen('1', "2", 1), &text[1..], &format!("{text}0"), &"é".repeat(30)]
        {
            assert_eq!(Cursor::read(broken, &one).expect_err("is refused").code(), "invalid_cursor", "{broken}");
        }
    }

    /// Cursors that clients hold must go on working: this text is version 1 for ever.
    #[test]
    fn golden() {
        let cursor = Cursor { after: Position(7), now: Timestamp::from_nanos(1).expect("a time") };
        let question = Question { plane: Some("data".to_owned()), ..Question::default() };
        let text = "100000000000000070000000000000001";
        assert!(cursor.write(&question).starts_with(text));
        assert_eq!(question.hash(), 0xf818_041f_d6c5_7aa1);
    }
}
