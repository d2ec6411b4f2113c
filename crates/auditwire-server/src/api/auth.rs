//! Who asks. Every handler takes [`Auth`], and the verbs demand the [`Caller`] in it, so forgetting it does not compile.
//! Only the `Authorization` header counts; cookies are never looked at under `/api`.

use auditwire_engine::secrets::Secret;
use auditwire_engine::tokens;
use auditwire_model::access::{Caller, Origin};
use auditwire_model::{Position, ProjectId};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use super::problem::{Problem, Result};
use crate::App;
use crate::client::Asker;
use crate::transport;

/// The caller behind a valid token.
#[derive(Debug)]
pub(crate) struct Auth {
    pub(crate) caller: Caller,
    origin: Origin,
    token: Secret,
}

impl Auth {
    /// Whether the token is valid still: a stream must not outlive the token that opened it.
    pub(crate) async fn still_valid(&self, app: &App) -> bool {
        let Ok(token) = std::str::from_utf8(self.token.expose()) else { return false };
        // A store that fails for a moment is no reason to cut everyone off.
        !matches!(tokens::authenticate(app.engine(), token, &self.origin).await, Ok(None))
    }
}

impl FromRequestParts<App> for Auth {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let origin = transport::origin(parts, app);
        let token = bearer(&parts.headers);
        match tokens::authenticate_from(app.engine(), token, &origin).await? {
            Some(caller) => {
                Asker::of(&parts.extensions, app).prove(app, caller.id())?;
                let token = Secret::new(token.unwrap_or_default().as_bytes().to_vec());
                Ok(Self { caller, origin, token })
            }
            None => Err(refused(app, token)),
        }
    }
}

/// What stands after `Bearer`, if anything.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

fn refused(app: &App, token: Option<&str>) -> Problem {
    let (code, detail, challenge) = match token {
        None => ("missing_token", "send an API token as 'Authorization: Bearer aw_...'", "Bearer"),
        Some(_) => {
            app.metrics().refused_token();
            ("invalid_token", "this token is unknown, revoked or expired", "Bearer error=\"invalid_token\"")
        }
    };
    let challenge = HeaderValue::from_static(challenge);
    Problem::new(StatusCode::UNAUTHORIZED, code, detail).with_header(header::WWW_AUTHENTICATE, challenge)
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
