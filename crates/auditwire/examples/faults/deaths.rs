//! Receivers that die under load: nothing is missing, the order holds, and what comes twice is bounded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::Result;
use crate::child::Child;
use crate::lane::{LINK_LIMIT, Lane, Manner, Siem};
use crate::netns::{self, Far};
use crate::options::Options;
use crate::plan::{self, Kind, Plan};
use crate::service::Service;
use crate::verdict::{self, Finished};
use crate::{dropped, proxy, sockets};

/// Texts of the load's events in bytes: short ones, and every third lane long ones, that fill buffers.
const TEXTS: [usize; 3] = [500, 500, 6000];
/// `options.overlap_seconds` of connections whose receivers stand behind a proxy.
const BEHIND_SECONDS: u32 = 10;

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

/// Runs in a namespace where it can, so that packets can be lost; else without those deaths.
pub(crate) fn run(options: &Options) -> Result<()> {
    netns::where_able(options, all)
}

fn all(options: &Options, far: Option<&Far>) -> Result<()> {
    let count = options.count_or(1000);
    let mut plans = plan::deaths(options.seed, count, sockets::asked_buffer_max());
    let mut taken = |kind| {
        let before = plans.len();
        plans.retain(|plan| plan.kind != kind);
        before - plans.len()
    };
    let (dark, proxy_deaths, behind) = (taken(Kind::Dark), taken(Kind::Proxy), taken(Kind::BehindProxy));
    let service = Arc::new(Service::start(&options.service)?);
    let certificate = crate::tls::make(service.folder())?;
    let lanes = options.lanes.min(plans.len());
    let plans = Mutex::new(VecDeque::from(plans));
    let begun = Instant::now();
    let of_time = Options { overlap_seconds: options.overlap_seconds.or(Some(BEHIND_SECONDS)), ..options.clone() };
    let (plain, dark, proxies) = std::thread::scope(|scope| {
        let (service, certificate, plans) = (&service, &certificate, &plans);
        let dark = far.map(|far| scope.spawn(move || dropped::deaths(service, certificate, options, far, dark)));
        let killed = scope.spawn(move || proxy::deaths(service, options, (proxy_deaths, 0)));
        let behind = scope.spawn(|| proxy::deaths(service, &of_time, (0, behind)));
        let started: Vec<_> = (0..lanes)
            .map(|k| {
                let siem = options.siem(options.is_tls(k).then_some(certificate));
                let load = (options.rate, TEXTS[k / 2 % TEXTS.len()]);
                scope.spawn(move || lane(service, &format!("lane-{k}"), &siem, plans, load))
            })
            .collect();
        let plain = started.into_iter().map(|lane| lane.join().map_err(|_| "a lane died")?).collect::<Result<Vec<_>>>();
        let dark = dark.map(|dark| dark.join().map_err(|_| "a lane died")?).transpose();
        let (killed, behind) = (killed.join(), behind.join());
        Ok::<_, crate::Error>((
            plain?,
            dark?,
            (killed.map_err(|_| "a lane died")??, behind.map_err(|_| "a lane died")??),
        ))
    })
    .inspect_err(|_| eprintln!("{}", service.log_end()))?;
    report(&plain, begun.elapsed());
    let (died, dark) = dark.unwrap_or_default();
    for (kind, count) in [(Kind::Dark, died), (Kind::Proxy, proxy_deaths), (Kind::BehindProxy, behind)] {
        println!("{:<36} {count:>6}", kind.name());
    }
    let others = dark.into_iter().chain(proxies.0.0).chain(proxies.1.1);
    verdict::judge(&plain.into_iter().map(|outcome| outcome.end).chain(others).collect::<Vec<_>>())
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
    let bound = lane.bound()?;
    drop(receiver);
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
        // The last three are not done to a receiver alone.
        Kind::Kill | Kind::Dark | Kind::Proxy | Kind::BehindProxy => {}
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
    for kind in Kind::PLAIN {
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
