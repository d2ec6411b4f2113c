//! `auditwire store inspect`: what the folder holds, and what of it is not accounted for. Changes nothing but the version of the
//! store's tables.

use std::sync::Arc;

use auditwire_engine::log::accounts::{Accounts, Adoption};
use auditwire_engine::store::Store;
use auditwire_engine::store::memory::MemoryStore;
use auditwire_model::Clock as _;
use auditwire_store::{DataDir, SqliteStore, open_segments};
use serde_json::json;

use super::{not_opened, show};
use crate::clock::SystemClock;
use crate::connections::Output;
use crate::failure::{Failure, Result, chain};
use crate::terminal::{self, escape};

pub(super) async fn run(data: &mut DataDir, out: Output) -> Result {
    let has_store = SqliteStore::is_in(data.path());
    let (store, objects) = if has_store {
        let (store, objects) = super::open(data).await?;
        (store as Arc<dyn Store>, objects)
    } else {
        // Looking makes none.
        let objects = open_segments(data.path(), true).map_err(|e| Failure::new(chain(&e)))?;
        (Arc::new(MemoryStore::default()) as Arc<dyn Store>, objects)
    };
    let failed = |e: auditwire_engine::Error| not_opened(data, &e);
    let accounts = Accounts::look(&*store, &*objects).await.map_err(failed)?;
    let verdicts = Adoption::new(store, objects, SystemClock.now(), true).preview().await.map_err(failed)?;
    let missing: Vec<&String> = accounts.missing.iter().map(|(_, name)| name).collect();
    if out.json {
        let files: Vec<_> = verdicts.iter().map(|verdict| show::json(verdict, "adopting_adds")).collect();
        terminal::json(&json!({
            "store": has_store,
            "segments": accounts.there,
            "missing": missing,
            "being_removed": accounts.left.len(),
            "unaccounted": files,
        }))?;
    } else {
        if !has_store {
            terminal::line("there is no store (log.sqlite) in this folder")?;
        }
        let (there, left) = (accounts.there, accounts.left.len());
        terminal::line(format!(
            "{there} segments are there, {} are missing, {left} replaced ones wait to be removed",
            missing.len()
        ))?;
        for name in &missing {
            terminal::line(format!("missing: {}", escape(name)))?;
        }
        show::table(&verdicts, "adopting adds", out.screen).into_iter().try_for_each(terminal::line)?;
    }
    if accounts.is_whole() && (has_store || accounts.there > 0 || verdicts.is_empty()) {
        Ok(())
    } else {
        Err(Failure::told())
    }
}
