//! When the events of a log happened: its earliest and latest event time.

use auditwire_model::{Position, ProjectId, Timestamp};

use crate::Engine;
use crate::error::Result;
use crate::store::Order;

/// Spans looked at in one step.
const SPANS: u32 = 1024;

/// The earliest and the latest `timestamp` in the log; `None` while it is empty. No event is read: the store keeps the
/// bounds of each span.
///
/// # Errors
/// When the store fails.
pub(super) async fn extent(engine: &Engine, project: &ProjectId) -> Result<Option<(Timestamp, Timestamp)>> {
    let head = engine.log.head(project);
    let (mut next, mut found) = (Position(1), None);
    while next <= head {
        let spans = engine.store.spans(project, next, head, Order::Ascending, SPANS).await?;
        let Some(last) = spans.last() else { break };
        next = last.last().next();
        for span in &spans {
            let (min, max) = found.unwrap_or((span.time_min, span.time_max));
            found = Some((min.min(span.time_min), max.max(span.time_max)));
        }
    }
    Ok(found)
}
