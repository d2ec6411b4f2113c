//! Merging: neighbouring small segments become one larger segment, and one of which most rows have expired is written
//! anew without them. By files, not by project: all spans of a file move along.

use std::time::Instant;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::error;
use super::reader::sealed_error;
use super::segment::SegmentError;
use super::upkeep::Keeper;
use crate::error::Result;
use crate::store::{Replaced, Seal, SealedSpan, Segment, SegmentId};

impl Keeper {
    /// Merges once. False when there is nothing to merge.
    pub(super) async fn merge(&mut self) -> Result<bool> {
        let known = self.shared.store.segments().await.map_err(error::read)?;
        self.shared.counters.segments(&known);
        let Some(job) = self.next_job(&known) else { return Ok(false) };
        let started = Instant::now();
        let mut parts: Vec<(String, SealedSpan)> = Vec::new();
        for segment in &job {
            let spans = self.shared.store.segment_spans(segment.id).await.map_err(error::read)?;
            parts.extend(spans.into_iter().map(|span| (segment.name.clone(), span)));
        }
        parts.sort_by(|(_, a), (_, b)| (&a.span.project, a.span.first).cmp(&(&b.span.project, b.span.first)));
        let (Some(first), from) = (job.first(), job.len()) else { return Ok(false) };
        let level = if from > 1 { first.level.saturating_add(1) } else { first.level };
        let id = self.next_segment();
        let segments = self.shared.segments.clone();
        let mut unreadable = None;
        let pieces = stream::iter(&parts).flat_map(|(name, part)| {
            let (project, span) = (part.span.project.clone(), &part.span);
            segments
                .rows(name, span.offset, span.rows)
                .map_ok(move |batch| (project.clone(), batch))
                .map_err(move |e| (name, e))
        });
        let pieces = pieces.map_err(|(name, e)| {
            if matches!(e, SegmentError::Missing(_) | SegmentError::Damaged { .. }) {
                unreadable = Some(name.clone());
            }
            error::read(sealed_error(e))
        });
        let written = self.write(id, level, first.rank, pieces).await;
        if let Some(name) = unreadable {
            // It stays as it is: its readers are told which events cannot be read.
            let damaged = job.iter().find(|segment| segment.name == name).map(|segment| segment.id);
            tracing::error!(
                segment = name,
                "a segment cannot be read and is left as it is; restore its file from a backup"
            );
            self.unmergeable.extend(damaged);
        }
        let written = written?;
        let rows = u64::from(written.segment.rows);
        let replaced: Vec<SegmentId> = job.iter().map(|segment| segment.id).collect();
        let seal = Seal { segment: written.segment, spans: written.spans, replaces: Replaced::Segments(replaced) };
        self.commit_segment(seal).await?;
        self.look_for_leftovers();
        self.shared.counters.merged(rows, started.elapsed());
        tracing::debug!(segment = id.0, from, level, rows, took = ?started.elapsed(), "merged");
        Ok(true)
    }

    /// The segments that become one: neighbours of one level, oldest first, or one that is mostly empty.
    fn next_job(&self, known: &[(Segment, u64)]) -> Option<Vec<Segment>> {
        let settings = &self.shared.settings.seal;
        let usable = |segment: &Segment| {
            !segment.is_gap() && !self.unmergeable.contains(&segment.id) && !self.missing.contains(&segment.id)
        };
        let neighbours = known.windows(settings.merged.max(2)).find(|neighbours| {
            let level = neighbours[0].0.level;
            neighbours.iter().all(|(segment, _)| segment.level == level && usable(segment))
                && neighbours.iter().map(|(_, named)| named).sum::<u64>() <= settings.merged_rows
        });
        let empty = || known.iter().find(|(segment, named)| named * 2 < u64::from(segment.rows) && usable(segment));
        match neighbours {
            Some(neighbours) => Some(neighbours.iter().map(|(segment, _)| segment.clone()).collect()),
            None => empty().map(|(segment, _)| vec![segment.clone()]),
        }
    }
}
