//! The readers of id runs for [`log::foreign`](crate::log::foreign).

use auditwire_model::{Position, ProjectId, Timestamp};
use bytes::Bytes;

use super::run::{self, Entry, Extent};
use crate::store::{IdRun, StoreError};

pub(in crate::log) fn build(
    project: ProjectId,
    first: Position,
    newest: Timestamp,
    entries: Vec<Entry>,
) -> Result<IdRun, StoreError> {
    let last = Position(first.0 + entries.len() as u64);
    run::build(project, Extent { first, last, newest, level: 0 }, entries)
}

/// Where a hash is, and all entries.
pub(in crate::log) fn read_part(part: &Bytes, hash: u64) -> Result<(Vec<u64>, Vec<Entry>), StoreError> {
    let found = run::look_up(part, Position(1), hash)?;
    Ok((found.into_iter().map(|position| position.0).collect(), run::entries(part, Position(1))?.collect()))
}

pub(in crate::log) fn read_filter(filter: &Bytes, hash: u64) -> Result<bool, StoreError> {
    Ok(run::may_hold(&run::decode_filter(filter)?, hash))
}
