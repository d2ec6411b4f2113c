//! Start and stop.

use auditwire_engine::connections::{self, ActivateError, Start};
use auditwire_model::Timestamp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::matching::tag;
use super::view::{CheckAnswer, ConnectionAnswer};
use crate::App;
use crate::api::auth::{Auth, InProject, PathId};
use crate::api::json::{self, JsonBytes, Nothing};
use crate::api::problem::{Problem, ProblemBody, Result};

/// How to activate.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActivateRequest {
    /// `default`, `continue`, `take_over`, `now`, or `{"from": T}`.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!("default"))]
    start: Option<serde_json::Value>,
    /// Activates although the check failed.
    #[serde(default)]
    despite_failed_check: bool,
}

impl ActivateRequest {
    fn start(&self) -> Result<Option<Start>> {
        use serde_json::Value;
        let wrong = |detail: &str| Problem::bad_request("invalid_start", detail).in_field("start");
        let start = match &self.start {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(word)) => match word.as_str() {
                "default" => Some(Start::Default),
                "continue" => Some(Start::Continue),
                "take_over" => Some(Start::TakeOver),
                "now" => Some(Start::Now),
                _ => None,
            },
            Some(Value::Object(map)) if map.len() == 1 => match map.get("from") {
                Some(Value::String(text)) => {
                    let time = Timestamp::parse(text);
                    Some(Start::From(time.map_err(|e| wrong(&e.to_string()).in_field("start.from"))?))
                }
                _ => None,
            },
            Some(_) => None,
        };
        start
            .map(Some)
            .ok_or_else(|| wrong("start is \"default\", \"continue\", \"take_over\", \"now\" or {\"from\": T}"))
    }
}

/// What an activation did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivateAnswer {
    /// The connection as it is now.
    connection: ConnectionAnswer,
    /// The check that was run; null when one had passed within 10 minutes.
    check: Option<CheckAnswer>,
    /// The connection that was stopped.
    stopped: Option<String>,
    /// First position that will be sent.
    start_at: u64,
    /// Events from there to the present end of the log that pass the filter.
    will_send: u64,
    /// False: counting stopped after a second or a million events; there are at least so many.
    will_send_exact: bool,
}

/// Activate a connection
///
/// Runs the check unless one passed within 10 minutes for this revision. Stops the connection that was active. Activating the
/// active one changes nothing, unless `start` is given.
#[utoipa::path(
    post,
    path = "/connections/{id}/activate",
    tag = "connections",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The connection's id"),
    ),
    request_body(content = Option<ActivateRequest>),
    responses(
        (status = 200, body = ActivateAnswer, headers(("ETag" = String))),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`check_failed` with `check`; `nothing_to_take_over`; `filter_unusable`; nothing has changed"),
    )
)]
pub(crate) async fn activate_connection(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
    body: JsonBytes,
) -> Result<Response> {
    let request: ActivateRequest = body.parse_or_default()?;
    let (start, despite) = (request.start()?, request.despite_failed_check);
    let done = connections::activate(app.engine(), &auth.caller, &project, &id, start, despite).await;
    let done = done.map_err(refused)?;
    let revision = done.connection.stored.revision;
    let answer = ActivateAnswer {
        connection: done.connection.into(),
        check: done.check.map(CheckAnswer::from),
        stopped: done.stopped.map(|id| id.to_string()),
        start_at: done.start_at.0,
        will_send: done.will_send,
        will_send_exact: done.exact,
    };
    Ok(tag(json::answer(StatusCode::OK, &answer)?, revision))
}

fn refused(error: ActivateError) -> Problem {
    match error {
        ActivateError::Other(error) => error.into(),
        ActivateError::CheckFailed(report) => {
            let detail = "the connection check failed; nothing has changed. Mend what its last stage says, \
                          or activate with despite_failed_check";
            let problem = Problem::new(StatusCode::CONFLICT, "check_failed", detail);
            match serde_json::to_value(CheckAnswer::from(*report)) {
                Ok(check) => problem.with_check(check),
                Err(_) => problem,
            }
        }
    }
}

/// Stop a connection
///
/// Gracefully; no error when it was not active.
#[utoipa::path(
    post,
    path = "/connections/{id}/stop",
    tag = "connections",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("id" = String, Path, description = "The connection's id"),
    ),
    responses(
        (status = 200, body = ConnectionAnswer, headers(("ETag" = String))),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn stop_connection(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    PathId(id): PathId,
    body: JsonBytes,
) -> Result<Response> {
    let Nothing {} = body.parse_or_default()?;
    let view = connections::stop(app.engine(), &auth.caller, &project, &id).await?;
    let revision = view.stored.revision;
    Ok(tag(json::answer(StatusCode::OK, &ConnectionAnswer::from(view))?, revision))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_to_start() {
        let read = |json: &str| serde_json::from_str::<ActivateRequest>(json).expect("reads").start();
        let from = Timestamp::parse("2026-11-22T10:00:00Z").expect("a time");
        let cases = [
            ("{}", None),
            (r#"{"start":null}"#, None),
            (r#"{"start":"default"}"#, Some(Start::Default)),
            (r#"{"start":"continue"}"#, Some(Start::Continue)),
            (r#"{"start":"take_over"}"#, Some(Start::TakeOver)),
            (r#"{"start":"now"}"#, Some(Start::Now)),
            (r#"{"start":{"from":"2026-11-22T10:00:00Z"}}"#, Some(Start::From(from))),
        ];
        for (json, expected) in cases {
            assert_eq!(read(json).expect("is a start"), expected, "{json}");
        }
        for json in [r#"{"start":"soon"}"#, r#"{"start":{"from":"soon"}}"#, r#"{"start":{}}"#, r#"{"start":7}"#] {
            assert_eq!(read(json).expect_err("is refused").code(), "invalid_start", "{json}");
        }
    }
}
