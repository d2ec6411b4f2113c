//! Delivery over real sockets on loopback, with a real log on the store in memory.

mod active;
mod blind;
mod breaks;
mod defects;
pub(crate) mod fixtures;
mod fresh;
mod gaps;
mod quarantine;
mod relp;
mod udp;
