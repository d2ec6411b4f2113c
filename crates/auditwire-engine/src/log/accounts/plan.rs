//! Which rows of which file would take which place in the log: the positions of which the store has no events, from the newest
//! file that holds them. A file that says otherwise than the log takes no place at all.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use auditwire_model::event::columns;
use auditwire_model::{Position, ProjectId};

use super::Accounts;
use super::gaps::gaps_to_come;
use super::manifest::Entry;
use crate::error::Result;
use crate::log::error;
use crate::log::reader::Reader;
use crate::log::segment::{Run, Segments, Survey};
use crate::store::{Head, Order, SealedSpan, Segment, SegmentId, Span, Store, StoreError};

/// Rows whose ids are compared at once.
const COMPARED: u64 = 65_536;

/// A span of which the store has no events, and what takes its place.
#[derive(Debug, Clone)]
pub(super) struct Hole {
    pub(super) old: SealedSpan,
    /// By position, not overlapping.
    pub(super) taken: Vec<Taken>,
}

/// Rows of a file that take a place.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) from: u64,
    pub(super) to: u64,
    /// Number of the file among the candidates.
    pub(super) file: usize,
    /// The run of the file that they are in.
    pub(super) run: Run,
}

/// A file that may be adopted.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) entry: Entry,
    /// Name of the object, with its folder.
    pub(super) place: String,
    pub(super) survey: Survey,
}

/// The plan so far.
pub(super) struct Plan<'s> {
    pub(super) store: &'s dyn Store,
    pub(super) segments: &'s Segments,
    reader: Reader,
    heads: Vec<Head>,
    pub(super) holes: BTreeMap<ProjectId, Vec<Hole>>,
    pub(super) known: BTreeMap<SegmentId, Segment>,
}

impl<'s> Plan<'s> {
    /// Nothing is planned yet.
    pub(super) async fn new(store: &'s Arc<dyn Store>, segments: &'s Segments, accounts: &Accounts) -> Result<Self> {
        let (heads, _) = store.heads().await.map_err(error::read)?;
        let segments_known = store.segments().await.map_err(error::read)?;
        let mut holes: BTreeMap<ProjectId, Vec<Hole>> = BTreeMap::new();
        for (segment, _) in &segments_known {
            if !segment.is_gap() && !accounts.missing.iter().any(|(id, _)| *id == segment.id) {
                continue;
            }
            for old in store.segment_spans(segment.id).await.map_err(error::read)? {
                holes.entry(old.span.project.clone()).or_default().push(Hole { old, taken: Vec::new() });
            }
        }
        holes.values_mut().for_each(|holes| holes.sort_by_key(|hole| hole.old.span.first));
        let known = segments_known.into_iter().map(|(segment, _)| (segment.id, segment)).collect();
        let reader = Reader::new(Arc::clone(store), segments.clone());
        Ok(Self { store: &**store, segments, reader, heads, holes, known })
    }

    /// Counts with the gaps that raising the heads would make.
    pub(super) fn add_beyond(&mut self, files: &[Candidate]) {
        for old in gaps_to_come(&self.heads, files.iter().map(|file| &file.entry)) {
            self.holes.entry(old.span.project.clone()).or_default().push(Hole { old, taken: Vec::new() });
        }
    }

    /// Takes the places that a file can take. How many rows do; an error says why it must not.
    pub(super) async fn add(&mut self, number: usize, files: &[Candidate]) -> Result<std::result::Result<u64, String>> {
        let Some(file) = files.get(number) else { return Ok(Ok(0)) };
        for run in &file.survey.runs {
            if let Err(contradiction) = self.compare(run, file, files).await? {
                return Ok(Err(contradiction));
            }
        }
        let mut rows = 0;
        for run in &file.survey.runs {
            for hole in self.holes.get_mut(&run.project).into_iter().flatten() {
                let inside = run.first.0.max(hole.old.span.first.0)..=run.last().0.min(hole.old.span.last().0);
                for free in hole.free(inside) {
                    rows += free.end() - free.start() + 1;
                    hole.taken.push(Taken { from: *free.start(), to: *free.end(), file: number, run: run.clone() });
                }
                hole.taken.sort_by_key(|taken| taken.from);
            }
        }
        Ok(Ok(rows))
    }

    /// Where the log has events already they must be the same ones, by their ids.
    async fn compare(
        &self,
        run: &Run,
        file: &Candidate,
        files: &[Candidate],
    ) -> Result<std::result::Result<(), String>> {
        let Some(head) = self.heads.iter().find(|head| head.project == run.project) else { return Ok(Ok(())) };
        let (mut from, to) = (run.first.0.max(head.first.0), run.last().0.min(head.last.0));
        while from <= to {
            let last = to.min(from + COMPARED - 1);
            let known = match self.ids(&run.project, from..=last, files).await {
                Ok(known) => known,
                Err(StoreError::Damaged(what)) => {
                    let advice = "move the damaged file out of the folder, and adopt again";
                    return Ok(Err(format!("it cannot be compared with the log ({what}): {advice}")));
                }
                Err(error) => return Err(error::read(error)),
            };
            if !known.is_empty() {
                let row = |at: u64| u32::try_from(at - run.first.0).unwrap_or(u32::MAX);
                let (offset, rows) = (run.offset + row(from), row(last) - row(from) + 1);
                let ours = self.segments.ids(&file.place, offset, rows).await.map_err(error::segment_read)?;
                if let Some((at, _)) = known.iter().find(|(at, id)| ours.get(at) != Some(id)) {
                    return Ok(Err(format!(
                        "it holds another event than the log at seq {at} of project {}: two histories have the same positions",
                        run.project
                    )));
                }
            }
            from = last + 1;
        }
        Ok(Ok(()))
    }

    /// The ids of the events that the log has at these positions, or will have by this plan.
    async fn ids(
        &self,
        project: &ProjectId,
        range: RangeInclusive<u64>,
        files: &[Candidate],
    ) -> std::result::Result<BTreeMap<u64, String>, StoreError> {
        let (from, to) = (Position(*range.start()), Position(*range.end()));
        let holes = self.holes.get(project).map_or(&[][..], Vec::as_slice);
        let is_hole = |span: &Span| holes.iter().any(|hole| hole.old.span.first == span.first);
        let mut ids = BTreeMap::new();
        for span in self.store.spans(project, from, to, Order::Ascending, u32::MAX).await? {
            if is_hole(&span) {
                continue;
            }
            let cut = cut(&span, &range);
            for batch in self.reader.uncached(&[cut], &[columns::SEQ, columns::EVENT_ID]).await? {
                let seqs = batch.column(0).as_primitive::<UInt64Type>().values();
                let texts = batch.column(1).as_string::<i32>();
                ids.extend(seqs.iter().copied().zip(texts.iter().flatten().map(str::to_owned)));
            }
        }
        for taken in holes.iter().flat_map(|hole| &hole.taken) {
            let (from, to) = (taken.from.max(*range.start()), taken.to.min(*range.end()));
            if let (Some(file), true) = (files.get(taken.file), from <= to) {
                let row = |at: u64| u32::try_from(at - taken.run.first.0).unwrap_or(u32::MAX);
                let read = self.segments.ids(&file.place, taken.run.offset + row(from), row(to) - row(from) + 1).await;
                ids.extend(read.map_err(crate::log::reader::sealed_error)?);
            }
        }
        Ok(ids)
    }
}

/// The part of a span that lies in a range.
fn cut(span: &Span, range: &RangeInclusive<u64>) -> Span {
    let (from, to) = (span.first.0.max(*range.start()), span.last().0.min(*range.end()));
    let row = |rows: u64| u32::try_from(rows).unwrap_or(u32::MAX);
    Span {
        first: Position(from),
        rows: row(to - from + 1),
        offset: span.offset + row(from - span.first.0),
        ..span.clone()
    }
}

impl Hole {
    /// What is not taken of a range inside it.
    pub(super) fn free(&self, inside: RangeInclusive<u64>) -> Vec<RangeInclusive<u64>> {
        let (mut from, to, mut free) = (*inside.start(), *inside.end(), Vec::new());
        for taken in &self.taken {
            if from > to {
                break;
            }
            if taken.from > from {
                free.push(from..=to.min(taken.from - 1));
            }
            from = from.max(taken.to + 1);
        }
        if from <= to {
            free.push(from..=to);
        }
        free.retain(|range| range.start() <= range.end());
        free
    }
}

#[cfg(test)]
mod tests {
    use auditwire_model::Timestamp;

    use super::super::gaps::gap;
    use super::*;

    #[test]
    fn what_is_not_taken_is_free() {
        let project = ProjectId::system();
        let run = Run {
            project: project.clone(),
            first: Position(1),
            rows: 100,
            offset: 0,
            time_min: Timestamp::EPOCH,
            time_max: Timestamp::EPOCH,
            received_max: Timestamp::EPOCH,
        };
        let at = (Timestamp::EPOCH, Timestamp::EPOCH);
        let old = gap(SegmentId(1), &project, (Position(10), Position(29)), at, Timestamp::EPOCH).remove(0);
        let taken = |from, to| Taken { from, to, file: 0, run: run.clone() };
        let hole = |taken: Vec<Taken>| Hole { old: old.clone(), taken };
        assert_eq!(hole(vec![]).free(10..=29), [10..=29]);
        assert_eq!(hole(vec![taken(12, 14), taken(20, 29)]).free(10..=29), [10..=11, 15..=19]);
        assert_eq!(hole(vec![taken(10, 14)]).free(12..=16), [15..=16]);
        assert_eq!(hole(vec![taken(20, 25)]).free(12..=16), [12..=16]);
        assert_eq!(hole(vec![taken(10, 29)]).free(12..=16), []);
    }
}
