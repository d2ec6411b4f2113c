//! Real syslog receivers, unpacked from Debian's packages into `target/real/`.
//!
//! rsyslog and syslog-ng conflict as packages, so they are not installed: `apt-get download` with state directories of our own,
//! `dpkg -x`, and `LD_LIBRARY_PATH` when they run. No root is needed, nothing outside `target/` changes.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{run_quietly, target_dir};

/// rsyslog, syslog-ng, libfaketime, and the libraries that a small Debian does not have.
const PACKAGES: &[&str] = &[
    "rsyslog",
    "rsyslog-openssl",
    "rsyslog-relp",
    "librelp0",
    "libestr0",
    "libfastjson4",
    "liblognorm5",
    "syslog-ng-core",
    "libivykis0",
    "libnet1",
    "libpcre3",
    "libwrap0",
    "libnsl2",
    "libtirpc3",
    "libjson-c5",
    "libglib2.0-0",
    "libcap2",
    "libssl3",
    "libuuid1",
    "libcurl4",
    "libsystemd0",
    "libfaketime",
];

/// Where the receivers were unpacked.
pub(crate) struct Real {
    /// Holds `usr/sbin/rsyslogd`, `usr/sbin/syslog-ng` and `usr/lib/…`.
    pub(crate) root: PathBuf,
}

impl Real {
    /// What lets a program live under a wrong clock, by `LD_PRELOAD`.
    pub(crate) fn faketime(&self) -> PathBuf {
        self.root.join("usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
    }
}

/// Fetches what is not there yet.
pub(crate) fn fetch() -> Result<Real, String> {
    let base = target_dir().join("real");
    let root = base.join("root");
    let stamp = base.join("complete");
    let wanted = PACKAGES.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(Real { root });
    }
    let apt = Apt::new(&base)?;
    apt.update()?;
    let debs = apt.download()?;
    create(&root)?;
    for deb in debs {
        run_quietly(Command::new("dpkg").arg("-x").arg(&deb).arg(&root))?;
    }
    for program in ["usr/sbin/rsyslogd", "usr/sbin/syslog-ng"] {
        if !root.join(program).exists() {
            return Err(format!("the packages were unpacked but {program} is not among their files"));
        }
    }
    std::fs::write(&stamp, wanted).map_err(|e| format!("{}: {e}", stamp.display()))?;
    Ok(Real { root })
}

/// apt with state directories of our own.
struct Apt {
    lists: PathBuf,
    cache: PathBuf,
    debs: PathBuf,
}

impl Apt {
    fn new(base: &Path) -> Result<Self, String> {
        let apt = Self { lists: base.join("apt/lists"), cache: base.join("apt/cache"), debs: base.join("debs") };
        create(&apt.lists.join("partial"))?;
        create(&apt.cache.join("archives/partial"))?;
        create(&apt.debs)?;
        Ok(apt)
    }

    fn command(&self) -> Command {
        let mut command = Command::new("apt-get");
        command.arg("-o").arg(format!("Dir::State::lists={}", self.lists.display()));
        command.arg("-o").arg(format!("Dir::Cache={}", self.cache.display()));
        command.args(["-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=", "-q"]);
        command.env("LC_ALL", "C").current_dir(&self.debs);
        command
    }

    fn update(&self) -> Result<(), String> {
        run_quietly(self.command().arg("update")).map(drop)
    }

    fn download(&self) -> Result<Vec<PathBuf>, String> {
        run_quietly(self.command().arg("download").args(PACKAGES))?;
        let entries = std::fs::read_dir(&self.debs).map_err(|e| format!("{}: {e}", self.debs.display()))?;
        Ok(entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|x| x == "deb")).collect())
    }
}

fn create(dir: &Path) -> Result<(), String> {
    std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))
}
