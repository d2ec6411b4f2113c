//! The store in memory, with faults on demand: for tests of everything that must survive a failing disk or a crash.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use auditwire_model::{Position, ProjectId};
use bytes::Bytes;
use parking_lot::Mutex;

use super::{
    Change, Checkpoint, Commit, Effect, Expect, Group, GroupId, IdRun, IdRunHead, Order, Record, RecordKey, RecordKind,
    Span, Store, StoreError, StoreStats,
};

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
}

#[derive(Debug, Default, Clone)]
struct State {
    commits: u64,
    groups: BTreeMap<GroupId, Bytes>,
    heads: BTreeMap<ProjectId, Position>,
    spans: BTreeMap<(ProjectId, Position), Span>,
    /// Version and value.
    records: BTreeMap<RecordPlace, (u64, Vec<u8>)>,
    id_runs: BTreeMap<(ProjectId, Position), IdRun>,
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

    /// What a machine finds after a crash now: a new store with all that was committed. This one fails from now on.
    #[must_use]
    pub fn crash(&self) -> Self {
        self.crashed.store(true, Ordering::SeqCst);
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

    fn alive(&self) -> Result<(), StoreError> {
        if self.crashed.load(Ordering::SeqCst) {
            Err(StoreError::Failed("the store has crashed".into()))
        } else {
            Ok(())
        }
    }
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
            Some(Fault::HangBefore) => std::future::pending().await,
            Some(fault) => {
                self.state.lock().apply(commit)?;
                match fault {
                    Fault::HangAfter => std::future::pending().await,
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

    async fn heads(&self) -> Result<(Vec<(ProjectId, Position)>, Option<GroupId>), StoreError> {
        self.alive()?;
        let state = self.state.lock();
        let heads = state.heads.iter().map(|(project, head)| (project.clone(), *head)).collect();
        Ok((heads, state.groups.last_key_value().map(|(id, _)| *id)))
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

    async fn stats(&self) -> Result<StoreStats, StoreError> {
        self.alive()?;
        let state = self.state.lock();
        let data_bytes = state.groups.values().map(|blob| blob.len() as u64).sum();
        Ok(StoreStats { data_bytes, wal_bytes: 0, syncs: state.commits })
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
            let head = self.heads.entry(span.project.clone()).or_default();
            if span.first != head.next() {
                return Err(twice(format!("{span:?} does not follow {head}")));
            }
            *head = span.last();
            self.spans.insert((span.project.clone(), span.first), span);
        }
        Ok(())
    }
}
