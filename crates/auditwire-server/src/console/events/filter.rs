//! The filters of the list, and what they mean in the search language. Values of one filter are joined by OR, filters by AND.

use auditwire_model::Severity;
use auditwire_model::event::{Outcome, columns};
use auditwire_model::query::{Expr, Field, Op, Value};

/// A filter of the toolbar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Facet {
    Source,
    Severity,
    Outcome,
    Action,
    User,
    Type,
}

impl Facet {
    /// In the order of the toolbar, and of addresses.
    pub(super) const EACH: [Self; 6] =
        [Self::Source, Self::Severity, Self::Outcome, Self::Action, Self::User, Self::Type];

    /// In addresses and forms.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Severity => "severity",
            Self::Outcome => "outcome",
            Self::Action => "action",
            Self::User => "user",
            Self::Type => "type",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::EACH.into_iter().find(|facet| facet.name() == name)
    }

    /// The text that names it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Source => "events-source",
            Self::Severity => "events-severity",
            Self::Outcome => "events-outcome",
            Self::Action => "events-action",
            Self::User => "events-user-id",
            Self::Type => "events-resource-type",
        }
    }

    /// What it filters by.
    pub(super) fn field(self) -> Field {
        Field::Column(match self {
            Self::Source => columns::SOURCE_ID,
            Self::Severity => columns::SEVERITY,
            Self::Outcome => columns::OUTCOME,
            Self::Action => columns::ACTION,
            Self::User => columns::SUBJECT_USER_ID,
            Self::Type => columns::RESOURCE_TYPE,
        })
    }

    /// Its values are the same in every log.
    pub(super) fn is_fixed(self) -> bool {
        matches!(self, Self::Severity | Self::Outcome)
    }
}

/// What is chosen in the filters. A filter without values lets everything pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Chosen {
    pub(super) sources: Vec<String>,
    pub(super) severities: Vec<Severity>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) actions: Vec<String>,
    pub(super) users: Vec<String>,
    pub(super) types: Vec<String>,
}

impl Chosen {
    /// Nothing is filtered.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The values of one filter, as addresses hold them.
    pub(super) fn values(&self, facet: Facet) -> Vec<&str> {
        match facet {
            Facet::Source => self.sources.iter().map(String::as_str).collect(),
            Facet::Severity => self.severities.iter().map(|severity| severity.as_str()).collect(),
            Facet::Outcome => self.outcomes.iter().map(|outcome| outcome.as_str()).collect(),
            Facet::Action => self.actions.iter().map(String::as_str).collect(),
            Facet::User => self.users.iter().map(String::as_str).collect(),
            Facet::Type => self.types.iter().map(String::as_str).collect(),
        }
    }

    /// The same without one of the filters: what its menu offers does not depend on what is chosen in it.
    pub(super) fn without(&self, facet: Facet) -> Self {
        let mut rest = self.clone();
        match facet {
            Facet::Source => rest.sources.clear(),
            Facet::Severity => rest.severities.clear(),
            Facet::Outcome => rest.outcomes.clear(),
            Facet::Action => rest.actions.clear(),
            Facet::User => rest.users.clear(),
            Facet::Type => rest.types.clear(),
        }
        rest
    }

    /// The chosen values as one predicate.
    pub(super) fn predicate(&self) -> Expr {
        let filters = Facet::EACH.map(|facet| one_of(&facet.field(), self.terms(facet)));
        let mut filters: Vec<Expr> = filters.into_iter().flatten().collect();
        match filters.len() {
            0 => Expr::All,
            1 => filters.remove(0),
            _ => Expr::And(filters),
        }
    }

    fn terms(&self, facet: Facet) -> Vec<Value> {
        if facet == Facet::Severity {
            return self.severities.iter().map(|severity| Value::Severity(*severity)).collect();
        }
        self.values(facet).into_iter().map(|text| Value::Text(text.to_owned())).collect()
    }
}

/// The field has one of these values; `None` without values.
fn one_of(field: &Field, values: Vec<Value>) -> Option<Expr> {
    let mut terms: Vec<Expr> = values.into_iter().map(|value| Expr::Compare(field.clone(), Op::Equal, value)).collect();
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

    #[test]
    fn a_menu_offers_values_as_if_nothing_were_chosen_in_it() {
        let texts = || vec!["a".to_owned(), "b".to_owned()];
        let chosen = Chosen {
            sources: texts(),
            severities: vec![Severity::Error],
            outcomes: vec![Outcome::Unknown],
            actions: texts(),
            users: texts(),
            types: texts(),
        };
        for facet in Facet::EACH {
            assert_eq!(Facet::parse(facet.name()), Some(facet));
            let rest = chosen.without(facet);
            assert!(rest.values(facet).is_empty() && !chosen.values(facet).is_empty());
            let others = Facet::EACH.into_iter().filter(|other| *other != facet);
            assert!(others.into_iter().all(|other| rest.values(other) == chosen.values(other)), "{facet:?}");
            let name = facet.field().to_string();
            assert!(chosen.predicate().to_string().contains(&name) && !rest.predicate().to_string().contains(&name));
        }
    }
}
