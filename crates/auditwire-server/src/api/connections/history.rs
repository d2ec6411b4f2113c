//! The history of a connection.

use auditwire_engine::history::{self, History, Point, Range};
use auditwire_engine::records::{StateChange, Totals};
use auditwire_model::Timestamp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::api::auth::{Auth, InProject, PathId};
use crate::api::events::Params;
use crate::api::json;
use crate::api::problem::{Problem, ProblemBody, Result};

/// How a connection went.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionHistory {
    /// `24h` or `30d`.
    range: &'static str,
    /// Equal stretches of time (10 minutes, or 6 hours), oldest first; the last one has only begun.
    points: Vec<HistoryPoint>,
    /// Counted over all of them.
    totals: Counted,
    /// How the status changed, newest first, at most 200.
    changes: Vec<HistoryChange>,
    /// Changes that are not told.
    more_changes: u64,
}

/// A stretch of time.
#[derive(Debug, Serialize, ToSchema)]
struct HistoryPoint {
    /// Since.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// Until, without it.
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// False when the connection was not sending: nothing is known then.
    known: bool,
    /// Counted in it.
    #[serde(flatten)]
    counted: Counted,
    /// The largest number of events after the cursor, before the filter; null when nothing is known.
    backlog: Option<u64>,
    /// The greatest age of an event that was not settled, in milliseconds; null when nothing is known.
    oldest_unacknowledged_ms: Option<u64>,
    /// Every event up to here was settled at its end; null when nothing was written in it.
    cursor: Option<u64>,
}

/// Counters of a stretch of time.
#[derive(Debug, Serialize, ToSchema)]
struct Counted {
    /// Events that the receiver acknowledged (UDP: that were sent and not refused).
    acknowledged: u64,
    /// Messages sent for the first time.
    sent: u64,
    /// Bytes of all messages, with their frames and before TLS.
    bytes: u64,
    /// Events that the filter kept back.
    filtered: u64,
    /// Messages sent again.
    resent: u64,
    /// Times a link was made anew.
    reconnects: u64,
    /// Events set aside.
    quarantined: u64,
}

/// The status became another one.
#[derive(Debug, Serialize, ToSchema)]
struct HistoryChange {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `inactive` (its sender ended), `active`, `degraded` or `failing`.
    status: &'static str,
    /// A check code, when degraded or failing.
    cause: Option<String>,
}

impl From<Totals> for Counted {
    fn from(totals: Totals) -> Self {
        let Totals { acknowledged, sent, bytes, filtered, resent, reconnects, quarantined } = totals;
        Self { acknowledged, sent, bytes, filtered, resent, reconnects, quarantined }
    }
}

impl From<Point> for HistoryPoint {
    fn from(point: Point) -> Self {
        let Point { from, to, known, counted, backlog, age_ms, settled } = point;
        let (oldest_unacknowledged_ms, cursor) = (age_ms, settled.map(|seq| seq.0));
        Self { from, to, known, counted: counted.into(), backlog, oldest_unacknowledged_ms, cursor }
    }
}

impl From<StateChange> for HistoryChange {
    fn from(change: StateChange) -> Self {
        Self { at: change.at, status: change.state.as_str(), cause: change.cause }
    }
}

/// Read a connection's history
///
/// How it went over the last 24 hours or 30 days. Also of a deleted connection, as long as its history is kept.
#[utoipa::path(
    get,
    path = "/connections/{id}/history",
    tag = "connections",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The connection's id"),
        ("range" = Option<String>, Query, description = "`24h` (default) or `30d`"),
    ),
    responses(
        (status = 200, body = ConnectionHistory),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`invalid_range`"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn connection_history(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
    params: Params,
) -> Result<Response> {
    let mut params = params.only(&["range"])?;
    let range = match params.take("range") {
        None => Range::default(),
        Some(text) => Range::parse(&text)
            .ok_or_else(|| Problem::bad_request("invalid_range", "range is `24h` or `30d`").in_field("range"))?,
    };
    let History { range, points, totals, changes, more_changes } =
        history::connection(app.engine(), &auth.caller, &project, &id, range).await?;
    let answer = ConnectionHistory {
        range: range.as_str(),
        points: points.into_iter().map(HistoryPoint::from).collect(),
        totals: totals.into(),
        changes: changes.into_iter().map(HistoryChange::from).collect(),
        more_changes,
    };
    json::answer(StatusCode::OK, &answer)
}
