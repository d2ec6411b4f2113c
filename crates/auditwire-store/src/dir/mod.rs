//! The data directory: private to its owner, and used by one process at a time.

mod holder;
mod watch;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

pub use watch::FolderWatch;

/// The file whose lock people see, and that says which process has it.
const LOCK: &str = "lock";
/// The data file of SQLite.
pub(crate) const DATABASE: &str = "log.sqlite";

/// A locked data directory. There are two locks (`flock`), and they go with the process, however that ends: one on
/// `DIR/lock`, whose mere presence means nothing, and one on `DIR/log.sqlite`, which stands also when somebody removed the
/// first file. SQLite's own locks are of another kind and do not meet the second one. But they all go when **any**
/// descriptor of `log.sqlite` is closed in this process: so this value must outlive every [`SqliteStore`](crate::SqliteStore)
/// in the directory, and nothing else may open that file.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    // Shared with the watch, which makes it anew when its file is gone.
    lock: Arc<Mutex<File>>,
    database: Option<File>,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    /// Another process uses it; `pid` is what that process wrote into the lock file, or who holds the lock of the data file.
    #[error("{} is in use by process {}", path.display(), pid.map_or_else(|| "(unknown)".to_owned(), |p| p.to_string()))]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The process that was first.
        pid: Option<u32>,
    },
    /// What a store left is there, and the store itself is not.
    #[error(
        "{} holds {files} files of sealed events{} and no store (log.sqlite): a new one would begin a second history beside them. Put \
         the back-up of log.sqlite back; or make a new store from the files with `auditwire store adopt --data {}` (events come back; \
         connections, tokens and people do not); or name another folder [segments_without_store]",
        path.display(),
        if *wal { ", a write-ahead log (log.sqlite-wal)" } else { "" },
        path.display()
    )]
    NoStore {
        /// The directory.
        path: PathBuf,
        /// How many files of sealed events it has.
        files: usize,
        /// It has a write-ahead log.
        wal: bool,
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
    /// to 0700, files to 0600. The data file is locked, too, when there is one; else [`lock_database`](Self::lock_database)
    /// makes it.
    ///
    /// # Errors
    /// [`DirError::InUse`] names the process that holds it.
    pub fn lock(path: &Path) -> Result<Self, DirError> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(failed(path))?;
        // The data file first: whoever comes second must not so much as make a lock file that was removed, lest the first
        // process takes it for a rival's.
        let database = match open_database(path, false) {
            Ok(file) => Some(hold_database(path, file)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(failed(&path.join(DATABASE))(source)),
        };
        let lock_path = path.join(LOCK);
        let mut lock = open_lock(&lock_path).map_err(failed(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DirError::InUse { path: path.to_owned(), pid: written_pid(&mut lock) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(&lock_path)(source)),
        }
        narrow(path)?;
        write_pid(&mut lock).map_err(failed(&lock_path))?;
        Ok(Self { path: path.to_owned(), lock: Arc::new(Mutex::new(lock)), database })
    }

    /// Makes the data file (empty, mode 0600) if there is none, and takes its lock. To be called before SQLite opens it, and
    /// after everything that could find the directory unfit: an empty data file beside segments would look like a store.
    ///
    /// # Errors
    /// [`DirError::InUse`] when another process holds it.
    pub fn lock_database(&mut self) -> Result<(), DirError> {
        if self.database.is_none() {
            let file = open_database(&self.path, true).map_err(failed(&self.path.join(DATABASE)))?;
            self.database = Some(hold_database(&self.path, file)?);
        }
        Ok(())
    }

    /// What looks from now on whether the directory and its files are where they are now. To be called when the store and
    /// the folder of segments are open.
    ///
    /// # Errors
    /// [`DirError::Io`] when they are not there.
    pub fn watch(&self) -> Result<FolderWatch, DirError> {
        FolderWatch::new(&self.path, Arc::clone(&self.lock))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

pub(crate) fn failed(at: &Path) -> impl FnOnce(io::Error) -> DirError + use<> {
    let path = at.to_owned();
    move |source| DirError::Io { path, source }
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn open_database(dir: &Path, create: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(create).truncate(false).mode(0o600).open(dir.join(DATABASE))
}

fn hold_database(dir: &Path, file: File) -> Result<File, DirError> {
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            // The lock file may be gone, or another one: the system knows better.
            let pid = holder::of(&file).or_else(|| written_pid(&mut File::open(dir.join(LOCK)).ok()?));
            Err(DirError::InUse { path: dir.to_owned(), pid })
        }
        Err(TryLockError::Error(source)) => Err(failed(&dir.join(DATABASE))(source)),
    }
}

fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    writeln!(lock, "{}", std::process::id())
}

/// Takes away what others may do with the files in `folder`. Links are not followed: what they lead to is not ours.
fn narrow(folder: &Path) -> Result<(), DirError> {
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
    fn the_data_file_is_locked_also_when_the_lock_file_was_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = DataDir::lock(dir.path()).unwrap();
        assert!(!dir.path().join(DATABASE).exists(), "it would look like a store");
        first.lock_database().unwrap();
        first.lock_database().unwrap();
        assert_eq!(std::fs::metadata(dir.path().join(DATABASE)).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_file(dir.path().join(LOCK)).unwrap();
        match DataDir::lock(dir.path()) {
            Err(DirError::InUse { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("locked twice: {other:?}"),
        }
        assert!(!dir.path().join(LOCK).exists(), "whoever comes second makes nothing");
        drop(first);
        DataDir::lock(dir.path()).unwrap();
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
