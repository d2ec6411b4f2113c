use proptest::prelude::*;

use super::*;
use crate::event::testing::{batch, minimal};
use crate::event::{EventDraft, rows};
use crate::export::{csv, tsv};

/// What readers split at, by the choices of the import dialogues and by what people type into "Other".
const OFFERED: [u8; 4] = *b",;\t|";

fn file(format: &str, drafts: impl IntoIterator<Item = EventDraft>) -> Vec<u8> {
    let mut out = Vec::new();
    let write = if format == "csv" { csv::write_row } else { tsv::write_row };
    rows(&batch(drafts)).for_each(|event| write(&event, Formulas::Neutralised, &mut out));
    out
}

/// Every cell that a reader finds who splits at `separator`, with quotation marks and without.
fn cells(file: &[u8], separator: u8) -> Vec<String> {
    let read = |quoting| {
        let mut reader = ::csv::ReaderBuilder::new();
        let reader = reader.has_headers(false).flexible(true).quoting(quoting).delimiter(separator);
        let mut cells = Vec::new();
        for record in reader.from_reader(file).byte_records() {
            cells.extend(record.unwrap().iter().map(|cell| String::from_utf8_lossy(cell).into_owned()));
        }
        cells
    };
    let mut cells = [read(true), read(false)].concat();
    // Some readers end lines at more than LF, and quotation marks do not stop them.
    let lines = cells.iter().flat_map(|cell| cell.split(super::ends_cell).map(str::to_owned)).collect::<Vec<_>>();
    cells.extend(lines);
    cells
}

fn is_formula(cell: &str) -> bool {
    cell.trim_start().starts_with(super::begins_formula)
}

#[test]
fn a_formula_behind_a_list_separator_is_neutralised() {
    assert_eq!(neutralised("x;=cmd|' /C calc'!A1;y"), "x;'=cmd|' /C calc'!A1;y");
    let draft = EventDraft { message: Some("x;=cmd|' /C calc'!A1;y".to_owned()), ..minimal() };
    for format in ["csv", "tsv"] {
        let cells = cells(&file(format, [draft.clone()]), b';');
        assert!(cells.iter().any(|cell| cell == "'=cmd|' /C calc'!A1"), "{cells:?}");
    }
}

#[test]
fn every_place_where_a_reader_could_begin_a_cell_is_looked_at() {
    for (text, expected) in [
        ("a,=1", "a,'=1"),
        ("a, -1", "a,' -1"),
        ("a\t@b", "a\t'@b"),
        ("a|+1", "a|'+1"),
        ("a\n=1\r\n=2", "a\n'=1\r\n'=2"),
        ("a\u{2028}=1", "a\u{2028}'=1"),
        ("a;'=1", "a;''=1"),
        ("a;\u{200b} ＝1", "a;'\u{200b} ＝1"),
        (r#"{"n":"-1"}"#, r#"{"n":"'-1"}"#),
        (r#"a;"" =1"#, r#"a;""' =1"#),
        (r#""quoted""#, r#"'"quoted""#),
        ("=1;=2", "'=1;'=2"),
        // Any other separator: only what can do more than arithmetic.
        ("x =cmd|'/C calc'!A1", "x '=cmd|'/C calc'!A1"),
        ("a:=HYPERLINK(1)", "a:'=HYPERLINK(1)"),
        ("a^='file:///x'#$y.A1^b", "a^'='file:///x'#$y.A1^b"),
    ] {
        assert_eq!(neutralised(text), expected);
        assert_eq!(restored(&neutralised(text)), text);
    }
}

#[test]
fn ordinary_text_stays_as_it_is() {
    for text in [
        "kubectl exec -it pod -- sh",
        "a - b = c",
        "exit code -1",
        "failed: -5 (I/O error)",
        "user @ann",
        r#"{"a":1,"b":["x","y"]}"#,
        r#"user "x" - denied"#,
        "2026-11-22T10:00:00+03:00",
        "ann@example.com; bob@example.com",
        "https://example.com/?a=1&b=-2",
        "'quoted'",
        "",
    ] {
        assert!(matches!(neutralised(text), Cow::Borrowed(_)), "{text}: {}", neutralised(text));
        assert_eq!(restored(text), text);
    }
}

/// Foreign text decides how often the rule looks ahead: that must stay in proportion to its length.
#[test]
fn long_texts_of_nothing_but_beginnings_take_no_more_than_their_share() {
    for piece in [" ", "'", ";", "\u{2028}", "\"", "^=", ":=#-", "; "] {
        let text = piece.repeat(200_000 / piece.len());
        assert_eq!(restored(&neutralised(&text)), text);
    }
}

/// Text in which nearly everything matters.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "=",
            "+",
            "-",
            "@",
            "＝",
            ";",
            ",",
            "\t",
            "|",
            "\"",
            "'",
            " ",
            "\n",
            "\r",
            "\u{b}",
            "\u{85}",
            "\u{2028}",
            ":",
            "^",
            "(",
            "!",
            "#",
            "x",
            "1",
            "\\",
            "\u{200b}",
            "\u{a0}",
            "cmd|'/C calc'!A1",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn whatever_stands_between_no_cell_of_any_reader_is_a_formula(
        message in any_text(), resource_type in any_text(), resource_id in any_text(), second in any_text(),
    ) {
        let fill = |text: &str| Some(text.to_owned());
        let draft = EventDraft {
            message: fill(&message), resource_type: fill(&resource_type), resource_id: fill(&resource_id), ..minimal()
        };
        let next = EventDraft { message: fill(&second), source_id: fill(&message), ..minimal() };
        for format in ["csv", "tsv"] {
            let file = file(format, [draft.clone(), next.clone()]);
            for separator in OFFERED {
                for cell in cells(&file, separator) {
                    prop_assert!(!is_formula(&cell), "{format} at {:?}: {cell:?}", char::from(separator));
                }
            }
        }
    }

    /// A single text, read by somebody who splits at a character that we do not know of.
    #[test]
    fn at_any_other_separator_no_cell_calls_anything(text in any_text(), separator in prop::sample::select(b" :^~/#&*%!?.<>()[]{}_$`\\".to_vec())) {
        let text = neutralised(&text).into_owned();
        for cell in text.split(char::from(separator)) {
            prop_assert!(!(is_formula_here(cell) && super::calls(cell)), "at {:?}: {cell:?} of {text:?}", char::from(separator));
        }
    }

    #[test]
    fn nothing_is_lost(text in any_text()) {
        prop_assert_eq!(restored(&neutralised(&text)), text);
    }
}

fn is_formula_here(cell: &str) -> bool {
    cell.starts_with(super::begins_formula)
}
