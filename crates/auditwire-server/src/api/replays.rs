//! Replays: a part of the log again to the active connection.

use auditwire_engine::replays::{self, NewReplay, RATE, ReplayView};
use auditwire_model::query::read_time;
use auditwire_model::{ProjectId, Timestamp};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{Auth, InProject, PathId};
use super::json::{self, JsonBytes, Nothing};
use super::problem::{Problem, ProblemBody, Result};
use crate::App;

/// What is sent again. Without any field: the whole log, as far as the connection's filter lets it through.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayRequest {
    /// Only events with `timestamp` at or after; RFC 3339, or relative like `now-2h`.
    from: Option<String>,
    /// Only events with `timestamp` before.
    to: Option<String>,
    /// Which events, in the search language, without relative times.
    q: Option<String>,
    /// Events per second, 1 to 1,000,000. Default 1,000.
    rate: Option<u32>,
}

impl ReplayRequest {
    fn read(self, now: Timestamp) -> Result<NewReplay> {
        let time = |name: &str, text: Option<String>| {
            let read = text.map(|text| read_time(&text, Some(now))).transpose();
            read.map_err(|e| Problem::bad_request("invalid_time", e.to_string()).in_field(name))
        };
        Ok(NewReplay {
            time_from: time("from", self.from)?,
            time_to: time("to", self.to)?,
            query: self.q,
            rate: Some(self.rate.unwrap_or(RATE)),
        })
    }
}

/// A replay.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Replay)]
pub(crate) struct ReplayAnswer {
    /// Opaque. Every message of the replay carries it.
    id: String,
    /// To which connection.
    connection: String,
    /// `running`, `paused`, `done` or `cancelled`.
    state: &'static str,
    /// Why a running replay does not send now: `not_active` (its connection is not the active one; it waits), or a check code.
    cause: Option<&'static str>,
    /// Only events with `timestamp` at or after.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Only events with `timestamp` before.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Which events.
    q: Option<String>,
    /// True: what is sent again is what was set aside; `from`, `to` and `q` are null then.
    quarantined_again: bool,
    /// Events per second at most.
    rate: u32,
    /// How many events it would send, counted when it was asked for.
    matched: u64,
    /// False when there may be more.
    exact: bool,
    /// First sendings.
    sent: u64,
    /// Repeated sendings, after breaks of its link.
    resent: u64,
    /// Events that cannot become a message; live delivery sets them aside.
    quarantined: u64,
    /// Every wanted event up to this `seq` is acknowledged.
    position: u64,
    /// Last `seq` it looks at: the end of the log when it was asked for.
    last: u64,
    /// Events per second now, averaged over 10 s.
    throughput: f64,
    /// How long it still takes at this pace; null when it does not send now.
    seconds_left: Option<u64>,
    /// Who asked for it.
    by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was done or cancelled.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// The last error of its link, also when it is over.
    #[schema(value_type = Option<Object>)]
    last_error: Option<ErrorAnswer>,
}

#[derive(Debug, Serialize)]
struct ErrorAnswer {
    code: &'static str,
    message: String,
    at: Timestamp,
}

impl From<ReplayView> for ReplayAnswer {
    fn from(view: ReplayView) -> Self {
        let seconds_left = view.left().map(|left| left.as_secs());
        let ReplayView { stored, cause, rate: throughput, last_error } = view;
        let progress = stored.progress;
        Self {
            id: stored.id,
            connection: stored.connection.to_string(),
            state: stored.state.as_str(),
            cause,
            from: stored.time_from,
            to: stored.time_to,
            q: stored.query,
            quarantined_again: stored.quarantined,
            rate: stored.rate,
            matched: stored.matched,
            exact: stored.exact,
            sent: progress.sent,
            resent: progress.resent,
            quarantined: progress.quarantined,
            position: progress.settled.0,
            last: stored.last.0,
            throughput,
            seconds_left,
            by: stored.by,
            created_at: stored.created_at,
            ended_at: stored.ended_at,
            last_error: last_error.map(|e| ErrorAnswer { code: e.code, message: e.message, at: e.at }),
        }
    }
}

/// The replays of a project.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayList {
    /// Newest first: the one under way, and the last 100 that ended.
    replays: Vec<ReplayAnswer>,
}

/// Replay
///
/// Sends a part of the log again to the active connection: over a second link, paced, without disturbing live delivery. Every
/// message carries delivery number 0 and the replay's id. It survives restarts; a project has one at a time.
#[utoipa::path(
    post,
    path = "/connections/{id}/replay",
    tag = "replays",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The connection's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "24 h"),
    ),
    request_body(content = Option<ReplayRequest>),
    responses(
        (status = 202, body = ReplayAnswer, headers(("Location" = String))),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`invalid_rate`, `invalid_time`, `invalid_range`, and the codes of a wrong query"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`not_active`; `replay_running`; `filter_unusable`"),
    )
)]
pub(crate) async fn begin_replay(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
    headers: HeaderMap,
    body: JsonBytes,
) -> Result<Response> {
    let key = json::idempotency_key(&headers)?;
    let new = body.parse_or_default::<ReplayRequest>()?.read(app.engine().clock.now())?;
    let view = replays::begin(app.engine(), &auth.caller, &project, &id, &new, key.as_deref()).await?;
    accepted(&project, view)
}

/// 202 with the replay and its address.
pub(super) fn accepted(project: &ProjectId, view: ReplayView) -> Result<Response> {
    let location = format!("/api/v1/projects/{project}/replays/{}", view.stored.id);
    let mut response = json::answer(StatusCode::ACCEPTED, &ReplayAnswer::from(view))?;
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// What a replay would send.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayEstimate {
    /// So many events.
    matched: u64,
    /// False when there may be more.
    exact: bool,
    /// How long that takes at the rate that was given.
    seconds: u64,
}

/// Estimate a replay
///
/// How many events a replay would send, and how long that takes. Nothing is begun.
#[utoipa::path(
    post,
    path = "/connections/{id}/replay/estimate",
    tag = "replays",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The connection's id"),
    ),
    request_body(content = Option<ReplayRequest>),
    responses(
        (status = 200, body = ReplayEstimate),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "As for a replay"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`not_active`; `filter_unusable`"),
    )
)]
pub(crate) async fn estimate_replay(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
    body: JsonBytes,
) -> Result<Response> {
    let new = body.parse_or_default::<ReplayRequest>()?.read(app.engine().clock.now())?;
    let estimate = replays::estimate(app.engine(), &auth.caller, &project, &id, &new).await?;
    let seconds = estimate.lasts().as_secs();
    json::answer(StatusCode::OK, &ReplayEstimate { matched: estimate.matched, exact: estimate.exact, seconds })
}

/// List replays
#[utoipa::path(
    get,
    path = "/replays",
    tag = "replays",
    params(("project" = String, Path, description = "The project's id")),
    responses((status = 200, body = ReplayList))
)]
pub(crate) async fn list_replays(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
) -> Result<Response> {
    let all = replays::list(app.engine(), &auth.caller, &project).await?;
    json::answer(StatusCode::OK, &ReplayList { replays: all.into_iter().map(ReplayAnswer::from).collect() })
}

/// Read a replay
#[utoipa::path(
    get,
    path = "/replays/{id}",
    tag = "replays",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The replay's id"),
    ),
    responses(
        (status = 200, body = ReplayAnswer),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_replay(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
) -> Result<Response> {
    let view = replays::get(app.engine(), &auth.caller, &project, &id).await?;
    json::answer(StatusCode::OK, &ReplayAnswer::from(view))
}

macro_rules! change {
    ($(#[doc = $doc:literal])* $name:ident, $verb:ident, $path:literal) => {
        $(#[doc = $doc])*
        #[utoipa::path(
            post,
            path = $path,
            tag = "replays",
            params(
                ("project" = String, Path, description = "The project's id"),
                ("id" = String, Path, description = "The replay's id"),
            ),
            responses(
                (status = 200, body = ReplayAnswer),
                (status = 404, body = ProblemBody, content_type = "application/problem+json"),
                (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`replay_over`"),
            )
        )]
        pub(crate) async fn $name(
            State(app): State<App>,
            auth: Auth,
            InProject(project): InProject,
            PathId(id): PathId,
            body: JsonBytes,
        ) -> Result<Response> {
            let Nothing {} = body.parse_or_default()?;
            let view = replays::$verb(app.engine(), &auth.caller, &project, &id).await?;
            json::answer(StatusCode::OK, &ReplayAnswer::from(view))
        }
    };
}

change!(
    /// Pause a replay
    ///
    /// What is in flight is finished. No error when it rests already.
    pause_replay,
    pause,
    "/replays/{id}/pause"
);
change!(
    /// Resume a replay
    ///
    /// It goes on where it was.
    resume_replay,
    resume,
    "/replays/{id}/resume"
);
change!(
    /// Cancel a replay
    ///
    /// For good; what was sent was sent.
    cancel_replay,
    cancel,
    "/replays/{id}/cancel"
);
