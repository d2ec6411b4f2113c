//! Where a connection could begin if it were activated now, and how many events each choice would send.

use std::time::Duration;

use auditwire_model::access::{Caller, Verb};
use auditwire_model::query::Expr;
use auditwire_model::{ConnectionId, Position, ProjectId, Timestamp};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::start::{decide, meant, range, settled_so_far};
use super::{Start, stored};
use crate::Engine;
use crate::error::Result;
use crate::log::Scan;
use crate::projects::authorize;
use crate::records::ActiveConnection;
use crate::store::Order;

/// What counting may cost, for all choices together: rows looked at, and time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) rows: u64,
    pub(super) time: Duration,
}

#[cfg(not(test))]
const LIMITS: Limits = Limits { rows: 1_000_000, time: Duration::from_secs(1) };
/// Tests have few events, and a machine that may be slow.
#[cfg(test)]
const LIMITS: Limits = Limits { rows: 2000, time: Duration::from_secs(60) };

/// Where a connection can begin. All of it is of this moment: events come in, and a sender that runs moves its cursor; an
/// activation decides anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartChoices {
    /// What [`Start::Default`] means now: `Continue`, `TakeOver` or `Now`. It is one of the choices.
    pub default: Start,
    /// Whom `TakeOver` would take over from: the active connection, else the one stopped last. `None` when there is none or
    /// it was deleted.
    pub take_over_from: Option<ConnectionId>,
    /// In the order `Continue`, `TakeOver`, `Now`, `From`. What cannot be chosen is absent; `Now` always can. `TakeOver` is
    /// absent, too, when it would be from this very connection, where it means `Continue`.
    pub choices: Vec<StartChoice>,
}

/// One choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartChoice {
    /// What to ask an activation for.
    pub start: Start,
    /// First position that would be sent.
    pub start_at: Position,
    /// How many events from there to the present end pass the connection's filter.
    pub will_send: u64,
    /// False: counting stopped at a limit; there are at least so many. Without a filter it is always exact.
    pub exact: bool,
}

/// Where this connection could begin now; `From` only when a time is given.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`.
pub async fn start_choices(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    from: Option<Timestamp>,
) -> Result<StartChoices> {
    authorize(engine, caller, project, Verb::ActivateConnection).await?;
    let connection = stored::connection(engine, project, id).await?.value;
    let active = stored::active(engine, project).await?.value;
    let was_active = stored::cursor(engine, project, &connection.id).await?.is_some();
    let settled = settled_so_far(engine, project, &active).await?;
    let source = take_over_source(&active);
    let offered = [
        was_active.then_some(Start::Continue),
        (settled.is_some() && source != Some(&connection.id)).then_some(Start::TakeOver),
        Some(Start::Now),
        from.map(Start::From),
    ];
    let mut begins = Vec::with_capacity(offered.len());
    for start in offered.into_iter().flatten() {
        match decide(engine, project, &connection.id, start, &active).await {
            Ok(beginning) => begins.push((start, beginning.start_at)),
            // It was there a moment ago: deleted meanwhile.
            Err(error) if matches!(error.code, "nothing_to_continue" | "nothing_to_take_over") => {}
            Err(error) => return Err(error),
        }
    }
    let choices = counted(engine, project, connection.filter()?, &begins, LIMITS).await?;
    let default = meant(Start::Default, &connection.id, &active, was_active, settled);
    Ok(StartChoices { default, take_over_from: source.cloned(), choices })
}

/// The connection whose cursor a take-over reads.
fn take_over_source(active: &ActiveConnection) -> Option<&ConnectionId> {
    active.connection.as_ref().or(active.previous.as_ref())
}

/// Counts in one pass from the end of the log back to the earliest beginning, so that no row is looked at twice and the
/// choices that send least are exact first.
pub(super) async fn counted(
    engine: &Engine,
    project: &ProjectId,
    filter: Expr,
    begins: &[(Start, Position)],
    limits: Limits,
) -> Result<Vec<StartChoice>> {
    let head = engine.log.head(project);
    let mut late_first: Vec<_> = begins.iter().map(|(_, at)| *at).collect();
    late_first.sort_unstable_by(|a, b| b.cmp(a));
    let mut counts = Vec::with_capacity(late_first.len());
    let mut count = Count { found: 0, limits, begun: Instant::now(), rows: 0, stopped: false };
    let mut to = head;
    for from in late_first {
        if filter == Expr::All {
            count.found = head.next().0.saturating_sub(from.0);
        } else {
            let range = range(project, from, to, filter.clone(), None);
            count.add(engine, Scan { order: Order::Descending, ..range }).await?;
        }
        counts.push((from, count.found, !count.stopped));
        to = to.min(from.previous());
    }
    let of = |at| counts.iter().find(|(from, ..)| *from == at).map_or((0, false), |(_, found, exact)| (*found, *exact));
    let choice = |&(start, start_at): &(Start, Position)| {
        let (will_send, exact) = of(start_at);
        StartChoice { start, start_at, will_send, exact }
    };
    Ok(begins.iter().map(choice).collect())
}

/// How many events from `start_at` to the present end pass `filter`, and whether that is exact. What was activated stays so
/// when they cannot be counted, so this never fails.
pub(super) async fn pending(engine: &Engine, project: &ProjectId, start_at: Position, filter: Expr) -> (u64, bool) {
    match counted(engine, project, filter, &[(Start::Now, start_at)], LIMITS).await {
        Ok(counted) => counted.first().map_or((0, false), |choice| (choice.will_send, choice.exact)),
        Err(error) => {
            tracing::warn!(%error, %project, "what an activated connection will send could not be counted");
            (0, false)
        }
    }
}

/// A count under way.
struct Count {
    found: u64,
    limits: Limits,
    begun: Instant,
    /// Rows looked at.
    rows: u64,
    /// A limit was met: nothing more is counted.
    stopped: bool,
}

impl Count {
    /// Counts the matches of a scan that runs downwards.
    async fn add(&mut self, engine: &Engine, scan: Scan) -> Result<()> {
        let (from, mut above) = (scan.from, scan.to.next());
        let deadline = self.begun + self.limits.time;
        let mut pieces = engine.log.scan(scan);
        while above > from && !self.stopped {
            // What is in memory never waits: the time must be looked at, and others must get their turn.
            tokio::task::consume_budget().await;
            if self.rows >= self.limits.rows || Instant::now() >= deadline {
                self.stopped = true;
                break;
            }
            match timeout_at(deadline, pieces.next()).await {
                Ok(Some(piece)) => {
                    let piece = piece?;
                    self.found += piece.batch.num_rows() as u64;
                    self.rows += above.0.saturating_sub(piece.through.0);
                    above = piece.through;
                }
                Ok(None) => break,
                Err(_) => self.stopped = true,
            }
        }
        Ok(())
    }
}
