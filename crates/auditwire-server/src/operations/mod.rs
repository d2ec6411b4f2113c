//! For those who run the service: alive, ready, metrics. The first two tell nothing of projects and ask for no token.

mod snapshot;

use auditwire_engine::log::Room;
use auditwire_engine::{projects, task_failed};
use auditwire_model::access::Verb;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::{encode_eof, encode_registry};

use crate::App;
use crate::api::{Auth, Problem, ProblemBody, Result};

/// Alive
///
/// 200 as long as the process answers.
#[utoipa::path(get, path = "/healthz", tag = "operations", security(()), responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn healthz() -> &'static str {
    "alive\n"
}

/// Ready
///
/// 200 when intake and search are served; 503 while draining (`closing`), when the store fails (`store_unavailable`), or when a
/// part failed that the service cannot do without (`task_failed`): the process ends then. When the volume is nearly full, or so
/// full that intake answers 503 `storage_full`, the text says so: everything else is still served.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    security(()),
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn readyz(State(app): State<App>) -> Result<&'static str> {
    let not_ready = |code, detail: &str| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(std::time::Duration::from_secs(5))
    };
    if let Some(task) = app.engine().tasks().died() {
        return Err(task_failed(task).into());
    }
    if app.is_draining() {
        return Err(not_ready("closing", "the service is shutting down"));
    }
    match app.engine().store.stats().await {
        Ok(_) => Ok(match app.engine().log.room() {
            Room::Enough => "ready\n",
            Room::Little => "ready; the volume is nearly full\n",
            Room::None => "ready; the volume is full and no events are taken\n",
        }),
        Err(error) => {
            tracing::warn!(%error, "the store does not answer");
            Err(not_ready("store_unavailable", "the store does not answer"))
        }
    }
}

/// Metrics
///
/// OpenMetrics text. Needs a token with scope `metrics`, or the operator's; a project's token sees its own project.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operations",
    responses(
        (status = 200, body = String, content_type = "application/openmetrics-text"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn metrics(State(app): State<App>, auth: Auth) -> Result<Response> {
    projects::authorize_above(app.engine(), &auth.caller, Verb::Metrics).await?;
    let live = snapshot::take(&app, &auth.caller).await?;
    let mut text = String::new();
    let written = encode_registry(&mut text, app.metrics().registry())
        .and_then(|()| encode_registry(&mut text, &live))
        .and_then(|()| encode_eof(&mut text));
    written
        .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the metrics could not be written"))?;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
}
