//! The data directory: private to its owner, and used by one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A locked data directory. The lock (`flock` on `DIR/lock`) goes with the process, however that ends; the file's mere
/// presence means nothing.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    // Held for its lock.
    _lock: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    /// Another process uses it; `pid` is what that process wrote into the lock file.
    #[error("{} is in use by process {}", path.display(), pid.map_or_else(|| "(unknown)".to_owned(), |p| p.to_string()))]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process that was first.
        pid: Option<u32>,
    },
    /// It cannot be made, opened or written.
    #[error("the data directory {} cannot be used", path.display())]
    Io {
        /// The directory or the file in it.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl DataDir {
    /// Makes the directory if needed (mode 0700; a wider mode is narrowed), takes its lock and writes this process's id
    /// into the lock file. What an earlier version or a restored backup left readable by others in it is narrowed, too: folders
    /// to 0700, files to 0600.
    ///
    /// # Errors
    /// [`DirError::InUse`] names the process that holds it.
    pub fn lock(path: &Path) -> Result<Self, DirError> {
        let failed = |at: &Path| {
            let path = at.to_owned();
            move |source| DirError::Io { path, source }
        };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(failed(path))?;

        let lock_path = path.join("lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut lock = options.open(&lock_path).map_err(failed(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DirError::InUse { path: path.to_owned(), pid: written_pid(&mut lock) });
            }
            Err(TryLockError::Error(source)) => return Err(DirError::Io { path: lock_path, source }),
        }
        narrow(path)?;
        lock.set_len(0).map_err(failed(&lock_path))?;
        writeln!(lock, "{}", std::process::id()).map_err(failed(&lock_path))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Takes away what others may do with the files in `folder`. Links are not followed: what they lead to is not ours.
fn narrow(folder: &Path) -> Result<(), DirError> {
    let failed = |at: &Path| {
        let path = at.to_owned();
        move |source| DirError::Io { path, source }
    };
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        let found = std::fs::symlink_metadata(&path).map_err(failed(&path))?;
        let mode = found.permissions().mode() & 0o7777;
        if found.is_symlink() {
            continue;
        }
        if mode & 0o077 != 0 {
            let narrowed = std::fs::Permissions::from_mode(mode & 0o700);
            match std::fs::set_permissions(&path, narrowed) {
                // Somebody else's file. The folder around it lets nobody else in.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                result => result.map_err(failed(&path))?,
            }
        }
        if found.is_dir() {
            narrow(&path)?;
        }
    }
    Ok(())
}

fn written_pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_names_the_first_process_and_a_released_one_is_free() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep/data");
        let first = DataDir::lock(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        match DataDir::lock(&path) {
            Err(DirError::InUse { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("locked twice: {other:?}"),
        }
        drop(first);
        assert_eq!(DataDir::lock(&path).unwrap().path(), path);
    }

    #[test]
    fn an_open_directory_is_narrowed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let _lock = DataDir::lock(dir.path()).unwrap();
        assert_eq!(std::fs::metadata(dir.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn what_lies_in_it_is_narrowed_and_what_a_link_leads_to_is_not() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
        let wide =
            |path: &Path, mode: u32| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let segments = dir.path().join("segments");
        std::fs::create_dir(&segments).unwrap();
        let files = [dir.path().join("log.sqlite"), dir.path().join("log.sqlite-wal"), segments.join("1.parquet")];
        for file in &files {
            std::fs::write(file, "x").unwrap();
            wide(file, 0o644);
        }
        wide(&segments, 0o755);
        wide(other.path(), 0o644);
        std::os::unix::fs::symlink(other.path(), dir.path().join("link")).unwrap();
        let _lock = DataDir::lock(dir.path()).unwrap();
        assert_eq!(files.iter().map(|file| mode(file)).collect::<Vec<_>>(), [0o600; 3]);
        assert_eq!((mode(&segments), mode(other.path())), (0o700, 0o644));
    }
}
