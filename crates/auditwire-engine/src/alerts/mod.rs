//! Alerts: what is wrong with a project, its delivery or its tokens and needs somebody, told once as an event (`siem-alert`) when it begins and
//! once when it is over, kept as a record meanwhile, shown by API, console and metrics. And the heartbeat, an event that a
//! connection may ask for, so that a SIEM notices when nothing comes any more.
//!
//! [`conditions`] decides and is pure; [`watch`] asks it every half minute and commits what changed; [`webhook`] tells a service of the
//! project's.

mod conditions;
mod tokens;
mod watch;
pub mod webhook;

use std::time::Duration;

use auditwire_model::access::{Caller, Verb};
use auditwire_model::{ConnectionId, ProjectId};

use crate::Engine;
use crate::error::Result;
use crate::projects::authorize;
use crate::readiness::Trouble;
use crate::records::{Alert, AlertRecord, Document};
use crate::store::RecordKind;

pub use watch::{round, start};

/// Part of the retention that the oldest event may wait, in percent.
pub const BACKLOG_PERCENT: u8 = 90;
/// Days before the end of a certificate at which somebody is told.
pub const CERTIFICATE_DAYS: [u64; 4] = [30, 14, 7, 1];

/// Days before the end of a token at which somebody is told.
pub const TOKEN_DAYS: [u64; 2] = [7, 1];

/// When somebody is told. Configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertSettings {
    /// A connection may be degraded or failing for so long. Default 5 minutes.
    pub degraded_after: Duration,
    /// How often conditions are looked at, and the finest step of heartbeats. Default 30 s.
    pub every: Duration,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self { degraded_after: Duration::from_secs(300), every: Duration::from_secs(30) }
    }
}

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// A connection has been degraded or failing for longer than [`AlertSettings::degraded_after`].
    DeliveryDegraded,
    /// Retention will end events before they are delivered.
    BacklogNearRetention,
    /// A certificate that delivery depends on has expired, or will in 30, 14, 7 or 1 days.
    CertificateExpiring,
    /// A reduction of the project's retention waits: history will end by it unless somebody cancels it.
    RetentionReduction,
    /// The project has reached one of its quotas: intake refuses its events.
    ProjectQuota,
    /// A token ends in 7 days or in one, by itself or with one that it comes from, or has ended although events came by it.
    TokenExpiring,
    /// Something is wrong with the service itself; an alert of project `system`.
    #[serde(untagged)]
    Service(Trouble),
}

impl AlertKind {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let own = [
            Self::DeliveryDegraded,
            Self::BacklogNearRetention,
            Self::CertificateExpiring,
            Self::RetentionReduction,
            Self::ProjectQuota,
            Self::TokenExpiring,
        ];
        own.into_iter().chain(Trouble::ALL.map(Self::Service))
    }

    /// The name in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeliveryDegraded => "delivery_degraded",
            Self::BacklogNearRetention => "backlog_near_retention",
            Self::CertificateExpiring => "certificate_expiring",
            Self::RetentionReduction => "retention_reduction",
            Self::ProjectQuota => "project_quota",
            Self::TokenExpiring => "token_expiring",
            Self::Service(trouble) => trouble.code(),
        }
    }
}

/// The alerts that stand, in the order in which they began.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn list(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<Vec<Alert>> {
    authorize(engine, caller, project, Verb::ListAlerts).await?;
    let mut alerts = Vec::new();
    for record in engine.store.records(RecordKind::Alert, Some(project)).await? {
        alerts.push(AlertRecord::decode(&record)?.into_current());
    }
    alerts.sort_by_key(|alert| (alert.since, alert.id()));
    Ok(alerts)
}

/// What the watch remembers between its rounds; nothing is lost with it.
#[derive(Debug, Default)]
pub(crate) struct Beats(parking_lot::Mutex<std::collections::HashMap<ConnectionId, Duration>>);

#[cfg(test)]
mod tests;
