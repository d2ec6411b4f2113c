//! Auditwire's store on SQLite: the data directory with its locks ([`DataDir`]) and the watch over it ([`FolderWatch`]), the engine's store trait
//! ([`SqliteStore`]), the folder for the files of sealed events ([`open_segments`]), and the
//! volume they lie on ([`Volume`]). The tables are described in `docs/formats/store.md`.
//!
//! No rules of the product in this crate.

mod copy;
mod dir;
mod rescue;
mod segments;
mod sqlite;
mod volume;

pub use copy::{Copied, CopyError, copy};
pub use dir::{DataDir, DirError, FolderWatch};
pub use object_store::ObjectStore;
pub use rescue::{Rescued, RescuedProject, rescue};
pub use segments::{open_segments, refuse_segments_alone};
pub use sqlite::{SqliteOptions, SqliteStore};
pub use volume::Volume;
