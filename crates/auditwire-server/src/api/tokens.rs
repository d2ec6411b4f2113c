//! API tokens of a project. A secret is in one answer only: that of its creation, or of the rotation that made it.

use std::time::Duration;

use auditwire_engine::Kind;
use auditwire_engine::records::{EarlierSecret, Token};
use auditwire_engine::secrets::Secret;
use auditwire_engine::tokens::{self, Descendants, OVERLAP_DEFAULT, RevokeError, TokenSpec, TokenView};
use auditwire_model::access::Scope;
use auditwire_model::{Timestamp, TokenId};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::auth::{Auth, InProject, PathId};
use super::events::Params;
use super::json::{self, JsonBytes};
use super::problem::{Problem, ProblemBody, Result};
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
    /// When it really ends: by itself, or with the first of the tokens that it comes from.
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Timestamp>,
    /// The token that it comes from with which it ends, when that one ends first.
    ends_with: Option<String>,
    /// When it was used last; after a crash of the service up to five minutes behind.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// The token that made it or adopted it; null: an operator did.
    parent: Option<String>,
    /// The tokens that it made or adopted.
    children: Vec<String>,
    /// Who made it: the id of a token or of an account.
    made_by: Option<String>,
    /// Earlier secrets that still open it, oldest first.
    earlier_secrets: Vec<EarlierAnswer>,
    /// The secret; only in the answer to its creation or to its rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// How long an earlier secret goes on.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = EarlierSecret)]
pub(crate) struct EarlierAnswer {
    /// Until then,
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// and, when this is true, until its successor was used once.
    until_used: bool,
}

impl From<EarlierSecret> for EarlierAnswer {
    fn from(EarlierSecret { until, until_used, .. }: EarlierSecret) -> Self {
        Self { until, until_used }
    }
}

impl From<TokenView> for TokenAnswer {
    fn from(view: TokenView) -> Self {
        let TokenView { token, ends_at, ends_with, last_used_at, children } = view;
        let Token { id, name, scopes, sources, created_at, expires_at, parent, made_by, earlier, .. } = token;
        Self {
            id: id.to_string(),
            name,
            scopes,
            sources,
            created_at,
            expires_at,
            ends_at,
            ends_with: ends_with.map(|id| id.to_string()),
            last_used_at,
            parent: parent.map(|id| id.to_string()),
            children: children.iter().map(ToString::to_string).collect(),
            made_by,
            earlier_secrets: earlier.into_iter().map(EarlierAnswer::from).collect(),
            token: None,
        }
    }
}

impl TokenAnswer {
    fn with_secret(mut self, secret: Option<Secret>) -> Self {
        self.token = secret.map(|secret| secret.expose_text().to_owned());
        self
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
/// The answer holds the secret as `token`, once. A repeated request with the same `Idempotency-Key` answers without it. A token
/// that a token of the project makes has that one as its parent: it never does more than its parent still may, and ends with it.
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
    let answer = TokenAnswer::from(token).with_secret(secret);
    json::created(&format!("/api/v1/projects/{project}/tokens/{}", answer.id), &answer)
}

/// How a token gets a new secret.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// How long the present secret still opens the token: 0 to 604800 (7 days), 86400 (a day) when it is not given.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 604_800)]
    overlap_seconds: Option<u64>,
}

/// Rotate a token
///
/// Makes a new secret for the same token, whose id, rights and place in the tree stay. The answer holds it as `token`, once; a
/// repeated request with the same `Idempotency-Key` answers without it. The present secret goes on for `overlap_seconds`; an
/// operator's also until the new one was used once, so that a lost answer locks nobody out. A token that expires lasts as long
/// again, within what its maker and the token that asks have. A token rotates itself and what comes from it.
#[utoipa::path(
    post,
    path = "/tokens/{id}/rotate",
    tag = "tokens",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The token's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "24 h"),
    ),
    request_body(content = Option<Rotation>),
    responses(
        (status = 200, body = TokenAnswer),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "It does not come from the token that asks"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`too_many_secrets`"),
    )
)]
pub(crate) async fn rotate_token(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
    headers: HeaderMap,
    body: JsonBytes,
) -> Result<Response> {
    let key = json::idempotency_key(&headers)?;
    let Rotation { overlap_seconds } = body.parse_or_default()?;
    let overlap = overlap_seconds.map_or(OVERLAP_DEFAULT, Duration::from_secs);
    let id = token_id(&id)?;
    let (token, secret) = tokens::rotate(app.engine(), &auth.caller, &project, &id, overlap, key.as_deref()).await?;
    json::answer(StatusCode::OK, &TokenAnswer::from(token).with_secret(secret))
}

/// Revoke a token
///
/// At once. When other tokens come from it, nothing happens without `descendants`: the answer 409 `token_has_descendants` names
/// them with their last use. `revoke` ends them with it; `adopt` gives those that it made to its own parent.
#[utoipa::path(
    delete,
    path = "/tokens/{id}",
    tag = "tokens",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The token's id"),
        ("descendants" = Option<String>, Query, description = "`revoke` or `adopt`"),
    ),
    responses(
        (status = 204),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`token_has_descendants` with `descendants`; `last_operator_token`; `descendant_exceeds_maker`"),
    )
)]
pub(crate) async fn delete_token(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
    params: Params,
) -> Result<StatusCode> {
    let descendants = match params.only(&["descendants"])?.take("descendants").as_deref() {
        None => None,
        Some("revoke") => Some(Descendants::Revoke),
        Some("adopt") => Some(Descendants::Adopt),
        Some(_) => {
            let detail = "descendants is \"revoke\" or \"adopt\"";
            return Err(Problem::bad_request("invalid_value", detail).in_field("descendants"));
        }
    };
    let id = token_id(&id)?;
    let revoked = tokens::revoke(app.engine(), &auth.caller, &project, &id, descendants).await;
    revoked.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

fn refused(error: RevokeError) -> Problem {
    let left = match error {
        RevokeError::Other(error) => return error.into(),
        RevokeError::HasDescendants(left) => left,
    };
    let detail = format!(
        "{} tokens come from this one; nothing has changed. Say descendants=revoke to end them with it, or descendants=adopt to \
         leave them to what made it",
        left.len()
    );
    let problem = Problem::new(StatusCode::CONFLICT, "token_has_descendants", detail).in_field("descendants");
    match serde_json::to_value(left.into_iter().map(TokenAnswer::from).collect::<Vec<_>>()) {
        Ok(descendants) => problem.with_descendants(descendants),
        Err(_) => problem,
    }
}

/// A text that cannot be a token's id names no token.
fn token_id(text: &str) -> Result<TokenId> {
    let unknown = |_| auditwire_engine::Error::new(Kind::NotFound, "token_not_found", "there is no such token");
    Ok(TokenId::parse(text).map_err(unknown)?)
}
