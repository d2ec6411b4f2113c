//! `auditwire store rescue`: a new data folder with what can still be read of a damaged one.

use std::path::Path;

use auditwire_store::{DataDir, DirError, Rescued};
use serde_json::{Value, json};

use super::copy::{KEYS, copy_keys};
use crate::connections::Output;
use crate::failure::{Failure, LOCKED, Result, chain};
use crate::terminal;

/// Ranges that are shown for people; JSON has all.
const SHOWN: usize = 20;

pub(super) async fn run(data: &Path, to: &Path, out: Output) -> Result {
    let _lock = lock(data)?;
    let failed = |e: &dyn std::error::Error| Failure::caused_by(format!("{} was not rescued", data.display()), e);
    let rescued = auditwire_store::rescue(data, to).await.map_err(|e| failed(&e))?;
    if data.join(KEYS).is_dir() {
        copy_keys(&data.join(KEYS), &to.join(KEYS)).map_err(|e| failed(&e))?;
    }
    if out.json {
        terminal::json(&as_json(&rescued, to))?;
    } else {
        lines(&rescued, to).into_iter().try_for_each(terminal::line)?;
    }
    if rescued.is_whole() { Ok(()) } else { Err(Failure::told()) }
}

/// Nobody may use the folder meanwhile. One that cannot be written (a disk that the system has made read-only) is nobody's.
fn lock(data: &Path) -> Result<Option<DataDir>> {
    if !data.is_dir() {
        let data = data.display();
        return Err(Failure::usage(format!("there is no folder {data}; name the service's with --data or --config")));
    }
    match DataDir::lock(data) {
        Ok(lock) => Ok(Some(lock)),
        Err(error @ DirError::InUse { .. }) => {
            Err(Failure { message: format!("{error}; stop it first, or name another folder"), code: LOCKED })
        }
        Err(DirError::Io { source, .. }) if source.kind() == std::io::ErrorKind::ReadOnlyFilesystem => Ok(None),
        Err(error) => Err(Failure::new(chain(&error))),
    }
}

fn as_json(rescued: &Rescued, to: &Path) -> Value {
    let projects = rescued.projects.iter();
    let projects: Vec<Value> = projects
        .map(|project| json!({ "project": project.project, "kept": project.kept, "lost": project.lost }))
        .collect();
    json!({
        "to": to, "whole": rescued.is_whole(), "readable": rescued.readable, "projects": projects, "records": rescued.records,
        "torn": rescued.torn, "files": rescued.files, "missing": rescued.missing,
    })
}

fn lines(rescued: &Rescued, to: &Path) -> Vec<String> {
    let to = to.display();
    if !rescued.readable {
        return vec![
            format!("nothing of log.sqlite can be read; {} files of sealed events are in {to}", rescued.files),
            format!("put a back-up of log.sqlite there, or take the events in: auditwire store adopt --data {to}"),
        ];
    }
    let mut lines = Vec::new();
    for project in &rescued.projects {
        let lost: u64 = project.lost.iter().map(|(from, to)| to - from + 1).sum();
        let mut ranges: Vec<String> =
            project.lost.iter().take(SHOWN).map(|(from, to)| format!("{from}-{to}")).collect();
        if project.lost.len() > SHOWN {
            ranges.push(format!("and {} more ranges", project.lost.len() - SHOWN));
        }
        let ranges = if ranges.is_empty() { String::new() } else { format!(" (seq {})", ranges.join(", ")) };
        let (name, kept) = (terminal::escape(&project.project), project.kept);
        lines.push(format!("project {name}: {kept} events kept, {lost} lost{ranges}"));
    }
    let records: Vec<String> = rescued.records.iter().map(|(kind, count)| format!("{kind}: {count}")).collect();
    lines.push(format!("records kept by kind: {}", records.join(", ")));
    for table in &rescued.torn {
        lines.push(format!("some rows of the table {table} cannot be read"));
    }
    for name in &rescued.missing {
        lines.push(format!("missing: segments/{name}"));
    }
    lines.push(format!("the new folder: auditwire serve --data {to}"));
    lines
}
