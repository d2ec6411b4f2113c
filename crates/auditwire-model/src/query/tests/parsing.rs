//! Texts that are refused, with place and remedy; and that no text is slow or fatal.

use proptest::prelude::*;

use super::any::any_text;
use crate::event::testing::time;
use crate::query::{Expr, Parsed, QUERY_BYTES_MAX, QUERY_DEPTH_MAX, QueryError, parse};

fn read(text: &str) -> Result<Parsed, QueryError> {
    parse(text, Some(time("2026-11-22T10:00:00Z")))
}

fn expr(text: &str) -> Expr {
    read(text).unwrap_or_else(|error| panic!("{text}: {error:?}")).expr
}

/// Each with the part that is wrong, as position and length in code points.
#[test]
fn errors_tell_place_and_remedy() {
    let (syntax, unknown, value) = ("query_syntax", "query_unknown_parameter", "query_bad_value");
    for (text, code, position, length, suggestion) in [
        ("user_id = x", unknown, 0, 7, Some("subject.user_id")),
        ("вход AND source.adress = 10.0.0.1", unknown, 9, 13, Some("source.address")),
        ("adress=10.0.0.1", unknown, 0, 6, Some("subject.address")),
        ("Action = x", unknown, 0, 6, Some("action")),
        ("mesage:x", unknown, 0, 6, Some("message")),
        ("foo = x", unknown, 0, 3, None),
        ("foo : x", unknown, 0, 3, None),
        ("foo :x", unknown, 0, 3, None),
        ("foo EXIST", unknown, 0, 3, None),
        ("\"action\" = x", unknown, 0, 8, Some("action")),
        ("subject.metadata = x", unknown, 0, 16, None),
        ("subject.metadata. = x", unknown, 0, 17, None),
        ("foo.metadata.'k' = x", unknown, 0, 13, None),
        ("action =", syntax, 8, 0, None),
        ("(action = )", syntax, 10, 0, None),
        ("action = AND", syntax, 9, 3, Some("\"AND\"")),
        ("action == x", syntax, 7, 2, Some("=")),
        ("action != x", syntax, 7, 2, Some("<>")),
        ("action = = x", syntax, 9, 1, Some("\"=\"")),
        ("action = f(x) y", syntax, 9, 4, Some("\"f(x)\"")),
        ("f(x)", syntax, 0, 4, Some("\"f(x)\"")),
        ("action = (a OR b)", syntax, 9, 1, None),
        ("= x", syntax, 0, 1, None),
        ("a AND", syntax, 5, 0, None),
        ("a OR", syntax, 4, 0, None),
        ("NOT", syntax, 3, 0, None),
        ("AND a", syntax, 0, 3, Some("\"AND\"")),
        ("a AND OR b", syntax, 6, 2, Some("\"OR\"")),
        ("a && b", syntax, 2, 2, Some("AND")),
        ("a | b", syntax, 2, 1, Some("OR")),
        ("!a", syntax, 0, 1, Some("NOT")),
        ("()", syntax, 1, 1, None),
        ("a)", syntax, 1, 1, None),
        ("ё (a", syntax, 2, 1, None),
        ("a \"b", syntax, 2, 2, None),
        ("'it's'", syntax, 4, 1, None),
        ("«a»", syntax, 0, 3, Some("\"«a»\"")),
        ("resource.metadata.\"k\"", syntax, 21, 0, None),
        ("severity >= WARNIN", value, 12, 6, Some("WARNING")),
        ("severity = loud", value, 11, 4, None),
        ("timestamp > yesterday", value, 12, 9, None),
        ("timestamp > 2026-11-22", value, 12, 10, Some("2026-11-22T00:00:00Z")),
        ("timestamp > 2026-11-22T10:00:00", value, 12, 19, Some("2026-11-22T10:00:00Z")),
        ("timestamp > now-15", value, 12, 6, None),
        ("timestamp > now - 15m", value, 12, 9, Some("now-15m")),
        ("timestamp>=2026-11-22T10:00:00 03:00", value, 11, 25, Some("2026-11-22T10:00:00+03:00")),
        ("received_at < \"2026-11-22T10:00:00.5 03:00\" a", value, 14, 29, Some("2026-11-22T10:00:00.5+03:00")),
        ("seq > x", value, 6, 1, None),
        ("subject.address = 10.1.2.3/33", value, 18, 11, Some("10.1.2.3/32")),
        ("source.address <> 10.1.2.3/33", value, 18, 11, Some("10.1.2.3/32")),
        ("source.address = \"::1/129\"", value, 17, 9, Some("::1/128")),
        ("source.address = 10.1.2.3/", value, 17, 9, Some("10.1.2.3/32")),
        ("source.address = 10.1.2.3/255.255.255.0", value, 17, 22, None),
        ("labels > x", "query_bad_operator", 7, 1, None),
    ] {
        let error = read(text).expect_err(text);
        let found = (error.code, error.position, error.length, error.suggestion.as_deref());
        assert_eq!(found, (code, position, length, suggestion), "{text}: {error:?}");
        assert!(!error.detail.is_empty());
        if let Some(suggestion) = suggestion.filter(|_| code == unknown) {
            assert!(error.detail.contains(&format!("did you mean {suggestion}?")) || text.starts_with('"'), "{error}");
        }
    }
    let stored = parse("timestamp > now-1d", None).unwrap_err();
    assert_eq!((stored.code, stored.position, stored.length), ("query_relative_time", 12, 6));
}

#[test]
fn one_meaning_in_many_spellings() {
    for (one, other) in [
        ("action=x message:y", "action = x AND message : y"),
        ("action = x and message : y OR z", "(action = x AND message : y) OR z"),
        ("not a b", "(NOT a) AND b"),
        ("NOT(a)OR(b)", "NOT a OR b"),
        ("((a))(b c)", "a AND b AND c"),
        ("a OR (b OR c)", "a OR b OR c"),
        ("message:\"it's\"", "message : 'it\\'s'"),
        ("message : \"C:\\temp\"", "message : 'C:\\\\temp'"),
        ("message : ::1", "message : \"::1\""),
        ("10.0.0.1:443 ::1", "\"10.0.0.1:443\" AND \"::1\""),
        ("foo ::1", "\"foo\" \"::1\""),
        ("https://x/y@z+1*", "\"https://x/y@z+1*\""),
        ("urn:x", "\"urn:x\""),
        ("action", "\"action\""),
        ("хорошо-1", "'хорошо-1'"),
        ("हिन्दी e\u{301}", "\"हिन्दी\" \"e\u{301}\""),
        ("service_id = databases", "resource.metadata.service_id = \"databases\""),
        ("resource.metadata.a-b/c = 1", "resource.metadata.\"a-b/c\" = \"1\""),
        ("severity >= err", "severity >= \"Error\""),
        ("timestamp > now-1h", "timestamp > 2026-11-22T09:00:00Z"),
        ("timestamp > '2026-11-22 10:00:00Z'", "timestamp > 2026-11-22T13:00:00Z03:00"),
        (" \t\n ", ""),
    ] {
        assert_eq!(expr(one), expr(other), "{one} | {other}");
    }
}

#[test]
fn hints_at_what_was_probably_not_meant() {
    let hints = |text: &str| read(text).unwrap().hints;
    let one = hints("ё source.id = iam source.id = nova action = x");
    assert_eq!(one.iter().map(|hint| (hint.position, hint.length)).collect::<Vec<_>>(), [(18, 16)]);
    assert!(one[0].detail.contains("did you mean OR?"));
    for silent in [
        "source.id = iam AND source.id = nova",
        "source.id = iam OR source.id = nova",
        "source.id = iam source.id <> nova",
        "source.id = iam source.id = iam",
        "labels = a labels = b",
        "outcome = success",
    ] {
        assert_eq!(hints(silent), [], "{silent}");
    }
    assert_eq!(hints("outcome = SUCCESS")[0].position, 10);
    for doubtful in ["10.1.2.300", "10.1.2.300/24", "10.1/16", "1::2::3"] {
        assert_eq!(hints(&format!("source.address = \"{doubtful}\""))[0].position, 17, "{doubtful}");
    }
    for fine in ["10.1.2.3", "10.1.2.3/24", "10.1.2.3/0", "::1", "::1/128", "::ffff:10.0.0.1", "host-1", "unix", "a/b"]
    {
        assert_eq!(hints(&format!("source.address = \"{fine}\"")), [], "{fine}");
    }
    assert_eq!(hints("source.address : 10.1.2.3/33"), [], "a part of the text");
    assert_eq!(hints(&"seq=1 seq=2 ".repeat(100)).len(), 8);
}

#[test]
fn limits() {
    let deep = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(expr(&deep(QUERY_DEPTH_MAX)), Expr::Word("a".to_owned()));
    let error = read(&deep(QUERY_DEPTH_MAX + 1)).unwrap_err();
    assert_eq!((error.code, error.position, error.length), ("query_too_deep", QUERY_DEPTH_MAX, 1));
    assert!(read(&format!("{}a", "NOT ".repeat(QUERY_DEPTH_MAX))).is_ok());
    assert_eq!(read(&format!("{}a", "not ".repeat(QUERY_DEPTH_MAX + 1))).unwrap_err().code, "query_too_deep");
    // Printed, the inner AND stands in parentheses.
    let inner = |n: usize| format!("{}a b OR c{}", "NOT (".repeat(n / 2), ")".repeat(n / 2));
    assert_eq!(read(&inner(QUERY_DEPTH_MAX)).unwrap_err().code, "query_too_deep");
    let deepest = expr(&inner(QUERY_DEPTH_MAX - 2));
    assert_eq!(expr(&deepest.to_string()), deepest);
    let long = "ё".repeat(QUERY_BYTES_MAX / 2);
    assert_eq!(expr(&long), Expr::Word(long.clone()));
    let error = read(&format!("{long}ёё")).unwrap_err();
    assert_eq!((error.code, error.position, error.length), ("query_too_long", QUERY_BYTES_MAX / 2, 2));
}

/// Texts of the greatest length that make a careless parser slow or overflow its stack.
#[test]
fn the_longest_texts_have_an_answer() {
    for part in [
        "(",
        ")",
        "NOT ",
        "a ",
        "a:",
        "a=",
        "x=1 ",
        "action=1 ",
        "\"",
        "'a'",
        "\\",
        "\"\\\"",
        "a OR ",
        "a AND ",
        "((a)OR b)",
        "source.adress:",
        "now - ",
        ":",
        "::",
        "<",
        "\u{300}",
        "ё",
        "seq=1 seq=2 ",
        "f(",
        "subject.metadata.'",
    ] {
        for text in
            [part.repeat(QUERY_BYTES_MAX / part.len()), format!("({}", part.repeat(QUERY_BYTES_MAX / part.len() - 1))]
        {
            if let Ok(parsed) = read(&text) {
                let _ = parsed.expr.to_string();
            }
        }
    }
}

/// What users are told is so.
#[test]
fn the_documentation_is_right() {
    let document = include_str!("../../../../../docs/search-language.md");
    let blocks = document.split("```query\n").skip(1);
    let examples: Vec<&str> = blocks.flat_map(|block| block.split("```").next().unwrap().lines()).collect();
    assert!(examples.len() > 30);
    for example in examples {
        let printed = expr(example).to_string();
        assert_eq!(expr(&printed), expr(example), "{example}");
    }
    let mistakes = document.lines().filter(|line| line.starts_with("| `") && line.contains("| `query_"));
    let cell = |cell: &str| cell.trim().trim_matches('`').to_owned();
    let mistakes: Vec<Vec<String>> = mistakes.map(|line| line.split('|').map(cell).collect()).collect();
    assert_eq!(mistakes.len(), 10);
    for cells in mistakes {
        let error = read(&cells[1]).expect_err(&cells[1]);
        assert_eq!(
            (error.code, error.suggestion.unwrap_or_default()),
            (cells[2].as_str(), cells[3].clone()),
            "{cells:?}"
        );
    }
    for name in crate::query::Field::names() {
        assert!(document.contains(&format!("`{name}`")), "{name}");
    }
}

proptest! {
    #[test]
    fn any_text_has_an_answer(text in "(\\PC|[ ()\"'\\\\=<>:a.]|AND|OR |NOT |action|seq ){0,60}") {
        check(&text)?;
    }

    #[test]
    fn any_part_of_a_query_has_an_answer(text in any_text(), from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()) {
        let chars: Vec<char> = text.chars().collect();
        let (one, other) = (from.index(chars.len() + 1), to.index(chars.len() + 1));
        check(&chars[one.min(other)..one.max(other)].iter().collect::<String>())?;
    }
}

/// What is understood reads back; what is refused has a place inside of the text.
fn check(text: &str) -> Result<(), TestCaseError> {
    match read(text) {
        Ok(parsed) => {
            let printed = parsed.expr.to_string();
            prop_assert_eq!(parse(&printed, None).map(|parsed| parsed.expr), Ok(parsed.expr), "{} {}", text, printed);
        }
        Err(error) => {
            prop_assert!(error.position + error.length <= text.chars().count(), "{text} {error:?}");
            prop_assert!(error.code.starts_with("query_") && !error.detail.is_empty());
        }
    }
    Ok(())
}
