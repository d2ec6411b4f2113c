//! What the log counts, for metrics and tests.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::{Log, ScanStats, Space};
use crate::error::Result;
use crate::store::Segment;

/// Upper ends of the buckets of [`LogStats::commit_buckets`], in seconds.
pub const COMMIT_BUCKETS: [f64; 10] = [0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.25, 1.0];

/// Counters since the log was opened, and present sizes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LogStats {
    /// Events committed.
    pub events: u64,
    /// Groups committed; each was one sync.
    pub groups: u64,
    /// Recognised duplicates.
    pub duplicates: u64,
    /// Commits that succeeded, also those without events.
    pub commits: u64,
    /// Time spent in them.
    pub commit_time: Duration,
    /// Commits that took at most [`COMMIT_BUCKETS`] seconds, cumulative; longer ones are only in `commits`.
    pub commit_buckets: [u64; COMMIT_BUCKETS.len()],
    /// Submissions that failed because the disk was full.
    pub storage_full: u64,
    /// Submissions refused because too much was queued.
    pub overloaded: u64,
    /// Bytes submitted but not yet committed.
    pub queue_bytes: u64,
    /// Bytes of the tail.
    pub tail_bytes: u64,
    /// Ids in memory.
    pub duplicate_ids: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// Bytes of the data file.
    pub data_bytes: u64,
    /// Bytes of the data file that hold nothing.
    pub free_bytes: u64,
    /// Times that data was forced to the disk.
    pub syncs: u64,
    /// What all scans read.
    pub scans: ScanStats,
    /// Sealing, merging and retention.
    pub seal: SealStats,
    /// The volume; zero when nobody looks.
    pub space: Space,
    /// By how much the newest event is ahead of the clock; zero up to a minute.
    pub clock_ahead: Duration,
}

/// What became of fresh events since the log was opened, and what is sealed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SealStats {
    /// Events that are not sealed.
    pub fresh: u64,
    /// Segments at the last look.
    pub segments: u64,
    /// Bytes of their files.
    pub bytes: u64,
    /// Events in them that are kept.
    pub rows: u64,
    /// Segments made of fresh events.
    pub seals: u64,
    /// Events in those.
    pub sealed_rows: u64,
    /// Time spent sealing.
    pub seal_time: Duration,
    /// Segments made of others.
    pub merges: u64,
    /// Events in those.
    pub merged_rows: u64,
    /// Time spent merging.
    pub merge_time: Duration,
    /// Events that ended by retention.
    pub expired_rows: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// The last attempt failed.
    pub failing: bool,
}

/// The live counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) events: AtomicU64,
    pub(crate) groups: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) commit_nanos: AtomicU64,
    pub(crate) commit_buckets: [AtomicU64; COMMIT_BUCKETS.len()],
    pub(crate) storage_full: AtomicU64,
    pub(crate) overloaded: AtomicU64,
    pub(crate) queue_bytes: AtomicUsize,
    pub(crate) duplicate_ids: AtomicU64,
    pub(crate) rows_read: AtomicU64,
    pub(crate) segments_read: AtomicU64,
    pub(crate) row_groups_read: AtomicU64,
    pub(crate) pages_read: AtomicU64,
    pub(crate) segment_bytes_read: AtomicU64,
    seal: Mutex<SealStats>,
    space: Mutex<Space>,
}

impl Counters {
    pub(crate) fn sealed(&self, rows: u64, took: Duration) {
        let mut seal = self.seal.lock();
        (seal.seals, seal.sealed_rows) = (seal.seals + 1, seal.sealed_rows + rows);
        seal.seal_time += took;
    }

    pub(crate) fn merged(&self, rows: u64, took: Duration) {
        let mut seal = self.seal.lock();
        (seal.merges, seal.merged_rows) = (seal.merges + 1, seal.merged_rows + rows);
        seal.merge_time += took;
    }

    pub(crate) fn segments(&self, known: &[(Segment, u64)]) {
        let mut seal = self.seal.lock();
        seal.segments = known.len() as u64;
        seal.bytes = known.iter().map(|(segment, _)| segment.bytes).sum();
        seal.rows = known.iter().map(|(_, named)| named).sum();
    }

    pub(crate) fn expired(&self, rows: u64) {
        self.seal.lock().expired_rows += rows;
    }

    pub(crate) fn space(&self, space: Space) {
        *self.space.lock() = space;
    }

    pub(crate) fn upkeep_done(&self, failed: bool) {
        let mut seal = self.seal.lock();
        seal.failures += u64::from(failed);
        seal.failing = failed;
    }

    pub(crate) fn commit_took(&self, time: Duration) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.commit_nanos.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        for (bucket, end) in self.commit_buckets.iter().zip(COMMIT_BUCKETS) {
            if time.as_secs_f64() <= end {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Log {
    /// Counters since the log was opened, and present sizes.
    ///
    /// # Errors
    /// When the store cannot tell its sizes.
    pub async fn stats(&self) -> Result<LogStats> {
        let store = self.shared.store.stats().await.map_err(super::error::read)?;
        let (counters, reader) = (&self.shared.counters, &self.shared.reader);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Ok(LogStats {
            events: read(&counters.events),
            groups: read(&counters.groups),
            duplicates: read(&counters.duplicates),
            commits: read(&counters.commits),
            commit_time: Duration::from_nanos(read(&counters.commit_nanos)),
            commit_buckets: std::array::from_fn(|i| read(&counters.commit_buckets[i])),
            storage_full: read(&counters.storage_full),
            overloaded: read(&counters.overloaded),
            queue_bytes: counters.queue_bytes.load(Ordering::Relaxed) as u64,
            tail_bytes: self.shared.tail.read().bytes() as u64,
            duplicate_ids: read(&counters.duplicate_ids),
            wal_bytes: store.wal_bytes,
            data_bytes: store.data_bytes,
            free_bytes: store.free_bytes,
            syncs: store.syncs,
            seal: SealStats { fresh: self.shared.fresh.rows(), ..*counters.seal.lock() },
            space: *counters.space.lock(),
            clock_ahead: self.clock_ahead(),
            scans: ScanStats {
                groups_read: read(&reader.groups),
                segments_read: read(&counters.segments_read),
                row_groups_read: read(&counters.row_groups_read),
                pages_read: read(&counters.pages_read),
                bytes_read: read(&reader.bytes) + read(&counters.segment_bytes_read),
                rows_read: read(&counters.rows_read),
            },
        })
    }
}
