//! Sessions: what a signed-in browser proves itself with.

use std::time::Duration;

use auditwire_model::Timestamp;
use auditwire_model::access::Origin;

use super::{SignedIn, accounts, submit};
use crate::Engine;
use crate::audit::{Audit, action};
use crate::error::Result;
use crate::records::{Account, Document, Session, SessionRecord, SignInMethod};
use crate::secrets::{Secret, same, sha256_hex};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};

/// A session ends after this, however much it is used.
const LASTS: Duration = Duration::from_secs(7 * 24 * 3600);
/// A session that is not used for so long ends.
const IDLE: Duration = Duration::from_secs(12 * 3600);
/// How often it is stored that a session was used.
const SEEN_EVERY: Duration = Duration::from_secs(5 * 60);
/// A session that began with a link may set a new password for so long.
const NEW_PASSWORD_WITHIN: Duration = Duration::from_secs(30 * 60);
/// Of one account; one more ends the one that was not used for longest.
const PER_ACCOUNT_MAX: usize = 100;

/// A session with its account, as they were read.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(super) session: Session,
    pub(super) session_version: u64,
    pub(super) account: Account,
    pub(super) account_version: u64,
}

impl Found {
    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        self.session.generation == self.account.generation && !has_ended(&self.session, now)
    }

    pub(super) fn current_password_needed(&self, now: Timestamp) -> bool {
        self.account.password.is_some() && self.session.new_password_until.is_none_or(|end| now >= end)
    }

    fn signed_in(self, origin: &Origin, now: Timestamp) -> SignedIn {
        SignedIn {
            caller: accounts::caller(&self.account, origin),
            expires_at: self.session.expires_at,
            current_password_needed: self.current_password_needed(now),
            account: self.account,
        }
    }
}

/// By itself, whatever became of the account.
fn has_ended(session: &Session, now: Timestamp) -> bool {
    now >= session.expires_at || now.since(session.last_seen) >= IDLE
}

/// Who is behind a session's secret that came from `origin`; `None` when it is unknown, signed out or has ended. Costs no read of the store for a
/// session that was seen within the last seconds.
///
/// # Errors
/// When the store fails.
pub async fn session(engine: &Engine, secret: &str, origin: &Origin) -> Result<Option<SignedIn>> {
    if secret.len() != 64 {
        return Ok(None);
    }
    // By a clock that went too far everybody would be signed out, and for good; by one that comes back nobody.
    let (now, sha256) = (engine.log.trusted_now(), sha256_hex(secret.as_bytes()));
    let recent = &engine.shared.people.sessions;
    if let Some(found) = recent.get(&sha256, now) {
        return Ok(Some(found).filter(|f| f.is_live(now)).map(|f| f.signed_in(origin, now)));
    }
    let generation = recent.generation();
    let Some(mut found) = find(engine, &sha256).await? else { return Ok(None) };
    if !found.is_live(now) {
        clear_away(engine, &found, now).await;
        return Ok(None);
    }
    note_seen(engine, &mut found, now).await;
    recent.put(generation, &sha256, found.clone(), now);
    Ok(Some(found.signed_in(origin, now)))
}

/// Ends a session at once. An unknown one has ended already.
///
/// # Errors
/// When the store fails.
pub async fn sign_out(engine: &Engine, secret: &str, origin: &Origin) -> Result<()> {
    let now = engine.clock.now();
    let Some(found) = find(engine, &sha256_hex(secret.as_bytes())).await? else { return Ok(()) };
    let mut told = Vec::new();
    if found.is_live(now) {
        let account = &found.account;
        told.push(
            Audit::new(action::CONSOLE_SIGN_OUT, &accounts::caller(account, origin))
                .on("account", &account.id)
                .with("name", &account.name)
                .message(format!("{} signed out of the console", account.name)),
        );
    }
    submit(engine, told, vec![delete(&found.session)], now).await?;
    engine.shared.people.sessions.forget();
    Ok(())
}

/// A session of this secret's hash, whether it has ended or not.
pub(super) async fn find(engine: &Engine, sha256: &str) -> Result<Option<Found>> {
    let Some(record) = engine.store.record(&key(sha256)).await? else { return Ok(None) };
    let session = SessionRecord::decode(&record)?.into_current();
    if !same(&session.sha256, sha256) {
        return Ok(None);
    }
    let stored = accounts::by_id(engine, &session.account).await?;
    Ok(stored.map(|stored| Found {
        session,
        session_version: record.version,
        account: stored.account,
        account_version: stored.version,
    }))
}

/// A new session of an account: its secret, and the changes that begin it and clear away what has ended.
pub(super) async fn begin(
    engine: &Engine,
    account: &Account,
    method: SignInMethod,
) -> Result<(Secret, Session, Vec<Change>)> {
    let now = engine.log.trusted_now();
    let secret = Secret::random_key()?;
    let session = Session {
        account: account.id.clone(),
        generation: account.generation,
        sha256: sha256_hex(secret.expose()),
        method,
        created_at: now,
        last_seen: now,
        expires_at: after(now, LASTS),
        new_password_until: (method == SignInMethod::Link).then(|| after(now, NEW_PASSWORD_WITHIN)),
    };
    let (ended, mut kept): (Vec<_>, Vec<_>) = all(engine).await?.into_iter().partition(|s| has_ended(s, now));
    let mut changes: Vec<Change> = ended.iter().map(delete).collect();
    kept.retain(|s| s.account == account.id);
    kept.sort_by_key(|s| std::cmp::Reverse(s.last_seen));
    changes.extend(kept.iter().skip(PER_ACCOUNT_MAX - 1).map(delete));
    changes.push(put(&session, Expect::Absent)?);
    Ok((secret, session, changes))
}

/// The ends of all sessions of an account but the one of this hash.
pub(super) async fn end_others(engine: &Engine, account: &Account, keep: &str) -> Result<Vec<Change>> {
    let others = all(engine).await?.into_iter().filter(|s| s.account == account.id && s.sha256 != keep);
    Ok(others.map(|s| delete(&s)).collect())
}

pub(super) fn put(session: &Session, expect: Expect) -> Result<Change> {
    let effect = Effect::Put(SessionRecord::from(session.clone()).encode()?);
    Ok(Change { key: key(&session.sha256), expect, effect })
}

async fn all(engine: &Engine) -> Result<Vec<Session>> {
    let records = engine.store.records(RecordKind::Session, None).await?;
    records.iter().map(|r| SessionRecord::decode(r).map(SessionRecord::into_current)).collect()
}

/// Stores that the session is in use. A store that cannot take it now must not sign people out.
async fn note_seen(engine: &Engine, found: &mut Found, now: Timestamp) {
    if now.since(found.session.last_seen) < SEEN_EVERY {
        return;
    }
    let session = Session { last_seen: now, ..found.session.clone() };
    let noted =
        async { submit(engine, Vec::new(), vec![put(&session, Expect::Version(found.session_version))?], now).await };
    match noted.await {
        Ok(()) => found.session = session,
        // Another request of the same browser was first, or the session was ended this moment.
        Err(error) if super::lost_race(&error) => {}
        Err(error) => tracing::warn!(%error, "the use of a session could not be stored"),
    }
}

async fn clear_away(engine: &Engine, found: &Found, now: Timestamp) {
    if let Err(error) = submit(engine, Vec::new(), vec![delete(&found.session)], now).await {
        tracing::warn!(%error, "a session that has ended could not be cleared away; the next sign-in tries again");
    }
}

fn delete(session: &Session) -> Change {
    Change { key: key(&session.sha256), expect: Expect::Any, effect: Effect::Delete }
}

fn key(sha256: &str) -> RecordKey {
    RecordKey::global(RecordKind::Session, sha256.get(..32).unwrap_or(sha256))
}

fn after(now: Timestamp, wait: Duration) -> Timestamp {
    now.saturating_add_nanos(i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX))
}
