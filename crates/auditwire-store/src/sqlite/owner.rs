//! The mark of the process that opened the store last. Locks can be lost (a lock file that is removed, a file system without
//! them); then two processes would give the same positions to different events, and the number of a rival's group would
//! pass for one's own. So each transaction that writes finds the mark of its own opening, or writes nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use auditwire_engine::store::StoreError;
use sqlx::SqliteConnection;

use super::error::from_sqlx;

/// Takes the place of the mark ?2 by ?1; nothing happens when another one is there.
const CLAIM: &str = "UPDATE owner SET mark = ?1, since = unixepoch() WHERE mark = ?2";

/// What this opening wrote, or is to write.
#[derive(Debug)]
pub(super) struct Owner {
    mark: [u8; 16],
    /// What was there before.
    before: Vec<u8>,
    /// It is written. On a full disk that waits for the first commit: reading needs no mark.
    claimed: AtomicBool,
}

impl Owner {
    /// Puts a new mark.
    pub(super) async fn claim(writer: &mut SqliteConnection) -> Result<Self, StoreError> {
        let before = sqlx::query_scalar("SELECT mark FROM owner").fetch_one(&mut *writer).await.map_err(from_sqlx)?;
        let owner = Self { mark: rand::random(), before, claimed: AtomicBool::new(false) };
        match owner.write(writer).await {
            Ok(()) => owner.claimed.store(true, Ordering::Relaxed),
            Err(StoreError::Full(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(owner)
    }

    /// The mark that must be in the store for this process to go on.
    pub(super) fn expected(&self) -> Vec<u8> {
        if self.claimed.load(Ordering::Relaxed) { self.mark.to_vec() } else { self.before.clone() }
    }

    /// Writes the mark if that could not be done before. The caller is the only one that writes.
    pub(super) async fn ensure(&self, writer: &mut SqliteConnection) -> Result<(), StoreError> {
        if !self.claimed.load(Ordering::Relaxed) {
            self.write(writer).await?;
            self.claimed.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn write(&self, writer: &mut SqliteConnection) -> Result<(), StoreError> {
        let done = sqlx::query(CLAIM).bind(self.mark.to_vec()).bind(self.before.clone()).execute(writer).await;
        if done.map_err(from_sqlx)?.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Rival) }
    }

    /// Whether the store is still this process's. The mark that was there before says so, too: nobody has put one since.
    pub(super) fn check(&self, found: &[u8]) -> Result<(), StoreError> {
        if found == self.mark || found == self.before { Ok(()) } else { Err(StoreError::Rival) }
    }
}
