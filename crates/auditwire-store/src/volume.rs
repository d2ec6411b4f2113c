//! The volume that holds the data directory: how full it is, and the room that is taken in advance.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use auditwire_engine::log::{Disk, Space};

/// The file inside the data directory that holds the reserve.
const FILE: &str = "reserve";
/// So much of the reserve stays when the rest is given up: a start on a volume that is full to the brim needs room for SQLite's index
/// of the write-ahead log, without which nothing can be read.
const LAST_BYTES: u64 = 1 << 20;
/// With less the store may not open.
const START_BYTES: u64 = 512 << 10;

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

    /// Gives up as much of the reserve as it takes to open the store; nothing where there is room. The guard of the volume takes
    /// it again.
    pub fn make_room_to_start(&self) {
        for left in [LAST_BYTES, 0] {
            if !self.is_full() {
                return;
            }
            // What cannot be given up is told by whoever needs the room.
            let _ = self.give_up(left);
        }
    }

    /// There is too little room to open the store.
    fn is_full(&self) -> bool {
        self.space().is_ok_and(|space| space.free < START_BYTES)
    }

    /// Leaves so much of the reserve at most.
    fn give_up(&self, left: u64) -> io::Result<()> {
        let path = self.dir.join(FILE);
        let found = match std::fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found?.len(),
        };
        if left == 0 {
            return std::fs::remove_file(&path);
        }
        if found > left { OpenOptions::new().write(true).open(&path)?.set_len(left) } else { Ok(()) }
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
            return self.give_up(LAST_BYTES.min(self.reserve_bytes));
        }
        if std::fs::metadata(&path).is_ok_and(|found| found.len() == self.reserve_bytes) {
            return Ok(());
        }
        take(&path, self.reserve_bytes).inspect_err(|_| {
            // What a start may need is more likely to fit.
            let _ = take(&path, LAST_BYTES.min(self.reserve_bytes));
        })
    }
}

/// Takes real room, or none.
fn take(path: &Path, bytes: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let taken = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes);
    if taken.is_err() {
        // A file that is too short would look like a reserve.
        let _ = std::fs::remove_file(path);
    }
    Ok(taken?)
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
        let volume = Volume::new(dir.path(), 3 << 20);
        volume.reserve(true).unwrap();
        let length = || std::fs::metadata(dir.path().join("reserve")).map(|file| file.len()).ok();
        assert_eq!(length(), Some(3 << 20));
        volume.reserve(false).unwrap();
        volume.reserve(false).unwrap();
        assert_eq!(length(), Some(LAST_BYTES), "the last of it is for the next start");
        volume.make_room_to_start();
        assert_eq!(length(), Some(LAST_BYTES), "there is room");
        volume.give_up(0).unwrap();
        volume.reserve(false).unwrap();
        assert_eq!(length(), None, "what is not there is not made when room is given up");
        volume.reserve(true).unwrap();
        Volume::new(dir.path(), 0).reserve(true).unwrap();
        assert!(!dir.path().join("reserve").exists());
    }
}
