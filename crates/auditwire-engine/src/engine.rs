//! The engine: what every verb needs, in one place; how it opens and how it ends.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auditwire_model::{Clock, ProjectId};
use object_store::ObjectStore;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::alerts::webhook::Post;
use crate::connections::Checks;
use crate::delivery::Delivery;
use crate::error::{Error, Kind, Result};
use crate::log::{Log, LogSettings, Submission};
use crate::permits::Permits;
use crate::readiness::Readiness;
use crate::recent::Recent;
use crate::records::{Document, Instance, InstanceRecord};
use crate::secrets::Keyring;
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind, Store};
use crate::tasks::{Panicked, Task, Tasks};
use crate::{people, projects, secrets, tokens};

/// Limits and addresses the engine is told by the binary.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The log's limits.
    pub log: LogSettings,
    /// One event's limits.
    pub event: auditwire_model::event::EventLimits,
    /// Limits of searches.
    pub search: crate::search::SearchSettings,
    /// Limits of exports.
    pub export: crate::export::ExportSettings,
    /// When somebody is told that delivery is not well.
    pub alerts: crate::alerts::AlertSettings,
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
#[derive(Debug)]
pub(crate) struct Shared {
    closing: watch::Sender<bool>,
    background: Mutex<JoinSet<Result<(), Panicked>>>,
    pub(crate) projects: projects::Cache,
    pub(crate) tokens: Recent<tokens::Proved>,
    /// When each token was used last.
    pub(crate) uses: tokens::Uses,
    pub(crate) refusals: tokens::Refusals,
    /// Refused requests that were not told yet.
    pub(crate) refused: crate::refused::Refused,
    pub(crate) people: people::Desk,
    pub(crate) checks: Checks,
    /// Who looked at which project's events.
    pub(crate) reading: crate::reading::Desk,
    /// Requests that were refused.
    pub(crate) denials: crate::denials::Denials,
    /// When each connection's last heartbeat was.
    pub(crate) beats: crate::alerts::Beats,
    /// What speaks HTTP for webhooks.
    pub(crate) http: OnceLock<Arc<dyn Post>>,
    /// Where the master keys lie.
    pub(crate) key_source: OnceLock<Arc<dyn secrets::KeySource>>,
    /// How those calls went.
    pub(crate) webhook_calls: crate::alerts::webhook::Calls,
    /// Places for searches.
    pub(crate) searches: Permits,
    /// Places for exports.
    pub(crate) exports: Permits,
}

impl Shared {
    fn new(settings: &Settings, tasks: &Tasks) -> Self {
        Self {
            closing: watch::Sender::default(),
            background: Mutex::default(),
            projects: projects::Cache::default(),
            tokens: Recent::default(),
            uses: tokens::Uses::default(),
            refusals: tokens::Refusals::default(),
            refused: crate::refused::Refused::default(),
            people: people::Desk::new(tasks),
            checks: Checks::default(),
            reading: crate::reading::Desk::default(),
            denials: crate::denials::Denials::default(),
            beats: crate::alerts::Beats::default(),
            http: OnceLock::new(),
            key_source: OnceLock::new(),
            webhook_calls: crate::alerts::webhook::Calls::default(),
            searches: Permits::new(settings.search.searches_max),
            exports: Permits::new(settings.export.exports_max),
        }
    }
}

impl Engine {
    /// Opens everything on a store and on the place where the files of sealed events lie. On a first start it makes the instance's identity and the projects `default` and
    /// `system`. Nothing is changed before it is certain that every stored secret can be opened.
    ///
    /// # Errors
    /// `secrets_unreadable` names each secret that the keyring cannot open; else when the store fails.
    pub async fn open(
        store: Arc<dyn Store>,
        objects: Arc<dyn ObjectStore>,
        clock: Arc<dyn Clock>,
        keyring: Arc<Keyring>,
        settings: Settings,
    ) -> Result<Self> {
        check_secrets(&*store, &keyring).await?;
        let log = Log::open(Arc::clone(&store), objects, Arc::clone(&clock), settings.log.clone()).await?;
        secrets::back_in_use(&*store, &log, &keyring).await?;
        let instance = Arc::new(identity(&*store, &log, &*clock, None).await?);
        crate::alerts::webhook::seal_addresses(&*store, &log, &keyring).await?;
        let (settings, store) = (Arc::new(settings), Arc::clone(log.store()));
        let delivery = Delivery::start(
            Arc::clone(&store),
            log.clone(),
            Arc::clone(&clock),
            Arc::clone(&keyring),
            settings.delivery.clone(),
            &instance.id,
        );
        let shared = Arc::new(Shared::new(&settings, log.tasks()));
        Ok(Self { store, log, delivery, keyring, clock, settings, instance, shared })
    }

    /// Names what speaks HTTP for webhooks; the first one stays.
    pub fn speak_http(&self, http: Arc<dyn Post>) {
        self.shared.http.get_or_init(|| http);
    }

    /// Names where the master keys are read again; the first one stays.
    pub fn read_keys_from(&self, source: Arc<dyn secrets::KeySource>) {
        self.shared.key_source.get_or_init(|| source);
    }

    /// Whether new events and changes may come in.
    ///
    /// # Errors
    /// `closing`, once [`close`](Self::close) has begun; `task_failed`, once a task is over without which the service is
    /// nothing.
    pub fn accepting(&self) -> Result<()> {
        if let Some(task) = self.tasks().died() {
            return Err(task_failed(task));
        }
        if *self.shared.closing.borrow() { Err(closing()) } else { Ok(()) }
    }

    /// What runs beside its callers.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        self.log.tasks()
    }

    /// What is wrong with the service itself.
    #[must_use]
    pub fn readiness(&self) -> &Readiness {
        self.log.readiness()
    }

    /// Runs `work` unless the engine closes before it is done.
    ///
    /// # Errors
    /// `closing`.
    pub(crate) async fn unless_closing<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let mut closes = self.shared.closing.subscribe();
        tokio::select! {
            done = work => Ok(done),
            _ = closes.wait_for(|closing| *closing) => Err(closing()),
        }
    }

    /// Runs `task` beside its caller; [`close`](Self::close) waits for it. Whatever takes long in it must be
    /// [`unless_closing`](Self::unless_closing).
    pub(crate) fn spawn(&self, task: Task, work: impl Future<Output = ()> + Send + 'static) {
        let tasks = self.tasks().clone();
        let mut background = self.shared.background.lock();
        while background.try_join_next().is_some() {}
        background.spawn(async move { tasks.caught(task, work).await });
    }

    /// Runs a task beside its caller that is begun anew when it panics; else as [`spawn`](Self::spawn).
    pub(crate) fn keep<F>(&self, task: Task, work: impl Fn(Self) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let engine = self.clone();
        self.spawn(task, async move {
            let tasks = engine.tasks().clone();
            tasks.again(task, || work(engine.clone())).await;
        });
    }

    /// Ends gracefully: refuses intake, ends the connection checks under way, lets the senders finish their windows and
    /// store their cursors, tells who looked at events, then ends the log. May be called more than once.
    pub async fn close(&self) {
        self.shared.closing.send_replace(true);
        self.tasks().close();
        self.delivery.close().await;
        let mut background = std::mem::take(&mut *self.shared.background.lock());
        // A task that panicked has been told of in the log; the others must still end.
        while background.join_next().await.is_some() {}
        tokens::store_rest(self).await;
        crate::reading::tell(self, true).await;
        crate::repeats::rest(self).await;
        self.log.close().await;
    }
}

fn closing() -> Error {
    Error::new(Kind::Unavailable, "closing", "the service is stopping; try again").retry_after(Duration::from_secs(5))
}

/// Nothing of what comes now is taken, because the process is about to end.
#[must_use]
pub fn task_failed(task: Task) -> Error {
    let detail = format!(
        "the service has a defect in a part that it cannot do without ({}); it ends and must be started again",
        task.name()
    );
    Error::new(Kind::Unavailable, "task_failed", detail).retry_after(Duration::from_secs(5))
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

/// The instance's record; on a first start it is made together with the two projects. `was`: the id that it had before its store
/// was lost, if that is known.
pub(crate) async fn identity(store: &dyn Store, log: &Log, clock: &dyn Clock, was: Option<String>) -> Result<Instance> {
    let key = RecordKey::global(RecordKind::Instance, "instance");
    if let Some(record) = store.record(&key).await? {
        return Ok(InstanceRecord::decode(&record)?.into_current());
    }
    let now = clock.now();
    let id = match was {
        Some(id) => id,
        None => hex::encode(secrets::Secret::random(8)?.expose()),
    };
    let instance = Instance { id, created_at: now, operator_token_made: false };
    let value = InstanceRecord::from(instance.clone()).encode()?;
    let mut changes = vec![Change { key, expect: Expect::Absent, effect: Effect::Put(value) }];
    for (id, name) in [(ProjectId::default_project(), "Default"), (ProjectId::system(), "System")] {
        changes.push(projects::put(&id, name, now)?);
    }
    log.submit(Submission { changes, ..Submission::default() }).await?;
    Ok(instance)
}
