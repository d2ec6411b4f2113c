//! Sweeping: files that this store wrote and no row names go. They are left by a crash between a file and its commit, by
//! merges and by retention, and the store has noted each by name: whatever else lies there is not ours to remove. Nobody
//! begins to read them, and those who have begun get some time.

use std::collections::{BTreeMap, HashSet};

use object_store::ObjectStoreExt as _;
use tokio::time::Instant;

use super::commit::Step;
use super::upkeep::Keeper;
use super::{Submission, error};
use crate::error::Result;
use crate::store::{FileNote, Left, LeftFile};

/// The files that may go, and when. By the monotonic clock: the one on the wall may jump, and what it takes with it is not
/// got back.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    due: BTreeMap<String, Due>,
    /// None has been left since they were looked for.
    known: bool,
}

#[derive(Debug, Clone, Copy)]
struct Due {
    at: Instant,
    /// It was removed. Its note stays as long again: the removal itself is not synced, and a file that a power loss brings back
    /// must not pass for somebody else's.
    removed: bool,
}

impl Keeper {
    /// Files have lost their rows.
    pub(super) fn look_for_leftovers(&mut self) {
        self.leftovers.known = false;
    }

    /// Removes the leftovers whose time is over.
    pub(super) async fn sweep(&mut self) -> Result<()> {
        if !self.leftovers.known {
            self.find_leftovers().await?;
        }
        let now = Instant::now();
        let due = self.leftovers.due.iter().filter(|(_, due)| due.at <= now);
        let (forgotten, removed): (Vec<_>, Vec<_>) = due.partition(|(_, due)| due.removed);
        let names = |due: Vec<(&String, &Due)>| due.into_iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let (forgotten, removed) = (names(forgotten), names(removed));
        self.remove(removed, now).await?;
        if !forgotten.is_empty() {
            let files = forgotten.iter().cloned().map(FileNote::Gone).collect();
            self.commit(Step { files, ..Step::default() }, Submission::default()).await?;
            self.leftovers.due.retain(|name, _| !forgotten.contains(name));
        }
        Ok(())
    }

    async fn remove(&mut self, names: Vec<String>, now: Instant) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let named = self.shared.store.segments().await.map_err(error::read)?;
        let named: HashSet<&str> = named.iter().map(|(segment, _)| segment.name.as_str()).collect();
        for name in names {
            if named.contains(name.as_str()) {
                tracing::error!(name, "a file was to be removed that a segment needs; it stays");
            } else if !self.missing.is_empty() {
                // Not while the store names what is not there: it may not be the one that has the last word.
                continue;
            } else {
                match self.shared.objects.delete(&name.as_str().into()).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(source) => return Err(error::segment_not_removed(&name, source)),
                }
            }
            self.leftovers.due.insert(name, Due { at: now + self.shared.settings.seal.grace, removed: true });
        }
        Ok(())
    }

    /// What the store says of them.
    async fn find_leftovers(&mut self) -> Result<()> {
        let left = self.shared.store.left_files().await.map_err(error::read)?;
        let (known, now) = (std::mem::take(&mut self.leftovers.due), Instant::now());
        let due = |LeftFile { name, why }: LeftFile| {
            // Nobody else writes: what was begun and is not being written now has come to no end, and no reader knows it.
            let grace = if why == Left::Writing { std::time::Duration::ZERO } else { self.shared.settings.seal.grace };
            let due = known.get(&name).copied().unwrap_or(Due { at: now + grace, removed: false });
            (name, due)
        };
        let due = left.into_iter().map(due).collect();
        self.leftovers = Leftovers { due, known: true };
        Ok(())
    }
}

/// The name of a segment's file: `<10 digits>-<8 hex digits>.parquet`. Its number; `None` for any other name.
#[must_use]
pub fn segment_number(name: &str) -> Option<u64> {
    let (id, random) = name.strip_suffix(".parquet").and_then(|stem| stem.split_once('-'))?;
    let is_ours = id.len() >= 10
        && id.bytes().all(|b| b.is_ascii_digit())
        && random.len() == 8
        && random.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    is_ours.then(|| id.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_with_a_segments_name_are_ours() {
        assert_eq!(segment_number("0000000001-00c0ffee.parquet"), Some(1));
        assert_eq!(segment_number("12345678901-00c0ffee.parquet"), Some(12_345_678_901));
        for other in
            ["notes.txt", "0000000001-00c0ffee.parquet.bak", "1-00c0ffee.parquet", "0000000001-00C0FFEE.parquet"]
        {
            assert_eq!(segment_number(other), None, "{other}");
        }
    }
}
