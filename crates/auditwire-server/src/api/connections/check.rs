//! The connection check, of what is stored or of what might be.

use auditwire_engine::connections;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::view::CheckAnswer;
use crate::App;
use crate::api::auth::{Auth, InProject, PathId};
use crate::api::json::{self, JsonBytes};
use crate::api::problem::{ProblemBody, Result};

/// Check a connection that is not stored
///
/// Nothing is stored. Takes up to 20 s.
#[utoipa::path(
    post,
    path = "/connections/check",
    tag = "connections",
    params(("project" = String, Path, description = "The project's id")),
    request_body = Object,
    responses(
        (status = 200, body = CheckAnswer, description = "The check ran; `ok` says how it went"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "10 a minute and 2 at once"),
    )
)]
pub(crate) async fn check_candidate(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    body: JsonBytes,
) -> Result<Response> {
    let input = super::input(&body)?;
    let report = connections::check_candidate(app.engine(), &auth.caller, &project, input).await?;
    json::answer(StatusCode::OK, &CheckAnswer::from(report))
}

/// Check a stored connection
///
/// Without a body what is stored, else the candidate in the body, whose absent secrets are the stored ones.
#[utoipa::path(
    post,
    path = "/connections/{id}/check",
    tag = "connections",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The connection's id"),
    ),
    request_body(content = Option<Object>),
    responses(
        (status = 200, body = CheckAnswer, description = "The check ran; `ok` says how it went"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "10 a minute and 2 at once"),
    )
)]
pub(crate) async fn check_connection(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
    body: JsonBytes,
) -> Result<Response> {
    let candidate = if names_nothing(&body.0) { None } else { Some(super::input(&body)?) };
    let report = connections::check_stored(app.engine(), &auth.caller, &project, &id, candidate).await?;
    json::answer(StatusCode::OK, &CheckAnswer::from(report))
}

/// An empty body and an empty object both mean what is stored: many clients cannot post without a body.
fn names_nothing(body: &[u8]) -> bool {
    let mut text = body.iter().filter(|c| !c.is_ascii_whitespace());
    matches!((text.next(), text.next(), text.next()), (None, ..) | (Some(b'{'), Some(b'}'), None))
}
