//! Numbers and times as wire formats want them, appended without intermediate strings.

use crate::Timestamp;

const MONTHS: [&[u8; 4]; 12] =
    [b"Jan ", b"Feb ", b"Mar ", b"Apr ", b"May ", b"Jun ", b"Jul ", b"Aug ", b"Sep ", b"Oct ", b"Nov ", b"Dec "];

/// `2026-11-22T10:00:00.123Z`: UTC with exactly three fraction digits, the one spelling that all receivers read
/// (rsyslog garbles seven and more; QRadar wants three).
pub(super) fn rfc3339_millis(time: Timestamp, out: &mut Vec<u8>) {
    let t = Civil::of(time);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    put(&mut text[0..4], t.year);
    put(&mut text[5..7], t.month);
    put(&mut text[8..10], t.day);
    put(&mut text[11..13], t.hour);
    put(&mut text[14..16], t.minute);
    put(&mut text[17..19], t.second);
    put(&mut text[20..23], t.milli);
    out.extend_from_slice(&text);
}

/// `Nov  2 10:00:00`: the time of BSD syslog (RFC 3164 section 4.1.2), in UTC, the day padded with a blank.
pub(super) fn bsd(time: Timestamp, out: &mut Vec<u8>) {
    let t = Civil::of(time);
    if let Some(month) = usize::try_from(t.month).ok().and_then(|m| MONTHS.get(m.wrapping_sub(1))) {
        out.extend_from_slice(*month);
    }
    let mut text = *b"00 00:00:00";
    put(&mut text[0..2], t.day);
    if t.day < 10 {
        text[0] = b' ';
    }
    put(&mut text[3..5], t.hour);
    put(&mut text[6..8], t.minute);
    put(&mut text[9..11], t.second);
    out.extend_from_slice(&text);
}

/// Decimal digits.
pub(super) fn number(value: u64, out: &mut Vec<u8>) {
    let mut text = [0u8; 20];
    let mut at = text.len();
    let mut rest = value;
    loop {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
}

/// Epoch milliseconds in digits.
pub(super) fn epoch_millis(time: Timestamp, out: &mut Vec<u8>) {
    number(u64::try_from(time.as_millis()).unwrap_or(0), out);
}

/// Epoch milliseconds in exactly 13 digits, as LEEF's `devTime` may have 10 or 13 and 10 would be seconds.
pub(super) fn epoch_millis_13(time: Timestamp, out: &mut Vec<u8>) {
    let millis = u64::try_from(time.as_millis()).unwrap_or(0);
    let zeros = (millis.checked_ilog10().unwrap_or(0)..12).count();
    out.extend_from_slice(&b"000000000000"[..zeros.min(12)]);
    number(millis, out);
}

/// Right-aligned digits with leading zeros.
fn put(field: &mut [u8], value: u32) {
    let mut rest = value;
    for digit in field.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

struct Civil {
    year: u32,
    month: u32,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
    milli: u32,
}

impl Civil {
    /// Days to year, month and day on the proleptic Gregorian calendar, with years that begin in March so that the
    /// leap day is the last one. A `Timestamp` is never before 1970, so everything is positive and fits.
    fn of(time: Timestamp) -> Self {
        let millis = u64::try_from(time.as_millis()).unwrap_or(0);
        let (days, millis) = (millis / 86_400_000, (millis % 86_400_000) as u32);
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        Self {
            year: year as u32,
            month: month as u32,
            day: day as u32,
            hour: millis / 3_600_000,
            minute: millis / 60_000 % 60,
            second: millis / 1000 % 60,
            milli: millis % 1000,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(write: impl Fn(Timestamp, &mut Vec<u8>), nanos: i64) -> String {
        let mut out = Vec::new();
        write(Timestamp::from_nanos(nanos).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_times() {
        let at = |text: &str| Timestamp::parse(text).unwrap().as_nanos();
        assert_eq!(of(rfc3339_millis, 0), "1970-01-01T00:00:00.000Z");
        assert_eq!(of(rfc3339_millis, at("2024-02-29T23:59:59.9999Z")), "2024-02-29T23:59:59.999Z");
        assert_eq!(of(rfc3339_millis, i64::MAX), "2262-04-11T23:47:16.854Z");
        assert_eq!(of(bsd, at("2026-11-02T03:04:05Z")), "Nov  2 03:04:05");
        assert_eq!(of(bsd, at("2026-12-31T13:14:15Z")), "Dec 31 13:14:15");
        assert_eq!(of(epoch_millis, at("2026-11-22T10:00:00.123Z")), "1795341600123");
    }

    proptest! {
        #[test]
        fn agrees_with_the_calendar_library(nanos in 0i64..=i64::MAX) {
            let jiff = Timestamp::from_nanos(nanos).unwrap().to_jiff();
            let whole = jiff::Timestamp::from_millisecond(jiff.as_millisecond()).unwrap();
            prop_assert_eq!(of(rfc3339_millis, nanos), format!("{whole:.3}"));
            prop_assert_eq!(of(bsd, nanos), jiff.strftime("%b %e %H:%M:%S").to_string());
        }

        #[test]
        fn numbers(value: u64) {
            let mut out = Vec::new();
            number(value, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }
}
