//! Failed sign-ins: how many an address and a name have.

use std::net::IpAddr;
use std::time::Duration;

use super::accounts;
use crate::error::{Error, Kind};
use crate::windows::{Counted, Windows, network};

const PER_ADDRESS: u32 = 10;
const ADDRESS_WINDOW: Duration = Duration::from_secs(60);
const PER_NAME: u32 = 30;
const NAME_WINDOW: Duration = Duration::from_secs(600);

/// Failed sign-ins in the present windows.
#[derive(Debug)]
pub(crate) struct Limits {
    addresses: Windows<IpAddr>,
    names: Windows<String>,
    told: Windows<IpAddr>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            addresses: Windows::new(ADDRESS_WINDOW),
            names: Windows::new(NAME_WINDOW),
            told: Windows::new(ADDRESS_WINDOW),
        }
    }
}

/// A sign-in that counts as failed until [`Limits::take_back`]: so attempts side by side, and those whose client went
/// away, are counted too.
#[derive(Debug)]
pub(super) struct Attempt {
    address: (IpAddr, Counted),
    name: Option<(String, Counted)>,
}

/// There were too many before this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limited {
    /// How long this lasts.
    pub(super) wait: Duration,
}

impl Limits {
    /// Counts an attempt from `from`, and for the account of this name if it is one with a password.
    pub(super) fn begin(&self, from: IpAddr, name: Option<&str>, now: Duration) -> Result<Attempt, Limited> {
        let address = network(from);
        let by_address = within(self.addresses.count(address, now), PER_ADDRESS)?;
        let name = match name {
            None => None,
            Some(name) => {
                let name: String = accounts::folded(name).chars().take(accounts::NAME_MAX).collect();
                let by_name = within(self.names.count(name.clone(), now), PER_NAME)?;
                Some((name, by_name))
            }
        };
        Ok(Attempt { address: (address, by_address), name })
    }

    /// The attempt did not fail.
    pub(super) fn take_back(&self, attempt: Attempt) {
        let (address, counted) = attempt.address;
        self.addresses.take_back(&address, counted);
        if let Some((name, counted)) = attempt.name {
            self.names.take_back(&name, counted);
        }
    }

    /// Whether the log shall be told of a guess by somebody who is signed in: the first of an address in a minute.
    pub(super) fn worth_telling(&self, from: IpAddr, now: Duration) -> bool {
        self.told.count(network(from), now).number == 1
    }
}

fn within(counted: Counted, most: u32) -> Result<Counted, Limited> {
    if counted.number <= most {
        return Ok(counted);
    }
    Err(Limited { wait: counted.left })
}

/// 429 for whoever must wait.
pub(super) fn too_many(wait: Duration) -> Error {
    let detail = "too many sign-ins from this address or for this name; wait a little and try again";
    Error::new(Kind::Busy, "too_many_sign_ins", detail).retry_after(wait.max(Duration::from_secs(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn address(n: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0xc000_0200 + n).into()
    }

    #[test]
    fn an_address_has_ten_failures_a_minute_and_successes_do_not_count() {
        let limits = Limits::default();
        for n in 0..30 {
            let attempt = limits.begin(address(1), Some("operator"), at(n)).unwrap();
            limits.take_back(attempt);
        }
        for n in 0..10 {
            limits.begin(address(1), Some("somebody"), at(30 + n)).unwrap();
        }
        let limited = limits.begin(address(1), None, at(40)).unwrap_err();
        assert_eq!(limited, Limited { wait: Duration::from_secs(20) });
        assert!(limits.begin(address(2), Some("operator"), at(40)).is_ok());
        assert!(limits.begin(address(1), Some("operator"), at(60)).is_ok());
    }

    #[test]
    fn a_name_has_thirty_failures_in_ten_minutes_from_all_addresses() {
        let limits = Limits::default();
        for n in 0..30 {
            limits.begin(address(n), Some("Operator "), at(1)).unwrap();
        }
        let limited = limits.begin(address(40), Some("operator"), at(61)).unwrap_err();
        assert_eq!(limited, Limited { wait: Duration::from_secs(540) });
        assert!(limits.begin(address(40), Some("another"), at(61)).is_ok());
        assert!(limits.begin(address(40), None, at(61)).is_ok(), "a link asks for no name");
        assert!(limits.begin(address(40), Some("operator"), at(601)).is_ok());
    }
}
