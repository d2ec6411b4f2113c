//! The verbs that read events: pages, one event, live tail. API, console and CLI use these and decide nothing themselves.

use arrow_array::RecordBatch;
use auditwire_model::access::Caller;
use auditwire_model::event::Plane;
use auditwire_model::query::Expr;
use auditwire_model::{Position, ProjectId, Timestamp};
use futures_util::stream::BoxStream;

use crate::Engine;
use crate::error::{Error, Result};
use crate::store::Order;

/// One page's question. The same value serves API, export and tail.
#[derive(Debug, Clone)]
pub struct Search {
    /// Which events, beside the following.
    pub query: Expr,
    /// `from <= timestamp`.
    pub time_from: Option<Timestamp>,
    /// `timestamp < to`.
    pub time_to: Option<Timestamp>,
    /// Only this plane.
    pub plane: Option<Plane>,
    /// Direction of `seq`.
    pub order: Order,
    /// Go on after (ascending) or before (descending) this position.
    pub after: Option<Position>,
    /// 1–1000.
    pub limit: usize,
}

/// One page.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Matching rows in order; together at most `limit`.
    pub batches: Vec<RecordBatch>,
    /// Where the next page goes on; `None` at the end of the log (descending) or at its present end (ascending).
    pub next: Option<Position>,
    /// True when the time limit ended the search early; `next` continues it.
    pub partial: bool,
}

/// One page of events.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn page(engine: &Engine, caller: &Caller, project: &ProjectId, search: &Search) -> Result<Page> {
    let _ = (engine, caller, project, search);
    Err(Error::not_available("search"))
}

/// One event, as a batch of one row.
///
/// # Errors
/// `forbidden`, `project_not_found`, `event_not_found`.
pub async fn event(engine: &Engine, caller: &Caller, project: &ProjectId, seq: Position) -> Result<RecordBatch> {
    let _ = (engine, caller, project, seq);
    Err(Error::not_available("search"))
}

/// Matching events as they are committed, beginning after `after` (or at the present end of the log).
///
/// # Errors
/// `forbidden`, `project_not_found`, `too_many_tails`.
pub async fn tail(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    query: Expr,
    plane: Option<Plane>,
    after: Option<Position>,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let _ = (engine, caller, project, query, plane, after);
    Err(Error::not_available("tail"))
}
