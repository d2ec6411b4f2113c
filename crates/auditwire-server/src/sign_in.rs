//! Counts failed sign-ins per address, in bounded memory. A valid token is never refused for the failures of others at the
//! same address: what is limited is failing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use auditwire_model::Timestamp;

/// Addresses that are remembered; beyond, the oldest goes.
const ADDRESSES_MAX: usize = 4_096;
const WINDOW: Duration = Duration::from_secs(60);

/// Failed sign-ins of the last minute.
#[derive(Debug)]
pub(crate) struct FailedSignIns {
    per_minute: u32,
    windows: Mutex<HashMap<IpAddr, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: Timestamp,
    failures: u32,
}

/// What a failure means for its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// 401. `first` is true for the first failure of this address in a minute, which is when one is audited.
    Refused { first: bool },
    /// 429.
    TooMany { retry_after: Duration },
}

impl FailedSignIns {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { per_minute, windows: Mutex::new(HashMap::new()) }
    }

    /// Counts one failure.
    pub(crate) fn count(&self, address: IpAddr, now: Timestamp) -> Verdict {
        let key = network(address);
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= ADDRESSES_MAX && !windows.contains_key(&key) {
            make_room(&mut windows, now);
        }
        let window = windows.entry(key).or_insert(Window { began: now, failures: 0 });
        if now.since(window.began) >= WINDOW {
            *window = Window { began: now, failures: 0 };
        }
        window.failures = window.failures.saturating_add(1);
        if window.failures > self.per_minute {
            return Verdict::TooMany { retry_after: WINDOW.saturating_sub(now.since(window.began)) };
        }
        Verdict::Refused { first: window.failures == 1 }
    }
}

/// One customer has a whole /64 of IPv6 to try from.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX)).into(),
    }
}

fn make_room(windows: &mut HashMap<IpAddr, Window>, now: Timestamp) {
    windows.retain(|_, w| now.since(w.began) < WINDOW);
    if windows.len() >= ADDRESSES_MAX
        && let Some(oldest) = windows.iter().min_by_key(|(_, w)| w.began).map(|(address, _)| *address)
    {
        windows.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000).expect("a time")
    }

    #[test]
    fn failures_are_limited_per_address_and_minute() {
        let failed = FailedSignIns::new(2);
        let one: IpAddr = "192.0.2.1".parse().expect("an address");
        assert_eq!(failed.count(one, at(0)), Verdict::Refused { first: true });
        assert_eq!(failed.count(one, at(1)), Verdict::Refused { first: false });
        assert_eq!(failed.count(one, at(20)), Verdict::TooMany { retry_after: Duration::from_secs(40) });
        assert_eq!(failed.count("192.0.2.2".parse().expect("an address"), at(20)), Verdict::Refused { first: true });
        assert_eq!(failed.count(one, at(60)), Verdict::Refused { first: true });
    }

    #[test]
    fn one_network_of_ipv6_counts_together_and_memory_is_bounded() {
        let failed = FailedSignIns::new(1);
        failed.count("2001:db8::1".parse().expect("an address"), at(0));
        let neighbour = failed.count("2001:db8::ffff:2".parse().expect("an address"), at(0));
        assert!(matches!(neighbour, Verdict::TooMany { .. }));
        for n in 0..5_000_u32 {
            failed.count(IpAddr::V4(n.into()), at(1));
        }
        assert!(failed.windows.lock().expect("not poisoned").len() <= ADDRESSES_MAX);
    }
}
