//! Tab-separated values, for people and their spreadsheets (`docs/formats/export.md`).
//!
//! A row stays a row and a cell stays a cell whatever an event holds, and no cell is run as a formula (OWASP, "CSV
//! injection"). Both are undone without loss: unescape, then take off the apostrophes (`docs/formats/export.md`).

use super::cells::Layout;
use super::formulas::Formulas;
use crate::event::EventView;

const LAYOUT: Layout = Layout { separator: "\t", end: "\n", write_cell };

/// Appends the line that names the columns.
pub fn write_header(out: &mut Vec<u8>) {
    LAYOUT.write_header(out);
}

/// Appends one event as one line. `timestamp` is RFC 3339 in UTC.
pub fn write_row(event: &EventView<'_>, formulas: Formulas, out: &mut Vec<u8>) {
    LAYOUT.write_row(event, formulas, out);
}

/// Backslash escapes: `\\`, `\t`, `\n`, `\r`, and `\uXXXX` for every other control character, the line ends of Unicode and
/// the characters that turn the order of text around, which would make neighbouring cells look like something else.
fn write_cell(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\') {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for c in text.chars() {
        match c {
            '\\' => out.extend_from_slice(br"\\"),
            '\t' => out.extend_from_slice(br"\t"),
            '\n' => out.extend_from_slice(br"\n"),
            '\r' => out.extend_from_slice(br"\r"),
            '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => escape_code(c, out),
            c if c.is_control() => escape_code(c, out),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// All of them lie below U+10000.
fn escape_code(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::cells::COLUMNS;
    use super::super::formulas::restored;
    use super::*;
    use crate::event::testing::{any_draft, batch, full, hostile, minimal};
    use crate::event::{EventDraft, Outcome, view};

    fn line(draft: EventDraft) -> String {
        let mut out = Vec::new();
        write_row(&view(&batch([draft]), 0), Formulas::Neutralised, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// The message's cell.
    fn cell(message: &str) -> String {
        let line = line(EventDraft { message: Some(message.to_owned()), ..minimal() });
        line.split('\t').nth(3).unwrap().to_owned()
    }

    /// What a reader gets who takes off the apostrophe and the escapes.
    fn read(cell: &str) -> String {
        let plain = |text: &str| {
            let (mut out, mut chars) = (String::new(), text.chars());
            while let Some(c) = chars.next() {
                out.push(match (c, c == '\\') {
                    (_, true) => match chars.next().unwrap() {
                        't' => '\t',
                        'n' => '\n',
                        'r' => '\r',
                        'u' => {
                            let code: String = chars.by_ref().take(4).collect();
                            char::from_u32(u32::from_str_radix(&code, 16).unwrap()).unwrap()
                        }
                        other => other,
                    },
                    (c, false) => c,
                });
            }
            out
        };
        restored(&plain(cell))
    }

    #[test]
    fn an_event_is_a_line_of_its_columns() {
        let mut header = Vec::new();
        write_header(&mut header);
        let header = String::from_utf8(header).unwrap();
        assert_eq!(header, "timestamp\tseverity\taction\tmessage\tsource\tuser\tresource\tstatus\n");
        assert_eq!(
            line(full()),
            "2026-11-22T10:00:00.123456Z\tWARNING\tuser-signin\tВход отклонён: пароль \"x\"\\nattempt=3\tiam\tu@example.ru\taccount acc-1\t401 failure\n"
        );
        assert_eq!(line(minimal()), "2026-11-22T10:00:01Z\tDEFAULT\ta\t\t\t\t\tunknown\n");
        assert_eq!(line(hostile()).split('\t').count(), COLUMNS.len());
    }

    #[test]
    fn a_subject_without_a_name_is_named_by_its_id_and_half_a_pair_stands_alone() {
        let draft = EventDraft {
            subject_user_id: Some("u-1".to_owned()),
            subject_metadata: [("email", " ")].into(),
            resource_id: Some("i-1".to_owned()),
            outcome: Some(Outcome::Success),
            ..minimal()
        };
        assert!(line(draft).ends_with("\tu-1\ti-1\tsuccess\n"));
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_neutralised() {
        for formula in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "\u{a0}=1",
            "\u{3000} =1",
            "\u{feff}=1",
            "\u{200b}=1",
            "'=1",
            "''=1",
            "\"=1\"",
            "\"quoted",
            " \"quoted",
            "'\"=1",
            "＝1",
            "＋1",
            "－1",
            "＠1",
            "\t",
            "=",
            "\u{202e}=1",
        ] {
            assert!(cell(formula).starts_with('\''), "{formula:?}: {}", cell(formula));
            assert_eq!(read(&cell(formula)), formula);
        }
        for plain in ["a=1", "1-1", "'quoted'", "", " ", "'", "a\"b", "user@example.com", "§=1", "\u{1}=1"] {
            assert!(!cell(plain).starts_with('\'') || plain.starts_with('\''), "{plain:?}");
            assert_eq!(read(&cell(plain)), plain);
        }
        let draft = EventDraft { resource_type: Some(String::new()), resource_id: Some("=1".to_owned()), ..minimal() };
        assert!(line(draft).contains("\t'=1\t"), "a pair is judged as one cell");
        let draft = EventDraft { resource_type: Some(" ".to_owned()), resource_id: Some("=1".to_owned()), ..minimal() };
        assert!(line(draft).contains("\t'  =1\t"));
    }

    #[test]
    fn raw_cells_are_escaped_but_not_neutralised() {
        let draft = EventDraft { message: Some("=1\t2".to_owned()), ..minimal() };
        let mut out = Vec::new();
        write_row(&view(&batch([draft]), 0), Formulas::Raw, &mut out);
        assert!(String::from_utf8(out).unwrap().contains("\t=1\\t2\t"));
    }

    #[test]
    fn every_character_that_could_end_or_turn_a_line_is_escaped() {
        assert_eq!(
            cell("a\tb\nc\rd\\e\u{0}\u{7f}\u{85}\u{2028}\u{202e}"),
            r"a\tb\nc\rd\\e\u0000\u007f\u0085\u2028\u202e"
        );
    }

    proptest! {
        #[test]
        fn any_event_is_one_line_of_harmless_cells(draft in any_draft()) {
            let line = line(draft.clone());
            let row = line.strip_suffix('\n').unwrap();
            prop_assert!(!row.chars().any(|c| c != '\t' && (c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))), "{row:?}");
            let cells: Vec<_> = row.split('\t').collect();
            prop_assert_eq!(cells.len(), COLUMNS.len());
            for cell in &cells {
                let begins = cell.trim_start().chars().next();
                prop_assert!(!matches!(begins, Some('=' | '+' | '-' | '@' | '"')), "{:?}", cell);
            }
            prop_assert_eq!(read(cells[2]), draft.action);
            prop_assert_eq!(read(cells[3]), draft.message.unwrap_or_default());
        }
    }
}
