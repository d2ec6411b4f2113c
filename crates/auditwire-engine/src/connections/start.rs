//! Where an activated connection begins (product section 4), and what that leaves out.
//!
//! The sender that ran has ended when this is decided ([`Delivery::pause`](crate::delivery::Delivery::pause)). Taking over
//! begins behind its *settled* cursor when its receiver closed after it, which proves that everything was read; else before
//! the overlap that a break would have sent again. Those events go to both receivers: the price of never leaving one out.

use auditwire_model::event::Columns;
use auditwire_model::query::Expr;
use auditwire_model::{ConnectionId, Position, ProjectId, Timestamp, event};
use futures_util::StreamExt;

use super::Start;
use super::stored::{self, Versioned};
use crate::Engine;
use crate::error::{Error, Kind, Result};
use crate::log::Scan;
use crate::records::{ActiveConnection, Cursor, Moved};
use crate::store::{Expect, Order};

/// A decided beginning. Any but one that continues ends a second stream, whose numbers and counters the cursor then has.
#[derive(Debug)]
pub(super) struct Beginning {
    /// The cursor to store.
    pub(super) cursor: Cursor,
    /// A second stream goes on, too, if there is one.
    pub(super) continues: bool,
    /// That the connection's cursor is still as it was read.
    pub(super) unchanged: Expect,
    /// First position that will be sent.
    pub(super) start_at: Position,
    /// What no connection has settled and this one will not send.
    pub(super) skipped: Option<(Position, Position)>,
    /// That it goes on elsewhere than where it had come.
    pub(super) moved: Option<Moved>,
}

/// Decides where `id` begins.
///
/// # Errors
/// `nothing_to_take_over`, `nothing_to_continue`.
pub(super) async fn decide(
    engine: &Engine,
    project: &ProjectId,
    id: &ConnectionId,
    start: Start,
    active: &ActiveConnection,
) -> Result<Beginning> {
    let own = stored::cursor(engine, project, id).await?;
    let unchanged = own.as_ref().map_or(Expect::Absent, Versioned::unchanged);
    let own = own.map(|c| c.value);
    let head = engine.log.head(project);
    let settled = settled_so_far(engine, project, active).await?;
    let behind = match (meant(start, id, active, own.is_some(), settled), &own) {
        (Start::Continue, Some(own)) => {
            return Ok(Beginning {
                start_at: own.done_through().next(),
                cursor: own.clone(),
                continues: true,
                unchanged,
                skipped: None,
                moved: None,
            });
        }
        (Start::Continue, None) => {
            let detail = "this connection was never active, so there is nothing to continue";
            return Err(Error::new(Kind::Conflict, "nothing_to_continue", detail));
        }
        (Start::TakeOver, _) => settled.ok_or_else(|| {
            let detail = "no connection of this project was ever active, so there is nothing to take over";
            Error::new(Kind::Conflict, "nothing_to_take_over", detail)
        })?,
        (Start::Now | Start::Default, _) => head,
        (Start::From(time), _) => first_received_since(engine, project, time, head).await?.previous(),
    };
    let first_left_out = settled.unwrap_or(Position::ZERO).next();
    let skipped = (first_left_out <= behind).then_some((first_left_out, behind));
    let from = own.as_ref().map(|own| own.settled);
    let jump = (from != Some(behind)).then_some(Moved { from, to: behind });
    let own = own.unwrap_or_else(Cursor::beginning);
    let own = stored::fresh(engine, project, id).await?.map_or(own.clone(), |fresh| fresh.given_up(&own, head));
    let (cursor, start_at) = (moved(own, behind), behind.next());
    Ok(Beginning { cursor, continues: false, unchanged, start_at, skipped, moved: jump })
}

/// What [`Start::Default`] stands for at present; any other choice stands for itself.
pub(super) fn meant(
    start: Start,
    id: &ConnectionId,
    active: &ActiveConnection,
    was_active: bool,
    settled: Option<Position>,
) -> Start {
    let other_active = active.connection.as_ref().is_some_and(|other| other != id);
    match start {
        Start::Default if other_active && settled.is_some() => Start::TakeOver,
        Start::Default if !other_active && was_active => Start::Continue,
        Start::Default => Start::Now,
        chosen => chosen,
    }
}

/// The cursor of the active connection, else of the one stopped last: what this project's SIEM has settled.
pub(super) async fn settled_so_far(
    engine: &Engine,
    project: &ProjectId,
    active: &ActiveConnection,
) -> Result<Option<Position>> {
    if let Some(source) = active.connection.as_ref().or(active.previous.as_ref())
        && let Some(cursor) = stored::cursor(engine, project, source).await?
    {
        return Ok(Some(cursor.value.done_through()));
    }
    Ok(active.previous_settled)
}

/// The connection's cursor behind `behind`. Delivery numbers and counters go on, so that no number is given twice.
fn moved(own: Cursor, behind: Position) -> Cursor {
    Cursor { settled: behind, resend_from: None, resend_n: None, ..own }
}

/// First position received at or after `time`; the one behind `head` when there is none. `received_at` never decreases
/// with the position, so halving finds it with one row read per step.
async fn first_received_since(
    engine: &Engine,
    project: &ProjectId,
    time: Timestamp,
    head: Position,
) -> Result<Position> {
    let (mut low, mut high) = (Position(1), head.next());
    while low < high {
        let middle = Position(low.0 + (high.0 - low.0) / 2);
        match received_at(engine, project, middle, head).await? {
            Some(received) if received < time => low = middle.next(),
            _ => high = middle,
        }
    }
    Ok(low)
}

/// When the first event at or after `from` was received.
async fn received_at(
    engine: &Engine,
    project: &ProjectId,
    from: Position,
    head: Position,
) -> Result<Option<Timestamp>> {
    let columns = Columns::of(&[event::columns::SEQ, event::columns::RECEIVED_AT]);
    let mut found = engine.log.scan(Scan { columns, ..range(project, from, head, Expr::All, Some(1)) });
    while let Some(scanned) = found.next().await {
        let scanned = scanned?;
        if let Some(first) = event::rows(&scanned.batch).next() {
            let at = first.seq.unwrap_or(from);
            // Only what counts as its time is in order of the positions.
            return Ok(Some(engine.log.received(project, at, first.received_at)));
        }
    }
    Ok(None)
}

pub(super) fn range(project: &ProjectId, from: Position, to: Position, predicate: Expr, limit: Option<usize>) -> Scan {
    let (order, columns) = (Order::Ascending, Columns::ALL);
    Scan {
        project: project.clone(),
        from,
        to,
        time_from: None,
        time_to: None,
        predicate,
        order,
        limit,
        columns,
        numbered: false,
    }
}
