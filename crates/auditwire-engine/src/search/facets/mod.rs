//! Which values of a field occur among the matching events, and how often.

mod tally;
mod values;

use auditwire_model::ProjectId;
use auditwire_model::access::{Caller, Verb};
use auditwire_model::event::{Columns, columns};
use auditwire_model::query::Field;

use super::Question;
use super::asking::Asking;
use super::known::{Known, counted_for, known};
use crate::Engine;
use crate::error::{Error, Result};
use crate::log::Scan;
use crate::reading;
use tally::Tally;

/// Most values in an answer.
pub const FACETS_MAX: usize = 1000;

/// The values of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facets {
    /// Each with the number of matching events that have it: the most frequent first, then in the order of text.
    pub values: Vec<(String, u64)>,
    /// True when there are more values than these.
    pub more: bool,
    /// True when the numbers may be too small or values may be missing: the time ran out, a part of the log could not be
    /// read, or there are too many different values to keep them all in mind.
    pub partial: bool,
}

/// The values of `field` among the events that match, at most `limit` (1–1000). An event without the field counts
/// nowhere; an event with several labels counts for each of them. Numbers, times and the like are spelled as events show
/// them. Memory is bounded: beyond some ten thousand different values the rare ones are forgotten, and values longer than
/// 4 KiB are left out.
///
/// # Errors
/// `forbidden`, `project_not_found`, `invalid_limit`, `too_many_searches`.
pub async fn facets(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    question: &Question,
    field: &Field,
    limit: usize,
) -> Result<Facets> {
    let _look = reading::begin(engine, caller, project, Verb::EventsFacets, question.looked()).await?;
    if !(1..=FACETS_MAX).contains(&limit) {
        let detail = format!("limit is a number from 1 to {FACETS_MAX}");
        return Err(Error::invalid("invalid_limit", "limit", detail));
    }
    let wanted = field.clone();
    let count = move |batch| {
        let mut tally = Tally::default();
        values::each(&wanted, &batch, |value, times| tally.add(value, times));
        tally
    };
    let scan = Scan { numbered: true, ..question.scan(project, Columns::of(&[field.column()])) };
    let mut tally = Tally::default();
    let rest = match counted_for(scan.predicate.columns().with(field.column())) {
        Some(counted) => {
            let add = |known: Known| {
                if let Some(value) = value(&known, field) {
                    tally.add(value, known.number);
                }
            };
            known(engine, project, scan, counted, add).await?
        }
        None => vec![scan],
    };
    let mut asking = Asking::begin(engine, project, rest, count).await?;
    while let Some(piece) = asking.next().await? {
        tally.merge(piece.value.unwrap_or_default());
    }
    let partial = tally.forgot() || !asking.whole();
    let more = tally.len() > limit || tally.forgot();
    Ok(Facets { values: tally.most_frequent(limit), more, partial })
}

/// The value of a counted field.
fn value<'k>(known: &'k Known, field: &Field) -> Option<&'k str> {
    match field.column() {
        columns::PLANE => Some(known.plane.as_str()),
        columns::SEVERITY => Some(known.severity.as_str()),
        columns::SOURCE_ID => known.source.as_deref(),
        _ => None,
    }
}
