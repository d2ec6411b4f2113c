//! Receivers that die under load: nothing is missing, the order holds, and what comes twice is bounded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::Result;
use crate::child::Child;
use crate::lane::{LINK_LIMIT, Lane, Manner, Siem};
use crate::options::Options;
use crate::plan::{self, Kind, Plan};
use crate::service::Service;
use crate::sockets;
use crate::verdict::{self, Finished};

/// Texts of the load's events in bytes: short ones, and every third lane long ones, that fill buffers.
const TEXTS: [usize; 3] = [500, 500, 6000];

/// A death that happened.
#[derive(Debug, Clone, Copy)]
struct Death {
    plan: Plan,
    tls: bool,
    /// Bytes in the receiver's kernel that it had not read.
    unread: u64,
    /// From the link to its end, as the receiver means it.
    age: Duration,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let count = options.count_or(1000);
    let plans = plan::deaths(options.seed, count, sockets::asked_buffer_max());
    let service = Arc::new(Service::start(&options.service)?);
    let certificate = crate::tls::make(service.folder())?;
    let plans = Arc::new(Mutex::new(VecDeque::from(plans)));
    let begun = Instant::now();
    let lanes: Vec<_> = (0..options.lanes.min(count))
        .map(|k| {
            let siem = options.siem(options.is_tls(k).then_some(&certificate));
            let (service, plans) = (Arc::clone(&service), Arc::clone(&plans));
            let load = (options.rate, TEXTS[k / 2 % TEXTS.len()]);
            std::thread::spawn(move || lane(&service, &format!("lane-{k}"), &siem, &plans, load))
        })
        .collect();
    let mut all = Vec::new();
    for lane in lanes {
        let outcome = lane.join().map_err(|_| "a lane died")?;
        all.push(outcome.inspect_err(|_| eprintln!("{}", service.log_end()))?);
    }
    report(&all, begun.elapsed());
    verdict::judge(&all.into_iter().map(|outcome| outcome.end).collect::<Vec<_>>())
}

/// What a lane came to.
struct Outcome {
    deaths: Vec<Death>,
    end: Finished,
}

fn lane(
    service: &Arc<Service>,
    name: &str,
    siem: &Siem,
    plans: &Mutex<VecDeque<Plan>>,
    (rate, bytes): (u32, usize),
) -> Result<Outcome> {
    let (mut lane, first) = Lane::new(service, name, siem)?;
    let load = lane.load(rate, bytes);
    let mut deaths = Vec::new();
    drop(first);
    loop {
        let Some(plan) = plans.lock().map_err(|_| "poisoned")?.pop_front() else { break };
        let (unread, age) = die(&mut lane, &plan)?;
        deaths.push(Death { plan, tls: siem.certificate.is_some(), unread, age });
    }
    let receiver = lane.last_receiver()?;
    let (accepted, _) = load.end()?;
    let account = lane.finish(accepted, Duration::from_secs(180))?;
    drop(receiver);
    // No window is wider than the buffer that it opens to.
    let buffer = |death: &Death| {
        death.plan.receive_buffer.map_or_else(sockets::untuned_buffer_max, |asked| u64::from(asked) * 2)
    };
    let bound = verdict::bound(deaths.iter().map(buffer).max().unwrap_or(0), bytes);
    Ok(Outcome { deaths, end: Finished { name: name.to_owned(), account, accepted, bound } })
}

/// One receiver's life and death; the unread bytes, and the age of its link.
fn die(lane: &mut Lane, plan: &Plan) -> Result<(u64, Duration)> {
    let freezes = matches!(plan.kind, Kind::Frozen | Kind::HalfFrozen);
    let manner =
        Manner { receive_buffer: plan.receive_buffer, freeze: freezes.then_some(plan.freeze), ..Manner::default() };
    let mut receiver = lane.receiver(manner)?;
    let no_link = || format!("no link to {} within {LINK_LIMIT:?}\n{}", lane.project, lane.service.log_end());
    receiver.after("link ", LINK_LIMIT).ok_or_else(no_link)?;
    let begun = Instant::now();
    if freezes {
        // A lane that has caught up may take long to bring 8 MiB: then it dies while it reads.
        let _ = receiver.after("frozen ", Duration::from_secs(5));
    } else {
        std::thread::sleep(plan.moment);
    }
    let moment = begun.elapsed();
    let unread = act(lane, plan, &mut receiver)?;
    let age = begun.elapsed();
    receiver.kill();
    if matches!(plan.kind, Kind::Fin | Kind::Rst) { Ok((unread, moment)) } else { Ok((unread, age)) }
}

fn act(lane: &Lane, plan: &Plan, receiver: &mut Child) -> Result<u64> {
    let unread = || sockets::unread(lane.port);
    match plan.kind {
        Kind::Kill => {}
        Kind::Fin | Kind::Rst => {
            let there = unread();
            receiver.tell(if plan.kind == Kind::Fin { "fin" } else { "rst" });
            // Without a pause of the load it may never find nothing to read: then it is killed.
            let _ = receiver.ended(Duration::from_secs(2));
            return Ok(there);
        }
        Kind::Frozen => std::thread::sleep(plan.hold),
        Kind::Stopped => {
            receiver.signal("STOP")?;
            std::thread::sleep(plan.hold);
        }
        Kind::Half | Kind::HalfFrozen => {
            if plan.kind == Kind::HalfFrozen {
                std::thread::sleep(plan.hold);
            }
            let before = unread();
            receiver.tell("half");
            std::thread::sleep(plan.hold);
            return Ok(before.max(unread()));
        }
    }
    Ok(unread())
}

fn report(all: &[Outcome], took: Duration) {
    let deaths: Vec<Death> = all.iter().flat_map(|o| o.deaths.iter().copied()).collect();
    println!("\n{:<36} {:>6} {:>6} {:>14} {:>14}", "death", "tcp", "tls", "unread median", "unread most");
    let mut kinds: BTreeMap<Kind, Vec<Death>> = BTreeMap::new();
    for death in &deaths {
        kinds.entry(death.plan.kind).or_default().push(*death);
    }
    for kind in Kind::ALL {
        let mut these = kinds.remove(&kind).unwrap_or_default();
        these.sort_by_key(|d| d.unread);
        let tls = these.iter().filter(|d| d.tls).count();
        let median = these.get(these.len() / 2).map_or(0, |d| d.unread);
        let most = these.last().map_or(0, |d| d.unread);
        println!("{:<36} {:>6} {tls:>6} {median:>14} {most:>14}", kind.name(), these.len() - tls);
    }
    let count = |what: fn(&Death) -> bool| deaths.iter().filter(|d| what(d)).count();
    println!(
        "of {} deaths: {} with 64 KiB or more unread, {} half-closed, {} within 100 ms of the link, {} with SO_RCVBUF of 2 MiB or more; {:.0} s",
        deaths.len(),
        count(|d| d.unread >= 64 << 10),
        count(|d| matches!(d.plan.kind, Kind::Half | Kind::HalfFrozen)),
        count(|d| d.age < Duration::from_millis(100)),
        count(|d| d.plan.receive_buffer.is_some_and(|b| b >= 2 << 20)),
        took.as_secs_f64()
    );
}
