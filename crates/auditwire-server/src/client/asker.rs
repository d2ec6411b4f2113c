//! Who asks, as limits count them: an address, and a credential once one has been shown that is good.
//!
//! A request counts as its address's until then and as its credential's from then on, whichever connection it came over:
//! streams of HTTP/2 and what a proxy sends for its clients are counted like anything else.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::http::{Extensions, StatusCode};

use crate::App;
use crate::api::Problem;
use crate::listen::{HttpLimits, Open, UnderWay};

/// Whom a limit counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    /// See [`network`].
    Network(IpAddr),
    /// The id of a token or an account.
    Credential(Arc<str>),
}

/// Whom an address is counted as. One household has one IPv6 /64, and 2^64 addresses in it (RFC 6177).
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// Requests under way, by whoever they count as.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    per_network_max: usize,
    per_credential_max: usize,
    taken: Arc<Mutex<HashMap<Holder, usize>>>,
}

impl Places {
    pub(crate) fn new(limits: &HttpLimits) -> Self {
        Self {
            per_network_max: limits.newcomers_per_address_max.max(1),
            per_credential_max: limits.requests_per_credential_max(),
            taken: Arc::default(),
        }
    }

    fn take(&self, holder: Holder) -> Result<Place, Problem> {
        let max = match holder {
            Holder::Network(_) => self.per_network_max,
            Holder::Credential(_) => self.per_credential_max,
        };
        let mut taken = self.lock();
        let by = taken.get(&holder).copied().unwrap_or(0);
        if by >= max {
            let whose = match holder {
                Holder::Network(_) => "this address has too many requests without a credential under way",
                Holder::Credential(_) => "this token or account has too many requests under way",
            };
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", whose);
            return Err(problem.retry_after(Duration::from_secs(1)));
        }
        taken.insert(holder.clone(), by + 1);
        Ok(Place { places: self.clone(), holder })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Holder, usize>> {
        // Nothing panics while it is held.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the [`Places`], given back by drop.
#[derive(Debug)]
struct Place {
    places: Places,
    holder: Holder,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        match taken.get(&self.holder).copied().unwrap_or(0) {
            0 | 1 => taken.remove(&self.holder),
            by => taken.insert(self.holder.clone(), by - 1),
        };
    }
}

/// Who asks; an extension of every request. Clones are of the same request, which is over for its limits when the last of them is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Asker(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    network: IpAddr,
    credential: OnceLock<Arc<str>>,
    /// None where nobody counts.
    place: Mutex<Option<Place>>,
    under_way: Option<UnderWay>,
}

impl Asker {
    /// Of a request that begins, from this address.
    ///
    /// # Errors
    /// 429 `too_many_requests` when the address has too many under way.
    pub(crate) fn begin(app: &App, address: IpAddr, connection: Option<&Arc<Open>>) -> Result<Self, Problem> {
        let network = network(address);
        let place = app.places().take(Holder::Network(network))?;
        Ok(Self::made(network, Some(place), connection.map(Open::begin)))
    }

    fn made(network: IpAddr, place: Option<Place>, under_way: Option<UnderWay>) -> Self {
        Self(Arc::new(Shared { network, credential: OnceLock::new(), place: Mutex::new(place), under_way }))
    }

    /// One that nobody counts, with a credential if there is one.
    #[cfg(test)]
    pub(crate) fn sample(address: IpAddr, credential: Option<&str>) -> Self {
        let asker = Self::made(network(address), None, None);
        if let Some(credential) = credential {
            let _ = asker.0.credential.set(credential.into());
        }
        asker
    }

    /// Of a request; one that did not pass [`transport`](crate::transport) is as if from this machine.
    pub(crate) fn of(extensions: &Extensions, app: &App) -> Self {
        extensions.get().cloned().unwrap_or_else(|| Self::made(network(app.local().ip()), None, None))
    }

    /// A credential with this id was shown, and is good: the request counts as its, and so does the connection it came over.
    ///
    /// # Errors
    /// 429 `too_many_requests` when the credential has too many under way.
    pub(crate) fn prove(&self, app: &App, credential: &str) -> Result<(), Problem> {
        let credential: Arc<str> = credential.into();
        if self.0.credential.set(Arc::clone(&credential)).is_err() {
            // A request has one; a second look at it changes nothing.
            return Ok(());
        }
        if let Some(under_way) = &self.0.under_way {
            under_way.connection().prove(&credential);
        }
        let place = app.places().take(Holder::Credential(credential))?;
        *self.0.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        Ok(())
    }

    pub(crate) fn credential(&self) -> Option<Arc<str>> {
        self.0.credential.get().cloned()
    }

    pub(crate) fn network(&self) -> IpAddr {
        self.0.network
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_is_its_household() {
        let of = |address: &str| network(address.parse().expect("an address")).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(of("203.0.113.9"), "203.0.113.9");
    }

    #[test]
    fn requests_are_counted_by_whoever_asks_and_given_back() {
        let limits = HttpLimits { connections_max: 4, newcomers_per_address_max: 1, ..HttpLimits::default() };
        let places = Places::new(&limits);
        let of = |n: u8| Holder::Network(IpAddr::from([203, 0, 113, n]));
        let token = || Holder::Credential("token".into());
        let first = places.take(of(1));
        assert_eq!(places.take(of(1)).err().map(|p| p.code()), Some("too_many_requests"));
        let held = [first, places.take(of(2)), places.take(token()), places.take(token())];
        assert!(held.iter().all(Result::is_ok) && places.take(token()).is_err());
        drop(held);
        assert!(places.lock().is_empty());
    }
}
