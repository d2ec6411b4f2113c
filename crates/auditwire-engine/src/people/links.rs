//! Links that sign their holder in once: for the first sign-in of all, and for a lost password.

use std::time::Duration;

use auditwire_model::access::{Caller, Verb};
use auditwire_model::{AccountId, Timestamp};

use super::{accounts, submit};
use crate::Engine;
use crate::audit::{Audit, action};
use crate::error::{Error, Kind, Result};
use crate::projects::authorize_above;
use crate::records::{Account, Document, SignInLink, SignInLinkRecord};
use crate::secrets::{Secret, same, sha256_hex};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};

/// How long a link is valid.
const VALID: Duration = Duration::from_secs(30 * 60);

/// Makes the operator's account if there is none. While no operator has a password, every start makes a fresh link, and an
/// older one ends: `true` if one was made. `hand_over` gets its key and its end, and puts them where the operator finds
/// them, before the link is valid: a crash in between leaves a key that opens nothing, and the next start makes another.
///
/// # Errors
/// `sign_in_link_not_written` when `hand_over` fails; when the store fails.
pub async fn ensure_operator(
    engine: &Engine,
    hand_over: impl FnOnce(&Secret, Timestamp) -> std::io::Result<()> + Send,
) -> Result<bool> {
    if accounts::operators(engine).await?.iter().any(|account| account.password.is_some()) {
        return Ok(false);
    }
    make(engine, &Caller::Service, hand_over).await?;
    Ok(true)
}

/// Makes a link for the operator's account: its key and when it ends. An older one ends. Operator only.
///
/// # Errors
/// `forbidden`; when the store fails.
pub async fn create_link(engine: &Engine, caller: &Caller) -> Result<(Secret, Timestamp)> {
    authorize_above(engine, caller, Verb::CreateSignInLink).await?;
    make(engine, caller, |_, _| Ok(())).await
}

/// Whether the link of this key would sign somebody in now. Changes nothing.
///
/// # Errors
/// When the store fails.
pub async fn link_is_valid(engine: &Engine, key: &str) -> Result<bool> {
    Ok(find(engine, key).await?.is_some())
}

async fn make(
    engine: &Engine,
    caller: &Caller,
    hand_over: impl FnOnce(&Secret, Timestamp) -> std::io::Result<()> + Send,
) -> Result<(Secret, Timestamp)> {
    let now = engine.clock.now();
    let (mut told, mut changes) = (Vec::new(), Vec::new());
    let account = match accounts::operators(engine).await?.into_iter().next() {
        Some(account) => account,
        None => {
            let (account, made) = accounts::first(now)?;
            let message = format!("Account {} was created", account.name);
            told.push(about(action::ACCOUNT_CREATE, caller, &account).message(message));
            changes = made;
            account
        }
    };
    let key = Secret::random_key()?;
    let expires_at = now.saturating_add_nanos(i64::try_from(VALID.as_nanos()).unwrap_or(i64::MAX));
    hand_over(&key, expires_at).map_err(|e| {
        Error::new(Kind::Internal, "sign_in_link_not_written", "the sign-in link could not be written").caused_by(e)
    })?;
    let link = SignInLink { account: account.id.clone(), sha256: Some(sha256_hex(key.expose())), expires_at };
    changes.push(put(link, Expect::Any)?);
    let message = format!("A link to sign in to the console as {} was made", account.name);
    told.push(about(action::CONSOLE_SIGN_IN_LINK, caller, &account).with("expires_at", expires_at).message(message));
    submit(engine, told, changes, now).await?;
    Ok((key, expires_at))
}

fn about(action: &'static str, caller: &Caller, account: &Account) -> Audit {
    Audit::new(action, caller).on("account", &account.id).with("name", &account.name)
}

/// A link that is valid now.
pub(super) struct Found {
    pub(super) link: SignInLink,
    version: u64,
}

impl Found {
    /// Uses it up, unless somebody else did since it was read.
    pub(super) fn use_up(self) -> Result<Change> {
        put(SignInLink { sha256: None, ..self.link }, Expect::Version(self.version))
    }
}

/// The valid link of this key. There is one record per account, so all are compared.
pub(super) async fn find(engine: &Engine, key: &str) -> Result<Option<Found>> {
    let (now, sha256) = (engine.clock.now(), sha256_hex(key.as_bytes()));
    let mut found = None;
    for record in engine.store.records(RecordKind::SignInLink, None).await? {
        let link = SignInLinkRecord::decode(&record)?.into_current();
        if now < link.expires_at && link.sha256.as_deref().is_some_and(|stored| same(stored, &sha256)) {
            found = Some(Found { link, version: record.version });
        }
    }
    Ok(found)
}

/// Ends the link of an account, if it has one.
pub(super) async fn end(engine: &Engine, account: &AccountId) -> Result<Option<Change>> {
    let Some(record) = engine.store.record(&record_key(account)).await? else { return Ok(None) };
    let link = SignInLinkRecord::decode(&record)?.into_current();
    if link.sha256.is_none() {
        return Ok(None);
    }
    put(SignInLink { sha256: None, ..link }, Expect::Version(record.version)).map(Some)
}

fn put(link: SignInLink, expect: Expect) -> Result<Change> {
    let key = record_key(&link.account);
    Ok(Change { key, expect, effect: Effect::Put(SignInLinkRecord::from(link).encode()?) })
}

fn record_key(account: &AccountId) -> RecordKey {
    RecordKey::global(RecordKind::SignInLink, account.as_str())
}
