//! Files that are not accounted for, as tables and as JSON.

use auditwire_engine::log::accounts::{Entry, Verdict};
use serde_json::{Value, json};

use crate::terminal::{Column, Screen, Table, escape};

/// A file, what it holds, and what becomes of it. `taken` names the number of events that the log gets.
pub(super) fn json(verdict: &Verdict, taken: &str) -> Value {
    let mut value = entry(&verdict.entry);
    value[taken] = json!(verdict.taken);
    value["refused"] = json!(verdict.refused);
    value
}

pub(super) fn entry(entry: &Entry) -> Value {
    serde_json::to_value(entry).unwrap_or_default()
}

/// Nothing when there are no files.
pub(super) fn table(verdicts: &[Verdict], taken: &'static str, screen: Screen) -> Vec<String> {
    let column = |title, max, right| Column { title, max, right };
    let mut table = Table::new(vec![
        column("file", 40, false),
        column("events", 12, true),
        column(taken, 13, true),
        column("holds", 120, false),
    ]);
    for verdict in verdicts {
        let holds = match &verdict.refused {
            Some(why) if verdict.entry.unreadable.is_some() => why.clone(),
            Some(why) => format!("{}; {why}", holds(&verdict.entry)),
            None => holds(&verdict.entry),
        };
        let cells = [
            verdict.entry.file.clone(),
            verdict.entry.rows.to_string(),
            verdict.taken.to_string(),
            escape(&holds).into(),
        ];
        table.row(cells.map(|cell| (cell, None)).into());
    }
    if verdicts.is_empty() { Vec::new() } else { table.lines(screen) }
}

/// Whose events.
pub(super) fn holds(entry: &Entry) -> String {
    let of = entry
        .projects
        .iter()
        .map(|of| format!("{} {}–{} received until {}", of.project, of.first_seq, of.last_seq, of.received_at));
    of.collect::<Vec<_>>().join(", ")
}
