//! What stands in the cells of a table for people.

use std::borrow::Cow;

use super::formulas::{Formulas, neutralised};
use crate::event::EventView;

/// The columns of TSV and CSV, in order; the first line of a file.
pub const COLUMNS: [&str; 8] = ["timestamp", "severity", "action", "message", "source", "user", "resource", "status"];

/// A cell after the timestamp: two texts with a blank in between where both are there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell<'a> {
    pub(super) first: &'a str,
    pub(super) second: &'a str,
}

impl<'a> Cell<'a> {
    /// The cell's text, as the spreadsheets that would run it may see it.
    pub(super) fn text(self, formulas: Formulas) -> Cow<'a, str> {
        let text = match (self.first, self.second) {
            (text, "") | ("", text) => Cow::Borrowed(text),
            (first, second) => Cow::Owned([first, " ", second].concat()),
        };
        match (formulas, text) {
            (Formulas::Raw, text) => text,
            (Formulas::Neutralised, Cow::Borrowed(text)) => neutralised(text),
            (Formulas::Neutralised, Cow::Owned(text)) => Cow::Owned(neutralised(&text).into_owned()),
        }
    }
}

/// How a table of cells is written as text.
pub(super) struct Layout {
    pub(super) separator: &'static str,
    /// What ends a line.
    pub(super) end: &'static str,
    pub(super) write_cell: fn(&str, &mut Vec<u8>),
}

impl Layout {
    /// Appends the line that names the columns.
    pub(super) fn write_header(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(COLUMNS.join(self.separator).as_bytes());
        out.extend_from_slice(self.end.as_bytes());
    }

    /// Appends one event.
    pub(super) fn write_row(&self, event: &EventView<'_>, formulas: Formulas, out: &mut Vec<u8>) {
        event.timestamp.append_rfc3339(out);
        for cell in cells(event) {
            out.extend_from_slice(self.separator.as_bytes());
            (self.write_cell)(&cell.text(formulas), out);
        }
        out.extend_from_slice(self.end.as_bytes());
    }
}

/// The cells after the timestamp. `user` is what names the subject to people ([`EventView::user`]), else its id;
/// `resource` is type and id, `status` code and outcome.
fn cells<'a>(event: &EventView<'a>) -> [Cell<'a>; 7] {
    let user = event.user().map(|(_, name)| name).or(event.subject_user_id);
    [
        [Some(event.severity.as_str()), None],
        [Some(event.action), None],
        [event.message, None],
        [event.source_id, None],
        [user, None],
        [event.resource_type, event.resource_id],
        [event.status_code, Some(event.outcome.as_str())],
    ]
    .map(|[first, second]| Cell { first: first.unwrap_or_default(), second: second.unwrap_or_default() })
}
