//! How a verb fails: one clear sentence on stderr that says what to do, and an exit code that scripts may rely on
//! (`docs/cli.md`).

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

/// Longest text of a panic in the log, in bytes.
const PANIC_BYTES_MAX: usize = 1024;

/// The result of a verb.
pub(crate) type Result<T = (), E = Failure> = std::result::Result<T, E>;

/// Something did not work, or a check did not pass.
pub(crate) const FAILED: u8 = 1;
/// The command line or the configuration is wrong. The argument parser uses the same number.
pub(crate) const USAGE: u8 = 2;
/// Another process holds the data directory.
pub(crate) const LOCKED: u8 = 3;

/// `serve`: a part that it cannot do without met a defect.
pub(crate) const DEFECT: u8 = 4;

/// Why a verb ends early.
#[derive(Debug)]
pub(crate) struct Failure {
    /// For people; empty when everything has been said already.
    pub(crate) message: String,
    /// What the process exits with.
    pub(crate) code: u8,
}

impl Failure {
    /// Exit code 1 with this sentence.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: FAILED }
    }

    /// Exit code 2 with this sentence.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: USAGE }
    }

    /// Exit code 1; the output has already told why.
    pub(crate) fn told() -> Self {
        Self { message: String::new(), code: FAILED }
    }

    /// "`what`: `error` and its causes".
    pub(crate) fn caused_by(what: impl Display, error: &dyn std::error::Error) -> Self {
        Self::new(format!("{what}: {}", chain(error)))
    }
}

impl From<io::Error> for Failure {
    /// For writes to stdout. Whoever reads our output may stop reading (`| head`): that is no failure.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { message: String::new(), code: 0 };
        }
        Self::caused_by("the output cannot be written", &error)
    }
}

/// An error with its causes in one line, leaving out causes that only repeat what was said.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

/// From now on a panic is one line: in the log when there is one, else on stderr. What it says may quote what was being worked
/// on: it goes nowhere else, is cut, and its control characters are escaped.
pub(crate) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload_as_str().unwrap_or("no text");
        let said = &said[..said.floor_char_boundary(PANIC_BYTES_MAX)];
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        let task = auditwire_engine::tasks::current();
        if tracing::dispatcher::has_been_set() {
            tracing::error!(task, at, panic = said, "a defect was met: a panic");
        } else {
            crate::terminal::complain(&format!("a defect was met in {task} at {at}: {said}"));
        }
    }));
}

/// Says on stderr why the process ends, and gives the exit code.
pub(crate) fn report(result: Result) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { message, code }) => {
            if !message.is_empty() {
                crate::terminal::complain(&message);
            }
            ExitCode::from(code)
        }
    }
}
