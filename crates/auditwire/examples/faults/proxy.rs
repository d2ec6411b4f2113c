//! A proxy in between. When the proxy itself dies, its kernel is the receiver that the rule knows, and nothing may be missing. When
//! the receiver behind it dies, the proxy has acknowledged for itself what lies in three buffers, and only an overlap in time
//! (`options.overlap_seconds`) covers it: without one, what is lost there is counted and is no failure.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::Result;
use crate::child::Child;
use crate::lane::{AFTER_LINK, LINK_LIMIT, Lane, Manner, free_port, receiver};
use crate::options::Options;
use crate::service::Service;
use crate::verdict::{self, Finished};
use crate::wait::when_free;

/// Lanes at most.
const LANES: usize = 12;
/// Text of each event.
const TEXT: usize = 500;

/// The proxy: `faults forward PORT TARGET`. It says `listening` and `link`, and ends with its input.
pub(crate) fn forward(args: &[String]) -> Result<()> {
    let [port, target] = args else { return Err("a port and a target are wanted".into()) };
    let target: u16 = target.parse()?;
    // A port of a proxy that died is free at once: the standard library asks for that.
    let port: u16 = port.parse()?;
    let listener = when_free(|| TcpListener::bind(("127.0.0.1", port)))?;
    println!("listening");
    std::thread::spawn(|| {
        std::io::stdin().lines().for_each(drop);
        std::process::exit(0);
    });
    for outer in listener.incoming().flatten() {
        let Ok(inner) = TcpStream::connect(("127.0.0.1", target)) else { continue };
        println!("link");
        for (from, to) in [(outer.try_clone()?, inner.try_clone()?), (inner, outer)] {
            std::thread::spawn(move || copy(from, to));
        }
    }
    Ok(())
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}

fn proxy(port: u16, target: u16) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["forward", &port.to_string(), &target.to_string()]);
    let child = Child::start(command)?;
    child.after("listening", Duration::from_secs(20)).ok_or("the proxy does not listen")?;
    Ok(child)
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let count = options.count_or(100);
    let service = Arc::new(Service::start(&options.service)?);
    let (proxies, receivers) = deaths(&service, options, (count.div_ceil(2), count / 2))?;
    println!("the proxy dies, in {} lanes:", proxies.len());
    verdict::judge(&proxies)?;
    println!("the receiver behind a proxy dies, in {} lanes:", receivers.len());
    match (verdict::judge(&receivers), options.overlap_seconds) {
        (Err(why), None) => {
            println!("as docs/delivery.md says, without options.overlap_seconds: {why}");
            Ok(())
        }
        (judged, _) => judged,
    }
}

/// So many deaths of a proxy, and of a receiver behind one, in lanes of their own.
pub(crate) fn deaths(
    service: &Arc<Service>,
    options: &Options,
    (proxies, receivers): (usize, usize),
) -> Result<(Vec<Finished>, Vec<Finished>)> {
    let lanes = (options.lanes.min(LANES) / 2).max(1);
    let started = |count: usize, behind: bool| {
        let lanes = lanes.min(count);
        let start = |k| {
            let (service, options) = (Arc::clone(service), options.clone());
            let deaths = count / lanes + usize::from(k < count % lanes);
            std::thread::spawn(move || lane(&service, &options, (k, behind), deaths))
        };
        (0..lanes).map(start).collect::<Vec<_>>()
    };
    let (proxies, receivers) = (started(proxies, false), started(receivers, true));
    let ended = |threads: Vec<std::thread::JoinHandle<Result<Finished>>>| {
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a lane died")?).collect::<Result<Vec<_>>>()
    };
    Ok((ended(proxies)?, ended(receivers)?))
}

fn lane(service: &Arc<Service>, options: &Options, (k, behind): (usize, bool), deaths: usize) -> Result<Finished> {
    let mut rng = SmallRng::seed_from_u64(options.seed + 2 * k as u64 + u64::from(behind));
    let name = if behind { "behind" } else { "proxy" };
    let (lane, first) = Lane::new(service, &format!("{name}-{k}"), &options.siem(None))?;
    drop(first);
    let target = free_port()?;
    let mut number = 0;
    let mut fresh = |manner: Manner| {
        number += 1;
        receiver(target, &lane.ledger, number, manner, None)
    };
    let load = lane.load(options.rate, TEXT);
    let mut last = fresh(Manner::default())?;
    let mut between = proxy(lane.port, target)?;
    for _ in 0..deaths {
        between.after("link", LINK_LIMIT).ok_or("no link")?;
        let (moment, hold) = (rng.random_range(50..2500), rng.random_range(100..1500));
        std::thread::sleep(Duration::from_millis(moment));
        if !behind {
            if rng.random_bool(0.5) {
                between.signal("STOP")?;
                std::thread::sleep(Duration::from_millis(hold));
            }
            between.kill();
            between = proxy(lane.port, target)?;
        } else {
            last.signal("STOP")?;
            std::thread::sleep(Duration::from_millis(hold));
            last.kill();
            last = fresh(Manner::default())?;
        }
    }
    between.after("link", LINK_LIMIT).ok_or("no last link")?;
    std::thread::sleep(AFTER_LINK);
    let (accepted, _) = load.end()?;
    let account = lane.finish(accepted, Duration::from_secs(120))?;
    // The same bytes may come over two links of the receiver: what the dead proxy had taken arrives after its death.
    let extra = options.overlap_seconds.map_or(0, |seconds| u64::from(seconds) * u64::from(options.rate) * 2);
    let bound = lane.bound()? + extra;
    drop((last, between));
    Ok(Finished { name: lane.project, account, accepted, bound })
}
