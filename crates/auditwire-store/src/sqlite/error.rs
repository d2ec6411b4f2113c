//! What SQLite's errors mean to the engine.

use auditwire_engine::store::StoreError;
use sqlx::migrate::MigrateError;

// Extended result codes (sqlite3.h).
const FULL: i32 = 13;
const CORRUPT: i32 = 11;
const NOT_NULL: i32 = 19 | (5 << 8);
const NOT_A_DATABASE: i32 = 26;
const IO_SHM_SIZE: i32 = 10 | (19 << 8);
const IO_CORRUPT_FS: i32 = 10 | (33 << 8);
const IO_FSYNC: i32 = 10 | (4 << 8);
const IO_DIR_FSYNC: i32 = 10 | (5 << 8);

/// A full disk, damage and an unconfirmed sync are told apart from everything else.
pub(super) fn from_sqlx(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|e| e.code()).and_then(|c| c.parse::<i32>().ok());
    match code {
        // The index of the write-ahead log could not grow: also a full disk.
        Some(FULL | IO_SHM_SIZE) => StoreError::Full(Box::new(error)),
        Some(IO_FSYNC | IO_DIR_FSYNC) => StoreError::Unsynced(Box::new(error)),
        // Only another process's mark makes a blob NULL (`commit.rs`).
        Some(NOT_NULL) if error.to_string().contains("groups.blob") => StoreError::Rival,
        Some(code) if matches!(code & 0xff, CORRUPT | NOT_A_DATABASE) || code == IO_CORRUPT_FS => {
            StoreError::Malformed(error.to_string())
        }
        // SQLite's thread is gone, and with it what it was doing: nothing can be written over this connection any more. What is
        // read goes over another one.
        _ if matches!(error, sqlx::Error::WorkerCrashed) => StoreError::Unsynced(Box::new(error)),
        _ => StoreError::Failed(Box::new(error)),
    }
}

pub(super) fn from_migration(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) => StoreError::Newer(format!(
            "the data was written by a newer version of Auditwire (tables of version {version}); use that version"
        )),
        MigrateError::Execute(error) => from_sqlx(error),
        other => StoreError::Failed(Box::new(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else every post would fail for ever, and nothing would tell why.
    #[test]
    fn a_writer_whose_thread_is_gone_ends_the_process() {
        assert!(matches!(from_sqlx(sqlx::Error::WorkerCrashed), StoreError::Unsynced(_)));
        assert!(matches!(from_sqlx(sqlx::Error::PoolTimedOut), StoreError::Failed(_)));
    }
}
