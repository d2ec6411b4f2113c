//! The webhook that is told of a project's alerts.

use auditwire_engine::alerts::webhook::{self, CallReport, NewWebhook, WebhookView};
use auditwire_engine::records::LastCall;
use auditwire_engine::secrets::Secret;
use auditwire_model::Timestamp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::auth::{Auth, InProject};
use super::json::{self, JsonBytes, Nothing};
use super::problem::{ProblemBody, Result};
use crate::App;

/// Where alerts are told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookRequest {
    /// `https://…`. Redirects are not followed. Kept sealed and never given back whole; absent, or as it is shown, keeps the present one.
    #[schema(value_type = Option<String>)]
    url: Option<String>,
    /// What calls are signed with: 16 to 256 visible ASCII characters. Write only. Absent keeps the present one; when there is none, one
    /// is made and given back, once.
    #[schema(value_type = Option<String>)]
    secret: Option<String>,
    /// CA certificates that vouch for the receiver, for one that the system's do not. Write only; absent keeps, null removes.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pem: Option<Option<String>>,
}

/// Tells null from absent.
fn given<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// A webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct WebhookAnswer {
    /// Scheme, host and port. What follows may be a secret and is shown as `…`.
    url: String,
    /// How people write the host, when it is in another script than Latin and `url` has its A-labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    host_unicode: Option<String>,
    /// Certificates of its own vouch for the receiver.
    pem: bool,
    /// When it was set first.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Calls that are still to be made.
    pending: usize,
    /// What the last call came to; null before there was one.
    last: Option<LastCallAnswer>,
    /// Only in the answer to the request that had it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// What a call came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookCall)]
pub(crate) struct LastCallAnswer {
    /// The receiver took it.
    ok: bool,
    /// `ok`, a check code, `webhook_redirected`, `webhook_refused`, `webhook_timeout` or `webhook_broken`.
    code: String,
    /// For people.
    message: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

impl From<LastCall> for LastCallAnswer {
    fn from(call: LastCall) -> Self {
        let LastCall { ok, code, message, at } = call;
        Self { ok, code, message, at }
    }
}

impl WebhookAnswer {
    fn of(view: WebhookView, made: Option<&Secret>) -> Self {
        let WebhookView { url, host_unicode, has_pem: pem, created_at, updated_at, pending, last } = view;
        let secret = made.map(|secret| secret.expose_text().to_owned());
        Self { url, host_unicode, pem, created_at, updated_at, pending, last: last.map(LastCallAnswer::from), secret }
    }
}

/// Read the webhook
#[utoipa::path(
    get,
    path = "/alerts/webhook",
    tag = "alerts",
    params(("project" = String, Path, description = "The project's id")),
    responses(
        (status = 200, body = WebhookAnswer),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`webhook_not_found`"),
    )
)]
pub(crate) async fn get_webhook(State(app): State<App>, auth: Auth, InProject(project): InProject) -> Result<Response> {
    let view = webhook::get(app.engine(), &auth.caller, &project).await?;
    json::answer(StatusCode::OK, &WebhookAnswer::of(view, None))
}

/// Set the webhook
///
/// It is called when an alert begins and when it is over; `docs/api.md` has the body and how the signature is verified.
#[utoipa::path(
    put,
    path = "/alerts/webhook",
    tag = "alerts",
    params(("project" = String, Path, description = "The project's id")),
    request_body = WebhookRequest,
    responses(
        (status = 200, body = WebhookAnswer),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "`invalid_url`, `invalid_secret`, `pem_…`"),
    )
)]
pub(crate) async fn set_webhook(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    body: JsonBytes,
) -> Result<Response> {
    let WebhookRequest { url, secret, pem } = body.parse()?;
    let [url, secret] = [url, secret].map(|given| given.map(|text| Secret::new(text.into_bytes())));
    let (view, made) = webhook::set(app.engine(), &auth.caller, &project, NewWebhook { url, secret, pem }).await?;
    json::answer(StatusCode::OK, &WebhookAnswer::of(view, made.as_ref()))
}

/// Delete the webhook
///
/// Calls that were still to be made are not made any more.
#[utoipa::path(
    delete,
    path = "/alerts/webhook",
    tag = "alerts",
    params(("project" = String, Path, description = "The project's id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`webhook_not_found`"),
    )
)]
pub(crate) async fn delete_webhook(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
) -> Result<Response> {
    webhook::delete(app.engine(), &auth.caller, &project).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What a test of the webhook came to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookTest {
    /// The receiver took it.
    ok: bool,
    /// In order; ends with the first that failed.
    stages: Vec<WebhookStage>,
}

/// What a stage came to.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookStage {
    /// `address`, `resolve`, `connect`, `tls` or `answer`.
    stage: &'static str,
    /// Passed?
    ok: bool,
    /// `ok`, or why not: a check code, `webhook_redirected`, `webhook_refused`, `webhook_timeout` or `webhook_broken`.
    code: &'static str,
    /// What was seen.
    message: String,
    /// What to do; empty when there is nothing to do.
    remedy: String,
    /// Milliseconds.
    ms: u64,
}

impl From<CallReport> for WebhookTest {
    fn from(report: CallReport) -> Self {
        let stages = report.stages.into_iter().map(|stage| WebhookStage {
            stage: stage.stage,
            ok: stage.ok,
            code: stage.code,
            message: stage.message,
            remedy: stage.remedy,
            ms: u64::try_from(stage.took.as_millis()).unwrap_or(u64::MAX),
        });
        Self { ok: report.ok, stages: stages.collect() }
    }
}

/// Test the webhook
///
/// Calls it with `"type": "test"` and tells stage by stage what happened. Takes up to 10 s.
#[utoipa::path(
    post,
    path = "/alerts/webhook/test",
    tag = "alerts",
    params(("project" = String, Path, description = "The project's id")),
    responses(
        (status = 200, body = WebhookTest, description = "The call was made; `ok` says how it went"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`webhook_not_found`"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "10 a minute and 2 at once, connection checks included"),
    )
)]
pub(crate) async fn test_webhook(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    body: JsonBytes,
) -> Result<Response> {
    let Nothing {} = body.parse_or_default()?;
    let report = webhook::test(app.engine(), &auth.caller, &project).await?;
    json::answer(StatusCode::OK, &WebhookTest::from(report))
}
