//! Live tail: events as they are committed.

use std::time::Duration;

use arrow_array::RecordBatch;
use auditwire_model::access::{Caller, Verb};
use auditwire_model::event::{Columns, Plane, rows};
use auditwire_model::query::Expr;
use auditwire_model::{Position, ProjectId};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use super::within;
use crate::Engine;
use crate::error::{Error, Kind, Result};
use crate::log::{Log, Scan, Scanned};
use crate::reading::{self, Looked};
use crate::store::Order;

/// When a slot for a live tail may be free again.
const TAIL_WAIT: Duration = Duration::from_secs(5);

/// Matching events as they are committed, beginning after `after` (or at the present end of the log). Ends when the log
/// is closed. Dropping the stream frees its place among the project's tails.
///
/// # Errors
/// `forbidden`, `project_not_found`, `too_many_tails`.
pub async fn tail(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    query: Expr,
    plane: Option<Plane>,
    after: Option<Position>,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let looked = Looked::new(&query, plane, None, None);
    let look = reading::begin(engine, caller, project, Verb::TailEvents, looked).await?;
    let Some(permit) = engine.log.tail_permit(project) else {
        let detail = "too many live tails of this project are open; close one or try again later";
        return Err(Error::new(Kind::Busy, "too_many_tails", detail).retry_after(TAIL_WAIT));
    };
    let head = engine.log.follow(project);
    let after = after.unwrap_or_else(|| *head.borrow());
    let follow = Follow {
        log: engine.log.clone(),
        project: project.clone(),
        predicate: within(query, plane),
        head,
        after,
        scan: None,
    };
    // The permit lives as long as the stream.
    let batches = stream::try_unfold((follow, permit, look), |(mut follow, permit, mut look)| async move {
        Ok(follow.next().await?.map(|batch| {
            // What a tail shows of looking at it would be told as a look for ever.
            look.showed(rows(&batch).filter(|event| !reading::tells(event)).count());
            look.tell();
            (batch, (follow, permit, look))
        }))
    });
    Ok(batches.boxed())
}

pub(super) struct Follow {
    pub(super) log: Log,
    pub(super) project: ProjectId,
    pub(super) predicate: Expr,
    pub(super) head: tokio::sync::watch::Receiver<Position>,
    pub(super) after: Position,
    /// The scan under way.
    pub(super) scan: Option<BoxStream<'static, Result<Scanned>>>,
}

impl Follow {
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(scan) = &mut self.scan {
                match scan.next().await {
                    Some(scanned) => {
                        let scanned = scanned?;
                        self.after = scanned.through;
                        if scanned.batch.num_rows() > 0 {
                            return Ok(Some(scanned.batch));
                        }
                        continue;
                    }
                    None => self.scan = None,
                }
            }
            let head = tokio::select! {
                head = passed(&mut self.head, self.after) => head,
                _ = self.log.ended() => None,
            };
            let Some(head) = head else { return Ok(None) };
            self.scan = Some(self.log.scan(self.question(head)));
        }
    }

    fn question(&self, to: Position) -> Scan {
        Scan {
            project: self.project.clone(),
            from: self.after.next(),
            to,
            time_from: None,
            time_to: None,
            predicate: self.predicate.clone(),
            order: Order::Ascending,
            limit: None,
            columns: Columns::ALL,
            numbered: false,
        }
    }
}

async fn passed(head: &mut tokio::sync::watch::Receiver<Position>, after: Position) -> Option<Position> {
    head.wait_for(|head| *head > after).await.ok().map(|head| *head)
}
