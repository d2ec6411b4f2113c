//! What people see: escaping of foreign text, tones, tables. Foreign text (events, names, error details) may hold
//! control and bidirectional characters that would repaint a terminal, so it goes through [`escape`] first.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal as _, Write as _};

/// Makes control and bidirectional characters visible. Line feeds too: a caller that wants lines splits first.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if is_unsafe(c) => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    Cow::Owned(safe)
}

/// C0, DEL, C1, line and paragraph separators, and everything that changes the direction of text.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The meaning of a colour. Words carry the meaning too: colour is never the only sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Passed, active.
    Good,
    /// Needs a look.
    Warn,
    /// Failed.
    Bad,
    /// Less important.
    Dim,
    /// A heading.
    Bold,
}

/// Writes to stdout, with colours only where they help.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    /// Colours and repainting are welcome.
    pub(crate) fancy: bool,
    /// Columns to fill.
    pub(crate) columns: usize,
    /// What people read goes to stderr, because stdout is for a program.
    pub(crate) aside: bool,
}

impl Screen {
    /// Looks at stdout and at `NO_COLOR`.
    pub(crate) fn detect() -> Self {
        let terminal = io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let fancy = terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Self { fancy, columns: 80, aside: false }
    }

    /// Plain, and on stderr: stdout is for a program.
    pub(crate) fn aside() -> Self {
        Self { fancy: false, columns: 80, aside: true }
    }

    /// One line for people.
    pub(crate) fn say(self, text: impl Display) -> io::Result<()> {
        if self.aside { writeln!(io::stderr().lock(), "{text}") } else { line(text) }
    }

    /// The text in a tone. The text must be escaped already.
    pub(crate) fn paint(self, tone: Tone, text: impl Display) -> String {
        if !self.fancy {
            return text.to_string();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
            Tone::Dim => "2",
            Tone::Bold => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Writes one line to stdout and flushes it, so that a reader at the other end of a pipe sees it now.
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Writes without a line end and flushes; for repainting one line.
pub(crate) fn raw(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "{text}")?;
    out.flush()
}

/// Writes a value as one line of JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Says something on stderr. Nothing can be done when even that fails.
pub(crate) fn complain(message: &str) {
    let mut safe = String::new();
    for (i, part) in message.split('\n').enumerate() {
        if i > 0 {
            safe.push('\n');
        }
        safe.push_str(&escape(part));
    }
    let _ = writeln!(io::stderr().lock(), "auditwire: {safe}");
}

/// A table of escaped cells, aligned by characters. Cells wider than their column's `max` end in `…`.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<(String, Option<Tone>)>>,
}

/// One column of a [`Table`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Heading.
    pub(crate) title: &'static str,
    /// Widest it may become.
    pub(crate) max: usize,
    /// Numbers stand right.
    pub(crate) right: bool,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row; the cells are escaped here.
    pub(crate) fn row(&mut self, cells: Vec<(String, Option<Tone>)>) {
        let safe = |(text, tone): (String, Option<Tone>)| (escape(&text).into_owned(), tone);
        self.rows.push(cells.into_iter().map(safe).collect());
    }

    /// The lines, headings first.
    pub(crate) fn lines(&self, screen: Screen) -> Vec<String> {
        let width = |i: usize, column: &Column| {
            let cells = self.rows.iter().filter_map(|row| row.get(i)).map(|(text, _)| text.chars().count());
            cells.chain([column.title.chars().count()]).max().unwrap_or(0).min(column.max)
        };
        let widths: Vec<usize> = self.columns.iter().enumerate().map(|(i, column)| width(i, column)).collect();
        let head = self.columns.iter().map(|c| (c.title.to_owned(), Some(Tone::Bold))).collect();
        let rows = std::iter::once(&head).chain(&self.rows);
        rows.map(|row: &Vec<(String, Option<Tone>)>| self.render(row, &widths, screen)).collect()
    }

    fn render(&self, row: &[(String, Option<Tone>)], widths: &[usize], screen: Screen) -> String {
        let mut line = String::new();
        let cells = row.iter().zip(&self.columns).zip(widths);
        for (i, (((text, tone), column), &width)) in cells.enumerate() {
            let text = shorten(text, width);
            let gap = " ".repeat(width.saturating_sub(text.chars().count()));
            let text = tone.map_or_else(|| text.clone(), |tone| screen.paint(tone, &text));
            let last = i + 1 == row.len();
            line.push_str(if i == 0 { "" } else { "  " });
            match (column.right, last) {
                (true, _) => line.push_str(&format!("{gap}{text}")),
                (false, true) => line.push_str(&text),
                (false, false) => line.push_str(&format!("{text}{gap}")),
            }
        }
        line
    }
}

/// At most `max` characters, the last of them `…` when something was cut.
pub(crate) fn shorten(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}

/// A number with thin groups of three: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_bidi_characters_become_visible_and_other_scripts_stay() {
        assert_eq!(escape("a\x1b[2Jb\u{202e}c\nd\t"), "a\\u{1b}[2Jb\\u{202e}c\\nd\\t");
        assert_eq!(escape("Вход 🙂 ok"), "Вход 🙂 ok");
    }

    #[test]
    fn a_table_aligns_cuts_and_escapes() {
        let mut table = Table::new(vec![
            Column { title: "name", max: 5, right: false },
            Column { title: "n", max: 9, right: true },
        ]);
        table.row(vec![("abcdefgh".into(), None), ("7".into(), None)]);
        table.row(vec![("я\n".into(), None), ("1234".into(), None)]);
        let lines = table.lines(Screen { fancy: false, columns: 80, aside: false });
        assert_eq!(lines, ["name      n", "abcd…     7", "я\\n    1234"]);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
