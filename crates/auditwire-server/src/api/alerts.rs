//! Alerts: what is wrong with a project or its delivery now.

use auditwire_engine::alerts::{self, AlertSettings, BACKLOG_PERCENT, CERTIFICATE_DAYS, TOKEN_DAYS, webhook};
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
    /// When an alert begins.
    limits: LimitsAnswer,
}

/// The limits of the conditions; the first is set in the service's configuration.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertLimits)]
pub(crate) struct LimitsAnswer {
    /// A connection has been degraded or failing for so many seconds.
    degraded_after_seconds: u64,
    /// The oldest event that is not delivered has waited so much of the time that events are kept, in percent.
    backlog_percent: u8,
    /// A certificate ends in so many days; told again at each.
    certificate_days: [u64; 4],
    /// A token ends in so many days; told again at each.
    token_days: [u64; 2],
}

impl From<AlertSettings> for LimitsAnswer {
    fn from(settings: AlertSettings) -> Self {
        Self {
            degraded_after_seconds: settings.degraded_after.as_secs(),
            backlog_percent: BACKLOG_PERCENT,
            certificate_days: CERTIFICATE_DAYS,
            token_days: TOKEN_DAYS,
        }
    }
}

/// Something that is wrong and needs somebody.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Alert)]
pub(crate) struct AlertAnswer {
    /// `delivery_degraded`, `backlog_near_retention`, `certificate_expiring`, `retention_reduction`, `project_quota` or `token_expiring`.
    kind: &'static str,
    /// Which connection; null: it is about a token or about the project itself.
    connection: Option<String>,
    /// Which token.
    token: Option<String>,
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
        let Alert { connection, token, kind, since, message, remedy, .. } = alert;
        Self {
            kind: kind.as_str(),
            connection: connection.map(|id| id.to_string()),
            token: token.map(|id| id.to_string()),
            since,
            message,
            remedy,
        }
    }
}

/// List alerts
///
/// What is wrong with the project or its delivery now. Each is also an event when it begins (`siem-alert`) and when it is over (`siem-alert-over`).
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
    let limits = app.engine().settings.alerts.into();
    let alerts = alerts.into_iter().map(AlertAnswer::from).collect();
    json::answer(StatusCode::OK, &AlertList { alerts, webhook, limits })
}
