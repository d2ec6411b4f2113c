//! The labels of a time axis: whole hours, days, and so on, of the viewer's zone.

use auditwire_model::Timestamp;
use jiff::civil::DateTime;
use jiff::{SignedDuration, ToSpan, Unit};

use super::Calendar;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Distances that people count in, in seconds.
const STEPS: [i64; 21] = [
    1,
    5,
    15,
    30,
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    30 * DAY,
    90 * DAY,
    365 * DAY,
    5 * 365 * DAY,
    50 * 365 * DAY,
];

/// One label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tick {
    pub(crate) at: Timestamp,
    pub(crate) label: String,
}

impl Calendar {
    /// At most `most` labels for the axis from `from` to `to`, in order. The first one of a day names the day.
    pub(crate) fn ticks(&self, from: Timestamp, to: Timestamp, most: i64) -> Vec<Tick> {
        let span = i64::try_from(to.since(from).as_secs()).unwrap_or(i64::MAX);
        let Some(step) = STEPS.into_iter().find(|step| span / step < most) else { return Vec::new() };
        let local = |time: Timestamp| time.to_jiff().to_zoned(self.zone.clone()).datetime();
        let Some(mut next) = floor(local(from), step) else { return Vec::new() };
        let mut ticks = Vec::new();
        // A second round is only needed where clocks were turned.
        for _ in 0..most * 2 {
            if let Some(at) = self.instant(next).filter(|at| (from..to).contains(at)) {
                ticks.push(Tick { at, label: label(next, step) });
            }
            let Ok(following) = next.checked_add(SignedDuration::from_secs(step)) else { break };
            next = following;
            if next > local(to) {
                break;
            }
        }
        ticks
    }

    fn instant(&self, local: DateTime) -> Option<Timestamp> {
        let zoned = self.zone.to_ambiguous_zoned(local).compatible().ok()?;
        i64::try_from(zoned.timestamp().as_nanosecond()).ok().and_then(Timestamp::from_nanos)
    }
}

/// The last multiple of the step, counted from midnight, else from the day 0 of the epoch.
fn floor(time: DateTime, step: i64) -> Option<DateTime> {
    let midnight = time.date().to_datetime(jiff::civil::Time::midnight());
    if step < DAY {
        let seconds = time.duration_since(midnight).as_secs();
        return midnight.checked_add(SignedDuration::from_secs(seconds - seconds % step)).ok();
    }
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = i64::from(epoch.until((Unit::Day, time.date())).ok()?.get_days());
    midnight.checked_sub((days % (step / DAY)).days()).ok()
}

fn label(time: DateTime, step: i64) -> String {
    let form = match step {
        _ if step >= 90 * DAY => "%Y-%m-%d",
        _ if step >= DAY || (time.hour() == 0 && time.minute() == 0 && time.second() == 0) => "%m-%d",
        _ if step >= MINUTE => "%H:%M",
        _ => "%H:%M:%S",
    };
    time.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use auditwire_model::clock::ManualClock;

    use super::super::zone;
    use super::*;
    use crate::console::words::{Language, Words};

    fn ticks(zone_name: &str, from: &str, to: &str) -> Vec<String> {
        let time = |text: &str| Timestamp::parse(text).expect("a time");
        let clock = ManualClock::new(time("2026-11-22T10:00:00Z"));
        let calendar = Calendar::new(zone(zone_name).expect("a zone"), &clock, Words(Language::English));
        let ticks = calendar.ticks(time(from), time(to), 6);
        assert!(ticks.len() <= 6 && ticks.windows(2).all(|pair| pair[0].at < pair[1].at), "{ticks:?}");
        ticks.into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn a_day_has_its_hours_in_the_viewers_zone() {
        let day = ("2026-11-21T10:07:13Z", "2026-11-22T10:07:13Z");
        assert_eq!(ticks("UTC", day.0, day.1), ["12:00", "18:00", "11-22", "06:00"]);
        assert_eq!(ticks("Europe/Moscow", day.0, day.1), ["18:00", "11-22", "06:00", "12:00"]);
    }

    #[test]
    fn every_length_has_labels() {
        assert_eq!(ticks("UTC", "2026-11-22T10:00:00.5Z", "2026-11-22T10:00:03Z"), ["10:00:01", "10:00:02"]);
        assert_eq!(ticks("UTC", "2026-11-22T09:45:00Z", "2026-11-22T10:00:00Z"), ["09:45", "09:50", "09:55"]);
        assert_eq!(ticks("UTC", "2026-11-15T10:00:00Z", "2026-11-22T10:00:00Z").len(), 3);
        for to in ["1970-03-01T00:00:00Z", "1971-01-01T00:00:00Z", "1999-01-01T00:00:00Z", "2262-04-11T23:47:16Z"] {
            assert!(!ticks("Europe/Berlin", "1970-01-01T00:00:00Z", to).is_empty(), "{to}");
        }
    }

    #[test]
    fn turned_clocks_do_not_shift_the_labels() {
        let labels = ticks("Europe/Berlin", "2026-10-24T20:00:00Z", "2026-10-25T20:00:00Z");
        assert_eq!(labels, ["10-25", "06:00", "12:00", "18:00"]);
    }
}
