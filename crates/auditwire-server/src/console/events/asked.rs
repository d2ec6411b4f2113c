//! Reads an address of the Event log: what is wrong in it is explained, and the rest is shown.

use auditwire_engine::store::Order;
use auditwire_model::event::{Outcome, Plane};
use auditwire_model::query::{Hint, QueryError};
use auditwire_model::{Position, Severity, Timestamp};

use super::filter::{Chosen, Facet};
use super::range::{Quick, Range, read_time};
use super::typed::Typed;
use super::view::{Place, View};
use crate::api::Problem;
use crate::console::form::{Form, FormErrors};
use crate::console::time::Calendar;
use crate::console::visible::line;
use crate::console::words::Words;

/// So many values of a filter can be chosen: each is looked for in each event, and stands in every link of the page.
const VALUES_MAX: usize = 100;
/// Longer ones are not offered either.
pub(super) const VALUE_BYTES_MAX: usize = 256;

/// An address as it was read.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) view: View,
    /// By the fields `range`, `from`, `to`, and the names of the filters.
    pub(super) errors: FormErrors,
    /// What is wrong with the query; then nothing matches.
    pub(super) wrong: Option<QueryError>,
    /// What is probably not meant in the query.
    pub(super) hints: Vec<Hint>,
    /// The end that lies before the beginning, so that it can be corrected.
    pub(super) wrong_end: Option<Timestamp>,
}

impl Asked {
    /// Reads the query of an address.
    pub(super) fn read(query: &str, calendar: &Calendar, words: Words) -> Self {
        let form = Form::parse(query.as_bytes());
        let mut errors = FormErrors::none();
        let (range, wrong_end) = read_range(&form, calendar, words, &mut errors);
        let mut texts = |facet: Facet| texts(&form, facet, words, &mut errors);
        let (sources, actions) = (texts(Facet::Source), texts(Facet::Action));
        let (users, types) = (texts(Facet::User), texts(Facet::Type));
        let severities = values(&form, "severity", Severity::parse, words, &mut errors);
        let outcomes = values(&form, "outcome", Outcome::parse, words, &mut errors);
        let chosen = Chosen { sources, severities, outcomes, actions, users, types };
        let position = |name: &str| form.text(name).parse().ok().map(Position);
        let place = match (position("after"), position("before")) {
            (Some(seq), _) => Place::After(seq),
            (None, Some(seq)) => Place::Before(seq),
            (None, None) => Place::First,
        };
        let live = form.has("live");
        let at = Timestamp::parse(form.text("at")).ok().filter(|_| place != Place::First);
        let (typed, told) = Typed::read(form.text("q"), at.unwrap_or(calendar.now()));
        let view = View {
            plane: Plane::parse(form.text("plane")).unwrap_or(Plane::Control),
            range,
            typed,
            chosen,
            order: if form.text("order") == "asc" { Order::Ascending } else { Order::Descending },
            place: if live { Place::First } else { place },
            at,
            live,
            counts: form.text("with") == "counts",
        };
        let (wrong, hints) = match told {
            Ok(hints) => (None, hints),
            Err(error) => (Some(error), Vec::new()),
        };
        Self { view, errors, wrong, hints, wrong_end }
    }

    /// Nothing can be searched when the query is wrong.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn searchable(self) -> Result<View, Problem> {
        match self.wrong {
            None => Ok(self.view),
            Some(error) => Err(Problem::bad_request(error.code, error.detail).in_field("q")),
        }
    }
}

/// From and to count when one of them is there, else the quick range.
fn read_range(form: &Form, calendar: &Calendar, words: Words, errors: &mut FormErrors) -> (Range, Option<Timestamp>) {
    let mut told = |field: &str, text: String| *errors = std::mem::take(errors).and(field, text);
    let code = form.text("range");
    let quick = Quick::parse(code);
    if quick.is_none() && !code.is_empty() {
        told("range", unknown(words, code));
    }
    let mut wrong_end = None;
    let [from, mut to] = ["from", "to"].map(|name| {
        let text = form.text(name);
        let time = read_time(text, form.text("zone"), calendar);
        if time.is_none() && !text.is_empty() {
            told(name, words.with("events-wrong-time", "text", line(text, 40)));
        }
        time
    });
    if let (Some(begin), Some(end)) = (from, to)
        && end <= begin
    {
        told("to", words.t("events-wrong-end"));
        wrong_end = to.take();
    }
    let range = match (from, to) {
        (None, None) => Range::Quick(quick.unwrap_or_default()),
        (from, to) => Range::Between { from, to },
    };
    (range, wrong_end)
}

/// The values of a filter by texts, each once, in the order of the address, as far as they are neither too many nor too long.
fn texts(form: &Form, facet: Facet, words: Words, errors: &mut FormErrors) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for text in form.all(facet.name()).filter(|text| !text.is_empty()) {
        if found.iter().any(|known| known == text) {
            continue;
        }
        if found.len() == VALUES_MAX || text.len() > VALUE_BYTES_MAX {
            *errors = std::mem::take(errors).and(facet.name(), unknown(words, text));
            break;
        }
        found.push(text.to_owned());
    }
    found
}

/// The values of a filter, each once, in the order of the address.
fn values<T: PartialEq>(
    form: &Form,
    name: &str,
    parse: impl Fn(&str) -> Option<T>,
    words: Words,
    errors: &mut FormErrors,
) -> Vec<T> {
    let mut found = Vec::new();
    for text in form.all(name).filter(|text| !text.is_empty()) {
        match parse(text) {
            Some(value) if !found.contains(&value) => found.push(value),
            Some(_) => {}
            None => *errors = std::mem::take(errors).and(name, unknown(words, text)),
        }
    }
    found
}

fn unknown(words: Words, text: &str) -> String {
    words.with("events-wrong-value", "text", line(text, 40))
}

#[cfg(test)]
mod tests;
