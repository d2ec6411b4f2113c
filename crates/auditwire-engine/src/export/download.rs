//! The download beside a list: few rows, all of them known before the first byte goes out.

use auditwire_model::ProjectId;
use auditwire_model::access::{Caller, Verb};
use auditwire_model::event::rows;
use auditwire_model::export::{Format, Formulas, tsv as format};

use super::audit::{Asked, Taken, events};
use super::stream::unreadable;
use crate::audit::{Audit, action};
use crate::error::{Error, Kind, Result};
use crate::log::Submission;
use crate::search::{self, Search, within};
use crate::{Engine, projects};

/// Most rows of the download beside a list.
const TSV_ROWS_MAX: usize = 1000;

/// At most 1000 events as tab-separated values, in the order and with the filter of `search`; its limit may ask for fewer.
/// The bytes are handed out only when the audit event `export` is on disk.
///
/// # Errors
/// `forbidden`, `project_not_found`, `too_many_searches`; `events_unreadable` when a part of the log is damaged; `export_timeout` when the search ran into its time limit: half an
/// answer would pass for a whole one.
pub async fn tsv(engine: &Engine, caller: &Caller, project: &ProjectId, search: &Search) -> Result<Vec<u8>> {
    projects::authorize(engine, caller, project, Verb::ExportEvents).await?;
    let search = Search { limit: search.limit.clamp(1, TSV_ROWS_MAX), ..search.clone() };
    let page = search::untold(engine, project, &search).await?;
    if page.partial {
        let detail = "the search took too long; choose a shorter time range or a narrower filter";
        return Err(Error::new(Kind::Unavailable, "export_timeout", detail));
    }
    if let Some(damage) = page.unreadable.first() {
        return Err(unreadable(damage));
    }
    let mut out = Vec::new();
    let mut taken = Taken::default();
    format::write_header(&mut out);
    for batch in &page.batches {
        rows(batch).for_each(|event| format::write_row(&event, Formulas::Neutralised, &mut out));
        taken.merge(Taken::of(batch));
    }
    let asked = Asked {
        format: Format::Tsv.as_str(),
        order: search.order,
        filter: within(search.query.clone(), search.plane),
        from: search.time_from,
        to: search.time_to,
    };
    let were = if taken.rows == 1 { "was" } else { "were" };
    let event = taken
        .told(asked.told(Audit::new(action::EXPORT, caller).on("event-log", project)))
        .message(format!("{} {were} exported as TSV", events(taken.rows)))
        .build(engine.clock.now());
    let submission = Submission { project: Some(project.clone()), events: vec![event], changes: Vec::new() };
    engine.log.submit(submission).await?;
    Ok(out)
}
