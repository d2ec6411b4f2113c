//! The data directory: private to its owner, and used by one process at a time.

mod holder;
mod watch;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
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
    /// makes it. What cannot be narrowed, and an id that cannot be written, are warnings: the locks are what counts.
    ///
    /// # Errors
    /// [`DirError::InUse`] names the process that holds it.
    pub fn lock(path: &Path) -> Result<Self, DirError> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))?;
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
        make_private(path);
        if let Err(error) = write_pid(&mut lock) {
            let path = lock_path.display();
            tracing::warn!(%error, %path, "this process's id could not be written; the lock holds nevertheless");
        }
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

/// Over what stood there, so that it succeeds also on a full volume.
fn write_pid(lock: &mut File) -> io::Result<()> {
    let id = format!("{}\n", std::process::id());
    lock.rewind()?;
    lock.write_all(id.as_bytes())?;
    lock.set_len(id.len() as u64)
}

/// Takes away what others may do with a folder and all in it, as far as we may: somebody else's file stays as it is, and so
/// does everything on a file system without modes.
fn make_private(folder: &Path) {
    let mut refused = None;
    narrow(folder, &mut refused);
    if let Some((path, error)) = refused {
        tracing::warn!(
            path = %path.display(), %error,
            "others can read or enter this, and perhaps more of the data folder; give it to the user of the service, with mode 0700"
        );
    }
}

/// Links are not followed: what they lead to is not ours. The first thing that could not be narrowed is told.
fn narrow(path: &Path, refused: &mut Option<(PathBuf, io::Error)>) {
    let Ok(found) = std::fs::symlink_metadata(path) else { return };
    let mode = found.permissions().mode() & 0o7777;
    if found.is_symlink() {
        return;
    }
    if mode & 0o077 != 0
        && let Err(error) = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o700))
    {
        refused.get_or_insert_with(|| (path.to_owned(), error));
    }
    if found.is_dir() {
        match std::fs::read_dir(path) {
            Ok(entries) => entries.flatten().for_each(|entry| narrow(&entry.path(), refused)),
            Err(error) => _ = refused.get_or_insert_with(|| (path.to_owned(), error)),
        }
    }
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
    fn an_id_that_cannot_be_written_is_no_reason_not_to_lock() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", dir.path().join(LOCK)).unwrap();
        assert_eq!(DataDir::lock(dir.path()).unwrap().path(), dir.path());
    }

    #[test]
    fn the_id_takes_the_place_of_a_longer_one() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(LOCK), "12345678901234567890\n").unwrap();
        let _lock = DataDir::lock(dir.path()).unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join(LOCK)).unwrap(), format!("{}\n", std::process::id()));
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
