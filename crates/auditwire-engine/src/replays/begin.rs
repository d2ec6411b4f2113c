//! Beginning a replay.

use std::time::Duration;

use auditwire_model::access::{Caller, Verb};
use auditwire_model::query::{Expr, parse};
use auditwire_model::{Position, ProjectId, Timestamp};

use super::{RATE, RATES, ReplayView, said, stored, view};
use crate::Engine;
use crate::audit::{Audit, action};
use crate::connections;
use crate::error::{Error, Kind, Result};
use crate::idempotency::{self, Known, Pending};
use crate::log::Submission;
use crate::projects::authorize;
use crate::records::{Cursor, Replay, ReplayState, StoredConnection, both};
use crate::search::{self, Count, Question};
use crate::secrets::Secret;
use crate::store::{Change, Effect, Expect};

/// What a replay is called where keys are looked up.
const BEGIN: &str = "replay";
/// Replays that are over and kept, per project.
const KEPT: usize = 100;
/// How often the verb decides anew when others were faster.
pub(super) const ATTEMPTS: usize = 10;

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct NewReplay {
    /// `from <= timestamp`.
    pub time_from: Option<Timestamp>,
    /// `timestamp < to`.
    pub time_to: Option<Timestamp>,
    /// Which events beside the connection's filter, in the search language without relative times. Empty: all.
    pub query: Option<String>,
    /// Events per second, one of [`RATES`]; [`RATE`] where none are given.
    pub rate: Option<u32>,
}

/// What a replay would send if it were begun now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// So many events.
    pub matched: u64,
    /// False when there may be more.
    pub exact: bool,
    /// Events per second.
    pub rate: u32,
}

impl Estimate {
    /// How long it takes at this rate, rounded up to whole seconds.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        Duration::from_secs(self.matched.div_ceil(u64::from(self.rate.max(1))))
    }
}

/// What a replay would send, without beginning it.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`, `not_active`, `invalid_rate`, `invalid_range`, `filter_unusable`,
/// the codes of [`QueryError`](auditwire_model::query::QueryError), `too_many_searches`.
pub async fn estimate(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    new: &NewReplay,
) -> Result<Estimate> {
    authorize(engine, caller, project, Verb::BeginReplay).await?;
    let wanted = checked(new)?;
    let (connection, _) = connections::active_one(engine, project, id).await?;
    let Count { count, exact } = matching(engine, caller, project, &connection, new, &wanted).await?;
    Ok(Estimate { matched: count, exact, rate: new.rate.unwrap_or(RATE) })
}

/// How many events the connection's filter and what is asked for leave.
async fn matching(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    connection: &StoredConnection,
    new: &NewReplay,
    wanted: &Expr,
) -> Result<Count> {
    let query = both(connection.filter()?, wanted.clone());
    let question = Question { query, time_from: new.time_from, time_to: new.time_to, plane: None };
    search::count(engine, caller, project, &question).await
}

/// Begins a replay to the project's active connection. It goes on by itself, also after a restart.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`, `not_active`, `replay_running`, `invalid_rate`, `invalid_range`,
/// `filter_unusable`, the codes of [`QueryError`](auditwire_model::query::QueryError), `idempotency_key_reused`,
/// `too_many_searches`.
pub async fn begin(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    new: &NewReplay,
    idempotency_key: Option<&str>,
) -> Result<ReplayView> {
    authorize(engine, caller, project, Verb::BeginReplay).await?;
    let wanted = checked(new)?;
    for _ in 0..ATTEMPTS {
        let begun = try_begin(engine, caller, project, id, new, &wanted, idempotency_key).await;
        if !is_conflict(&begun) {
            let asked = (project, idempotency_key, &*request_of(id, new));
            return shown(engine, project, &or_winner(engine, caller, BEGIN, asked, begun).await?).await;
        }
    }
    Err(overtaken())
}

/// What tells a request from others with the same key.
fn request_of(id: &str, new: &NewReplay) -> Vec<u8> {
    format!("{id} {new:?}").into_bytes()
}

/// What was begun, by this request or by the same one that ran beside it.
pub(super) async fn or_winner(
    engine: &Engine,
    caller: &Caller,
    verb: &str,
    asked: (&ProjectId, Option<&str>, &[u8]),
    begun: Result<String>,
) -> Result<String> {
    match begun {
        Ok(id) => Ok(id),
        Err(error) => idempotency::or_winner(engine, caller, verb, asked, error).await,
    }
}

/// Others were faster: it must be decided anew.
pub(super) fn is_conflict(begun: &Result<String>) -> bool {
    begun.as_ref().is_err_and(|e| e.code == "conflict")
}

/// Wakes the senders for a replay that has begun.
pub(super) async fn shown(engine: &Engine, project: &ProjectId, id: &str) -> Result<ReplayView> {
    engine.delivery.changed(project);
    view(engine, project, id).await
}

pub(super) fn overtaken() -> Error {
    Error::new(Kind::Conflict, "conflict", "others keep changing this connection at the same time; try again")
}

/// What is wrong with what was asked for, and else its query.
fn checked(new: &NewReplay) -> Result<Expr> {
    if new.rate.is_some_and(|rate| !RATES.contains(&rate)) {
        let detail = format!("'rate' must be a number of events per second from {} to {}", RATES.start(), RATES.end());
        return Err(Error::invalid("invalid_rate", "rate", detail));
    }
    if let (Some(from), Some(to)) = (new.time_from, new.time_to)
        && from >= to
    {
        return Err(Error::invalid("invalid_range", "to", "'to' must be later than 'from'"));
    }
    // It must mean the same after a restart, so there is no now.
    let parsed = parse(new.query.as_deref().unwrap_or_default(), None);
    parsed.map(|parsed| parsed.expr).map_err(|wrong| Error::from(wrong).in_field("q"))
}

async fn try_begin(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    new: &NewReplay,
    wanted: &Expr,
    key: Option<&str>,
) -> Result<String> {
    let pending = match idempotency::look_up(engine, caller, BEGIN, project, key, &request_of(id, new)).await? {
        Known::Done(id) => return Ok(id),
        Known::New(pending) => pending,
    };
    let (connection, fence) = connections::active_one(engine, project, id).await?;
    let matched = matching(engine, caller, project, &connection, new, wanted).await?;
    let asked = Replay {
        time_from: new.time_from,
        time_to: new.time_to,
        query: new.query.clone().filter(|query| !query.trim().is_empty()),
        rate: new.rate.unwrap_or(RATE),
        matched: matched.count,
        exact: matched.exact,
        ..blank(engine, caller, project, &connection)?
    };
    store(engine, caller, project, &connection, asked, vec![fence], pending).await
}

/// A replay of nothing that begins now.
pub(super) fn blank(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    connection: &StoredConnection,
) -> Result<Replay> {
    Ok(Replay {
        id: format!("r-{}", hex::encode(Secret::random(6)?.expose())),
        connection: connection.id.clone(),
        time_from: None,
        time_to: None,
        query: None,
        quarantined: false,
        last: engine.log.head(project),
        rate: RATE,
        matched: 0,
        exact: true,
        state: ReplayState::Running,
        sent_again: Vec::new(),
        generation: 1,
        progress: Cursor { settled: Position::ZERO, ..Cursor::beginning() },
        by: caller.id().to_owned(),
        created_at: engine.clock.now(),
        ended_at: None,
    })
}

/// Commits that a replay begins, with `changes`; its id. No other may be under way.
pub(super) async fn store(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    connection: &StoredConnection,
    replay: Replay,
    mut changes: Vec<Change>,
    pending: Option<Pending>,
) -> Result<String> {
    let replays = stored::all(engine, project).await?;
    if let Some(other) = replays.iter().find(|replay| !replay.value.state.is_over()) {
        let detail = format!("replay {} is under way; wait for its end, or cancel it", other.value.id);
        return Err(Error::new(Kind::Conflict, "replay_running", detail));
    }
    changes.push(stored::put(project, Expect::Absent, &replay)?);
    let outdated = replays.iter().skip(KEPT.saturating_sub(1));
    changes.extend(outdated.map(|old| {
        let key = stored::key(project, &old.value.id);
        Change { key, expect: Expect::Version(old.version), effect: Effect::Delete }
    }));
    if let Some(pending) = pending {
        changes.extend(pending.changes(&replay.id, replay.created_at)?);
    }
    let events = vec![begun(caller, connection, &replay).build(replay.created_at)];
    engine.log.submit(Submission { project: Some(project.clone()), events, changes }).await?;
    Ok(replay.id)
}

fn begun(caller: &Caller, connection: &StoredConnection, replay: &Replay) -> Audit {
    let Replay { id, time_from, time_to, query, quarantined, rate, matched, .. } = replay;
    Audit::new(action::REPLAY_START, caller)
        .on_connection(connection)
        .with("replay", id)
        .with("from", said(*time_from))
        .with("to", said(*time_to))
        .with("query", query.as_deref().unwrap_or_default())
        .with("quarantined", quarantined)
        .with("rate", rate)
        .with("matched", matched)
        .message(format!("A replay of {matched} events to {} was begun", connection.spec.name))
}
