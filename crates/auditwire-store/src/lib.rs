//! Auditwire's store on SQLite: the data directory with its lock ([`DataDir`]) and the engine's store trait
//! ([`SqliteStore`]). The tables are described in `docs/formats/store.md`.
//!
//! No rules of the product in this crate.

mod dir;
mod sqlite;

pub use dir::{DataDir, DirError};
pub use sqlite::{SqliteOptions, SqliteStore};
