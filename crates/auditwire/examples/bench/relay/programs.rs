//! What is measured: ours, and Debian's rsyslog and syslog-ng in the ways that people run them.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// A program in one of its ways to keep messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// On disk, synced, before anything is sent.
    Auditwire,
    /// A queue in memory.
    RsyslogMemory,
    /// `queue.type="disk"`.
    RsyslogDisk,
    /// The same with `queue.syncQueueFiles="on"`.
    RsyslogSynced,
    /// A queue in memory.
    SyslogNgMemory,
    /// `disk-buffer(reliable(yes))`, which never syncs.
    SyslogNgReliable,
}

impl Program {
    pub(crate) const ALL: [Self; 6] = [
        Self::Auditwire,
        Self::RsyslogMemory,
        Self::SyslogNgMemory,
        Self::RsyslogDisk,
        Self::SyslogNgReliable,
        Self::RsyslogSynced,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auditwire => "Auditwire (synced)",
            Self::RsyslogMemory => "rsyslog, memory",
            Self::RsyslogDisk => "rsyslog, disk",
            Self::RsyslogSynced => "rsyslog, synced disk",
            Self::SyslogNgMemory => "syslog-ng, memory",
            Self::SyslogNgReliable => "syslog-ng, reliable disk",
        }
    }

    /// Messages of a run of about so many seconds on a machine of two cores.
    pub(crate) fn load(self, seconds: u64, sync_delay_us: u64) -> u64 {
        let per_second = match self {
            Self::RsyslogMemory => 400_000,
            Self::Auditwire | Self::SyslogNgMemory => 150_000,
            Self::RsyslogDisk | Self::SyslogNgReliable => 80_000,
            Self::RsyslogSynced if sync_delay_us == 0 => 8_000,
            Self::RsyslogSynced => 1_000_000 / (2 * sync_delay_us + 200),
        };
        per_second * seconds
    }
}

/// How it is started.
pub(crate) struct Start<'s> {
    /// Where rsyslog and syslog-ng are unpacked.
    pub(crate) real: &'s Path,
    /// Where the messages go.
    pub(crate) target: u16,
    /// With its certificate over TLS.
    pub(crate) certificate: Option<&'s Path>,
    /// Added to each sync.
    pub(crate) sync_delay_us: u64,
}

/// A running program; ended and removed when dropped.
pub(crate) struct Running {
    pub(crate) port: u16,
    child: Child,
    folder: tempfile::TempDir,
}

impl Running {
    pub(crate) fn start(program: Program, start: &Start<'_>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let ours = program == Program::Auditwire;
        let mut port = free_port()?;
        let mut command = match program {
            Program::Auditwire => auditwire(folder.path(), start)?,
            Program::SyslogNgMemory | Program::SyslogNgReliable => syslog_ng(program, folder.path(), port, start)?,
            _ => rsyslog(program, folder.path(), port, start)?,
        };
        if let Some(shim) = std::env::var_os("AUDITWIRE_TEST_SHIM") {
            command.env("LD_PRELOAD", shim).env("SYNC_SHIM_COUNT", folder.path().join("syncs"));
            command.env("SYNC_SHIM_DELAY_US", start.sync_delay_us.to_string());
        }
        let log = std::fs::File::create(folder.path().join("log"))?;
        command.stdin(Stdio::piped()).stderr(log.try_clone()?);
        command.stdout(if ours { Stdio::piped() } else { log.into() });
        let mut child = command.spawn()?;
        if let Some(output) = child.stdout.take() {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line)?;
            port = line.trim().parse().map_err(|_| format!("our relay did not say its port: {line:?}"))?;
        }
        let mut running = Self { port, child, folder };
        running.listens()?;
        Ok(running)
    }

    fn listens(&mut self) -> Result<()> {
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if self.child.try_wait()?.is_some() || begun.elapsed() > Duration::from_secs(20) {
                return Err(format!("it does not listen: {}", self.log()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// What it said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Syncs so far, as the preloaded library counts them.
    pub(crate) fn syncs(&self) -> u64 {
        let text = std::fs::read_to_string(self.folder.path().join("syncs")).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn auditwire(folder: &Path, start: &Start<'_>) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    let data = folder.join("data");
    std::fs::create_dir_all(&data)?;
    command.arg("relay-service").arg(data).arg(start.target.to_string());
    command.arg(start.certificate.unwrap_or(Path::new("-")));
    Ok(command)
}

fn rsyslog(program: Program, folder: &Path, port: u16, start: &Start<'_>) -> Result<Command> {
    let queue = match program {
        Program::RsyslogDisk => r#"queue.type="disk" queue.filename="q" queue.maxDiskSpace="8g""#,
        Program::RsyslogSynced => {
            r#"queue.type="disk" queue.filename="q" queue.maxDiskSpace="8g" queue.syncQueueFiles="on""#
        }
        _ => r#"queue.type="fixedArray" queue.size="500000" queue.dequeueBatchSize="1024""#,
    };
    let tls = if start.certificate.is_some() {
        r#"StreamDriver="ossl" StreamDriverMode="1" StreamDriverAuthMode="anon""#
    } else {
        ""
    };
    let config = format!(
        r#"global(workDirectory="{folder}")
module(load="imtcp")
ruleset(name="relay" {queue}) {{
  action(type="omfwd" target="127.0.0.1" port="{target}" protocol="tcp" template="RSYSLOG_SyslogProtocol23Format" {tls})
}}
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="relay")
"#,
        folder = folder.display(),
        target = start.target,
    );
    let file = folder.join("rsyslog.conf");
    std::fs::write(&file, config)?;
    let libraries = start.real.join("usr/lib/x86_64-linux-gnu");
    let mut command = Command::new(start.real.join("usr/sbin/rsyslogd"));
    command.arg("-n").arg("-M").arg(libraries.join("rsyslog")).arg("-f").arg(file);
    command.arg("-i").arg(folder.join("pid"));
    with_libraries(&mut command, start.real)?;
    Ok(command)
}

fn syslog_ng(program: Program, folder: &Path, port: u16, start: &Start<'_>) -> Result<Command> {
    let keeps = match program {
        Program::SyslogNgReliable => "disk-buffer(reliable(yes) disk-buf-size(8589934592) mem-buf-size(67108864))",
        _ => "",
    };
    let tls =
        if start.certificate.is_some() { r#"transport("tls") tls(peer-verify(no))"# } else { r#"transport("tcp")"# };
    let config = format!(
        r#"@version: 3.38
options {{ threaded(yes); keep-hostname(yes); use-dns(no); stats-freq(0); frac-digits(6); log-fifo-size(1000000); }};
source s {{ network(ip(127.0.0.1) port({port}) transport("tcp") flags(syslog-protocol) log-iw-size(400000)
  log-fetch-limit(1000)); }};
destination d {{ network("127.0.0.1" port({target}) {tls} flags(syslog-protocol) {keeps}); }};
log {{ source(s); destination(d); flags(flow-control); }};
"#,
        target = start.target,
    );
    let file = folder.join("syslog-ng.conf");
    std::fs::write(&file, config)?;
    let mut command = Command::new(start.real.join("usr/sbin/syslog-ng"));
    command.args(["-F", "--no-caps", "-e"]).arg(format!("--module-path={}", modules(start.real)?.display()));
    command.arg("-f").arg(file).arg("-R").arg(folder.join("persist"));
    command.arg("-p").arg(folder.join("pid")).arg("-c").arg(folder.join("ctl")).current_dir(folder);
    with_libraries(&mut command, start.real)?;
    Ok(command)
}

fn modules(real: &Path) -> Result<PathBuf> {
    let versions = std::fs::read_dir(real.join("usr/lib/syslog-ng"))?.flatten().map(|entry| entry.path());
    Ok(versions
        .into_iter()
        .find(|path| path.join("libafsocket.so").exists())
        .ok_or("syslog-ng's modules are missing")?)
}

fn with_libraries(command: &mut Command, real: &Path) -> Result<()> {
    let folders = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/syslog-ng"].map(|f| real.join(f));
    command.env("LD_LIBRARY_PATH", std::env::join_paths(folders)?);
    Ok(())
}

/// A port that was free a moment ago; these programs cannot be asked which port they took.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
