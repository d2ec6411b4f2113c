//! A network namespace of the run's own, and another one for receivers: packets between them can be lost at will. Both go with
//! their processes.

use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use crate::Result;
use crate::child::Child;
use crate::options::Options;

/// Set in the namespace.
const INSIDE: &str = "AUDITWIRE_FAULTS_INSIDE";
const OUR_ADDRESS: &str = "10.77.0.1";
/// Where receivers in the other namespace listen.
pub(crate) const THEIR_ADDRESS: &str = "10.77.0.2";
/// A hardware address that nobody has.
const NOBODY: &str = "02:00:00:00:00:01";

/// Runs `what` inside a namespace, by beginning anew there; says why it cannot where it cannot.
pub(crate) fn within(options: &Options, what: impl FnOnce(&Options, &Far) -> Result<()>) -> Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        return what(options, &Far::new()?);
    }
    if !is_able() {
        println!("not run: {} needs `unshare`, `ip` and the right to make network namespaces (root)", options.verb);
        return Ok(());
    }
    let mut command = Command::new("unshare");
    command.arg("--net").arg(std::env::current_exe()?).args(options.words()).env(INSIDE, "1");
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("the run in the namespace ended with {status}").into()) }
}

/// The same, but where it cannot the run goes on without the other namespace.
pub(crate) fn where_able(options: &Options, what: impl FnOnce(&Options, Option<&Far>) -> Result<()>) -> Result<()> {
    if std::env::var_os(INSIDE).is_some() || is_able() {
        return within(options, |options, far| what(options, Some(far)));
    }
    what(options, None)
}

fn is_able() -> bool {
    let able = Command::new("unshare").args(["--net", "ip", "link", "set", "lo", "up"]).stderr(Stdio::null()).status();
    able.is_ok_and(|status| status.success())
}

/// The other namespace, with a pair of devices between it and ours.
pub(crate) struct Far {
    pid: u32,
    /// Ends with this; behind a lock so that threads can share it.
    _process: Mutex<Child>,
}

impl Far {
    fn new() -> Result<Self> {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", "echo there; exec cat"]);
        let process = Child::start(command)?;
        process.after("there", Duration::from_secs(10)).ok_or("no second namespace")?;
        let far = Self { pid: process.pid(), _process: Mutex::new(process) };
        ip(&["link", "set", "lo", "up"])?;
        ip(&["link", "add", "near", "type", "veth", "peer", "name", "far", "netns", &far.pid.to_string()])?;
        ip(&["address", "add", &format!("{OUR_ADDRESS}/30"), "dev", "near"])?;
        ip(&["link", "set", "near", "up"])?;
        far.ip(&["address", "add", &format!("{THEIR_ADDRESS}/30"), "dev", "far"])?;
        far.ip(&["link", "set", "far", "up"])?;
        Ok(far)
    }

    /// What starts a command there.
    pub(crate) fn enter(&self) -> Vec<OsString> {
        let pid = self.pid.to_string();
        ["nsenter", "--target", &pid, "--net", "--"].map(OsString::from).into()
    }

    fn ip(&self, args: &[&str]) -> Result<()> {
        let mut command = Command::new("nsenter");
        command.args(self.enter().iter().skip(1)).arg("ip").args(args);
        succeed(command)
    }

    /// From now on packets in both directions go to a hardware address that nobody has, and are lost without a word.
    pub(crate) fn open_hole(&self) -> Result<()> {
        ip(&["neighbour", "replace", THEIR_ADDRESS, "lladdr", NOBODY, "dev", "near", "nud", "permanent"])?;
        self.ip(&["neighbour", "replace", OUR_ADDRESS, "lladdr", NOBODY, "dev", "far", "nud", "permanent"])
    }

    /// Packets arrive again.
    pub(crate) fn close_hole(&self) -> Result<()> {
        self.ip(&["neighbour", "delete", OUR_ADDRESS, "dev", "far"])?;
        ip(&["neighbour", "delete", THEIR_ADDRESS, "dev", "near"])
    }
}

fn ip(args: &[&str]) -> Result<()> {
    let mut command = Command::new("ip");
    command.args(args);
    succeed(command)
}

fn succeed(mut command: Command) -> Result<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}
