//! Which events were stored under another id than they came with, until that is told.

use std::time::Duration;

use arrow_array::cast::AsArray;
use auditwire_model::event::columns;
use auditwire_model::{Position, ProjectId};
use tokio::sync::Notify;

use super::commit::Committer;
use crate::repeats::{Gathered, Repeats};

/// Characters of a source's name that are kept.
const SOURCE_MAX: usize = 128;

/// Whose events have the same id. Names are cut; no name is an empty one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Senders {
    pub(crate) project: ProjectId,
    /// `source.id` of the event that keeps the id.
    pub(crate) first: String,
    /// `source.id` of the event that came later.
    pub(crate) second: String,
}

/// An id that came twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) id: String,
    /// The event that keeps it.
    pub(crate) first: Position,
    /// The event that came later.
    pub(crate) second: Position,
    /// Its id now.
    pub(crate) stored_as: String,
}

/// What was not told yet; of each pair of senders the first conflict.
#[derive(Debug, Default)]
pub(crate) struct Conflicts {
    repeats: Repeats<Senders, Option<Conflict>>,
    wake: Notify,
}

impl Conflicts {
    pub(super) fn note(&self, senders: &Senders, conflict: &Conflict, now: Duration) {
        // More pairs than are kept apart are told together: a client may make up as many names as it likes.
        let others = Senders { first: "…".to_owned(), second: "…".to_owned(), project: senders.project.clone() };
        let due = self.repeats.note(senders.clone(), others, now, |first| {
            first.get_or_insert_with(|| conflict.clone());
        });
        if due {
            self.wake.notify_one();
        }
    }

    /// Waits until something can be told.
    pub(crate) async fn noted(&self) {
        self.wake.notified().await;
    }

    pub(crate) fn due(&self, now: Duration) -> Vec<(Senders, Gathered<Option<Conflict>>)> {
        self.repeats.due(now)
    }

    pub(crate) fn rest(&self, now: Duration) -> Vec<(Senders, Gathered<Option<Conflict>>)> {
        self.repeats.rest(now)
    }
}

pub(super) fn cut(source: Option<&str>) -> String {
    source.unwrap_or_default().chars().take(SOURCE_MAX).collect()
}

impl Committer {
    /// The source of a committed event; empty when it cannot be read.
    pub(super) async fn source_of(&self, project: &ProjectId, at: Position) -> String {
        let row = self.shared.event(project, at).await.ok().flatten();
        cut(row.as_ref().and_then(|row| {
            let sources = row.column(columns::SOURCE_ID).as_string::<i32>();
            sources.iter().next().flatten()
        }))
    }
}
