//! API tokens of a project. The secret is in one answer only: that of its creation.

use auditwire_engine::Kind;
use auditwire_engine::records::Token;
use auditwire_engine::tokens::{self, TokenSpec};
use auditwire_model::access::Scope;
use auditwire_model::{Timestamp, TokenId};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::auth::{Auth, InProject, PathId};
use super::json::{self, JsonBytes};
use super::problem::{ProblemBody, Result};
use crate::App;

/// An API token.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Token)]
pub(crate) struct TokenAnswer {
    /// Its public half.
    id: String,
    /// For people.
    name: String,
    /// What it may do.
    #[schema(value_type = Vec<String>, example = json!(["ingest"]))]
    scopes: Vec<Scope>,
    /// The `source.id`s it may send; empty means any.
    sources: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it ends by itself.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// The secret; only in the answer to its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl From<Token> for TokenAnswer {
    fn from(token: Token) -> Self {
        let Token { id, name, scopes, sources, created_at, expires_at, .. } = token;
        Self { id: id.to_string(), name, scopes, sources, created_at, expires_at, token: None }
    }
}

/// The tokens of a project.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TokenList {
    /// All of them, without secrets.
    tokens: Vec<TokenAnswer>,
}

/// A new token.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// For people, 1–128 characters.
    name: String,
    /// At least one of `ingest`, `read`, `configure`, `metrics`.
    #[schema(value_type = Vec<String>, example = json!(["ingest"]))]
    scopes: Vec<Scope>,
    /// The `source.id`s it may send; empty means any.
    #[serde(default)]
    sources: Vec<String>,
    /// When it ends by itself.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// List tokens
#[utoipa::path(
    get,
    path = "/tokens",
    tag = "tokens",
    params(("project" = String, Path, description = "The project's id")),
    responses((status = 200, body = TokenList))
)]
pub(crate) async fn list_tokens(State(app): State<App>, auth: Auth, InProject(project): InProject) -> Result<Response> {
    let tokens = tokens::list(app.engine(), &auth.caller, &project).await?;
    json::answer(StatusCode::OK, &TokenList { tokens: tokens.into_iter().map(TokenAnswer::from).collect() })
}

/// Create a token
///
/// The answer holds the secret as `token`, once. A repeated request with the same `Idempotency-Key` answers without it.
#[utoipa::path(
    post,
    path = "/tokens",
    tag = "tokens",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "24 h"),
    ),
    request_body = NewToken,
    responses(
        (status = 201, body = TokenAnswer, headers(("Location" = String))),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create_token(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    headers: HeaderMap,
    body: JsonBytes,
) -> Result<Response> {
    let key = json::idempotency_key(&headers)?;
    let NewToken { name, scopes, sources, expires_at } = body.parse()?;
    let spec = TokenSpec { name, scopes, sources, expires_at };
    let (token, secret) = tokens::create(app.engine(), &auth.caller, &project, spec, key.as_deref()).await?;
    let mut answer = TokenAnswer::from(token);
    answer.token = secret.map(|s| String::from_utf8_lossy(s.expose()).into_owned());
    json::created(&format!("/api/v1/projects/{project}/tokens/{}", answer.id), &answer)
}

/// Revoke a token
///
/// At once.
#[utoipa::path(
    delete,
    path = "/tokens/{id}",
    tag = "tokens",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The token's id"),
    ),
    responses(
        (status = 204),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete_token(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
) -> Result<StatusCode> {
    // A text that cannot be a token's id names no token.
    let unknown = |_| auditwire_engine::Error::new(Kind::NotFound, "token_not_found", "there is no such token");
    let id = TokenId::parse(&id).map_err(unknown)?;
    tokens::revoke(app.engine(), &auth.caller, &project, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
