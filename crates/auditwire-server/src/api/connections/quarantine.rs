//! The quarantine of a connection.

use auditwire_engine::connections::{self, QuarantineEntry, QuarantinePage};
use auditwire_engine::replays;
use auditwire_model::{Position, Timestamp};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::App;
use crate::api::auth::{Auth, InProject, PathId};
use crate::api::events::{Params, number};
use crate::api::json::{self, JsonBytes};
use crate::api::problem::{Problem, ProblemBody, Result};
use crate::api::replays::{ReplayAnswer, accepted};
use crate::api::whose::{elsewhere, whose};

const LIMIT_DEFAULT: usize = 100;

/// A page of the quarantine.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Quarantine {
    /// Newest first.
    quarantined: Vec<QuarantinedEvent>,
    /// `cursor` of the next page; null at the end.
    next: Option<String>,
    /// All entries that are kept: at most 10,000.
    total: usize,
    /// Entries that made room for newer ones, since the connection was created.
    dropped: u64,
}

/// An event that could not become a message.
#[derive(Debug, Serialize, ToSchema)]
struct QuarantinedEvent {
    /// Which event.
    seq: u64,
    /// Why, for people.
    reason: String,
    /// When it was set aside.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The replay that is sending it again now; null when none is.
    replay: Option<String>,
    /// Its action; null when the log does not have the event any more.
    action: Option<String>,
    /// Its time; null when the log does not have the event any more.
    #[schema(value_type = Option<String>, format = DateTime)]
    timestamp: Option<Timestamp>,
}

impl From<QuarantineEntry> for QuarantinedEvent {
    fn from(entry: QuarantineEntry) -> Self {
        let (action, timestamp) = entry.event.unzip();
        let quarantined = entry.quarantined;
        Self {
            seq: quarantined.seq.0,
            reason: quarantined.reason,
            at: quarantined.at,
            replay: quarantined.replay,
            action,
            timestamp,
        }
    }
}

/// List the quarantine
///
/// Events that could not become a message within the connection's limits, newest first. The stream goes on without them.
#[utoipa::path(
    get,
    path = "/connections/{id}/quarantine",
    tag = "connections",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The connection's id"),
        ("limit" = Option<usize>, Query, description = "1 to 200, default 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses(
        (status = 200, body = Quarantine),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`invalid_limit`, `invalid_cursor`"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list_quarantine(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
    params: Params,
) -> Result<Response> {
    let mut params = params.only(&["limit", "cursor"])?;
    let limit = number("limit", "invalid_limit", params.take("limit"))?.unwrap_or(LIMIT_DEFAULT);
    let belongs = whose([project.as_str(), &id]);
    let before = params.take("cursor").as_deref().map(|text| read_cursor(text, belongs)).transpose()?;
    let page = connections::quarantine(app.engine(), &auth.caller, &project, &id, before, limit).await?;
    let QuarantinePage { entries, next, total, dropped } = page;
    let quarantined = entries.into_iter().map(QuarantinedEvent::from).collect();
    let next = next.map(|seq| format!("{VERSION}{:016x}{belongs:016x}", seq.0));
    json::answer(StatusCode::OK, &Quarantine { quarantined, next, total, dropped })
}

/// Version 2 of a cursor: `2`, then the last position that was shown and [`whose`] list it was, each as 16 hex digits.
const VERSION: char = '2';
/// The position alone. Still read, because cursors never expire.
const WITHOUT_PROJECT: char = '1';

fn read_cursor(text: &str, belongs: u64) -> Result<Position> {
    let number = |hex: &str| u64::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 16 && !hex.contains('+'));
    let (seq, of) = match (text.strip_prefix(VERSION), text.strip_prefix(WITHOUT_PROJECT)) {
        (Some(rest), _) => rest.split_at_checked(16).map_or((None, None), |(seq, of)| (number(seq), number(of))),
        (None, Some(rest)) => (number(rest), Some(belongs)),
        (None, None) => (None, None),
    };
    let (Some(seq), Some(of)) = (seq, of) else {
        let detail = "this is no cursor; use the text of `next` as it is";
        return Err(Problem::bad_request("invalid_cursor", detail).in_field("cursor"));
    };
    if of == belongs { Ok(Position(seq)) } else { Err(elsewhere("project or connection")) }
}

/// Which entries of the quarantine.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuarantineChoice {
    /// Their `seq`s, at most 10,000; null for all.
    #[serde(deserialize_with = "given")]
    seqs: Option<Vec<u64>>,
}

impl QuarantineChoice {
    fn positions(self) -> Option<Vec<Position>> {
        self.seqs.map(|seqs| seqs.into_iter().map(Position).collect())
    }
}

/// All is said by null, never by leaving the field out.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Vec<u64>>, D::Error> {
    Option::deserialize(deserializer)
}

/// What became of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuarantineCleared {
    /// How many entries are gone.
    deleted: usize,
}

/// Clear the quarantine
///
/// Takes entries off the list: those of `seqs`, or all. The events stay in the log. What is not there is no error.
#[utoipa::path(
    post,
    path = "/connections/{id}/quarantine/delete",
    tag = "connections",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The connection's id"),
    ),
    request_body = QuarantineChoice,
    responses(
        (status = 200, body = QuarantineCleared),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`too_many_seqs`"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn clear_quarantine(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
    body: JsonBytes,
) -> Result<Response> {
    let seqs = body.parse::<QuarantineChoice>()?.positions();
    let deleted = connections::delete_quarantined(app.engine(), &auth.caller, &project, &id, seqs.as_deref()).await?;
    json::answer(StatusCode::OK, &QuarantineCleared { deleted })
}

/// Send the quarantine again
///
/// A replay of what was set aside: the events of `seqs`, or all, once the cause is mended. When it is done, what was sent has left the
/// quarantine, and what still cannot become a message is there with the reason of today.
#[utoipa::path(
    post,
    path = "/connections/{id}/quarantine/resend",
    tag = "connections",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The connection's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "24 h"),
    ),
    request_body = QuarantineChoice,
    responses(
        (status = 202, body = ReplayAnswer, headers(("Location" = String))),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`too_many_seqs`"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`not_active`; `replay_running`; `nothing_quarantined`"),
    )
)]
pub(crate) async fn resend_quarantine(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
    headers: HeaderMap,
    body: JsonBytes,
) -> Result<Response> {
    let key = json::idempotency_key(&headers)?;
    let seqs = body.parse::<QuarantineChoice>()?.positions();
    let view = replays::resend(app.engine(), &auth.caller, &project, &id, seqs.as_deref(), key.as_deref()).await?;
    accepted(&project, view)
}
