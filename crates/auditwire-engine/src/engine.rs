//! The engine: what every verb needs, in one place; how it opens and how it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use auditwire_model::{Clock, ProjectId};

use crate::connections::CheckBudget;
use crate::delivery::Delivery;
use crate::error::{Error, Kind, Result};
use crate::log::{Log, LogSettings, Submission};
use crate::records::{Document, Instance, InstanceRecord};
use crate::secrets::Keyring;
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind, Store};
use crate::{projects, secrets, tokens};

/// Limits and addresses the engine is told by the binary.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The log's limits.
    pub log: LogSettings,
    /// One event's limits.
    pub event: auditwire_model::event::EventLimits,
    /// Delivery's limits and the address guard.
    pub delivery: crate::delivery::DeliverySettings,
}

/// The running engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Where everything lives.
    pub store: Arc<dyn Store>,
    /// The Event log.
    pub log: Log,
    /// Senders and their live state.
    pub delivery: Delivery,
    /// Opens and seals secrets.
    pub keyring: Arc<Keyring>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Limits.
    pub settings: Arc<Settings>,
    /// This installation.
    pub instance: Arc<Instance>,
    pub(crate) shared: Arc<Shared>,
}

/// What all clones of an engine remember together. Nothing here is lost when the process ends.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    closing: AtomicBool,
    pub(crate) projects: projects::Cache,
    pub(crate) tokens: tokens::Cache,
    pub(crate) refusals: tokens::Refusals,
    pub(crate) checks: CheckBudget,
}

impl Engine {
    /// Opens everything on a store. On a first start it makes the instance's identity and the projects `default` and
    /// `system`. Nothing is changed before it is certain that every stored secret can be opened.
    ///
    /// # Errors
    /// `secrets_unreadable` names each secret that the keyring cannot open; else when the store fails.
    pub async fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        keyring: Arc<Keyring>,
        settings: Settings,
    ) -> Result<Self> {
        check_secrets(&*store, &keyring).await?;
        let log = Log::open(Arc::clone(&store), Arc::clone(&clock), settings.log.clone()).await?;
        let instance = Arc::new(identity(&*store, &log, &*clock).await?);
        let settings = Arc::new(settings);
        let delivery = Delivery::start(
            Arc::clone(&store),
            log.clone(),
            Arc::clone(&clock),
            Arc::clone(&keyring),
            settings.delivery.clone(),
            &instance.id,
        );
        Ok(Self { store, log, delivery, keyring, clock, settings, instance, shared: Arc::default() })
    }

    /// Whether new events and changes may come in.
    ///
    /// # Errors
    /// `closing`, once [`close`](Self::close) has begun.
    pub fn accepting(&self) -> Result<()> {
        if self.shared.closing.load(Ordering::Acquire) {
            return Err(Error::new(Kind::Unavailable, "closing", "the service is stopping; try again")
                .retry_after(Duration::from_secs(5)));
        }
        Ok(())
    }

    /// Ends gracefully: refuses intake, lets the senders finish their windows and store their cursors, then ends the log.
    /// May be called more than once.
    pub async fn close(&self) {
        self.shared.closing.store(true, Ordering::Release);
        self.delivery.close().await;
        self.log.close().await;
    }
}

async fn check_secrets(store: &dyn Store, keyring: &Keyring) -> Result<()> {
    let failed = secrets::verify_all(store, keyring).await?;
    if failed.is_empty() {
        return Ok(());
    }
    let named: Vec<_> = failed.iter().map(|e| e.detail.as_str()).collect();
    let detail = format!("stored secrets cannot be opened, restore the keys: {}", named.join("; "));
    Err(Error::new(Kind::Internal, "secrets_unreadable", detail))
}

/// The instance's record; on a first start it is made together with the two projects.
async fn identity(store: &dyn Store, log: &Log, clock: &dyn Clock) -> Result<Instance> {
    let key = RecordKey::global(RecordKind::Instance, "instance");
    if let Some(record) = store.record(&key).await? {
        return Ok(InstanceRecord::decode(&record)?.into_current());
    }
    let now = clock.now();
    let id = hex::encode(secrets::Secret::random(8)?.expose());
    let instance = Instance { id, created_at: now, operator_token_made: false };
    let value = InstanceRecord::from(instance.clone()).encode()?;
    let mut changes = vec![Change { key, expect: Expect::Absent, effect: Effect::Put(value) }];
    for (id, name) in [(ProjectId::default_project(), "Default"), (ProjectId::system(), "System")] {
        changes.push(projects::put(&id, name, now)?);
    }
    log.submit(Submission { changes, ..Submission::default() }).await?;
    Ok(instance)
}
