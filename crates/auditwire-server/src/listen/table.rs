//! The open connections, and who has to go when another one comes.
//!
//! A connection is a *newcomer* until a credential was shown over it. Newcomers of one address are limited; when all places are
//! taken, the oldest newcomer of the address with most of them goes, and if there is none, the longest open idle connection of the
//! credential with most of those. So whoever holds many connections cannot keep others out, and nobody is interrupted
//! who has proved to be somebody and has something under way.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::limits::HttpLimits;
use super::open::Open;

/// How often it is logged that connections are closed for others.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// All open connections.
#[derive(Debug)]
pub(crate) struct Connections {
    max: usize,
    newcomers_per_address_max: usize,
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    /// Places taken, those of connections that are just going included.
    taken: usize,
    /// By address and age.
    newcomers: HashMap<IpAddr, BTreeMap<u64, Arc<Open>>>,
    /// By age.
    known: BTreeMap<u64, Arc<Open>>,
    told: Option<Instant>,
}

/// What becomes of a connection that comes.
#[derive(Debug)]
pub(super) enum Admission {
    /// It has a place.
    In(Place),
    /// Once this one, which was told to go, is gone.
    Instead(Arc<Open>),
    /// Everybody has something under way; ask again after [`Connections::change`].
    Full,
}

/// The place of a connection, given back by drop.
#[derive(Debug)]
pub(super) struct Place(pub(super) Arc<Open>);

impl Drop for Place {
    fn drop(&mut self) {
        let open = &self.0;
        let mut inner = open.table.lock();
        inner.forget(open);
        inner.taken -= 1;
        drop(inner);
        open.gone.cancel();
        open.table.changed.notify_one();
    }
}

impl Connections {
    pub(super) fn new(limits: &HttpLimits) -> Self {
        Self {
            max: limits.connections_max.max(1),
            newcomers_per_address_max: limits.newcomers_per_address_max.max(1),
            inner: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// A place for a connection from this address, or who goes for it. Those of a proxy that configuration names are its clients', and many.
    pub(super) fn admit(self: &Arc<Self>, network: IpAddr, of_proxy: bool) -> Admission {
        let mut inner = self.lock();
        let own = inner.newcomers.get(&network).map_or(0, BTreeMap::len);
        if !of_proxy && own >= self.newcomers_per_address_max {
            return match inner.oldest_newcomer(network) {
                Some(open) => inner.send_away(open, "one address has too many connections that show no credential"),
                None => Admission::Full,
            };
        }
        if inner.taken >= self.max {
            return match inner.newcomer_of_the_largest().or_else(|| inner.idle_of_the_largest()) {
                Some(open) => inner.send_away(open, "all connections are taken (server.connections_max)"),
                None => Admission::Full,
            };
        }
        let id = inner.next;
        inner.next += 1;
        inner.taken += 1;
        let open = Arc::new(Open::new(id, network, Arc::clone(self)));
        inner.newcomers.entry(network).or_default().insert(id, Arc::clone(&open));
        Admission::In(Place(open))
    }

    /// Until a place may be free.
    pub(super) async fn change(&self) {
        self.changed.notified().await;
    }

    /// Something may be idle now.
    pub(super) fn changed(&self) {
        self.changed.notify_one();
    }

    /// A credential was shown over this connection.
    pub(super) fn known(&self, open: &Open) {
        let mut inner = self.lock();
        // One that was told to go is in no list any more.
        if let Some(open) = inner.forget(open) {
            inner.known.insert(open.id, open);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it is held.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn oldest_newcomer(&self, network: IpAddr) -> Option<Arc<Open>> {
        self.newcomers.get(&network)?.values().next().map(Arc::clone)
    }

    /// The oldest one; among addresses with as many of them the oldest of all.
    fn newcomer_of_the_largest(&self) -> Option<Arc<Open>> {
        let size = |newcomers: &&BTreeMap<u64, Arc<Open>>| (newcomers.len(), Reverse(newcomers.keys().next().copied()));
        self.newcomers.values().max_by_key(size)?.values().next().map(Arc::clone)
    }

    fn idle_of_the_largest(&self) -> Option<Arc<Open>> {
        let idle: Vec<(Arc<str>, &Arc<Open>)> =
            self.known.values().filter_map(|open| Some((open.idle()?, open))).collect();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for (holder, _) in &idle {
            *counts.entry(holder).or_default() += 1;
        }
        let most = counts.values().max().copied()?;
        // By age, so the first one found is the oldest.
        idle.iter().find(|(holder, _)| counts.get(&**holder) == Some(&most)).map(|(_, open)| Arc::clone(open))
    }

    fn send_away(&mut self, open: Arc<Open>, why: &'static str) -> Admission {
        self.forget(&open);
        let now = Instant::now();
        if self.told.is_none_or(|told| now - told >= TOLD_EVERY) {
            self.told = Some(now);
            tracing::warn!(address = %open.network, "{why}: the oldest is closed for the next one");
        }
        match open.idle() {
            // A request that comes at this very moment is still answered.
            Some(_) => open.retire.cancel(),
            None => open.close.cancel(),
        }
        Admission::Instead(open)
    }

    /// Takes it out of the lists; `None` when it is in none.
    fn forget(&mut self, open: &Open) -> Option<Arc<Open>> {
        let newcomer = self.newcomers.get_mut(&open.network).and_then(|newcomers| newcomers.remove(&open.id));
        if self.newcomers.get(&open.network).is_some_and(BTreeMap::is_empty) {
            self.newcomers.remove(&open.network);
        }
        newcomer.or_else(|| self.known.remove(&open.id))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(max: usize, per_address: usize) -> Arc<Connections> {
        let limits =
            HttpLimits { connections_max: max, newcomers_per_address_max: per_address, ..HttpLimits::default() };
        Arc::new(Connections::new(&limits))
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([203, 0, 113, last])
    }

    /// The place of one that must be let in at once.
    fn enter(table: &Arc<Connections>, from: u8) -> Place {
        match table.admit(address(from), false) {
            Admission::In(place) => place,
            other => panic!("{other:?}"),
        }
    }

    fn goes(table: &Arc<Connections>, from: u8) -> Option<u64> {
        match table.admit(address(from), false) {
            Admission::Instead(open) => Some(open.id),
            Admission::Full => None,
            Admission::In(place) => panic!("{place:?}"),
        }
    }

    #[test]
    fn an_address_with_too_many_newcomers_loses_its_own_oldest() {
        let table = table(100, 2);
        let places = [enter(&table, 1), enter(&table, 2), enter(&table, 1)];
        assert_eq!(goes(&table, 1), Some(places[0].0.id));
        assert!(places[0].0.close.is_cancelled() && !places[1].0.close.is_cancelled());
        let known = enter(&table, 1);
        known.0.prove(&"token".into());
        let _third = enter(&table, 1);
        assert_eq!(goes(&table, 1), Some(places[2].0.id), "who has shown a credential does not count");
        assert!(matches!(table.admit(address(9), true), Admission::In(_)));
    }

    #[test]
    fn when_all_places_are_taken_the_largest_holder_makes_room() {
        let table = table(4, 3);
        let crowd = [enter(&table, 1), enter(&table, 1)];
        let single = enter(&table, 2);
        let known = enter(&table, 3);
        known.0.prove(&"token".into());
        let under_way = known.0.begin();
        assert_eq!(goes(&table, 4), Some(crowd[0].0.id));
        drop(crowd);
        let two = [enter(&table, 4), enter(&table, 5)];
        assert_eq!(goes(&table, 6), Some(single.0.id), "the oldest among equals");
        drop((single, two));
        let places: Vec<Place> = (0..3).map(|_| enter(&table, 7)).collect();
        let busy: Vec<_> = places.iter().map(|place| (place.0.prove(&"other".into()), place.0.begin())).collect();
        assert_eq!(goes(&table, 8), None, "everybody has something under way");
        drop(under_way);
        assert_eq!(goes(&table, 8), Some(known.0.id));
        assert!(known.0.retire.is_cancelled() && !known.0.close.is_cancelled());
        drop(busy);
    }

    proptest! {
        /// Whatever comes and goes: never more than the limits, a newcomer is let in when one other connection is newcomer or
        /// idle, and nobody with a credential and something under way is ever told to go.
        #[test]
        fn limits_hold(steps in proptest::collection::vec((0..4_u8, 0..5_u8, any::<prop::sample::Index>()), 0..200)) {
            let table = table(8, 3);
            let mut places: Vec<(Place, Option<super::super::open::UnderWay>)> = Vec::new();
            for (from, action, index) in steps {
                match action {
                    0 | 1 => match table.admit(address(from), false) {
                        Admission::In(place) => places.push((place, None)),
                        Admission::Instead(open) => {
                            let at = places.iter().position(|(place, _)| place.0.id == open.id).expect("is open");
                            let (place, under_way) = places.swap_remove(at);
                            prop_assert!(under_way.is_none() || place.0.close.is_cancelled());
                            drop((place, under_way));
                            let now = table.admit(address(from), false);
                            prop_assert!(matches!(now, Admission::In(_)), "{:?}", now);
                        }
                        Admission::Full => {
                            let busy = places.iter().all(|(place, held)| place.0.idle().is_none() && held.is_some());
                            prop_assert!(busy, "somebody could have made room");
                        }
                    },
                    _ if places.is_empty() => {}
                    2 => index.get(&places).0.0.prove(&format!("t{from}").into()),
                    3 => {
                        let at = index.index(places.len());
                        let under_way = places[at].0.0.begin();
                        places[at].1.get_or_insert(under_way);
                    }
                    _ => drop(places.swap_remove(index.index(places.len()))),
                }
                prop_assert!(places.len() <= 8);
                for from in 0..4 {
                    let newcomers = table.lock().newcomers.get(&address(from)).map_or(0, BTreeMap::len);
                    prop_assert!(newcomers <= 3);
                }
                prop_assert_eq!(table.lock().taken, places.len());
            }
        }
    }
}
