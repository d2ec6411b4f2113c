//! `[retention]`: how long events are kept where a project does not say otherwise, and how far and how fast it may say so.
//! `[quota]`: what each project may use.

use std::time::Duration;

use auditwire_engine::log::{Floor, QuotaSettings, Retention, RetentionRule, TrustRule};

use super::raw::Raw;
use super::units;

const SECTION: &str = "retention";
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// A hundred years, the most that a project can set, and the longest that a mistake waits for somebody to see it.
const AGE_MAX: Duration = Duration::from_secs(36_500 * 24 * 3600);
const DELAY_MAX: Duration = Duration::from_secs(90 * 24 * 3600);
const BYTES_MIN: u64 = 1 << 20;

/// `None`: a problem was recorded.
pub(super) fn rule(raw: &mut Raw) -> Option<RetentionRule> {
    let age =
        optional(raw, SECTION, "age", |text| within(units::duration(text)?, DAY..=Duration::MAX, "at least \"1 d\""));
    let bytes = optional(raw, SECTION, "bytes", size);
    let floor_age = optional(raw, SECTION, "floor_age", |text| {
        within(units::duration(text)?, Duration::ZERO..=AGE_MAX, "at most \"36500 d\"")
    });
    let floor_bytes = optional(raw, SECTION, "floor_bytes", size);
    let delay = raw.parsed(SECTION, "reduction_delay", |text| {
        within(units::duration(text)?, Duration::ZERO..=DELAY_MAX, "\"0 s\" to \"90 d\"")
    });
    let trust = trust(raw);
    let default = Retention { age: age?, bytes: bytes? };
    let floor = Floor { age: floor_age?.unwrap_or_default(), bytes: floor_bytes?.unwrap_or_default() };
    if default.age.is_some_and(|age| age < floor.age) {
        raw.problem(SECTION, "age", "is below floor_age; keep events longer or lower the floor");
    }
    if default.bytes.is_some_and(|bytes| bytes < floor.bytes) {
        raw.problem(SECTION, "bytes", "is below floor_bytes; keep more or lower the floor");
    }
    Some(RetentionRule { default, floor, reduction_delay: delay?, trust: trust? })
}

/// When the clock is believed. `None`: a problem was recorded.
fn trust(raw: &mut Raw) -> Option<TrustRule> {
    let agreed = raw.parsed(SECTION, "clock_agreed", |text| {
        within(units::duration(text)?, Duration::ZERO..=DAY, "\"0 s\" to \"1 d\"")
    });
    let beyond = raw.parsed(SECTION, "clock_beyond", |text| {
        within(units::duration(text)?, HOUR..=AGE_MAX, "\"1 h\" to \"36500 d\"")
    });
    Some(TrustRule { agreed: agreed?, beyond: beyond? })
}

/// `None`: a problem was recorded.
pub(super) fn quota(raw: &mut Raw, rule: Option<RetentionRule>) -> Option<QuotaSettings> {
    let bytes_per_day = optional(raw, "quota", "bytes_per_day", size);
    let stored_bytes = optional(raw, "quota", "stored_bytes", size);
    let quota = QuotaSettings { bytes_per_day: bytes_per_day?, stored_bytes: stored_bytes? };
    if quota.stored_bytes.zip(rule).is_some_and(|(stored, rule)| stored <= rule.floor.bytes) {
        let why = "is not above retention.floor_bytes: a project would be full before anything of it may end";
        raw.problem("quota", "stored_bytes", why);
    }
    Some(quota)
}

/// A limit; an empty text is none. The outer `None`: a problem was recorded.
fn optional<T>(
    raw: &mut Raw,
    section: &str,
    key: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Option<Option<T>> {
    let Some(text) = raw.text(section, key)? else { return Some(None) };
    parse(&text).map(Some).map_err(|why| raw.problem(section, key, &why)).ok()
}

fn size(text: &str) -> Result<u64, String> {
    within(units::size(text)?, BYTES_MIN..=u64::MAX, "at least \"1 MiB\"")
}

fn within<T: PartialOrd>(value: T, range: std::ops::RangeInclusive<T>, else_say: &str) -> Result<T, String> {
    if range.contains(&value) { Ok(value) } else { Err(else_say.to_owned()) }
}
