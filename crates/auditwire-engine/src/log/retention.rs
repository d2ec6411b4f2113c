//! Retention: events that are older than their project keeps them, or beyond the size it may have, end. Whole spans, the
//! oldest first; the segments that no span names any more are swept.

use std::time::Duration;

use auditwire_model::access::Caller;
use auditwire_model::{ProjectId, Severity, Timestamp};

use super::commit::Step;
use super::upkeep::Keeper;
use super::{Submission, error};
use crate::audit::{Audit, action};
use crate::error::Result;
use crate::records::{Document, Expired, ExpiredRecord, KeptFor, RetentionRecord};
use crate::store::{Change, Effect, Expect, Expire, ProjectSize, RecordKey, RecordKind, SealedSpan, Store};

/// Spans that end with one commit, at most.
const SPANS: u32 = 64;
const DAY: u64 = 24 * 3600;

/// How long events are kept, where a project does not say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Since they were received. `None`: for ever. Default 365 days.
    pub age: Option<Duration>,
    /// Bytes of sealed events on disk, per project. `None`: no limit, which is the default.
    pub bytes: Option<u64>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { age: Some(Duration::from_secs(365 * DAY)), bytes: None }
    }
}

impl Retention {
    /// With what a project has set.
    #[must_use]
    pub fn with(self, set: KeptFor) -> Self {
        Self {
            age: set.days.map_or(self.age, |days| (days > 0).then(|| Duration::from_secs(u64::from(days) * DAY))),
            bytes: set.bytes.map_or(self.bytes, |bytes| (bytes > 0).then_some(bytes)),
        }
    }
}

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

impl Keeper {
    /// Lets all events end whose time is over.
    pub(super) async fn expire(&mut self) -> Result<()> {
        let sizes = self.shared.store.sizes().await.map_err(error::read)?;
        for size in sizes {
            let set = self.shared.store.record(&retention_key(&size.project)).await.map_err(error::read)?;
            let set = set.map(|record| RetentionRecord::decode(&record)).transpose()?;
            let keep = self.shared.settings.retention.with(set.map(RetentionRecord::into_current).unwrap_or_default());
            let done = self.expire_project(size, keep).await;
            if done.is_err() {
                // Whether the commit happened may not be known.
                self.reload_first_kept().await?;
            }
            done?;
        }
        Ok(())
    }

    async fn expire_project(&mut self, size: ProjectSize, keep: Retention) -> Result<()> {
        let ProjectSize { project, mut bytes, .. } = size;
        let now = self.shared.clock.now();
        let since = |oldest: Timestamp| now.since(oldest);
        loop {
            let (from, to) = (self.shared.first_kept(&project), auditwire_model::Position(u64::MAX));
            let spans = self.shared.store.sealed(&project, from, to, SPANS).await.map_err(error::read)?;
            let (mut too_old, mut too_many) = (0, 0);
            for sealed in &spans {
                if keep.age.is_some_and(|age| since(sealed.received_max) > age) && too_many == 0 {
                    too_old += 1;
                } else if keep.bytes.is_some_and(|most| bytes > most) {
                    too_many += 1;
                } else {
                    break;
                }
                bytes = bytes.saturating_sub(u64::from(sealed.span.blob_bytes));
            }
            let ended = spans.get(..too_old + too_many).unwrap_or_default();
            if ended.is_empty() {
                return Ok(());
            }
            let reason = if too_many > 0 { "size" } else { "age" };
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
        self.look_for_orphans();
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
