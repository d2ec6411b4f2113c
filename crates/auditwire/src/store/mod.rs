//! `auditwire store`: the data folder itself, while no service runs on it. Looks at what lies there and mends what a restore from
//! a back-up leaves.

mod adopt;
mod copy;
mod discard;
mod inspect;
mod rescue;
mod show;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use auditwire_store::{DataDir, DirError, ObjectStore, SqliteOptions, SqliteStore, open_segments};
use clap::{Args, Subcommand};

use crate::config::Config;
use crate::connections::Output;
use crate::failure::{Failure, LOCKED, Result, chain};
use crate::terminal::Screen;

const EXAMPLES: &str = "\
Examples:
  auditwire store inspect --data ./audit
  auditwire store copy --data ./audit --to /backup/audit-2026-12-01
  auditwire store adopt --data ./audit
  auditwire store discard 0000000012-00c0ffee.parquet --yes --data ./audit

But for a copy the service must not run on the folder. docs/operations.md says what to do after a restore from a back-up.";

/// Look at the data folder, and mend what a restore from a back-up leaves.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StoreArgs {
    /// TOML file with the settings of the service.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Folder of the log and the state [default: auditwire-data].
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<String>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

/// The verbs over the data folder.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Say which files of sealed events the store names, which are missing, and which it knows nothing of.
    ///
    /// Exit code 0 when all is accounted for, 1 otherwise.
    Inspect,
    /// Make a new folder with what can still be read of a damaged one.
    ///
    /// The damaged folder stays as it is. Exit code 0 when nothing is lost, 1 otherwise.
    Rescue {
        /// Folder to make; it must not be there, or be empty.
        #[arg(long, value_name = "NEW")]
        to: PathBuf,
    },
    /// Copy the folder to another one, also while the service runs on it.
    ///
    /// The copy holds what the folder held at one moment, and a service starts on it.
    Copy {
        /// Folder to make; it must not be there, or be empty.
        #[arg(long, value_name = "OUT")]
        to: PathBuf,
        /// Copy the master keys too, if they lie in the folder.
        #[arg(long)]
        with_keys: bool,
    },
    /// Take files of sealed events into the store that knows nothing of them: what it has not, it gets.
    ///
    /// Each file is read to its last byte first. Beside no store it makes a new one: events come back; connections, tokens and people do
    /// not. Exit code 0 when nothing is left to decide on, 1 otherwise.
    Adopt {
        /// Which files [default: all that are not accounted for].
        #[arg(value_name = "FILE")]
        files: Vec<String>,
        /// Also files that say that the store of another instance wrote them.
        #[arg(long)]
        any_store: bool,
    },
    /// Remove files that were set aside; without --yes it only says what would go.
    Discard {
        /// Which files.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<String>,
        /// Remove them.
        #[arg(long)]
        yes: bool,
    },
}

/// Runs one of the verbs.
pub(crate) async fn run(args: StoreArgs) -> Result {
    let overrides = args.data.iter().map(|dir| ("data", "dir", dir.clone())).collect();
    let config = Config::load(args.config.as_deref(), std::env::vars_os(), &overrides)?;
    let out = Output { json: args.json, screen: Screen::detect() };
    match args.verb {
        Verb::Rescue { to } => rescue::run(&config.data, &to, out).await,
        Verb::Copy { to, with_keys } => copy::run(&config.data, &to, with_keys, out).await,
        Verb::Inspect => inspect::run(&mut lock(&config.data)?, out).await,
        Verb::Adopt { files, any_store } => {
            adopt::run(&mut lock(&config.data)?, config.log, &files, any_store, out).await
        }
        Verb::Discard { files, yes } => discard::run(&mut lock(&config.data)?, config.log, &files, yes, out).await,
    }
}

/// Takes the data folder, which must be there: locking makes one, and a name that was mistyped shall not become a folder.
fn lock(data: &Path) -> Result<DataDir> {
    if !data.is_dir() {
        let data = data.display();
        return Err(Failure::usage(format!("there is no folder {data}; name the service's with --data or --config")));
    }
    DataDir::lock(data).map_err(|e| not_locked(&e))
}

fn not_locked(error: &DirError) -> Failure {
    match error {
        DirError::InUse { .. } => {
            Failure { message: format!("{error}; stop it first, or name another folder"), code: LOCKED }
        }
        DirError::Io { .. } | DirError::NoStore { .. } => Failure::new(chain(error)),
    }
}

/// The store and the folder of segments.
async fn open(data: &mut DataDir) -> Result<(Arc<SqliteStore>, Arc<dyn ObjectStore>)> {
    data.lock_database().map_err(|e| not_locked(&e))?;
    let store = SqliteStore::open(data.path(), SqliteOptions::default()).await.map_err(|e| not_opened(data, &e))?;
    let objects = open_segments(data.path(), true).map_err(|e| Failure::new(chain(&e)))?;
    Ok((Arc::new(store), objects))
}

fn not_opened(data: &DataDir, error: &dyn std::error::Error) -> Failure {
    Failure::caused_by(format!("the store in {} cannot be opened", data.path().display()), error)
}
