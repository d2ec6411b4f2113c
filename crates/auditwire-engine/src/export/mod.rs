//! The verbs that hand events out as files. Every export is an audit event: who took what out, and how much.

mod audit;
mod download;
mod parquet;
mod render;
mod stream;

#[cfg(test)]
mod tests;

use std::time::Duration;

use auditwire_model::event::{Columns, columns};
use auditwire_model::export::{Format, Formulas};
use auditwire_model::{Position, ProjectId};

use crate::log::Scan;
use crate::search::{Question, within};
use crate::store::Order;

pub use download::tsv;
pub use stream::{Export, export};

/// Limits of exports. Configuration; the defaults are the product's (section 10).
#[derive(Debug, Clone)]
pub struct ExportSettings {
    /// Exports of one project at once. Default 4.
    pub exports_max: usize,
    /// How long the events are counted before the first byte goes out. Default 2 s.
    pub count_max: Duration,
    /// How long an export waits for a client that takes nothing. Default 60 s.
    pub pause_max: Duration,
}

impl Default for ExportSettings {
    fn default() -> Self {
        Self { exports_max: 4, count_max: Duration::from_secs(2), pause_max: Duration::from_secs(60) }
    }
}

/// The columns that the cells of TSV and CSV are made of, and `seq` for what is told of an export.
const CELLS: [usize; 12] = [
    columns::SEQ,
    columns::TIMESTAMP,
    columns::SEVERITY,
    columns::ACTION,
    columns::MESSAGE,
    columns::SOURCE_ID,
    columns::SUBJECT_USER_ID,
    columns::SUBJECT_METADATA,
    columns::RESOURCE_ID,
    columns::RESOURCE_TYPE,
    columns::STATUS_CODE,
    columns::OUTCOME,
];

/// What a full export is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Which events.
    pub question: Question,
    /// Direction of `seq`.
    pub order: Order,
    /// At most so many; all when absent.
    pub limit: Option<u64>,
    /// As what.
    pub format: Format,
    /// What happens to cells that a spreadsheet would run; JSON Lines and Parquet are exact in any case.
    pub formulas: Formulas,
}

impl Wanted {
    /// What its rows are made of.
    fn columns(&self) -> Columns {
        match self.format {
            Format::Tsv | Format::Csv => Columns::of(&CELLS),
            Format::JsonLines | Format::Parquet => Columns::ALL,
        }
    }

    /// The scan up to `head`: what comes later, the export's own audit event first of all, is no part of it.
    fn scan(&self, project: &ProjectId, head: Position) -> Scan {
        Scan {
            project: project.clone(),
            from: Position(1),
            to: head,
            time_from: self.question.time_from,
            time_to: self.question.time_to,
            predicate: within(self.question.query.clone(), self.question.plane),
            order: self.order,
            limit: self.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            columns: self.columns(),
            numbered: false,
        }
    }
}
