//! What Auditwire does, and the store it needs for that. Start with [`Engine`]: every verb takes it, then the
//! [`Caller`](auditwire_model::access::Caller), then what is asked.
//!
//! No SQL, no HTTP, no configuration files, no reading of the environment in this crate.

pub mod alerts;
pub mod audit;
pub mod clock;
mod conflicts;
pub mod connections;
pub mod delivery;
mod denials;
mod engine;
pub mod error;
pub mod export;
pub mod history;
mod idempotency;
pub mod intake;
pub mod log;
pub mod people;
mod permits;
pub mod projects;
pub mod readiness;
pub mod reading;
mod recent;
pub mod records;
mod refused;
pub mod repeats;
pub mod replays;
pub mod retention;
pub mod search;
pub mod secrets;
pub mod store;
pub mod tasks;
pub mod tokens;
mod windows;

pub use denials::{Denied, denied};
pub use engine::{Engine, Settings, task_failed};
pub use error::{Error, Kind, Result};
