//! Setting a password: the first one, another one, or a new one for one that was lost.

use auditwire_model::access::{Caller, Origin};

use super::limits::too_many;
use super::sessions::Found;
use super::{SignedIn, TRIES, accounts, changed_meanwhile, links, lost_race, password, sessions, submit};
use crate::Engine;
use crate::audit::{Audit, action};
use crate::error::{Error, Kind, Result};
use crate::records::PasswordHash;
use crate::secrets::{Secret, sha256_hex};
use crate::store::Expect;

/// Sets the password of the signed-in account. All its other sessions end, and so does a link that was not used; `keep` is
/// the secret of the session that stays.
///
/// `current` is needed once the account has a password, unless the session began with a link within the last 30 minutes:
/// then one new password may be set without it.
///
/// # Errors
/// `password_too_short` (under 12 characters), `password_too_long` (over 256), `password_is_name`, `password_too_common`, each with field `new`;
/// `password_wrong` with field `current`; `too_many_sign_ins` as for signing in; `session_ended` when `keep` is no live
/// session of the account; when the store fails.
pub async fn set_password(
    engine: &Engine,
    signed_in: &SignedIn,
    current: Option<&Secret>,
    new: &Secret,
    keep: &str,
) -> Result<()> {
    // There is no session without a request.
    let origin = signed_in.caller.origin().ok_or_else(ended)?;
    let keep = sha256_hex(keep.as_bytes());
    let found = live(engine, signed_in, &keep).await?;
    password::check_new(&found.account.name, new)?;
    if found.current_password_needed(engine.log.trusted_now()) {
        prove(engine, &signed_in.caller, origin, &found, current).await?;
    }
    let hash = engine.shared.people.hashing.hash(new.clone()).await?;
    for _ in 0..TRIES {
        match store(engine, signed_in, &keep, &found, hash.clone()).await {
            Err(error) if lost_race(&error) => {}
            result => return result,
        }
    }
    Err(changed_meanwhile())
}

/// That whoever sits there knows the present password. Guesses count as failed sign-ins.
async fn prove(
    engine: &Engine,
    caller: &Caller,
    origin: &Origin,
    found: &Found,
    current: Option<&Secret>,
) -> Result<()> {
    let (people, account, now) = (&engine.shared.people, &found.account, engine.clock.now());
    let wrong = || Error::invalid("password_wrong", "current", "this is not the present password");
    let Some(current) = current else { return Err(wrong()) };
    let from = origin.address();
    let attempt = people
        .limits
        .begin(from, Some(&account.name), engine.clock.monotonic())
        .map_err(|limited| too_many(limited.wait))?;
    let fits = people.hashing.verify(account.password.clone(), current.clone()).await;
    if !matches!(fits, Ok(false)) {
        people.limits.take_back(attempt);
    }
    if fits? {
        return Ok(());
    }
    if people.limits.worth_telling(from, engine.clock.monotonic()) {
        let told = audit(caller, found)
            .failed("password_wrong", "the present password was wrong")
            .message(format!("The console password of {} was not changed: the present one was wrong", account.name));
        if let Err(error) = submit(engine, vec![told], Vec::new(), now).await {
            tracing::warn!(%error, "a refused change of a password could not be written to the log");
        }
    }
    Err(wrong())
}

/// One try: what was proved must still be so.
async fn store(engine: &Engine, signed_in: &SignedIn, keep: &str, proved: &Found, hash: PasswordHash) -> Result<()> {
    let now = engine.clock.now();
    let Found { mut session, session_version, mut account, account_version } = live(engine, signed_in, keep).await?;
    if account.generation != proved.account.generation {
        // Another request with the same sign-in was first: what was proved is the password no more.
        return Err(changed_meanwhile());
    }
    account.password = Some(hash);
    account.generation += 1;
    session.generation = account.generation;
    session.new_password_until = None;
    let mut changes = sessions::end_others(engine, &account, keep).await?;
    changes.extend(links::end(engine, &account.id).await?);
    changes.push(accounts::put(&account, account_version)?);
    changes.push(sessions::put(&session, Expect::Version(session_version))?);
    let told = audit(&signed_in.caller, proved).message(format!("The console password of {} was set", account.name));
    submit(engine, vec![told], changes, now).await?;
    engine.shared.people.sessions.forget();
    Ok(())
}

fn audit(caller: &Caller, found: &Found) -> Audit {
    let account = &found.account;
    Audit::new(action::CONSOLE_PASSWORD, caller).on("account", &account.id).with("name", &account.name)
}

async fn live(engine: &Engine, signed_in: &SignedIn, sha256: &str) -> Result<Found> {
    let found = sessions::find(engine, sha256).await?;
    let now = engine.log.trusted_now();
    found.filter(|f| f.account.id == signed_in.account.id && f.is_live(now)).ok_or_else(ended)
}

fn ended() -> Error {
    Error::new(Kind::Unauthenticated, "session_ended", "the session has ended; sign in again")
}
