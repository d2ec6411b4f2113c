//! Failed authentications: limited per address and told in the log of project `system`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use auditwire_model::access::Caller;
use auditwire_model::{ProjectId, Severity, Timestamp};
use parking_lot::Mutex;

use crate::Engine;
use crate::audit::{Audit, action};
use crate::error::{Error, Kind, Result};
use crate::log::Submission;

const WINDOW: Duration = Duration::from_secs(60);
const PER_WINDOW: u32 = 30;
const ADDRESSES_MAX: usize = 10_000;

/// Refusals per address in the present window.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<IpAddr, (Timestamp, u32)>>);

/// [`authenticate`](super::authenticate) for a request from `peer`; `token` is what stands after `Bearer`, if anything. A
/// valid token is never limited. The first refusal of an address in a minute is an audit event of project `system`.
///
/// # Errors
/// `too_many_refusals` after 30 refusals of an address within a minute; when the store fails.
pub async fn authenticate_from(engine: &Engine, token: Option<&str>, peer: IpAddr) -> Result<Option<Caller>> {
    if let Some(token) = token
        && let Some(caller) = super::authenticate(engine, token).await?
    {
        return Ok(Some(caller));
    }
    let now = engine.clock.now();
    let (count, wait) = engine.shared.refusals.count(peer, now);
    if count > PER_WINDOW {
        let detail = "too many requests without a valid token from this address";
        return Err(Error::new(Kind::Busy, "too_many_refusals", detail).retry_after(wait));
    }
    if count == 1 && token.is_some() {
        tell(engine, peer, now).await;
    }
    Ok(None)
}

/// A log that cannot take the event must not turn a refusal into an error.
async fn tell(engine: &Engine, peer: IpAddr, now: Timestamp) {
    let event = Audit::new(action::TOKEN_REFUSED, &Caller::Service)
        .from(peer)
        .failed("401", "unknown, revoked or expired")
        .severity(Severity::Warning)
        .message(format!("A request from {peer} was refused: its API token is unknown, revoked or expired"))
        .build(now);
    let submission = Submission { project: Some(ProjectId::system()), events: vec![event], changes: Vec::new() };
    if let Err(error) = engine.log.submit(submission).await {
        tracing::warn!(%error, "a refused token could not be written to the log");
    }
}

impl Refusals {
    /// Counts one refusal: how many there are in this address's window, and how long it lasts.
    fn count(&self, peer: IpAddr, now: Timestamp) -> (u32, Duration) {
        let mut windows = self.0.lock();
        if windows.len() >= ADDRESSES_MAX {
            windows.retain(|_, (begun, _)| now.since(*begun) < WINDOW);
            if windows.len() >= ADDRESSES_MAX {
                windows.clear();
            }
        }
        let entry = windows.entry(network(peer)).or_insert((now, 0));
        if now.since(entry.0) >= WINDOW {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
        (entry.1, WINDOW.saturating_sub(now.since(entry.0)))
    }
}

/// One household has one IPv6 /64, and 2^64 addresses in it.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(a) => match a.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => Ipv6Addr::from_bits(a.to_bits() & !u128::from(u64::MAX)).into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_per_network_and_window() {
        let refusals = Refusals::default();
        let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000).unwrap();
        let peer = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(refusals.count(peer("192.0.2.1"), at(10)).0, 1);
        assert_eq!(refusals.count(peer("::ffff:192.0.2.1"), at(20)), (2, Duration::from_secs(50)));
        assert_eq!(refusals.count(peer("192.0.2.2"), at(20)).0, 1);
        assert_eq!(refusals.count(peer("192.0.2.1"), at(70)).0, 1);
        assert_eq!(refusals.count(peer("2001:db8::1"), at(70)).0, 1);
        assert_eq!(refusals.count(peer("2001:db8::ffff"), at(70)).0, 2);
        assert_eq!(refusals.count(peer("2001:db8:0:1::1"), at(70)).0, 1);
    }
}
