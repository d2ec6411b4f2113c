//! The log's errors, in one place.

use std::time::Duration;

use auditwire_model::{Position, ProjectId};

use crate::error::{Error, Kind};
use crate::store::{RecordKey, StoreError};

/// A disk does not empty itself in a moment.
const FULL_WAIT: Duration = Duration::from_secs(5);

pub(super) fn overloaded() -> Error {
    let detail = "too much is waiting to be stored; nothing of this request was taken, send it again later";
    Error::new(Kind::Unavailable, "overloaded", detail).retry_after(Duration::from_secs(1))
}

pub(super) fn closing() -> Error {
    let detail = "the service is shutting down; nothing of this request was taken, send it again";
    Error::new(Kind::Unavailable, "closing", detail).retry_after(Duration::from_secs(2))
}

pub(super) fn full() -> Error {
    let detail = "the disk is full; nothing of this request was taken, free some space and send it again";
    Error::new(Kind::Unavailable, "storage_full", detail).retry_after(FULL_WAIT)
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
        other => Error::new(Kind::Internal, "storage_failed", "the store could not be read").caused_by(other),
    }
}

/// Positions that should be there are not.
pub(super) fn missing(project: &ProjectId, from: Position, to: Position) -> Error {
    read(StoreError::Damaged(format!("no span of project {project} holds seq {from} to {to}")))
}
