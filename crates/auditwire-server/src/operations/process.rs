//! The process as its operating system sees it, by the names that Prometheus' clients share (no prefix of ours), what was built
//! and what the log lost. Read from `/proc` when someone asks; what the system does not tell is left out.

use std::fmt::Debug;

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use rustix::process::{Resource, getrlimit};

/// Clock ticks a second in `/proc`: `USER_HZ`, which is 100 on every architecture that the service is built for (proc(5)).
const TICKS: f64 = 100.0;

/// What was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    /// The version of the release.
    pub version: &'static str,
    /// Processor and system.
    pub target: (&'static str, &'static str),
    /// `release` or `debug`.
    pub profile: &'static str,
}

/// This program.
pub const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    target: (std::env::consts::ARCH, std::env::consts::OS),
    profile: if cfg!(debug_assertions) { "debug" } else { "release" },
};

/// What became of lines of the log that were not written.
pub trait LogCounts: Debug + Send + Sync {
    /// Lines that could not be written, since the start.
    fn lost(&self) -> u64;
    /// Lines that were only counted because they repeat, since the start.
    fn suppressed(&self) -> u64;
}

/// `auditwire_build_info` and the counts of the log.
pub(super) fn ours(registry: &mut Registry, log: Option<&dyn LogCounts>) {
    let Build { version, target: (arch, system), profile } = BUILD;
    let labels = vec![("version", version), ("arch", arch), ("os", system), ("profile", profile)];
    registry.register("build", "What was built", Info::new(labels));
    let Some(log) = log else { return };
    let lost = ConstCounter::new(log.lost());
    registry.register("log_lines_lost", "Lines of the log that could not be written to stderr", lost);
    let suppressed = ConstCounter::new(log.suppressed());
    registry.register(
        "log_lines_suppressed",
        "Lines of the log that were only counted because they repeat",
        suppressed,
    );
}

/// The standard names, in a registry without prefix.
pub(super) fn standard() -> Registry {
    let mut registry = Registry::default();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    if let Some(seconds) = cpu_seconds(&stat) {
        let help = "Time of processors spent, in user and system mode";
        registry.register("process_cpu_seconds", help, ConstCounter::new(seconds));
    }
    let boot = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    if let Some(seconds) = start_seconds(&stat, &boot) {
        let help = "When the process started, in seconds since the beginning of 1970";
        registry.register("process_start_time_seconds", help, ConstGauge::new(seconds));
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = |key| of_status(&status, key).map(|kib| kib.saturating_mul(1024));
    let open = std::fs::read_dir("/proc/self/fd").ok();
    let gauges = [
        ("process_resident_memory_bytes", "Memory in use", kib("VmRSS:")),
        ("process_virtual_memory_bytes", "Address space in use", kib("VmSize:")),
        ("process_threads", "Threads", of_status(&status, "Threads:")),
        // Looking takes one itself.
        ("process_open_fds", "Open file descriptors", open.map(|open| open.count().saturating_sub(1) as u64)),
        ("process_max_fds", "File descriptors that it may have", getrlimit(Resource::Nofile).current),
    ];
    for (name, help, value) in gauges {
        let Some(value) = value else { continue };
        registry.register(name, help, ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)));
    }
    registry
}

/// A field of `/proc/self/stat` by its number in proc(5). The program's name, the second, may hold anything but ends with the
/// last parenthesis.
fn of_stat(stat: &str, number: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    Some((of_stat(stat, 14)? + of_stat(stat, 15)?) / TICKS)
}

fn start_seconds(stat: &str, boot: &str) -> Option<f64> {
    let booted: f64 = boot.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(booted + of_stat(stat, 22)? / TICKS)
}

fn of_status(status: &str, key: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode_registry;

    use super::*;

    #[test]
    fn the_fields_are_found_behind_any_name_of_the_program() {
        let stat =
            "7 (a) b) (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 9 0 12300 1000 200 18446744073709551615";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(start_seconds(stat, "cpu 1 2\nbtime 1000\nprocesses 5\n"), Some(1123.0));
        assert_eq!((cpu_seconds(""), start_seconds(stat, "")), (None, None));
        assert_eq!(of_status("Name:\tx\nVmRSS:\t  123 kB\n", "VmRSS:"), Some(123));
    }

    #[test]
    fn this_process_has_all_of_them() {
        let mut text = String::new();
        encode_registry(&mut text, &standard()).unwrap();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
            line.unwrap_or_else(|| panic!("{name} is missing: {text}")).parse::<f64>().unwrap()
        };
        assert!(value("process_cpu_seconds_total") >= 0.0);
        assert!(value("process_start_time_seconds") > 1.6e9);
        assert!(value("process_resident_memory_bytes") < value("process_virtual_memory_bytes"));
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!((3.0..value("process_max_fds")).contains(&value("process_open_fds")));
        assert!(value("process_threads") >= 1.0);
    }
}
