//! `auditwire store adopt`: files of sealed events that the store knows nothing of are taken in.

use std::sync::Arc;

use auditwire_engine::log::Log;
use auditwire_engine::log::accounts::{self, Adoption};
use auditwire_model::Clock as _;
use auditwire_store::{DataDir, SqliteStore};
use serde_json::json;

use super::{not_opened, show};
use crate::clock::SystemClock;
use crate::config::LogConfig;
use crate::connections::Output;
use crate::failure::{Failure, Result};
use crate::terminal;

pub(super) async fn run(data: &mut DataDir, log: LogConfig, files: &[String], any_store: bool, out: Output) -> Result {
    let wal = data.path().join("log.sqlite-wal");
    if !SqliteStore::is_in(data.path()) && wal.exists() {
        // SQLite would play it into the new store.
        return Err(Failure::new(format!(
            "{} belongs to a log.sqlite that is not there; put that back, or move the write-ahead log away and adopt again",
            wal.display()
        )));
    }
    let (store, objects) = super::open(data).await?;
    let failed = |e: auditwire_engine::Error| Failure::caused_by("the files cannot be taken in", &e);
    let clock = Arc::new(SystemClock);
    let adoption = Adoption::new(store.clone(), Arc::clone(&objects), clock.now(), any_store);
    let verdicts = adoption.adopt(files).await.map_err(failed)?;
    if verdicts.iter().any(|verdict| verdict.taken > 0) {
        let log = Log::open(store.clone(), objects, clock.clone(), log.settings()).await;
        let log = log.map_err(|e| not_opened(data, &e))?;
        let told = accounts::adopted(&*store, &log, &*clock, &verdicts).await;
        log.close().await;
        told.map_err(|e| {
            Failure::caused_by("the events are there, but not all that goes with them; run it again", &e)
        })?;
    }
    let events: u64 = verdicts.iter().map(|verdict| verdict.taken).sum();
    if out.json {
        let files: Vec<_> = verdicts.iter().map(|verdict| show::json(verdict, "taken")).collect();
        terminal::json(&json!({ "taken": events, "files": files }))?;
    } else {
        show::table(&verdicts, "taken", out.screen).into_iter().try_for_each(terminal::line)?;
        terminal::line(format!("{events} events were taken in"))?;
    }
    if verdicts.iter().all(|verdict| verdict.refused.is_none()) { Ok(()) } else { Err(Failure::told()) }
}
