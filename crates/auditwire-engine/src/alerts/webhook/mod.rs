//! The webhook of a project: a service of its own that is told when an alert begins and when it is over, over HTTPS, signed, and
//! without anything of events (product section 10).
//!
//! [`queue`] keeps the calls that are to be made as records, so that none is lost with the process, and makes them;
//! [`call`] is one attempt, stage by stage, under the same guard as delivery. HTTP itself is spoken outside of the engine ([`Post`]).

mod address;
mod call;
mod change;
mod queue;
mod remedy;

use std::sync::atomic::{AtomicU64, Ordering};

use auditwire_model::access::{Caller, Verb};
use auditwire_model::{ProjectId, Timestamp};

use crate::Engine;
use crate::error::{Error, Kind, Result};
use crate::projects::authorize;
use crate::records::{Document, LastCall, LastCallRecord, Webhook, WebhookRecord};
use crate::secrets::Secret;
use crate::store::{RecordKey, RecordKind};

/// Reads the address of a webhook, for the fuzz targets: where to connect, the `Host` header, path and query.
///
/// # Errors
/// `invalid_url`.
#[doc(hidden)]
pub fn read_address(url: &str) -> Result<(String, String, String)> {
    address::Address::parse(url).map(|found| (found.endpoint.to_string(), found.host, found.path))
}

pub use call::{CODES, CallReport, CallStage, Line, Post, PostRequest};
pub use change::{NewWebhook, delete, set, test};
pub use queue::round;
pub(crate) use queue::{Alarm, State, enqueue};

/// A webhook as it is shown; its secret is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookView {
    /// Where.
    pub url: String,
    /// Certificates of its own vouch for the receiver.
    pub has_pem: bool,
    /// When it was set first.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Calls that are still to be made.
    pub pending: usize,
    /// What the last call came to.
    pub last: Option<LastCall>,
}

/// How many calls were made since the process began, tests included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// The receiver took them.
    pub taken: u64,
    /// It did not, or was not reached. Each attempt counts.
    pub failed: u64,
}

/// Counts the calls of all projects.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    taken: AtomicU64,
    failed: AtomicU64,
}

impl Calls {
    fn count(&self, ok: bool) {
        if ok { &self.taken } else { &self.failed }.fetch_add(1, Ordering::Relaxed);
    }
}

/// The calls of all projects, for the metrics.
#[must_use]
pub fn call_counts(engine: &Engine) -> CallCounts {
    let Calls { taken, failed } = &engine.shared.webhook_calls;
    CallCounts { taken: taken.load(Ordering::Relaxed), failed: failed.load(Ordering::Relaxed) }
}

/// The project's webhook.
///
/// # Errors
/// `forbidden`, `project_not_found`, `webhook_not_found`.
pub async fn get(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<WebhookView> {
    authorize(engine, caller, project, Verb::GetWebhook).await?;
    view(engine, project).await
}

async fn view(engine: &Engine, project: &ProjectId) -> Result<WebhookView> {
    let (webhook, _) = stored(engine, project).await?.ok_or_else(not_found)?;
    let pending = queue::ids(engine, project).await?.len();
    let Webhook { url, pem, created_at, updated_at, .. } = webhook;
    let last = last(engine, project).await?;
    Ok(WebhookView { url, has_pem: pem.is_some(), created_at, updated_at, pending, last })
}

/// What the last call came to, for those who see the alerts; `None` without a webhook or before the first call.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn last_call(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<Option<LastCall>> {
    authorize(engine, caller, project, Verb::ListAlerts).await?;
    last(engine, project).await
}

async fn last(engine: &Engine, project: &ProjectId) -> Result<Option<LastCall>> {
    let record = engine.store.record(&last_key(project)).await?;
    record.map(|r| Ok(LastCallRecord::decode(&r)?.into_current())).transpose()
}

/// The record and its version.
async fn stored(engine: &Engine, project: &ProjectId) -> Result<Option<(Webhook, u64)>> {
    let record = engine.store.record(&key(project)).await?;
    record.map(|r| Ok((WebhookRecord::decode(&r)?.into_current(), r.version))).transpose()
}

fn key(project: &ProjectId) -> RecordKey {
    RecordKey::of(RecordKind::Webhook, project, "webhook")
}

fn last_key(project: &ProjectId) -> RecordKey {
    RecordKey::of(RecordKind::WebhookLast, project, "last")
}

fn not_found() -> Error {
    Error::new(Kind::NotFound, "webhook_not_found", "this project has no webhook; PUT /alerts/webhook sets one")
}

/// Names the secret in errors and binds it to its project.
pub(crate) fn context(project: &ProjectId) -> String {
    format!("the webhook's secret in project {project}")
}

/// Opens the secret.
fn secret(engine: &Engine, project: &ProjectId, webhook: &Webhook) -> Result<Secret> {
    engine.keyring.open(&context(project), &webhook.secret)
}
