//! One view of the Event log: what is searched for it, and its address. An address says all of it, so that whoever opens it
//! sees the same.

use auditwire_engine::search::{Page, Question, Search};
use auditwire_engine::store::Order;
use auditwire_model::event::Plane;
use auditwire_model::query::Expr;
use auditwire_model::{Position, Timestamp};

use super::filter::{Chosen, Facet};
use super::range::{Quick, Range};
use super::typed::Typed;
use crate::console::urls::Urls;

/// Where a page stands in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Place {
    /// At its beginning.
    #[default]
    First,
    /// Next to this event, towards newer ones.
    After(Position),
    /// Next to this event, towards older ones.
    Before(Position),
}

/// One view of the Event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) plane: Plane,
    pub(super) range: Range,
    pub(super) typed: Typed,
    pub(super) chosen: Chosen,
    pub(super) order: Order,
    pub(super) place: Place,
    /// What `now` meant on the first page, so that a quick range begins at the same time on all pages.
    pub(super) at: Option<Timestamp>,
    pub(super) live: bool,
    /// Count, histogram and values are part of the page (`with=counts`), for browsers without script: it waits for them.
    pub(super) counts: bool,
}

/// The search for a page of a view.
#[derive(Debug)]
pub(super) struct PageSearch {
    pub(super) search: Search,
    /// The rows come in the opposite order: the page is one towards the beginning.
    pub(super) reversed: bool,
}

impl View {
    /// The search for its page; `rows` is the most that a page holds.
    pub(super) fn search(&self, now: Timestamp, rows: usize) -> PageSearch {
        let now = self.at.unwrap_or(now);
        let (time_from, time_to) = if self.live { (None, None) } else { self.range.ends(now) };
        let order = self.shown_order();
        let (towards, after) = match self.place {
            Place::First => (order, None),
            Place::After(seq) => (Order::Ascending, Some(seq)),
            Place::Before(seq) => (Order::Descending, Some(seq)),
        };
        let plane = Some(self.plane);
        let query = self.query();
        let search = Search { query, time_from, time_to, plane, order: towards, after, limit: rows };
        PageSearch { search, reversed: towards != order }
    }

    /// What is asked beside the page: how many events, when, with which values. A quick range ends now.
    pub(super) fn question(&self, now: Timestamp) -> Question {
        let (time_from, time_to) = self.range.ends(self.at.unwrap_or(now));
        Question { query: self.query(), time_from, time_to, plane: Some(self.plane) }
    }

    /// The predicate of the search line and the chosen filters.
    pub(super) fn query(&self) -> Expr {
        match (self.typed.expr(), self.chosen.predicate()) {
            (Expr::All, chosen) => chosen,
            (typed, Expr::All) => typed.clone(),
            (typed, chosen) => Expr::And(vec![typed.clone(), chosen]),
        }
    }

    /// Something is searched for or filtered.
    pub(super) fn is_filtered(&self) -> bool {
        !self.typed.is_empty() || !self.chosen.is_empty()
    }

    /// Live views show the newest first, whatever was chosen before.
    pub(super) fn shown_order(&self) -> Order {
        if self.live { Order::Descending } else { self.order }
    }

    /// Going back has come to the beginning, or past the end: the first page shows more than this one.
    pub(super) fn begins_anew(&self, reversed: bool, found: &Page) -> bool {
        let over = found.next.is_none() && !found.partial;
        self.place != Place::First && over && (reversed || found.batches.is_empty())
    }

    /// Its address.
    pub(super) fn url(&self, urls: Urls<'_>) -> String {
        urls.events_view(&self.address())
    }

    /// The query of its address, without what is as usual.
    pub(super) fn address(&self) -> String {
        let mut out = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.fields() {
            out.append_pair(name, &value);
        }
        match self.range {
            Range::Quick(_) => {}
            Range::Between { from, to } => {
                for (name, time) in [("from", from), ("to", to)] {
                    if let Some(time) = time {
                        out.append_pair(name, &time.to_string());
                    }
                }
            }
        }
        if !self.typed.is_empty() {
            out.append_pair("q", self.typed.text());
        }
        for facet in Facet::EACH {
            out.extend_pairs(self.chosen.values(facet).into_iter().map(|value| (facet.name(), value)));
        }
        match self.place {
            Place::First => {}
            Place::After(seq) => drop(out.append_pair("after", &seq.to_string())),
            Place::Before(seq) => drop(out.append_pair("before", &seq.to_string())),
        }
        let depends_on_now = matches!(self.range, Range::Quick(_)) || !self.typed.is_empty();
        if let Some(at) = self.at.filter(|_| self.place != Place::First && depends_on_now) {
            out.append_pair("at", &at.to_string());
        }
        out.finish()
    }

    /// What the form of the filters carries along beside its controls.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = Vec::new();
        if self.plane == Plane::Data {
            fields.push(("plane", Plane::Data.as_str().to_owned()));
        }
        if let Range::Quick(quick) = self.range
            && quick != Quick::default()
        {
            fields.push(("range", quick.code().to_owned()));
        }
        if self.order == Order::Ascending {
            fields.push(("order", "asc".to_owned()));
        }
        if self.live {
            fields.push(("live", "1".to_owned()));
        }
        if self.counts {
            fields.push(("with", "counts".to_owned()));
        }
        fields
    }

    /// The same from its first page on.
    pub(super) fn first(&self) -> Self {
        Self { place: Place::First, at: None, ..self.clone() }
    }

    /// Another page of it, seen from a page that was made at `now`.
    pub(super) fn at_place(&self, place: Place, now: Timestamp) -> Self {
        let whole_second = now.as_nanos() - now.as_nanos().rem_euclid(1_000_000_000);
        let at = self.at.or(Timestamp::from_nanos(whole_second));
        Self { place, at, ..self.clone() }
    }

    pub(super) fn in_plane(&self, plane: Plane) -> Self {
        Self { plane, ..self.first() }
    }

    pub(super) fn in_range(&self, range: Range) -> Self {
        Self { range, ..self.first() }
    }

    pub(super) fn ordered(&self, order: Order) -> Self {
        Self { order, ..self.first() }
    }

    pub(super) fn unfiltered(&self) -> Self {
        Self { typed: Typed::default(), chosen: Chosen::default(), ..self.first() }
    }

    /// With another text in the search line.
    pub(super) fn typing(&self, text: String) -> Self {
        Self { typed: Typed::unread(text), ..self.first() }
    }

    /// Only those of its events that match `also`, too.
    pub(super) fn narrowed(&self, also: &Expr) -> Self {
        self.typing(self.typed.and(also))
    }

    /// The chosen filters as a part of the query's text.
    pub(super) fn as_query(&self) -> Self {
        Self { chosen: Chosen::default(), ..self.narrowed(&self.chosen.predicate()) }
    }

    pub(super) fn counting(&self) -> Self {
        Self { counts: true, ..self.clone() }
    }

    pub(super) fn going_live(&self, live: bool) -> Self {
        Self { live, ..self.first() }
    }
}
