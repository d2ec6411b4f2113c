//! Which events a connection sends, and the query expression that this means (product section 4).

use serde::{Deserialize, Serialize};

use crate::event::columns;
use crate::query::{Expr, Field, Op, QueryError, Value, parse};

/// Which events a connection sends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Which of the kinds applies.
    pub kind: FilterKind,
    /// For [`FilterKind::General`]: `success`, `failure`, `unknown`, an exact code, or a class such as `4xx`.
    pub status: Selection,
    /// For [`FilterKind::General`]: `source.id`s.
    pub source: Selection,
    /// For [`FilterKind::Query`]: an expression of the search language without relative times.
    pub query: Option<String>,
}

/// The kinds of filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FilterKind {
    /// Everything is sent.
    #[default]
    None,
    /// By status and source, joined by AND.
    General,
    /// By a query expression.
    Query,
}

/// One half of a general filter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// Off, only these, or all but these.
    pub mode: SelectionMode,
    /// At least one unless off.
    pub values: Vec<String>,
}

/// How a selection's values count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SelectionMode {
    /// Not applied.
    #[default]
    Off,
    /// Send only selected.
    Only,
    /// Send all except.
    Except,
}

impl Filter {
    /// The expression this filter means; [`Expr::All`] when nothing is kept back.
    ///
    /// # Errors
    /// When the query is none. Only one that parses is stored, and what the language takes it takes for ever; should that
    /// fail, nobody may guess what was meant: to send everything would give a SIEM what was to be kept from it, to send
    /// nothing would lose it.
    pub fn to_expr(&self) -> Result<Expr, QueryError> {
        match self.kind {
            FilterKind::None => Ok(Expr::All),
            FilterKind::General => Ok(self.general()),
            FilterKind::Query => {
                let query = self.query.as_deref().filter(|query| !query.trim().is_empty());
                Ok(parse(query.ok_or_else(missing)?, None)?.expr)
            }
        }
    }

    /// Status and source, joined by AND.
    fn general(&self) -> Expr {
        let halves = [self.status.to_expr(status_is), self.source.to_expr(|v| text(columns::SOURCE_ID, Op::Equal, v))];
        let mut terms: Vec<Expr> = halves.into_iter().flatten().collect();
        match terms.len() {
            0 => Expr::All,
            1 => terms.swap_remove(0),
            _ => Expr::And(terms),
        }
    }
}

/// An empty query would mean everything.
fn missing() -> QueryError {
    let detail = "a filter by query needs one; to send everything, choose the kind none".to_owned();
    QueryError { code: "query_syntax", detail, position: 0, length: 0, expected: Vec::new(), suggestion: None }
}

impl Selection {
    fn to_expr(&self, term: impl Fn(&str) -> Expr) -> Option<Expr> {
        let any = || Expr::Or(self.values.iter().map(|v| term(v)).collect());
        match self.mode {
            SelectionMode::Off => None,
            SelectionMode::Only => Some(any()),
            // An event without the field is not excepted: a comparison with a missing field is false.
            SelectionMode::Except => Some(Expr::Not(Box::new(any()))),
        }
    }
}

/// One status value. A class is a numeric range, so `4xx` means the codes 400 to 499. Codes that are no integers compare
/// as text, and `42P01` (an SQLSTATE) would lie between 400 and 499; the third term is one that every code of the class
/// passes as a number and no text between the first two passes as a text.
fn status_is(value: &str) -> Expr {
    if matches!(value, "success" | "failure" | "unknown") {
        return text(columns::OUTCOME, Op::Equal, value);
    }
    match status_class(value) {
        Some(hundreds) => Expr::And(vec![
            text(columns::STATUS_CODE, Op::GreaterOrEqual, &format!("{hundreds}00")),
            text(columns::STATUS_CODE, Op::LessOrEqual, &format!("{hundreds}99")),
            if hundreds == '1' {
                text(columns::STATUS_CODE, Op::GreaterOrEqual, "3")
            } else {
                text(columns::STATUS_CODE, Op::Less, "1000")
            },
        ]),
        None => text(columns::STATUS_CODE, Op::Equal, value),
    }
}

/// The first digit of a class such as `4xx`.
fn status_class(value: &str) -> Option<char> {
    let digit = value.chars().next().filter(|c| ('1'..='9').contains(c))?;
    value[1..].eq_ignore_ascii_case("xx").then_some(digit)
}

fn text(column: usize, op: Op, value: &str) -> Expr {
    Expr::Compare(Field::Column(column), op, Value::Text(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventDraft;
    use crate::query::evaluate;

    fn general(status: Selection, source: Selection) -> Filter {
        Filter { kind: FilterKind::General, status, source, query: None }
    }

    fn selection(mode: SelectionMode, values: &[&str]) -> Selection {
        Selection { mode, values: values.iter().map(|&v| v.to_owned()).collect() }
    }

    #[test]
    fn off_means_everything() {
        assert_eq!(Filter::default().to_expr().unwrap(), Expr::All);
        assert_eq!(general(Selection::default(), Selection::default()).to_expr().unwrap(), Expr::All);
        let unused = Filter {
            kind: FilterKind::None,
            ..general(selection(SelectionMode::Only, &["failure"]), Selection::default())
        };
        assert_eq!(unused.to_expr().unwrap(), Expr::All);
    }

    #[test]
    fn a_query_means_itself() {
        let text = "severity >= WARNING AND (source.id = iam OR outcome = failure)";
        let filter = |query: Option<&str>| Filter {
            kind: FilterKind::Query,
            query: query.map(str::to_owned),
            ..general(selection(SelectionMode::Only, &["failure"]), Selection::default())
        };
        assert_eq!(filter(Some(text)).to_expr().unwrap(), parse(text, None).unwrap().expr);
        // What cannot be stored is not guessed at, either.
        assert_eq!(filter(Some("sorce.id = iam")).to_expr().unwrap_err().suggestion.as_deref(), Some("source.id"));
        assert_eq!(filter(Some("timestamp > now-1h")).to_expr().unwrap_err().code, "query_relative_time");
        for none in [None, Some(""), Some(" ")] {
            assert_eq!(filter(none).to_expr().unwrap_err().code, "query_syntax");
        }
    }

    #[test]
    fn values_are_alternatives_and_halves_are_joined_by_and() {
        let filter = general(
            selection(SelectionMode::Only, &["failure", "404", "5xx"]),
            selection(SelectionMode::Except, &["nova"]),
        );
        let status = Expr::Or(vec![
            text(columns::OUTCOME, Op::Equal, "failure"),
            text(columns::STATUS_CODE, Op::Equal, "404"),
            Expr::And(vec![
                text(columns::STATUS_CODE, Op::GreaterOrEqual, "500"),
                text(columns::STATUS_CODE, Op::LessOrEqual, "599"),
                text(columns::STATUS_CODE, Op::Less, "1000"),
            ]),
        ]);
        let source = Expr::Not(Box::new(Expr::Or(vec![text(columns::SOURCE_ID, Op::Equal, "nova")])));
        assert_eq!(filter.to_expr().unwrap(), Expr::And(vec![status, source]));
    }

    #[test]
    fn only_a_digit_and_two_x_is_a_class() {
        assert_eq!(status_class("4xx"), Some('4'));
        assert_eq!(status_class("4XX"), Some('4'));
        for value in ["0xx", "xx", "", "4x", "44xx", "4xxx", "ёxx"] {
            assert_eq!(status_class(value), None, "{value}");
        }
    }

    #[test]
    fn a_class_holds_its_hundred_codes_and_nothing_else() {
        let texts = ["42P01", "1E000", "20x", "1", "4", "40", "-400", "1e2", "199.5", "5.1.1", "600", "4000", "", "OK"];
        let codes: Vec<String> = (0..1100).map(|code| code.to_string()).chain(texts.map(str::to_owned)).collect();
        let events = crate::event::testing::batch(codes.iter().map(|code| EventDraft {
            action: "a".to_owned(),
            status_code: Some(code.clone()),
            ..EventDraft::default()
        }));
        for hundreds in 1..=5_usize {
            let filter = general(selection(SelectionMode::Only, &[&format!("{hundreds}xx")]), Selection::default());
            let selected = evaluate(&filter.to_expr().unwrap(), &events);
            let matching: Vec<&String> =
                codes.iter().zip(&selected).filter(|(_, m)| *m == Some(true)).map(|(c, _)| c).collect();
            let expected: Vec<&String> = codes[hundreds * 100..(hundreds + 1) * 100].iter().collect();
            assert_eq!(matching, expected);
        }
    }

    #[test]
    fn an_event_without_the_field_is_not_excepted() {
        let events = crate::event::testing::batch([EventDraft { action: "a".to_owned(), ..EventDraft::default() }]);
        let except = || selection(SelectionMode::Except, &["404", "nova"]);
        let only = || selection(SelectionMode::Only, &["404", "nova"]);
        assert_eq!(evaluate(&general(except(), except()).to_expr().unwrap(), &events).true_count(), 1);
        assert_eq!(evaluate(&general(only(), Selection::default()).to_expr().unwrap(), &events).true_count(), 0);
        assert_eq!(evaluate(&general(Selection::default(), only()).to_expr().unwrap(), &events).true_count(), 0);
    }
}
