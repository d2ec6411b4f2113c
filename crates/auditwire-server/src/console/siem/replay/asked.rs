//! The fields of the form, as they were sent.

use auditwire_engine::replays::{NewReplay, RATE, RATES};
use auditwire_model::Timestamp;

use crate::console::events::range::Quick;
use crate::console::form::{Form, FormErrors};
use crate::console::time::Calendar;
use crate::console::visible::line;
use crate::console::words::Words;

/// The range between two times of the form.
const BETWEEN: &str = "between";

/// What is to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The code of a quick range, or [`BETWEEN`].
    pub(super) range: String,
    /// As the field sends it.
    pub(super) from: String,
    pub(super) to: String,
    pub(super) q: String,
    pub(super) rate: String,
}

impl Asked {
    pub(super) fn read(form: &Form) -> Self {
        let text = |name: &str| form.text(name).to_owned();
        let (from, to, rate) = (text("from"), text("to"), text("rate"));
        let range = match form.text("range") {
            "" if !from.is_empty() || !to.is_empty() => BETWEEN.to_owned(),
            "" => Quick::default().code().to_owned(),
            given => given.to_owned(),
        };
        Self { range, from, to, q: text("q"), rate: if rate.is_empty() { RATE.to_string() } else { rate } }
    }

    /// As the query of the form's address.
    pub(super) fn address(&self) -> String {
        let Self { range, from, to, q, rate } = self;
        let pairs = [("range", range), ("from", from), ("to", to), ("q", q), ("rate", rate)];
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    pub(super) fn is_between(&self) -> bool {
        self.range == BETWEEN
    }

    /// The ranges to choose from.
    pub(super) fn ranges(&self, words: Words) -> Vec<(&'static str, String, bool)> {
        let quick = Quick::EACH.into_iter().map(|quick| (quick.code(), words.t(&format!("range-{}", quick.code()))));
        let all = quick.chain([(BETWEEN, words.t("replay-between"))]);
        all.map(|(code, text)| (code, text, code == self.range)).collect()
    }

    /// What the engine is asked for; what is wrong with a query, it says itself.
    pub(super) fn to_replay(&self, now: Timestamp, calendar: &Calendar, words: Words) -> Result<NewReplay, FormErrors> {
        let mut errors = FormErrors::none();
        let mut time = |field: &str, text: &str| {
            if text.is_empty() {
                return None;
            }
            let read = Timestamp::parse(text).ok().or_else(|| calendar.read_input(text));
            if read.is_none() {
                let wrong = words.with("events-wrong-time", "text", line(text, 60));
                errors = std::mem::take(&mut errors).and(field, wrong);
            }
            read
        };
        let (time_from, time_to) = match Quick::parse(&self.range) {
            Some(quick) => (quick.from(now), None),
            None if self.is_between() => (time("from", &self.from), time("to", &self.to)),
            None => (time("range", &self.range), None),
        };
        if self.is_between() && self.from.is_empty() && self.to.is_empty() {
            errors = errors.and("from", words.t("replay-no-time"));
        }
        let rate = self.rate.parse().ok().filter(|rate| RATES.contains(rate));
        if rate.is_none() {
            let values = [("from", *RATES.start()), ("to", *RATES.end())];
            let values = values.map(|(name, n)| (name, words.number(n.into())));
            errors = errors.and("rate", words.with_all("replay-wrong-rate", &values));
        }
        let query = Some(self.q.clone()).filter(|q| !q.is_empty());
        if errors.any() { Err(errors) } else { Ok(NewReplay { time_from, time_to, query, rate }) }
    }
}
