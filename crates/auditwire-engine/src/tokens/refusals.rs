//! Failed authentications: limited per address and told in the log of project `system`.

use std::net::IpAddr;
use std::time::Duration;

use auditwire_model::access::{Caller, Origin};

use crate::Engine;
use crate::audit::action;
use crate::error::{Error, Kind, Result};
use crate::refused::{self, One, Refusal};
use crate::windows::{Windows, network};

const WINDOW: Duration = Duration::from_secs(60);
const PER_WINDOW: u32 = 30;
const REFUSED: Refusal = Refusal {
    action: action::TOKEN_REFUSED,
    code: "401",
    noun: ["A request with an API token", "requests with API tokens"],
};

/// Refusals per address in the present window.
#[derive(Debug)]
pub(crate) struct Refusals(Windows<IpAddr>);

impl Default for Refusals {
    fn default() -> Self {
        Self(Windows::new(WINDOW))
    }
}

/// [`authenticate`](super::authenticate) for a request from `origin`; `token` is what stands after `Bearer`, if anything. A
/// valid token is never limited. Refusals are audit events of project `system`: the first is told at once, then once a minute how many
/// there were.
///
/// # Errors
/// `too_many_refusals` after 30 refusals of an address within a minute; when the store fails.
pub async fn authenticate_from(engine: &Engine, token: Option<&str>, origin: &Origin) -> Result<Option<Caller>> {
    if let Some(token) = token
        && let Some(caller) = super::authenticate(engine, token, origin).await?
    {
        return Ok(Some(caller));
    }
    let refused = engine.shared.refusals.0.count(network(origin.address()), engine.clock.monotonic());
    if token.is_some() {
        let one = One { origin, name: None, method: None, detail: "unknown, revoked or expired" };
        refused::note(engine, REFUSED, one).await;
    }
    if refused.number > PER_WINDOW {
        let detail = "too many requests without a valid token from this address";
        return Err(Error::new(Kind::Busy, "too_many_refusals", detail).retry_after(refused.left));
    }
    Ok(None)
}
