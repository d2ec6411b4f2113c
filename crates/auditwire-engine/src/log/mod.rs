//! The Event log: committing, the tail in memory, and the one way to read ([`Log::scan`]).

use std::sync::Arc;

use arrow_array::RecordBatch;
use auditwire_model::event::Event;
use auditwire_model::query::Expr;
use auditwire_model::{Clock, Position, ProjectId, Timestamp};
use futures_util::stream::BoxStream;
use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::store::{Change, Order, Store};

/// Limits of the log. Configuration; the defaults are the product's.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Most bytes of drafts in one group. Default 4 MiB.
    pub group_bytes_max: usize,
    /// Most events in one group. Default 16,384.
    pub group_events_max: usize,
    /// Submitted but uncommitted bytes before intake answers 503. Default 64 MiB.
    pub queue_bytes_max: usize,
    /// Memory of the tail. Default 64 MiB.
    pub tail_bytes_max: usize,
    /// Age up to which a repeated id is recognised. Default 24 h.
    pub duplicate_window: std::time::Duration,
    /// Events per project up to which a repeated id is recognised, whichever reaches further. Default 1,048,576.
    pub duplicate_events: u64,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            group_bytes_max: 4 << 20,
            group_events_max: 16_384,
            queue_bytes_max: 64 << 20,
            tail_bytes_max: 64 << 20,
            duplicate_window: std::time::Duration::from_secs(24 * 3600),
            duplicate_events: 1 << 20,
        }
    }
}

/// Something to commit: events of one project, changes of records, or both; all or nothing.
#[derive(Debug, Default)]
pub struct Submission {
    /// The events' project; `None` without events.
    pub project: Option<ProjectId>,
    /// Completed events, in order.
    pub events: Vec<Event>,
    /// Changes of records in the same transaction.
    pub changes: Vec<Change>,
}

/// What became of a [`Submission`]; on disk.
#[derive(Debug, Clone, Default)]
pub struct Receipt {
    /// Per event its position, or `None` for a recognised duplicate.
    pub positions: Vec<Option<Position>>,
}

/// A question to the log.
#[derive(Debug, Clone)]
pub struct Scan {
    /// Whose log.
    pub project: ProjectId,
    /// First position wanted.
    pub from: Position,
    /// Last position wanted.
    pub to: Position,
    /// Only events with `time_from <= timestamp`.
    pub time_from: Option<Timestamp>,
    /// Only events with `timestamp < time_to`.
    pub time_to: Option<Timestamp>,
    /// Which events.
    pub predicate: Expr,
    /// Which way.
    pub order: Order,
    /// Stop after so many matches.
    pub limit: Option<usize>,
}

/// A piece of an answer: matching rows in the scan's order, and how far the scan has come (also when nothing matched).
#[derive(Debug, Clone)]
pub struct Scanned {
    /// Matching rows, in order.
    pub batch: RecordBatch,
    /// Every position up to here (in the scan's direction) has been decided.
    pub through: Position,
}

/// What a scan read so far, so that tests and metrics can bound it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanStats {
    /// Groups read from the store.
    pub groups_read: u64,
    /// Their bytes.
    pub bytes_read: u64,
    /// Rows looked at.
    pub rows_read: u64,
}

/// The Event log. Cheap to clone; all clones are the same log.
#[derive(Debug, Clone)]
pub struct Log {
    store: Arc<dyn Store>,
}

impl Log {
    /// Opens the log and starts its committer, which ends when the last `Log` is dropped or [`Log::close`] is called.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(store: Arc<dyn Store>, clock: Arc<dyn Clock>, settings: LogSettings) -> Result<Self> {
        let _ = (clock, settings);
        Ok(Self { store })
    }

    /// Commits; the answer means "on disk".
    ///
    /// # Errors
    /// `conflict` when an expectation failed, `storage_full` and `overloaded` (nothing was taken, try again), `closing`.
    pub async fn submit(&self, submission: Submission) -> Result<Receipt> {
        let _ = (&self.store, submission);
        Err(Error::not_available("the log"))
    }

    /// Last committed position of a project.
    #[must_use]
    pub fn head(&self, project: &ProjectId) -> Position {
        let _ = project;
        Position::ZERO
    }

    /// Follows the last committed position of a project; also wakes delivery.
    #[must_use]
    pub fn follow(&self, project: &ProjectId) -> watch::Receiver<Position> {
        let _ = project;
        watch::channel(Position::ZERO).1
    }

    /// The one way to read events. Batches are bounded (at most 8,192 rows, about 4 MiB); nothing is held open between them.
    #[must_use]
    pub fn scan(&self, scan: Scan) -> BoxStream<'static, Result<Scanned>> {
        let _ = scan;
        Box::pin(futures_util::stream::empty())
    }

    /// Refuses new submissions, finishes those under way, and ends the committer.
    pub async fn close(&self) {}
}
