//! What is handed to the log to be committed, and its answer.

use auditwire_model::event::Event;
use auditwire_model::{Position, ProjectId};
use tokio::sync::oneshot;

use super::error;
use crate::error::Result;
use crate::store::{Change, Effect};

/// Something to commit: events of one project, changes of records, or both; all or nothing. Of the service's own events project
/// `system` gets copies in the same commit (`audit`).
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

/// The answer to a [`Submission`] that waits for its commit.
#[derive(Debug)]
pub struct Answer(pub(super) oneshot::Receiver<Result<Receipt>>);

impl Answer {
    /// Waits until it is on disk.
    ///
    /// # Errors
    /// As [`Log::submit`](super::Log::submit).
    pub async fn receipt(self) -> Result<Receipt> {
        self.0.await.unwrap_or_else(|_| Err(error::ended()))
    }
}

impl Submission {
    /// The memory it holds, in bytes, roughly.
    pub(crate) fn weight(&self) -> usize {
        let value = |change: &Change| match &change.effect {
            Effect::Put(value) => value.len(),
            Effect::Delete | Effect::None => 0,
        };
        self.events.iter().map(event_weight).sum::<usize>()
            + self.changes.iter().map(|c| size_of::<Change>() + c.key.id.len() + value(c)).sum::<usize>()
    }
}

/// The memory an event holds, in bytes, roughly.
pub(crate) fn event_weight(event: &Event) -> usize {
    size_of::<Event>() + event.event_id.len() + event.draft.weight()
}
