//! Who asks. Every handler takes [`Auth`], and the verbs demand the [`Caller`] in it, so forgetting it does not compile.
//! Only the `Authorization` header counts; cookies are never looked at under `/api`.

use auditwire_engine::secrets::Secret;
use auditwire_engine::tokens;
use auditwire_model::access::Caller;
use auditwire_model::{Position, ProjectId};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use super::problem::{Problem, Result};
use crate::App;
use crate::client::ClientAddress;
use crate::sign_in::Verdict;

/// The caller behind a valid token, and the token itself for those who must ask again (live streams).
#[derive(Debug)]
pub(crate) struct Auth {
    pub(crate) caller: Caller,
    pub(crate) token: Secret,
}

impl FromRequestParts<App> for Auth {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let token = bearer(&parts.headers)?;
        match tokens::authenticate(app.engine(), token).await? {
            Some(caller) => Ok(Self { caller, token: Secret::new(token.as_bytes().to_vec()) }),
            None => Err(refuse(app, parts.extensions.get::<ClientAddress>().copied()).await),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str> {
    let missing = || {
        let detail = "send an API token as 'Authorization: Bearer aw_...'";
        challenge(Problem::new(StatusCode::UNAUTHORIZED, "missing_token", detail), "Bearer")
    };
    let value = headers.get(header::AUTHORIZATION).ok_or_else(missing)?.to_str().map_err(|_| missing())?;
    let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() { Ok(token) } else { Err(missing()) }
}

async fn refuse(app: &App, client: Option<ClientAddress>) -> Problem {
    app.metrics().failed_sign_in();
    let address = client.map_or(app.local().ip(), |c| c.0);
    match app.failed_sign_ins().count(address, app.engine().clock.now()) {
        Verdict::TooMany { retry_after } => {
            let detail = "too many requests with tokens that are not valid came from this address";
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_failed_sign_ins", detail).retry_after(retry_after)
        }
        Verdict::Refused { first } => {
            if first {
                tracing::warn!(client = %address, "a token that is not valid was sent");
            }
            let detail = "this token is unknown, revoked or expired";
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "invalid_token", detail);
            challenge(problem, "Bearer error=\"invalid_token\"")
        }
    }
}

fn challenge(problem: Problem, how: &'static str) -> Problem {
    problem.with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(how))
}

/// The `{project}` of the path.
#[derive(Debug)]
pub(crate) struct InProject(pub(crate) ProjectId);

impl FromRequestParts<App> for InProject {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        // A text that cannot be a project's id names no project.
        let unknown = || Problem::new(StatusCode::NOT_FOUND, "project_not_found", "there is no such project");
        let text = path_param(parts, app, "project").await.ok_or_else(unknown)?;
        ProjectId::parse(&text).map(Self).map_err(|_| unknown())
    }
}

/// The `{id}` of the path, as it was sent: ids are opaque, and the verb says when there is no such thing.
#[derive(Debug)]
pub(crate) struct PathId(pub(crate) String);

impl FromRequestParts<App> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let id = path_param(parts, app, "id").await;
        id.map(Self).ok_or_else(|| Problem::bad_request("invalid_path", "the path is not valid UTF-8"))
    }
}

/// The `{seq}` of the path.
#[derive(Debug)]
pub(crate) struct PathSeq(pub(crate) Position);

impl FromRequestParts<App> for PathSeq {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let text = path_param(parts, app, "seq").await.unwrap_or_default();
        let seq = text.parse().ok().filter(|_| text.bytes().all(|c| c.is_ascii_digit()));
        seq.map(|seq| Self(Position(seq))).ok_or_else(|| {
            Problem::new(StatusCode::NOT_FOUND, "event_not_found", "an event's place is a number from 1")
        })
    }
}

async fn path_param(parts: &mut Parts, app: &App, name: &str) -> Option<String> {
    let params = RawPathParams::from_request_parts(parts, app).await.ok()?;
    params.iter().find(|(n, _)| *n == name).map(|(_, value)| value.to_owned())
}
