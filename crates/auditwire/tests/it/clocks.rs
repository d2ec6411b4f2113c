//! The real service under a wrong clock (libfaketime; monotonic time stays real): nothing ends by it, what is wrong is shown, and an
//! operator's word is the way out.

use std::path::{Path, PathBuf};

use auditwire_model::Timestamp;
use serde_json::Value;

use crate::process::{Service, until};
use crate::world::real;

const DAYS_800: u64 = 800 * 24 * 3600;

/// A clock that is set while the service lives under it.
struct WrongClock {
    library: PathBuf,
    file: PathBuf,
}

impl WrongClock {
    /// `None` (said aloud) when this run does without the library.
    fn new(folder: &Path, suite: &str) -> Option<Self> {
        let library = real::root(suite)?.join("usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1");
        assert!(library.is_file(), "{} is missing", library.display());
        Some(Self { library, file: folder.join("clock") })
    }

    /// Sets it off by so much: `+800d`, `-1h`, `+0`.
    fn set(&self, off: &str) {
        let fresh = self.file.with_extension("new");
        std::fs::write(&fresh, format!("{off}\n")).unwrap();
        std::fs::rename(&fresh, &self.file).unwrap();
    }

    /// A service under it. Events are sealed in tens, and end at once when nothing but the hour of agreement keeps them.
    fn start(&self, data: &Path) -> Service {
        let settings = [
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
            ("AUDITWIRE_LOG__SEAL_EVENTS", "10"),
            ("AUDITWIRE_RETENTION__CLOCK_AGREED", "0 s"),
        ];
        Service::start_with(data, "127.0.0.1:0", &settings)
    }
}

/// Posts twenty events, and waits until they are sealed: every round of upkeep that had begun before has ended then.
fn sealed(service: &Service, name: &str) {
    let before = service.metric("auditwire_seal_events_total");
    let lines: Vec<String> = (0..20).map(|n| format!(r#"{{"action":"{name}-{n}"}}"#)).collect();
    assert_eq!(service.post(&lines.join("\n"))["accepted"], 20);
    until("they are sealed", || (service.metric("auditwire_seal_events_total") >= before + 20.0).then_some(()));
}

fn stop(mut service: Service) {
    service.process.signal("TERM");
    assert_eq!(service.process.exit_code(), Some(0));
}

/// Posts one event; when it was received, and how far that is from the true time, in seconds.
fn received(service: &Service, name: &str) -> (Timestamp, i64) {
    assert_eq!(service.post(&format!(r#"{{"action":"{name}"}}"#))["accepted"], 1);
    let (head, body) = service.ask("GET /api/v1/projects/default/events?limit=1", "");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}\n{body}");
    let page: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(page["events"][0]["action"], name, "{page}");
    let at = Timestamp::parse(page["events"][0]["received_at"].as_str().unwrap()).unwrap();
    let now = i64::try_from(true_now()).unwrap();
    (at, at.as_nanos() / 1_000_000_000 - now)
}

/// The true time, in seconds.
#[expect(clippy::disallowed_methods, reason = "what the service shows is held against the true time")]
fn true_now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn stands(service: &Service, code: &str) -> bool {
    service.metric(&format!("auditwire_trouble{{code=\"{code}\"}}")) > 0.0
}

fn clock(service: &Service) -> Value {
    service.json(&["clock", "show"])
}

fn count(service: &Service) -> u64 {
    service.json(&["events", "count"])["count"].as_u64().unwrap()
}

#[test]
fn a_start_800_days_ahead_ends_nothing_and_the_clock_put_right_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let Some(wrong) = WrongClock::new(folder.path(), "clocks") else { return };
    let data = folder.path().join("data");
    wrong.set("+0");
    let service = wrong.start(&data);
    sealed(&service, "before");
    stop(service);

    wrong.set("+800d");
    let service = wrong.start(&data);
    until("it says why", || stands(&service, "expiry_held").then_some(()));
    sealed(&service, "meanwhile");
    assert_eq!((count(&service), service.metric("auditwire_retention_expired_events_total")), (40, 0.0));
    let (head, ready) = service.ask("GET /readyz", "");
    assert!(head.starts_with("HTTP/1.1 200") && ready.contains("further than time did"), "{head}\n{ready}");
    assert_eq!(clock(&service)["held"], true);
    stop(service);

    wrong.set("+0");
    let service = wrong.start(&data);
    until("it says that events are ahead", || stands(&service, "clock_ahead").then_some(()));
    let (head, ready) = service.ask("GET /readyz", "");
    assert!(head.starts_with("HTTP/1.1 503") && ready.contains("clock_ahead"), "{head}\n{ready}");
    let ahead = clock(&service)["ahead_seconds"].as_u64().unwrap();
    assert!(ahead.abs_diff(DAYS_800) < 3600 && service.metric("auditwire_clock_ahead_seconds") > 0.0, "{ahead}");
    let (_, off) = received(&service, "behind");
    assert!(off > 1000, "the order is kept: {off}");
    let accepted = service.json(&["clock", "accept", "--yes"]);
    assert_eq!((&accepted["ahead_seconds"], &accepted["held"]), (&0.into(), &false.into()));
    assert!(!stands(&service, "clock_ahead"));
    let (_, off) = received(&service, "after");
    assert!(off.abs() < 60, "{off}");
    let told = service.json(&["events", "count", "--project", "system", "action = clock-accept"]);
    assert_eq!(told["count"], 1);
    stop(service);

    let service = wrong.start(&data);
    sealed(&service, "again");
    let (_, off) = received(&service, "at-last");
    assert!(off.abs() < 60, "also after a start: {off}");
    assert!(!stands(&service, "clock_ahead") && !stands(&service, "expiry_held"));
    assert_eq!((count(&service), service.metric("auditwire_retention_expired_events_total")), (63, 0.0));
}

#[test]
fn a_clock_that_is_set_while_the_service_runs_keeps_the_order_and_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(wrong) = WrongClock::new(folder.path(), "clocks") else { return };
    wrong.set("+0");
    let service = wrong.start(&folder.path().join("data"));
    sealed(&service, "before");
    let (before, _) = received(&service, "right");
    wrong.set("-1h");
    let (back, _) = received(&service, "back");
    assert!(back >= before, "{back} {before}");
    assert!(stands(&service, "clock_ahead"));
    wrong.set("+0");
    until("the clock has come that far again", || (!stands(&service, "clock_ahead")).then_some(()));
    let (again, off) = received(&service, "again");
    assert!(again >= back && off.abs() < 60, "{again} {back}");

    wrong.set("+800d");
    let held = until("the clock went further than time did", || Some(clock(&service)).filter(|c| c["held"] == true));
    assert!(held["agreed_seconds"].as_u64().unwrap() < 600, "monotonic time stays real: {held}");
    until("it says why", || stands(&service, "expiry_held").then_some(()));
    sealed(&service, "meanwhile");
    assert_eq!(service.metric("auditwire_retention_expired_events_total"), 0.0);
    // Whoever says that this clock is right gets what that means.
    service.json(&["clock", "accept", "--yes"]);
    until("what is old ends", || (service.metric("auditwire_retention_expired_events_total") > 0.0).then_some(()));
}
