//! What the counts that lie beside sealed spans answer without reading an event.
//!
//! A segment's writer counts its events per minute, plane, severity and source. A question that asks for nothing else gets
//! the whole minutes of its range from there; what is left are the parts of minutes at the ends of the range, and the
//! events that are not sealed or whose counts are not there.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt8Type};
use auditwire_model::event::columns;
use auditwire_model::query::{Expr, evaluate};
use auditwire_model::{Position, ProjectId, Severity, Timestamp};

use super::histogram::MINUTE;
use crate::Engine;
use crate::error::{Error, Kind, Result};
use crate::log::Scan;
use crate::log::segment::Summary;
use crate::store::SealedSpan;

/// Sealed spans looked at in one step.
const SPANS: u32 = 64;
/// What is counted beside a span.
const COUNTED: [usize; 3] = [columns::PLANE, columns::SEVERITY, columns::SOURCE_ID];

/// A number of events that happened in one minute.
pub(crate) struct Known {
    /// When the minute begins, in nanoseconds.
    pub(crate) minute: i64,
    /// Of the severity.
    pub(crate) rank: usize,
    /// So many.
    pub(crate) number: u64,
}

/// Whole minutes, from the first one's beginning up to the last one's end, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Minutes {
    from: i64,
    to: i64,
}

/// Positions that are counted, and when their events happened.
#[derive(Debug, Clone, Copy)]
struct Covered {
    first: Position,
    last: Position,
    time_min: Timestamp,
    time_max: Timestamp,
}

/// Hands what is known to `add`, and gives the scans that find the rest. Together they count every event that `scan` finds
/// exactly once, if it has no limit.
///
/// # Errors
/// When the store fails.
pub(crate) async fn known(
    engine: &Engine,
    project: &ProjectId,
    scan: Scan,
    mut add: impl FnMut(Known),
) -> Result<Vec<Scan>> {
    let (begin, head) = (scan.from.max(Position(1)), scan.to.min(engine.log.head(project)));
    let minutes = Minutes::inside(scan.time_from, scan.time_to);
    if minutes.from >= minutes.to || !scan.predicate.columns().iter().all(|column| COUNTED.contains(&column)) {
        return Ok(vec![scan]);
    }
    let (mut next, mut covered) = (begin, Vec::new());
    while next <= head {
        let mut spans = engine.store.sealed(project, next, head, SPANS).await?;
        let Some(last) = spans.last() else { break };
        next = last.span.last().next();
        // The counts of a span are of all of it.
        spans.retain(|sealed| begin <= sealed.span.first && sealed.span.last() <= head);
        let predicate = scan.predicate.clone();
        let counted = tokio::task::spawn_blocking(move || counted(&spans, &predicate, minutes)).await;
        let (found, spans) = counted.map_err(|error| defect(&error))?;
        found.into_iter().for_each(&mut add);
        covered.extend(spans);
    }
    Ok(rest(&Scan { from: begin, to: head, ..scan }, &joined(covered), minutes))
}

/// What spans say of whole minutes, and which of them say it.
fn counted(spans: &[SealedSpan], predicate: &Expr, minutes: Minutes) -> (Vec<Known>, Vec<Covered>) {
    let (mut found, mut covered) = (Vec::new(), Vec::new());
    for sealed in spans {
        let span = &sealed.span;
        let (time_min, time_max) = (span.time_min, span.time_max);
        let this = Covered { first: span.first, last: span.last(), time_min, time_max };
        if time_max.as_nanos() < minutes.from || time_min.as_nanos() >= minutes.to {
            covered.push(this);
            continue;
        }
        match Summary::decode(&sealed.summary) {
            Ok(Some(summary)) => {
                matching(&summary, predicate, minutes, &mut found);
                covered.push(this);
            }
            Ok(None) => {}
            // The events themselves can still be counted.
            Err(error) => tracing::warn!(place = ?span.place, %error, "counts beside a segment cannot be read"),
        }
    }
    (found, covered)
}

fn matching(summary: &Summary, predicate: &Expr, minutes: Minutes, found: &mut Vec<Known>) {
    let selected = evaluate(predicate, &summary.batch);
    let times = summary.batch.column(columns::TIMESTAMP).as_primitive::<Int64Type>().values();
    let severities = summary.batch.column(columns::SEVERITY).as_primitive::<UInt8Type>().values();
    for (row, ((minute, severity), number)) in times.iter().zip(severities).zip(&summary.counts).enumerate() {
        if (minutes.from..minutes.to).contains(minute) && selected.value(row) {
            let rank = usize::from(Severity::from_rank(*severity).unwrap_or_default().rank());
            found.push(Known { minute: *minute, rank, number: *number });
        }
    }
}

/// Neighbours become one.
fn joined(covered: Vec<Covered>) -> Vec<Covered> {
    let mut joined: Vec<Covered> = Vec::new();
    for next in covered {
        match joined.last_mut() {
            Some(last) if last.last.next() == next.first => {
                last.last = next.last;
                last.time_min = last.time_min.min(next.time_min);
                last.time_max = last.time_max.max(next.time_max);
            }
            _ => joined.push(next),
        }
    }
    joined
}

/// The scans that find what is not known, newest first.
fn rest(scan: &Scan, covered: &[Covered], minutes: Minutes) -> Vec<Scan> {
    let part = |from, to| Scan { from, to, ..scan.clone() };
    let (mut scans, mut next) = (Vec::new(), scan.from);
    for known in covered {
        if next < known.first {
            scans.push(part(next, known.first.previous()));
        }
        next = known.last.next();
        // The parts of minutes at both ends of the range.
        let begin = Scan { time_to: Timestamp::from_nanos(minutes.from), ..part(known.first, known.last) };
        let end = Scan { time_from: Timestamp::from_nanos(minutes.to), ..part(known.first, known.last) };
        let wanted = |part: &Scan| {
            let from = part.time_from.unwrap_or(Timestamp::EPOCH);
            part.time_to.is_none_or(|to| from < to && known.time_min < to) && known.time_max >= from
        };
        scans.extend(scan.time_from.map(|_| begin).filter(wanted));
        scans.extend(scan.time_to.map(|_| end).filter(wanted));
    }
    if next <= scan.to {
        scans.push(part(next, scan.to));
    }
    scans.reverse();
    scans
}

impl Minutes {
    /// The whole minutes between two times; without one of them, from the beginning or to the end of all times.
    fn inside(from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        let up = |time: Timestamp| time.as_nanos().saturating_add(MINUTE - 1).div_euclid(MINUTE).saturating_mul(MINUTE);
        let down = |time: Timestamp| time.as_nanos().div_euclid(MINUTE) * MINUTE;
        Self { from: from.map_or(0, up), to: to.map_or(i64::MAX, down) }
    }
}

fn defect(error: &tokio::task::JoinError) -> Error {
    Error::new(Kind::Internal, "internal", "a defect was met while counting").caused_by(error.to_string())
}
