//! Two processes on one store. The first is stopped (SIGSTOP) with messages in hand, the second makes another connection the
//! active one and ends, and the first goes on: it must send nothing without having read that its epoch is over.
//!
//! The folder's locks forbid two processes. The lock file is removed between their starts, as somebody might who takes the first one
//! for dead, and the lock of the data file is taken away from outside, as on a file system that does not keep it (root).

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::Result;
use crate::lane::{Lane, Manner, free_port, receiver};
use crate::options::Options;
use crate::service::Service;
use crate::sockets;
use crate::wait::until;

/// Text of each event: large, so that the sender always has something in hand.
const TEXT: usize = 4000;
/// Bytes per second that the first receiver reads: less than comes.
const SLOW: u32 = 1_000_000;
/// Events per second that come.
const RATE: u32 = 4000;
/// Events that wait when the process is stopped: more than may be in flight (4 MiB), so that it has something to send whenever
/// it wakes.
const BACKLOG: u64 = 8000;
/// How long nothing may come after the first process has been woken.
const QUIET: Duration = Duration::from_secs(4);

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut rng = SmallRng::seed_from_u64(options.seed);
    for round in 0..options.count_or(5) {
        let pause = Duration::from_millis(rng.random_range(500..3000));
        let seen = once(options, pause).map_err(|e| format!("round {round}: {e}"))?;
        println!("stopped through a change of epoch: {seen} messages before, none after");
    }
    Ok(())
}

fn once(options: &Options, pause: Duration) -> Result<usize> {
    let first = Arc::new(Service::start(&options.service)?);
    let (mut lane, receiver_before) = Lane::new(&first, "stopped", &options.siem(None))?;
    drop(receiver_before);
    let slow = Manner { receive_buffer: Some(16 << 10), rate: Some(SLOW), ..Manner::default() };
    let old = lane.receiver(slow)?;
    let other_port = free_port()?;
    let other =
        first.connection("stopped", &options.siem(None).connection("other", &format!("127.0.0.1:{other_port}")))?;
    let load = lane.load(RATE, TEXT);
    old.after("link ", Duration::from_secs(30)).ok_or("no link")?;
    std::thread::sleep(pause);
    until("a backlog", Duration::from_secs(60), || {
        let backlog = first.show("stopped", &lane.connection)?["delivery"]["backlog"].as_u64();
        Ok(backlog.filter(|events| *events >= BACKLOG))
    })?;
    let (_, _) = load.end()?;
    let second = stop_and_start_beside(&first, options)?;
    let ledger = first.folder().join("other.ledger");
    let new = receiver(other_port, &ledger, 1000, Manner::default(), None)?;
    second.activate("stopped", &other, "take_over")?;
    second.settled("stopped", &other, Duration::from_secs(60))?;
    second.kill()?;
    drop(new);
    // The kernel of the stopped process gives out what it had taken; then nothing comes any more.
    let size = || Ok::<_, crate::Error>(std::fs::metadata(&lane.ledger)?.len());
    let mut before = u64::MAX;
    until("what the kernel had is read", Duration::from_secs(120), || {
        std::thread::sleep(Duration::from_millis(600));
        let last = std::mem::replace(&mut before, size()?);
        Ok((last == before && sockets::unread(lane.port) == 0).then_some(()))
    })?;
    let before = size()?;
    first.signal("CONT")?;
    let begun = std::time::Instant::now();
    while begun.elapsed() < QUIET {
        if size()? != before {
            let came = (size()? - before) / 32;
            return Err(format!("{came} messages or more came after the process was woken\n{}", first.log_end()).into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let total = usize::try_from(before / 32)?;
    first.kill()?;
    Ok(total)
}

/// Stops the first process, and starts another one on its folder. A process that is stopped in the middle of a transaction keeps
/// the store to itself: then it may go on for a moment.
fn stop_and_start_beside(first: &Service, options: &Options) -> Result<Service> {
    let lock = first.folder().join("data/lock");
    until("the store is free", Duration::from_secs(120), || {
        first.signal("STOP")?;
        if lock.exists() {
            std::fs::remove_file(&lock)?;
        }
        unlock(first.pid()?)?;
        match Service::beside(&options.service, first.folder()) {
            Ok(second) => Ok(Some(second)),
            Err(e) if e.to_string().contains("database is locked") => {
                first.signal("CONT")?;
                std::thread::sleep(Duration::from_millis(37));
                Ok(None)
            }
            Err(e) => Err(e),
        }
    })
}

/// Gives up the locks that a process has on its data file.
fn unlock(pid: u32) -> Result<()> {
    let process = Pid::from_raw(i32::try_from(pid)?).ok_or("no process")?;
    let process = pidfd_open(process, PidfdFlags::empty())?;
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))? {
        let entry = entry?;
        if !std::fs::read_link(entry.path()).is_ok_and(|to| to.ends_with("log.sqlite")) {
            continue;
        }
        let number = entry.file_name().to_string_lossy().parse()?;
        // The same open file as the process has: what is unlocked here is unlocked there.
        let shared = pidfd_getfd(&process, number, PidfdGetfdFlags::empty())?;
        flock(&shared, FlockOperation::Unlock)?;
    }
    Ok(())
}
