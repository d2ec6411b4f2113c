//! Pages of events, and one event.

use arrow_array::RecordBatch;
use auditwire_model::access::{Caller, Verb};
use auditwire_model::event::{Columns, Plane, view};
use auditwire_model::query::Expr;
use auditwire_model::{Position, ProjectId, Timestamp};

use super::asking::Asking;
use super::within;
use crate::Engine;
use crate::error::{Error, Kind, Result};
use crate::log::{Damage, Scan};
use crate::reading::{self, Looked};
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
    /// Where the next page goes on ([`Search::after`]); `None` when no more matches exist: at the end of the log
    /// (descending) or at its present end (ascending).
    pub next: Option<Position>,
    /// True when the time limit ended the search early; `next` continues it.
    pub partial: bool,
    /// Parts of the log that could not be read; their events are missing here.
    pub unreadable: Vec<Damage>,
}

/// One page of events. Positions are stable, so new events never shift a page.
///
/// # Errors
/// `forbidden`, `project_not_found`, `too_many_searches`.
pub async fn page(engine: &Engine, caller: &Caller, project: &ProjectId, search: &Search) -> Result<Page> {
    let looked = Looked::new(&search.query, search.plane, search.time_from, search.time_to);
    let mut look = reading::begin(engine, caller, project, Verb::ListEvents, looked).await?;
    let page = untold(engine, project, search).await?;
    look.showed(page.batches.iter().map(RecordBatch::num_rows).sum());
    Ok(page)
}

/// [`page`] for a verb that has asked for the right and tells of it itself.
pub(crate) async fn untold(engine: &Engine, project: &ProjectId, search: &Search) -> Result<Page> {
    let (mut from, mut to) = (Position(1), engine.log.head(project));
    match (search.order, search.after) {
        (_, None) => {}
        (Order::Ascending, Some(after)) => from = after.next(),
        (Order::Descending, Some(after)) => to = to.min(after.previous()),
    }
    let scan = Scan {
        project: project.clone(),
        from,
        to,
        time_from: search.time_from,
        time_to: search.time_to,
        predicate: within(search.query.clone(), search.plane),
        order: search.order,
        // One more than asked for tells whether there is another page.
        limit: Some(search.limit + 1),
        columns: Columns::ALL,
        numbered: false,
    };
    // Out of time before anything was decided, the search begins again where it began.
    let begin = if search.order == Order::Ascending { from.previous() } else { to.next() };
    collect(Asking::begin(engine, project, vec![scan], |batch| batch).await?, search.limit, begin).await
}

/// Takes up to `limit` rows; `through` is the position in front of the first one looked at.
pub(super) async fn collect(mut asking: Asking<RecordBatch>, limit: usize, mut through: Position) -> Result<Page> {
    let mut page = Page::default();
    let mut rows = 0;
    while let Some(piece) = asking.next().await? {
        through = piece.through;
        let Some(batch) = piece.value else { continue };
        let room = limit - rows;
        if batch.num_rows() > room {
            if room > 0 {
                page.batches.push(batch.slice(0, room));
            }
            page.next = page.batches.last().and_then(last_seq);
            return Ok(Page { unreadable: asking.into_damage(), ..page });
        }
        rows += batch.num_rows();
        page.batches.push(batch);
    }
    let partial = !asking.in_time();
    Ok(Page { next: partial.then_some(through), partial, unreadable: asking.into_damage(), ..page })
}

pub(super) fn last_seq(batch: &RecordBatch) -> Option<Position> {
    let row = batch.num_rows().checked_sub(1)?;
    view(batch, row).seq
}

/// One event, as a batch of one row.
///
/// # Errors
/// `forbidden`, `project_not_found`, `event_not_found`, `event_expired`.
pub async fn event(engine: &Engine, caller: &Caller, project: &ProjectId, seq: Position) -> Result<RecordBatch> {
    let looked = Looked::at(format!("seq = {seq}"));
    let mut look = reading::begin(engine, caller, project, Verb::GetEvent, looked).await?;
    let found = engine.log.event(project, seq).await?;
    look.showed(found.iter().len());
    found.ok_or_else(|| {
        if seq > Position::ZERO && seq < engine.log.first_kept(project) {
            let detail =
                format!("the event with seq {seq} was kept as long as the project's retention says and is gone");
            return Error::new(Kind::NotFound, "event_expired", detail);
        }
        Error::new(Kind::NotFound, "event_not_found", format!("there is no event with seq {seq}"))
    })
}
