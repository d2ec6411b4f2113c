//! A process whose lines are read, which takes lines, and which ends with its owner.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child as Std, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::Result;

/// A running process. Killed when dropped.
pub(crate) struct Child {
    process: Std,
    lines: Receiver<String>,
}

impl Child {
    /// Starts it with its standard input and output piped; errors go where ours go unless `command` says otherwise.
    pub(crate) fn start(mut command: Command) -> Result<Self> {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().ok_or("no output")?;
        let (sink, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(std::result::Result::ok) {
                if sink.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { process, lines })
    }

    /// What follows `prefix` in the next line that begins with it; `None` after `limit` or at the end of the output.
    pub(crate) fn after(&self, prefix: &str, limit: Duration) -> Option<String> {
        let end = Instant::now() + limit;
        loop {
            let line = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())).ok()?;
            if let Some(rest) = line.strip_prefix(prefix) {
                return Some(rest.trim().to_owned());
            }
        }
    }

    /// Gives it a line. A process that is gone takes none, which is no failure of ours.
    pub(crate) fn tell(&mut self, line: &str) {
        if let Some(stdin) = &mut self.process.stdin {
            let _ = writeln!(stdin, "{line}").and_then(|()| stdin.flush());
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status()?;
        if status.success() { Ok(()) } else { Err(format!("kill -{name} ended with {status}").into()) }
    }

    /// SIGKILL, and its end.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(&mut self, limit: Duration) -> Result<()> {
        self.exit_code(limit).map(drop)
    }

    /// Waits until it has ended by itself; its exit code, `None` after a signal.
    pub(crate) fn exit_code(&mut self, limit: Duration) -> Result<Option<i32>> {
        crate::wait::until("the end of a process", limit, || Ok(self.process.try_wait()?)).map(|status| status.code())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
