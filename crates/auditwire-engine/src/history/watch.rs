//! Leaves steps out with age, every ten minutes, in small commits. A project whose connections are idle costs one small read.

use std::time::Duration;

use auditwire_model::access::Caller;
use auditwire_model::{ProjectId, Timestamp};

use super::merge::{bucket, merge};
use super::put;
use super::read::{STEPS_MAX, decode};
use crate::Engine;
use crate::error::Result;
use crate::log::Submission;
use crate::records::DeliveryStep;
use crate::store::{Change, Effect, Expect, Order, Record, RecordKind};
use crate::tasks::Task;
use crate::{projects, retention};

const EVERY: Duration = Duration::from_secs(600);
/// Changes of one commit.
const COMMIT: usize = 256;
/// Steps are kept for so long, also where events are not: the charts of a month need them.
const KEPT_MIN: Duration = Duration::from_secs(30 * 24 * 3600);

/// Begins to merge, until the engine closes. Returns at once.
pub fn start(engine: &Engine) {
    engine.keep(Task::History, |merged| async move {
        loop {
            if merged.unless_closing(tokio::time::sleep(EVERY)).await.is_err() {
                return;
            }
            match merged.unless_closing(round(&merged)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "steps of the delivery could not be merged; trying again"),
                Err(_) => return,
            }
        }
    });
}

/// One look at all projects.
///
/// # Errors
/// When the projects cannot be listed.
pub async fn round(engine: &Engine) -> Result<()> {
    for project in projects::list(engine, &Caller::Service).await? {
        let looked = engine.tasks().caught(Task::History, look(engine, &project.id)).await;
        if let Err(error) = looked.unwrap_or_else(|panicked| Err(panicked.into())) {
            tracing::warn!(project = %project.id, %error, "a project's delivery steps could not be merged; trying again");
        }
    }
    Ok(())
}

async fn look(engine: &Engine, project: &ProjectId) -> Result<()> {
    engine.tasks().reach("history", project.as_str());
    let ids = engine.store.record_ids(RecordKind::DeliveryStep, project, ["", "\u{10FFFF}"]).await?;
    if ids.is_empty() {
        return Ok(());
    }
    // What is merged or ended does not come back.
    let now = engine.log.trusted_now();
    let age = retention::get(engine, &Caller::Service, project).await?.holds.age.map(|age| age.max(KEPT_MIN));
    let mut work = Work { engine, project, changes: Vec::new() };
    for ids in ids.chunk_by(|a, b| connection_of(a) == connection_of(b)) {
        let old = ids.partition_point(|id| age.is_some_and(|age| is_older(id, now, age)));
        let (gone, ids) = ids.split_at(old.max(ids.len().saturating_sub(STEPS_MAX as usize)));
        work.end(gone, ids.first()).await?;
        for stretch in
            ids.chunk_by(|a, b| stretch_of(a, now).is_some_and(|stretch| Some(stretch) == stretch_of(b, now)))
        {
            work.merge(stretch).await?;
        }
    }
    work.commit(0).await
}

fn connection_of(id: &str) -> Option<&str> {
    DeliveryStep::named_by(id).map(|(connection, _)| connection)
}

fn stretch_of(id: &str, now: Timestamp) -> Option<(i64, i64)> {
    DeliveryStep::named_by(id).and_then(|(_, at)| bucket(at, now))
}

fn is_older(id: &str, now: Timestamp, age: Duration) -> bool {
    DeliveryStep::named_by(id).is_some_and(|(_, at)| now.since(at) > age)
}

struct Work<'a> {
    engine: &'a Engine,
    project: &'a ProjectId,
    changes: Vec<Change>,
}

impl Work<'_> {
    /// Merges the steps of one stretch of time.
    async fn merge(&mut self, ids: &[String]) -> Result<()> {
        if ids.len() < 2 {
            return Ok(());
        }
        let records = self.read(ids).await?;
        let steps = records.iter().map(decode).collect::<Result<Vec<_>>>()?;
        for (step, places) in merge(&steps) {
            let Some((last, gone)) = records.get(places).and_then(<[Record]>::split_last) else { continue };
            if gone.is_empty() {
                continue;
            }
            self.changes.extend(gone.iter().map(deleted));
            self.changes.push(put(self.project, last.key.id.clone(), Expect::Version(last.version), step)?);
        }
        self.commit(COMMIT).await
    }

    /// Ends what is too old. The first step that stays learns what the connection was called then.
    async fn end(&mut self, ids: &[String], stays: Option<&String>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let records = self.read(ids).await?;
        let mut beginning = None;
        for record in &records {
            beginning = decode(record)?.beginning.or(beginning);
            self.changes.push(deleted(record));
        }
        if let Some(id) = stays
            && let Some(record) = self.read(std::slice::from_ref(id)).await?.first()
        {
            let step = decode(record)?;
            if step.beginning.is_none() && beginning.is_some() {
                let step = DeliveryStep { beginning, ..step };
                self.changes.push(put(self.project, id.clone(), Expect::Version(record.version), step)?);
                // Its version has changed: what is decided next about it must see that.
                return self.commit(0).await;
            }
        }
        self.commit(COMMIT).await
    }

    async fn read(&self, ids: &[String]) -> Result<Vec<Record>> {
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(Vec::new()) };
        let behind = format!("{last}\0");
        let store = &self.engine.store;
        let (kind, ids) = (RecordKind::DeliveryStep, [first.as_str(), behind.as_str()]);
        Ok(store.records_between(kind, self.project, ids, Order::Ascending, u32::MAX).await?)
    }

    /// Commits when there are more changes than `above`. A stretch is never cut in two.
    async fn commit(&mut self, above: usize) -> Result<()> {
        if self.changes.len() <= above {
            return Ok(());
        }
        let changes = std::mem::take(&mut self.changes);
        self.engine.log.submit(Submission { project: None, events: Vec::new(), changes }).await.map(drop)
    }
}

fn deleted(record: &Record) -> Change {
    Change { key: record.key.clone(), expect: Expect::Version(record.version), effect: Effect::Delete }
}
