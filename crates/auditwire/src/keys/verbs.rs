//! `auditwire keys`: the master keys. `rotate` only makes a key file; `list` and `rewrap` go through the service while one runs on the
//! data directory, and do it themselves when none does.

use std::path::PathBuf;
use std::sync::Arc;

use auditwire_engine::log::Log;
use auditwire_engine::secrets::{self, KeyView, Vault};
use auditwire_model::access::Caller;
use auditwire_store::{DataDir, DirError, SqliteOptions, SqliteStore, open_segments, refuse_segments_alone};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::KeySource;
use super::rotate::rotate;
use crate::client::{Client, ClientArgs};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::connections::{Output, show::text};
use crate::failure::{Failure, Result, chain};
use crate::terminal::{self, Column, Screen, Table};

const EXAMPLES: &str = "\
Examples:
  auditwire keys list --data ./audit
  auditwire keys rotate --data ./audit        makes a new key; back it up before the next step
  auditwire keys rewrap --data ./audit        seals every secret by it; the service may run meanwhile

AUDITWIRE_KEYS must say the same as for the service. While a service runs on the data directory, `list` and `rewrap` ask it and need
an operator's token; else they look into the data directory themselves.";

/// List, renew and replace the master keys that secrets are sealed by.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KeysArgs {
    /// How to reach the service.
    #[command(flatten)]
    client: ClientArgs,
    /// TOML file with the settings of the service.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Folder of the log and the state [default: auditwire-data].
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<String>,
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

/// The verbs over master keys.
#[derive(Debug, Subcommand)]
enum Verb {
    /// List them: how many secrets each seals, and which back-ups need it.
    List,
    /// Make a new one beside the others; nothing is sealed by it before a rewrap or the next start.
    Rotate,
    /// Seal every secret by the newest one; afterwards the others are only needed for back-ups. May be repeated.
    Rewrap,
}

/// Runs one of the verbs.
pub(crate) async fn run(args: KeysArgs) -> Result {
    let overrides = args.data.iter().map(|dir| ("data", "dir", dir.clone())).collect();
    let config = Config::load(args.config.as_deref(), std::env::vars_os(), &overrides)?;
    let source = KeySource::from_environment();
    let out = Output { json: args.client.json, screen: Screen::detect() };
    if matches!(args.verb, Verb::Rotate) {
        let made = rotate(&source, &config.data)?;
        let (id, file) = (&made.id, made.file.display());
        let sentence = format!(
            "made the key {id} in {file}\nback it up, then run `auditwire keys rewrap`: it seals every secret by it"
        );
        return out.told(&json!({ "id": id, "file": file.to_string() }), &sentence);
    }
    let rewraps = matches!(args.verb, Verb::Rewrap);
    let answer = match held(&config)? {
        Some(data) => offline(&config, &source, &data, rewraps).await?,
        None => {
            let client = Client::from_args(&args.client)?;
            if rewraps {
                client.post_global(&["keys", "rewrap"]).await?
            } else {
                client.get_global(&["keys"], &[]).await?
            }
        }
    };
    shown(&answer, out)
}

/// The data directory, unless a service holds it.
fn held(config: &Config) -> Result<Option<DataDir>> {
    // Locking makes the folder; a name that was mistyped shall not become one.
    if !config.data.is_dir() {
        let data = config.data.display();
        return Err(Failure::usage(format!("there is no folder {data}; name the service's with --data or --config")));
    }
    let lock = |mut data: DataDir| {
        refuse_segments_alone(data.path())?;
        data.lock_database().map(|()| data)
    };
    match DataDir::lock(&config.data).and_then(lock) {
        Ok(data) => Ok(Some(data)),
        Err(DirError::InUse { .. }) => Ok(None),
        Err(error) => Err(Failure::new(chain(&error))),
    }
}

/// Without a service: nothing is delivered, and nobody is answered, meanwhile.
async fn offline(config: &Config, source: &KeySource, data: &DataDir, rewraps: bool) -> Result<Value> {
    let failed = |e: &dyn std::error::Error| {
        Failure::caused_by(format!("the store in {} cannot be opened", data.path().display()), e)
    };
    let store = SqliteStore::open(data.path(), SqliteOptions::default()).await.map_err(|e| failed(&e))?;
    let keyring = Arc::new(super::load(source, data.path(), &store).await?);
    let store = Arc::new(store);
    if !rewraps {
        let keys = secrets::views(&*store, &keyring).await;
        return Ok(json!({ "keys": listed(&keys.map_err(|e| failed(&e))?) }));
    }
    let objects = open_segments(data.path(), true).map_err(|e| failed(&e))?;
    let clock = Arc::new(SystemClock);
    let log = Log::open(store.clone(), objects, clock.clone(), config.log.settings()).await.map_err(|e| failed(&e))?;
    let vault = Vault { store, log: log.clone(), clock, keyring };
    let done = secrets::rewrap_in(&vault, &Caller::Service).await;
    log.close().await;
    let done = done.map_err(|e| Failure::caused_by("not everything is sealed anew; run it again", &e))?;
    Ok(json!({ "rewrapped": done.secrets, "keys": listed(&done.keys) }))
}

/// As the API lists them.
fn listed(keys: &[KeyView]) -> Vec<Value> {
    let listed = keys.iter().map(|key| {
        json!({
            "id": key.id,
            "made_at": key.made_at.map(|time| time.to_string()),
            "present": key.present,
            "seals": key.seals,
            "secrets": key.secrets,
            "needed": key.needed(),
            "back_ups_until": key.back_ups_until.map(|time| time.to_string()),
        })
    });
    listed.collect()
}

fn shown(answer: &Value, out: Output) -> Result {
    if out.json {
        return Ok(terminal::json(answer)?);
    }
    if let Some(secrets) = answer["rewrapped"].as_u64() {
        terminal::line(format!("{secrets} secrets are sealed by the newest key now and were not before"))?;
    }
    let keys = answer["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(table(keys, out.screen).into_iter().try_for_each(terminal::line)?)
}

fn table(keys: &[Value], screen: Screen) -> Vec<String> {
    let column = |title, max, right| Column { title, max, right };
    let mut table = Table::new(vec![
        column("key", 24, false),
        column("made", 20, false),
        column("secrets", 7, true),
        column("needed for", 60, false),
    ]);
    for key in keys {
        let cells =
            [text(key, "id").to_owned(), text(key, "made_at").to_owned(), key["secrets"].to_string(), needed_for(key)];
        table.row(cells.map(|cell| (cell, None)).into());
    }
    table.lines(screen)
}

fn needed_for(key: &Value) -> String {
    if key["seals"] == true {
        return "the service: new secrets are sealed by it".to_owned();
    }
    match (key["needed"] == true, key["back_ups_until"].as_str()) {
        (true, _) => "the service, until a rewrap".to_owned(),
        (false, Some(until)) => format!("back-ups made before {until}"),
        (false, None) => "back-ups, until a rewrap says which".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_what_it_is_needed_for() {
        let key =
            |seals, needed, until: Option<&str>| json!({ "seals": seals, "needed": needed, "back_ups_until": until });
        assert_eq!(needed_for(&key(true, true, None)), "the service: new secrets are sealed by it");
        assert_eq!(needed_for(&key(false, true, None)), "the service, until a rewrap");
        let until = "2026-12-01T10:00:00Z";
        assert_eq!(needed_for(&key(false, false, Some(until))), format!("back-ups made before {until}"));
    }
}
