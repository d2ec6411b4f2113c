//! How many events match.

use auditwire_model::ProjectId;
use auditwire_model::access::{Caller, Verb};
use auditwire_model::event::Columns;

use super::Question;
use super::asking::Asking;
use super::known::number_known;
use crate::Engine;
use crate::error::Result;
use crate::reading;

/// How many events match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// So many.
    pub count: u64,
    /// False when there may be more: the time ran out, or a part of the log could not be read.
    pub exact: bool,
}

/// Counts the events that match.
///
/// # Errors
/// `forbidden`, `project_not_found`, `too_many_searches`.
pub async fn count(engine: &Engine, caller: &Caller, project: &ProjectId, question: &Question) -> Result<Count> {
    let _look = reading::begin(engine, caller, project, Verb::CountEvents, question.looked()).await?;
    let (mut count, rest) = number_known(engine, project, question.scan(project, Columns::NONE)).await?;
    let mut asking = Asking::begin(engine, project, rest, |_| ()).await?;
    while let Some(piece) = asking.next().await? {
        count += piece.rows as u64;
    }
    Ok(Count { count, exact: asking.whole() })
}
