//! Positions go on behind everything that was ever given and can still be seen: what lies between the last position that the
//! store knows and the last one that a file holds becomes a gap.

use std::collections::BTreeMap;

use auditwire_model::{Position, ProjectId, Timestamp};
use bytes::Bytes;

use super::manifest::Entry;
use crate::error::Result;
use crate::log::error;
use crate::records::instance_id;
use crate::store::{Commit, Head, Patch, Place, SealedSpan, Segment, SegmentId, Span, Store};

/// What the files hold of a project beyond what the store knows.
struct Beyond {
    first: Position,
    last: Position,
    time_min: Timestamp,
    received_max: Timestamp,
}

/// Raises the heads. Returns the highest number that a segment or a file has.
///
/// # Errors
/// When the store fails: then nothing may be written, because a position could be given a second time.
pub(super) async fn raise(store: &dyn Store, entries: &[Entry], last_number: u64, now: Timestamp) -> Result<u64> {
    let segments = store.segments().await.map_err(error::read)?;
    let last_number = segments.iter().map(|(segment, _)| segment.id.0).max().unwrap_or(0).max(last_number);
    let (heads, _) = store.heads().await.map_err(error::read)?;
    let own = instance_id(store).await?;
    let ours = entries.iter().filter(|entry| !entry.is_foreign(own.as_deref()));
    let beyond = beyond(&heads, ours);
    if beyond.is_empty() {
        return Ok(last_number);
    }
    let id = SegmentId(last_number + 1);
    let mut spans = Vec::new();
    for (project, beyond) in beyond {
        tracing::warn!(
            %project,
            first = beyond.first.0,
            last = beyond.last.0,
            "files hold events of which the store knows nothing; positions go on behind them"
        );
        spans.extend(gap(id, &project, (beyond.first, beyond.last), (beyond.time_min, now), beyond.received_max));
    }
    let rows = spans.iter().map(|sealed| u64::from(sealed.span.rows)).sum::<u64>();
    let segment = Segment::gap(id, id.0, u32::try_from(rows).unwrap_or(u32::MAX), now);
    let patch = Patch { segments: vec![segment], gone: Vec::new(), spans };
    store.commit(Commit { patch: Some(patch), ..Commit::default() }).await.map_err(error::read)?;
    Ok(id.0)
}

/// What the preview of an adoption counts with: the gaps that raising would make.
pub(super) fn gaps_to_come<'e>(heads: &[Head], entries: impl Iterator<Item = &'e Entry>) -> Vec<SealedSpan> {
    let gap = |(project, beyond): (ProjectId, Beyond)| {
        let times = (beyond.time_min, beyond.received_max);
        gap(SegmentId(u64::MAX), &project, (beyond.first, beyond.last), times, beyond.received_max)
    };
    beyond(heads, entries).into_iter().flat_map(gap).collect()
}

fn beyond<'e>(heads: &[Head], entries: impl Iterator<Item = &'e Entry>) -> BTreeMap<ProjectId, Beyond> {
    let mut beyond: BTreeMap<ProjectId, Beyond> = BTreeMap::new();
    for holding in entries.flat_map(|entry| &entry.projects) {
        let head = heads.iter().find(|head| head.project == holding.project);
        let first = head.map_or(holding.first_seq, |head| head.last.next());
        if holding.last_seq < first {
            continue;
        }
        let new =
            Beyond { first, last: holding.last_seq, time_min: holding.first_at, received_max: holding.received_at };
        beyond
            .entry(holding.project.clone())
            .and_modify(|known| {
                known.first = known.first.min(new.first);
                known.last = known.last.max(new.last);
                known.time_min = known.time_min.min(new.time_min);
                known.received_max = known.received_max.max(new.received_max);
            })
            .or_insert(new);
    }
    beyond
}

/// The spans of a gap: events from the one time to the other, the last of them received at `received_max`, so that they end when
/// the events would have.
pub(crate) fn gap(
    segment: SegmentId,
    project: &ProjectId,
    (first, last): (Position, Position),
    (time_min, time_max): (Timestamp, Timestamp),
    received_max: Timestamp,
) -> Vec<SealedSpan> {
    let (mut spans, mut from) = (Vec::new(), first.0);
    while from <= last.0 {
        let rows = u32::try_from(last.0 - from + 1).unwrap_or(u32::MAX);
        let span = Span {
            place: Place::Segment(segment),
            project: project.clone(),
            first: Position(from),
            rows,
            offset: 0,
            time_min,
            time_max: time_max.max(time_min),
            blob_bytes: 0,
        };
        spans.push(SealedSpan { span, received_max, summary: Bytes::new() });
        from += u64::from(rows);
    }
    spans
}
