//! What stands in the cells of a table for people, and which of them a spreadsheet would run.

use crate::event::EventView;

/// The columns of TSV and CSV, in order; the first line of a file.
pub const COLUMNS: [&str; 8] = ["timestamp", "severity", "action", "message", "source", "user", "resource", "status"];

/// What happens to cells that a spreadsheet would run as a formula (OWASP, "CSV injection").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Formulas {
    /// They get an apostrophe in front, so that they are shown.
    #[default]
    Neutralised,
    /// They stay as they are: for programs.
    Raw,
}

/// A cell after the timestamp: two texts with a blank in between where both are there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell<'a> {
    pub(super) first: &'a str,
    pub(super) second: &'a str,
}

impl Cell<'_> {
    /// Whether the cell needs an apostrophe in front.
    pub(super) fn is_neutralised(self, formulas: Formulas) -> bool {
        formulas == Formulas::Neutralised && is_run_by_spreadsheets(self.first.chars().chain(self.second.chars()))
    }

    /// Whether a blank stands between the two.
    pub(super) fn is_pair(self) -> bool {
        !self.first.is_empty() && !self.second.is_empty()
    }
}

/// How a table of cells is written as text.
pub(super) struct Layout {
    pub(super) separator: &'static str,
    /// What ends a line.
    pub(super) end: &'static str,
    pub(super) write_cell: fn(Cell<'_>, Formulas, &mut Vec<u8>),
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
            (self.write_cell)(cell, formulas, out);
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

/// Whether a spreadsheet would run a cell that begins like this, or read a quotation mark as the beginning of a cell that
/// goes on behind the next tab or line end. Blanks, apostrophes and invisible characters in front hide neither.
pub(super) fn is_run_by_spreadsheets(text: impl Iterator<Item = char>) -> bool {
    let mut visible = text.skip_while(|c| {
        let invisible = matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}');
        (c.is_whitespace() && !matches!(c, '\t' | '\r' | '\n')) || *c == '\'' || invisible
    });
    matches!(visible.next(), Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '"' | '＝' | '＋' | '－' | '＠'))
}
