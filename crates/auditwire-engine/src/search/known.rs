//! What the counts that lie beside sealed spans answer without reading an event.
//!
//! A segment's writer counts its events per minute, plane and severity, and per hour, plane, severity and source. A question
//! that asks for nothing else gets the whole steps (minutes or hours) of its range from there; what is left are the parts of
//! steps at the ends of the range, and the events that are not sealed or whose counts are not there.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt8Type};
use auditwire_model::event::{Columns, Plane, columns};
use auditwire_model::query::{Expr, evaluate};
use auditwire_model::{Position, ProjectId, Severity, Timestamp};

use crate::Engine;
use crate::error::Result;
use crate::log::Scan;
use crate::log::segment::{Counted, Summary};
use crate::store::SealedSpan;
use crate::tasks::Task;

/// Sealed spans looked at in one step.
const SPANS: u32 = 64;

/// A number of events that happened in one minute or hour.
pub(crate) struct Known {
    /// When it begins, in nanoseconds.
    pub(crate) time: i64,
    /// Of all of them.
    pub(crate) plane: Plane,
    /// Of all of them.
    pub(crate) severity: Severity,
    /// Of all of them; told only when [`Counted::Hours`] are asked for.
    pub(crate) source: Option<Arc<str>>,
    /// So many.
    pub(crate) number: u64,
}

/// Which counts answer a question about these columns; `None` when the events themselves must be read.
pub(crate) fn counted_for(asked: Columns) -> Option<Counted> {
    let within = |counted: &[usize]| asked.iter().all(|column| counted.contains(&column));
    if within(&[columns::PLANE, columns::SEVERITY]) {
        Some(Counted::Minutes)
    } else if within(&[columns::PLANE, columns::SEVERITY, columns::SOURCE_ID]) {
        Some(Counted::Hours)
    } else {
        None
    }
}

/// Whole steps of counted time, from the first one's beginning up to the last one's end, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Steps {
    counted: Counted,
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

/// How many of the scan's events are known, and the scans that find the others.
///
/// # Errors
/// When the store fails.
pub(crate) async fn number_known(engine: &Engine, project: &ProjectId, scan: Scan) -> Result<(u64, Vec<Scan>)> {
    let Some(told) = counted_for(scan.predicate.columns()) else { return Ok((0, vec![scan])) };
    let mut number = 0;
    let rest = known(engine, project, scan, told, |known| number += known.number).await?;
    Ok((number, rest))
}

/// Hands what is known to `add`, and gives the scans that find the rest. Together they count every event that `scan` finds
/// exactly once, if it has no limit. What is `counted` must be all that the scan's predicate and the caller ask for, as
/// [`counted_for`] says.
///
/// # Errors
/// When the store fails.
pub(crate) async fn known(
    engine: &Engine,
    project: &ProjectId,
    scan: Scan,
    counted: Counted,
    mut add: impl FnMut(Known),
) -> Result<Vec<Scan>> {
    let (begin, head) = (scan.from.max(Position(1)), scan.to.min(engine.log.head(project)));
    let steps = Steps::inside(scan.time_from, scan.time_to, counted);
    if steps.from >= steps.to {
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
        let counted = engine.tasks().blocking(Task::Scan, move || told(&spans, &predicate, steps));
        let (found, spans) = counted.await?;
        found.into_iter().for_each(&mut add);
        covered.extend(spans);
    }
    Ok(rest(&Scan { from: begin, to: head, ..scan }, &joined(covered), steps))
}

/// What spans say of whole steps, and which of them say it.
fn told(spans: &[SealedSpan], predicate: &Expr, steps: Steps) -> (Vec<Known>, Vec<Covered>) {
    let (mut found, mut covered) = (Vec::new(), Vec::new());
    for sealed in spans {
        let span = &sealed.span;
        let (time_min, time_max) = (span.time_min, span.time_max);
        let this = Covered { first: span.first, last: span.last(), time_min, time_max };
        if time_max.as_nanos() < steps.from || time_min.as_nanos() >= steps.to {
            covered.push(this);
            continue;
        }
        match Summary::decode(&sealed.summary, steps.counted) {
            Ok(Some(summary)) => {
                matching(&summary, predicate, steps, &mut found);
                covered.push(this);
            }
            Ok(None) => {}
            // The events themselves can still be counted.
            Err(error) => tracing::warn!(place = ?span.place, %error, "counts beside a segment cannot be read"),
        }
    }
    (found, covered)
}

fn matching(summary: &Summary, predicate: &Expr, steps: Steps, found: &mut Vec<Known>) {
    let selected = evaluate(predicate, &summary.batch);
    let times = summary.batch.column(columns::TIMESTAMP).as_primitive::<Int64Type>().values();
    let planes = summary.batch.column(columns::PLANE).as_primitive::<UInt8Type>().values();
    let severities = summary.batch.column(columns::SEVERITY).as_primitive::<UInt8Type>().values();
    let sources = summary.batch.column(columns::SOURCE_ID).as_string::<i32>();
    let mut known: HashMap<&str, Arc<str>> = HashMap::new();
    let mut source = |row: usize| {
        let text = sources.is_valid(row).then(|| sources.value(row))?;
        Some(Arc::clone(known.entry(text).or_insert_with(|| text.into())))
    };
    for (row, (time, number)) in times.iter().zip(&summary.counts).enumerate() {
        if (steps.from..steps.to).contains(time) && selected.value(row) {
            found.push(Known {
                time: *time,
                plane: Plane::from_rank(planes[row]),
                severity: Severity::from_rank(severities[row]).unwrap_or_default(),
                source: if steps.counted == Counted::Hours { source(row) } else { None },
                number: *number,
            });
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
fn rest(scan: &Scan, covered: &[Covered], steps: Steps) -> Vec<Scan> {
    let part = |from, to| Scan { from, to, ..scan.clone() };
    let (mut scans, mut next) = (Vec::new(), scan.from);
    for known in covered {
        if next < known.first {
            scans.push(part(next, known.first.previous()));
        }
        next = known.last.next();
        // The parts of steps at both ends of the range.
        let begin = Scan { time_to: Timestamp::from_nanos(steps.from), ..part(known.first, known.last) };
        let end = Scan { time_from: Timestamp::from_nanos(steps.to), ..part(known.first, known.last) };
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

impl Steps {
    /// The whole steps between two times; without one of them, from the beginning or to the end of all times.
    fn inside(from: Option<Timestamp>, to: Option<Timestamp>, counted: Counted) -> Self {
        let step = counted.step();
        let up = |time: Timestamp| time.as_nanos().saturating_add(step - 1).div_euclid(step).saturating_mul(step);
        let down = |time: Timestamp| time.as_nanos().div_euclid(step) * step;
        Self { counted, from: from.map_or(0, up), to: to.map_or(i64::MAX, down) }
    }
}
