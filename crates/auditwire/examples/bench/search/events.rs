//! Events for the questions: a week of a cloud's log, about 500 bytes each, with random UUIDs as ids and a few needles.

use std::io::Write;

use crate::load::Random;

/// How far back the oldest event lies.
pub(super) const SPAN_SECONDS: u64 = 7 * 24 * 3600;

const SOURCES: [&str; 12] = [
    "nova",
    "iam",
    "network",
    "kubernetes",
    "databases",
    "octavia",
    "dns",
    "billing",
    "containers",
    "storage",
    "backup",
    "secrets",
];
const VERBS: [&str; 8] = ["create", "update", "delete", "start", "stop", "resize", "attach", "list"];
const KINDS: [&str; 10] =
    ["vm", "volume", "router", "port", "cluster", "database", "bucket", "key-pair", "load-balancer", "zone"];
const ZONES: [&str; 6] = ["ru-1a", "ru-1b", "ru-2a", "ru-2b", "ru-3a", "kz-1a"];
const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0",
    "openstacksdk/4.0.0 keystoneauth1/5.8.0",
    "Terraform/1.9.2 terraform-provider-openstack",
    "kubectl/v1.31.0 (linux/amd64)",
    "console/2026.11",
];
/// Cumulated shares of severities, of 10,000.
const SEVERITIES: [(u64, &str); 7] = [
    (500, "DEBUG"),
    (7_300, "INFO"),
    (9_000, "NOTICE"),
    (9_600, "WARNING"),
    (9_950, "ERROR"),
    (9_995, "CRITICAL"),
    (10_000, "ALERT"),
];
const PEOPLE: u64 = 20_000;

/// What is looked for. Each needle is in few events, spread over the log.
#[derive(Debug, Clone)]
pub(crate) struct Needles {
    /// `request_id` of one event.
    pub(super) request: String,
    /// `subject.user_id` of three events.
    pub(super) user: &'static str,
    /// A word in 20 messages.
    pub(super) in_message: &'static str,
    /// A word in five metadata values.
    pub(super) anywhere: &'static str,
}

impl Needles {
    pub(super) fn new() -> Self {
        let mut request = Vec::new();
        Random::new(0).uuid(&mut request);
        Self::with_request(String::from_utf8_lossy(&request).into_owned())
    }

    /// Those of a log that was loaded before.
    pub(super) fn with_request(request: String) -> Self {
        Self { request, user: "u-rarely-seen", in_message: "zebrafish", anywhere: "quokka-7" }
    }
}

/// Appends event `number` of `total` as JSON; times run up to `now` (seconds since 1970).
pub(super) fn write(random: &mut Random, needles: &Needles, number: u64, total: u64, now: u64, out: &mut Vec<u8>) {
    let (r, nano) = (random.next(), random.next() % 1_000_000_000);
    let ago = SPAN_SECONDS - SPAN_SECONDS * number / total;
    // Events arrive up to two minutes late.
    let time = now.saturating_sub(ago).saturating_sub(r % 120);
    let source = SOURCES[skewed(random, SOURCES.len() as u64) as usize];
    let (verb, kind) = (VERBS[(r >> 8) as usize % VERBS.len()], KINDS[(r >> 16) as usize % KINDS.len()]);
    let share = (r >> 24) % 10_000;
    let severity = SEVERITIES.iter().find(|(to, _)| share < *to).map_or("INFO", |(_, name)| name);
    let failed = matches!(severity, "ERROR" | "CRITICAL" | "ALERT");
    let person = skewed(random, PEOPLE);
    let zone = ZONES[(r >> 40) as usize % ZONES.len()];
    let every = |parts: u64, shift: u64| number % (total / parts).max(1) == (total / parts).max(1) / shift;

    out.extend_from_slice(b"{\"event_id\":\"");
    random.uuid(out);
    // Writing to a Vec cannot fail.
    let _ = write!(
        out,
        "\",\"timestamp\":\"{}.{nano:09}Z\",\"action\":\"{verb}-{kind}\",\"severity\":\"{severity}\",\"request_id\":\"",
        date(time)
    );
    if number == total * 3 / 10 {
        out.extend_from_slice(needles.request.as_bytes());
    } else {
        random.uuid(out);
    }
    let _ = write!(out, "\",\"message\":\"{verb} {kind} srv-{} in {zone}", random.next() % 50_000);
    if failed {
        let _ = write!(out, " failed: quota of {} exceeded", random.next() % 512);
    } else {
        let _ = write!(out, " done in {} ms", random.next() % 4_000);
    }
    if every(20, 2) {
        let _ = write!(out, " by {}", needles.in_message);
    }
    let _ = write!(
        out,
        "\",\"source\":{{\"id\":\"{source}\",\"address\":\"10.0.{}.7\"}},\"subject\":{{\"user_id\":\"",
        person % 40
    );
    if every(3, 3) {
        out.extend_from_slice(needles.user.as_bytes());
    } else {
        let _ = write!(out, "{:016x}", (person + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
    let address = (person % 250, random.next() % 250);
    let _ = write!(
        out,
        "\",\"address\":\"203.0.{}.{}\",\"metadata\":{{\"email\":\"user{person}@example.com\",\"user_agent\":\"{}\"}}}},\"resource\":{{\"id\":\"",
        address.0,
        address.1,
        AGENTS[(r >> 48) as usize % AGENTS.len()]
    );
    random.uuid(out);
    let _ = write!(out, "\",\"type\":\"{kind}\",\"metadata\":{{\"zone\":\"{zone}\",\"service_id\":\"{source}\"");
    if every(5, 2) {
        let _ = write!(out, ",\"note\":\"the {} case\"", needles.anywhere);
    }
    let code = if failed { 403 } else { 200 };
    let _ = write!(out, "}}}},\"status\":{{\"code\":\"{code}\"}}}}");
}

/// Small numbers are much more frequent than large ones, as people and services are.
fn skewed(random: &mut Random, below: u64) -> u64 {
    let share = (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
    ((share * share * share) * below as f64) as u64
}

/// Seconds since 1970 as date and time of RFC 3339, without fraction and zone (proleptic Gregorian, days from civil).
pub(super) fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let (day, month) = (
        day_of_year - (153 * march_month + 2) / 5 + 1,
        if march_month < 10 { march_month + 3 } else { march_month - 9 },
    );
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60)
}
