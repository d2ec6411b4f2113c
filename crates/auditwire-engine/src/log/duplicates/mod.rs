//! The duplicate window: which ids each project had lately, and where. Exact: ids that meet by their hash are compared in
//! full with the log.
//!
//! The newest ids of a project are in a map. When the map has its full size it is frozen, written as a *run* beside the
//! commits (the finished run goes into the next commit), and only a filter of 2.3 bytes per id stays in memory. Runs are
//! merged, eight of a level into one, and go when they lie outside the window. After a crash the ids that no run holds
//! are read back from the log.

pub(super) mod foreign;
mod run;
mod work;

use std::collections::HashMap;
use std::sync::Arc;

use auditwire_model::{Position, ProjectId, Timestamp};
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use hashbrown::HashTable;
use parking_lot::Mutex;
use xorf::BinaryFuse16;

use super::LogSettings;
use crate::store::{IdRun, Store, StoreError};
use run::{Entry, Extent};
pub(super) use work::Work;

/// Runs of one level that become one of the next.
const MERGED: usize = 8;
/// Parts of runs kept in memory, of 24 KB each.
const PARTS_KEPT: usize = 512;

/// First 8 bytes of the SHA-256 of an id, big-endian. Nobody can choose ids so that many of them meet.
pub(super) fn hash_id(id: &str) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&digest(&SHA256, id.as_bytes()).as_ref()[..8]);
    u64::from_be_bytes(first)
}

/// The recent ids of one project.
#[derive(Debug, Default)]
pub(super) struct Window {
    recent: HashTable<Entry>,
    /// A former `recent` whose run is not committed yet.
    frozen: Option<HashTable<Entry>>,
    /// Oldest first.
    runs: Vec<Run>,
    /// True while a run of this project is being built or waits for its commit.
    busy: bool,
    /// True after a merge failed (a run cannot be read), until the next run is there: no use in trying at once.
    unmergeable: bool,
}

#[derive(Debug)]
struct Run {
    extent: Extent,
    parts: u32,
    filter: BinaryFuse16,
}

/// Where an id may be.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// Positions whose ids have the same hash.
    pub(super) positions: Vec<Position>,
    /// Runs that may hold the hash: first and last position, number of parts.
    runs: Vec<(Position, Position, u32)>,
}

impl Candidates {
    pub(super) fn is_empty(&self) -> bool {
        self.positions.is_empty() && self.runs.is_empty()
    }
}

impl Window {
    /// Where an id with this hash may be.
    pub(super) fn candidates(&self, hash: u64) -> Candidates {
        let in_map = |map: &HashTable<Entry>| {
            map.iter_hash(hash).filter(|(h, _)| *h == hash).map(|(_, p)| Position(*p)).collect::<Vec<_>>()
        };
        let mut positions = in_map(&self.recent);
        if let Some(frozen) = &self.frozen {
            positions.extend(in_map(frozen));
        }
        let holding = self.runs.iter().rev().filter(|run| run::may_hold(&run.filter, hash));
        let runs = holding.map(|run| (run.extent.first, run.extent.last, run.parts)).collect();
        Candidates { positions, runs }
    }

    /// Remembers an id.
    pub(super) fn insert(&mut self, hash: u64, position: Position) {
        self.recent.insert_unique(hash, (hash, position.0), |(h, _)| *h);
    }

    /// Forgets an id whose commit failed.
    pub(super) fn forget(&mut self, hash: u64, position: Position) {
        if let Ok(entry) = self.recent.find_entry(hash, |e| *e == (hash, position.0)) {
            entry.remove();
        }
    }

    /// Ids held in maps.
    pub(super) fn ids(&self) -> usize {
        self.recent.len() + self.frozen.as_ref().map_or(0, HashTable::len)
    }

    /// Bytes held by filters.
    pub(super) fn filter_bytes(&self) -> usize {
        self.runs.iter().map(|run| run.filter.fingerprints.len() * 2).sum()
    }

    /// True when nothing of it is under way.
    pub(super) fn is_idle(&self) -> bool {
        !self.busy
    }

    /// Freezes the map and returns its entries and what they cover, if it is time: `head` is the last committed position.
    fn freeze(&mut self, full: usize, head: Position, newest: Timestamp) -> Option<(Extent, Vec<Entry>)> {
        if self.busy || self.recent.len() < full.max(1) {
            return None;
        }
        let entries: Vec<Entry> = self.recent.iter().copied().collect();
        let first = entries.iter().map(|(_, position)| Position(*position)).min()?;
        self.frozen = Some(std::mem::take(&mut self.recent));
        self.busy = true;
        Some((Extent { first, last: head, newest, level: 0 }, entries))
    }

    /// The first eight neighbours of one level whose union is not too large; they are to be merged.
    fn mergeable(&self, events_max: u64) -> Option<(Extent, Vec<(Position, u32)>)> {
        if self.busy || self.unmergeable {
            return None;
        }
        let eight = self.runs.windows(MERGED).find(|runs| {
            let level = runs[0].extent.level;
            let events = runs[MERGED - 1].extent.last.0 - runs[0].extent.first.0 + 1;
            runs.iter().all(|run| run.extent.level == level) && events <= events_max
        })?;
        let (oldest, newest) = (eight[0].extent, eight[MERGED - 1].extent);
        let extent = Extent { level: oldest.level.saturating_add(1), first: oldest.first, ..newest };
        Some((extent, eight.iter().map(|run| (run.extent.first, run.parts)).collect()))
    }

    /// First positions of the runs that end before both ends of the window.
    pub(super) fn expired(&self, head: Position, now: Timestamp, settings: &LogSettings) -> Vec<Position> {
        let old = |run: &&Run| {
            run.extent.last.0.saturating_add(settings.duplicate_events) < head.0
                && now.since(run.extent.newest) > settings.duplicate_window
        };
        self.runs.iter().take_while(old).map(|run| run.extent.first).collect()
    }

    /// A run has been committed: it stands for what it covers.
    pub(super) fn installed(&mut self, run: &IdRun, expired: &[Position]) -> Result<(), StoreError> {
        self.runs.retain(|r| r.extent.first < run.first || r.extent.first > run.last);
        self.runs.retain(|r| !expired.contains(&r.extent.first));
        if run.level == 0 {
            self.frozen = None;
        }
        (self.busy, self.unmergeable) = (false, false);
        let parts = u32::try_from(run.parts.len()).unwrap_or(u32::MAX);
        let extent = Extent { first: run.first, last: run.last, newest: run.newest, level: run.level };
        let at = self.runs.partition_point(|r| r.extent.first < run.first);
        self.runs.insert(at, Run { extent, parts, filter: run::decode_filter(&run.filter)? });
        Ok(())
    }

    /// The run could not be made: its ids stay in memory, and another attempt is made later.
    pub(super) fn failed(&mut self) {
        self.busy = false;
        self.unmergeable = self.frozen.is_none();
        if let Some(frozen) = self.frozen.take() {
            for (hash, position) in frozen {
                self.insert(hash, Position(position));
            }
        }
    }
}

/// Parts of runs, read from the store when a filter asks for them.
#[derive(Debug)]
pub(super) struct Parts {
    store: Arc<dyn Store>,
    kept: Mutex<HashMap<PartKey, Bytes>>,
}

/// Project, first and last position of the run, part.
type PartKey = (ProjectId, Position, Position, usize);

impl Parts {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, kept: Mutex::default() }
    }

    /// The positions that the candidate runs have for a hash. A run that cannot be read is passed over: storing an event
    /// twice is better than refusing all.
    pub(super) async fn look_up(&self, project: &ProjectId, candidates: &Candidates, hash: u64) -> Vec<Position> {
        let mut found = Vec::new();
        for (first, last, parts) in &candidates.runs {
            match self.in_run(project, (*first, *last), *parts, hash).await {
                Ok(positions) => found.extend(positions),
                Err(error) => tracing::error!(%error, %project, first = first.0, "ids of a run could not be read"),
            }
        }
        found
    }

    async fn in_run(
        &self,
        project: &ProjectId,
        (first, last): (Position, Position),
        parts: u32,
        hash: u64,
    ) -> Result<Vec<Position>, StoreError> {
        let part = run::part_of(hash, parts as usize);
        let key = (project.clone(), first, last, part);
        let kept = self.kept.lock().get(&key).cloned();
        let bytes = match kept {
            Some(bytes) => bytes,
            None => {
                let number = u32::try_from(part).unwrap_or(u32::MAX);
                let read = self.store.id_run_part(project, first, number).await?;
                let bytes = read.ok_or_else(|| StoreError::Damaged(format!("part {part} of an id run is missing")))?;
                let mut kept = self.kept.lock();
                if kept.len() >= PARTS_KEPT {
                    kept.clear();
                }
                kept.insert(key, bytes.clone());
                bytes
            }
        };
        run::look_up(&bytes, first, hash)
    }
}
