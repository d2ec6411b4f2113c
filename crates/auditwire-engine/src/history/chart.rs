//! How a connection went over the last day or month: its steps, counted into equal stretches of time.

use auditwire_model::access::{Caller, Verb};
use auditwire_model::{ConnectionId, Position, ProjectId, Timestamp};

use super::read;
use crate::delivery::{LiveState, Status};
use crate::error::{Error, Kind, Result};
use crate::projects::authorize;
use crate::records::{DeliveryStep, SecondStream, StateChange, Totals};
use crate::{Engine, connections};

const MINUTE: i64 = 60 * 1_000_000_000;
/// Changes of the state that are told at most, newest first.
pub const CHANGES_SHOWN: usize = 200;

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Range {
    /// 24 hours, in stretches of 10 minutes.
    #[default]
    Day,
    /// 30 days, in stretches of 6 hours.
    Month,
}

impl Range {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Day, Self::Month];

    /// The word in requests and answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Month => "30d",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|range| range.as_str() == text)
    }

    /// Nanoseconds of one stretch.
    fn width(self) -> i64 {
        match self {
            Self::Day => 10 * MINUTE,
            Self::Month => 360 * MINUTE,
        }
    }

    /// How many stretches.
    fn count(self) -> i64 {
        match self {
            Self::Day => 144,
            Self::Month => 120,
        }
    }
}

/// How a connection went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// How far back.
    pub range: Range,
    /// Oldest first; the last one has only begun.
    pub points: Vec<Point>,
    /// All of them together.
    pub totals: Totals,
    /// How the state changed, newest first; at most [`CHANGES_SHOWN`].
    pub changes: Vec<StateChange>,
    /// Changes that are not told.
    pub more_changes: u64,
}

/// One stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Since.
    pub from: Timestamp,
    /// Until, without it.
    pub to: Timestamp,
    /// A sender ran in it. Else nothing is known of it but what was counted, which is nothing.
    pub known: bool,
    /// What was counted in it.
    pub counted: Totals,
    /// The largest backlog that was seen; `None` when no sender ran.
    pub backlog: Option<u64>,
    /// The greatest age of an unsettled event that was seen, in milliseconds; `None` when no sender ran.
    pub age_ms: Option<u64>,
    /// How far it had come at its end.
    pub settled: Option<Position>,
}

/// How a connection went; also of a deleted one, as long as its history is kept.
///
/// # Errors
/// `forbidden`, `project_not_found`, `connection_not_found`.
pub async fn connection(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &str,
    range: Range,
) -> Result<History> {
    authorize(engine, caller, project, Verb::ConnectionHistory).await?;
    let unknown = || Error::new(Kind::NotFound, "connection_not_found", "there is no such connection in this project");
    let id = ConnectionId::parse(id).map_err(|_| unknown())?;
    let now = engine.clock.now();
    let end = (now.as_nanos().div_euclid(range.width()) + 1) * range.width();
    let begin = end - range.count() * range.width();
    let from = Timestamp::from_nanos(begin).unwrap_or(Timestamp::EPOCH);
    let mut steps = read::steps(engine, project, &id, from).await?;
    if steps.is_empty() && connections::named(engine, project, &id).await?.is_none() {
        return Err(unknown());
    }
    if let Some(live) = engine.delivery.live(&id) {
        let second = read::second(engine, project, &id).await?;
        steps.extend(present(&steps, &live, second, now));
    }
    Ok(counted(&steps, range, begin))
}

/// What the sender that runs would write now.
fn present(
    steps: &[DeliveryStep],
    live: &LiveState,
    second: Option<SecondStream>,
    now: Timestamp,
) -> Option<DeliveryStep> {
    let last = steps.last().filter(|last| last.at < now && last.state != Status::Inactive)?;
    let state = &live.delivery;
    let backlog = state.backlog.saturating_sub(second.map_or(0, |second| second.positions()));
    Some(DeliveryStep {
        at: now,
        revision: last.revision,
        settled: state.cursor.max(last.settled),
        totals: second.iter().fold(Totals::from(state), |own, second| own.and(&second.totals)),
        second,
        backlog,
        backlog_max: backlog,
        oldest_at: state.oldest_unacknowledged_at,
        age_ms: state.oldest_unacknowledged_at.map_or(0, |oldest| millis(now, oldest)),
        state: live.status,
        cause: live.cause.map(str::to_owned),
        changes: Vec::new(),
        more_changes: 0,
        beginning: None,
        moved: None,
    })
}

fn millis(now: Timestamp, earlier: Timestamp) -> u64 {
    u64::try_from(now.since(earlier).as_millis()).unwrap_or(u64::MAX)
}

/// Counts steps, of which the first may be older, into the stretches that begin at `begin`.
pub(super) fn counted(steps: &[DeliveryStep], range: Range, begin: i64) -> History {
    let mut points: Vec<Point> = (0..range.count()).map(|i| empty(begin + i * range.width(), range.width())).collect();
    let place = |at: Timestamp| usize::try_from((at.as_nanos() - begin).div_euclid(range.width())).ok();
    let mut totals = Totals::default();
    for step in steps {
        let Some(point) = place(step.at).and_then(|i| points.get_mut(i)) else { continue };
        point.settled = Some(step.settled);
        if step.state != Status::Inactive || step.beginning.is_some() {
            point.known = true;
            point.backlog = point.backlog.max(Some(step.backlog_max));
            point.age_ms = point.age_ms.max(Some(step.age_ms));
        }
    }
    // A new connection has counted from nothing.
    if let Some(first) = steps.first().filter(|step| step.moved.is_some_and(|moved| moved.from.is_none()))
        && let Some(point) = place(first.at).and_then(|i| points.get_mut(i))
    {
        (point.counted, totals) = (first.totals, first.totals);
    }
    for pair in steps.windows(2) {
        let [before, step] = pair else { continue };
        if let Some(point) = place(step.at).and_then(|i| points.get_mut(i)) {
            let counted = step.totals.since(&before.totals);
            point.counted = point.counted.and(&counted);
            totals = totals.and(&counted);
        }
        between(&mut points, before, step);
    }
    let told = steps.iter().filter(|step| place(step.at).is_some());
    let mut changes: Vec<StateChange> = told.clone().flat_map(|step| step.changes.iter().cloned()).collect();
    changes.reverse();
    let more = changes.len().saturating_sub(CHANGES_SHOWN) as u64 + told.map(|step| step.more_changes).sum::<u64>();
    changes.truncate(CHANGES_SHOWN);
    History { range, points, totals, changes, more_changes: more }
}

fn empty(from: i64, width: i64) -> Point {
    let time = |nanos| Timestamp::from_nanos(nanos).unwrap_or(Timestamp::EPOCH);
    Point {
        from: time(from),
        to: time(from + width),
        known: false,
        counted: Totals::default(),
        backlog: None,
        age_ms: None,
        settled: None,
    }
}

/// What is known of the time between two steps: as long as nothing was written, nothing changed, but that what waited grew
/// older.
fn between(points: &mut [Point], before: &DeliveryStep, step: &DeliveryStep) {
    let began = step.beginning.as_ref().map(|beginning| beginning.at).filter(|at| *at > before.at);
    if before.state == Status::Inactive || began.is_some() {
        // A sender that ended without a word: from its last step on nothing is known.
        let from = began.unwrap_or(step.at);
        for point in points.iter_mut().filter(|point| point.to > from && point.from < step.at) {
            point.known = true;
            (point.backlog, point.age_ms) = (point.backlog.max(Some(0)), point.age_ms.max(Some(0)));
        }
        return;
    }
    let stood = step.settled == before.settled;
    for point in points.iter_mut().filter(|point| point.to > before.at && point.from < step.at) {
        point.known = true;
        point.settled = point.settled.max(Some(before.settled).filter(|_| step.moved.is_none()));
        // In the stretches of the two steps themselves things moved: what was seen then is in the steps.
        let untouched = point.from > before.at && point.to <= step.at;
        if untouched || stood {
            let age = before.oldest_at.map_or(0, |oldest| millis(point.to.min(step.at), oldest));
            point.backlog = point.backlog.max(Some(before.backlog));
            point.age_ms = point.age_ms.max(Some(age));
        }
    }
}
