//! The opaque cursor of a page: where to go on, and of which project and question it is. It never expires.

use auditwire_model::{Position, ProjectId, Timestamp};

use super::range::Question;
use crate::api::problem::{Problem, Result};
use crate::api::whose::{elsewhere, whose};

/// Version 2: `2`, then the position, the first page's time, the question's hash and the project's, each as 16 hex digits.
const VERSION: char = '2';
/// The same without a project. Still read, because cursors never expire.
const WITHOUT_PROJECT: char = '1';

/// Where a page goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The last position that was shown.
    pub(super) after: Position,
    /// What `now` meant on the first page, so that relative times mean the same on all of them.
    pub(super) now: Timestamp,
}

impl Cursor {
    pub(super) fn write(self, project: &ProjectId, question: &Question) -> String {
        let (after, now) = (self.after.0, self.now.as_nanos());
        format!("{VERSION}{after:016x}{now:016x}{:016x}{:016x}", question.hash(), whose([project.as_str()]))
    }

    /// Reads a cursor of this very question about this project.
    pub(super) fn read(text: &str, project: &ProjectId, question: &Question) -> Result<Self> {
        let refuse = |code, detail| Problem::bad_request(code, detail).in_field("cursor");
        let part = |n: usize| text.get(1 + n * 16..17 + n * 16).and_then(|hex| u64::from_str_radix(hex, 16).ok());
        let of_project = match text.chars().next() {
            Some(VERSION) if text.len() == 65 => true,
            Some(WITHOUT_PROJECT) if text.len() == 49 => false,
            _ => return Err(refuse("invalid_cursor", NO_CURSOR)),
        };
        let known = text.is_ascii() && !text.contains('+');
        let parts = known.then(|| Some((part(0)?, part(1)?, part(2)?))).flatten();
        let Some((after, now, hash)) = parts else {
            return Err(refuse("invalid_cursor", NO_CURSOR));
        };
        if of_project && part(3) != Some(whose([project.as_str()])) {
            return Err(elsewhere("project"));
        }
        if hash != question.hash() {
            let detail = "this cursor belongs to another query; keep q, from, to, plane and order as they were, \
                          or begin again without a cursor";
            return Err(refuse("cursor_mismatch", detail));
        }
        let now = i64::try_from(now).ok().and_then(Timestamp::from_nanos).unwrap_or(Timestamp::EPOCH);
        Ok(Self { after: Position(after), now })
    }
}

const NO_CURSOR: &str = "this is no cursor; use the text of `next` as it is";

#[cfg(test)]
mod tests {
    use super::*;

    fn project(id: &str) -> ProjectId {
        ProjectId::parse(id).expect("an id")
    }

    #[test]
    fn a_cursor_reads_back_and_belongs_to_its_question() {
        let one = Question { from: Some("now-1h".to_owned()), ..Question::default() };
        let other = Question { to: Some("now-1h".to_owned()), ..Question::default() };
        let cursor = Cursor { after: Position(u64::MAX), now: Timestamp::from_nanos(5).expect("a time") };
        let (p, q) = (project("default"), project("pp"));
        let text = cursor.write(&p, &one);
        assert_eq!(Cursor::read(&text, &p, &one).expect("reads back"), cursor);
        assert_eq!(Cursor::read(&text, &p, &other).expect_err("is refused").code(), "cursor_mismatch");
        assert_eq!(Cursor::read(&text, &q, &one).expect_err("is refused").code(), "invalid_cursor");
        for broken in [
            "",
            "1",
            "2000",
            &text.replacen('2', "3", 1),
            &text.replacen('2', "1", 1),
            &text[1..],
            &format!("{text}0"),
            &"é".repeat(30),
        ] {
            assert_eq!(Cursor::read(broken, &p, &one).expect_err("is refused").code(), "invalid_cursor", "{broken}");
        }
    }

    /// Cursors that clients hold must go on working: these texts are versions 1 and 2 for ever.
    #[test]
    fn golden() {
        let cursor = Cursor { after: Position(7), now: Timestamp::from_nanos(1).expect("a time") };
        let question = Question { plane: Some("data".to_owned()), ..Question::default() };
        let newest = "200000000000000070000000000000001f818041fd6c57aa1";
        assert!(cursor.write(&project("default"), &question).starts_with(newest));
        let oldest = "100000000000000070000000000000001f818041fd6c57aa1";
        assert_eq!(Cursor::read(oldest, &project("default"), &question).expect("reads"), cursor);
    }
}
