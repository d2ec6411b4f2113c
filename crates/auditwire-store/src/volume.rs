//! The volume that holds the data directory: how full it is, and the room that is taken in advance.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use auditwire_engine::log::{Disk, Space};

/// The file inside the data directory that holds the reserve.
const FILE: &str = "reserve";

/// See [`Disk`].
#[derive(Debug)]
pub struct Volume {
    dir: PathBuf,
    reserve_bytes: u64,
}

impl Volume {
    /// The volume of a data directory, with a reserve of so many bytes (0: none).
    #[must_use]
    pub fn new(dir: &Path, reserve_bytes: u64) -> Self {
        Self { dir: dir.to_owned(), reserve_bytes }
    }
}

impl Disk for Volume {
    fn space(&self) -> io::Result<Space> {
        let told = rustix::fs::statvfs(&self.dir)?;
        // What is kept for the system's administrator counts as used: this process cannot have it.
        let kept = told.f_bfree.saturating_sub(told.f_bavail);
        let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
        Ok(Space { total: bytes(told.f_blocks.saturating_sub(kept)), free: bytes(told.f_bavail) })
    }

    fn reserve(&self, keep: bool) -> io::Result<()> {
        let path = self.dir.join(FILE);
        if !keep || self.reserve_bytes == 0 {
            return match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        if std::fs::metadata(&path).is_ok_and(|found| found.len() == self.reserve_bytes) {
            return Ok(());
        }
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        let taken = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, self.reserve_bytes);
        if taken.is_err() {
            // A file that is too short would look like a reserve.
            let _ = std::fs::remove_file(&path);
        }
        Ok(taken?)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn the_reserve_takes_real_room_and_gives_it_back() {
        let dir = tempfile::tempdir().unwrap();
        let volume = Volume::new(dir.path(), 300_000);
        let space = volume.space().unwrap();
        assert!(space.total > 0 && space.free <= space.total, "{space:?}");
        volume.reserve(true).unwrap();
        volume.reserve(true).unwrap();
        let file = std::fs::metadata(dir.path().join("reserve")).unwrap();
        assert_eq!(file.len(), 300_000);
        assert!(file.blocks() * 512 >= 300_000);
        volume.reserve(false).unwrap();
        volume.reserve(false).unwrap();
        assert!(!dir.path().join("reserve").exists());
        Volume::new(dir.path(), 0).reserve(true).unwrap();
        assert!(!dir.path().join("reserve").exists());
    }
}
