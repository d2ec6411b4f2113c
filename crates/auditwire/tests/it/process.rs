//! Starts the real binary, reads its lines with a limit, and ends it whatever happens.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Nothing here takes longer on a slow machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// The binary with an environment of its own.
pub(crate) fn auditwire(arguments: &[&str]) -> Command {
    plain(Command::new(env!("CARGO_BIN_EXE_auditwire")), arguments)
}

/// The binary as a service: behind the walls of its unit where `cargo xtask confined` says so. The process is the service itself.
pub(crate) fn service() -> Command {
    let Some(through) = std::env::var_os("AUDITWIRE_TEST_CONFINED") else { return auditwire(&[]) };
    plain(Command::new(through), &["confine", env!("CARGO_BIN_EXE_auditwire")])
}

/// Panics unless the walls stand around this process; a test that runs in the open proves nothing of them.
pub(crate) fn assert_confined(pid: u32) {
    let read = |name| std::fs::read_to_string(format!("/proc/{pid}/{name}")).expect("it runs");
    let status = read("status");
    let none = "0000000000000000";
    for wall in
        ["Seccomp:\t2", "NoNewPrivs:\t1", &format!("CapEff:\t{none}"), &format!("CapBnd:\t{none}"), "Uid:\t65534"]
    {
        assert!(status.lines().any(|line| line.starts_with(wall)), "{wall} is missing: {status}");
    }
    let mounts = read("mounts");
    let root = mounts.lines().rev().find(|line| line.split(' ').nth(1) == Some("/")).expect("a root");
    assert!(root.split(' ').nth(3).is_some_and(|options| options.starts_with("ro")), "{root}");
}

fn plain(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AUDITWIRE_")) {
        command.env_remove(name);
    }
    command
}

/// A running process.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    /// Starts it; stderr goes to the test's.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sink, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sink.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Starts it with the streams that the command has; there are no lines to read.
    pub(crate) fn start_as_it_is(mut command: Command) -> Self {
        let child = command.spawn().expect("the binary starts");
        Self { child, lines: channel().1 }
    }

    /// The next line.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(LIMIT).expect("a line within the limit")
    }

    /// The next line; none when it has ended.
    pub(crate) fn next(&self) -> Option<String> {
        self.lines.recv_timeout(LIMIT).ok()
    }

    /// What follows `prefix` in the next line that begins with it.
    pub(crate) fn after(&self, prefix: &str) -> String {
        loop {
            if let Some(rest) = self.line().strip_prefix(prefix) {
                return rest.to_owned();
            }
        }
    }

    /// All lines that are left, once it has ended.
    pub(crate) fn rest(&self) -> Vec<String> {
        self.lines.iter().collect()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.pid().to_string()).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for the end; gives the exit code.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        let begun = std::time::Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the process can be waited for") {
                return status.code();
            }
            assert!(begun.elapsed() < LIMIT, "the process does not end");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A service on its own folder and a free port.
pub(crate) struct Service {
    pub(crate) process: Process,
    /// `http://127.0.0.1:PORT/`
    pub(crate) url: String,
    pub(crate) token: String,
}

impl Service {
    /// Starts it and waits until it listens.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_at(data, "127.0.0.1:0")
    }

    /// Starts it at an address.
    pub(crate) fn start_at(data: &Path, listen: &str) -> Self {
        Self::start_with(data, listen, &[])
    }

    /// Starts it at an address with further settings from the environment.
    pub(crate) fn start_with(data: &Path, listen: &str, settings: &[(&str, &str)]) -> Self {
        let folder = data.to_str().expect("a UTF-8 path");
        let mut command = auditwire(&["serve", "--data", folder, "--listen", listen]);
        command.envs(settings.iter().copied());
        let process = Process::start(command);
        let url = process.after("listening on ");
        let token = std::fs::read_to_string(data.join("operator.token")).expect("the operator's token");
        Self { process, url, token: token.trim().to_owned() }
    }

    /// A verb that asks this service.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = auditwire(arguments);
        command.env("AUDITWIRE_URL", &self.url).env("AUDITWIRE_TOKEN", &self.token);
        command
    }

    /// Runs a verb that must succeed; gives its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.command(arguments).arg("--json").output().expect("the binary runs");
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        serde_json::from_slice(&output.stdout).expect("JSON on stdout")
    }

    /// Posts lines of JSON; gives the answer.
    pub(crate) fn post(&self, body: &str) -> serde_json::Value {
        let (head, answer) = self.ask("POST /api/v1/projects/default/events", body);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}\n{answer}");
        serde_json::from_str(&answer).expect("a JSON answer")
    }

    /// One value of the metrics.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let (_, all) = self.ask("GET /metrics", "");
        let value = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{name} is not in {all}")).parse().expect("a number")
    }

    /// Asks over a connection of its own: the head and the body of the answer.
    pub(crate) fn ask(&self, what: &str, body: &str) -> (String, String) {
        let host = self.url.trim_start_matches("http://").trim_end_matches('/');
        let mut socket = std::net::TcpStream::connect(host).expect("the service listens");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit can be set");
        let head = format!(
            "{what} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/x-ndjson\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.token,
            body.len()
        );
        std::io::Write::write_all(&mut socket, format!("{head}{body}").as_bytes()).expect("the request is taken");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        (head.to_owned(), body.to_owned())
    }
}

/// Waits until something is found; panics with `what` after [`LIMIT`].
pub(crate) fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begun.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// Everything a finished process said.
pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
