//! The folder of the data directory where the files of sealed events lie.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use auditwire_engine::log::accounts::ASIDE;
use auditwire_engine::log::segment_number;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

use crate::{DirError, SqliteStore};

/// The folder inside the data directory.
pub(crate) const FOLDER: &str = "segments";

/// Opens `DIR/segments`, making it (mode 0700) if needed, and removes what uploads left there that never came to their
/// end. With `sync` a put returns only when the file and the folder are on disk; without it a sealed event can be lost
/// by a power loss, which is for the test that proves that a missing sync is noticed.
///
/// # Errors
/// [`DirError::Io`] when the folder cannot be made, read or written.
pub fn open_segments(dir: &Path, sync: bool) -> Result<Arc<dyn ObjectStore>, DirError> {
    let path = dir.join(FOLDER);
    let failed = |source: io::Error| DirError::Io { path: path.clone(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(failed)?;
    if let Err(error) = remove_unfinished(&path) {
        tracing::warn!(%error, path = %path.display(), "what unfinished uploads left could not be removed; it only takes room");
    }
    if sync {
        // The folder's own name must survive a power loss before a file in it can.
        std::fs::File::open(dir).and_then(|d| d.sync_all()).map_err(failed)?;
    }
    let store = LocalFileSystem::new_with_prefix(&path).map_err(|e| failed(io::Error::other(e)))?;
    Ok(Arc::new(store.with_fsync(sync)))
}

/// Refuses a data directory that has files of sealed events, or a write-ahead log, and no store that they belong to: opening would
/// make an empty one beside them. For whoever opens the store to serve.
///
/// # Errors
/// [`DirError::NoStore`] says what to do; [`DirError::Io`].
pub fn refuse_segments_alone(dir: &Path) -> Result<(), DirError> {
    if SqliteStore::is_in(dir) {
        return Ok(());
    }
    let failed = |source: io::Error| DirError::Io { path: dir.to_owned(), source };
    let folder = dir.join(FOLDER);
    let files = count(&folder).map_err(failed)? + count(&folder.join(ASIDE)).map_err(failed)?;
    let wal = dir.join("log.sqlite-wal").exists();
    if files == 0 && !wal { Ok(()) } else { Err(DirError::NoStore { path: dir.to_owned(), files, wal }) }
}

/// Files of segments in a folder, which need not be there.
fn count(folder: &Path) -> io::Result<usize> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut files = 0;
    for entry in entries {
        files += usize::from(entry?.file_name().to_str().and_then(segment_number).is_some());
    }
    Ok(files)
}

/// `object_store` writes to `NAME#N` and renames at the end. It never lists such files, so nobody else would find them. Only
/// those of segments are ours.
fn remove_unfinished(path: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let whole = name.to_str().and_then(|name| name.split_once('#'));
        let ours =
            |(name, part): (&str, &str)| segment_number(name).is_some() && part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_some_and(ours) && entry.file_type()?.is_file() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt as _;

    use super::*;

    #[tokio::test]
    async fn files_of_events_without_a_store_are_not_gone_past() {
        let dir = tempfile::tempdir().unwrap();
        refuse_segments_alone(dir.path()).unwrap();
        std::fs::write(dir.path().join("log.sqlite-wal"), "x").unwrap();
        assert!(matches!(refuse_segments_alone(dir.path()), Err(DirError::NoStore { wal: true, files: 0, .. })));
        std::fs::remove_file(dir.path().join("log.sqlite-wal")).unwrap();
        std::fs::create_dir_all(dir.path().join("segments/unaccounted")).unwrap();
        for (n, name) in ["notes.txt", "0000000001-aabbccdd.parquet", "unaccounted/0000000002-aabbccdd.parquet"]
            .into_iter()
            .enumerate()
        {
            std::fs::write(dir.path().join("segments").join(name), "x").unwrap();
            match refuse_segments_alone(dir.path()) {
                Ok(()) => assert_eq!(n, 0),
                Err(DirError::NoStore { files, .. }) => assert_eq!(files, n),
                Err(other) => panic!("{other}"),
            }
        }
        assert!(!SqliteStore::is_in(dir.path()), "looking made a store");
        SqliteStore::open(dir.path(), crate::SqliteOptions::default()).await.unwrap();
        refuse_segments_alone(dir.path()).unwrap();
    }

    #[tokio::test]
    async fn an_unfinished_upload_goes_at_the_next_start_and_a_finished_one_stays() {
        let dir = tempfile::tempdir().unwrap();
        let objects = open_segments(dir.path(), true).unwrap();
        objects.put(&"whole.parquet".into(), "bytes".into()).await.unwrap();
        let left = dir.path().join("segments/0000000001-aabbccdd.parquet#1");
        std::fs::write(&left, "part").unwrap();
        let foreign = ["#notes", "notes#1", "0000000001-aabbccdd.parquet#1.bak"];
        let foreign = foreign.map(|name| dir.path().join("segments").join(name));
        foreign.iter().for_each(|path| std::fs::write(path, "somebody's").unwrap());
        let objects = open_segments(dir.path(), true).unwrap();
        assert!(!left.exists());
        foreign.iter().for_each(|path| assert!(path.exists(), "{}", path.display()));
        assert_eq!(objects.get(&"whole.parquet".into()).await.unwrap().bytes().await.unwrap(), "bytes");
    }
}
