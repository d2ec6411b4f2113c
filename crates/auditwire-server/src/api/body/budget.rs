//! Memory for bodies that are being read: one budget for each class of them, and in each a share for whoever asks.
//!
//! What a sender holds may not grow beyond what is left free (dynamic thresholds of shared buffers: Choudhury and Hahne, IEEE/ACM
//! Transactions on Networking 6(2), 1998). So one alone gets half of a budget, the next half of the rest, and it is never used up:
//! whoever comes may have half of what is free. An address may hold twice that, because many senders can share one (NAT), and one of
//! them shall not stand in the way of the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;

use crate::api::problem::{Problem, Result};
use crate::client::{Asker, Holder};

/// Bytes of one class of bodies in memory. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct BodyBudget {
    max: usize,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by: HashMap<Holder, usize>,
}

/// A part of the budget, given back by drop.
#[derive(Debug)]
pub(crate) struct Reserved {
    budget: BodyBudget,
    /// Whose it is, and how many times what is left free each of them may hold.
    holders: Vec<(Holder, usize)>,
    bytes: usize,
}

impl BodyBudget {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, held: Arc::default() }
    }

    /// Nothing reserved yet, for whoever asks: its address, and its credential where it has shown one.
    pub(crate) fn start(&self, asker: &Asker) -> Reserved {
        let credential = asker.credential();
        let times = if credential.is_some() { 2 } else { 1 };
        let mut holders = vec![(Holder::Network(asker.network()), times)];
        holders.extend(credential.map(|credential| (Holder::Credential(credential), 1)));
        Reserved { budget: self.clone(), holders, bytes: 0 }
    }

    /// The same for nobody: it counts among all, and as no sender's.
    pub(super) fn for_nobody(&self) -> Reserved {
        Reserved { budget: self.clone(), holders: Vec::new(), bytes: 0 }
    }

    pub(crate) fn used(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Nothing panics while it is held; sums are whole at any time.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reserved {
    /// Reserves `more` bytes.
    ///
    /// # Errors
    /// 503 `overloaded` when all bodies together would be too much, 429 `too_many_bodies` when those of this sender would.
    pub(crate) fn grow(&mut self, more: usize) -> Result<()> {
        let mut held = self.budget.lock();
        let all = held.all.checked_add(more).filter(|all| *all <= self.budget.max).ok_or_else(overloaded)?;
        let free = self.budget.max - all;
        let within = |(holder, times): &(Holder, usize)| {
            let by = held.by.get(holder).copied().unwrap_or(0) + more;
            by <= free.saturating_mul(*times)
        };
        if !self.holders.iter().all(within) {
            return Err(too_many_bodies());
        }
        held.all = all;
        for (holder, _) in &self.holders {
            *held.by.entry(holder.clone()).or_default() += more;
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut held = self.budget.lock();
        held.all -= self.bytes;
        for (holder, _) in &self.holders {
            let left = held.by.get(holder).map_or(0, |by| by.saturating_sub(self.bytes));
            match left {
                0 => held.by.remove(holder),
                left => held.by.insert(holder.clone(), left),
            };
        }
    }
}

fn overloaded() -> Problem {
    let detail = "the bodies of other requests fill the memory set aside for them; nothing was taken, send it again";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).retry_after(Duration::from_secs(1))
}

fn too_many_bodies() -> Problem {
    let detail = "the bodies that this address or credential is sending fill its share of the memory set aside for them; \
                  nothing was taken, send fewer at once";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_bodies", detail).retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;

    fn asker(address: u8, token: Option<&str>) -> Asker {
        Asker::sample(IpAddr::from([203, 0, 113, address]), token)
    }

    /// As much as it gets, byte by byte.
    fn fill(budget: &BodyBudget, asker: &Asker) -> Reserved {
        let mut reserved = budget.start(asker);
        while reserved.grow(1).is_ok() {}
        reserved
    }

    #[test]
    fn one_sender_gets_half_and_the_next_ones_find_room() {
        let budget = BodyBudget::new(1200);
        let first = fill(&budget, &asker(1, Some("a")));
        assert_eq!(first.bytes, 600);
        assert_eq!(budget.start(&asker(1, Some("a"))).grow(1).err().map(|p| p.code()), Some("too_many_bodies"));
        let neighbour = fill(&budget, &asker(1, Some("b")));
        assert_eq!(neighbour.bytes, 200, "another token behind the same address");
        let other = fill(&budget, &asker(2, None));
        assert_eq!(other.bytes, 200);
        assert_eq!(budget.start(&asker(3, None)).grow(1201).err().map(|p| p.code()), Some("overloaded"));
        drop((first, neighbour, other));
        assert_eq!((budget.used(), budget.lock().by.len()), (0, 0));
    }

    proptest! {
        /// Whatever others do, a newcomer gets half of what is free, something is, and all is given back.
        #[test]
        fn a_newcomer_finds_room(
            steps in proptest::collection::vec((0..6_u8, proptest::option::of(0..6_u8), 1..400_usize, any::<bool>()), 0..200)
        ) {
            let budget = BodyBudget::new(12_000);
            let mut all = Vec::new();
            for (address, token, bytes, end) in steps {
                let token = token.map(|token| format!("t{token}"));
                let mut reserved = budget.start(&asker(address, token.as_deref()));
                if reserved.grow(bytes).is_ok() {
                    all.push(reserved);
                }
                if end && !all.is_empty() {
                    all.swap_remove(0);
                }
                let sum: usize = all.iter().map(|reserved| reserved.bytes).sum();
                prop_assert_eq!(budget.used(), sum);
                let free = 12_000 - sum;
                prop_assert!(free > 0 && budget.start(&asker(200, Some("newcomer"))).grow(free / 2).is_ok());
            }
            drop(all);
            prop_assert_eq!((budget.used(), budget.lock().by.len()), (0, 0));
        }
    }
}
