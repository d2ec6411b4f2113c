//! When the matching events happened, by severity.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt8Type};
use auditwire_model::access::{Caller, Verb};
use auditwire_model::event::{Columns, columns};
use auditwire_model::{ProjectId, Severity, Timestamp};

use super::Question;
use super::asking::Asking;
use super::extent::extent;
use super::known::{Known, counted_for, known};
use crate::Engine;
use crate::error::{Error, Result};
use crate::reading;

/// Most buckets of a histogram.
pub const BUCKETS_MAX: usize = 500;

/// In nanoseconds.
pub(super) const MINUTE: i64 = 60_000_000_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// Matching events over time. The buckets follow each other without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    /// In order of time; also those without events.
    pub buckets: Vec<Bucket>,
    /// True when events may be missing: the time ran out, or a part of the log could not be read.
    pub partial: bool,
}

/// A part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// `from <= timestamp`.
    pub from: Timestamp,
    /// `timestamp < to`.
    pub to: Timestamp,
    /// How many, by the severity's rank.
    pub counts: Counts,
}

/// A number per severity, by its rank.
pub type Counts = [u64; Severity::ALL.len()];

/// Counts the matching events in 1–500 `buckets` of about the same width. They reach from the question's `time_from` to its
/// `time_to`; where one is missing, the whole minutes around the log's earliest and latest event stand in for it, and
/// around the last day when the log is empty. Buckets that are at least a minute wide meet at whole minutes. (Less than a
/// nanosecond a bucket cannot be: such a question gets fewer.)
///
/// # Errors
/// `forbidden`, `project_not_found`, `invalid_buckets`, `invalid_range` (it ends before it begins), `too_many_searches`.
pub async fn histogram(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    question: &Question,
    buckets: usize,
) -> Result<Histogram> {
    let _look = reading::begin(engine, caller, project, Verb::EventsHistogram, question.looked()).await?;
    if !(1..=BUCKETS_MAX).contains(&buckets) {
        let detail = format!("a histogram has 1 to {BUCKETS_MAX} buckets");
        return Err(Error::invalid("invalid_buckets", "buckets", detail));
    }
    let (from, to) = range(engine, project, question).await?;
    let bounds = bounds(from.as_nanos(), to.as_nanos(), buckets);
    let question = Question { time_from: Some(from), time_to: Some(to), ..question.clone() };
    let mut counts = vec![Counts::default(); bounds.len() - 1];
    let mut scans = vec![question.scan(project, Columns::of(&[columns::TIMESTAMP, columns::SEVERITY]))];
    let inner = bounds.get(1..bounds.len() - 1).unwrap_or_default();
    let told = counted_for(scans[0].predicate.columns().with(columns::SEVERITY));
    if let Some(told) = told.filter(|told| inner.iter().all(|bound| bound % told.step() == 0)) {
        let add = |known: Known| {
            counts[bucket(&bounds, known.time)][usize::from(known.severity.rank())] += known.number;
        };
        scans = known(engine, project, scans.swap_remove(0), told, add).await?;
    }
    let edges = bounds.clone();
    let mut asking = Asking::begin(engine, project, scans, move |batch| counted(&batch, &edges)).await?;
    while let Some(piece) = asking.next().await? {
        for (bucket, rank, number) in piece.value.unwrap_or_default() {
            counts[bucket][rank] += number;
        }
    }
    let time = |nanos: &i64| Timestamp::from_nanos(*nanos).unwrap_or(Timestamp::EPOCH);
    let ends = bounds.iter().zip(bounds.iter().skip(1));
    let buckets = ends.zip(counts).map(|((from, to), counts)| Bucket { from: time(from), to: time(to), counts });
    Ok(Histogram { buckets: buckets.collect(), partial: !asking.whole() })
}

/// From when to when the buckets reach.
async fn range(engine: &Engine, project: &ProjectId, question: &Question) -> Result<(Timestamp, Timestamp)> {
    let (from, to) = match (question.time_from, question.time_to) {
        (Some(from), Some(to)) => (from, to),
        (from, to) => {
            let now = engine.clock.now();
            let around = extent(engine, project).await?.unwrap_or((now.saturating_add_nanos(-DAY), now));
            let (earliest, latest) = (minute(around.0), minute(around.1).saturating_add_nanos(MINUTE));
            match (from, to) {
                (Some(from), _) => (from, latest.max(from.saturating_add_nanos(MINUTE))),
                (None, Some(to)) => (earliest.min(to.saturating_add_nanos(-MINUTE)), to),
                (None, None) => (earliest, latest),
            }
        }
    };
    if from >= to {
        return Err(Error::invalid(
            "invalid_range",
            "to",
            "the range ends before it begins; let to be later than from",
        ));
    }
    Ok((from, to))
}

/// The whole minute that `time` is in.
fn minute(time: Timestamp) -> Timestamp {
    time.saturating_add_nanos(-time.as_nanos().rem_euclid(MINUTE))
}

/// Where the buckets meet, both ends included. `from` is before `to`; the bounds increase.
fn bounds(from: i64, to: i64, buckets: usize) -> Vec<i64> {
    let span = i128::from(to) - i128::from(from);
    let buckets = i128::try_from(buckets).unwrap_or(1).min(span);
    let whole_minutes = span / buckets >= i128::from(MINUTE);
    let inner = (1..buckets).map(|n| {
        let bound = from + i64::try_from(span * n / buckets).unwrap_or(0);
        if whole_minutes { bound - bound.rem_euclid(MINUTE) } else { bound }
    });
    std::iter::once(from).chain(inner).chain([to]).collect()
}

/// The bucket that a time within the bounds lies in.
fn bucket(bounds: &[i64], time: i64) -> usize {
    bounds.partition_point(|bound| *bound <= time).saturating_sub(1).min(bounds.len().saturating_sub(2))
}

/// How many of the rows lie in which bucket, with which severity: only what is not zero.
fn counted(batch: &RecordBatch, bounds: &[i64]) -> Vec<(usize, usize, u64)> {
    let times = batch.column(columns::TIMESTAMP).as_primitive::<Int64Type>().values();
    let severities = batch.column(columns::SEVERITY).as_primitive::<UInt8Type>().values();
    let mut counts = vec![Counts::default(); bounds.len() - 1];
    // Events that follow each other lie in the same bucket or in the next one, mostly.
    let (mut at, mut inside) = (0, 0..0);
    for (time, severity) in times.iter().zip(severities) {
        if !inside.contains(time) {
            at = bounds.partition_point(|bound| bound <= time).saturating_sub(1);
            inside = match (bounds.get(at), bounds.get(at + 1)) {
                (Some(from), Some(to)) => *from..*to,
                _ => continue,
            };
        }
        // An unknown rank reads as DEFAULT, as everywhere.
        let rank = Severity::from_rank(*severity).unwrap_or_default().rank();
        counts[at][usize::from(rank)] += 1;
    }
    let cells = counts
        .into_iter()
        .enumerate()
        .flat_map(|(at, counts)| counts.into_iter().enumerate().map(move |(rank, number)| (at, rank, number)));
    cells.filter(|(.., number)| *number > 0).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_of_a_minute_and_more_meet_at_whole_minutes() {
        assert_eq!(bounds(0, 10 * MINUTE, 2), [0, 5 * MINUTE, 10 * MINUTE]);
        assert_eq!(bounds(7, 10 * MINUTE + 7, 2), [7, 5 * MINUTE, 10 * MINUTE + 7]);
        assert_eq!(bounds(7, 2 * MINUTE + 7, 2), [7, MINUTE, 2 * MINUTE + 7]);
        assert_eq!(bounds(7, 2 * MINUTE + 6, 2), [7, MINUTE + 6, 2 * MINUTE + 6]);
        assert_eq!(bounds(0, 3, 60), [0, 1, 2, 3]);
    }

    proptest! {
        #[test]
        fn bounds_increase_and_are_as_many_as_were_asked_for(
            from in 0..i64::MAX - 1, span in prop_oneof![1..2000_i64, 1..i64::MAX], buckets in 1..=BUCKETS_MAX,
        ) {
            let to = from.saturating_add(span);
            let bounds = bounds(from, to, buckets);
            prop_assert_eq!((bounds[0], bounds[bounds.len() - 1]), (from, to));
            prop_assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(bounds.len() as i128 - 1, (buckets as i128).min(i128::from(to) - i128::from(from)));
        }
    }
}
