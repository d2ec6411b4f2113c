//! What the two senders of a connection share while fresh events go first.

use auditwire_model::Position;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::records::{Fresh, SecondStream};

/// Shared by the sender of a connection's own cursor, that of its second stream, and whoever keeps them running.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    /// Told when a second stream should begin.
    pub(crate) split: Notify,
    /// How far the second stream has come, as it is stored: counters that were shown once never go back, also after a crash.
    second: Mutex<Option<SecondStream>>,
}

impl Streams {
    /// With this second stream, or none.
    pub(crate) fn of(fresh: Option<&Fresh>) -> Self {
        Self { split: Notify::new(), second: Mutex::new(fresh.map(SecondStream::from)) }
    }

    /// The second stream as it is stored.
    pub(crate) fn second(&self) -> Option<SecondStream> {
        *self.second.lock()
    }

    /// Where the second stream begins.
    pub(crate) fn from(&self) -> Option<Position> {
        self.second().map(|second| second.from)
    }

    /// The second stream was stored.
    pub(crate) fn stored(&self, second: SecondStream) {
        *self.second.lock() = Some(second);
    }
}
