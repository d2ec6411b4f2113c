//! `auditwire store discard`: files that were set aside and that nobody wants go.

use std::sync::Arc;

use auditwire_engine::log::Log;
use auditwire_engine::log::accounts;
use auditwire_store::{DataDir, refuse_segments_alone};
use serde_json::json;

use super::{not_opened, show};
use crate::clock::SystemClock;
use crate::config::LogConfig;
use crate::connections::Output;
use crate::failure::{Failure, Result};
use crate::terminal::{self, escape};

pub(super) async fn run(data: &mut DataDir, log: LogConfig, files: &[String], yes: bool, out: Output) -> Result {
    refuse_segments_alone(data.path()).map_err(|e| Failure::new(e.to_string()))?;
    let (store, objects) = super::open(data).await?;
    let failed = |e: auditwire_engine::Error| Failure::caused_by("the files cannot be removed", &e);
    let clock = Arc::new(SystemClock);
    // Opening the log sets aside what lies among the segments.
    let log = Log::open(store.clone(), Arc::clone(&objects), clock.clone(), log.settings()).await;
    let log = log.map_err(|e| not_opened(data, &e))?;
    let entries = accounts::unwanted(&*store, &objects, &*clock, files).await;
    let done = match &entries {
        Ok(entries) if yes => accounts::discard(&log, &*objects, &*clock, entries).await,
        _ => Ok(()),
    };
    log.close().await;
    let entries = entries.map_err(failed)?;
    done.map_err(failed)?;
    if out.json {
        let files: Vec<_> = entries.iter().map(show::entry).collect();
        return Ok(terminal::json(&json!({ "removed": yes, "files": files }))?);
    }
    for entry in &entries {
        let (holds, gone) = (show::holds(entry), if yes { "removed" } else { "would remove" });
        terminal::line(format!("{gone} {}: {} events ({})", escape(&entry.file), entry.rows, escape(&holds)))?;
    }
    if !yes {
        terminal::line("nothing was removed; say --yes to remove them for good")?;
    }
    Ok(())
}
