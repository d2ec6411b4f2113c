//! The filters of the list, and what they mean in the search language. Values of one filter are joined by OR, filters by AND.

use auditwire_model::Severity;
use auditwire_model::event::{Outcome, columns};
use auditwire_model::query::{Expr, Field, Op, Value};

/// What is chosen in the filters. A filter without values lets everything pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Chosen {
    pub(super) sources: Vec<String>,
    pub(super) severities: Vec<Severity>,
    pub(super) outcomes: Vec<Outcome>,
}

impl Chosen {
    /// Nothing is filtered.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The chosen values as one predicate.
    pub(super) fn predicate(&self) -> Expr {
        let sources = self.sources.iter().map(|source| Value::Text(source.clone()));
        let severities = self.severities.iter().map(|severity| Value::Severity(*severity));
        let outcomes = self.outcomes.iter().map(|outcome| Value::Text(outcome.as_str().to_owned()));
        let filters = [
            one_of(columns::SOURCE_ID, sources),
            one_of(columns::SEVERITY, severities),
            one_of(columns::OUTCOME, outcomes),
        ];
        let mut filters: Vec<Expr> = filters.into_iter().flatten().collect();
        match filters.len() {
            0 => Expr::All,
            1 => filters.remove(0),
            _ => Expr::And(filters),
        }
    }
}

/// The column has one of these values; `None` without values.
fn one_of(column: usize, values: impl Iterator<Item = Value>) -> Option<Expr> {
    let mut terms: Vec<Expr> = values.map(|value| Expr::Compare(Field::Column(column), Op::Equal, value)).collect();
    match terms.len() {
        0 => None,
        1 => terms.pop(),
        _ => Some(Expr::Or(terms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chosen: &Chosen, expected: &str) {
        assert_eq!(chosen.predicate().to_string(), expected);
    }

    #[test]
    fn nothing_chosen_matches_everything() {
        assert!(Chosen::default().is_empty());
        assert_eq!(Chosen::default().predicate(), Expr::All);
    }

    #[test]
    fn values_of_one_filter_are_or_and_filters_are_and() {
        let mut chosen = Chosen { sources: vec!["iam".to_owned()], ..Chosen::default() };
        check(&chosen, "source.id = iam");
        chosen.severities = vec![Severity::Error, Severity::Critical];
        check(&chosen, "source.id = iam AND (severity = ERROR OR severity = CRITICAL)");
        chosen.outcomes = vec![Outcome::Failure];
        check(&chosen, "source.id = iam AND (severity = ERROR OR severity = CRITICAL) AND outcome = failure");
        assert!(!chosen.is_empty());
    }

    #[test]
    fn a_source_is_a_value_and_never_part_of_the_expression() {
        let hostile = Chosen { sources: vec!["x\" OR severity = ERROR".to_owned()], ..Chosen::default() };
        check(&hostile, r#"source.id = "x\" OR severity = ERROR""#);
    }
}
