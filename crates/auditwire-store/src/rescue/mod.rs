//! What can still be read of a damaged data directory becomes a new one. The old one is never written to: SQLite works on a copy
//! of its file, and plays the write-ahead log back into that. Tables are read row by row from both ends up to where they
//! contradict themselves; what the rows speak of is looked at; and what is missing then becomes a hole that readers are told of.

mod mend;
mod read;
mod sound;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};

use crate::copy::{CopyError, make_folder, take};
use crate::dir::{DATABASE, failed};
use crate::segments::FOLDER;
use crate::{SqliteOptions, SqliteStore};

/// Where SQLite works on a copy of the damaged file; gone at the end.
const WORK: &str = "rescue";
/// Files that were set aside, inside the folder of segments.
const ASIDE: &str = "unaccounted";

/// What was kept, and what was lost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rescued {
    /// SQLite could read the file at all. If not, the new directory holds only the files of sealed events.
    pub readable: bool,
    /// Per project.
    pub projects: Vec<RescuedProject>,
    /// Records that were kept, by the number of their kind (`RecordKind`).
    pub records: BTreeMap<u8, u64>,
    /// Tables of which rows may be lost.
    pub torn: Vec<&'static str>,
    /// Files of sealed events.
    pub files: usize,
    /// Names of files that the store names and that are not there.
    pub missing: Vec<String>,
}

/// A project's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RescuedProject {
    /// Which.
    pub project: String,
    /// Events that are kept.
    pub kept: u64,
    /// First and last position of each run of events that are lost.
    pub lost: Vec<(u64, u64)>,
}

impl Rescued {
    /// Nothing is lost, as far as can be known.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let whole = self.projects.iter().all(|project| project.lost.is_empty());
        self.readable && whole && self.torn.is_empty() && self.missing.is_empty()
    }
}

/// Makes `to` (it must not be there, or be empty) a data directory with what can be read of `from`, which no service may use
/// meanwhile. Keys and tokens are the caller's.
///
/// # Errors
/// [`CopyError`]: when a file cannot be read at all, or `to` cannot be written.
pub async fn rescue(from: &Path, to: &Path) -> Result<Rescued, CopyError> {
    make_folder(to)?;
    make_folder(&to.join(FOLDER))?;
    make_folder(&to.join(WORK))?;
    let mut rescued = Rescued::default();
    if let Some(mut source) = read::Source::open(from, &to.join(WORK)).await? {
        rescued.readable = true;
        let store = SqliteStore::open(to, SqliteOptions::default()).await;
        store.map_err(|e| CopyError::Database(sqlx::Error::Configuration(Box::new(e))))?.close().await;
        let mut new = connect(&to.join(DATABASE)).await?;
        execute(&mut new, "BEGIN").await?;
        rescued.torn = source.copy_tables(&mut new).await?;
        mend::mend(&mut source, &mut new, &from.join(FOLDER), &mut rescued).await?;
        execute(&mut new, "COMMIT").await?;
        rescued.files = take_files(from, to, &left(&mut new).await?)?;
        let _ = new.close().await;
        source.close().await;
    } else {
        rescued.files = take_files(from, to, &[])?;
    }
    std::fs::remove_dir_all(to.join(WORK)).map_err(failed(&to.join(WORK)))?;
    for path in [&to.join(FOLDER), to] {
        File::open(path).and_then(|folder| folder.sync_all()).map_err(failed(path))?;
    }
    Ok(rescued)
}

async fn connect(file: &Path) -> Result<SqliteConnection, CopyError> {
    SqliteConnectOptions::new().filename(file).disable_statement_logging().connect().await.map_err(CopyError::Database)
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<u64, CopyError> {
    sqlx::query(sql).execute(connection).await.map(|done| done.rows_affected()).map_err(CopyError::Database)
}

/// Files that the old store would have removed.
async fn left(new: &mut SqliteConnection) -> Result<Vec<String>, CopyError> {
    let sql = "SELECT name FROM files WHERE name NOT IN (SELECT name FROM segments)";
    sqlx::query_scalar(sql).fetch_all(new).await.map_err(CopyError::Database)
}

/// All files of sealed events, also those that no row names any more: they are set aside at the next start, and may be adopted.
fn take_files(from: &Path, to: &Path, left: &[String]) -> Result<usize, CopyError> {
    let mut taken = 0;
    for folder in [FOLDER.to_owned(), format!("{FOLDER}/{ASIDE}")] {
        let (from, to) = (from.join(&folder), to.join(&folder));
        if !from.is_dir() {
            continue;
        }
        std::fs::create_dir_all(&to).map_err(failed(&to))?;
        for entry in std::fs::read_dir(&from).map_err(failed(&from))? {
            let entry = entry.map_err(failed(&from))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // `NAME#N` is an upload that did not come to its end.
            let wanted =
                entry.file_type().is_ok_and(|kind| kind.is_file()) && !name.contains('#') && !left.contains(&name);
            if wanted {
                take(&entry.path(), &to.join(&name)).map_err(failed(&entry.path()))?;
                taken += usize::from(name.ends_with(".parquet"));
            }
        }
    }
    Ok(taken)
}
