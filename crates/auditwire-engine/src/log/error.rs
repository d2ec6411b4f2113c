//! The log's errors, in one place.

use std::time::Duration;

use auditwire_model::{Position, ProjectId};

use super::segment::SegmentError;
use crate::error::{Error, Kind};
use crate::store::{RecordKey, StoreError};

/// Somebody must act.
const GONE_WAIT: Duration = Duration::from_secs(30);
/// A disk does not empty itself in a moment.
const FULL_WAIT: Duration = Duration::from_secs(5);

pub(super) fn overloaded() -> Error {
    let detail = "too much is waiting to be stored; nothing of this request was taken, send it again later";
    Error::new(Kind::Unavailable, "overloaded", detail).retry_after(Duration::from_secs(1))
}

/// The project has used up one of its quotas.
pub(super) fn project_quota(project: &ProjectId, limit: u64, what: &str, wait: Duration) -> Error {
    let detail = format!(
        "project {project} has used up its quota of {limit} {what}; nothing of this request was taken, send it again later, or \
         ask the operator for more"
    );
    Error::new(Kind::Busy, "project_quota", detail).retry_after(wait)
}

pub(super) fn closing() -> Error {
    let detail = "the service is shutting down; nothing of this request was taken, send it again";
    Error::new(Kind::Unavailable, "closing", detail).retry_after(Duration::from_secs(2))
}

pub(super) fn full() -> Error {
    let detail = "the disk is full; nothing of this request was taken, free some space and send it again";
    Error::new(Kind::Unavailable, "storage_full", detail).retry_after(FULL_WAIT)
}

/// The store contradicts itself.
pub(crate) fn store_damaged(what: &str) -> Error {
    let detail = format!(
        "the store is damaged ({what}) and nothing more is written to it: stop the service and take what can be read with \
         `auditwire store rescue`"
    );
    Error::new(Kind::Unavailable, "store_damaged", detail).retry_after(GONE_WAIT)
}

/// The log lies in files that nobody will find again.
pub(super) fn gone() -> Error {
    let detail = "the data folder of the service is gone; what is sent now would be lost: send it again when the service is back";
    Error::new(Kind::Unavailable, "storage_gone", detail).retry_after(GONE_WAIT)
}

/// Another process has opened the store.
pub(super) fn rival() -> Error {
    let detail =
        "another process uses the data folder of the service; nothing of this request was taken, send it again later";
    Error::new(Kind::Unavailable, "storage_rival", detail).retry_after(GONE_WAIT)
}

pub(super) fn conflict(key: &RecordKey) -> Error {
    Error::new(
        Kind::Conflict,
        "conflict",
        format!("{:?} {} has changed meanwhile; read it and try again", key.kind, key.id),
    )
}

/// The commit failed for sure.
pub(super) fn failed() -> Error {
    let detail = "the store failed; nothing of this request was taken, send it again later";
    Error::new(Kind::Unavailable, "storage_failed", detail).retry_after(Duration::from_secs(1))
}

/// Whether the commit happened is not known.
pub(super) fn ended() -> Error {
    let detail =
        "the store failed and the result is not known; send it again (what was stored is recognised by its id)";
    Error::new(Kind::Internal, "storage_failed", detail)
}

/// A defect of the program; the log tells more.
pub(super) fn defect(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Kind::Internal, "internal", "the events could not be stored").caused_by(source)
}

/// The threads that read have ended, as the process does.
pub(super) fn ended_reading() -> Error {
    Error::new(Kind::Unavailable, "closing", "the service is shutting down; ask again")
        .retry_after(Duration::from_secs(2))
}

/// Reading failed.
pub(super) fn read(error: StoreError) -> Error {
    match error {
        StoreError::Damaged(what) => Error::new(Kind::Internal, "damaged", format!("stored data is damaged: {what}")),
        StoreError::Malformed(what) => store_damaged(&what),
        StoreError::Newer(what) => Error::new(Kind::Internal, "newer_version", what),
        StoreError::Rival => rival(),
        other => Error::new(Kind::Internal, "storage_failed", "the store could not be read").caused_by(other),
    }
}

/// The file of a segment could not be written; the events stay fresh.
pub(super) fn segment_not_written(name: &str, source: object_store::Error) -> Error {
    let (code, why) = if is_full(&source) {
        ("storage_full", "there is no room for it; its events stay where they are until there is")
    } else {
        ("storage_failed", "its events stay where they are; it is tried again")
    };
    Error::new(Kind::Unavailable, code, format!("segment {name} could not be written: {why}")).caused_by(source)
}

/// The volume or its quota has no room left.
fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::{Error, ErrorKind};
    let full = |error: &Error| matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
    std::iter::successors(Some(error), |error| error.source()).any(|error| error.downcast_ref().is_some_and(full))
}

/// The file of a segment that nobody needs could not be removed.
pub(super) fn segment_not_removed(name: &str, source: object_store::Error) -> Error {
    Error::new(Kind::Unavailable, "storage_failed", format!("segment {name} could not be removed")).caused_by(source)
}

/// Files of events lie beside a store that holds nothing.
pub(super) fn segments_without_store(files: usize) -> Error {
    let detail = format!(
        "the store is empty, and {files} files of sealed events lie beside it in the folder segments: going on would make a second \
         history. Put the back-up of log.sqlite back; or make a new store from the files with `auditwire store adopt` (events \
         come back; connections, tokens and people do not); or name another data folder"
    );
    Error::new(Kind::Conflict, "segments_without_store", detail)
}

/// What a segment's file could not be read for.
pub(super) fn segment_read(error: SegmentError) -> Error {
    read(super::reader::sealed_error(error))
}

/// The folder of segments cannot be read.
pub(super) fn segments_not_listed(source: object_store::Error) -> Error {
    Error::new(Kind::Unavailable, "storage_failed", "the folder of segments cannot be read").caused_by(source)
}

/// The same for somebody else; the source stays with the first.
pub(super) fn copy(error: &Error) -> Error {
    let mut copy = Error::new(error.kind, error.code, error.detail.clone());
    copy.retry_after = error.retry_after;
    copy
}

/// Positions that should be there are not.
pub(super) fn missing(project: &ProjectId, from: Position, to: Position) -> Error {
    read(StoreError::Damaged(format!("no span of project {project} holds seq {from} to {to}")))
}
