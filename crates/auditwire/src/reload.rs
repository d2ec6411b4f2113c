//! What a SIGHUP reads again while the service runs: the listener's certificate, the master keys, the level of the log. Each is
//! tried on its own, what cannot be used leaves the former one in force, and one line of the log tells all of it, with the
//! settings that changed and need a restart.

use std::path::PathBuf;

use auditwire_engine::{Engine, secrets};
use auditwire_server::Certificates;

use crate::config::{Config, Overrides};
use crate::failure::{Result, chain};
use crate::telemetry::Level;

/// The one setting of the file that is taken over while the service runs.
const LEVEL: &str = "telemetry.level";

/// How the service was started, and what is in force.
#[derive(Debug)]
pub(crate) struct Reload {
    /// The configuration file.
    pub(crate) file: Option<PathBuf>,
    /// What the command line says.
    pub(crate) overrides: Overrides,
    /// What is in force.
    pub(crate) config: Config,
    /// Changes the level of the log.
    pub(crate) level: Level,
}

/// What became of the parts, each in a few words.
#[derive(Debug, Default)]
struct Told {
    done: Vec<String>,
    failed: Vec<String>,
}

impl Told {
    fn note(&mut self, done: Result<Option<String>, String>) {
        match done {
            Ok(done) => self.done.extend(done),
            Err(why) => self.failed.push(why),
        }
    }
}

impl Reload {
    /// Reads again, and says so in one line.
    pub(crate) async fn again(&mut self, engine: &Engine, certificates: Option<&Certificates>) {
        let mut told = Told::default();
        told.note(self.configuration());
        told.note(certificates.map(certificate).transpose());
        told.note(keys(engine).await.map(Some));
        let Told { done, failed } = told;
        let done = done.join("; ");
        if failed.is_empty() {
            tracing::info!("read again: {done}");
        } else {
            tracing::warn!("read again: {done}; NOT taken, the former stays in force: {}", failed.join("; "));
        }
    }

    /// The level in force, and what needs a restart.
    fn configuration(&mut self) -> Result<Option<String>, String> {
        let config = Config::load(self.file.as_deref(), std::env::vars_os(), &self.overrides);
        // On one line, and without the hint for a terminal.
        let new = config.map_err(|failure| {
            failure
                .message
                .lines()
                .map(str::trim)
                .filter(|line| !line.starts_with("See "))
                .collect::<Vec<_>>()
                .join(" ")
        })?;
        self.level.set(&new.telemetry.level)?;
        let mut changed = self.config.written.changed(&new.written);
        changed.retain(|key| key != LEVEL);
        self.config.telemetry.level.clone_from(&new.telemetry.level);
        let restart = if changed.is_empty() {
            String::new()
        } else {
            format!("; changed, and in force only after a restart: {}", changed.join(", "))
        };
        Ok(Some(format!("log level {:?}{restart}", new.telemetry.level)))
    }
}

fn certificate(certificates: &Certificates) -> Result<String, String> {
    certificates.reload().map_err(|e| format!("the listener's certificate ({})", chain(&e)))?;
    Ok("the listener's certificate".to_owned())
}

async fn keys(engine: &Engine) -> Result<String, String> {
    match secrets::reread(engine).await {
        Ok(1) => Ok("1 master key".to_owned()),
        Ok(keys) => Ok(format!("{keys} master keys")),
        Err(error) => Err(format!("the master keys ({})", chain(&error))),
    }
}
