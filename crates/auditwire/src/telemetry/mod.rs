//! How the process talks about itself: structured lines on stderr. Values may hold foreign text, so control and
//! bidirectional characters are escaped in whatever a line holds. A line that cannot be written (stderr is closed, or a pipe
//! that nobody reads from any more) is lost and counted; nothing else happens, because the log is not the job.

mod flood;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::config::{LogFormat, TelemetryConfig};
use crate::failure::{Failure, Result};
use crate::terminal::is_unsafe;
use flood::{Dam, Flood};

/// How often it is looked whether repeated lines are to be told.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The log of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Telemetry {
    /// Which lines are written.
    pub(crate) level: Level,
    lost: Arc<AtomicU64>,
    flood: Arc<Flood>,
}

/// Which lines are written; may be changed at any time.
#[derive(Debug, Clone)]
pub(crate) struct Level(reload::Handle<EnvFilter, Registry>);

impl Level {
    /// Uses these directives from now on.
    ///
    /// # Errors
    /// When they are none; the former ones stay.
    pub(crate) fn set(&self, level: &str) -> Result<(), String> {
        let filter = EnvFilter::builder().parse(level).map_err(|e| format!("telemetry.level ({e})"))?;
        self.0.reload(filter).map_err(|e| format!("telemetry.level ({e})"))
    }
}

/// Begins to log.
///
/// # Errors
/// When logging was begun before.
pub(crate) fn start(config: &TelemetryConfig) -> Result<Telemetry> {
    let (filter, level) = reload::Layer::new(EnvFilter::builder().parse_lossy(&config.level));
    let (lost, flood) = (Arc::default(), Arc::default());
    let registry = Registry::default().with(filter).with(Dam(Arc::clone(&flood)));
    let writer = |json| Escaped { json, lost: Arc::clone(&lost) };
    let layer = fmt::layer().with_ansi(false).log_internal_errors(false);
    let started = match config.format {
        LogFormat::Text => registry.with(layer.with_writer(writer(false))).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true).with_writer(writer(true))).try_init(),
    };
    started.map_err(|e| Failure::new(format!("logging cannot start: {e}")))?;
    Ok(Telemetry { level: Level(level), lost, flood })
}

impl Telemetry {
    /// Tells of repeated lines, for ever.
    pub(crate) async fn tell_of_floods(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.flood.tell(false);
        }
    }

    /// Tells of the repeated lines that were not told yet.
    pub(crate) fn finish(&self) {
        self.flood.tell(true);
    }
}

impl auditwire_server::LogCounts for Telemetry {
    fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn suppressed(&self) -> u64 {
        self.flood.suppressed()
    }
}

/// Writes lines to stderr, escaped. The subscriber hands over one whole line at a time.
#[derive(Debug, Clone)]
struct Escaped {
    /// In JSON the escape is JSON's own.
    json: bool,
    /// Lines that could not be written.
    lost: Arc<AtomicU64>,
}

impl MakeWriter<'_> for Escaped {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Write for Escaped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = io::stderr().lock().write_all(escape_line(bytes, self.json).as_bytes());
        if written.is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        // Whoever logs is not told: it could do nothing but log.
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn escape_line(bytes: &[u8], json: bool) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (line, end) = text.strip_suffix('\n').map_or((&*text, ""), |line| (line, "\n"));
    let mut safe = String::with_capacity(text.len());
    for c in line.chars() {
        match (is_unsafe(c), json) {
            (false, _) => safe.push(c),
            // Every unsafe character lies in the basic plane, so four digits are enough.
            (true, true) => _ = write!(safe, "\\u{:04x}", u32::from(c)),
            (true, false) => _ = write!(safe, "\\u{{{:x}}}", u32::from(c)),
        }
    }
    safe + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line_and_cannot_repaint_the_terminal() {
        assert_eq!(escape_line("a\nb\x1b[2J\u{202e}\n".as_bytes(), false), "a\\u{a}b\\u{1b}[2J\\u{202e}\n");
    }

    #[test]
    fn a_json_line_stays_json() {
        let line = escape_line("{\"name\":\"x\u{202e}y\"}\n".as_bytes(), true);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["name"], "x\u{202e}y");
        assert!(line.is_ascii());
    }
}
