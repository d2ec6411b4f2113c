//! `/projects/{project}/reading`: whether the project's log tells who looked at it.

use auditwire_engine::reading;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::auth::{Auth, InProject};
use super::json::{self, JsonBytes};
use super::problem::{ProblemBody, Result};
use crate::App;

/// Whether looking at events is told.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reading {
    /// Every look at the project's events is told in its log: `event-log-read`, one event for each caller, question and minute.
    audited: bool,
}

/// Whether looking at events is told
#[utoipa::path(
    get,
    path = "/reading",
    tag = "reading",
    params(("project" = String, Path, description = "The project's id")),
    responses((status = 200, body = Reading))
)]
pub(crate) async fn get_reading(State(app): State<App>, auth: Auth, InProject(project): InProject) -> Result<Response> {
    let audited = reading::get(app.engine(), &auth.caller, &project).await?;
    json::answer(StatusCode::OK, &Reading { audited })
}

/// Tell who looks at events, or no more
///
/// Off at first. The switch is an audit event both ways (`reading-update`).
#[utoipa::path(
    put,
    path = "/reading",
    tag = "reading",
    params(("project" = String, Path, description = "The project's id")),
    request_body = Reading,
    responses(
        (status = 200, body = Reading),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn set_reading(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    body: JsonBytes,
) -> Result<Response> {
    let Reading { audited } = body.parse()?;
    let audited = reading::set(app.engine(), &auth.caller, &project, audited).await?;
    json::answer(StatusCode::OK, &Reading { audited })
}
