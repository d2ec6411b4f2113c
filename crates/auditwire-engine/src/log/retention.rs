//! Retention: events that are older than their project keeps them, or beyond the size it may have, end. Whole spans, the
//! oldest first; the segments that no span names any more are swept. What a project keeps is decided by [`rule`]; a reduction that
//! has waited long enough is made here, before anything ends by it.

mod rule;

use auditwire_model::access::Caller;
use auditwire_model::{Position, ProjectId, Severity};

use super::commit::Step;
use super::upkeep::Keeper;
use super::{Submission, error};
use crate::audit::{Audit, action};
use crate::error::Result;
use crate::records::{Document, Expired, ExpiredRecord, Keeping, KeptFor, Reduction, RetentionRecord};
use crate::store::{Change, Effect, Expect, Expire, ProjectSize, Record, RecordKey, RecordKind, SealedSpan, Store};
use rule::Ending;
pub(super) use rule::later;
pub use rule::{Floor, Retention, RetentionRule};

/// Spans that end with one commit, at most.
const SPANS: u32 = 64;

/// Where a project's setting is stored.
pub(crate) fn retention_key(project: &ProjectId) -> RecordKey {
    RecordKey::of(RecordKind::Retention, project, "retention")
}

/// Where it is stored what a project's log has dropped.
pub(crate) fn expired_key(project: &ProjectId) -> RecordKey {
    RecordKey::of(RecordKind::Expired, project, "expired")
}

/// What a project's log has dropped so far.
pub(crate) async fn expired(store: &dyn Store, project: &ProjectId) -> Result<Option<Expired>> {
    let record = store.record(&expired_key(project)).await?;
    record.map(|record| Ok(ExpiredRecord::decode(&record)?.into_current())).transpose()
}

/// What a project has set, as it is stored; its version, to change it.
pub(crate) async fn keeping(store: &dyn Store, project: &ProjectId) -> Result<(Keeping, Expect)> {
    let Some(record) = store.record(&retention_key(project)).await? else {
        return Ok((Keeping::default(), Expect::Absent));
    };
    Ok((RetentionRecord::decode(&record)?.into_current(), Expect::Version(record.version)))
}

/// The change that stores it.
pub(crate) fn keep(project: &ProjectId, keeping: Keeping, expect: Expect) -> Result<Change> {
    let effect = Effect::Put(RetentionRecord::from(keeping).encode()?);
    Ok(Change { key: retention_key(project), expect, effect })
}

impl Keeper {
    /// Makes the reductions that are due, then lets all events end whose time is over.
    pub(super) async fn expire(&mut self) -> Result<()> {
        for record in self.shared.store.records(RecordKind::Retention, None).await.map_err(error::read)? {
            self.reduce(record).await?;
        }
        for size in self.shared.store.sizes().await.map_err(error::read)? {
            let (keeping, _) = keeping(&*self.shared.store, &size.project).await?;
            let done = self.expire_project(size, keeping.set).await;
            if done.is_err() {
                // Whether the commit happened may not be known.
                self.reload_first_kept().await?;
            }
            done?;
        }
        Ok(())
    }

    /// A reduction that is due becomes what is set: once, because the commit expects the very record that was read.
    async fn reduce(&self, record: Record) -> Result<()> {
        let (now, expect) = (self.shared.clock.now(), Expect::Version(record.version));
        let due = RetentionRecord::decode(&record)?.into_current().pending.filter(|reduction| reduction.at <= now);
        let (Some(Reduction { to, .. }), Some(project)) = (due, record.key.project) else { return Ok(()) };
        let holds = self.shared.settings.retention.holds(to);
        let event = Audit::new(action::RETENTION_APPLY, &Caller::Service)
            .on("project", &project)
            .severity(Severity::Warning)
            .with("days", holds.days_word())
            .with("bytes", holds.bytes_word())
            .message("The retention of the project was reduced, as it was asked for before: nobody has cancelled it")
            .build(now);
        let changes = vec![keep(&project, Keeping { set: to, pending: None }, expect)?];
        let submission = Submission { project: Some(project.clone()), events: vec![event], changes };
        match self.commit(Step::default(), submission).await {
            // It was cancelled or changed meanwhile.
            Err(error) if error.code == "conflict" => Ok(()),
            done => {
                done?;
                tracing::info!(%project, "a reduction of the retention has taken effect");
                Ok(())
            }
        }
    }

    async fn expire_project(&mut self, size: ProjectSize, set: KeptFor) -> Result<()> {
        let ProjectSize { project, mut bytes, .. } = size;
        let now = self.shared.clock.now();
        loop {
            let from = self.shared.first_kept(&project);
            let spans = self.shared.store.sealed(&project, from, Position(u64::MAX), SPANS).await;
            let spans = spans.map_err(error::read)?;
            let known = spans.iter().map(|s| (now.since(s.received_max), u64::from(s.span.blob_bytes)));
            let Ending { by_age, by_size } = self.shared.settings.retention.ending(set, known, bytes);
            let ended = spans.get(..by_age + by_size).unwrap_or_default();
            if ended.is_empty() {
                return Ok(());
            }
            bytes = bytes.saturating_sub(ended.iter().map(|sealed| u64::from(sealed.span.blob_bytes)).sum());
            let reason = if by_size > 0 { "size" } else { "age" };
            self.end(&project, ended, reason).await?;
        }
    }

    /// These spans, the oldest of the project, end: in one commit with the record and the event that tell of it.
    async fn end(&mut self, project: &ProjectId, spans: &[SealedSpan], reason: &str) -> Result<()> {
        let (Some(oldest), Some(newest)) = (spans.first(), spans.last()) else { return Ok(()) };
        let (now, through) = (self.shared.clock.now(), newest.span.last());
        let count: u64 = spans.iter().map(|sealed| u64::from(sealed.span.rows)).sum();
        let before = expired(&*self.shared.store, project).await?.map_or(0, |expired| expired.events);
        let record = ExpiredRecord::from(Expired { through, events: before + count, at: now }).encode()?;
        let change = Change { key: expired_key(project), expect: Expect::Any, effect: Effect::Put(record) };
        let first = oldest.span.first;
        let event = Audit::new(action::RETENTION_EXPIRE, &Caller::Service)
            .on("project", project)
            .severity(Severity::Notice)
            .with("first_seq", first)
            .with("last_seq", through)
            .with("count", count)
            .with("reason", reason)
            .message(format!(
                "Events {first} to {through} were kept as long as the project's retention says and are gone"
            ))
            .build(now);
        let submission = Submission { project: Some(project.clone()), events: vec![event], changes: vec![change] };
        let expire = vec![Expire { project: project.clone(), through }];
        self.commit(Step { expire, ..Step::default() }, submission).await?;
        self.look_for_leftovers();
        self.shared.counters.expired(count);
        tracing::info!(%project, first = first.0, through = through.0, reason, "events have expired");
        Ok(())
    }

    async fn reload_first_kept(&self) -> Result<()> {
        let (heads, _) = self.shared.store.heads().await.map_err(error::read)?;
        *self.shared.first_kept.write() = heads.into_iter().map(|head| (head.project, head.first)).collect();
        Ok(())
    }
}
