//! The store in memory, with faults on demand: for tests of everything that must survive a failing disk or a crash.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use auditwire_model::{Position, ProjectId, Timestamp};
use bytes::Bytes;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use parking_lot::Mutex;

use super::{
    Change, Checkpoint, Commit, Effect, Expect, Expire, FileNote, Group, GroupId, Head, IdRun, IdRunHead, Left,
    LeftFile, Order, Patch, Place, ProjectSize, Record, RecordKey, RecordKind, Replaced, Seal, SealedSpan, Segment,
    SegmentId, Span, Store, StoreError, StoreStats,
};

/// A place for the files of segments that forgets with the process.
#[must_use]
pub fn objects() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

/// What a commit does instead of working.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Fails as a full disk does; nothing is written.
    Full,
    /// Fails with nothing written.
    FailBefore,
    /// Fails although everything was written.
    FailAfter,
    /// The disk does not confirm; everything was written.
    Unsynced,
    /// Panics with nothing written.
    Panic,
    /// Never returns, with nothing written: what a crash at this point leaves.
    HangBefore,
    /// Never returns, with everything written.
    HangAfter,
}

/// A store that forgets with the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    faults: Mutex<HashMap<u64, Fault>>,
    crashed: AtomicBool,
    hangs: AtomicBool,
}

#[derive(Debug, Default, Clone)]
struct State {
    commits: u64,
    groups: BTreeMap<GroupId, Bytes>,
    /// First position that is kept, last one given.
    heads: BTreeMap<ProjectId, (Position, Position)>,
    segments: BTreeMap<SegmentId, Segment>,
    /// `received_max` and summary of the sealed spans.
    sealed: BTreeMap<(ProjectId, Position), (Timestamp, Bytes)>,
    spans: BTreeMap<(ProjectId, Position), Span>,
    /// Version and value.
    records: BTreeMap<RecordPlace, (u64, Vec<u8>)>,
    id_runs: BTreeMap<(ProjectId, Position), IdRun>,
    files: BTreeMap<String, Left>,
}

/// Unlike a key's own order, kind, project, id: the order in which records are listed.
type RecordPlace = (RecordKind, Option<ProjectId>, String);

impl MemoryStore {
    /// Lets the commit after `skip` more ones end in `fault`.
    pub fn inject(&self, skip: u64, fault: Fault) {
        let at = self.state.lock().commits + skip;
        self.faults.lock().insert(at, fault);
    }

    /// Takes back the faults that have not come up.
    pub fn heal(&self) {
        self.faults.lock().clear();
    }

    /// A commit hangs by an injected fault, for ever.
    #[must_use]
    pub fn hangs(&self) -> bool {
        self.hangs.load(Ordering::SeqCst)
    }

    /// What a machine finds after a crash now: a new store with all that was committed. This one fails from now on.
    #[must_use]
    pub fn crash(&self) -> Self {
        self.crashed.store(true, Ordering::SeqCst);
        Self { state: Mutex::new(self.state.lock().clone()), ..Self::default() }
    }

    /// A copy of all that was committed, as a back-up holds it. This one goes on.
    #[must_use]
    pub fn back_up(&self) -> Self {
        Self { state: Mutex::new(self.state.lock().clone()), ..Self::default() }
    }

    /// Changes stored bytes of a group, as a failing disk does.
    pub fn damage(&self, id: GroupId, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(blob) = self.state.lock().groups.get_mut(&id) {
            let mut bytes = blob.to_vec();
            change(&mut bytes);
            *blob = Bytes::from(bytes);
        }
    }

    async fn hang<T>(&self) -> T {
        self.hangs.store(true, Ordering::SeqCst);
        std::future::pending().await
    }

    fn alive(&self) -> Result<(), StoreError> {
        if self.crashed.load(Ordering::SeqCst) {
            Err(StoreError::Failed("the store has crashed".into()))
        } else {
            Ok(())
        }
    }
}

#[expect(clippy::panic, reason = "a test asked for it")]
fn injected<T>() -> T {
    panic!("injected");
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.alive()?;
        let fault = {
            let mut state = self.state.lock();
            state.commits += 1;
            self.faults.lock().remove(&(state.commits - 1))
        };
        let failed = |what: &'static str| what.into();
        match fault {
            None => self.state.lock().apply(commit),
            Some(Fault::Full) => Err(StoreError::Full(failed("injected: the disk is full"))),
            Some(Fault::FailBefore) => Err(StoreError::Failed(failed("injected: failed before writing"))),
            Some(Fault::HangBefore) => self.hang().await,
            Some(Fault::Panic) => injected(),
            Some(fault) => {
                self.state.lock().apply(commit)?;
                match fault {
                    Fault::HangAfter => self.hang().await,
                    Fault::Unsynced => Err(StoreError::Unsynced(failed("injected: not confirmed"))),
                    _ => Err(StoreError::Failed(failed("injected: failed after writing"))),
                }
            }
        }
    }

    async fn record(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        let found = state.records.get(&(key.kind, key.project.clone(), key.id.clone()));
        Ok(found.map(|(version, value)| Record { key: key.clone(), version: *version, value: value.clone() }))
    }

    async fn records(&self, kind: RecordKind, project: Option<&ProjectId>) -> Result<Vec<Record>, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        let wanted =
            state.records.iter().filter(|((k, p, _), _)| *k == kind && (project.is_none() || p.as_ref() == project));
        let record =
            |((kind, project, id), (version, value)): (&(_, Option<ProjectId>, String), &(u64, Vec<u8>))| Record {
                key: RecordKey { kind: *kind, project: project.clone(), id: id.clone() },
                version: *version,
                value: value.clone(),
            };
        Ok(wanted.map(record).collect())
    }

    async fn record_ids(
        &self,
        kind: RecordKind,
        project: &ProjectId,
        ids: [&str; 2],
    ) -> Result<Vec<String>, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        let [from, to] = ids.map(|id| (kind, Some(project.clone()), id.to_owned()));
        if from > to {
            return Ok(Vec::new());
        }
        Ok(state.records.range(from..to).map(|((_, _, id), _)| id.clone()).collect())
    }

    async fn records_between(
        &self,
        kind: RecordKind,
        project: &ProjectId,
        ids: [&str; 2],
        order: Order,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        let [from, to] = ids.map(|id| (kind, Some(project.clone()), id.to_owned()));
        if from > to {
            return Ok(Vec::new());
        }
        let record = |((kind, project, id), (version, value)): (&(_, Option<ProjectId>, String), &(u64, Vec<u8>))| {
            let key = RecordKey { kind: *kind, project: project.clone(), id: id.clone() };
            Record { key, version: *version, value: value.clone() }
        };
        let (found, limit) = (state.records.range(from..to), limit as usize);
        Ok(match order {
            Order::Ascending => found.take(limit).map(record).collect(),
            Order::Descending => found.rev().take(limit).map(record).collect(),
        })
    }

    async fn heads(&self) -> Result<(Vec<Head>, Option<GroupId>), StoreError> {
        self.alive()?;
        let state = self.state.lock();
        let head = |(project, (first, last)): (&ProjectId, &(Position, Position))| Head {
            project: project.clone(),
            first: *first,
            last: *last,
        };
        Ok((state.heads.iter().map(head).collect(), state.groups.last_key_value().map(|(id, _)| *id)))
    }

    async fn spans(
        &self,
        project: &ProjectId,
        from: Position,
        to: Position,
        order: Order,
        limit: u32,
    ) -> Result<Vec<Span>, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        let range = (Bound::Included((project.clone(), Position::ZERO)), Bound::Included((project.clone(), to)));
        let found = state.spans.range(range).map(|(_, span)| span).filter(|span| span.last() >= from).cloned();
        let limit = limit as usize;
        Ok(match order {
            Order::Ascending => found.take(limit).collect(),
            Order::Descending => found.rev().take(limit).collect(),
        })
    }

    async fn blobs(&self, groups: &[GroupId]) -> Result<Vec<(GroupId, Bytes)>, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        Ok(groups.iter().filter_map(|id| state.groups.get(id).map(|blob| (*id, blob.clone()))).collect())
    }

    async fn fresh(&self, limit: u32) -> Result<Vec<Span>, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        let in_group = |span: &&Span| matches!(span.place, Place::Group(_));
        let mut spans: Vec<Span> = state.spans.values().filter(in_group).cloned().collect();
        spans.sort_by_key(|span| (span.place, span.offset));
        spans.truncate(limit as usize);
        Ok(spans)
    }

    async fn oldest_groups(&self, through: GroupId, limit: u32) -> Result<Vec<(GroupId, u64)>, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        let newest = state.groups.last_key_value().map(|(id, _)| *id);
        let old = state.groups.iter().filter(|(id, _)| **id <= through && Some(**id) != newest);
        Ok(old.map(|(id, blob)| (*id, blob.len() as u64)).take(limit as usize).collect())
    }

    async fn segment(&self, id: SegmentId) -> Result<Option<Segment>, StoreError> {
        self.alive()?;
        Ok(self.state.lock().segments.get(&id).cloned())
    }

    async fn segments(&self) -> Result<Vec<(Segment, u64)>, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        let mut segments: Vec<(Segment, u64)> =
            state.segments.values().map(|segment| (segment.clone(), state.named(segment.id))).collect();
        segments.sort_by_key(|(segment, _)| (segment.rank, segment.id));
        Ok(segments)
    }

    async fn segment_spans(&self, id: SegmentId) -> Result<Vec<SealedSpan>, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        let inside = state.spans.values().filter(|span| span.place == Place::Segment(id));
        Ok(inside.filter_map(|span| state.sealed_span(span)).collect())
    }

    async fn sealed(
        &self,
        project: &ProjectId,
        from: Position,
        to: Position,
        limit: u32,
    ) -> Result<Vec<SealedSpan>, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        let range = (project.clone(), Position::ZERO)..=(project.clone(), to);
        let wanted = state.spans.range(range).map(|(_, span)| span).filter(|span| span.last() >= from);
        Ok(wanted.filter_map(|span| state.sealed_span(span)).take(limit as usize).collect())
    }

    async fn left_files(&self) -> Result<Vec<LeftFile>, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        Ok(state.files.iter().map(|(name, why)| LeftFile { name: name.clone(), why: *why }).collect())
    }

    async fn sizes(&self) -> Result<Vec<ProjectSize>, StoreError> {
        self.alive()?;
        let mut sizes: BTreeMap<ProjectId, ProjectSize> = BTreeMap::new();
        for span in self.state.lock().spans.values().filter(|span| matches!(span.place, Place::Segment(_))) {
            let project = span.project.clone();
            let size = sizes.entry(project.clone()).or_insert(ProjectSize { project, rows: 0, bytes: 0 });
            size.rows += u64::from(span.rows);
            size.bytes += u64::from(span.blob_bytes);
        }
        Ok(sizes.into_values().collect())
    }

    async fn id_run_heads(&self, project: &ProjectId) -> Result<Vec<IdRunHead>, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        let head = |run: &IdRun| IdRunHead {
            first: run.first,
            last: run.last,
            newest: run.newest,
            level: run.level,
            parts: u32::try_from(run.parts.len()).unwrap_or(u32::MAX),
            filter: run.filter.clone(),
        };
        Ok(state.id_runs.values().filter(|run| run.project == *project).map(head).collect())
    }

    async fn id_run_part(&self, project: &ProjectId, first: Position, part: u32) -> Result<Option<Bytes>, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        Ok(state.id_runs.get(&(project.clone(), first)).and_then(|run| run.parts.get(part as usize).cloned()))
    }

    async fn checkpoint(&self, _: Checkpoint) -> Result<bool, StoreError> {
        self.alive().map(|()| true)
    }

    async fn shrink(&self, _: u64, _: u64) -> Result<bool, StoreError> {
        self.alive().map(|()| false)
    }

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        let data_bytes = state.groups.values().map(|blob| blob.len() as u64).sum();
        Ok(StoreStats { data_bytes, wal_bytes: 0, free_bytes: 0, syncs: state.commits })
    }
}

impl State {
    /// All of it or nothing: everything happens on a copy.
    fn apply(&mut self, commit: Commit) -> Result<(), StoreError> {
        let mut next = self.clone();
        for change in commit.changes {
            next.change(change)?;
        }
        if let Some(group) = commit.group {
            next.add(group)?;
        }
        if let Some(seal) = commit.seal {
            next.seal(seal)?;
        }
        if let Some(patch) = commit.patch {
            next.patch(patch)?;
        }
        for expire in commit.expire {
            next.expire(expire)?;
        }
        if let Some(through) = commit.drop_groups {
            next.drop_groups(through)?;
        }
        for note in commit.files {
            match note {
                FileNote::Writing(name) => drop(next.files.insert(name, Left::Writing)),
                FileNote::Gone(name) => drop(next.files.remove(&name)),
            }
        }
        for key in commit.expired_id_runs {
            next.id_runs.remove(&key);
        }
        for run in commit.id_runs {
            next.id_runs
                .retain(|(project, first), _| *project != run.project || *first < run.first || *first > run.last);
            next.id_runs.insert((run.project.clone(), run.first), run);
        }
        *self = next;
        Ok(())
    }

    fn change(&mut self, change: Change) -> Result<(), StoreError> {
        let Change { key, expect, effect } = change;
        let place = (key.kind, key.project.clone(), key.id.clone());
        let version = self.records.get(&place).map(|(version, _)| *version);
        let holds = match expect {
            Expect::Any => true,
            Expect::Absent => version.is_none(),
            Expect::Version(expected) => version == Some(expected),
        };
        match effect {
            _ if !holds => return Err(StoreError::Conflict { key }),
            Effect::Put(value) => drop(self.records.insert(place, (version.unwrap_or(0) + 1, value))),
            Effect::Delete => drop(self.records.remove(&place)),
            Effect::None => {}
        }
        Ok(())
    }

    fn add(&mut self, group: Group) -> Result<(), StoreError> {
        let twice = |what: String| StoreError::Failed(what.into());
        if self.groups.insert(group.id, group.blob).is_some() {
            return Err(twice(format!("group {} exists", group.id.0)));
        }
        for span in group.spans {
            let (_, head) = self.heads.entry(span.project.clone()).or_insert((Position(1), Position::ZERO));
            if span.first != head.next() {
                return Err(twice(format!("{span:?} does not follow {head}")));
            }
            *head = span.last();
            self.spans.insert((span.project.clone(), span.first), span);
        }
        Ok(())
    }

    fn seal(&mut self, seal: Seal) -> Result<(), StoreError> {
        let replaced = |place: Place| match (&seal.replaces, place) {
            (Replaced::Groups(groups), Place::Group(id)) => groups.contains(&id.0),
            (Replaced::Segments(segments), Place::Segment(id)) => segments.contains(&id),
            _ => false,
        };
        for new in &seal.spans {
            let (project, first, last) = (&new.span.project, new.span.first, new.span.last());
            let range = (project.clone(), first)..=(project.clone(), last);
            let old: Vec<&Span> = self.spans.range(range).map(|(_, span)| span).collect();
            let exact = old.first().is_some_and(|span| span.first == first)
                && old.last().is_some_and(|span| span.last() == last)
                && old.iter().all(|span| replaced(span.place));
            if !exact {
                return Err(StoreError::Mismatch(format!("project {project}, seq {first} to {last}")));
            }
            self.spans.retain(|_, span| span.project != *project || span.first < first || span.first > last);
            self.sealed.retain(|(p, at), _| p != project || *at < first || *at > last);
            self.spans.insert((project.clone(), first), new.span.clone());
            self.sealed.insert((project.clone(), first), (new.received_max, new.summary.clone()));
        }
        self.files.remove(&seal.segment.name);
        if self.segments.insert(seal.segment.id, seal.segment).is_some() {
            return Err(StoreError::Failed("the segment exists".into()));
        }
        self.forget_segments(Left::Replaced);
        Ok(())
    }

    fn patch(&mut self, patch: Patch) -> Result<(), StoreError> {
        let mut old = Vec::new();
        for (project, first) in &patch.gone {
            let span = self.spans.get(&(project.clone(), *first));
            let missing = || StoreError::Mismatch(format!("project {project}, no span at seq {first}"));
            old.push(span.ok_or_else(missing)?.clone());
        }
        let head = |project: &ProjectId| {
            let (first, last) = *self.heads.get(project)?;
            Some(Head { project: project.clone(), first, last })
        };
        let heads = patch.heads_after(&old, head)?;
        for at in &patch.gone {
            self.spans.remove(at);
            self.sealed.remove(at);
        }
        for segment in patch.segments {
            if self.segments.values().any(|known| known.name == segment.name)
                || self.segments.insert(segment.id, segment).is_some()
            {
                return Err(StoreError::Failed("the segment exists".into()));
            }
        }
        for SealedSpan { span, received_max, summary } in patch.spans {
            let at = (span.project.clone(), span.first);
            self.sealed.insert(at.clone(), (received_max, summary));
            self.spans.insert(at, span);
        }
        self.heads.extend(heads.into_iter().map(|head| (head.project, (head.first, head.last))));
        let named: std::collections::BTreeSet<Place> = self.spans.values().map(|span| span.place).collect();
        self.segments.retain(|id, _| named.contains(&Place::Segment(*id)));
        Ok(())
    }

    fn expire(&mut self, Expire { project, through }: Expire) -> Result<(), StoreError> {
        let range = (project.clone(), Position::ZERO)..=(project.clone(), through);
        let going: Vec<&Span> = self.spans.range(range).map(|(_, span)| span).collect();
        let exact = going.last().is_some_and(|span| span.last() == through)
            && going.iter().all(|span| matches!(span.place, Place::Segment(_)));
        if !exact {
            return Err(StoreError::Mismatch(format!("project {project}, through seq {through}")));
        }
        self.spans.retain(|_, span| span.project != project || span.first > through);
        self.sealed.retain(|(p, first), _| *p != project || *first > through);
        if let Some((first, _)) = self.heads.get_mut(&project) {
            *first = through.next();
        }
        self.forget_segments(Left::Expired);
        Ok(())
    }

    fn drop_groups(&mut self, through: GroupId) -> Result<(), StoreError> {
        let named = |span: &&Span| matches!(span.place, Place::Group(id) if id <= through);
        if let Some(span) = self.spans.values().find(named) {
            return Err(StoreError::Mismatch(format!("{span:?} is in a group that is to go")));
        }
        let newest = self.groups.last_key_value().map(|(id, _)| *id);
        self.groups.retain(|id, _| *id > through || Some(*id) == newest);
        Ok(())
    }

    /// Segments that no span names leave the directory, and their files are noted.
    fn forget_segments(&mut self, why: Left) {
        let named: std::collections::BTreeSet<Place> = self.spans.values().map(|span| span.place).collect();
        let gone = self.segments.extract_if(.., |id, _| !named.contains(&Place::Segment(*id)));
        self.files.extend(gone.filter(|(_, segment)| segment.bytes > 0).map(|(_, segment)| (segment.name, why)));
    }

    fn named(&self, id: SegmentId) -> u64 {
        self.spans.values().filter(|span| span.place == Place::Segment(id)).map(|span| u64::from(span.rows)).sum()
    }

    fn sealed_span(&self, span: &Span) -> Option<SealedSpan> {
        let (received_max, summary) = self.sealed.get(&(span.project.clone(), span.first))?.clone();
        Some(SealedSpan { span: span.clone(), received_max, summary })
    }
}
