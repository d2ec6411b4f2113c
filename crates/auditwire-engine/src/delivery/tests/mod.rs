//! Delivery over real sockets on loopback, with a real log on the store in memory.

mod active;
mod breaks;
mod fixtures;
mod gaps;
mod relp;
mod udp;
