//! The times in a certificate, which are wider than ours.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A second in UTC between the years 0 and 9999: certificates may name the last one, 9999-12-31T23:59:59Z, to say that they have no
/// end (RFC 5280 section 4.1.2.5), and a [`Timestamp`] stops in 2262.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertificateTime(DateTime);

impl CertificateTime {
    /// The last second there is.
    pub const MAX: Self = Self(DateTime::constant(9999, 12, 31, 23, 59, 59, 0));
    /// The first one.
    pub const MIN: Self = Self(DateTime::constant(0, 1, 1, 0, 0, 0, 0));

    /// From seconds since 1970; what lies outside becomes the nearest end.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
        let at = epoch.saturating_add(jiff::SignedDuration::from_secs(seconds));
        Self(at).clamp(Self::MIN, Self::MAX)
    }

    /// The nearest time that we can compute with.
    #[must_use]
    pub fn nearest(self) -> Timestamp {
        let Ok(zoned) = self.0.to_zoned(TimeZone::UTC) else { return LAST };
        let nanos = i64::try_from(zoned.timestamp().as_nanosecond());
        let outside = if self.0.year() < 1970 { Timestamp::EPOCH } else { LAST };
        nanos.ok().and_then(Timestamp::from_nanos).unwrap_or(outside)
    }

    /// That [`nearest`](Self::nearest) is the same instant.
    #[must_use]
    pub fn is_near(self) -> bool {
        self.nearest().to_string() == self.to_string()
    }
}

/// The last nanosecond of ours.
const LAST: Timestamp = Timestamp::MAX;

impl From<Timestamp> for CertificateTime {
    /// Without the fraction of the second.
    fn from(time: Timestamp) -> Self {
        Self::from_seconds(time.as_nanos() / 1_000_000_000)
    }
}

impl fmt::Display for CertificateTime {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Z", self.0)
    }
}

impl Serialize for CertificateTime {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CertificateTime {
    /// Takes what was stored when these were [`Timestamp`]s, too.
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        let civil = text.strip_suffix('Z').and_then(|civil| civil.parse::<DateTime>().ok());
        let civil = civil.ok_or_else(|| serde::de::Error::custom("not a time in UTC"))?;
        let whole = civil.with().subsec_nanosecond(0).build().unwrap_or(civil);
        Ok(Self(whole).clamp(Self::MIN, Self::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reaches_from_the_year_0_to_the_last_second_of_9999() {
        let cases = [
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (i64::MAX, "9999-12-31T23:59:59Z"),
            (i64::MIN, "0000-01-01T00:00:00Z"),
            (0, "1970-01-01T00:00:00Z"),
            (-631_152_000, "1950-01-01T00:00:00Z"),
            (1_795_305_600, "2026-11-22T00:00:00Z"),
        ];
        for (seconds, text) in cases {
            let time = CertificateTime::from_seconds(seconds);
            assert_eq!(time.to_string(), text);
            let json = serde_json::to_string(&time).unwrap();
            assert_eq!(serde_json::from_str::<CertificateTime>(&json).unwrap(), time, "{json}");
        }
        assert_eq!(CertificateTime::MAX.nearest(), LAST);
        assert_eq!(CertificateTime::MIN.nearest(), Timestamp::EPOCH);
        assert!(!CertificateTime::MAX.is_near() && CertificateTime::from_seconds(1_795_305_600).is_near());
        assert!(CertificateTime::MIN < CertificateTime::MAX);
    }

    #[test]
    fn what_was_stored_as_our_time_is_read() {
        let read: CertificateTime = serde_json::from_str("\"2262-04-11T23:47:16.854775807Z\"").unwrap();
        assert_eq!(read.to_string(), "2262-04-11T23:47:16Z");
        assert!(serde_json::from_str::<CertificateTime>("\"tomorrow\"").is_err());
    }
}
