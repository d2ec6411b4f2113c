//! The store on SQLite: the engine's contract, and the log on top of it.

#![expect(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod contract;
mod crash;
mod damaged;
mod full;
mod log;
mod rescue;
mod rival;
