//! The search line: what was typed, and what it means.

use auditwire_model::Timestamp;
use auditwire_model::query::{Expr, Hint, QueryError, parse};

/// A query as it was typed. What is wrong matches nothing: a list must not pass for an answer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Typed {
    text: String,
    expr: Expr,
}

impl Default for Typed {
    /// Matches everything.
    fn default() -> Self {
        Self { text: String::new(), expr: Expr::All }
    }
}

impl Typed {
    /// Reads a query whose times may be relative to `now`.
    pub(super) fn read(text: &str, now: Timestamp) -> (Self, Result<Vec<Hint>, QueryError>) {
        let text = text.to_owned();
        match parse(&text, Some(now)) {
            Ok(parsed) => (Self { text, expr: parsed.expr }, Ok(parsed.hints)),
            Err(error) => (Self { text, expr: Expr::Or(Vec::new()) }, Err(error)),
        }
    }

    /// Another text of the same, or of a wrong, query.
    pub(super) fn unread(text: String) -> Self {
        Self { text, expr: Expr::Or(Vec::new()) }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn expr(&self) -> &Expr {
        &self.expr
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text of this query and `also`. What was typed stays as it is: a relative time stays relative.
    pub(super) fn and(&self, also: &Expr) -> String {
        match (&self.expr, also) {
            (_, Expr::All) => self.text.clone(),
            (Expr::All, also) => also.to_string(),
            (expr, also) => format!("{} AND {}", operand(expr, &self.text), operand(also, &also.to_string())),
        }
    }
}

/// OR binds weaker than AND.
fn operand(expr: &Expr, text: &str) -> String {
    if matches!(expr, Expr::Or(_)) { format!("({text})") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Typed {
        let (typed, told) = Typed::read(text, Timestamp::EPOCH);
        assert!(told.is_ok(), "{text}: {told:?}");
        typed
    }

    #[test]
    fn joined_texts_mean_both() {
        let also = typed("severity = ERROR OR outcome = failure").expr().clone();
        for (text, expected) in [
            ("", "severity = ERROR OR outcome = failure"),
            ("disk full", "disk full AND (severity = ERROR OR outcome = failure)"),
            ("a OR b", "(a OR b) AND (severity = ERROR OR outcome = failure)"),
            ("timestamp > now-5m", "timestamp > now-5m AND (severity = ERROR OR outcome = failure)"),
        ] {
            let joined = typed(text).and(&also);
            assert_eq!(joined, expected);
            let both = match typed(text).expr().clone() {
                Expr::All => also.clone(),
                Expr::And(terms) => Expr::And(terms.into_iter().chain([also.clone()]).collect()),
                expr => Expr::And(vec![expr, also.clone()]),
            };
            assert_eq!(*typed(&joined).expr(), both);
        }
        assert_eq!(typed("a OR b").and(&Expr::All), "a OR b");
    }

    #[test]
    fn what_is_wrong_matches_nothing() {
        let (wrong, told) = Typed::read("action =", Timestamp::EPOCH);
        assert!(told.is_err());
        assert_eq!((wrong.text(), wrong.expr()), ("action =", &Expr::Or(Vec::new())));
    }
}
