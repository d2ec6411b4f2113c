//! The toolbar's menus: one per filter, whose button says what is chosen, and the one of the time range.

use askama::Template;
use auditwire_engine::search::Facets;
use auditwire_model::Severity;
use auditwire_model::event::Outcome;

use super::asked::{Asked, VALUE_BYTES_MAX};
use super::filter::{Chosen, Facet};
use super::range::{Quick, Range};
use crate::console::time::Calendar;
use crate::console::urls::Urls;
use crate::console::visible::line;
use crate::console::words::Words;

/// So many values are named on a button.
const NAMED: usize = 2;
/// So many values are offered; a page is no place for more.
const VALUES_SHOWN: usize = 100;

/// A filter.
pub(super) struct Menu {
    /// The field of the form.
    pub(super) field: &'static str,
    pub(super) name: String,
    /// What is chosen, for the button; empty when nothing is.
    pub(super) chosen: String,
    /// Other values can be typed.
    pub(super) open: bool,
    pub(super) choices: Choices,
    /// Where its values come from when the menu is opened; none when they are here already.
    pub(super) load: Option<String>,
}

/// The values of a filter, as the page and the fragment show them.
#[derive(Template)]
#[template(path = "events/choices.html")]
pub(super) struct Choices {
    words: Words,
    field: &'static str,
    choices: Vec<Choice>,
    partial: bool,
}

/// One value of a filter.
struct Choice {
    value: String,
    label: String,
    /// Of a component of the stylesheet.
    class: String,
    checked: bool,
    /// How many events have it, when they were counted.
    count: Option<String>,
}

/// The filters. `sources` are those that occur; what is chosen is offered in any case. `counted` are the values of filters
/// that were counted already; the others load theirs when they are opened.
pub(super) fn filters(
    asked: &Asked,
    sources: Vec<String>,
    counted: Vec<(Facet, Choices)>,
    urls: Urls<'_>,
    words: Words,
) -> Vec<Menu> {
    let chosen = &asked.view.chosen;
    let mut counted: Vec<_> = counted.into_iter().map(|(facet, choices)| (facet, Some(choices))).collect();
    let mut take = |facet: Facet| counted.iter_mut().find(|(known, _)| *known == facet).and_then(|(_, c)| c.take());
    let menu = |facet: Facet| {
        let known = take(facet);
        let load = known.is_none() && asked.wrong.is_none() && !asked.view.live;
        Menu {
            field: facet.name(),
            name: words.t(facet.title()),
            chosen: button(chosen, facet, words),
            open: !facet.is_fixed(),
            choices: known.unwrap_or_else(|| offered(chosen, facet, &sources, words)),
            load: load.then(|| urls.facets(&asked.view.first().address(), facet.name())),
        }
    };
    Facet::EACH.map(menu).into()
}

/// What is chosen in a filter, for its button.
fn button(chosen: &Chosen, facet: Facet, words: Words) -> String {
    let mut values = chosen.values(facet);
    if facet == Facet::Severity {
        values.sort_by_key(|value| Severity::parse(value).map(|severity| std::cmp::Reverse(severity.rank())));
    }
    let named: Vec<String> = values.iter().take(NAMED).map(|value| line(&label(facet, value, words), 24)).collect();
    let mut text = named.join(", ");
    if let Some(more) = values.len().checked_sub(NAMED).filter(|more| *more > 0) {
        text.push_str(&format!(" +{more}"));
    }
    text
}

fn offered(chosen: &Chosen, facet: Facet, sources: &[String], words: Words) -> Choices {
    let known = if facet == Facet::Source { sources } else { &[] };
    choices(chosen, facet, known.iter().map(|value| (value.clone(), None)).collect(), words)
}

/// The values of a filter that occur, the most frequent first, with their numbers.
pub(super) fn counted(chosen: &Chosen, facet: Facet, found: &Facets, words: Words) -> Choices {
    let values = found.values.iter().map(|(value, count)| (value.clone(), Some(words.number(*count))));
    Choices { partial: found.partial, ..choices(chosen, facet, values.collect(), words) }
}

fn choices(chosen: &Chosen, facet: Facet, known: Vec<(String, Option<String>)>, words: Words) -> Choices {
    let checked = chosen.values(facet);
    let mut values: Vec<(String, Option<String>)> = match facet {
        Facet::Severity => Severity::ALL.iter().rev().map(|severity| (severity.as_str().to_owned(), None)).collect(),
        Facet::Outcome => [Outcome::Success, Outcome::Failure, Outcome::Unknown]
            .map(|outcome| (outcome.as_str().to_owned(), None))
            .into(),
        _ => checked.iter().map(|value| ((*value).to_owned(), None)).collect(),
    };
    let room = VALUES_SHOWN + checked.len();
    for (value, count) in known {
        let there = values.iter().position(|(there, _)| *there == value);
        match there {
            Some(at) => values[at].1 = count,
            None if facet.is_fixed() || values.len() >= room => {}
            None if value.is_empty() || value.len() > VALUE_BYTES_MAX => {}
            None => values.push((value, count)),
        }
    }
    let choice = |(value, count): (String, Option<String>)| Choice {
        label: line(&label(facet, &value, words), 60),
        class: match facet {
            Facet::Severity => {
                format!("severity s{}", Severity::parse(&value).map_or(0, |severity| severity.rank()))
            }
            Facet::Outcome => format!("outcome {value}"),
            _ => String::new(),
        },
        checked: checked.contains(&value.as_str()),
        value,
        count,
    };
    let choices = values.into_iter().map(choice).collect();
    Choices { words, field: facet.name(), choices, partial: false }
}

fn label(facet: Facet, value: &str, words: Words) -> String {
    if facet == Facet::Outcome { words.t(&format!("outcome-{value}")) } else { value.to_owned() }
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

    const ENGLISH: Words = Words(Language::English);

    #[test]
    fn a_button_names_what_is_chosen() {
        let mut chosen = Chosen { severities: vec![Severity::Error, Severity::Critical], ..Chosen::default() };
        let button = |chosen: &Chosen, facet: Facet| button(chosen, facet, ENGLISH);
        assert_eq!(button(&chosen, Facet::Source), "");
        assert_eq!(button(&chosen, Facet::Severity), "CRITICAL, ERROR");
        chosen.severities.extend([Severity::Alert, Severity::Emergency]);
        assert_eq!(button(&chosen, Facet::Severity), "EMERGENCY, ALERT +2");
        chosen.sources = vec!["x".repeat(65_536)];
        assert_eq!(button(&chosen, Facet::Source).chars().count(), 25);
    }

    #[test]
    fn a_chosen_source_is_offered_though_it_does_not_occur() {
        let chosen = Chosen { sources: vec!["gone".to_owned()], ..Chosen::default() };
        let many: Vec<String> = (0..500).map(|n| format!("s{n}")).collect();
        let offered = offered(&chosen, Facet::Source, &many, ENGLISH);
        assert_eq!(offered.choices.len(), 1 + VALUES_SHOWN);
        assert!(offered.choices.iter().any(|choice| choice.value == "gone" && choice.checked));
    }

    fn facets(values: Vec<(String, u64)>) -> Facets {
        Facets { values, more: false, partial: false }
    }

    #[test]
    fn numbers_stand_at_their_values() {
        let chosen = Chosen { actions: vec!["b".to_owned()], ..Chosen::default() };
        let values = vec![("a".to_owned(), 7), ("b".to_owned(), 1_234), ("x".repeat(257), 1), (String::new(), 1)];
        let found = facets(values);
        let shown = counted(&chosen, Facet::Action, &found, ENGLISH).choices;
        let shown: Vec<_> = shown.iter().map(|c| (c.value.as_str(), c.checked, c.count.as_deref())).collect();
        assert_eq!(shown, [("b", true, Some("1,234")), ("a", false, Some("7"))]);
        let found = facets(vec![("ERROR".to_owned(), 2)]);
        let severities = counted(&chosen, Facet::Severity, &found, ENGLISH).choices;
        assert_eq!(severities.len(), Severity::ALL.len());
        assert_eq!(severities.iter().filter(|choice| choice.count.is_some()).count(), 1);
    }
}
