//! How times are shown: in the account's zone, exact and relative. ISO order in every language: it cannot be misread, and it
//! sorts.

use auditwire_model::{Clock, Timestamp};
use jiff::civil;
use jiff::tz::TimeZone;

use super::words::Words;

mod ticks;

/// A zone by its IANA name, if there is one.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).ok()
}

/// The names of all zones, to choose from.
pub(crate) fn zones() -> Vec<String> {
    let mut names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    names.sort_unstable();
    names
}

/// What it takes to show a time. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    zone: TimeZone,
    now: Timestamp,
    words: Words,
}

/// One time, ready for a `<time>` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    /// RFC 3339 in UTC, all digits: the `datetime` attribute.
    pub(crate) utc: String,
    /// `2026-11-22 14:03:05` in the zone.
    pub(crate) local: String,
    /// With all digits and the zone: shown on hover.
    pub(crate) exact: String,
    /// `3 min. ago`.
    pub(crate) relative: String,
}

impl Calendar {
    pub(crate) fn new(zone: TimeZone, clock: &dyn Clock, words: Words) -> Self {
        Self { zone, now: clock.now(), words }
    }

    /// The time that it was made at.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The same in another zone.
    pub(crate) fn in_zone(&self, zone: TimeZone) -> Self {
        Self { zone, ..self.clone() }
    }

    /// The name of the zone, for people.
    pub(crate) fn zone_name(&self) -> String {
        self.zone.iana_name().unwrap_or("UTC").to_owned()
    }

    pub(crate) fn when(&self, time: Timestamp) -> When {
        let zoned = time.to_jiff().to_zoned(self.zone.clone());
        let fraction = time.as_nanos().rem_euclid(1_000_000_000);
        let digits = if fraction == 0 { String::new() } else { format!("{fraction:09}") };
        let digits = digits.trim_end_matches('0');
        let point = if digits.is_empty() { "" } else { "." };
        let local = zoned.strftime("%Y-%m-%d %H:%M:%S").to_string();
        let exact = format!("{local}{point}{digits} {} ({})", zoned.strftime("%:z"), self.zone_name());
        When { utc: time.to_string(), local, exact, relative: self.relative(time) }
    }

    /// The time as `<input type="datetime-local" step="1">` takes it.
    pub(crate) fn input(&self, time: Timestamp) -> String {
        time.to_jiff().to_zoned(self.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }

    /// Reads what `<input type="datetime-local">` sends, in the zone; a time that the clocks skip or repeat is the earlier
    /// possible one.
    pub(crate) fn read_input(&self, text: &str) -> Option<Timestamp> {
        let local: civil::DateTime = text.trim().parse().ok()?;
        let zoned = self.zone.to_ambiguous_zoned(local).earlier().ok()?;
        i64::try_from(zoned.timestamp().as_nanosecond()).ok().and_then(Timestamp::from_nanos)
    }

    /// How long something lasts that began then: `for 3 min.`.
    pub(crate) fn lasting(&self, since: Timestamp) -> String {
        let (n, unit) = largest_unit(self.now.since(since).as_secs());
        self.words.count(&format!("time-for-{unit}"), n)
    }

    /// How long something takes: `3 min.`.
    pub(crate) fn span(&self, span: std::time::Duration) -> String {
        let (n, unit) = largest_unit(span.as_secs());
        self.words.count(&format!("time-span-{unit}"), n)
    }

    /// The same words and steps as the script's `Intl.RelativeTimeFormat` (style `short`).
    fn relative(&self, time: Timestamp) -> String {
        let (seconds, key) = if time > self.now {
            (time.since(self.now).as_secs(), "time-in")
        } else {
            (self.now.since(time).as_secs(), "time-ago")
        };
        let (n, unit) = largest_unit(seconds);
        if seconds == 0 { self.words.t("time-now") } else { self.words.count(&format!("{key}-{unit}"), n) }
    }
}

fn largest_unit(seconds: u64) -> (u64, &'static str) {
    match seconds {
        0..=59 => (seconds, "seconds"),
        60..=3_599 => (seconds / 60, "minutes"),
        3_600..=86_399 => (seconds / 3_600, "hours"),
        _ => (seconds / 86_400, "days"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auditwire_model::clock::ManualClock;

    use super::*;
    use crate::console::words::Language;

    fn calendar(zone_name: &str, now: &str, language: Language) -> Calendar {
        let clock = ManualClock::new(Timestamp::parse(now).expect("a time"));
        Calendar::new(zone(zone_name).expect("a zone"), &clock, Words(language))
    }

    #[test]
    fn a_time_is_shown_in_the_zone_and_keeps_its_digits() {
        let calendar = calendar("Europe/Moscow", "2026-11-22T10:03:00Z", Language::English);
        let when = calendar.when(Timestamp::parse("2026-11-22T10:00:00.120Z").expect("a time"));
        assert_eq!(when.local, "2026-11-22 13:00:00");
        assert_eq!(when.exact, "2026-11-22 13:00:00.12 +03:00 (Europe/Moscow)");
        assert_eq!(when.utc, "2026-11-22T10:00:00.12Z");
        assert_eq!(when.relative, "2 min. ago");
    }

    #[test]
    fn how_long_ago() {
        let (english, russian) =
            [Language::English, Language::Russian].map(|l| calendar("UTC", "2026-11-22T10:00:00Z", l)).into();
        let at = |seconds: i64| {
            let now = Timestamp::parse("2026-11-22T10:00:00Z").expect("a time");
            now.saturating_add_nanos(seconds * i64::try_from(Duration::from_secs(1).as_nanos()).expect("fits"))
        };
        let cases = [
            (0, "now", "сейчас"),
            (-1, "1 sec. ago", "1 с назад"),
            (-59, "59 sec. ago", "59 с назад"),
            (-60, "1 min. ago", "1 мин назад"),
            (-7_200, "2 hr. ago", "2 ч назад"),
            (-86_400, "1 day ago", "1 дн. назад"),
            (-432_000, "5 days ago", "5 дн. назад"),
            (90, "in 1 min.", "через 1 мин"),
        ];
        for (seconds, in_english, in_russian) in cases {
            assert_eq!(english.when(at(seconds)).relative, in_english);
            assert_eq!(russian.when(at(seconds)).relative, in_russian);
        }
        assert_eq!((english.lasting(at(-90)), russian.lasting(at(-90))), ("for 1 min.".into(), "уже 1 мин".into()));
    }

    #[test]
    fn what_a_form_sends_is_read_in_the_zone() {
        let calendar = calendar("Europe/Berlin", "2026-11-22T10:00:00Z", Language::English);
        let read = |text: &str| calendar.read_input(text).map(|t| t.to_string());
        assert_eq!(read("2026-07-01T12:00").as_deref(), Some("2026-07-01T10:00:00Z"));
        assert_eq!(read("2026-07-01T12:00:07").as_deref(), Some("2026-07-01T10:00:07Z"));
        assert_eq!(read("2026-10-25T02:30").as_deref(), Some("2026-10-25T00:30:00Z"), "comes twice: the earlier");
        assert_eq!(read("2026-03-29T02:30").as_deref(), Some("2026-03-29T00:30:00Z"), "does not come: an hour before");
        for wrong in ["", "soon", "2026-13-01T00:00", "1900-01-01T00:00"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
