//! The verbs that hand events out as files. Every export is an audit event: who took what out, and how much.

use auditwire_model::access::{Caller, Right};
use auditwire_model::event::rows;
use auditwire_model::export::tsv as format;
use auditwire_model::{Position, ProjectId};

use crate::audit::{Audit, action};
use crate::error::{Error, Kind, Result};
use crate::log::Submission;
use crate::search::{self, Search, within};
use crate::store::Order;
use crate::{Engine, projects};

/// Most rows of the download beside a list.
const TSV_ROWS_MAX: usize = 1000;

/// At most 1000 events as tab-separated values, in the order and with the filter of `search`; its limit may ask for fewer.
/// The bytes are handed out only when the audit event `export` is on disk.
///
/// # Errors
/// `forbidden`, `project_not_found`; `export_timeout` when the search ran into its time limit: half an answer would pass
/// for a whole one.
pub async fn tsv(engine: &Engine, caller: &Caller, project: &ProjectId, search: &Search) -> Result<Vec<u8>> {
    projects::authorize(engine, caller, project, &[Right::Read(project)]).await?;
    let search = Search { limit: search.limit.clamp(1, TSV_ROWS_MAX), ..search.clone() };
    let page = search::page(engine, caller, project, &search).await?;
    if page.partial {
        let detail = "the search took too long; choose a shorter time range or a narrower filter";
        return Err(Error::new(Kind::Unavailable, "export_timeout", detail));
    }
    let mut out = Vec::new();
    let mut taken = Taken::default();
    format::write_header(&mut out);
    for event in page.batches.iter().flat_map(rows) {
        format::write_row(&event, &mut out);
        taken.add(event.seq.unwrap_or_default());
    }
    let event = taken.told(Audit::new(action::EXPORT, caller), project, "tsv", &search).build(engine.clock.now());
    let submission = Submission { project: Some(project.clone()), events: vec![event], changes: Vec::new() };
    engine.log.submit(submission).await?;
    Ok(out)
}

/// What an export holds.
#[derive(Debug, Default)]
struct Taken {
    rows: u64,
    /// Lowest and highest position.
    range: Option<(Position, Position)>,
}

impl Taken {
    fn add(&mut self, seq: Position) {
        self.rows += 1;
        let (first, last) = self.range.unwrap_or((seq, seq));
        self.range = Some((first.min(seq), last.max(seq)));
    }

    /// The audit event: the format, how much, and by which question.
    fn told(&self, event: Audit, project: &ProjectId, format: &str, search: &Search) -> Audit {
        let order = match search.order {
            Order::Ascending => "asc",
            Order::Descending => "desc",
        };
        let mut event = event
            .on("event-log", project)
            .with("format", format)
            .with("rows", self.rows)
            .with("order", order)
            .with("filter", within(search.query.clone(), search.plane));
        for (name, value) in [("from", search.time_from), ("to", search.time_to)] {
            if let Some(value) = value {
                event = event.with(name, value);
            }
        }
        if let Some((first, last)) = self.range {
            event = event.with("first_seq", first).with("last_seq", last);
        }
        let events = if self.rows == 1 { "event was" } else { "events were" };
        event.message(format!("{} {events} exported as {}", self.rows, format.to_uppercase()))
    }
}

#[cfg(test)]
mod tests;
