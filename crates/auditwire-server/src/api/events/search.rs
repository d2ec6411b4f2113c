//! `POST /events/search`: a page of events, asked for in a body. For queries that are too long for an address.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::page::answer;
use super::range::{Question, read_limit};
use crate::App;
use crate::api::auth::{Auth, InProject};
use crate::api::json::JsonBytes;
use crate::api::problem::{ProblemBody, Result};

/// What is asked: the same as the parameters of `GET /events`. What is empty or null counts as absent.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SearchBody {
    /// Only events that match; the search language.
    q: Option<String>,
    /// Only events with `timestamp` at or after; RFC 3339, or relative like `now-15m`.
    from: Option<String>,
    /// Only events with `timestamp` before.
    to: Option<String>,
    /// `control` or `data`.
    plane: Option<String>,
    /// `desc` (default) or `asc`, by `seq`.
    order: Option<String>,
    /// 1–1000, default 100.
    limit: Option<u64>,
    /// `next` of the page before; never expires, belongs to its query.
    cursor: Option<String>,
}

/// Search events
///
/// As `GET /events`; a cursor of the one goes on in the other.
#[utoipa::path(
    post,
    path = "/events/search",
    tag = "events",
    params(("project" = String, Path, description = "The project's id")),
    request_body(content = SearchBody, example = json!({"q": "severity >= WARNING", "from": "now-1d", "limit": 50})),
    responses(
        (status = 200, content_type = "application/json", body = Object, description = "`{\"events\":[…],\"next\":\"…\"|null,\"partial\":false}`"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "A field is wrong"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "No such project"),
    )
)]
pub(crate) async fn search_events(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    body: JsonBytes,
) -> Result<Response> {
    let SearchBody { q, from, to, plane, order, limit, cursor } = body.parse_or_default()?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let question = Question { q: given(q), from: given(from), to: given(to), plane: given(plane), order: given(order) };
    let limit = read_limit(limit.map(|limit| limit.to_string()).as_deref())?;
    answer(&app, &auth, &project, &question, limit, given(cursor)).await
}
