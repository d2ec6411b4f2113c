//! Failed authentications: limited per address and told in the log of project `system`.

use std::net::IpAddr;
use std::time::Duration;

use auditwire_model::access::{Caller, Origin};
use auditwire_model::{ProjectId, Severity, Timestamp};

use crate::Engine;
use crate::audit::{Audit, action};
use crate::error::{Error, Kind, Result};
use crate::log::Submission;
use crate::windows::{Windows, network};

const WINDOW: Duration = Duration::from_secs(60);
const PER_WINDOW: u32 = 30;

/// Refusals per address in the present window.
#[derive(Debug)]
pub(crate) struct Refusals(Windows<IpAddr>);

impl Default for Refusals {
    fn default() -> Self {
        Self(Windows::new(WINDOW))
    }
}

/// [`authenticate`](super::authenticate) for a request from `origin`; `token` is what stands after `Bearer`, if anything. A
/// valid token is never limited. The first refusal of an address in a minute is an audit event of project `system`.
///
/// # Errors
/// `too_many_refusals` after 30 refusals of an address within a minute; when the store fails.
pub async fn authenticate_from(engine: &Engine, token: Option<&str>, origin: &Origin) -> Result<Option<Caller>> {
    if let Some(token) = token
        && let Some(caller) = super::authenticate(engine, token, origin).await?
    {
        return Ok(Some(caller));
    }
    let now = engine.clock.now();
    let refused = engine.shared.refusals.0.count(network(origin.address()), now);
    if refused.number > PER_WINDOW {
        let detail = "too many requests without a valid token from this address";
        return Err(Error::new(Kind::Busy, "too_many_refusals", detail).retry_after(refused.left));
    }
    if refused.number == 1 && token.is_some() {
        tell(engine, origin, now).await;
    }
    Ok(None)
}

/// A log that cannot take the event must not turn a refusal into an error.
async fn tell(engine: &Engine, origin: &Origin, now: Timestamp) {
    let event = Audit::of_stranger(action::TOKEN_REFUSED, origin)
        .failed("401", "unknown, revoked or expired")
        .severity(Severity::Warning)
        .message(format!(
            "A request from {} was refused: its API token is unknown, revoked or expired",
            origin.address()
        ))
        .build(now);
    let submission = Submission { project: Some(ProjectId::system()), events: vec![event], changes: Vec::new() };
    if let Err(error) = engine.log.submit(submission).await {
        tracing::warn!(%error, "a refused token could not be written to the log");
    }
}
