//! Projects.

use auditwire_engine::projects;
use auditwire_engine::records::Project;
use auditwire_model::Timestamp;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::auth::Auth;
use super::json::{self, JsonBytes};
use super::problem::{ProblemBody, Result};
use crate::App;

/// A project.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Project)]
pub(crate) struct ProjectAnswer {
    /// Its id.
    id: String,
    /// For people.
    name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Project> for ProjectAnswer {
    fn from(project: Project) -> Self {
        let Project { id, name, created_at } = project;
        Self { id: id.to_string(), name, created_at }
    }
}

/// The projects that the caller may see.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ProjectList {
    /// By id.
    projects: Vec<ProjectAnswer>,
}

/// A new project.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProject {
    /// 1–64 characters of `a-z 0-9 - _`; made when absent.
    #[serde(default)]
    id: Option<String>,
    /// For people.
    name: String,
}

/// List projects
#[utoipa::path(get, path = "/projects", tag = "projects", responses((status = 200, body = ProjectList)))]
pub(crate) async fn list_projects(State(app): State<App>, auth: Auth) -> Result<Response> {
    let projects = projects::list(app.engine(), &auth.caller).await?;
    json::answer(StatusCode::OK, &ProjectList { projects: projects.into_iter().map(ProjectAnswer::from).collect() })
}

/// Create a project
///
/// Operator only.
#[utoipa::path(
    post,
    path = "/projects",
    tag = "projects",
    params(("Idempotency-Key" = Option<String>, Header, description = "24 h")),
    request_body = NewProject,
    responses(
        (status = 201, body = ProjectAnswer, headers(("Location" = String))),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`project_exists`"),
    )
)]
pub(crate) async fn create_project(
    State(app): State<App>,
    auth: Auth,
    headers: HeaderMap,
    body: JsonBytes,
) -> Result<Response> {
    let key = json::idempotency_key(&headers)?;
    let NewProject { id, name } = body.parse()?;
    let project = projects::create(app.engine(), &auth.caller, id, name, key.as_deref()).await?;
    json::created(&format!("/api/v1/projects/{}", project.id), &ProjectAnswer::from(project))
}
