//! The verbs that read events: pages, one event, live tail. API, console and CLI use these and decide nothing themselves.

mod sources;

use std::time::Duration;

use arrow_array::RecordBatch;
use auditwire_model::access::{Caller, Right};
use auditwire_model::event::{Plane, columns};
use auditwire_model::query::{Expr, Field, Op, Value};
use auditwire_model::{Position, ProjectId, Timestamp};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::time::{Instant, timeout_at};

use crate::error::{Error, Kind, Result};
use crate::log::{Log, Scan};
use crate::store::Order;
use crate::{Engine, projects};

pub use sources::sources;

/// After this long a search answers with what it has (product section 10).
const TIME_MAX: Duration = Duration::from_secs(30);
/// When a slot for a live tail may be free again.
const TAIL_WAIT: Duration = Duration::from_secs(5);

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
}

/// One page of events. Positions are stable, so new events never shift a page.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn page(engine: &Engine, caller: &Caller, project: &ProjectId, search: &Search) -> Result<Page> {
    projects::authorize(engine, caller, project, &[Right::Read(project)]).await?;
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
    };
    collect(engine.log.scan(scan), search.limit, Instant::now() + TIME_MAX).await
}

async fn collect(
    mut scan: BoxStream<'static, Result<crate::log::Scanned>>,
    limit: usize,
    deadline: Instant,
) -> Result<Page> {
    let mut page = Page::default();
    let (mut rows, mut through) = (0, None);
    loop {
        let scanned = match timeout_at(deadline, scan.next()).await {
            Err(_) => return Ok(Page { next: through, partial: true, ..page }),
            Ok(None) => return Ok(page),
            Ok(Some(scanned)) => scanned?,
        };
        let room = limit - rows;
        if scanned.batch.num_rows() > room {
            if room > 0 {
                page.batches.push(scanned.batch.slice(0, room));
            }
            page.next = page.batches.last().and_then(last_seq);
            return Ok(page);
        }
        rows += scanned.batch.num_rows();
        through = Some(scanned.through);
        if scanned.batch.num_rows() > 0 {
            page.batches.push(scanned.batch);
        }
    }
}

fn last_seq(batch: &RecordBatch) -> Option<Position> {
    let row = batch.num_rows().checked_sub(1)?;
    auditwire_model::event::view(batch, row).seq
}

/// One event, as a batch of one row.
///
/// # Errors
/// `forbidden`, `project_not_found`, `event_not_found`.
pub async fn event(engine: &Engine, caller: &Caller, project: &ProjectId, seq: Position) -> Result<RecordBatch> {
    projects::authorize(engine, caller, project, &[Right::Read(project)]).await?;
    let found = engine.log.event(project, seq).await?;
    found.ok_or_else(|| Error::new(Kind::NotFound, "event_not_found", format!("there is no event with seq {seq}")))
}

/// Matching events as they are committed, beginning after `after` (or at the present end of the log). Ends when the log
/// is closed. Dropping the stream frees its place among the project's tails.
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
    projects::authorize(engine, caller, project, &[Right::Read(project)]).await?;
    let Some(permit) = engine.log.tail_permit(project) else {
        let detail = "too many live tails of this project are open; close one or try again later";
        return Err(Error::new(Kind::Busy, "too_many_tails", detail).retry_after(TAIL_WAIT));
    };
    let head = engine.log.follow(project);
    let after = after.unwrap_or_else(|| *head.borrow());
    let follow = Follow {
        log: engine.log.clone(),
        project: project.clone(),
        predicate: within(query, plane),
        head,
        after,
        scan: None,
    };
    // The permit lives as long as the stream.
    let batches = stream::try_unfold((follow, permit), |(mut follow, permit)| async move {
        Ok(follow.next().await?.map(|batch| (batch, (follow, permit))))
    });
    Ok(batches.boxed())
}

struct Follow {
    log: Log,
    project: ProjectId,
    predicate: Expr,
    head: tokio::sync::watch::Receiver<Position>,
    after: Position,
    /// The scan under way.
    scan: Option<BoxStream<'static, Result<crate::log::Scanned>>>,
}

impl Follow {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(scan) = &mut self.scan {
                match scan.next().await {
                    Some(scanned) => {
                        let scanned = scanned?;
                        self.after = scanned.through;
                        if scanned.batch.num_rows() > 0 {
                            return Ok(Some(scanned.batch));
                        }
                        continue;
                    }
                    None => self.scan = None,
                }
            }
            let head = tokio::select! {
                head = passed(&mut self.head, self.after) => head,
                _ = self.log.ended() => None,
            };
            let Some(head) = head else { return Ok(None) };
            self.scan = Some(self.log.scan(self.question(head)));
        }
    }

    fn question(&self, to: Position) -> Scan {
        Scan {
            project: self.project.clone(),
            from: self.after.next(),
            to,
            time_from: None,
            time_to: None,
            predicate: self.predicate.clone(),
            order: Order::Ascending,
            limit: None,
        }
    }
}

async fn passed(head: &mut tokio::sync::watch::Receiver<Position>, after: Position) -> Option<Position> {
    head.wait_for(|head| *head > after).await.ok().map(|head| *head)
}

/// The query, and the plane if one is asked for.
pub(crate) fn within(query: Expr, plane: Option<Plane>) -> Expr {
    let Some(plane) = plane else { return query };
    let plane = Expr::Compare(Field::Column(columns::PLANE), Op::Equal, Value::Text(plane.as_str().to_owned()));
    if query == Expr::All { plane } else { Expr::And(vec![query, plane]) }
}

#[cfg(test)]
pub(crate) mod tests;
