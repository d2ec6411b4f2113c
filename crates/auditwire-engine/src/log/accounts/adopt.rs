//! Taking files back in: their rows get the places in the log of which the store has no events. In one transaction, while no
//! service runs; a crash before it leaves the files to be set aside again.

use std::collections::BTreeMap;
use std::sync::Arc;

use auditwire_model::{Position, Timestamp};
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::gaps::raise;
use super::manifest::{Entry, Manifest};
use super::plan::{Candidate, Hole, Plan, Taken};
use super::{ASIDE, Accounts};
use crate::error::{Error, Kind, Result};
use crate::log::error;
use crate::log::segment::{Run, Segments};
use crate::log::sweep::segment_number;
use crate::records::instance_id;
use crate::store::{Commit, Patch, Place, SealedSpan, Segment, SegmentId, Span, Store};

/// Rows of an adopted segment up to which it counts as one that no merge has made; eight times as many for each further level.
const LEVEL_ROWS: u64 = 131_072;

/// What became of a file.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The file, and what it holds.
    pub entry: Entry,
    /// How many of its events the log has by it.
    pub taken: u64,
    /// Why it was left where it is, if it was.
    pub refused: Option<String>,
}

/// Where files lie, and the store that is to have them.
#[derive(Debug, Clone)]
pub struct Adoption {
    store: Arc<dyn Store>,
    objects: Arc<dyn ObjectStore>,
    segments: Segments,
    now: Timestamp,
    /// Files of another instance's store, too.
    any_store: bool,
}

impl Adoption {
    /// `any_store`: also files that say that another instance's store wrote them.
    pub fn new(store: Arc<dyn Store>, objects: Arc<dyn ObjectStore>, now: Timestamp, any_store: bool) -> Self {
        let segments = Segments::new(Arc::clone(&objects));
        Self { store, objects, segments, now, any_store }
    }

    /// What is not accounted for, and how much of it the log would get; nothing is changed.
    ///
    /// # Errors
    /// When the store or the folder cannot be read.
    pub async fn preview(&self) -> Result<Vec<Verdict>> {
        let accounts = Accounts::look(&*self.store, &*self.objects).await?;
        let (files, mut verdicts) = self.candidates(&accounts, &[], false).await?;
        let mut plan = Plan::new(&self.store, &self.segments, &accounts).await?;
        plan.add_beyond(&files);
        self.plan(&mut plan, &files, &mut verdicts).await?;
        Ok(verdicts)
    }

    /// Takes in the files of these names, or all.
    ///
    /// # Errors
    /// `file_not_found` when one is not there; else when the store or the folder fails.
    pub async fn adopt(&self, names: &[String]) -> Result<Vec<Verdict>> {
        let accounts = Accounts::look(&*self.store, &*self.objects).await?;
        let (files, mut verdicts) = self.candidates(&accounts, names, true).await?;
        let ours: Vec<Entry> = files.iter().map(|file| Entry { store: None, ..file.entry.clone() }).collect();
        let last_number = raise(&*self.store, &ours, accounts.last_number, self.now).await?;
        let mut plan = Plan::new(&self.store, &self.segments, &accounts).await?;
        let taken = self.plan(&mut plan, &files, &mut verdicts).await?;
        if taken.is_empty() {
            return Ok(verdicts);
        }
        let patch = self.patch(&plan, &files, &taken, last_number).await?;
        for file in taken.keys().filter_map(|number| files.get(*number)) {
            if file.place != file.entry.file {
                let (from, to) = (file.place.as_str().into(), file.entry.file.as_str().into());
                self.objects.rename(&from, &to).await.map_err(|e| not_moved(&file.entry.file, e))?;
            }
        }
        self.store.commit(Commit { patch: Some(patch), ..Commit::default() }).await.map_err(error::read)?;
        self.forget_entries(|entry| verdicts.iter().any(|v| v.taken > 0 && v.entry.file == entry.file)).await;
        Ok(verdicts)
    }

    /// The files that are meant, the newest first, read as far as `verify` says; verdicts on those that are out of the question.
    async fn candidates(
        &self,
        accounts: &Accounts,
        names: &[String],
        verify: bool,
    ) -> Result<(Vec<Candidate>, Vec<Verdict>)> {
        let mut places: BTreeMap<String, (String, u64)> = BTreeMap::new();
        places.extend(accounts.unknown.iter().map(|(name, bytes)| (name.clone(), (name.clone(), *bytes))));
        places.extend(accounts.aside.iter().map(|(name, bytes)| (name.clone(), (format!("{ASIDE}/{name}"), *bytes))));
        let names: Vec<&str> = names.iter().map(|name| name.rsplit('/').next().unwrap_or(name)).collect();
        if let Some(name) = names.iter().find(|name| !places.contains_key(**name)) {
            let detail =
                format!("there is no file {name} that is not accounted for; `auditwire store inspect` lists them");
            return Err(Error::new(Kind::NotFound, "file_not_found", detail));
        }
        let mut own = instance_id(&*self.store).await?;
        let (mut files, mut verdicts) = (Vec::new(), Vec::new());
        let mut wanted: Vec<_> = places.into_iter().collect();
        wanted.retain(|(name, _)| names.is_empty() || names.contains(&name.as_str()));
        wanted.sort_by_key(|(name, _)| std::cmp::Reverse(segment_number(name)));
        for (name, (place, bytes)) in wanted {
            let mut survey = self.segments.survey(&place).await;
            if verify && survey.is_ok() {
                survey = self.segments.verify(&place).await.and(survey);
            }
            let entry = Entry::new(&name, bytes, self.now, &survey);
            let foreign = entry.is_foreign(own.as_deref()) && !self.any_store;
            // A new store goes on under the name of the one whose newest file it has.
            own = own.or_else(|| entry.store.clone());
            match survey {
                Ok(survey) if !foreign => files.push(Candidate { entry, place, survey }),
                Ok(_) => verdicts.push(Verdict { refused: Some(foreign_text(&entry)), taken: 0, entry }),
                Err(_) => verdicts.push(Verdict { refused: entry.unreadable.clone(), taken: 0, entry }),
            }
        }
        Ok((files, verdicts))
    }

    /// Plans file after file. How many rows each takes, by its number.
    async fn plan(
        &self,
        plan: &mut Plan<'_>,
        files: &[Candidate],
        verdicts: &mut Vec<Verdict>,
    ) -> Result<BTreeMap<usize, u64>> {
        let mut all = BTreeMap::new();
        for (number, file) in files.iter().enumerate() {
            let entry = file.entry.clone();
            verdicts.push(match plan.add(number, files).await? {
                Err(contradiction) => Verdict { entry, taken: 0, refused: Some(contradiction) },
                Ok(0) => Verdict { entry, taken: 0, refused: Some(NOTHING_NEW.to_owned()) },
                Ok(taken) => {
                    all.insert(number, taken);
                    Verdict { entry, taken, refused: None }
                }
            });
        }
        Ok(all)
    }

    async fn patch(
        &self,
        plan: &Plan<'_>,
        files: &[Candidate],
        taken: &BTreeMap<usize, u64>,
        last_number: u64,
    ) -> Result<Patch> {
        let mut patch = Patch::default();
        // The oldest file gets the lowest number, so that ranks and numbers agree.
        let ids = taken.keys().rev().zip(last_number + 1..).map(|(file, id)| (*file, SegmentId(id)));
        let ids: BTreeMap<usize, SegmentId> = ids.collect();
        let mut ranks: BTreeMap<usize, u64> = BTreeMap::new();
        for hole in plan.holes.values().flatten().filter(|hole| !hole.taken.is_empty()) {
            let Place::Segment(old) = hole.old.span.place else { continue };
            let rank = plan.known.get(&old).map_or(old.0, |segment| segment.rank);
            for part in &hole.taken {
                ranks.entry(part.file).and_modify(|known| *known = rank.min(*known)).or_insert(rank);
            }
            patch.gone.push((hole.old.span.project.clone(), hole.old.span.first));
            self.fill(hole, files, &ids, &mut patch.spans).await?;
        }
        for (number, id) in ids {
            let Some(file) = files.get(number) else { continue };
            let rank = ranks.get(&number).copied().unwrap_or(id.0);
            patch.segments.push(segment(file, id, rank, self.now));
        }
        Ok(patch)
    }

    /// The spans that take the place of a hole: of the files, and of itself where none has the events.
    async fn fill(
        &self,
        hole: &Hole,
        files: &[Candidate],
        ids: &BTreeMap<usize, SegmentId>,
        spans: &mut Vec<SealedSpan>,
    ) -> Result<()> {
        for rest in hole.free(hole.old.span.first.0..=hole.old.span.last().0) {
            spans.push(rest_of(&hole.old, *rest.start(), *rest.end()));
        }
        for Taken { from, to, file, run } in &hole.taken {
            let (Some(file), Some(id)) = (files.get(*file), ids.get(file)) else { continue };
            spans.push(self.read(file, *id, run, (*from, *to)).await?);
        }
        Ok(())
    }

    async fn read(&self, file: &Candidate, id: SegmentId, run: &Run, (from, to): (u64, u64)) -> Result<SealedSpan> {
        let read = self.segments.span_of(&file.place, run, from..to + 1).await.map_err(error::segment_read)?;
        let share = file.entry.bytes * u64::from(read.span.rows) / file.survey.rows.max(1);
        let span = Span {
            place: Place::Segment(id),
            project: read.span.project,
            first: read.span.first,
            rows: read.span.rows,
            offset: read.span.offset,
            time_min: read.span.time_min,
            time_max: read.span.time_max,
            blob_bytes: u32::try_from(share).unwrap_or(u32::MAX),
        };
        Ok(SealedSpan { span, received_max: read.received_max, summary: read.span.summary })
    }

    async fn forget_entries(&self, gone: impl Fn(&Entry) -> bool) {
        let mut files = Manifest::read(&*self.objects).await.files;
        files.retain(|entry| !gone(entry));
        if let Err(error) = Manifest::write(&*self.objects, files).await {
            tracing::warn!(%error, "the manifest of what is set aside could not be written; the next start does without");
        }
    }
}

const NOTHING_NEW: &str = "the log has all its events already, or they have ended; it may be discarded";

fn foreign_text(entry: &Entry) -> String {
    let store = entry.store.as_deref().unwrap_or_default();
    format!("the store of another instance ({store}) wrote it; --any-store takes it in all the same")
}

fn not_moved(name: &str, source: object_store::Error) -> Error {
    let detail = format!("the file {name} could not be moved back; nothing was changed, try again");
    Error::new(Kind::Unavailable, "storage_failed", detail).caused_by(source)
}

fn segment(file: &Candidate, id: SegmentId, rank: u64, made_at: Timestamp) -> Segment {
    let (rows, mut level, mut of_level) = (file.survey.rows, 0, LEVEL_ROWS);
    while rows > of_level && level < 8 {
        (level, of_level) = (level + 1, of_level * 8);
    }
    Segment {
        id,
        name: file.entry.file.clone(),
        level,
        rank,
        rows: u32::try_from(rows).unwrap_or(u32::MAX),
        bytes: file.entry.bytes,
        made_at,
    }
}

/// A part of a span that stays what it is; its counts were those of the whole.
fn rest_of(old: &SealedSpan, from: u64, to: u64) -> SealedSpan {
    let (skipped, rows) = (from - old.span.first.0, to - from + 1);
    if skipped == 0 && rows == u64::from(old.span.rows) {
        return old.clone();
    }
    let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let share = u64::from(old.span.blob_bytes) * rows / u64::from(old.span.rows).max(1);
    let span = Span {
        first: Position(from),
        rows: number(rows),
        offset: old.span.offset.saturating_add(number(skipped)),
        blob_bytes: number(share),
        ..old.span.clone()
    };
    SealedSpan { span, received_max: old.received_max, summary: bytes::Bytes::new() }
}
