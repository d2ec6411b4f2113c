//! From old master keys to the newest: every stored secret's data key is sealed anew, in small commits, each of them whole.
//! Between any two a crash leaves every secret sealed by one key or the other, and a later run goes on where it was.
//!
//! What must not happen is that an old key is called dispensable while a request still seals with it. So first a record says of
//! each old key that it retires; whatever seals checks in its own commit that the key does not ([`still_seals`]). From then
//! on the secrets under an old key only become fewer.

use std::collections::BTreeMap;
use std::sync::Arc;

use auditwire_model::access::{Caller, Verb};
use auditwire_model::{Clock, ProjectId, Timestamp};

use super::places::{each, holders, verify_all};
use super::{Keyring, MasterKey};
use crate::Engine;
use crate::audit::{Audit, action};
use crate::error::{Error, Kind, Result};
use crate::log::{Log, Submission};
use crate::projects::authorize_above;
use crate::records::{Document, Retiring, RetiringRecord, Sealed};
use crate::store::{Change, Effect, Expect, Record, RecordKey, RecordKind, Store};

/// Documents in one commit. Few in tests, so that they see several.
const BATCH: usize = if cfg!(test) { 2 } else { 64 };
/// Looks at everything in one run; each that finds nothing is the last. More are needed only while others write.
const LOOKS_MAX: usize = 100;

/// Reads the master keys again from where they lie. The binary knows how.
pub trait KeySource: std::fmt::Debug + Send + Sync {
    /// All keys; the last one seals.
    ///
    /// # Errors
    /// Says what cannot be read, for people.
    fn read(&self) -> Result<Vec<MasterKey>, String>;
}

/// A master key and what depends on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyView {
    /// Its id.
    pub id: String,
    /// When it was made, if that is known.
    pub made_at: Option<Timestamp>,
    /// The service has it.
    pub present: bool,
    /// New secrets are sealed by it.
    pub seals: bool,
    /// Stored secrets that are sealed by it.
    pub secrets: u64,
    /// Back-ups from before then may hold secrets that are sealed by it; `None`: so may later ones.
    pub back_ups_until: Option<Timestamp>,
}

impl KeyView {
    /// The service cannot do without it.
    #[must_use]
    pub fn needed(&self) -> bool {
        self.seals || self.secrets > 0
    }
}

/// What a [`rewrap`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrapped {
    /// Secrets that are sealed by the newest key now and were not before.
    pub secrets: u64,
    /// All keys afterwards.
    pub keys: Vec<KeyView>,
}

/// What keys need of the service, also without one that runs.
#[derive(Debug, Clone)]
pub struct Vault {
    /// Where secrets lie.
    pub store: Arc<dyn Store>,
    /// Takes the changes.
    pub log: Log,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The keys.
    pub keyring: Arc<Keyring>,
}

impl Vault {
    fn of(engine: &Engine) -> Self {
        let Engine { store, log, clock, keyring, .. } = engine.clone();
        Self { store, log, clock, keyring }
    }
}

/// The master keys and what depends on each. Operator only.
///
/// # Errors
/// `forbidden`.
pub async fn keys(engine: &Engine, caller: &Caller) -> Result<Vec<KeyView>> {
    authorize_above(engine, caller, Verb::ListKeys).await?;
    views(&*engine.store, &engine.keyring).await
}

/// Reads the master keys again, then seals by the newest what an older one seals. Operator only. May be repeated, also after a
/// crash. When it is done, old keys are only needed for back-ups.
///
/// # Errors
/// `forbidden`; `keys_unreadable`, when what lies there does not open everything (nothing has changed then).
pub async fn rewrap(engine: &Engine, caller: &Caller) -> Result<Rewrapped> {
    authorize_above(engine, caller, Verb::RewrapKeys).await?;
    take_anew(engine).await?;
    rewrap_in(&Vault::of(engine), caller).await
}

/// Reads the master keys again, for the service itself; what is sealed stays as it is. How many there are.
///
/// # Errors
/// `keys_unreadable`, when what lies there does not open everything (nothing has changed then).
pub async fn reread(engine: &Engine) -> Result<usize> {
    take_anew(engine).await?;
    back_in_use(&*engine.store, &engine.log, &engine.keyring).await?;
    Ok(engine.keyring.known().len())
}

async fn take_anew(engine: &Engine) -> Result<()> {
    let Some(source) = engine.shared.key_source.get() else { return Ok(()) };
    let keys = source.read().map_err(unreadable)?;
    let failed = verify_all(&*engine.store, &Keyring::of(keys.clone())).await?;
    if let Some(first) = failed.first() {
        return Err(unreadable(format!("{} secrets could not be opened; the first: {}", failed.len(), first.detail)));
    }
    if keys.is_empty() {
        return Err(unreadable("there is no key any more".to_owned()));
    }
    engine.keyring.replace(keys);
    Ok(())
}

/// [`rewrap`] with the keys that are there.
///
/// # Errors
/// When a secret cannot be opened or the store fails.
pub async fn rewrap_in(vault: &Vault, caller: &Caller) -> Result<Rewrapped> {
    let newest = vault.keyring.newest()?;
    retire_others(vault, &newest).await?;
    let mut secrets = 0;
    for _ in 0..LOOKS_MAX {
        let old = old_ones(vault).await?;
        if old.is_empty() {
            finish(vault, caller, &newest, secrets).await?;
            let keys = views(&*vault.store, &vault.keyring).await?;
            return Ok(Rewrapped { secrets, keys });
        }
        for batch in old.chunks(BATCH) {
            secrets += seal_anew(vault, batch).await?;
        }
    }
    Err(Error::new(Kind::Conflict, "conflict", "others keep changing secrets at the same time; try again"))
}

/// Goes into every commit that stores `sealed`: it fails when the key retires meanwhile, and the verb seals anew.
pub(crate) fn still_seals(sealed: &Sealed) -> Change {
    Change { key: key_of(&sealed.key_id), expect: Expect::Absent, effect: Effect::None }
}

/// The key that seals does not retire; it may have, when an older one was made the newest again. At every start.
pub(crate) async fn back_in_use(store: &dyn Store, log: &Log, keyring: &Keyring) -> Result<()> {
    let Ok(newest) = keyring.newest() else { return Ok(()) };
    let key = key_of(&newest);
    if store.record(&key).await?.is_none() {
        return Ok(());
    }
    let changes = vec![Change { key, expect: Expect::Any, effect: Effect::Delete }];
    log.submit(Submission { changes, ..Submission::default() }).await.map(drop)
}

async fn retire_others(vault: &Vault, newest: &str) -> Result<()> {
    back_in_use(&*vault.store, &vault.log, &vault.keyring).await?;
    let mut changes = Vec::new();
    for (id, _) in vault.keyring.known() {
        let key = key_of(&id);
        if id != newest && vault.store.record(&key).await?.is_none() {
            changes.push(put(key, Retiring { since: vault.clock.now(), retired_at: None })?);
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    vault.log.submit(Submission { changes, ..Submission::default() }).await.map(drop)
}

/// The documents with a secret that the newest key does not seal.
async fn old_ones(vault: &Vault) -> Result<Vec<Record>> {
    let newest = vault.keyring.newest()?;
    let mut old = Vec::new();
    for record in holders(&*vault.store).await? {
        let mut is_old = false;
        each(&record, |_, sealed| {
            is_old |= sealed.key_id != newest;
            Ok(())
        })?;
        if is_old {
            old.push(record);
        }
    }
    Ok(old)
}

/// One commit; how many secrets it changed. None, when somebody changed one of them meanwhile: the next look finds the others.
async fn seal_anew(vault: &Vault, batch: &[Record]) -> Result<u64> {
    let (mut changes, mut secrets) = (Vec::with_capacity(batch.len()), 0);
    for record in batch {
        let value = each(record, |context, sealed| {
            if let Some(anew) = vault.keyring.rewrap(context, sealed)? {
                *sealed = anew;
                secrets += 1;
            }
            Ok(())
        })?;
        let effect = Effect::Put(value);
        changes.push(Change { key: record.key.clone(), expect: Expect::Version(record.version), effect });
    }
    match vault.log.submit(Submission { changes, ..Submission::default() }).await {
        Ok(_) => Ok(secrets),
        Err(error) if error.code == "conflict" => Ok(0),
        Err(error) => Err(error),
    }
}

/// Nothing is sealed by the old keys any more: says so, with the date, and tells it.
async fn finish(vault: &Vault, caller: &Caller, newest: &str, secrets: u64) -> Result<()> {
    let now = vault.clock.now();
    let (mut changes, mut retired) = (Vec::new(), Vec::new());
    for record in vault.store.records(RecordKind::RetiringKey, None).await? {
        let retiring = RetiringRecord::decode(&record)?.into_current();
        if retiring.retired_at.is_none() {
            retired.push(record.key.id.clone());
            let done = put(record.key, Retiring { retired_at: Some(now), ..retiring })?;
            changes.push(Change { expect: Expect::Version(record.version), ..done });
        }
    }
    if changes.is_empty() && secrets == 0 {
        return Ok(());
    }
    let told = Audit::new(action::KEYS_REWRAP, caller)
        .on("master-key", newest)
        .with("secrets", secrets)
        .with("retired", retired.join(" "))
        .message(format!("{secrets} secrets were sealed anew by the master key {newest}"));
    let (project, events) = (Some(ProjectId::system()), vec![told.build(now)]);
    vault.log.submit(Submission { project, events, changes }).await.map(drop)
}

/// The keys that the ring has, in its order, then those that only back-ups may need.
///
/// # Errors
/// When the store fails.
pub async fn views(store: &dyn Store, keyring: &Keyring) -> Result<Vec<KeyView>> {
    let mut secrets: BTreeMap<String, u64> = BTreeMap::new();
    for record in holders(store).await? {
        each(&record, |_, sealed| {
            *secrets.entry(sealed.key_id.clone()).or_default() += 1;
            Ok(())
        })?;
    }
    let mut retired = BTreeMap::new();
    for record in store.records(RecordKind::RetiringKey, None).await? {
        retired.insert(record.key.id.clone(), RetiringRecord::decode(&record)?.into_current().retired_at);
    }
    let known = keyring.known();
    let newest = known.last().map(|(id, _)| id.clone());
    let ringed = known.iter().map(|(id, made_at)| (id.clone(), *made_at, true));
    let others: std::collections::BTreeSet<_> = secrets.keys().chain(retired.keys()).cloned().collect();
    let absent = others.into_iter().filter(|id| !known.iter().any(|(other, _)| other == id));
    let keys = ringed.chain(absent.map(|id| (id, None, false))).map(|(id, made_at, present)| KeyView {
        seals: newest.as_ref() == Some(&id),
        secrets: secrets.get(&id).copied().unwrap_or_default(),
        back_ups_until: retired.get(&id).copied().flatten(),
        id,
        made_at,
        present,
    });
    Ok(keys.collect())
}

fn unreadable(why: String) -> Error {
    let detail = format!("the master keys cannot be used as they lie there now, so nothing has changed: {why}");
    Error::new(Kind::Conflict, "keys_unreadable", detail)
}

fn key_of(id: &str) -> RecordKey {
    RecordKey::global(RecordKind::RetiringKey, id)
}

fn put(key: RecordKey, retiring: Retiring) -> Result<Change> {
    let effect = Effect::Put(RetiringRecord::from(retiring).encode()?);
    Ok(Change { key, expect: Expect::Absent, effect })
}

#[cfg(test)]
mod tests;
