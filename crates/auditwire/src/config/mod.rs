//! Configuration in two stages: [`raw`] collects text from the defaults, one TOML file, the environment and the command
//! line, and refuses what it does not know; this file gives it meaning. All problems are reported together, each with
//! its key. The defaults are the committed `config.default.toml`, which is also the documentation.

mod raw;
mod retention;
mod search;
mod server;
mod telemetry;
mod units;
mod variables;

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use auditwire_engine::alerts::AlertSettings;
use auditwire_engine::log::{LogSettings, QuotaSettings, RetentionRule, SealSettings};
use auditwire_model::event::EventLimits;
use ipnet::IpNet;

use crate::failure::{Failure, Result, USAGE};
use raw::Raw;
pub(crate) use raw::Written;
pub(crate) use units::size;

pub(crate) use server::ServerConfig;
pub(crate) use telemetry::{LogFormat, TelemetryConfig};

/// The documented defaults, as printed by `auditwire serve --print-default-config`.
pub(crate) const DEFAULTS: &str = include_str!("../../config.default.toml");

/// Everything `serve` is told, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Our own listener.
    pub(crate) server: ServerConfig,
    /// Folder of the log and the state.
    pub(crate) data: PathBuf,
    /// Room taken in advance; 0: none.
    pub(crate) reserve_bytes: u64,
    /// Limits of the log.
    pub(crate) log: LogConfig,
    /// Limits of searches and exports.
    pub(crate) search: search::SearchConfig,
    /// Limits of one event.
    pub(crate) event: EventLimits,
    /// What connections to a SIEM may do.
    pub(crate) delivery: DeliveryConfig,
    /// When somebody is told that delivery is not well.
    pub(crate) alerts: AlertSettings,
    /// How the process talks about itself.
    pub(crate) telemetry: TelemetryConfig,
    /// All of it as it was written.
    pub(crate) written: Written,
}

/// `[log]`: the engine's settings, comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogConfig {
    /// See [`LogSettings::group_bytes_max`].
    pub(crate) group_bytes_max: usize,
    /// See [`LogSettings::group_events_max`].
    pub(crate) group_events_max: usize,
    /// See [`LogSettings::queue_bytes_max`].
    pub(crate) queue_bytes_max: usize,
    /// See [`LogSettings::tail_bytes_max`].
    pub(crate) tail_bytes_max: usize,
    /// See [`LogSettings::duplicate_window`].
    pub(crate) duplicate_window: Duration,
    /// See [`LogSettings::duplicate_events`].
    pub(crate) duplicate_events: u64,
    /// See [`LogSettings::tails_max`].
    pub(crate) tails_max: usize,
    /// See [`SealSettings::rows`](auditwire_engine::log::SealSettings::rows).
    pub(crate) seal_events: u64,
    /// See [`SealSettings::after`](auditwire_engine::log::SealSettings::after).
    pub(crate) seal_after: Duration,
    /// See [`LogSettings::retention`]; the section `[retention]`.
    pub(crate) retention: RetentionRule,
    /// See [`LogSettings::quota`]; the section `[quota]`.
    pub(crate) quota: QuotaSettings,
    /// See [`LogSettings::event`]; the section `[event]`.
    pub(crate) event: EventLimits,
}

impl LogConfig {
    /// What the engine takes.
    pub(crate) fn settings(self) -> LogSettings {
        LogSettings {
            group_bytes_max: self.group_bytes_max,
            group_events_max: self.group_events_max,
            queue_bytes_max: self.queue_bytes_max,
            tail_bytes_max: self.tail_bytes_max,
            duplicate_window: self.duplicate_window,
            duplicate_events: self.duplicate_events,
            tails_max: self.tails_max,
            seal: SealSettings { rows: self.seal_events, after: self.seal_after, ..SealSettings::default() },
            retention: self.retention,
            quota: self.quota,
            event: self.event,
            ..LogSettings::default()
        }
    }
}

/// `[delivery]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeliveryConfig {
    /// HOSTNAME in messages; `None`: this machine's name.
    pub(crate) hostname: Option<String>,
    /// Allowed although they would be refused.
    pub(crate) allow: Vec<IpNet>,
    /// Refused.
    pub(crate) deny: Vec<IpNet>,
}

/// Values from the command line: they win over everything else. `(section, key, value)`.
pub(crate) type Overrides = Vec<(&'static str, &'static str, String)>;

impl Config {
    /// Reads the file, the environment and the command line.
    ///
    /// # Errors
    /// Exit code 2, naming every problem.
    pub(crate) fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        overrides: &Overrides,
    ) -> Result<Self> {
        let mut raw = Raw::defaults()?;
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|e| Failure::usage(format!("the configuration {} cannot be read: {e}", path.display())))?;
            raw.merge_file(&text, &path.display().to_string());
        }
        raw.merge_environment(environment);
        raw.merge_overrides(overrides);
        let config = check(&mut raw);
        let problems = raw.into_problems();
        match (config, problems.is_empty()) {
            (Some(config), true) => Ok(config),
            _ => Err(refuse(&problems)),
        }
    }
}

fn refuse(problems: &[String]) -> Failure {
    let count = problems.len();
    let head = if count == 1 {
        "the configuration has a problem:".into()
    } else {
        format!("the configuration has {count} problems:")
    };
    let list: String = problems.iter().map(|problem| format!("\n  - {problem}")).collect();
    let tail = "\nSee `auditwire serve --print-default-config` for every key and its default.";
    Failure { message: format!("{head}{list}{tail}"), code: USAGE }
}

/// The second stage. Every key is read even when an earlier one was wrong, so that all problems are told at once.
fn check(raw: &mut Raw) -> Option<Config> {
    let server = server::server(raw);
    let data = raw.required_text("data", "dir").map(PathBuf::from);
    let reserve_bytes = raw.size("data", "reserve_bytes", 0, 64 << 30).and_then(|bytes| u64::try_from(bytes).ok());
    let event = event(raw);
    let log = log(raw, event);
    let search = search::search(raw);
    let delivery = delivery(raw);
    let alerts = alerts(raw);
    let telemetry = telemetry::telemetry(raw);
    let reserve_bytes = reserve_bytes?;
    Some(Config {
        server: server?,
        data: data?,
        reserve_bytes,
        log: log?,
        search: search?,
        event: event?,
        delivery: delivery?,
        alerts: alerts?,
        telemetry: telemetry?,
        written: raw.written(),
    })
}

/// Loopback also in its IPv4-mapped form.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn log(raw: &mut Raw, event: Option<EventLimits>) -> Option<LogConfig> {
    let group_bytes_max = raw.size("log", "group_bytes_max", 4096, 256 << 20);
    let group_events_max = raw.size("log", "group_events_max", 1, 1 << 20);
    let queue_bytes_max = raw.size("log", "queue_bytes_max", 1 << 20, 16 << 30);
    let tail_bytes_max = raw.size("log", "tail_bytes_max", 1 << 20, 64 << 30);
    let duplicate_window = raw.parsed("log", "duplicate_window", units::duration);
    let duplicate_events = raw.size("log", "duplicate_events", 1 << 20, 1 << 32);
    let tails_max = raw.size("log", "tails_max", 1, 4096);
    let seal_events = raw.size("log", "seal_events", 1, 1 << 20);
    let seal_after = raw.parsed("log", "seal_after", units::duration);
    let retention = retention::rule(raw);
    let quota = retention::quota(raw, retention);
    if seal_after.is_some_and(|after| !(Duration::from_secs(60)..=Duration::from_secs(24 * 3600)).contains(&after)) {
        raw.problem("log", "seal_after", "\"1 m\" to \"24 h\"");
    }
    if duplicate_window.is_some_and(|window| window < Duration::from_secs(24 * 3600)) {
        raw.problem("log", "duplicate_window", "at least \"24 h\": senders rely on it for their retries");
    }
    Some(LogConfig {
        group_bytes_max: group_bytes_max?,
        group_events_max: group_events_max?,
        queue_bytes_max: queue_bytes_max?,
        tail_bytes_max: tail_bytes_max?,
        duplicate_window: duplicate_window?,
        duplicate_events: u64::try_from(duplicate_events?).ok()?,
        tails_max: tails_max?,
        seal_events: u64::try_from(seal_events?).ok()?,
        seal_after: seal_after?,
        retention: retention?,
        quota: quota?,
        event: event?,
    })
}

fn event(raw: &mut Raw) -> Option<EventLimits> {
    let event_bytes_max = raw.size("event", "event_bytes_max", 1024, 16 << 20);
    let metadata_keys_max = raw.size("event", "metadata_keys_max", 1, 65_536);
    let json_depth_max = raw.size("event", "json_depth_max", 4, 128);
    let event_id_bytes_max = raw.size("event", "event_id_bytes_max", 36, 1024);
    let labels_max = raw.size("event", "labels_max", 1, 65_536);
    Some(EventLimits {
        event_bytes_max: event_bytes_max?,
        metadata_keys_max: metadata_keys_max?,
        json_depth_max: json_depth_max?,
        event_id_bytes_max: event_id_bytes_max?,
        labels_max: labels_max?,
    })
}

fn delivery(raw: &mut Raw) -> Option<DeliveryConfig> {
    let hostname = raw.text("delivery", "hostname");
    let allow = raw.list("delivery", "allow", network);
    let deny = raw.list("delivery", "deny", network);
    let hostname = hostname?;
    if let Some(Err(why)) = hostname.as_deref().map(host_name) {
        raw.problem("delivery", "hostname", &why);
    }
    Some(DeliveryConfig { hostname, allow: allow?, deny: deny? })
}

fn alerts(raw: &mut Raw) -> Option<AlertSettings> {
    let degraded_after = raw.parsed("alerts", "degraded_after", units::duration)?;
    if !(Duration::from_secs(30)..=Duration::from_secs(7 * 24 * 3600)).contains(&degraded_after) {
        raw.problem("alerts", "degraded_after", "\"30 s\" to \"7 d\"");
    }
    Some(AlertSettings { degraded_after, ..AlertSettings::default() })
}

fn network(text: &str) -> Result<IpNet, String> {
    let single = text.parse::<IpAddr>().map(IpNet::from);
    single.or_else(|_| text.parse()).map_err(|_| format!("\"{text}\" is not a network such as 10.0.0.0/8 or fd00::/8"))
}

/// What may stand in HOSTNAME (RFC 5424 section 6.2.4): printable ASCII without blanks.
fn host_name(text: &str) -> Result<String, String> {
    let fine = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && !b"/@?#\"".contains(&b));
    if fine { Ok(text.to_owned()) } else { Err(format!("\"{text}\" is not a host name")) }
}

#[cfg(test)]
mod tests;
