//! Retention: events that are older than their project keeps them, or beyond the size it may have, end. Whole spans, the
//! oldest first; the segments that no span names any more are swept. What a project keeps is decided by [`rule`]; a reduction that
//! has waited long enough is made here, before anything ends by it.

mod held;
mod rule;

use auditwire_model::access::Caller;
use auditwire_model::{Position, ProjectId, Severity, Timestamp};

use super::commit::Step;
use super::upkeep::Keeper;
use super::{Submission, error};
use crate::audit::{Audit, action};
use crate::error::Result;
use crate::records::{Document, Expired, ExpiredRecord, Keeping, KeptFor, Reduction, RetentionRecord};
use crate::store::{Change, Effect, Expect, Expire, ProjectSize, Record, RecordKey, RecordKind, SealedSpan, Store};
use rule::Ending;
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
    /// Makes the reductions that are due, then lets all events end whose time is over: by a time that is believed, and not before
    /// the clock has proved itself.
    pub(super) async fn expire(&mut self) -> Result<()> {
        let trusted = self.time().await?;
        self.tell_held(&trusted).await?;
        if !trusted.may_end {
            return Ok(());
        }
        let now = trusted.now;
        for record in self.shared.store.records(RecordKind::Retention, None).await.map_err(error::read)? {
            self.reduce(record, now).await?;
        }
        for size in self.shared.store.sizes().await.map_err(error::read)? {
            let (keeping, _) = keeping(&*self.shared.store, &size.project).await?;
            let done = self.expire_project(size, keeping.set, now).await;
            if done.is_err() {
                // Whether the commit happened may not be known.
                self.reload_first_kept().await?;
            }
            done?;
        }
        Ok(())
    }

    /// A reduction that is due becomes what is set: once, because the commit expects the very record that was read.
    async fn reduce(&self, record: Record, now: Timestamp) -> Result<()> {
        let expect = Expect::Version(record.version);
        let due = RetentionRecord::decode(&record)?.into_current().pending.filter(|reduction| reduction.at <= now);
        let (Some(Reduction { to, .. }), Some(project)) = (due, record.key.project) else { return Ok(()) };
        let holds = self.shared.settings.retention.holds(to);
        let event = Audit::new(action::RETENTION_APPLY, &Caller::Service)
            .on("project", &project)
            .severity(Severity::Warning)
            .with("days", holds.days_word())
            .with("bytes", holds.bytes_word())
            .message("The retention of the project was reduced, as it was asked for before: nobody has cancelled it")
            .build(self.shared.clock.now());
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

    /// The oldest spans of a project, and which of them end when it is `now`.
    async fn ending(&self, size: &ProjectSize, set: KeptFor, now: Timestamp) -> Result<(Vec<SealedSpan>, Ending)> {
        let (project, times) = (&size.project, &self.shared.times);
        let from = self.shared.first_kept(project);
        let spans = self.shared.store.sealed(project, from, Position(u64::MAX), SPANS).await.map_err(error::read)?;
        let known = spans.iter().map(|sealed| {
            let received = times.received(project, sealed.span.last(), sealed.received_max);
            (now.since(received), u64::from(sealed.span.blob_bytes))
        });
        let ending = self.shared.settings.retention.ending(set, known, size.bytes);
        Ok((spans, ending))
    }

    async fn expire_project(&mut self, mut size: ProjectSize, set: KeptFor, now: Timestamp) -> Result<()> {
        loop {
            let (spans, Ending { by_age, by_size }) = self.ending(&size, set, now).await?;
            let ended = spans.get(..by_age + by_size).unwrap_or_default();
            if ended.is_empty() {
                return Ok(());
            }
            let bytes = ended.iter().map(|sealed| u64::from(sealed.span.blob_bytes)).sum();
            size.bytes = size.bytes.saturating_sub(bytes);
            let reason = if by_size > 0 { "size" } else { "age" };
            self.end(&size.project, ended, reason).await?;
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
        let changes = vec![change, self.come()?];
        let submission = Submission { project: Some(project.clone()), events: vec![event], changes };
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
