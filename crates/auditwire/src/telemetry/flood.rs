//! What repeats does not flood the log. Of one cause the first [`FIRST`] lines within a minute are written, then one line a minute
//! that says how many there were more. Causes are told apart by the place in the code, the level, and the fields that say what it is
//! about ([`TELLING`]), so that no new cause drowns in the noise of another.
//!
//! Not counted are `debug` and `trace`, which somebody asked for, and the requests that are written by their own rule
//! (`telemetry.access`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::{Debug, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::terminal::grouped;

/// Lines of one cause within [`WINDOW`] before they are only counted.
const FIRST: u64 = 10;
/// How long a cause is counted before it is told.
const WINDOW: Duration = Duration::from_secs(60);
/// So many causes of one place are told apart; what comes then counts as one.
const CAUSES_MAX: usize = 64;
/// The fields that tell causes apart; others (ids, times, sizes) are different each time.
const TELLING: [&str; 13] = [
    "code",
    "cause",
    "error",
    "task",
    "what",
    "project",
    "connection",
    "kind",
    "segment",
    "at",
    "log.target",
    "log.file",
    "log.line",
];
/// Longest text of a cause, in bytes.
const TEXT_BYTES_MAX: usize = 256;
/// Targets that have rules of their own.
const EXEMPT: [&str; 2] = [auditwire_server::ACCESS, TARGET];
/// Where the counts are written.
const TARGET: &str = "auditwire::telemetry::flood";

/// Counts lines by their causes.
#[derive(Debug, Default)]
pub(crate) struct Flood {
    places: Mutex<HashMap<Identifier, Place>>,
    suppressed: AtomicU64,
}

#[derive(Debug)]
struct Place {
    level: Level,
    /// By the fields that tell; the empty text is what was too much.
    causes: HashMap<String, Count>,
}

#[derive(Debug)]
struct Count {
    since: Instant,
    lines: u64,
    /// Not written since then.
    more: u64,
    /// The window before was a flood, too: nothing but the number is written of this one.
    goes_on: bool,
    message: String,
}

/// One line to write: how many were not.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    level: Level,
    message: String,
    cause: String,
    more: u64,
}

impl Flood {
    /// Whether a line may be written.
    fn admits(&self, place: Identifier, level: Level, said: Said, now: Instant) -> bool {
        let mut places = self.lock();
        let place = places.entry(place).or_insert_with(|| Place { level, causes: HashMap::new() });
        let known = place.causes.contains_key(&said.cause);
        let cause = if known || place.causes.len() < CAUSES_MAX { said.cause } else { String::new() };
        let count = match place.causes.entry(cause) {
            Entry::Occupied(count) => count.into_mut(),
            Entry::Vacant(free) => {
                free.insert(Count { since: now, lines: 0, more: 0, goes_on: false, message: said.message })
            }
        };
        count.lines += 1;
        let admitted = !count.goes_on && count.lines <= FIRST;
        if !admitted {
            count.more += 1;
            self.suppressed.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// What is to be told of the windows that are over; of all of them at the end.
    fn due(&self, now: Instant, end: bool) -> Vec<Told> {
        let mut told = Vec::new();
        self.lock().retain(|_, place| {
            let level = place.level;
            place.causes.retain(|cause, count| {
                if !end && now.saturating_duration_since(count.since) < WINDOW {
                    return true;
                }
                let more = std::mem::take(&mut count.more);
                if more > 0 {
                    told.push(Told { level, message: count.message.clone(), cause: cause.clone(), more });
                }
                (count.since, count.lines, count.goes_on) = (now, 0, more > 0);
                count.goes_on
            });
            !place.causes.is_empty()
        });
        told
    }

    /// Writes how many lines were not, of the windows that are over; of all of them at the end.
    pub(crate) fn tell(&self, end: bool) {
        for Told { level, message, cause, more } in self.due(Instant::now(), end) {
            let text = format!("{message}: … and {} more like this in the last minute", grouped(more));
            match level {
                Level::ERROR => tracing::error!(target: TARGET, more, like = cause, "{text}"),
                Level::WARN => tracing::warn!(target: TARGET, more, like = cause, "{text}"),
                _ => tracing::info!(target: TARGET, more, like = cause, "{text}"),
            }
        }
    }

    /// Lines that were only counted, since the start.
    pub(crate) fn suppressed(&self) -> u64 {
        self.suppressed.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Identifier, Place>> {
        // Nothing panics while it is held.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps back what [`Flood`] only counts.
pub(super) struct Dam(pub(super) std::sync::Arc<Flood>);

impl<S: Subscriber> Layer<S> for Dam {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let about = event.metadata();
        if *about.level() > Level::INFO || EXEMPT.contains(&about.target()) {
            return true;
        }
        let mut said = Said::default();
        event.record(&mut said);
        self.0.admits(about.callsite(), *about.level(), said, Instant::now())
    }
}

/// What a line says: its text, and the fields that tell its cause.
#[derive(Debug, Default)]
struct Said {
    message: String,
    cause: String,
}

impl Said {
    fn cut(text: &mut String) {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    }
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let name = field.name();
        if name == "message" {
            let _ = write!(self.message, "{value:?}");
            Self::cut(&mut self.message);
        } else if TELLING.contains(&name) {
            let blank = if self.cause.is_empty() { "" } else { " " };
            let _ = write!(self.cause, "{blank}{name}={value:?}");
            Self::cut(&mut self.cause);
        }
    }
}

#[cfg(test)]
mod tests;
