//! Looks whether the data directory and its files are still the ones that were opened, and whether its lock still stands
//! under its name. A file that was removed or that something was mounted over goes on working for whoever has it open:
//! what is written to it would be lost without a word.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auditwire_engine::log::Folder;
use parking_lot::Mutex;

use super::{DATABASE, DirError, LOCK, failed, open_lock, write_pid, written_pid};

/// Device and inode: which file a name leads to.
type Id = (u64, u64);

/// See [`Folder`]; made by [`DataDir::watch`](super::DataDir::watch).
#[derive(Debug)]
pub struct FolderWatch {
    /// The directory first: when it is gone, everything is.
    known: Vec<(PathBuf, Id)>,
    lock_path: PathBuf,
    lock: Arc<Mutex<File>>,
}

impl FolderWatch {
    pub(super) fn new(dir: &Path, lock: Arc<Mutex<File>>) -> Result<Self, DirError> {
        let mut known = vec![(dir.to_owned(), id(dir).map_err(failed(dir))?)];
        // The index of the write-ahead log carries SQLite's locks: without it others would not see them.
        for name in [DATABASE, "log.sqlite-wal", "log.sqlite-shm", "segments"] {
            let path = dir.join(name);
            match id(&path) {
                Ok(found) => known.push((path, found)),
                Err(error) if error.kind() == io::ErrorKind::NotFound && name.ends_with("-shm") => {}
                Err(error) => return Err(failed(&path)(error)),
            }
        }
        Ok(Self { known, lock_path: dir.join(LOCK), lock })
    }
}

impl Folder for FolderWatch {
    fn there(&self) -> Result<(), String> {
        for (path, was) in &self.known {
            match id(path) {
                Ok(now) if now == *was => {}
                Ok(_) => return Err(format!("{} is another one than was opened", path.display())),
                Err(error) if is_gone(&error) => return Err(format!("{} is gone: {error}", path.display())),
                // It does not say that the file is gone; whoever needs it meets the error.
                Err(_) => {}
            }
        }
        Ok(())
    }

    fn ours(&self) -> Result<bool, String> {
        let mut held = self.lock.lock();
        let ours = held.metadata().map(|found| (found.dev(), found.ino()));
        match (ours, id(&self.lock_path)) {
            (Ok(ours), Ok(found)) if ours == found => return Ok(true),
            (Ok(_), Ok(_)) => {}
            (Ok(_), Err(error)) if error.kind() == io::ErrorKind::NotFound => {}
            // Nothing can be told; the lock of the data file stands.
            _ => return Ok(true),
        }
        let Ok(mut anew) = open_lock(&self.lock_path) else { return Ok(true) };
        match anew.try_lock() {
            Ok(()) => {
                // Whose it is, is for people; a full disk may keep it from being written.
                let _ = write_pid(&mut anew);
                *held = anew;
                Ok(false)
            }
            Err(TryLockError::WouldBlock) => {
                let pid = written_pid(&mut anew).map_or_else(|| "(unknown)".to_owned(), |pid| pid.to_string());
                Err(format!("{} was replaced, and process {pid} holds it", self.lock_path.display()))
            }
            Err(TryLockError::Error(_)) => Ok(true),
        }
    }
}

fn id(path: &Path) -> io::Result<Id> {
    std::fs::metadata(path).map(|found| (found.dev(), found.ino()))
}

/// There is no such file, or nothing behind it any more.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound, StaleNetworkFileHandle};
    let gone = [rustix::io::Errno::IO, rustix::io::Errno::NODEV, rustix::io::Errno::NXIO, rustix::io::Errno::NOTCONN];
    matches!(error.kind(), NotFound | NotADirectory | StaleNetworkFileHandle)
        || error.raw_os_error().is_some_and(|code| gone.iter().any(|errno| errno.raw_os_error() == code))
}

#[cfg(test)]
mod tests {
    use super::super::DataDir;
    use super::*;

    fn folder() -> (tempfile::TempDir, DataDir, FolderWatch) {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let mut data = DataDir::lock(&path).unwrap();
        data.lock_database().unwrap();
        std::fs::write(path.join("log.sqlite-wal"), "").unwrap();
        std::fs::create_dir(path.join("segments")).unwrap();
        let watch = data.watch().unwrap();
        (parent, data, watch)
    }

    #[test]
    fn what_is_gone_or_another_one_is_named() {
        for name in ["log.sqlite", "log.sqlite-wal", "segments", ""] {
            let (parent, data, watch) = folder();
            assert_eq!(watch.there(), Ok(()));
            let (path, aside) = (data.path().join(name), parent.path().join("aside"));
            std::fs::rename(&path, &aside).unwrap();
            assert!(watch.there().unwrap_err().contains("is gone"), "{name}");
            if path.extension().is_some() {
                std::fs::copy(&aside, &path).unwrap();
            } else {
                std::fs::create_dir(&path).unwrap();
            }
            assert!(watch.there().unwrap_err().contains("another one"), "{name}");
        }
    }

    #[test]
    fn a_lock_file_that_is_gone_is_made_and_locked_anew_and_a_rival_is_told() {
        let (_parent, data, watch) = folder();
        let path = data.path().join(LOCK);
        assert_eq!(watch.ours(), Ok(true));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(watch.ours(), Ok(false));
        assert_eq!(watch.ours(), Ok(true));
        assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), std::process::id().to_string());
        assert!(open_lock(&path).unwrap().try_lock().is_err(), "nobody else can lock it");
        std::fs::remove_file(&path).unwrap();
        let rival = open_lock(&path).unwrap();
        rival.try_lock().unwrap();
        std::fs::write(&path, "4711\n").unwrap();
        let told = watch.ours().unwrap_err();
        assert!(told.contains("4711"), "{told}");
    }
}
