//! The service under test: the real binary in a folder of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::http::{Client, text};
use crate::{Result, client, process};

/// How it is started.
#[derive(Default)]
pub(crate) struct Start<'s> {
    /// Where its data lie, and stay; else in a new folder that is removed.
    pub(crate) folder: Option<&'s Path>,
    pub(crate) sync_delay_us: u64,
    /// Settings as environment variables.
    pub(crate) settings: &'s [(&'s str, &'s str)],
}

/// A running service; ended and removed when dropped.
pub(crate) struct Service {
    pub(crate) port: u16,
    pub(crate) token: String,
    child: Child,
    folder: PathBuf,
    kept: bool,
}

impl Service {
    pub(crate) fn start(binary: &Path, start: Start<'_>) -> Result<Self> {
        let new = || std::env::temp_dir().join(format!("auditwire-bench-{}-{:x}", std::process::id(), unique()));
        let folder = start.folder.map_or_else(new, Path::to_path_buf);
        std::fs::create_dir_all(&folder)?;
        let mut command = Command::new(binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("data"));
        command.stdout(Stdio::piped()).stderr(Stdio::null()).envs(start.settings.iter().copied());
        if let Some(shim) = std::env::var_os("AUDITWIRE_TEST_SHIM") {
            command.env("LD_PRELOAD", shim).env("SYNC_SHIM_COUNT", folder.join("syncs"));
            command.env("SYNC_SHIM_DELAY_US", start.sync_delay_us.to_string());
        }
        let mut child = command.spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let port = line.trim().trim_end_matches('/').rsplit(':').next().and_then(|p| p.parse().ok());
        let kept = start.folder.is_some();
        let mut service = Self { port: port.unwrap_or(0), token: String::new(), child, folder, kept };
        if service.port == 0 {
            return Err(format!("the service did not say where it listens: {line:?}").into());
        }
        service.token = std::fs::read_to_string(service.folder.join("data/operator.token"))?.trim().to_owned();
        service.wait_ready()?;
        Ok(service)
    }

    fn wait_ready(&self) -> Result<()> {
        let began = Instant::now();
        while Client::connect(self.port, &self.token)?.request("GET", "/readyz", b"")?.0 != 200 {
            if began.elapsed() > Duration::from_secs(20) {
                return Err("the service did not become ready".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Creates and activates a TCP connection with LF framing.
    pub(crate) fn connect_siem(&self, port: u16) -> Result<()> {
        let mut client = client(self)?;
        let body = format!(
            r#"{{"name":"bench","endpoint":"127.0.0.1:{port}","transport":"tcp","format":"rfc5424","framing":"lf"}}"#
        );
        let (status, answer) = client.request("POST", "/api/v1/projects/default/connections", body.as_bytes())?;
        let id = text(&answer, "id").filter(|_| status == 201);
        let id = id.ok_or_else(|| format!("create: {status} {}", String::from_utf8_lossy(&answer)))?;
        let path = format!("/api/v1/projects/default/connections/{id}/activate");
        let (status, answer) = client.request("POST", &path, br#"{"start":"now","despite_failed_check":true}"#)?;
        if status == 200 {
            Ok(())
        } else {
            Err(format!("activate: {status} {}", String::from_utf8_lossy(&answer)).into())
        }
    }

    /// The one-time link to the console that a first start leaves.
    pub(crate) fn sign_in_link(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.folder.join("data/sign-in.url"))?.trim().to_owned())
    }

    /// User and system time so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        process::cpu(self.child.id())
    }

    /// Syncs so far, as the preloaded library counts them (0 without it).
    pub(crate) fn syncs(&self) -> Result<u64> {
        let text = std::fs::read_to_string(self.folder.join("syncs")).unwrap_or_default();
        Ok(text.trim().parse().unwrap_or(0))
    }

    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        process::resident_bytes(self.child.id())
    }

    pub(crate) fn peak_bytes(&self) -> Result<u64> {
        process::peak_bytes(self.child.id())
    }

    /// Everything in the data folder, with the folders in it.
    pub(crate) fn data_bytes(&self) -> u64 {
        self.data_bytes_without(&[])
    }

    /// The same without what has one of these names at its top.
    pub(crate) fn data_bytes_without(&self, names: &[&str]) -> u64 {
        bytes_below(&self.folder.join("data"), names)
    }

    /// Where its data folder lies.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// One metric without labels.
    pub(crate) fn metric(&self, name: &str) -> Result<u64> {
        let (_, text) = client(self)?.request("GET", "/metrics", b"")?;
        let text = String::from_utf8(text)?;
        let value = |line: &str| {
            let (found, value) = line.split_once(' ')?;
            (found.trim_end_matches("_total") == name).then(|| value.parse::<f64>().ok()).flatten()
        };
        let value = text.lines().find_map(value).ok_or_else(|| format!("there is no metric {name}"))?;
        Ok(value as u64)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !self.kept {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn bytes_below(folder: &Path, without: &[&str]) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let counts = |entry: &std::fs::DirEntry| !without.iter().any(|name| entry.file_name() == *name);
    let bytes = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => bytes_below(&entry.path(), &[]),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.filter(counts).map(bytes).sum()
}

fn unique() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}
