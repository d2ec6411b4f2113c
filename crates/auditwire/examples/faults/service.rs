//! The service under test: the real binary in a folder of its own, at one address over all its lives.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::Result;
use crate::child::Child;
use crate::http::Client;
use crate::wait::until;

const START_LIMIT: Duration = Duration::from_secs(30);

/// A service that can be killed and started again by one thread while others ask it.
pub(crate) struct Service {
    binary: PathBuf,
    folder: PathBuf,
    /// Removes the folder; `None` when it is another's.
    _owned: Option<tempfile::TempDir>,
    port: AtomicU16,
    token: Mutex<String>,
    child: Mutex<Option<Child>>,
    /// What its next lives find in their environment.
    environment: Mutex<Vec<(&'static str, String)>>,
}

impl Service {
    /// Starts it in a new folder.
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        let owned = tempfile::tempdir()?;
        Self::start_in(binary, owned.path().to_owned(), Some(owned))
    }

    /// A second process on the folder of another.
    pub(crate) fn beside(binary: &Path, folder: &Path) -> Result<Self> {
        Self::start_in(binary, folder.to_owned(), None)
    }

    fn start_in(binary: &Path, folder: PathBuf, owned: Option<tempfile::TempDir>) -> Result<Self> {
        let service = Self {
            binary: binary.to_owned(),
            folder,
            _owned: owned,
            port: AtomicU16::new(0),
            token: Mutex::default(),
            child: Mutex::default(),
            environment: Mutex::default(),
        };
        service.live()?;
        Ok(service)
    }

    /// A variable of its next lives' environment; `None` takes it away.
    pub(crate) fn set(&self, name: &'static str, value: Option<&str>) -> Result<()> {
        let mut environment = self.environment.lock().map_err(|_| "poisoned")?;
        environment.retain(|(known, _)| *known != name);
        environment.extend(value.map(|value| (name, value.to_owned())));
        Ok(())
    }

    /// The binary with the same environment as the service has.
    fn command(&self) -> Result<Command> {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AUDITWIRE_")) {
            command.env_remove(name);
        }
        command
            .envs(self.environment.lock().map_err(|_| "poisoned")?.iter().map(|(name, value)| (*name, value.as_str())));
        Ok(command)
    }

    /// A verb on its data folder, which ends by itself.
    pub(crate) fn verb(&self, words: &[&str]) -> Result<Output> {
        Ok(self.command()?.args(words).arg("--data").arg(self.data()).stdin(Stdio::null()).output()?)
    }

    /// A start that must end by itself: exit code and what it said.
    pub(crate) fn refused(&self, limit: Duration) -> Result<(Option<i32>, String)> {
        let mut command = self.command()?;
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(self.data());
        let said = self.folder.join("refused");
        command.stderr(std::fs::File::create(&said)?);
        let code = Child::start(command)?.exit_code(limit)?;
        Ok((code, std::fs::read_to_string(said)?))
    }

    /// Waits until it has ended by itself; its exit code.
    pub(crate) fn ended(&self, limit: Duration) -> Result<Option<i32>> {
        let child = self.child.lock().map_err(|_| "poisoned")?.take();
        child.ok_or("it does not run")?.exit_code(limit)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn pid(&self) -> Result<u32> {
        Ok(self.child.lock().map_err(|_| "poisoned")?.as_ref().ok_or("it does not run")?.pid())
    }

    /// Its next life, at the same address, ready to answer.
    pub(crate) fn live(&self) -> Result<()> {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.join("log"))?;
        let mut command = self.command()?;
        let listen = format!("127.0.0.1:{}", self.port.load(Ordering::Acquire));
        command.args(["serve", "--listen", &listen, "--data"]).arg(self.data()).stderr(log);
        let child = Child::start(command)?;
        let url = child.after("listening on ", START_LIMIT).ok_or_else(|| format!("no start: {}", self.log_end()))?;
        let port = url.trim_end_matches('/').rsplit(':').next().and_then(|p| p.parse().ok()).ok_or("no port")?;
        self.port.store(port, Ordering::Release);
        let token = std::fs::read_to_string(self.folder.join("data/operator.token"))?.trim().to_owned();
        *self.token.lock().map_err(|_| "poisoned")? = token;
        *self.child.lock().map_err(|_| "poisoned")? = Some(child);
        until("the service answers", START_LIMIT, || {
            Ok(self
                .client()
                .and_then(|mut c| c.request("GET", "/healthz", b""))
                .ok()
                .filter(|(status, _)| *status == 200))
        })
        .map(drop)
    }

    /// SIGKILL.
    pub(crate) fn kill(&self) -> Result<()> {
        *self.child.lock().map_err(|_| "poisoned")? = None;
        Ok(())
    }

    /// A signal by its name.
    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        self.child.lock().map_err(|_| "poisoned")?.as_ref().ok_or("it does not run")?.signal(name)
    }

    /// Resident bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let pid = self.child.lock().map_err(|_| "poisoned")?.as_ref().ok_or("it does not run")?.pid();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    pub(crate) fn client(&self) -> Result<Client> {
        let token = self.token.lock().map_err(|_| "poisoned")?.clone();
        Client::connect(self.port.load(Ordering::Acquire), &token)
    }

    /// The last lines of its log.
    pub(crate) fn log_end(&self) -> String {
        let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }

    /// The widest window that a receiver of this connection advertised on a link that has ended, as the service says.
    pub(crate) fn widest_window(&self, connection: &str) -> Result<u64> {
        let log = std::fs::read_to_string(self.folder.join("log"))?;
        let field = |line: &str, name: &str| Some(line.split_once(name)?.1.split_whitespace().next()?.to_owned());
        let of_it = log.lines().filter(|line| field(line, " connection=").is_some_and(|id| id == connection));
        Ok(of_it.filter_map(|line| field(line, " widest_window=")?.parse().ok()).max().unwrap_or(0))
    }

    /// Bytes of a message of this connection on average: its load's texts are all of one size.
    pub(crate) fn message_bytes(&self, project: &str, connection: &str) -> Result<u64> {
        let path = format!("/projects/{project}/connections/{connection}/history?range=24h");
        let totals = self.ask("GET", &path, &Value::Null, 200)?["totals"].clone();
        let number = |key: &str| totals[key].as_u64().unwrap_or(0);
        Ok(number("bytes") / (number("sent") + number("resent")).max(1))
    }

    /// For files of a run.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Asks; the answer must have this status.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value, status: u16) -> Result<Value> {
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body)? };
        let (found, answer) = self.client()?.request(method, &format!("/api/v1{path}"), &body)?;
        if found != status {
            return Err(format!("{method} {path}: {found} {}", String::from_utf8_lossy(&answer)).into());
        }
        Ok(serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }

    /// A new project with one connection, which is not active yet; the connection's id.
    pub(crate) fn project(&self, id: &str, connection: &Value) -> Result<String> {
        self.ask("POST", "/projects", &json!({ "id": id, "name": id }), 201)?;
        self.connection(id, connection)
    }

    /// A further connection of a project; its id.
    pub(crate) fn connection(&self, project: &str, connection: &Value) -> Result<String> {
        let made = self.ask("POST", &format!("/projects/{project}/connections"), connection, 201)?;
        Ok(made["id"].as_str().ok_or("no id")?.to_owned())
    }

    /// Makes a connection the active one.
    pub(crate) fn activate(&self, project: &str, connection: &str, start: &str) -> Result<()> {
        let path = format!("/projects/{project}/connections/{connection}/activate");
        let body = json!({ "start": start, "despite_failed_check": true });
        self.ask("POST", &path, &body, 200).map(drop)
    }

    /// A connection as it is.
    pub(crate) fn show(&self, project: &str, connection: &str) -> Result<Value> {
        self.ask("GET", &format!("/projects/{project}/connections/{connection}"), &Value::Null, 200)
    }

    /// Waits until everything of a project is settled on this connection.
    pub(crate) fn settled(&self, project: &str, connection: &str, limit: Duration) -> Result<Value> {
        let mut last = Value::Null;
        let settled = until("everything is settled", limit, || {
            last = self.show(project, connection)?;
            Ok((last["delivery"]["backlog"] == 0).then(|| last["delivery"].clone()))
        });
        settled.map_err(|e| format!("{project}: {e}: {last}\n{}", self.log_end()).into())
    }
}
