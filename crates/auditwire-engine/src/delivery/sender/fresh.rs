//! Fresh events first (`options.order = live_first`). After an outage the backlog stays with the connection's own cursor, and
//! what comes from then on is a second stream: its own sender, link and cursor. Delivery numbers of the backlog are reserved
//! by counting what passes the filter in it. When the backlog is done the two become one again.
//!
//! Everything that asks how far a connection has come asks its own cursor, which knows nothing of the second stream: whoever
//! goes on from there sends something twice and leaves nothing out.

use std::sync::Arc;
use std::time::Duration;

use auditwire_model::connection::Order as Wanted;
use auditwire_model::event::Columns;
use auditwire_model::{Position, ProjectId};
use tokio::time::Instant;

use super::super::Context;
use super::{Course, Sender, part};
use crate::error::{Kind, Result};
use crate::log::{Scan, Submission};
use crate::records::{Cursor, CursorRecord, Document, Fresh, FreshRecord, SecondStream, StoredConnection};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};

/// A backlog counts as one when its oldest event is older.
const OUTAGE: Duration = Duration::from_secs(60);

impl Sender {
    /// Before a link: leaves what comes from now on to a second stream, if the connection wants that and was behind for
    /// longer than [`OUTAGE`].
    ///
    /// # Errors
    /// When the log or the store fails; nothing has changed then.
    pub(super) async fn split(&mut self) -> Result<()> {
        let Course::Live { until: None, streams } = &self.job.course else { return Ok(()) };
        if self.job.connection.spec.options.order != Wanted::LiveFirst {
            return Ok(());
        }
        let streams = Arc::clone(streams);
        let Cursor { settled, next_n, .. } = self.progress.cursor();
        let (first, next_n) = (settled.next(), (*next_n).max(1));
        let Some(oldest) = self.received_at(first).await else { return Ok(()) };
        if self.job.context.clock.now().since(oldest) < OUTAGE {
            return Ok(());
        }
        let head = self.job.context.log.head(&self.job.project);
        let passing = passing(&self.job.context, &self.job.project, &self.job.connection, (first, head)).await?;
        let cursor = Cursor { settled: head, next_n: next_n + passing, ..Cursor::beginning() };
        let fresh = Fresh { from: head.next(), filter: self.job.connection.spec.filter.clone(), cursor };
        if begin(&self.job.context, &self.job.project, &self.job.connection, self.job.epoch, &fresh).await? {
            let connection = &self.job.connection.id;
            tracing::info!(%connection, from = %fresh.from, backlog = passing, "fresh events go first, over a second link");
            streams.stored(SecondStream::from(&fresh));
            self.job.course = Course::Live { until: Some(head), streams: Arc::clone(&streams) };
            self.feed.end_at(head);
            streams.split.notify_one();
        }
        Ok(())
    }
}

/// How many events of a part of the log get a delivery number.
async fn passing(
    context: &Context,
    project: &ProjectId,
    connection: &StoredConnection,
    (from, to): (Position, Position),
) -> Result<u64> {
    let predicate = super::passing(connection)?;
    context.log.count(Scan { predicate, columns: Columns::NONE, ..part(project, from, to) }).await
}

/// Stores the beginning. False when the epoch is over.
async fn begin(
    context: &Context,
    project: &ProjectId,
    connection: &StoredConnection,
    epoch: u64,
    fresh: &Fresh,
) -> Result<bool> {
    let key = RecordKey::of(RecordKind::Fresh, project, connection.id.as_str());
    let put = Effect::Put(FreshRecord::from(fresh.clone()).encode()?);
    let changes = vec![fence(project, epoch), Change { key, expect: Expect::Absent, effect: put }];
    submit(context, project, changes).await
}

/// The second stream of a connection, if it has one.
pub(crate) async fn stored(
    context: &Context,
    project: &ProjectId,
    connection: &StoredConnection,
) -> Result<Option<Fresh>> {
    let key = RecordKey::of(RecordKind::Fresh, project, connection.id.as_str());
    let record = context.store.record(&key).await?;
    record.map(|record| Ok(FreshRecord::decode(&record)?.into_current())).transpose()
}

/// Whether two streams should become one: the backlog is done, or another filter was set, by which the numbers reserved for
/// the backlog are wrong.
pub(crate) fn must_join(fresh: &Fresh, own: &Cursor, connection: &StoredConnection) -> bool {
    own.done_through().next() >= fresh.from || fresh.filter != connection.spec.filter
}

/// Makes one stream of two. Neither may have a sender. False when the epoch is over.
///
/// # Errors
/// When the store fails; nothing has changed then.
pub(crate) async fn join(
    context: &Context,
    project: &ProjectId,
    connection: &StoredConnection,
    epoch: u64,
) -> Result<bool> {
    let begun = Instant::now();
    let Some(fresh) = stored(context, project, connection).await? else { return Ok(true) };
    let key = RecordKey::of(RecordKind::Cursor, project, connection.id.as_str());
    let (own, expect) = match context.store.record(&key).await? {
        Some(record) => (CursorRecord::decode(&record)?.into_current(), Expect::Version(record.version)),
        None => (Cursor::beginning(), Expect::Absent),
    };
    let again = own.done_through().next() < fresh.from;
    let one = if again { fresh.given_up(&own, context.log.head(project)) } else { fresh.joined(&own) };
    let put = Effect::Put(CursorRecord::from(one).encode()?);
    let gone = RecordKey::of(RecordKind::Fresh, project, connection.id.as_str());
    let changes = vec![
        fence(project, epoch),
        Change { key, expect, effect: put },
        Change { key: gone, expect: Expect::Any, effect: Effect::Delete },
    ];
    let joined = submit(context, project, changes).await?;
    tracing::info!(connection = %connection.id, again, took = ?begun.elapsed(), "the two streams are one again");
    Ok(joined)
}

fn fence(project: &ProjectId, epoch: u64) -> Change {
    let key = RecordKey::of(RecordKind::ActiveConnection, project, "active");
    Change { key, expect: Expect::Version(epoch), effect: Effect::None }
}

async fn submit(context: &Context, project: &ProjectId, changes: Vec<Change>) -> Result<bool> {
    let submission = Submission { project: Some(project.clone()), events: Vec::new(), changes };
    match context.log.submit(submission).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind == Kind::Conflict => Ok(false),
        Err(error) => Err(error),
    }
}
