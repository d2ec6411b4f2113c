//! Connections as objects: list, create, read, replace, delete.

use auditwire_engine::{Error, Kind, connections};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::matching::{if_match, is_known, tag};
use super::view::ConnectionAnswer;
use crate::App;
use crate::api::auth::{Auth, InProject, PathId};
use crate::api::json::{self, JsonBytes};
use crate::api::problem::{ProblemBody, Result};

/// The connections of a project.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionList {
    /// By name.
    connections: Vec<ConnectionAnswer>,
}

/// List connections
#[utoipa::path(
    get,
    path = "/connections",
    tag = "connections",
    params(("project" = String, Path, description = "The project's id")),
    responses((status = 200, body = ConnectionList))
)]
pub(crate) async fn list_connections(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
) -> Result<Response> {
    let all = connections::list(app.engine(), &auth.caller, &project).await?;
    let connections = all.into_iter().map(ConnectionAnswer::from).collect();
    json::answer(StatusCode::OK, &ConnectionList { connections })
}

/// Create a connection
///
/// Stored inactive and not checked. The body is a connection without what the service adds; `tls.pem` is write only.
#[utoipa::path(
    post,
    path = "/connections",
    tag = "connections",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "24 h"),
    ),
    request_body(content = Object, example = json!({
        "name": "main", "endpoint": "siem.example.com:6514", "transport": "tls", "format": "rfc5424",
        "framing": "octet_counting", "tls": {"verify": "full"}
    })),
    responses(
        (status = 201, body = ConnectionAnswer, headers(("Location" = String), ("ETag" = String))),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "One code per wrong field"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`name_taken`"),
    )
)]
pub(crate) async fn create_connection(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    headers: HeaderMap,
    body: JsonBytes,
) -> Result<Response> {
    let key = json::idempotency_key(&headers)?;
    let input = super::input(&body)?;
    let view = connections::create(app.engine(), &auth.caller, &project, input, key.as_deref()).await?;
    let (location, revision) =
        (format!("/api/v1/projects/{project}/connections/{}", view.stored.id), view.stored.revision);
    Ok(tag(json::created(&location, &ConnectionAnswer::from(view))?, revision))
}

/// Read a connection
#[utoipa::path(
    get,
    path = "/connections/{id}",
    tag = "connections",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The connection's id"),
        ("If-None-Match" = Option<String>, Header, description = "304 when the revision is still this one; live state is not looked at"),
    ),
    responses(
        (status = 200, body = ConnectionAnswer, headers(("ETag" = String))),
        (status = 304),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_connection(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Result<Response> {
    let view = connections::get(app.engine(), &auth.caller, &project, &id).await?;
    let revision = view.stored.revision;
    if is_known(&headers, revision) {
        return Ok(tag(StatusCode::NOT_MODIFIED.into_response(), revision));
    }
    Ok(tag(json::answer(StatusCode::OK, &ConnectionAnswer::from(view))?, revision))
}

/// Replace a connection
///
/// All but absent secrets; not checked. On an active connection it takes effect at the settled cursor, without a gap.
#[utoipa::path(
    put,
    path = "/connections/{id}",
    tag = "connections",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The connection's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; 412 when it is stale"),
    ),
    request_body = Object,
    responses(
        (status = 200, body = ConnectionAnswer, headers(("ETag" = String))),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, body = ProblemBody, content_type = "application/problem+json", description = "`stale`"),
    )
)]
pub(crate) async fn update_connection(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
    headers: HeaderMap,
    body: JsonBytes,
) -> Result<Response> {
    let expected = if_match(&headers)?;
    let input = super::input(&body)?;
    let view = connections::update(app.engine(), &auth.caller, &project, &id, input, expected).await?;
    let revision = view.stored.revision;
    Ok(tag(json::answer(StatusCode::OK, &ConnectionAnswer::from(view))?, revision))
}

/// Delete a connection
///
/// An active one is stopped first.
#[utoipa::path(
    delete,
    path = "/connections/{id}",
    tag = "connections",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The connection's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag that was read; 412 when it is stale"),
    ),
    responses(
        (status = 204),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, body = ProblemBody, content_type = "application/problem+json", description = "`stale`"),
    )
)]
pub(crate) async fn delete_connection(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Result<StatusCode> {
    let expected = if_match(&headers)?;
    let gone = connections::delete(app.engine(), &auth.caller, &project, std::slice::from_ref(&id), expected).await?;
    if gone.deleted.is_empty() {
        return Err(Error::new(Kind::NotFound, "connection_not_found", "there is no such connection").into());
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Which connections to delete.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteMany {
    /// Their ids.
    ids: Vec<String>,
}

/// What became of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeletedAnswer {
    /// These are gone.
    deleted: Vec<String>,
    /// These were not there.
    not_found: Vec<String>,
}

/// Delete several connections
///
/// All that exist, or none. An active one is stopped first.
#[utoipa::path(
    post,
    path = "/connections/delete",
    tag = "connections",
    params(("project" = String, Path, description = "The project's id")),
    request_body = DeleteMany,
    responses((status = 200, body = DeletedAnswer))
)]
pub(crate) async fn delete_connections(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    body: JsonBytes,
) -> Result<Response> {
    let DeleteMany { ids } = body.parse()?;
    let gone = connections::delete(app.engine(), &auth.caller, &project, &ids, None).await?;
    let deleted = gone.deleted.iter().map(ToString::to_string).collect();
    json::answer(StatusCode::OK, &DeletedAnswer { deleted, not_found: gone.not_found })
}
