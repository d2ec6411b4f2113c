//! Segments: sealed history, one Parquet file each (`docs/formats/segment.md`). [`SegmentWriter`] makes them,
//! [`Segments`] reads them. Nothing here knows which segments exist: that is the store's.

mod candidates;
mod decode;
mod fetch;
mod filter;
mod footer;
pub(super) mod foreign;
mod layout;
mod notes;
mod open;
mod pool;
mod probe;
mod ranges;
mod reader;
mod summary;
pub(super) mod survey;
mod unit;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

use bytes::Bytes;
use parquet::errors::ParquetError;

use auditwire_model::{Position, ProjectId, Timestamp};

pub(crate) use open::{Opened, Read};
pub(crate) use reader::Segments;
pub(crate) use summary::{Counted, Summary};
pub(crate) use survey::{Run, Survey};
pub(crate) use unit::{Found, Unit};
pub(crate) use writer::SegmentWriter;

/// Why a segment cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SegmentError {
    /// There is no such object. It may have been replaced by a merge: read the spans again.
    #[error("segment {0} is missing")]
    Missing(String),
    /// Its bytes are not what a writer wrote.
    #[error("segment {name} is damaged: {detail}")]
    Damaged { name: String, detail: String },
    /// The object store failed; trying again may help.
    #[error("segment {name} could not be read")]
    Unreadable { name: String, source: object_store::Error },
    /// A segment could not be encoded; a defect of the program.
    #[error("a segment could not be written: {0}")]
    Unwritable(String),
    /// The threads that read are gone; only while the process ends.
    #[error("the reading threads have ended")]
    Ended,
    /// What works on its rows met a defect of the program; the segment may be well.
    #[error(transparent)]
    Panicked(#[from] crate::tasks::Panicked),
}

impl SegmentError {
    fn damaged(name: &str, detail: impl ToString) -> Self {
        Self::Damaged { name: name.to_owned(), detail: detail.to_string() }
    }

    fn unwritable(detail: impl ToString) -> Self {
        Self::Unwritable(detail.to_string())
    }
}

impl From<ParquetError> for SegmentError {
    /// Only the writer uses it; a reader says whose bytes are wrong.
    fn from(error: ParquetError) -> Self {
        Self::unwritable(error)
    }
}

impl From<arrow_schema::ArrowError> for SegmentError {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::unwritable(error)
    }
}

/// A segment whose last bytes are here; the earlier ones were taken with [`SegmentWriter::take_bytes`].
#[derive(Debug)]
pub(crate) struct Finished {
    /// The rest of the file.
    pub(crate) bytes: Bytes,
    /// What it holds of each project, in the file's order. Positions of one project may have gaps between two spans.
    pub(crate) spans: Vec<SealedSpan>,
    /// Rows in the file.
    pub(crate) rows: u64,
    /// Length of the whole file.
    pub(crate) total_bytes: u64,
}

/// Consecutive positions of one project in a segment.
#[derive(Debug, Clone)]
pub(crate) struct SealedSpan {
    /// Whose events.
    pub(crate) project: ProjectId,
    /// Position of the first row.
    pub(crate) first: Position,
    /// How many rows.
    pub(crate) rows: u32,
    /// Row of the file at which it begins.
    pub(crate) offset: u32,
    /// Earliest event time.
    pub(crate) time_min: Timestamp,
    /// Latest event time.
    pub(crate) time_max: Timestamp,
    /// Counts per minute and per hour ([`Summary`]); empty when there would be too many of them.
    pub(crate) summary: Bytes,
}
