//! What could be typed at a place of a query, for a search line that completes.

use super::error::place;
use super::expr::Field;
use super::lex::{Keyword, Scanner, is_bare};
use super::value;

/// What stands at the cursor and what could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Where what is being typed begins, in code points.
    pub position: usize,
    /// How many code points a candidate replaces: what is being typed, also behind the cursor.
    pub length: usize,
    /// What is typed of it before the cursor, without a quote.
    pub typed: String,
    /// What it is.
    pub kind: Completing,
    /// What it could become, likeliest first, ready to stand in a query. For a value only those that are fixed; what
    /// occurs in the log is another question.
    pub candidates: Vec<String>,
}

/// What is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completing {
    /// A parameter, a keyword, or a text to look for.
    Term,
    /// What compares this parameter.
    Operator(Field),
    /// A value of this parameter.
    Value(Field),
}

/// What is being typed at `cursor` (in code points; beyond the end it is the end). Wrong text in front of it is skipped.
#[must_use]
pub fn complete(text: &str, cursor: usize) -> Completion {
    let end = text.char_indices().nth(cursor).map_or(text.len(), |(at, _)| at);
    let head = text.get(..end).unwrap_or_default();
    let mut scan = Scanner::new(head);
    let mut state = State::Term { first: true };
    let (kind, start, quoted) = loop {
        scan.skip_blanks();
        let start = scan.at();
        match step(&mut scan, &state) {
            Step::Typing { quoted } => break (state, start, quoted),
            Step::Next(next) => state = next,
        }
    };
    let typed = head.get(start + usize::from(quoted)..).unwrap_or_default();
    let behind = if quoted { "" } else { text.get(end..).unwrap_or_default() };
    let rest = behind.find(|c| !is_bare(c) || c == ':' && !matches!(kind, State::Value(_))).unwrap_or(behind.len());
    let (position, length) = place(text, &(start..end + rest));
    let (kind, candidates) = match kind {
        State::Term { first } => (Completing::Term, terms(typed, first)),
        State::Operator(field) => {
            let candidates = begin(typed, value::operators(&field).iter().copied());
            (Completing::Operator(field), candidates)
        }
        State::Value(field) => {
            let candidates = begin(typed, value::fixed(&field).iter().chain(value::usual(&field)).copied());
            (Completing::Value(field), candidates)
        }
    };
    Completion { position, length, typed: typed.to_owned(), kind, candidates }
}

/// What comes next.
enum State {
    Term { first: bool },
    Operator(Field),
    Value(Field),
}

enum Step {
    /// The text ends in what comes here.
    Typing {
        quoted: bool,
    },
    Next(State),
}

fn step(scan: &mut Scanner<'_>, state: &State) -> Step {
    const AFTER: Step = Step::Next(State::Term { first: false });
    match scan.peek() {
        None => return Step::Typing { quoted: false },
        Some('"' | '\'') if !matches!(state, State::Operator(_)) => {
            return if scan.quoted().is_ok() { AFTER } else { Step::Typing { quoted: true } };
        }
        Some(_) => {}
    }
    match state {
        State::Value(_) => {
            if scan.take_while(is_bare).is_empty() {
                skip(scan)
            } else {
                ended(scan, AFTER)
            }
        }
        State::Operator(field) => match scan.operator() {
            Ok(Some(_)) => Step::Next(State::Value(field.clone())),
            _ if exist_begins(scan.rest()) => Step::Typing { quoted: false },
            _ => {
                if let Some((Keyword::Exist, behind)) = scan.keyword() {
                    *scan = behind;
                }
                AFTER
            }
        },
        State::Term { .. } => term(scan),
    }
}

fn term(scan: &mut Scanner<'_>) -> Step {
    if let Some((keyword, behind)) = scan.keyword() {
        *scan = behind;
        let first = keyword != Keyword::Exist;
        return ended(scan, Step::Next(State::Term { first }));
    }
    let name = scan.take_while(|c| is_bare(c) && c != ':');
    if name.is_empty() {
        return skip(scan);
    }
    let field = match (scan.peek(), Field::parse(name)) {
        (Some('"' | '\''), Some(field)) if name.ends_with(".metadata.") => match scan.quoted() {
            Ok(key) if matches!(field, Field::SubjectMetadata(_)) => Some(Field::SubjectMetadata(key.into_owned())),
            Ok(key) => Some(Field::ResourceMetadata(key.into_owned())),
            Err(_) => return Step::Typing { quoted: false },
        },
        (_, field) => field,
    };
    match field {
        _ if scan.peek().is_none() => Step::Typing { quoted: false },
        Some(field) => Step::Next(State::Operator(field)),
        None => {
            // A comparison with an unknown parameter, or a word that goes on with a colon.
            let colon = scan.take(':');
            let word = scan.take_while(is_bare);
            if colon || !word.is_empty() {
                ended(scan, Step::Next(State::Term { first: false }))
            } else {
                unknown(scan)
            }
        }
    }
}

/// Behind a name that is no parameter: an operator and its value belong to it.
fn unknown(scan: &mut Scanner<'_>) -> Step {
    let mut behind = *scan;
    behind.skip_blanks();
    if matches!(behind.operator(), Ok(Some(_))) {
        behind.skip_blanks();
        behind.take_while(is_bare);
        *scan = behind;
    }
    Step::Next(State::Term { first: false })
}

/// `next`, unless the text ends here and more of the same could follow.
fn ended(scan: &Scanner<'_>, next: Step) -> Step {
    if scan.peek().is_none() { Step::Typing { quoted: false } } else { next }
}

/// Over one character that belongs to nothing, or a parenthesis.
fn skip(scan: &mut Scanner<'_>) -> Step {
    let first = scan.peek() != Some(')');
    if let Some(c) = scan.peek() {
        scan.take(c);
    }
    Step::Next(State::Term { first })
}

fn exist_begins(rest: &str) -> bool {
    !rest.is_empty() && "EXISTS".get(..rest.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(rest))
}

/// Parameters that begin like this, then those of which a later part does, then keywords.
fn terms(typed: &str, first: bool) -> Vec<String> {
    let lower = typed.to_lowercase();
    let names = || Field::names().chain(["subject.metadata.", "resource.metadata."]);
    let within = |name: &&str| name.split('.').skip(1).any(|part| !part.is_empty() && part.starts_with(&lower));
    let mut found: Vec<String> = names().filter(|name| name.starts_with(&lower)).map(str::to_owned).collect();
    if !typed.is_empty() {
        found.extend(names().filter(|name| !name.starts_with(&lower)).filter(within).map(str::to_owned));
    }
    let keywords = if first { &["NOT"][..] } else { &["AND", "OR", "NOT"] };
    let keywords = begin(typed, keywords.iter().copied());
    if first { [found, keywords].concat() } else { [keywords, found].concat() }
}

/// Those that begin with what is typed, whatever the case.
fn begin<'c>(typed: &str, candidates: impl Iterator<Item = &'c str>) -> Vec<String> {
    let begins = |one: &&str| one.get(..typed.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(typed));
    candidates.filter(begins).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The cursor is at the `|`.
    fn at(text: &str) -> Completion {
        let cursor = text.chars().position(|c| c == '|').unwrap();
        complete(&text.replace('|', ""), cursor)
    }

    #[test]
    fn offers_what_fits() {
        let field = |name: &str| Field::parse(name).unwrap();
        let term = Completing::Term;
        for (text, kind, position, length, typed, candidates) in [
            ("addr|", &term, 0, 4, "addr", &["source.address", "subject.address"][..]),
            ("sev|erity", &term, 0, 8, "sev", &["severity"]),
            ("ё = x plan|", &term, 6, 4, "plan", &["plane"]),
            ("action = x o|", &term, 11, 1, "o", &["OR", "outcome"]),
            ("(no|", &term, 1, 2, "no", &["NOT"]),
            ("resource.m|", &term, 0, 10, "resource.m", &["resource.metadata."]),
            ("\"not closed |", &term, 0, 12, "not closed ", &[]),
            (
                "severity |",
                &Completing::Operator(field("severity")),
                9,
                0,
                "",
                &["=", "<>", "<", "<=", ">", ">=", ":", "EXIST"],
            ),
            ("labels |", &Completing::Operator(field("labels")), 7, 0, "", &["=", "<>", ":", "EXIST"]),
            ("action EX|", &Completing::Operator(field("action")), 7, 2, "EX", &["EXIST"]),
            ("severity >= w|", &Completing::Value(field("severity")), 12, 1, "w", &["WARNING"]),
            (
                "severity>=|",
                &Completing::Value(field("severity")),
                10,
                0,
                "",
                &["DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"],
            ),
            ("outcome = f|", &Completing::Value(field("outcome")), 10, 1, "f", &["failure"]),
            ("timestamp > now-1|", &Completing::Value(field("timestamp")), 12, 5, "now-1", &["now-15m", "now-1h"]),
            ("source.id = \"ia|", &Completing::Value(field("source.id")), 12, 3, "ia", &[]),
            ("subject.metadata.\"a b\" = x|", &Completing::Value(field("subject.metadata.a b")), 25, 1, "x", &[]),
            ("foo = x AND plane=|", &Completing::Value(field("plane")), 18, 0, "", &["control", "data"]),
        ] {
            let found = at(text);
            let shown: Vec<&str> = found.candidates.iter().map(String::as_str).collect();
            let facts = (&found.kind, found.position, found.length, found.typed.as_str(), shown.as_slice());
            assert_eq!(facts, (kind, position, length, typed, candidates), "{text}");
        }
        assert!(at("|").candidates.starts_with(&["event_id".to_owned()]));
        assert!(at("a = b |").candidates.starts_with(&["AND".to_owned(), "OR".to_owned()]));
    }

    proptest! {
        #[test]
        fn any_place_of_any_text_has_an_answer(
            text in "(\\PC|[ ()\"'\\\\=<>:a.]|AND |OR|action|subject.metadata.){0,20}", cursor in 0_usize..60,
        ) {
            let found = complete(&text, cursor);
            prop_assert!(found.position + found.length <= text.chars().count());
            prop_assert!(found.position <= cursor);
        }
    }
}
