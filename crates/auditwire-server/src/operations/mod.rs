//! For those who run the service: alive, ready, metrics. The first two tell nothing of projects and ask for no token.

mod process;
mod snapshot;

use std::time::Duration;

use auditwire_engine::log::Room;
use auditwire_engine::readiness::Trouble;
use auditwire_engine::{projects, task_failed};
use auditwire_model::access::Verb;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::{encode_eof, encode_registry};

use crate::App;
use crate::api::{Auth, Params, Problem, ProblemBody, Result};
pub use process::{BUILD, Build, LogCounts};

/// Alive
///
/// 200 as long as the process answers.
#[utoipa::path(get, path = "/healthz", tag = "operations", security(()), responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn healthz() -> &'static str {
    "alive\n"
}

/// Ready
///
/// 200 when intake and search are served and nothing is wrong that would make a rival or a newcomer the better choice; else 503,
/// and `code` says what is wrong: `closing` (draining), `task_failed` (a part failed that the service cannot do without: the
/// process ends), `store_unavailable` (the store does not answer), `storage_gone`, `store_damaged`, `commits_failing`,
/// `storage_full`, `reserve_missing`, `clock_ahead`, `upkeep_stalled`, `delivery_stalled`. What needs somebody but keeps nothing from
/// being served is in the text of a 200. What each means and what to do: `docs/operations.md`.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operations",
    security(()),
    params(("exclude" = Option<String>, Query, description = "Codes that do not count, by commas")),
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn readyz(State(app): State<App>, mut params: Params) -> Result<String> {
    let not_ready = |code, detail: &str| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(Duration::from_secs(5))
    };
    let excluded = params.take("exclude").as_deref().map(excluded).transpose()?.unwrap_or_default();
    let engine = app.engine();
    if let Some(task) = engine.tasks().died() {
        return Err(task_failed(task).into());
    }
    if app.is_draining() {
        return Err(not_ready("closing", "the service is shutting down"));
    }
    let standing: Vec<Trouble> = engine.readiness().standing().into_iter().map(|(trouble, _)| trouble).collect();
    if let Some(worst) = standing.iter().find(|trouble| !trouble.is_ready() && !excluded.contains(trouble)) {
        return Err(not_ready(worst.code(), &format!("{}; {}", worst.what(), worst.remedy())));
    }
    if let Err(error) = engine.store.stats().await {
        tracing::warn!(%error, "the store does not answer");
        return Err(not_ready("store_unavailable", "the store does not answer"));
    }
    let little = (engine.log.room() == Room::Little).then_some("the volume is nearly full");
    let told = standing.iter().map(|trouble| trouble.what()).chain(little);
    Ok(told.fold("ready".to_owned(), |text, told| text + "; " + told) + "\n")
}

fn excluded(codes: &str) -> Result<Vec<Trouble>> {
    let of = |code: &str| {
        let known = || Trouble::ALL.map(Trouble::code).join(", ");
        let wrong = || {
            Problem::bad_request("invalid_exclude", format!("there is no {code}; known are {}", known()))
                .in_field("exclude")
        };
        Trouble::of_code(code).ok_or_else(wrong)
    };
    codes.split(',').map(str::trim).filter(|code| !code.is_empty()).map(of).collect()
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
        .and_then(|()| encode_registry(&mut text, &process::standard()))
        .and_then(|()| encode_registry(&mut text, &live))
        .and_then(|()| encode_eof(&mut text));
    written
        .map_err(|_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the metrics could not be written"))?;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
}
