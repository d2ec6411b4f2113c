//! The verbs that read events: pages, one event, live tail, and the questions beside a page (how many, when, which
//! values). API, console and CLI use these and decide nothing themselves.
//!
//! Every question is limited: in time ([`SearchSettings::time_max`]; it answers with what it has by then and says so), in
//! number at once per project (`too_many_searches`), and by whoever asks: dropping the future ends the scan.

mod asking;
mod count;
mod extent;
mod facets;
mod histogram;
mod known;
mod page;
mod sources;
mod tail;
#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

use auditwire_model::event::{Columns, Plane, columns};
use auditwire_model::query::{Expr, Field, Op, Value};
use auditwire_model::{Position, ProjectId, Timestamp};

use crate::log::Scan;
use crate::reading::Looked;
use crate::store::Order;

pub(crate) use asking::{Asking, one_after_the_other};
pub use count::{Count, count};
pub use facets::{FACETS_MAX, Facets, facets};
pub use histogram::{BUCKETS_MAX, Bucket, Counts, Histogram, histogram};
pub(crate) use known::number_known;
pub(crate) use page::untold;
pub use page::{Page, Search, event, page};
pub use sources::sources;
pub use tail::tail;

/// Limits of questions. Configuration; the defaults are the product's (section 10).
#[derive(Debug, Clone)]
pub struct SearchSettings {
    /// After this long a question is answered with what has been found. Default 30 s.
    pub time_max: Duration,
    /// Questions of one project at once. Default 16: a page of the console asks some ten at a time.
    pub searches_max: usize,
    /// How long a question waits for a place among them. Default 2 s.
    pub place_wait: Duration,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self { time_max: Duration::from_secs(30), searches_max: 16, place_wait: Duration::from_secs(2) }
    }
}

/// What is asked of [`count`], [`histogram`] and [`facets`]: the same words as a page's [`Search`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Which events, beside the following.
    pub query: Expr,
    /// `from <= timestamp`.
    pub time_from: Option<Timestamp>,
    /// `timestamp < to`.
    pub time_to: Option<Timestamp>,
    /// Only this plane.
    pub plane: Option<Plane>,
}

impl Default for Question {
    /// The whole log.
    fn default() -> Self {
        Self { query: Expr::All, time_from: None, time_to: None, plane: None }
    }
}

impl Question {
    /// What is told of whoever asks it.
    fn looked(&self) -> Looked {
        Looked::new(&self.query, self.plane, self.time_from, self.time_to)
    }

    /// The scan that answers it: every match, newest first, because what a question without enough time leaves out
    /// should be what is oldest. `columns` are those that the answer is made of.
    fn scan(&self, project: &ProjectId, columns: Columns) -> Scan {
        Scan {
            project: project.clone(),
            from: Position(1),
            to: Position(u64::MAX),
            time_from: self.time_from,
            time_to: self.time_to,
            predicate: within(self.query.clone(), self.plane),
            order: Order::Descending,
            limit: None,
            columns,
            numbered: false,
        }
    }
}

/// The query, and the plane if one is asked for.
pub(crate) fn within(query: Expr, plane: Option<Plane>) -> Expr {
    let Some(plane) = plane else { return query };
    let plane = Expr::Compare(Field::Column(columns::PLANE), Op::Equal, Value::Text(plane.as_str().to_owned()));
    if query == Expr::All { plane } else { Expr::And(vec![query, plane]) }
}
