//! The records of accounts.

use auditwire_model::access::{Caller, Origin, Principal};
use auditwire_model::{AccountId, Timestamp};

use super::{SignedIn, TRIES, changed_meanwhile, lost_race, submit};
use crate::Engine;
use crate::error::{Error, Kind, Result};
use crate::records::{Account, AccountName, AccountNameRecord, AccountRecord, Document, Preferences};
use crate::secrets::Secret;
use crate::store::{Change, Effect, Expect, Record, RecordKey, RecordKind};

/// The sign-in name of the first account.
const FIRST_NAME: &str = "operator";
/// Longest sign-in name, in characters.
pub(super) const NAME_MAX: usize = 128;

/// An account with the version that was read.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) account: Account,
    pub(super) version: u64,
}

/// Stores how the console shows itself to this person.
///
/// # Errors
/// `invalid_language`, `invalid_zone`: wrong in form; whether the zone exists is the console's to say.
pub async fn set_preferences(engine: &Engine, signed_in: &SignedIn, preferences: Preferences) -> Result<Account> {
    check(&preferences)?;
    for _ in 0..TRIES {
        let Some(Stored { mut account, version }) = by_id(engine, &signed_in.account.id).await? else { break };
        account.preferences = preferences.clone();
        match submit(engine, Vec::new(), vec![put(&account, version)?], engine.clock.now()).await {
            Ok(()) => {
                engine.shared.people.sessions.forget();
                return Ok(account);
            }
            Err(error) if lost_race(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Err(changed_meanwhile())
}

fn check(preferences: &Preferences) -> Result<()> {
    if preferences.language.as_deref().is_some_and(|language| !matches!(language, "en" | "ru")) {
        return Err(Error::invalid("invalid_language", "language", "the console speaks 'en' and 'ru'"));
    }
    let named = |zone: &str| {
        let letter = |c: u8| c.is_ascii_alphanumeric() || b"/_+-".contains(&c);
        (1..=64).contains(&zone.len()) && zone.bytes().all(letter)
    };
    if preferences.zone.as_deref().is_some_and(|zone| !named(zone)) {
        let detail = "a time zone is written as in 'Europe/Moscow'";
        return Err(Error::invalid("invalid_zone", "zone", detail));
    }
    Ok(())
}

/// The account of this id.
pub(super) async fn by_id(engine: &Engine, id: &AccountId) -> Result<Option<Stored>> {
    let record = engine.store.record(&RecordKey::global(RecordKind::Account, id.as_str())).await?;
    Ok(record.map(|r| decode(&r)).transpose()?.filter(may_sign_in))
}

/// The account of this sign-in name, whatever its case.
pub(super) async fn by_name(engine: &Engine, name: &str) -> Result<Option<Stored>> {
    if name.chars().count() > NAME_MAX {
        return Ok(None);
    }
    let key = RecordKey::global(RecordKind::AccountName, folded(name));
    let Some(record) = engine.store.record(&key).await? else { return Ok(None) };
    by_id(engine, &AccountNameRecord::decode(&record)?.into_current().account).await
}

/// The accounts of operators, oldest first.
pub(super) async fn operators(engine: &Engine) -> Result<Vec<Account>> {
    let records = engine.store.records(RecordKind::Account, None).await?;
    let mut stored = records.iter().map(decode).collect::<Result<Vec<_>>>()?;
    stored.retain(may_sign_in);
    stored.sort_by(|a, b| (a.account.created_at, &a.account.id).cmp(&(b.account.created_at, &b.account.id)));
    Ok(stored.into_iter().map(|s| s.account).collect())
}

/// This version gives rights to operators only, so that nobody else may come in.
fn may_sign_in(stored: &Stored) -> bool {
    stored.account.operator
}

/// The first account, and the changes that make it.
pub(super) fn first(now: Timestamp) -> Result<(Account, Vec<Change>)> {
    let id = AccountId::parse(&format!("u-{}", hex::encode(Secret::random(8)?.expose())))
        .map_err(|e| Error::new(Kind::Internal, "internal", e.to_string()))?;
    let account = Account {
        id,
        name: FIRST_NAME.to_owned(),
        operator: true,
        password: None,
        generation: 0,
        preferences: Preferences::default(),
        created_at: now,
    };
    let name = AccountNameRecord::from(AccountName { account: account.id.clone() });
    let name = Change {
        key: RecordKey::global(RecordKind::AccountName, folded(&account.name)),
        expect: Expect::Absent,
        effect: Effect::Put(name.encode()?),
    };
    let made = Change { expect: Expect::Absent, ..put(&account, 0)? };
    Ok((account, vec![made, name]))
}

/// Writes an account that was read in `version`.
pub(super) fn put(account: &Account, version: u64) -> Result<Change> {
    let key = RecordKey::global(RecordKind::Account, account.id.as_str());
    let effect = Effect::Put(AccountRecord::from(account.clone()).encode()?);
    Ok(Change { key, expect: Expect::Version(version), effect })
}

/// The person as the verbs see one who asks from `origin`.
pub(super) fn caller(account: &Account, origin: &Origin) -> Caller {
    let by = Principal::Account { id: account.id.clone(), name: account.name.clone() };
    Caller::Operator { by, origin: origin.clone() }
}

/// Telephones write the first letter large.
pub(super) fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

fn decode(record: &Record) -> Result<Stored> {
    Ok(Stored { account: AccountRecord::decode(record)?.into_current(), version: record.version })
}
