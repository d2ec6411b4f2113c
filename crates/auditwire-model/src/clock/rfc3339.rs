//! RFC 3339 text of an instant, read and written by hand: every event carries two timestamps, and a general calendar
//! library costs more on both ways than all the rest of a timestamp's life.

use super::InvalidTimestamp;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// `2262-04-11T23:47:16.854775807Z`: no text is longer.
const TEXT_BYTES_MAX: usize = 30;

/// The text of one instant, on the stack.
pub(super) struct Text {
    bytes: [u8; TEXT_BYTES_MAX],
    len: usize,
}

impl Text {
    /// With the fewest fraction digits that lose nothing.
    pub(super) fn shortest(nanos: i64) -> Self {
        let mut text = Self::whole_seconds(nanos);
        let mut fraction = nanos.rem_euclid(NANOS_PER_SECOND);
        if fraction != 0 {
            let mut digits = 9;
            while fraction % 10 == 0 {
                fraction /= 10;
                digits -= 1;
            }
            text.push_fraction(fraction, digits);
        }
        text.push(b'Z');
        text
    }

    /// With three fraction digits, rounded down.
    pub(super) fn millis(nanos: i64) -> Self {
        let mut text = Self::whole_seconds(nanos);
        text.push_fraction(nanos.rem_euclid(NANOS_PER_SECOND) / 1_000_000, 3);
        text.push(b'Z');
        text
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub(super) fn as_str(&self) -> &str {
        // Only ASCII was pushed.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    fn whole_seconds(nanos: i64) -> Self {
        let seconds = nanos.div_euclid(NANOS_PER_SECOND);
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        let mut text = Self { bytes: [0; TEXT_BYTES_MAX], len: 0 };
        text.push_two(year / 100);
        text.push_two(year % 100);
        text.push(b'-');
        text.push_two(month);
        text.push(b'-');
        text.push_two(day);
        text.push(b'T');
        text.push_two(of_day / 3600);
        text.push(b':');
        text.push_two(of_day / 60 % 60);
        text.push(b':');
        text.push_two(of_day % 60);
        text
    }

    fn push_fraction(&mut self, mut fraction: i64, digits: usize) {
        self.push(b'.');
        for place in (self.len..self.len + digits).rev() {
            self.bytes[place] = digit(fraction % 10);
            fraction /= 10;
        }
        self.len += digits;
    }

    fn push_two(&mut self, number: i64) {
        self.push(digit(number / 10));
        self.push(digit(number % 10));
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }
}

fn digit(value: i64) -> u8 {
    b"0123456789"[usize::try_from(value).unwrap_or(0) % 10]
}

/// Year, month and day of a day number since 1970-01-01, in the proleptic Gregorian calendar. Years begin in March
/// here, so that the leap day comes last; 400 years have 146,097 days.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468; // days from 0000-03-01 to 1970-01-01
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil_from_days`].
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Nanoseconds since 1970 of a text by RFC 3339 section 5.6: letters in either case, a blank allowed for the `T`.
pub(super) fn read(text: &[u8]) -> Result<i64, InvalidTimestamp> {
    let mut rest = Reader(text);
    let year = rest.number(4)?;
    rest.expect(b"-")?;
    let month = rest.number_within(2, 1, 12)?;
    rest.expect(b"-")?;
    let day = rest.number_within(2, 1, days_in_month(year, month))?;
    rest.expect(b"Tt ")?;
    let hour = rest.number_within(2, 0, 23)?;
    rest.expect(b":")?;
    let minute = rest.number_within(2, 0, 59)?;
    rest.expect(b":")?;
    // A leap second has no place on the UTC scale that computers keep.
    let second = rest.number_within(2, 0, 60)?.min(59);
    let fraction = rest.fraction()?;
    let offset_minutes = rest.offset()?;
    let days = days_from_civil(year, month, day);
    let seconds = days * SECONDS_PER_DAY + hour * 3600 + (minute - offset_minutes) * 60 + second;
    let nanos = seconds.checked_mul(NANOS_PER_SECOND).and_then(|n| n.checked_add(fraction));
    nanos.filter(|n| *n >= 0).ok_or(InvalidTimestamp::Range)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn expect(&mut self, any_of: &[u8]) -> Result<(), InvalidTimestamp> {
        self.next().filter(|byte| any_of.contains(byte)).map(drop).ok_or(InvalidTimestamp::Syntax)
    }

    fn number(&mut self, digits: usize) -> Result<i64, InvalidTimestamp> {
        let mut value = 0;
        for _ in 0..digits {
            let byte = self.next().filter(u8::is_ascii_digit).ok_or(InvalidTimestamp::Syntax)?;
            value = value * 10 + i64::from(byte - b'0');
        }
        Ok(value)
    }

    fn number_within(&mut self, digits: usize, from: i64, to: i64) -> Result<i64, InvalidTimestamp> {
        let value = self.number(digits)?;
        if (from..=to).contains(&value) { Ok(value) } else { Err(InvalidTimestamp::Syntax) }
    }

    /// Nanoseconds of an optional fraction.
    fn fraction(&mut self) -> Result<i64, InvalidTimestamp> {
        let Some((b'.', rest)) = self.0.split_first() else { return Ok(0) };
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Err(InvalidTimestamp::Syntax);
        }
        let (fraction, rest) = rest.split_at(digits);
        self.0 = rest;
        let nanos =
            (0..9).fold(0, |value, place| value * 10 + fraction.get(place).map_or(0, |byte| i64::from(byte - b'0')));
        Ok(nanos)
    }

    /// Minutes east of UTC; everything up to the end must be the offset.
    fn offset(&mut self) -> Result<i64, InvalidTimestamp> {
        let sign = match self.next() {
            None => return Err(InvalidTimestamp::Naive),
            Some(b'Z' | b'z') if self.0.is_empty() => return Ok(0),
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(_) => return Err(InvalidTimestamp::Syntax),
        };
        let hours = self.number_within(2, 0, 23)?;
        self.expect(b":")?;
        let minutes = self.number_within(2, 0, 59)?;
        if self.0.is_empty() { Ok(sign * (hours * 60 + minutes)) } else { Err(InvalidTimestamp::Syntax) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Timestamp;

    fn by_jiff(nanos: i64) -> String {
        jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap().to_string()
    }

    proptest! {
        #[test]
        fn writes_what_jiff_writes_and_reads_it_back(nanos in 0..=i64::MAX, coarse in 0_u32..=9) {
            let nanos = nanos / 10_i64.pow(coarse) * 10_i64.pow(coarse);
            let text = Text::shortest(nanos);
            prop_assert_eq!(text.as_str(), by_jiff(nanos));
            prop_assert_eq!(read(text.as_bytes()), Ok(nanos));
            let millis = Text::millis(nanos);
            prop_assert_eq!(millis.as_str().len(), 24);
            prop_assert_eq!(read(millis.as_bytes()), Ok(nanos / 1_000_000 * 1_000_000));
        }

        #[test]
        fn reads_what_jiff_reads(
            year in 1969_i32..=2263, month in 0..=13, day in 0..=32, hour in 0..=24, minute in 0..=60, second in 0..=60,
            fraction in "(\\.[0-9]{1,9})?", offset in "Z|z|[+-](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]",
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{offset}");
            let expected = text
                .parse::<jiff::Timestamp>()
                .ok()
                .and_then(|t| i64::try_from(t.as_nanosecond()).ok())
                .filter(|n| *n >= 0);
            prop_assert_eq!(read(text.as_bytes()).ok(), expected, "{}", text);
        }

        #[test]
        fn foreign_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = read(&bytes);
        }
    }

    #[test]
    fn every_day_of_the_range_is_its_own_inverse() {
        for days in 0..=106_751 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
            assert!((1..=days_in_month(year, month)).contains(&day));
        }
        assert_eq!(civil_from_days(0), (1970, 1, 1));
        assert_eq!(civil_from_days(106_751), (2262, 4, 11));
    }

    #[test]
    fn tells_what_is_wrong() {
        let parse = Timestamp::parse;
        assert_eq!(parse("2026-11-22T10:00:00"), Err(InvalidTimestamp::Naive));
        assert_eq!(parse("2026-11-22 10:00:00.5"), Err(InvalidTimestamp::Naive));
        assert_eq!(parse("1969-12-31T23:59:59Z"), Err(InvalidTimestamp::Range));
        assert_eq!(parse("2262-04-11T23:47:16.854775808Z"), Err(InvalidTimestamp::Range));
        for wrong in [
            "",
            "2026-11-22",
            "2026-11-22T10Z",
            "2026-11-22T10:00Z",
            "2026-11-22T10:00:00.Z",
            "2026-11-22T10:00:00,5Z",
            "2026-11-22T10:00:00Z03:00",
            "2026-11-22T10:00:00+03",
            "2026-11-22T10:00:00+0300",
            "2026-11-22T10:00:00Z[UTC]",
            "2026-02-30T10:00:00Z",
            "+2026-11-22T10:00:00Z",
            "2026-11-22T10:00:00Z ",
            "1795341600",
        ] {
            assert_eq!(parse(wrong), Err(InvalidTimestamp::Syntax), "{wrong}");
        }
        let nanos = |text: &str| parse(text).unwrap().as_nanos();
        assert_eq!(nanos("1970-01-01T03:00:00.000000001999+03:00"), 1);
        assert_eq!(nanos("2016-12-31t23:59:60z"), nanos("2016-12-31 23:59:59Z"));
        assert_eq!(nanos("1969-12-31T23:00:00-01:00"), 0);
    }
}
