//! A service with a load, and what it must still know in the end.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::SmallRng;
use serde_json::Value;

use crate::Result;
use crate::load::Load;
use crate::options::Options;
use crate::service::Service;
use crate::wait::until;

/// Nothing here takes longer on a busy machine.
pub(super) const LIMIT: Duration = Duration::from_secs(60);
const PROJECT: &str = "default";
/// Text of each event.
const TEXT: usize = 200;

pub(super) struct World {
    pub(super) service: Arc<Service>,
    pub(super) rng: SmallRng,
    pub(super) faketime: Option<PathBuf>,
    rate: u32,
    /// Events with numbers below this were answered.
    accepted: u64,
    load: Option<Load>,
}

impl World {
    /// A service that seals every event as soon as it can.
    pub(super) fn new(options: &Options, rng: SmallRng) -> Result<Self> {
        let service = Arc::new(Service::start(&options.service)?);
        let world =
            Self { service, rng, faketime: options.faketime.clone(), rate: options.rate, accepted: 0, load: None };
        world.stop()?;
        world.service.set("AUDITWIRE_LOG__SEAL_EVENTS", Some("1"))?;
        world.service.live()?;
        Ok(world)
    }

    /// Begins to post, or goes on.
    pub(super) fn post(&mut self) {
        let service = Arc::clone(&self.service);
        self.load = Some(Load::after(self.accepted, service, PROJECT.to_owned(), self.rate, TEXT));
    }

    /// Lets the load go on until so many events more were answered: some moments' worth.
    pub(super) fn some(&mut self) -> Result<()> {
        let more = u64::from(self.rate) * self.rng.random_range(2..8) / 4;
        let load = self.load.as_ref().ok_or("there is no load")?;
        let goal = load.answered() + more.max(20);
        until("events are answered", LIMIT, || Ok((load.answered() >= goal).then_some(())))
    }

    /// Ends the load.
    pub(super) fn quiet(&mut self) -> Result<()> {
        if let Some(load) = self.load.take() {
            self.accepted = load.end()?.0;
        }
        Ok(())
    }

    /// Posts for a while.
    pub(super) fn work(&mut self) -> Result<()> {
        self.post();
        self.some()?;
        self.quiet()
    }

    /// How many events were answered.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Waits until nothing is in the store but not in a file.
    pub(super) fn sealed(&self) -> Result<()> {
        until("everything is sealed", LIMIT, || {
            let (_, metrics) = self.service.client()?.request("GET", "/metrics", b"")?;
            let metrics = String::from_utf8_lossy(&metrics).into_owned();
            Ok(metrics.lines().any(|line| line == "auditwire_log_fresh_events 0").then_some(()))
        })
        .map_err(|e| format!("{e}\n{}", self.service.log_end()).into())
    }

    /// Ends the service gracefully.
    pub(super) fn stop(&self) -> Result<()> {
        self.service.signal("TERM")?;
        match self.service.ended(LIMIT)? {
            Some(0) => Ok(()),
            code => Err(format!("SIGTERM ended it with {code:?}").into()),
        }
    }

    /// Status and code of `/readyz`.
    pub(super) fn readiness(&self) -> Result<(u16, String)> {
        let (status, body) = self.service.client()?.request("GET", "/readyz", b"")?;
        let code =
            serde_json::from_slice::<Value>(&body).ok().and_then(|body| body["code"].as_str().map(str::to_owned));
        Ok((status, code.unwrap_or_else(|| String::from_utf8_lossy(&body).trim().to_owned())))
    }

    /// Waits until `/readyz` says so.
    pub(super) fn says(&self, status: u16, what: &str) -> Result<()> {
        let mut last = (0, String::new());
        let said = until(&format!("/readyz says {status} {what}"), LIMIT, || {
            last = self.readiness()?;
            Ok((last.0 == status && last.1.contains(what)).then_some(()))
        });
        said.map_err(|e| format!("{e}: {last:?}").into())
    }

    /// Waits until an alert of the service itself stands.
    pub(super) fn alerts(&self, kind: &str) -> Result<()> {
        until(&format!("the alert {kind}"), LIMIT, || {
            let alerts = self.service.ask("GET", "/projects/system/alerts", &Value::Null, 200)?;
            let mut listed = alerts["alerts"].as_array().into_iter().flatten();
            Ok(listed.any(|alert| alert["kind"] == kind).then_some(()))
        })
    }

    /// A verb on the service's folder must end with one of these codes.
    pub(super) fn verb(&self, words: &[&str], codes: &[i32]) -> Result<String> {
        let output = self.service.verb(words)?;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.code().is_some_and(|code| codes.contains(&code)) {
            return Ok(said);
        }
        Err(format!("auditwire {} ended with {}: {said}", words.join(" "), output.status).into())
    }

    /// Takes in what was set aside, and removes what of it the log has already; of the stopped service.
    pub(super) fn decide(&self) -> Result<()> {
        self.verb(&["store", "adopt"], &[0, 1])?;
        let aside = std::fs::read_dir(self.service.data().join("segments/unaccounted")).into_iter().flatten().flatten();
        let aside = aside.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let aside: Vec<String> = aside.filter(|name| name.ends_with(".parquet")).collect();
        if !aside.is_empty() {
            let words = ["store", "discard", "--yes"].into_iter().chain(aside.iter().map(String::as_str));
            self.verb(&words.collect::<Vec<_>>(), &[0])?;
        }
        self.verb(&["store", "inspect"], &[0]).map(drop)
    }

    /// The files of sealed events, wherever in the folder they lie, with their lengths.
    pub(super) fn files(&self) -> Result<BTreeSet<(String, u64)>> {
        let mut files = BTreeSet::new();
        for folder in [self.service.data().join("segments"), self.service.data().join("segments/unaccounted")] {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.ends_with(".parquet") {
                    files.insert((name, entry.metadata()?.len()));
                }
            }
        }
        Ok(files)
    }

    /// Of `before`, what is not there any more: nothing may vanish while the service does not merge.
    pub(super) fn vanished(&self, before: &BTreeSet<(String, u64)>) -> Result<()> {
        let now = self.files()?;
        let gone: Vec<_> = before.difference(&now).map(|(name, _)| name.as_str()).collect();
        if gone.is_empty() { Ok(()) } else { Err(format!("files are gone: {}", gone.join(", ")).into()) }
    }

    /// Everything that was answered must be found, but for `lost`. Says how many were answered.
    pub(super) fn judge(&mut self, lost: &BTreeSet<u64>) -> Result<u64> {
        self.quiet()?;
        let found = self.found()?;
        let missing: Vec<u64> = (0..self.accepted).filter(|id| !found.contains(id) && !lost.contains(id)).collect();
        if let Some(first) = missing.first() {
            let log = self.service.log_end();
            return Err(
                format!("{} of {} are missing, the first is {first}\n{log}", missing.len(), self.accepted).into()
            );
        }
        Ok(self.accepted)
    }

    /// The numbers of the load's events that the log answers with.
    pub(super) fn found(&self) -> Result<BTreeSet<u64>> {
        let (mut found, mut cursor) = (BTreeSet::new(), String::new());
        loop {
            let path = format!("/projects/{PROJECT}/events?order=asc&limit=1000{cursor}");
            let page = self.service.ask("GET", &path, &Value::Null, 200)?;
            let ids = page["events"].as_array().into_iter().flatten().filter_map(|event| event["event_id"].as_str());
            found.extend(ids.filter_map(|id| id.strip_prefix("f-")?.parse::<u64>().ok()));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(found),
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A load that still runs would keep the process alive behind a mishap that went wrong.
        let _ = self.service.kill();
    }
}

/// Copies a file, wherever it is.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).map_err(|e| format!("{}: {e}", from.display()))?;
    Ok(())
}
