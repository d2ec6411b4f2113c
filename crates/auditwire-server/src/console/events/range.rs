//! The time range of the list: counted back from now, or between two times.

use auditwire_model::Timestamp;

use super::super::time::{Calendar, zone};

/// A range that is counted back from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::console) enum Quick {
    QuarterHour,
    Hour,
    #[default]
    Day,
    Week,
    Month,
    /// The whole log.
    All,
}

impl Quick {
    pub(in crate::console) const EACH: [Self; 6] =
        [Self::QuarterHour, Self::Hour, Self::Day, Self::Week, Self::Month, Self::All];

    /// In addresses, and the end of its text's key (`range-…`).
    pub(in crate::console) fn code(self) -> &'static str {
        match self {
            Self::QuarterHour => "15m",
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::All => "all",
        }
    }

    pub(in crate::console) fn parse(code: &str) -> Option<Self> {
        Self::EACH.into_iter().find(|quick| quick.code() == code)
    }

    /// Where it begins.
    pub(in crate::console) fn from(self, now: Timestamp) -> Option<Timestamp> {
        let seconds: i64 = match self {
            Self::QuarterHour => 15 * 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Week => 7 * 86_400,
            Self::Month => 30 * 86_400,
            Self::All => return None,
        };
        Some(now.saturating_add_nanos(-seconds * 1_000_000_000))
    }
}

/// A time range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    Quick(Quick),
    /// `from <= timestamp < to`; at least one is there.
    Between {
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    },
}

impl Default for Range {
    fn default() -> Self {
        Self::Quick(Quick::default())
    }
}

impl Range {
    /// Both ends, when now is `now`. A quick range has no end: what a hasty clock dates into the future is shown, too.
    pub(super) fn ends(self, now: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
        match self {
            Self::Quick(quick) => (quick.from(now), None),
            Self::Between { from, to } => (from, to),
        }
    }
}

/// Reads a time of an address: RFC 3339 as our links write it, or what `<input type="datetime-local">` sends, which is in the
/// zone that the form names beside it, else in the viewer's.
pub(super) fn read_time(text: &str, zone_name: &str, calendar: &Calendar) -> Option<Timestamp> {
    if let Ok(time) = Timestamp::parse(text) {
        return Some(time);
    }
    match zone(zone_name) {
        Some(zone) => calendar.in_zone(zone).read_input(text),
        None => calendar.read_input(text),
    }
}

#[cfg(test)]
mod tests {
    use auditwire_model::clock::ManualClock;

    use super::*;
    use crate::console::words::{Language, Words};

    fn time(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("a time")
    }

    #[test]
    fn quick_ranges_count_back_from_now() {
        let now = time("2026-11-22T10:00:00Z");
        for (code, from) in [
            ("15m", Some("2026-11-22T09:45:00Z")),
            ("1h", Some("2026-11-22T09:00:00Z")),
            ("24h", Some("2026-11-21T10:00:00Z")),
            ("7d", Some("2026-11-15T10:00:00Z")),
            ("30d", Some("2026-10-23T10:00:00Z")),
            ("all", None),
        ] {
            let quick = Quick::parse(code).expect("a range");
            assert_eq!((quick.code(), Range::Quick(quick).ends(now)), (code, (from.map(time), None)));
        }
        assert_eq!(Quick::parse("1y"), None);
    }

    #[test]
    fn times_are_read_in_the_zone_that_comes_with_them() {
        let clock = ManualClock::new(time("2026-11-22T10:00:00Z"));
        let moscow = Calendar::new(zone("Europe/Moscow").expect("a zone"), &clock, Words(Language::English));
        let read = |text: &str, zone: &str| read_time(text, zone, &moscow).map(|t| t.to_string());
        assert_eq!(read("2026-11-22T13:00", "").as_deref(), Some("2026-11-22T10:00:00Z"));
        assert_eq!(read("2026-11-22T13:00", "Mars/Base").as_deref(), Some("2026-11-22T10:00:00Z"));
        assert_eq!(read("2026-11-22T11:00", "Europe/Berlin").as_deref(), Some("2026-11-22T10:00:00Z"));
        assert_eq!(read("2026-11-22T10:00:00Z", "Europe/Berlin").as_deref(), Some("2026-11-22T10:00:00Z"));
        assert_eq!(read("yesterday", ""), None);
    }
}
