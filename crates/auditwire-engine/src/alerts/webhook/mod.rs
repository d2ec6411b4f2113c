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
use crate::log::{Log, Submission};
use crate::projects::authorize;
use crate::records::{Document, LastCall, LastCallRecord, OpenWebhook, Sealed, Webhook, WebhookRecord};
use crate::secrets::{Keyring, Secret};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind, Store};
use address::Address;

/// Reads the address of a webhook, for the fuzz targets: where to connect, the `Host` header, path and query.
///
/// # Errors
/// `invalid_url`.
#[doc(hidden)]
pub fn read_address(url: &str) -> Result<(String, String, String)> {
    address::Address::parse(url).map(|found| (found.endpoint.to_string(), found.host, found.path))
}

#[cfg(test)]
pub(crate) use call::called;
pub use call::{CODES, CallReport, CallStage, Line, Post, PostRequest};
pub use change::{NewWebhook, delete, set, test};
pub use queue::round;
pub(crate) use queue::{Alarm, State, enqueue};

/// A webhook as it is shown; its secret is not, nor what may be one in its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookView {
    /// Where: scheme, host and port; what follows is `…`.
    pub url: String,
    /// How people write the host, where it has A-labels.
    pub host_unicode: Option<String>,
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
    let Webhook { shown: url, pem, created_at, updated_at, .. } = webhook;
    let last = last(engine, project).await?;
    let host_unicode = address::readable(&url);
    Ok(WebhookView { url, host_unicode, has_pem: pem.is_some(), created_at, updated_at, pending, last })
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
    record.map(|r| Ok((current(&engine.keyring, project, WebhookRecord::decode(&r)?)?, r.version))).transpose()
}

/// The newest form. An address that lies open in an older one is sealed.
fn current(keyring: &Keyring, project: &ProjectId, record: WebhookRecord) -> Result<Webhook> {
    let OpenWebhook { url, secret, pem, created_at, updated_at } = match record {
        WebhookRecord::V1(open) => open,
        WebhookRecord::V2(webhook) => return Ok(webhook),
    };
    // It was read when it was set; should it be none any more, nothing of it is shown.
    let shown = Address::parse(&url).map_or_else(|_| "https://…".to_owned(), |address| address.shown());
    let url = keyring.seal(&url_context(project), &Secret::new(url.into_bytes()))?;
    Ok(Webhook { url, shown, secret, pem, created_at, updated_at })
}

/// Seals the addresses that versions before this one stored in the open. At start, before anything else is done with them.
///
/// # Errors
/// When the store fails, or there is no key.
pub(crate) async fn seal_addresses(store: &dyn Store, log: &Log, keyring: &Keyring) -> Result<()> {
    for record in store.records(RecordKind::Webhook, None).await? {
        let read = WebhookRecord::decode(&record)?;
        let (WebhookRecord::V1(_), Some(project)) = (&read, record.key.project.clone()) else { continue };
        let effect = Effect::Put(WebhookRecord::from(current(keyring, &project, read)?).encode()?);
        let changes = vec![Change { key: record.key, expect: Expect::Version(record.version), effect }];
        log.submit(Submission { changes, ..Submission::default() }).await?;
    }
    Ok(())
}

/// Shows each sealed secret of a record with its context to `look`, which may put another seal in its place.
pub(crate) fn each_sealed(
    project: &ProjectId,
    record: &mut WebhookRecord,
    mut look: impl FnMut(&str, &mut Sealed) -> Result<()>,
) -> Result<()> {
    match record {
        WebhookRecord::V1(open) => look(&context(project), &mut open.secret),
        WebhookRecord::V2(webhook) => {
            look(&context(project), &mut webhook.secret)?;
            look(&url_context(project), &mut webhook.url)
        }
    }
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

/// As [`context`], for the address.
fn url_context(project: &ProjectId) -> String {
    format!("the webhook's address in project {project}")
}

/// Opens the address.
fn url(engine: &Engine, project: &ProjectId, webhook: &Webhook) -> Result<Secret> {
    engine.keyring.open(&url_context(project), &webhook.url)
}

/// Opens the secret.
fn secret(engine: &Engine, project: &ProjectId, webhook: &Webhook) -> Result<Secret> {
    engine.keyring.open(&context(project), &webhook.secret)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use auditwire_model::access::{Origin, Principal};
    use auditwire_model::clock::ManualClock;
    use auditwire_model::{ProjectId, Timestamp, TokenId};

    use super::*;
    use crate::Settings;
    use crate::store::memory::{MemoryStore, objects};

    const URL: &str = "https://hooks.example.com/services/canary-4f1d?key=canary";

    async fn open(store: &Arc<MemoryStore>) -> Engine {
        let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
        let keyring = Arc::new(Keyring::new(vec![("k1".to_owned(), Secret::new(vec![7; 32]))]));
        Engine::open(store.clone(), objects(), clock, keyring, Settings::default()).await.unwrap()
    }

    fn operator() -> Caller {
        let origin = Origin::new([127, 0, 0, 1], "r-1");
        Caller::Operator { by: Principal::Token(TokenId::parse("o").unwrap()), origin }
    }

    async fn stored_text(store: &MemoryStore, project: &ProjectId) -> String {
        String::from_utf8(store.record(&key(project)).await.unwrap().unwrap().value).unwrap()
    }

    #[tokio::test]
    async fn an_address_that_an_earlier_version_stored_in_the_open_is_sealed_at_start() {
        let (store, project) = (Arc::new(MemoryStore::default()), ProjectId::default_project());
        let engine = open(&store).await;
        let now = engine.clock.now();
        let secret = engine.keyring.seal(&context(&project), &Secret::new(b"signs".to_vec())).unwrap();
        let old = OpenWebhook { url: URL.to_owned(), secret, pem: None, created_at: now, updated_at: now };
        let effect = Effect::Put(WebhookRecord::V1(old).encode().unwrap());
        let changes = vec![Change { key: key(&project), expect: Expect::Any, effect }];
        engine.log.submit(Submission { changes, ..Submission::default() }).await.unwrap();
        assert!(stored_text(&store, &project).await.contains("canary"));
        // Before the next start it is read all the same.
        assert_eq!(get(&engine, &operator(), &project).await.unwrap().url, "https://hooks.example.com/…");
        engine.close().await;

        let engine = open(&store).await;
        let text = stored_text(&store, &project).await;
        assert!(text.starts_with(r#"{"v":"2""#) && !text.contains("canary"), "{text}");
        let (webhook, version) = stored(&engine, &project).await.unwrap().unwrap();
        assert_eq!(url(&engine, &project, &webhook).unwrap().expose_text(), URL);
        assert_eq!(super::secret(&engine, &project, &webhook).unwrap().expose_text(), "signs");
        engine.close().await;
        let engine = open(&store).await;
        assert_eq!(stored(&engine, &project).await.unwrap().unwrap().1, version, "once");
    }

    #[tokio::test]
    async fn an_address_is_kept_when_it_is_left_out_or_sent_as_it_was_shown() {
        let (store, project) = (Arc::new(MemoryStore::default()), ProjectId::default_project());
        let engine = open(&store).await;
        let set = async |url: Option<&str>| {
            let url = url.map(|url| Secret::new(url.as_bytes().to_vec()));
            super::set(&engine, &operator(), &project, NewWebhook { url, ..NewWebhook::default() }).await
        };
        assert_eq!(set(None).await.unwrap_err().code, "invalid_url");
        let shown = set(Some(URL)).await.unwrap().0.url;
        for kept in [None, Some(shown.as_str())] {
            assert_eq!(set(kept).await.unwrap().0.url, shown);
            let (webhook, _) = stored(&engine, &project).await.unwrap().unwrap();
            assert_eq!(url(&engine, &project, &webhook).unwrap().expose_text(), URL);
        }
        assert_eq!(set(Some("https://other.example.com/…")).await.unwrap_err().code, "invalid_url");
        assert_eq!(set(Some("https://other.example.com/")).await.unwrap().0.url, "https://other.example.com/");
    }
}
