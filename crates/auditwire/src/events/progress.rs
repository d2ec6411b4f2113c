//! How far an export has come, on one line of a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use reqwest::Response;

use crate::terminal::grouped;

const REPAINT: Duration = Duration::from_millis(200);
/// Characters of the bar.
const BAR: u64 = 24;

/// Counts what comes.
pub(super) struct Progress {
    pub(super) bytes: u64,
    /// How many events the service expects, and whether that is exact.
    expected: Option<(u64, bool)>,
    counter: Counter,
    begun: Instant,
    painted: Option<Instant>,
    /// Whether stderr is somebody who looks.
    seen: bool,
}

/// Counts rows in what goes by.
enum Counter {
    /// Each line is one; `header` lines are none.
    Lines { lines: u64, header: u64 },
    /// Lines that end outside quotation marks.
    Records { lines: u64, quoted: bool },
    /// Only the end of the file says how many there are.
    Unknown,
}

impl Progress {
    /// Begins with what the answer's head says.
    pub(super) fn begin(format: &str, response: &Response) -> Self {
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let expected = header("x-export-events").and_then(|number| number.parse().ok());
        let counter = match format {
            "csv" => Counter::Records { lines: 0, quoted: false },
            "parquet" => Counter::Unknown,
            other => Counter::Lines { lines: 0, header: u64::from(other == "tsv") },
        };
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            bytes: 0,
            expected: expected.map(|number| (number, header("x-export-events-exact") == Some("true"))),
            counter,
            begun: Instant::now(),
            painted: None,
            seen: io::stderr().is_terminal() && !dumb,
        }
    }

    /// Another piece of the file.
    pub(super) fn add(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.counter.add(piece);
        if self.seen && self.painted.is_none_or(|last| last.elapsed() >= REPAINT) {
            self.painted = Some(Instant::now());
            // Nothing can be done when stderr takes nothing.
            let _ = write!(io::stderr().lock(), "\r\x1b[2K{}", self.line());
        }
    }

    /// Takes the line off the terminal.
    pub(super) fn clear(&mut self) {
        if self.painted.take().is_some() {
            let _ = write!(io::stderr().lock(), "\r\x1b[2K");
        }
    }

    /// How many events have come; not known of Parquet, whose rows nobody sees go by.
    pub(super) fn rows(&self) -> Option<u64> {
        self.counter.rows()
    }

    /// How many events a file holds that ended properly: those that came, else those that the service had counted to the last before it began.
    pub(super) fn rows_of_whole(&self) -> Option<u64> {
        let counted = self.expected.filter(|(_, exact)| *exact).map(|(events, _)| events);
        self.rows().or(counted)
    }

    /// The same, for a sentence; empty when nothing is known.
    pub(super) fn told_of_whole(&self) -> String {
        match (self.rows_of_whole(), self.expected) {
            (Some(rows), _) => format!("{} events, ", grouped(rows)),
            (None, Some((events, _))) => format!("at least {} events, ", grouped(events)),
            (None, None) => String::new(),
        }
    }

    /// What has come, for a sentence.
    pub(super) fn had(&self) -> String {
        self.rows().map_or_else(|| size(self.bytes), |rows| format!("{} events", grouped(rows)))
    }

    fn line(&self) -> String {
        let seconds = self.begun.elapsed().as_secs_f64().max(0.001);
        let size = size(self.bytes);
        match (self.rows(), self.expected) {
            (Some(rows), Some((expected, exact))) => {
                let at_least = if exact { "" } else { "at least " };
                let per_second = rows_per_second(rows, seconds);
                let bar = bar(rows, expected.max(rows));
                format!("{bar}  {} of {at_least}{} events  {size}  {per_second}/s", grouped(rows), grouped(expected))
            }
            (Some(rows), None) => format!("{} events  {size}  {}/s", grouped(rows), rows_per_second(rows, seconds)),
            (None, Some((expected, exact))) => {
                let at_least = if exact { "" } else { "at least " };
                format!("{size} so far, of {at_least}{} events  {seconds:.0} s", grouped(expected))
            }
            (None, None) => format!("{size}  {seconds:.0} s"),
        }
    }
}

impl Counter {
    fn add(&mut self, piece: &[u8]) {
        match self {
            Self::Lines { lines, .. } => *lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64,
            Self::Records { lines, quoted } => {
                for byte in piece {
                    match byte {
                        // A doubled mark inside quotes turns it off and on again.
                        b'"' => *quoted = !*quoted,
                        b'\n' if !*quoted => *lines += 1,
                        _ => {}
                    }
                }
            }
            Self::Unknown => {}
        }
    }

    fn rows(&self) -> Option<u64> {
        match self {
            Self::Lines { lines, header } => Some(lines.saturating_sub(*header)),
            Self::Records { lines, .. } => Some(lines.saturating_sub(1)),
            Self::Unknown => None,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a rate for people"
)]
fn rows_per_second(rows: u64, seconds: f64) -> String {
    grouped((rows as f64 / seconds) as u64)
}

/// `[######------------------]  25 %`.
pub(crate) fn bar(done: u64, all: u64) -> String {
    let part = |of: u64| done.saturating_mul(of).checked_div(all).unwrap_or(of);
    let filled = usize::try_from(part(BAR)).unwrap_or(0);
    let width = usize::try_from(BAR).unwrap_or(0);
    format!("[{:-<width$}] {:>3} %", "#".repeat(filled), part(100))
}

/// `12.3 MB`.
#[expect(clippy::cast_precision_loss, reason = "a size for people")]
pub(super) fn size(bytes: u64) -> String {
    let (mut number, mut unit) = (bytes as f64, "bytes");
    for next in ["kB", "MB", "GB", "TB"] {
        if number < 1000.0 {
            break;
        }
        (number, unit) = (number / 1000.0, next);
    }
    if unit == "bytes" { format!("{bytes} bytes") } else { format!("{number:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_however_the_pieces_are_cut() {
        let csv = b"a,b\r\n\"x \"\"y\"\"\nz\",1\r\n2,3\r\n";
        for cut in 0..csv.len() {
            let mut counter = Counter::Records { lines: 0, quoted: false };
            let (one, two) = csv.split_at(cut);
            counter.add(one);
            counter.add(two);
            assert_eq!(counter.rows(), Some(2), "cut at {cut}");
        }
        let mut counter = Counter::Lines { lines: 0, header: 1 };
        assert_eq!(counter.rows(), Some(0));
        counter.add(b"a\tb\n1\t2\n");
        assert_eq!(counter.rows(), Some(1));
    }

    #[test]
    fn a_file_whose_rows_nobody_sees_is_told_by_what_was_counted() {
        let progress = |counter, expected| Progress {
            bytes: 0,
            expected,
            counter,
            begun: Instant::now(),
            painted: None,
            seen: false,
        };
        let known = |progress: &Progress| (progress.rows_of_whole(), progress.told_of_whole());
        assert_eq!(known(&progress(Counter::Unknown, Some((3_000, true)))), (Some(3_000), "3,000 events, ".to_owned()));
        let begun = progress(Counter::Unknown, Some((3_000, false)));
        assert_eq!(known(&begun), (None, "at least 3,000 events, ".to_owned()));
        assert!(begun.line().starts_with("0 bytes so far, of at least 3,000 events"), "{}", begun.line());
        assert_eq!(known(&progress(Counter::Unknown, None)), (None, String::new()));
        // What came by is known better than what was expected.
        let lines = Counter::Lines { lines: 7, header: 0 };
        assert_eq!(known(&progress(lines, Some((3_000, true)))).0, Some(7));
    }

    #[test]
    fn bars_and_sizes_are_short() {
        assert_eq!(bar(1, 4), "[######------------------]  25 %");
        assert_eq!(bar(4, 4), "[########################] 100 %");
        assert_eq!(bar(0, 0), "[########################] 100 %");
        assert_eq!((size(999), size(1000), size(12_345_678)), ("999 bytes".into(), "1.0 kB".into(), "12.3 MB".into()));
    }
}
