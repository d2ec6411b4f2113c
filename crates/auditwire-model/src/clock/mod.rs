//! Time as a value, and the clock as a parameter.

mod rfc3339;

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// UTC nanoseconds since 1970. Holds the years 1970 to 2262, as product limits say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// Why a text is not a timestamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTimestamp {
    /// A time without a zone names no instant.
    #[error("the time has no zone; write it as RFC 3339 with 'Z' or an offset such as '+03:00'")]
    Naive,
    /// Not RFC 3339 at all.
    #[error("not an RFC 3339 time; write it like 2026-11-22T10:00:00.123Z")]
    Syntax,
    /// Before 1970 or after 2262.
    #[error("the time is outside the years 1970 to 2262")]
    Range,
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// 2262-04-11T23:47:16.854775807Z.
    pub const MAX: Self = Self(i64::MAX);

    /// From nanoseconds since 1970; `None` before it.
    #[must_use]
    pub fn from_nanos(nanos: i64) -> Option<Self> {
        (nanos >= 0).then_some(Self(nanos))
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub fn as_nanos(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970, rounded down.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0 / 1_000_000
    }

    /// Moves by a signed number of nanoseconds, stopping at the limits.
    #[must_use]
    pub fn saturating_add_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos).max(0))
    }

    /// The same second without its fraction: what people are told.
    #[must_use]
    pub fn whole_seconds(self) -> Self {
        Self(self.0 - self.0 % 1_000_000_000)
    }

    /// Time from `earlier` to this, zero if it is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Time between the two, whichever is later.
    #[must_use]
    pub fn abs_diff(self, other: Self) -> Duration {
        Duration::from_nanos(self.0.abs_diff(other.0))
    }

    /// Reads RFC 3339 with a zone, and nothing but RFC 3339. Digits of a fraction past the ninth are dropped; a leap
    /// second (`:60`) reads as the second before it.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] tells a naive time, a wrong syntax and a year out of range apart.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        rfc3339::read(text.as_bytes()).map(Self)
    }

    /// Appends RFC 3339 in UTC with `Z` and the fewest fraction digits that lose nothing (none, or 1 to 9, the last
    /// one not zero). The same text as [`Display`](fmt::Display), without its machinery.
    pub fn append_rfc3339(self, out: &mut Vec<u8>) {
        out.extend_from_slice(rfc3339::Text::shortest(self.0).as_bytes());
    }

    /// Appends RFC 3339 in UTC with `Z` and exactly three fraction digits, rounded down: the form on the wire.
    pub fn append_rfc3339_millis(self, out: &mut Vec<u8>) {
        out.extend_from_slice(rfc3339::Text::millis(self.0).as_bytes());
    }

    /// The instant as a `jiff` value, for calendar work.
    #[must_use]
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with `Z` and as many fraction digits as are needed (none, or 1 to 9).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(rfc3339::Text::shortest(self.0).as_str())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Where the time comes from. The binary passes the system's; tests pass [`ManualClock`].
pub trait Clock: Send + Sync + fmt::Debug {
    /// Now. May jump: somebody sets the clock.
    fn now(&self) -> Timestamp;

    /// How much time has passed since some moment before the process needed it. Nobody sets this one, so spans within a process
    /// are measured by it.
    fn monotonic(&self) -> Duration;
}

/// A clock that only moves when told to.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicI64,
    monotonic: AtomicI64,
}

impl ManualClock {
    /// Stands at `start` until moved.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self { now: AtomicI64::new(start.0), monotonic: AtomicI64::new(0) }
    }

    /// Time passes.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        self.now.fetch_add(by, Ordering::SeqCst);
        self.monotonic.fetch_add(by, Ordering::SeqCst);
    }

    /// Somebody sets it, and no time passes.
    pub fn set(&self, now: Timestamp) {
        self.now.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(u64::try_from(self.monotonic.load(Ordering::SeqCst)).unwrap_or(0))
    }
}
