//! Alerts: what is wrong with a project's delivery now.

use auditwire_engine::alerts::{self, webhook};
use auditwire_engine::records::Alert;
use auditwire_model::Timestamp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::{Auth, InProject};
use super::json;
use super::problem::Result;
use super::webhook::LastCallAnswer;
use crate::App;

/// The alerts that stand.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertList {
    /// In the order in which they began.
    alerts: Vec<AlertAnswer>,
    /// What the last call of the webhook came to; null without one.
    webhook: Option<LastCallAnswer>,
}

/// Something that is wrong and needs somebody.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Alert)]
pub(crate) struct AlertAnswer {
    /// `delivery_degraded`, `backlog_near_retention` or `certificate_expiring`.
    kind: &'static str,
    /// Which connection.
    connection: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// What is wrong.
    message: String,
    /// What to do.
    remedy: String,
}

impl From<Alert> for AlertAnswer {
    fn from(alert: Alert) -> Self {
        let Alert { connection, kind, since, message, remedy, .. } = alert;
        Self { kind: kind.as_str(), connection: connection.to_string(), since, message, remedy }
    }
}

/// List alerts
///
/// What is wrong with delivery now. Each is also an event when it begins (`siem-alert`) and when it is over (`siem-alert-over`).
#[utoipa::path(
    get,
    path = "/alerts",
    tag = "alerts",
    params(("project" = String, Path, description = "The project's id")),
    responses((status = 200, body = AlertList))
)]
pub(crate) async fn list_alerts(State(app): State<App>, auth: Auth, InProject(project): InProject) -> Result<Response> {
    let alerts = alerts::list(app.engine(), &auth.caller, &project).await?;
    let webhook = webhook::last_call(app.engine(), &auth.caller, &project).await?.map(LastCallAnswer::from);
    json::answer(StatusCode::OK, &AlertList { alerts: alerts.into_iter().map(AlertAnswer::from).collect(), webhook })
}
