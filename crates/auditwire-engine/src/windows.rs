//! How often something happened lately, per address or name: the counting behind rate limits. Fixed windows, bounded
//! memory. By the monotonic clock: setting the clock neither lets anybody in nor keeps anybody out.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;

const KEYS_MAX: usize = 10_000;

/// Counts per key. A key's window begins with its first count and lasts [`Windows::new`]'s length.
#[derive(Debug)]
pub(crate) struct Windows<K> {
    length: Duration,
    counts: Mutex<HashMap<K, (Duration, u32)>>,
}

/// One count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    /// How many there are in the window, this one included.
    pub(crate) number: u32,
    /// How long the window still lasts.
    pub(crate) left: Duration,
    begun: Duration,
}

impl<K: Hash + Eq> Windows<K> {
    pub(crate) fn new(length: Duration) -> Self {
        Self { length, counts: Mutex::new(HashMap::new()) }
    }

    /// Counts one, by the monotonic clock.
    pub(crate) fn count(&self, key: K, now: Duration) -> Counted {
        let mut counts = self.counts.lock();
        if counts.len() >= KEYS_MAX {
            counts.retain(|_, (begun, _)| now.saturating_sub(*begun) < self.length);
            if counts.len() >= KEYS_MAX {
                counts.clear();
            }
        }
        let entry = counts.entry(key).or_insert((now, 0));
        if now.saturating_sub(entry.0) >= self.length {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
        Counted { number: entry.1, left: self.length.saturating_sub(now.saturating_sub(entry.0)), begun: entry.0 }
    }

    /// Takes a count back, unless its window has ended meanwhile.
    pub(crate) fn take_back(&self, key: &K, counted: Counted) {
        if let Some((begun, number)) = self.counts.lock().get_mut(key)
            && *begun == counted.begun
        {
            *number = number.saturating_sub(1);
        }
    }
}

/// Whom an address is counted as. One household has one IPv6 /64, and 2^64 addresses in it.
pub(crate) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn counts_per_network_and_window() {
        let windows = Windows::new(Duration::from_secs(60));
        let number = |peer: &str, seconds| windows.count(network(peer.parse().unwrap()), at(seconds)).number;
        assert_eq!(number("192.0.2.1", 10), 1);
        let second = windows.count(network("::ffff:192.0.2.1".parse().unwrap()), at(20));
        assert_eq!((second.number, second.left), (2, Duration::from_secs(50)));
        assert_eq!(number("192.0.2.2", 20), 1);
        assert_eq!(number("192.0.2.1", 70), 1);
        assert_eq!(number("2001:db8::1", 70), 1);
        assert_eq!(number("2001:db8::ffff", 70), 2);
        assert_eq!(number("2001:db8:0:1::1", 70), 1);
    }

    #[test]
    fn a_count_is_taken_back_from_its_own_window_only() {
        let windows = Windows::new(Duration::from_secs(60));
        let first = windows.count("a", at(0));
        windows.take_back(&"a", first);
        assert_eq!(windows.count("a", at(1)).number, 1);
        let old = windows.count("a", at(2));
        assert_eq!(windows.count("a", at(60)).number, 1);
        windows.take_back(&"a", old);
        assert_eq!(windows.count("a", at(61)).number, 2);
    }
}
