//! Reads parts of segments from the object store, and checks what came.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore};

use super::SegmentError;
use super::footer::{END_BYTES, Footer, Footers, Parsed};

/// The object store, the footers, and what was read.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) objects: Arc<dyn ObjectStore>,
    footers: Footers,
    /// Bytes read since the start, footers too.
    pub(super) bytes: AtomicU64,
}

impl Source {
    pub(super) fn new(objects: Arc<dyn ObjectStore>) -> Self {
        Self { objects, footers: Footers::default(), bytes: AtomicU64::new(0) }
    }

    /// The footer of a segment.
    pub(super) async fn footer(&self, name: &str) -> Result<Arc<Footer>, SegmentError> {
        if let Some(footer) = self.footers.get(name) {
            return Ok(footer);
        }
        let (size, mut last) = self.last_bytes(name).await?;
        loop {
            match Footer::parse(name, size, last).map_err(|detail| SegmentError::damaged(name, detail))? {
                Parsed::Footer(footer) => {
                    self.footers.put(&footer);
                    return Ok(footer);
                }
                Parsed::From(from) => {
                    last = self.ranges(name, std::slice::from_ref(&(from..size))).await?.remove(0);
                }
            }
        }
    }

    /// Forgets what is known of a segment that has changed or gone.
    pub(super) fn forget(&self, name: &str) {
        self.footers.forget(name);
    }

    async fn last_bytes(&self, name: &str) -> Result<(u64, Bytes), SegmentError> {
        let options = GetOptions { range: Some(GetRange::Suffix(END_BYTES)), ..GetOptions::default() };
        let told = |error| read_error(name, error);
        let found = self.objects.get_opts(&Path::from(name), options).await.map_err(told)?;
        let size = found.meta.size;
        let last = found.bytes().await.map_err(told)?;
        self.bytes.fetch_add(last.len() as u64, Ordering::Relaxed);
        Ok((size, last))
    }

    /// The bytes at these places; one for each.
    pub(super) async fn ranges(&self, name: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, SegmentError> {
        let read = self.objects.get_ranges(&Path::from(name), ranges).await;
        let read = read.map_err(|error| read_error(name, error)).inspect_err(|_| self.footers.forget(name))?;
        if read.len() != ranges.len() || read.iter().zip(ranges).any(|(b, r)| b.len() as u64 != r.end - r.start) {
            return Err(SegmentError::damaged(name, "it ends too early"));
        }
        self.bytes.fetch_add(read.iter().map(|bytes| bytes.len() as u64).sum(), Ordering::Relaxed);
        Ok(read)
    }
}

pub(super) fn read_error(name: &str, error: object_store::Error) -> SegmentError {
    match error {
        object_store::Error::NotFound { .. } => SegmentError::Missing(name.to_owned()),
        // A place behind the end.
        error if format!("{error:?}").contains("InvalidRange") || format!("{error:?}").contains("OutOfRange") => {
            SegmentError::damaged(name, "it ends too early")
        }
        source => SegmentError::Unreadable { name: name.to_owned(), source },
    }
}

/// Checks the pages and filters in `bytes`, which were read at `range` of a row group, and tells how many they are.
pub(super) fn check(footer: &Footer, group: usize, range: &Range<u64>, bytes: &Bytes) -> Result<u64, SegmentError> {
    let outside = || SegmentError::damaged(&footer.name, "its index names a place that no page has");
    let pieces = &footer.notes.get(group).ok_or_else(outside)?.pieces;
    let first = pieces.partition_point(|piece| piece.offset < range.start);
    let (mut at, mut checked) = (range.start, 0);
    for piece in pieces.get(first..).unwrap_or_default() {
        if at >= range.end {
            break;
        }
        let from = usize::try_from(at - range.start).map_err(|_| outside())?;
        let page = bytes.get(from..from + piece.length as usize).ok_or_else(outside)?;
        if piece.offset != at {
            return Err(outside());
        }
        if crc32fast::hash(page) != piece.crc {
            let detail = format!("the checksum of its bytes {} to {} does not match", at, at + u64::from(piece.length));
            return Err(SegmentError::damaged(&footer.name, detail));
        }
        at += u64::from(piece.length);
        checked += 1;
    }
    if at == range.end { Ok(checked) } else { Err(outside()) }
}
