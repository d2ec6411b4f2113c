//! Times as people and programs write them: RFC 3339, or relative to now. The one rule for queries, parameters and
//! commands.

use crate::Timestamp;
use crate::clock::InvalidTimestamp;

/// Why a text is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// It begins with `now`, but goes on in an unknown way.
    #[error("write a relative time like now-15m; units are s, m, h, d and w")]
    Relative,
    /// It is relative, where there is no now.
    #[error("a time relative to now has no meaning here; write it as RFC 3339, like 2026-11-22T10:00:00Z")]
    NoNow,
    /// A blank stands where the offset's plus sign was: forms and addresses say a blank by a plus sign.
    #[error("the plus sign of the offset became a blank; write {0}, and %2B for the plus sign in an address")]
    BlankForPlus(String),
    /// Not RFC 3339 either.
    #[error("{0}, or relative like now-15m")]
    Absolute(#[from] InvalidTimestamp),
}

/// Reads RFC 3339 (also with `Z` before the offset: `Z03:00` is `+03:00`, as in the model product's documentation),
/// `now`, or `now-` and a whole number with `s`, `m`, `h`, `d` or `w`. Without `now`, relative times are refused.
///
/// # Errors
/// [`InvalidTime`] tells the ways to be wrong apart.
pub fn read_time(text: &str, now: Option<Timestamp>) -> Result<Timestamp, InvalidTime> {
    if let Some(ago) = text.strip_prefix("now") {
        let nanos = if ago.is_empty() { Some(0) } else { ago.strip_prefix('-').and_then(read_span) };
        let nanos = nanos.ok_or(InvalidTime::Relative)?;
        return now.map(|now| now.saturating_add_nanos(-nanos)).ok_or(InvalidTime::NoNow);
    }
    if let Some(meant) = plus_for_blank(text) {
        return Err(InvalidTime::BlankForPlus(meant));
    }
    Ok(without_doubled_zone(text).map_or_else(|| Timestamp::parse(text), |plain| Timestamp::parse(&plain))?)
}

/// What was meant by a time whose offset has a blank in the place of its plus sign.
pub(super) fn plus_for_blank(text: &str) -> Option<String> {
    let (time, offset) = text.rsplit_once(' ')?;
    let meant = format!("{time}+{offset}");
    (offset.len() == 5 && Timestamp::parse(&meant).is_ok()).then_some(meant)
}

/// `…Z03:00`, `…Z+03:00` and `…Z-03:00` with the offset alone.
fn without_doubled_zone(text: &str) -> Option<String> {
    let (time, offset) = text.split_once(['Z', 'z'])?;
    match offset.as_bytes().first()? {
        b'+' | b'-' => Some(format!("{time}{offset}")),
        b'0'..=b'9' => Some(format!("{time}+{offset}")),
        _ => None,
    }
}

/// Nanoseconds of a span such as `15m`; what is longer than all time ends there.
fn read_span(text: &str) -> Option<i64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds: i64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    let number = Some(digits).filter(|d| !d.is_empty() && d.bytes().all(|c| c.is_ascii_digit()))?;
    Some(number.parse::<i64>().unwrap_or(i64::MAX).saturating_mul(seconds).saturating_mul(1_000_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let now = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
        let cases = [
            ("now", Some("2026-11-22T10:00:00Z")),
            ("now-15m", Some("2026-11-22T09:45:00Z")),
            ("now-7d", Some("2026-11-15T10:00:00Z")),
            ("now-2w", Some("2026-11-08T10:00:00Z")),
            ("now-99999999999999999999d", Some("1970-01-01T00:00:00Z")),
            ("2026-11-22T13:00:00+03:00", Some("2026-11-22T10:00:00Z")),
            ("2023-06-02T15:04:05Z03:00", Some("2023-06-02T12:04:05Z")),
            ("2006-01-02T15:04:05Z07:00", Some("2006-01-02T08:04:05Z")),
            ("2023-06-02T15:04:05Z+03:00", Some("2023-06-02T12:04:05Z")),
            ("2023-06-02T15:04:05.5Z-03:00", Some("2023-06-02T18:04:05.5Z")),
            ("2023-06-02T15:04:05Z", Some("2023-06-02T15:04:05Z")),
            ("2023-06-02T15:04:05ZZ", None),
            ("2023-06-02T15:04:05Z3", None),
            ("now-", None),
            ("now-m", None),
            ("now--1m", None),
            ("now-1µ", None),
            ("now+1m", None),
            ("nowhere", None),
            ("2026-11-22T13:00:00", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let read = read_time(text, Some(now)).map(|t| t.to_string());
            assert_eq!(read.as_deref().ok(), expected, "{text}");
        }
        let meant = "2026-11-22T10:00:00+03:00".to_owned();
        assert_eq!(read_time("2026-11-22T10:00:00 03:00", Some(now)), Err(InvalidTime::BlankForPlus(meant)));
        assert_eq!(read_time("now-15m", None), Err(InvalidTime::NoNow));
        assert_eq!(read_time("now-15", None), Err(InvalidTime::Relative));
        assert_eq!(read_time("2026-11-22T10:00:00Z", None), Ok(now));
    }
}
