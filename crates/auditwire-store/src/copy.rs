//! A copy of the data directory beside the process that uses it. SQLite makes a copy of the data file that is what one moment
//! held; the files of segments never change, so they are linked. A file that is gone by then was merged meanwhile: its events
//! are in another one, which the next copy of the data file names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};

use crate::DirError;
use crate::dir::{DATABASE, failed};
use crate::segments::FOLDER;

/// So often the data file is copied anew because a segment was merged meanwhile. A merged file stays for minutes: more than one
/// or two never come to pass.
const ATTEMPTS: usize = 10;

/// What a copy holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copied {
    /// Bytes of the data file.
    pub data_bytes: u64,
    /// Files of sealed events, and their bytes.
    pub segments: usize,
    /// See [`segments`](Self::segments).
    pub segment_bytes: u64,
    /// How many of them are links: they take no room as long as the original is there.
    pub linked: usize,
    /// Names of files that the store names and that are not there, in the original either.
    pub missing: Vec<String>,
}

/// Why no copy was made.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The folder to be made is there and holds something.
    #[error("{} is not empty; name a folder that is not there yet", .0.display())]
    NotEmpty(PathBuf),
    /// Something could not be read or written.
    #[error(transparent)]
    Dir(#[from] DirError),
    /// SQLite failed.
    #[error("the data file cannot be copied")]
    Database(#[source] sqlx::Error),
    /// A file of the copy is not as long as the store says.
    #[error("{} has {found} bytes and should have {expected}", path.display())]
    Length {
        /// Which file.
        path: PathBuf,
        /// As the store says.
        expected: u64,
        /// As it is.
        found: u64,
    },
    /// Files went again and again.
    #[error("files were merged while they were copied, {ATTEMPTS} times; try again when less is going on")]
    Unrest,
}

/// Makes `to` (mode 0700; it must not be there, or be empty) a data directory that holds what `from` held at one moment after
/// the call, without keys and tokens. When it returns, everything is on disk and was looked at.
///
/// # Errors
/// [`CopyError`]; what was made so far is left for the caller to look at.
pub async fn copy(from: &Path, to: &Path) -> Result<Copied, CopyError> {
    make_folder(to)?;
    make_folder(&to.join(FOLDER))?;
    let mut missing = BTreeSet::new();
    for _ in 0..ATTEMPTS {
        copy_database(from, &to.join(DATABASE)).await?;
        let named = named(&to.join(DATABASE)).await?;
        let (linked, gone) = take_files(from, to, &named)?;
        // One that is missing again, although the store names it now, is missing in the original.
        if gone.is_subset(&missing) {
            return finish(to, &named, linked, gone);
        }
        missing.extend(gone);
        remove(&to.join(DATABASE))?;
    }
    Err(CopyError::Unrest)
}

/// Makes an empty folder.
pub(crate) fn make_folder(path: &Path) -> Result<(), CopyError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))?;
    if std::fs::read_dir(path).map_err(failed(path))?.next().is_some() {
        return Err(CopyError::NotEmpty(path.to_owned()));
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(failed(path))?;
    Ok(())
}

async fn copy_database(from: &Path, to: &Path) -> Result<(), CopyError> {
    let mut connection = connect(&from.join(DATABASE), true).await?;
    let name = to.to_string_lossy().into_owned();
    let done = sqlx::query("VACUUM INTO ?1").bind(name).execute(&mut connection).await;
    let _ = connection.close().await;
    done.map_err(CopyError::Database)?;
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o600)).map_err(failed(to))?;
    Ok(())
}

async fn connect(file: &Path, read_only: bool) -> Result<SqliteConnection, CopyError> {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .read_only(read_only)
        .busy_timeout(std::time::Duration::from_secs(30))
        .disable_statement_logging();
    options.connect().await.map_err(CopyError::Database)
}

/// The files that a copied data file names, and their lengths.
async fn named(file: &Path) -> Result<BTreeMap<String, u64>, CopyError> {
    let mut connection = connect(file, true).await?;
    // One without bytes stands for events that are in no file.
    let rows = sqlx::query("SELECT name, bytes FROM segments WHERE bytes > 0").fetch_all(&mut connection).await;
    let _ = connection.close().await;
    let rows = rows.map_err(CopyError::Database)?;
    Ok(rows.iter().map(|row| (row.get(0), row.get::<i64, _>(1).unsigned_abs())).collect())
}

/// Links or copies the files that are not there yet; how many are links, and which are gone.
fn take_files(from: &Path, to: &Path, named: &BTreeMap<String, u64>) -> Result<(usize, BTreeSet<String>), CopyError> {
    let (from, to) = (from.join(FOLDER), to.join(FOLDER));
    // What an earlier attempt took and nobody names any more.
    for entry in std::fs::read_dir(&to).map_err(failed(&to))? {
        let entry = entry.map_err(failed(&to))?;
        if !entry.file_name().to_str().is_some_and(|name| named.contains_key(name)) {
            remove(&entry.path())?;
        }
    }
    let (mut linked, mut gone) = (0, BTreeSet::new());
    for name in named.keys() {
        match take(&from.join(name), &to.join(name)) {
            Ok(is_link) => linked += usize::from(is_link),
            Err(error) if error.kind() == io::ErrorKind::NotFound => drop(gone.insert(name.clone())),
            Err(error) => return Err(failed(&to.join(name))(error).into()),
        }
    }
    Ok((linked, gone))
}

/// True: it is a link. Where links cannot be (another file system, one without them) it is copied.
pub(crate) fn take(from: &Path, to: &Path) -> io::Result<bool> {
    match std::fs::hard_link(from, to) {
        Ok(()) => return Ok(true),
        // From an earlier attempt.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
        Err(_) => {}
    }
    std::fs::copy(from, to)?;
    File::open(to)?.sync_all()?;
    Ok(false)
}

fn remove(path: &Path) -> Result<(), CopyError> {
    Ok(std::fs::remove_file(path).map_err(failed(path))?)
}

/// Everything is there, and on disk.
fn finish(
    to: &Path,
    named: &BTreeMap<String, u64>,
    linked: usize,
    missing: BTreeSet<String>,
) -> Result<Copied, CopyError> {
    let mut copied = Copied { linked, missing: missing.iter().cloned().collect(), ..Copied::default() };
    for (name, expected) in named.iter().filter(|(name, _)| !missing.contains(*name)) {
        let path = to.join(FOLDER).join(name);
        let found = std::fs::metadata(&path).map_err(failed(&path))?.len();
        if found != *expected {
            return Err(CopyError::Length { path, expected: *expected, found });
        }
        copied.segments += 1;
        copied.segment_bytes += found;
    }
    let data = to.join(DATABASE);
    copied.data_bytes = std::fs::metadata(&data).map_err(failed(&data))?.len();
    for path in [&data, &to.join(FOLDER), to] {
        File::open(path).and_then(|file| file.sync_all()).map_err(failed(path))?;
    }
    Ok(copied)
}
