//! The system's clock: the one place where time is read.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use auditwire_model::{Clock, Timestamp};

/// What monotonic time is counted from.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Reads the system's time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
    fn now(&self) -> Timestamp {
        let nanos = jiff::Timestamp::now().as_nanosecond();
        i64::try_from(nanos).ok().and_then(Timestamp::from_nanos).unwrap_or(Timestamp::EPOCH)
    }

    fn monotonic(&self) -> Duration {
        BEGUN.elapsed()
    }
}
