//! `auditwire store inspect`: what the folder holds, and what of it is not accounted for. Changes nothing but the version of the
//! store's tables.

use auditwire_engine::log::accounts::Accounts;
use auditwire_store::{DataDir, SqliteOptions, SqliteStore, open_segments};
use serde_json::json;

use crate::connections::Output;
use crate::failure::{Failure, Result, chain};
use crate::terminal;

pub(super) async fn run(data: &DataDir, out: Output) -> Result {
    let failed = |e: &dyn std::error::Error| {
        Failure::caused_by(format!("the store in {} cannot be opened", data.path().display()), e)
    };
    let store = SqliteStore::open(data.path(), SqliteOptions::default()).await.map_err(|e| failed(&e))?;
    let objects = open_segments(data.path(), true).map_err(|e| Failure::new(chain(&e)))?;
    let accounts = Accounts::look(&store, &*objects).await.map_err(|e| failed(&e))?;
    let (there, missing) = (accounts.there, &accounts.missing);
    let unknown: Vec<&String> = accounts.unknown.keys().chain(accounts.aside.keys()).collect();
    if out.json {
        terminal::json(&json!({ "segments": there, "missing": missing, "unaccounted": unknown }))?;
    } else {
        terminal::line(format!("{there} segments, {} missing, {} unaccounted for", missing.len(), unknown.len()))?;
    }
    if accounts.is_whole() { Ok(()) } else { Err(Failure::told()) }
}
