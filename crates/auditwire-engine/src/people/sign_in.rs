//! The two ways in: name and password, or a link.

use auditwire_model::Timestamp;
use auditwire_model::access::Origin;

use super::limits::{Limited, too_many};
use super::{NewSession, accounts, links, lost_race, sessions, submit};
use crate::Engine;
use crate::audit::{Audit, action};
use crate::error::{Error, Kind, Result};
use crate::records::{Account, SignInMethod};
use crate::refused::{self, One, Refusal};
use crate::secrets::Secret;
use crate::store::Change;

/// Signs in with a link, which is used up.
///
/// # Errors
/// `link_invalid` when it is unknown, used up or too old; `too_many_sign_ins` after ten failures of an address in a minute
/// (a valid link is never held up); when the store fails.
pub async fn sign_in_with_link(engine: &Engine, key: &str, origin: &Origin) -> Result<NewSession> {
    let now = engine.clock.now();
    if let Some(found) = links::find(engine, key).await?
        && let Some(stored) = accounts::by_id(engine, &found.link.account).await?
    {
        match begin(engine, stored.account, SignInMethod::Link, origin, vec![found.use_up()?], now).await {
            // Another use of the link was faster.
            Err(error) if lost_race(&error) => {}
            result => return result,
        }
    }
    let refused = Refused { origin, method: SignInMethod::Link, name: None };
    match engine.shared.people.limits.begin(origin.address(), None, engine.clock.monotonic()) {
        Ok(_) => Err(refused.tell(engine, link_invalid()).await),
        Err(limited) => Err(refused.hold_back(engine, limited).await),
    }
}

/// Signs in with name and password.
///
/// # Errors
/// `sign_in_refused` in the same words and after the same work whatever is wrong; `too_many_sign_ins` after ten failures
/// of an address in a minute or 30 of a name in ten minutes, then nothing is hashed, or when too many wait for their turn;
/// when the store fails.
pub async fn sign_in(engine: &Engine, name: &str, password: &Secret, origin: &Origin) -> Result<NewSession> {
    let (now, name) = (engine.clock.now(), name.trim());
    let limits = &engine.shared.people.limits;
    let refused = Refused { origin, method: SignInMethod::Password, name: Some(name) };
    let attempt = match limits.begin(origin.address(), Some(name), engine.clock.monotonic()) {
        Ok(attempt) => attempt,
        Err(limited) => return Err(refused.hold_back(engine, limited).await),
    };
    let account = match verified(engine, name, password).await {
        Ok(Some(account)) => account,
        Ok(None) => return Err(refused.tell(engine, sign_in_refused()).await),
        Err(error) => {
            limits.take_back(attempt);
            return Err(error);
        }
    };
    limits.take_back(attempt);
    begin(engine, account, SignInMethod::Password, origin, Vec::new(), now).await
}

/// The account of this name, if this is its password.
async fn verified(engine: &Engine, name: &str, password: &Secret) -> Result<Option<Account>> {
    let account = accounts::by_name(engine, name).await?.map(|stored| stored.account);
    let hash = account.as_ref().and_then(|account| account.password.clone());
    let fits = engine.shared.people.hashing.verify(hash, password.clone()).await?;
    Ok(account.filter(|_| fits))
}

async fn begin(
    engine: &Engine,
    account: Account,
    method: SignInMethod,
    origin: &Origin,
    mut changes: Vec<Change>,
    now: Timestamp,
) -> Result<NewSession> {
    let (secret, session, begun) = sessions::begin(engine, &account, method).await?;
    changes.extend(begun);
    let told = Audit::new(action::CONSOLE_SIGN_IN, &accounts::caller(&account, origin))
        .on("account", &account.id)
        .with("name", &account.name)
        .with("method", word(method))
        .message(format!("{} signed in to the console with a {}", account.name, word(method)));
    submit(engine, vec![told], changes, now).await?;
    Ok(NewSession { secret, expires_at: session.expires_at, account })
}

/// A sign-in that did not work.
struct Refused<'a> {
    origin: &'a Origin,
    method: SignInMethod,
    name: Option<&'a str>,
}

impl Refused<'_> {
    /// Has the log told.
    async fn tell(&self, engine: &Engine, error: Error) -> Error {
        let name = self.name.map(|name| name.chars().take(accounts::NAME_MAX).collect::<String>());
        let (origin, method) = (self.origin, Some(word(self.method)));
        let refusal = Refusal {
            action: action::CONSOLE_SIGN_IN_REFUSED,
            code: error.code,
            noun: ["A sign-in to the console", "sign-ins to the console"],
        };
        refused::note(engine, refusal, One { origin, name: name.as_deref(), method, detail: &error.detail }).await;
        error
    }

    /// Has the log told that the limit is reached.
    async fn hold_back(&self, engine: &Engine, limited: Limited) -> Error {
        self.tell(engine, too_many(limited.wait)).await
    }
}

fn word(method: SignInMethod) -> &'static str {
    match method {
        SignInMethod::Password => "password",
        SignInMethod::Link => "link",
    }
}

fn sign_in_refused() -> Error {
    Error::new(Kind::Unauthenticated, "sign_in_refused", "the name or the password is wrong")
}

fn link_invalid() -> Error {
    let detail = "this link was used already, is too old or not complete; `auditwire sign-in-link` makes a new one";
    Error::new(Kind::Unauthenticated, "link_invalid", detail)
}
