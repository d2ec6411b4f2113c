//! A segment that is being read: its footer, its file, and a count of what was read. Reading waits, so it is done on the
//! threads that decode.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetResultPayload, ObjectStore};
use tokio::runtime::Handle;

use super::SegmentError;
use super::fetch::{Source, check, read_error};
use super::footer::Footer;

/// What reading segments took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Read {
    /// Row groups of which anything was read.
    pub(crate) row_groups: u64,
    /// Pages.
    pub(crate) pages: u64,
    /// Bytes.
    pub(crate) bytes: u64,
    /// Rows that were evaluated.
    pub(crate) rows: u64,
}

/// An open segment. While it is open its bytes stay readable, also when a merge has replaced it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(super) footer: Arc<Footer>,
    object: Object,
}

#[derive(Debug)]
enum Object {
    File(File),
    /// Not a file of this machine.
    Remote {
        objects: Arc<dyn ObjectStore>,
        path: Path,
        runtime: Handle,
    },
}

impl Opened {
    /// Opens a segment.
    pub(super) async fn open(source: &Source, name: &str) -> Result<Self, SegmentError> {
        let footer = source.footer(name).await?;
        let path = Path::from(name);
        let found = source.objects.get_opts(&path, GetOptions::default()).await;
        let found = found.map_err(|error| read_error(name, error)).inspect_err(|_| source.forget(name))?;
        if found.meta.size != footer.size {
            source.forget(name);
            return Err(SegmentError::damaged(name, "its length has changed"));
        }
        let object = match found.payload {
            GetResultPayload::File(file, _) => Object::File(file),
            _ => Object::Remote { objects: Arc::clone(&source.objects), path, runtime: Handle::current() },
        };
        Ok(Self { footer, object })
    }

    /// The bytes at these places of a row group, checked. Not for the runtime's threads.
    pub(super) fn read(&self, group: usize, ranges: &[Range<u64>], read: &Tally) -> Result<Vec<Bytes>, SegmentError> {
        let name = &self.footer.name;
        let bytes = match &self.object {
            Object::File(file) => {
                ranges.iter().map(|range| read_at(file, range)).collect::<Result<Vec<_>, _>>().map_err(|error| {
                    match error.kind() {
                        std::io::ErrorKind::UnexpectedEof => SegmentError::damaged(name, "it ends too early"),
                        _ => SegmentError::damaged(name, error),
                    }
                })?
            }
            Object::Remote { objects, path, runtime } => {
                let got = runtime.block_on(objects.get_ranges(path, ranges));
                got.map_err(|error| read_error(name, error))?
            }
        };
        for (range, bytes) in ranges.iter().zip(&bytes) {
            read.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            read.pages.fetch_add(check(&self.footer, group, range, bytes)?, Ordering::Relaxed);
        }
        Ok(bytes)
    }
}

fn read_at(file: &File, range: &Range<u64>) -> std::io::Result<Bytes> {
    let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(std::io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes.into())
}

/// Counts of one job.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) row_groups: AtomicU64,
    pub(super) pages: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) rows: AtomicU64,
}

impl Tally {
    /// The counts so far.
    pub(super) fn told(&self) -> Read {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Read {
            row_groups: count(&self.row_groups),
            pages: count(&self.pages),
            bytes: count(&self.bytes),
            rows: count(&self.rows),
        }
    }
}
