//! The store as the engine uses it: one that contradicts itself takes no more writes, whoever found out. SQLite goes on
//! writing into a file whose pages contradict each other, and each write may destroy what could still be read.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use auditwire_model::{Position, ProjectId};
use bytes::Bytes;

use super::blob;
use crate::readiness::{Readiness, Trouble};
use crate::store::{
    Checkpoint, Commit, GroupId, Head, IdRunHead, LeftFile, Order, ProjectSize, Record, RecordKey, RecordKind,
    SealedSpan, Segment, SegmentId, Span, Store, StoreError, StoreStats,
};

/// Looks at every answer of a store. What is found stands until the process ends: only a look at the disk helps.
#[derive(Debug)]
pub(crate) struct Guarded {
    store: Arc<dyn Store>,
    readiness: Readiness,
    /// Why nothing is written any more.
    malformed: OnceLock<String>,
    /// A row or a blob is damaged; the others are well.
    damaged: OnceLock<()>,
}

impl Guarded {
    pub(super) fn new(store: Arc<dyn Store>, readiness: Readiness) -> Self {
        Self { store, readiness, malformed: OnceLock::new(), damaged: OnceLock::new() }
    }

    /// Whether changes are refused because the store contradicts itself.
    pub(super) fn refuses(&self) -> bool {
        self.malformed.get().is_some()
    }

    /// Refuses what could not be written anyway.
    pub(super) fn check(&self) -> crate::error::Result<()> {
        self.malformed.get().map_or(Ok(()), |what| Err(super::store_damaged(what)))
    }

    fn seen<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        match &done {
            Err(StoreError::Malformed(what)) if self.malformed.set(what.clone()).is_ok() => {
                self.readiness.raise(Trouble::StoreDamaged, format!("{what}; nothing more is written"));
            }
            Err(StoreError::Damaged(what)) => self.damaged(what),
            _ => {}
        }
        done
    }

    /// What is damaged by itself does not keep the rest from being written.
    fn damaged(&self, what: &str) {
        if self.damaged.set(()).is_ok() && !self.refuses() {
            self.readiness.raise(Trouble::StoreDamaged, what);
        }
    }
}

#[async_trait]
impl Store for Guarded {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        if let Some(what) = self.malformed.get() {
            return Err(StoreError::Malformed(what.clone()));
        }
        self.seen(self.store.commit(commit).await)
    }

    async fn record(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        self.seen(self.store.record(key).await)
    }

    async fn records(&self, kind: RecordKind, project: Option<&ProjectId>) -> Result<Vec<Record>, StoreError> {
        self.seen(self.store.records(kind, project).await)
    }

    async fn record_ids(
        &self,
        kind: RecordKind,
        project: &ProjectId,
        ids: [&str; 2],
    ) -> Result<Vec<String>, StoreError> {
        self.seen(self.store.record_ids(kind, project, ids).await)
    }

    async fn records_between(
        &self,
        kind: RecordKind,
        project: &ProjectId,
        ids: [&str; 2],
        order: Order,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        self.seen(self.store.records_between(kind, project, ids, order, limit).await)
    }

    async fn heads(&self) -> Result<(Vec<Head>, Option<GroupId>), StoreError> {
        self.seen(self.store.heads().await)
    }

    async fn spans(
        &self,
        project: &ProjectId,
        from: Position,
        to: Position,
        order: Order,
        limit: u32,
    ) -> Result<Vec<Span>, StoreError> {
        self.seen(self.store.spans(project, from, to, order, limit).await)
    }

    async fn blobs(&self, groups: &[GroupId]) -> Result<Vec<(GroupId, Bytes)>, StoreError> {
        let blobs = self.seen(self.store.blobs(groups).await)?;
        for (id, bytes) in &blobs {
            // Whoever reads it meets the same; here it is told.
            if let Some(what) = blob::damage(bytes) {
                self.damaged(&format!("the events of group {}: {what}", id.0));
            }
        }
        Ok(blobs)
    }

    async fn fresh(&self, limit: u32) -> Result<Vec<Span>, StoreError> {
        self.seen(self.store.fresh(limit).await)
    }

    async fn oldest_groups(&self, through: GroupId, limit: u32) -> Result<Vec<(GroupId, u64)>, StoreError> {
        self.seen(self.store.oldest_groups(through, limit).await)
    }

    async fn segment(&self, id: SegmentId) -> Result<Option<Segment>, StoreError> {
        self.seen(self.store.segment(id).await)
    }

    async fn segments(&self) -> Result<Vec<(Segment, u64)>, StoreError> {
        self.seen(self.store.segments().await)
    }

    async fn segment_spans(&self, id: SegmentId) -> Result<Vec<SealedSpan>, StoreError> {
        self.seen(self.store.segment_spans(id).await)
    }

    async fn sealed(
        &self,
        project: &ProjectId,
        from: Position,
        to: Position,
        limit: u32,
    ) -> Result<Vec<SealedSpan>, StoreError> {
        self.seen(self.store.sealed(project, from, to, limit).await)
    }

    async fn left_files(&self) -> Result<Vec<LeftFile>, StoreError> {
        self.seen(self.store.left_files().await)
    }

    async fn sizes(&self) -> Result<Vec<ProjectSize>, StoreError> {
        self.seen(self.store.sizes().await)
    }

    async fn id_run_heads(&self, project: &ProjectId) -> Result<Vec<IdRunHead>, StoreError> {
        self.seen(self.store.id_run_heads(project).await)
    }

    async fn id_run_part(&self, project: &ProjectId, first: Position, part: u32) -> Result<Option<Bytes>, StoreError> {
        self.seen(self.store.id_run_part(project, first, part).await)
    }

    async fn checkpoint(&self, step: Checkpoint) -> Result<bool, StoreError> {
        // The write-ahead log is part of what can still be read.
        if self.refuses() { Ok(false) } else { self.seen(self.store.checkpoint(step).await) }
    }

    async fn shrink(&self, keep: u64, step: u64) -> Result<bool, StoreError> {
        if self.refuses() { Ok(false) } else { self.seen(self.store.shrink(keep, step).await) }
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        self.seen(self.store.stats().await)
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.seen(self.store.check().await)
    }
}
