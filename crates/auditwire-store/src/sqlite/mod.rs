//! The engine's store on SQLite: one writer connection that the committer owns, a few read-only ones for everybody
//! else, and one that copies the write-ahead log into the data file beside them.

mod commit;
mod error;
mod files;
mod owner;
mod patch;
mod read;
mod seal;
mod sealed;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use auditwire_engine::store::{
    Checkpoint, Commit, GroupId, Head, IdRunHead, LeftFile, Order, ProjectSize, Record, RecordKey, RecordKind,
    SealedSpan, Segment, SegmentId, Span, Store, StoreError, StoreStats,
};
use auditwire_model::{Position, ProjectId};
use bytes::Bytes;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row, SqlSafeStr, SqliteConnection};
use tokio::sync::Mutex;

use crate::dir::DATABASE;

/// Pages of this size keep the overhead of large blobs low without making a commit of one event write much.
const PAGE_BYTES: u32 = 8192;

/// From the opening on nothing but readers can hold the writer up, and only when it begins the write-ahead log anew: then
/// it waits for so many milliseconds at most.
const RESTART_WAIT: &str = "PRAGMA busy_timeout = 5";

/// How the store is opened.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// Read-only connections. Default 4.
    pub readers: u32,
    /// Most bytes of the data file; a commit that needs more fails as on a full disk. Default: no limit but the disk's.
    pub data_bytes_max: Option<u64>,
    /// `synchronous=OFF`: commits are **not** on disk when they return. Only for the test that proves that a missing
    /// sync is noticed.
    pub synchronous_off_for_tests: bool,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { readers: 4, data_bytes_max: None, synchronous_off_for_tests: false }
    }
}

/// A store in one SQLite file (WAL mode, `synchronous=FULL`).
#[derive(Debug)]
pub struct SqliteStore {
    file: PathBuf,
    writer: Mutex<SqliteConnection>,
    copier: Mutex<SqliteConnection>,
    readers: SqlitePool,
    owner: owner::Owner,
    syncs: AtomicU64,
    sync: bool,
}

impl SqliteStore {
    /// Opens the store in `dir`, making it or bringing it to this version's tables. The directory must exist and be
    /// locked by the caller ([`DataDir::lock_database`](crate::DataDir::lock_database)). From now on a process that opened it
    /// before cannot write any more ([`StoreError::Rival`]).
    ///
    /// # Errors
    /// [`StoreError::Newer`] when the file was written by a newer version, [`StoreError::Malformed`] when it is no database, else [`StoreError::Failed`].
    pub async fn open(dir: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let file = dir.join(DATABASE);
        let sync = !options.synchronous_off_for_tests;
        let pages_max = options.data_bytes_max.map(|bytes| bytes.div_ceil(u64::from(PAGE_BYTES)));
        let mut writer = writer_options(&file, sync, pages_max).connect().await.map_err(error::from_sqlx)?;
        migrations().run(&mut writer).await.map_err(error::from_migration)?;
        let owner = owner::Owner::claim(&mut writer).await?;
        sqlx::query(RESTART_WAIT).execute(&mut writer).await.map_err(error::from_sqlx)?;
        // The data file's own name must survive a power loss, too; SQLite does this only for its journals.
        std::fs::File::open(dir).and_then(|d| d.sync_all()).map_err(|e| StoreError::Failed(Box::new(e)))?;

        let copier = common_options(&file, sync).connect().await.map_err(error::from_sqlx)?;
        let readers = SqlitePoolOptions::new()
            .min_connections(1)
            .max_connections(options.readers.max(1))
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(common_options(&file, sync).read_only(true))
            .await
            .map_err(error::from_sqlx)?;
        Ok(Self {
            file,
            writer: Mutex::new(writer),
            copier: Mutex::new(copier),
            readers,
            owner,
            syncs: AtomicU64::new(0),
            sync,
        })
    }

    /// Whether there is a store in `dir`; an empty file is none yet.
    #[must_use]
    pub fn is_in(dir: &Path) -> bool {
        std::fs::metadata(dir.join(DATABASE)).is_ok_and(|file| file.len() > 0)
    }

    /// Closes the connections; the last one leaves no write-ahead log behind.
    pub async fn close(self) {
        self.readers.close().await;
        // Failing to close leaves a write-ahead log, which the next open reads.
        let _ = self.copier.into_inner().close().await;
        let _ = self.writer.into_inner().close().await;
    }

    async fn free_pages(&self) -> Result<u64, StoreError> {
        let row = sqlx::query("PRAGMA freelist_count").fetch_one(&self.readers).await.map_err(error::from_sqlx)?;
        Ok(row.get::<i64, _>(0).unsigned_abs())
    }

    fn synced(&self, times: u64) {
        if self.sync {
            self.syncs.fetch_add(times, Ordering::Relaxed);
        }
    }
}

fn common_options(file: &Path, sync: bool) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .synchronous(if sync { SqliteSynchronous::Full } else { SqliteSynchronous::Off })
        .pragma("wal_autocheckpoint", "0")
        // What is replaced or deleted in a page that is written anyway is overwritten there: an old secret goes with its record.
        .pragma("secure_delete", "fast")
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging()
}

fn writer_options(file: &Path, sync: bool, pages_max: Option<u64>) -> SqliteConnectOptions {
    let options = common_options(file, sync);
    let options = match pages_max {
        Some(pages) => options.pragma("max_page_count", pages.to_string()),
        None => options,
    };
    options
        .create_if_missing(true)
        .page_size(PAGE_BYTES)
        // Cannot be changed later without rewriting the file: sealing will free pages in bulk.
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        // A whole group fits, so that nothing is spilled before the commit.
        .pragma("cache_size", "-16384")
}

fn migrations() -> Migrator {
    let migration = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(vec![
        migration(1, "log", include_str!("../../migrations/0001_log.sql")),
        migration(2, "segments", include_str!("../../migrations/0002_segments.sql")),
        migration(3, "files", include_str!("../../migrations/0003_files.sql")),
        migration(4, "owner", include_str!("../../migrations/0004_owner.sql")),
    ])
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().await;
        commit::commit(&mut writer, &self.owner, commit).await?;
        self.synced(1);
        Ok(())
    }

    async fn record(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        read::record(&self.readers, key).await
    }

    async fn records(&self, kind: RecordKind, project: Option<&ProjectId>) -> Result<Vec<Record>, StoreError> {
        read::records(&self.readers, kind, project).await
    }

    async fn record_ids(
        &self,
        kind: RecordKind,
        project: &ProjectId,
        ids: [&str; 2],
    ) -> Result<Vec<String>, StoreError> {
        read::record_ids(&self.readers, kind, project, ids).await
    }

    async fn records_between(
        &self,
        kind: RecordKind,
        project: &ProjectId,
        ids: [&str; 2],
        order: Order,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        read::records_between(&self.readers, (kind, project), ids, order, limit).await
    }

    async fn heads(&self) -> Result<(Vec<Head>, Option<GroupId>), StoreError> {
        read::heads(&self.readers, &self.owner).await
    }

    async fn spans(
        &self,
        project: &ProjectId,
        from: Position,
        to: Position,
        order: Order,
        limit: u32,
    ) -> Result<Vec<Span>, StoreError> {
        read::spans(&self.readers, project, (from, to), order, limit).await
    }

    async fn blobs(&self, groups: &[GroupId]) -> Result<Vec<(GroupId, Bytes)>, StoreError> {
        read::blobs(&self.readers, groups).await
    }

    async fn fresh(&self, limit: u32) -> Result<Vec<Span>, StoreError> {
        sealed::fresh(&self.readers, limit).await
    }

    async fn oldest_groups(&self, through: GroupId, limit: u32) -> Result<Vec<(GroupId, u64)>, StoreError> {
        sealed::oldest_groups(&self.readers, through, limit).await
    }

    async fn segment(&self, id: SegmentId) -> Result<Option<Segment>, StoreError> {
        sealed::segment(&self.readers, id).await
    }

    async fn segments(&self) -> Result<Vec<(Segment, u64)>, StoreError> {
        sealed::segments(&self.readers).await
    }

    async fn segment_spans(&self, id: SegmentId) -> Result<Vec<SealedSpan>, StoreError> {
        sealed::segment_spans(&self.readers, id).await
    }

    async fn sealed(
        &self,
        project: &ProjectId,
        from: Position,
        to: Position,
        limit: u32,
    ) -> Result<Vec<SealedSpan>, StoreError> {
        sealed::sealed(&self.readers, project, (from, to), limit).await
    }

    async fn left_files(&self) -> Result<Vec<LeftFile>, StoreError> {
        sealed::left_files(&self.readers).await
    }

    async fn sizes(&self) -> Result<Vec<ProjectSize>, StoreError> {
        sealed::sizes(&self.readers).await
    }

    async fn id_run_heads(&self, project: &ProjectId) -> Result<Vec<IdRunHead>, StoreError> {
        read::id_run_heads(&self.readers, project).await
    }

    async fn id_run_part(&self, project: &ProjectId, first: Position, part: u32) -> Result<Option<Bytes>, StoreError> {
        read::id_run_part(&self.readers, project, first, part).await
    }

    async fn checkpoint(&self, step: Checkpoint) -> Result<bool, StoreError> {
        let (connection, sql) = match step {
            Checkpoint::Copy => (&self.copier, "PRAGMA wal_checkpoint(PASSIVE)"),
            Checkpoint::Restart => (&self.writer, "PRAGMA wal_checkpoint(RESTART)"),
        };
        let row = sqlx::query(sql).fetch_one(&mut *connection.lock().await).await.map_err(error::from_sqlx)?;
        self.synced(2);
        Ok(row.get::<i64, _>(0) == 0)
    }

    async fn shrink(&self, keep: u64, step: u64) -> Result<bool, StoreError> {
        let pages = |bytes: u64| bytes / u64::from(PAGE_BYTES);
        let free = self.free_pages().await?;
        let more = free.saturating_sub(pages(keep));
        if more == 0 {
            return Ok(false);
        }
        let now = more.min(pages(step).max(1));
        let sql = format!("PRAGMA incremental_vacuum({now})");
        let mut writer = self.writer.lock().await;
        // Each row is a page that was given back; the statement must be run to its end.
        sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *writer).await.map_err(error::from_sqlx)?;
        drop(writer);
        self.synced(1);
        Ok(now < more)
    }

    async fn check(&self) -> Result<(), StoreError> {
        // A connection of its own: it takes seconds, and what it reads is to fill nobody's cache.
        let mut connection =
            common_options(&self.file, self.sync).read_only(true).connect().await.map_err(error::from_sqlx)?;
        let found = sqlx::query_scalar("PRAGMA quick_check(3)").fetch_all(&mut connection).await;
        let _ = connection.close().await;
        let found: Vec<String> = found.map_err(error::from_sqlx)?;
        if found == ["ok"] { Ok(()) } else { Err(StoreError::Malformed(found.join("; ").replace('\n', " "))) }
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        let bytes_of = |path: &Path| std::fs::metadata(path).map_or(0, |m| m.len());
        let mut wal = self.file.clone().into_os_string();
        wal.push("-wal");
        Ok(StoreStats {
            data_bytes: bytes_of(&self.file),
            wal_bytes: bytes_of(Path::new(&wal)),
            free_bytes: self.free_pages().await? * u64::from(PAGE_BYTES),
            syncs: self.syncs.load(Ordering::Relaxed),
        })
    }
}
