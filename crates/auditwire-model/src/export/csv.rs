//! Comma-separated values (RFC 4180): the columns of TSV, for programs and spreadsheets that want commas.
//!
//! Text stands as it is, in quotation marks where it needs them; only where a spreadsheet would run a formula there is an
//! apostrophe in front, unless that is switched off.

use super::cells::Layout;
use super::formulas::Formulas;
use crate::event::EventView;

const LAYOUT: Layout = Layout { separator: ",", end: "\r\n", write_cell };

/// Appends the line that names the columns.
pub fn write_header(out: &mut Vec<u8>) {
    LAYOUT.write_header(out);
}

/// Appends one event as one record.
pub fn write_row(event: &EventView<'_>, formulas: Formulas, out: &mut Vec<u8>) {
    LAYOUT.write_row(event, formulas, out);
}

fn write_cell(text: &str, out: &mut Vec<u8>) {
    let quoted = needs_quotes(text);
    if quoted {
        out.push(b'"');
    }
    for (at, part) in text.split('"').enumerate() {
        if at > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(part.as_bytes());
    }
    if quoted {
        out.push(b'"');
    }
}

/// Blanks at the ends are quoted too: some readers take them off otherwise.
fn needs_quotes(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) || text.starts_with(' ') || text.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::cells::COLUMNS;
    use super::super::formulas::{neutralised, restored};
    use super::*;
    use crate::event::testing::{any_draft, batch, full, hostile, minimal};
    use crate::event::{EventDraft, rows, view};

    fn file(drafts: impl IntoIterator<Item = EventDraft>, formulas: Formulas) -> Vec<u8> {
        let mut out = Vec::new();
        write_header(&mut out);
        rows(&batch(drafts)).for_each(|event| write_row(&event, formulas, &mut out));
        out
    }

    fn read(file: &[u8]) -> Vec<Vec<String>> {
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(file);
        reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn an_event_is_a_record_of_its_columns() {
        let text = String::from_utf8(file([full(), minimal()], Formulas::Neutralised)).unwrap();
        assert_eq!(
            text,
            "timestamp,severity,action,message,source,user,resource,status\r\n\
             2026-11-22T10:00:00.123456Z,WARNING,user-signin,\"Вход отклонён: пароль \"\"x\"\"\nattempt=3\",iam,u@example.ru,account acc-1,401 failure\r\n\
             2026-11-22T10:00:01Z,DEFAULT,a,,,,,unknown\r\n"
        );
        assert_eq!(read(&file([hostile()], Formulas::Raw))[1].len(), COLUMNS.len());
    }

    #[test]
    fn formulas_are_neutralised_unless_raw() {
        let draft = EventDraft { message: Some("=1+1,\"x\"".to_owned()), ..minimal() };
        assert_eq!(read(&file([draft.clone()], Formulas::Neutralised))[1][3], "'=1+1,\"x\"");
        assert_eq!(read(&file([draft], Formulas::Raw))[1][3], "=1+1,\"x\"");
    }

    proptest! {
        #[test]
        fn any_events_read_back(drafts in proptest::collection::vec(any_draft(), 1..4)) {
            let batch = batch(drafts.clone());
            let raw = read(&file(drafts.clone(), Formulas::Raw));
            let shown = read(&file(drafts, Formulas::Neutralised));
            prop_assert_eq!(raw.len(), batch.num_rows() + 1);
            prop_assert_eq!(raw[0].join(","), COLUMNS.join(","));
            for at in 0..batch.num_rows() {
                let event = view(&batch, at);
                prop_assert_eq!(&raw[at + 1][0], &event.timestamp.to_string());
                prop_assert_eq!(&raw[at + 1][2], event.action);
                prop_assert_eq!(&raw[at + 1][3], event.message.unwrap_or_default());
                for (raw, cell) in raw[at + 1].iter().zip(&shown[at + 1]) {
                    prop_assert_eq!(cell, &neutralised(raw));
                    prop_assert_eq!(&restored(cell), raw);
                }
            }
        }
    }
}
