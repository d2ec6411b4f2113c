//! A black hole: from one moment on every packet to the receiver is lost, under load and with its window open. It must be noticed
//! within 15 s, and nothing may be missing once it is over.
//!
//! The whole run happens in a network namespace of its own, and the receiver in another; both go with their processes.

use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Result;
use crate::child::Child;
use crate::lane::{Lane, Manner};
use crate::options::Options;
use crate::service::Service;
use crate::verdict::{self, Finished};
use crate::wait::until;

/// Text of each event.
const TEXT: usize = 500;
/// The promise.
const NOTICED: Duration = Duration::from_secs(15);
/// Set in the namespace.
const INSIDE: &str = "AUDITWIRE_FAULTS_INSIDE";
const OUR_ADDRESS: &str = "10.77.0.1/30";
const THEIR_ADDRESS: &str = "10.77.0.2";

/// Begins anew inside a namespace; says why it cannot where it cannot.
pub(crate) fn run(options: &Options) -> Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        return inside(options);
    }
    let able = Command::new("unshare").args(["--net", "ip", "link", "set", "lo", "up"]).stderr(Stdio::null()).status();
    if !able.is_ok_and(|status| status.success()) {
        println!("not run: a black hole needs `unshare`, `ip` and the right to make network namespaces (root)");
        return Ok(());
    }
    let mut command = Command::new("unshare");
    command.arg("--net").arg(std::env::current_exe()?).arg("blackhole").arg("--service").arg(&options.service);
    command.args(["--seed", &options.seed.to_string(), "--count", &options.count.to_string()]);
    command.args(["--rate", &options.rate.to_string(), "--transport", &options.transport]).env(INSIDE, "1");
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("the run in the namespace ended with {status}").into()) }
}

/// The other namespace, with a pair of devices between it and ours.
struct Far(Child);

impl Far {
    fn new() -> Result<Self> {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", "echo there; exec cat"]);
        let far = Child::start(command)?;
        far.after("there", Duration::from_secs(10)).ok_or("no second namespace")?;
        let pid = far.pid().to_string();
        ip(&["link", "set", "lo", "up"])?;
        ip(&["link", "add", "near", "type", "veth", "peer", "name", "far", "netns", &pid])?;
        ip(&["address", "add", OUR_ADDRESS, "dev", "near"])?;
        ip(&["link", "set", "near", "up"])?;
        let far = Self(far);
        for args in [&["address", "add", "10.77.0.2/30", "dev", "far"][..], &["link", "set", "far", "up"]] {
            let mut command = Command::new("nsenter");
            command.args(far.enter().iter().skip(1)).arg("ip").args(args);
            succeed(command)?;
        }
        Ok(far)
    }

    /// What starts a command in the other namespace.
    fn enter(&self) -> Vec<OsString> {
        let pid = self.0.pid().to_string();
        ["nsenter", "--target", &pid, "--net", "--"].map(OsString::from).into()
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

/// Packets go to a hardware address that nobody has, and are lost without a word.
fn open_hole() -> Result<()> {
    ip(&["neighbour", "replace", THEIR_ADDRESS, "lladdr", "02:00:00:00:00:01", "dev", "near", "nud", "permanent"])
}

fn close_hole() -> Result<()> {
    ip(&["neighbour", "delete", THEIR_ADDRESS, "dev", "near"])
}

fn inside(options: &Options) -> Result<()> {
    let far = Far::new()?;
    let service = Arc::new(Service::start(&options.service)?);
    let certificate = crate::tls::make(service.folder())?;
    let tls = options.transport == "tls";
    let (mut lane, mut receiver) =
        Lane::at(&service, "hole", THEIR_ADDRESS, far.enter(), tls.then_some(certificate.as_str()))?;
    let load = lane.load(options.rate, TEXT);
    let mut slowest = Duration::ZERO;
    for k in 0..options.count_or(4) {
        until("the link works", Duration::from_secs(60), || {
            let shown = service.show("hole", &lane.connection)?;
            let acknowledged = shown["delivery"]["acknowledged"].as_u64().unwrap_or(0);
            Ok((shown["status"] == "active" && acknowledged > 0).then_some(()))
        })?;
        // Different moments of a second, because the path is looked at once a second.
        std::thread::sleep(Duration::from_millis(1000 + 270 * k as u64));
        let before = service.show("hole", &lane.connection)?["delivery"]["last_error"]["at"].clone();
        open_hole()?;
        let begun = Instant::now();
        until("the black hole is noticed", Duration::from_secs(40), || {
            let error = &service.show("hole", &lane.connection)?["delivery"]["last_error"];
            Ok((error["at"] != before).then_some(()))
        })?;
        let took = begun.elapsed();
        slowest = slowest.max(took);
        println!("noticed after {:.1} s", took.as_secs_f64());
        // The receiver dies in the dark, every second time, so that nobody answers for its link afterwards.
        if k % 2 == 1 {
            drop(receiver);
            receiver = lane.receiver(Manner::default())?;
        }
        close_hole()?;
    }
    let (accepted, _) = load.end()?;
    let account = lane.finish(accepted, Duration::from_secs(120))?;
    drop(receiver);
    let bound = verdict::bound(crate::sockets::untuned_buffer_max(), TEXT);
    verdict::judge(&[Finished { name: lane.project, account, accepted, bound }])?;
    if slowest > NOTICED {
        return Err(format!("a black hole was noticed only after {slowest:?}").into());
    }
    Ok(())
}
