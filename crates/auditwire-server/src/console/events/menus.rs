//! The toolbar's menus: one per filter, whose button says what is chosen, and the one of the time range.

use auditwire_model::Severity;
use auditwire_model::event::Outcome;

use super::asked::Asked;
use super::filter::Chosen;
use super::range::{Quick, Range};
use crate::console::time::Calendar;
use crate::console::urls::Urls;
use crate::console::visible::line;
use crate::console::words::Words;

/// So many values are named on a button.
const NAMED: usize = 2;
/// So many sources are offered; a page is no place for more.
const SOURCES_SHOWN: usize = 100;

/// A filter.
#[derive(Debug)]
pub(super) struct Menu {
    /// The field of the form.
    pub(super) field: &'static str,
    pub(super) name: String,
    /// What is chosen, for the button; empty when nothing is.
    pub(super) chosen: String,
    pub(super) choices: Vec<Choice>,
}

/// One value of a filter.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    /// Of a component of the stylesheet.
    pub(super) class: String,
    pub(super) checked: bool,
}

/// The menu of the time range.
#[derive(Debug)]
pub(super) struct TimeMenu {
    pub(super) chosen: String,
    pub(super) quick: Vec<QuickLink>,
    /// What stands in the fields.
    pub(super) from: String,
    pub(super) to: String,
}

/// One quick range.
#[derive(Debug)]
pub(super) struct QuickLink {
    pub(super) url: String,
    pub(super) text: String,
    pub(super) current: bool,
}

/// The filters. `sources` are those that occur; what is chosen is offered in any case.
pub(super) fn filters(chosen: &Chosen, sources: Vec<String>, words: Words) -> Vec<Menu> {
    let mut offered: Vec<String> = chosen.sources.clone();
    offered.extend(sources.into_iter().filter(|source| !chosen.sources.contains(source)).take(SOURCES_SHOWN));
    offered.sort_unstable();
    let sources = offered.into_iter().map(|value| {
        let (label, checked) = (line(&value, 60), chosen.sources.contains(&value));
        Choice { value, label, class: String::new(), checked }
    });
    let severities = Severity::ALL.into_iter().rev().map(|severity| Choice {
        value: severity.as_str().to_owned(),
        label: severity.as_str().to_owned(),
        class: format!("severity s{}", severity.rank()),
        checked: chosen.severities.contains(&severity),
    });
    let outcomes = [Outcome::Success, Outcome::Failure, Outcome::Unknown].into_iter().map(|outcome| Choice {
        value: outcome.as_str().to_owned(),
        label: words.t(&format!("outcome-{}", outcome.as_str())),
        class: format!("outcome {}", outcome.as_str()),
        checked: chosen.outcomes.contains(&outcome),
    });
    vec![
        menu("source", words.t("events-source"), sources.collect()),
        menu("severity", words.t("events-severity"), severities.collect()),
        menu("outcome", words.t("events-outcome"), outcomes.collect()),
    ]
}

fn menu(field: &'static str, name: String, choices: Vec<Choice>) -> Menu {
    let checked: Vec<&Choice> = choices.iter().filter(|choice| choice.checked).collect();
    let named: Vec<String> = checked.iter().take(NAMED).map(|choice| line(&choice.label, 24)).collect();
    let mut chosen = named.join(", ");
    if let Some(more) = checked.len().checked_sub(NAMED).filter(|more| *more > 0) {
        chosen.push_str(&format!(" +{more}"));
    }
    Menu { field, name, chosen, choices }
}

/// The time range.
pub(super) fn time(asked: &Asked, urls: Urls<'_>, calendar: &Calendar, words: Words) -> TimeMenu {
    let view = &asked.view;
    let quick = Quick::EACH.map(|quick| QuickLink {
        url: view.in_range(Range::Quick(quick)).url(urls),
        text: words.t(&format!("range-{}", quick.code())),
        current: view.range == Range::Quick(quick),
    });
    let (from, to) = match view.range {
        Range::Quick(_) => (None, None),
        Range::Between { from, to } => (from, to),
    };
    let chosen = match (view.range, from, to) {
        (Range::Quick(quick), ..) => words.t(&format!("range-{}", quick.code())),
        (_, Some(from), None) => words.with("events-since", "time", calendar.when(from).local),
        (_, None, Some(to)) => words.with("events-until", "time", calendar.when(to).local),
        (_, from, to) => {
            let local = |time: Option<_>| time.map(|time| calendar.when(time).local).unwrap_or_default();
            format!("{} – {}", local(from), local(to))
        }
    };
    let field = |time: Option<_>| time.map(|time| calendar.input(time)).unwrap_or_default();
    TimeMenu { chosen, quick: quick.into(), from: field(from), to: field(to.or(asked.wrong_end)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::words::Language;

    #[test]
    fn a_button_names_what_is_chosen() {
        let mut chosen = Chosen { severities: vec![Severity::Error, Severity::Critical], ..Chosen::default() };
        let button = |chosen: &Chosen, n: usize| {
            filters(chosen, vec!["iam".to_owned()], Words(Language::English)).swap_remove(n).chosen
        };
        assert_eq!(button(&chosen, 0), "");
        assert_eq!(button(&chosen, 1), "CRITICAL, ERROR");
        chosen.severities.extend([Severity::Alert, Severity::Emergency]);
        assert_eq!(button(&chosen, 1), "EMERGENCY, ALERT +2");
        chosen.sources = vec!["x".repeat(65_536)];
        assert_eq!(button(&chosen, 0).chars().count(), 25);
    }

    #[test]
    fn a_chosen_source_is_offered_though_it_does_not_occur() {
        let chosen = Chosen { sources: vec!["gone".to_owned()], ..Chosen::default() };
        let many = (0..500).map(|n| format!("s{n}")).collect();
        let menu = filters(&chosen, many, Words(Language::English)).swap_remove(0);
        assert_eq!(menu.choices.len(), 1 + SOURCES_SHOWN);
        assert!(menu.choices.iter().any(|choice| choice.value == "gone" && choice.checked));
    }
}
