//! How the process talks about itself: structured lines on stderr. Values may hold foreign text, so control and
//! bidirectional characters are escaped in whatever a line holds.

use std::fmt::Write as _;
use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{LogFormat, TelemetryConfig};
use crate::failure::{Failure, Result};
use crate::terminal::is_unsafe;

/// Begins to log.
///
/// # Errors
/// When logging was begun before.
pub(crate) fn start(config: &TelemetryConfig) -> Result {
    let filter = EnvFilter::builder().parse_lossy(&config.level);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).log_internal_errors(false);
    let started = match config.format {
        LogFormat::Text => builder.with_writer(Escaped { json: false }).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_writer(Escaped { json: true }).try_init(),
    };
    started.map_err(|e| Failure::new(format!("logging cannot start: {e}")))
}

/// Writes lines to stderr, escaped. The subscriber hands over one whole line at a time.
#[derive(Debug, Clone, Copy)]
struct Escaped {
    /// In JSON the escape is JSON's own.
    json: bool,
}

impl MakeWriter<'_> for Escaped {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

impl Write for Escaped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(escape_line(bytes, self.json).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
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
