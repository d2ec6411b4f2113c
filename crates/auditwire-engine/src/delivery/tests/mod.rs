//! Delivery over real sockets on loopback, with a real log on the store in memory.

mod active;
mod blind;
mod breaks;
mod causes;
mod defects;
mod descriptors;
pub(crate) mod fixtures;
mod fresh;
mod gaps;
mod half_closed;
mod quarantine;
mod relp;
mod udp;
mod worn;
