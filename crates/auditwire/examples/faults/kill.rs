//! `kill -9` of the service under load: nothing that was answered 200 is missing at the receivers, and what comes twice is
//! bounded. Now and then a receiver dies at the same moment.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::Result;
use crate::child::Child;
use crate::lane::{self, Lane, Manner};
use crate::load::Load;
use crate::options::Options;
use crate::service::Service;
use crate::verdict::{self, Finished};

/// Lanes at most: the point is the service, not the receivers.
const LANES: usize = 6;
/// Text of each event.
const TEXT: usize = 500;
/// Of so many kills, one comes with the death of a receiver.
const TOGETHER: u32 = 3;

/// A lane with its load and its present receiver.
struct Running {
    lane: Lane,
    load: Load,
    receiver: Child,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let count = options.count_or(200);
    let mut rng = SmallRng::seed_from_u64(options.seed);
    let service = Arc::new(Service::start(&options.service)?);
    let certificate = crate::tls::make(service.folder())?;
    let lanes = lane::several(options.lanes.min(LANES), |k| {
        let siem = options.siem(options.is_tls(k).then_some(&certificate));
        Lane::new(&service, &format!("lane-{k}"), &siem)
    })?;
    let start = |(lane, receiver): (Lane, Child)| Running { load: lane.load(options.rate, TEXT), lane, receiver };
    let mut running: Vec<_> = lanes.into_iter().map(start).collect();
    let mut together = 0;
    for _ in 0..count {
        // Moments spread over start-up, the first links and steady sending.
        std::thread::sleep(Duration::from_millis(rng.random_range(0..2500)));
        let victim = (rng.random_range(0..TOGETHER) == 0).then(|| rng.random_range(0..running.len()));
        let first = rng.random_bool(0.5);
        if let Some(victim) = victim.filter(|_| first) {
            running[victim].receiver.kill();
        }
        service.kill()?;
        if let Some(victim) = victim {
            let Running { lane, receiver, .. } = &mut running[victim];
            receiver.kill();
            *receiver = lane.receiver(Manner::default())?;
            together += 1;
        }
        service.live()?;
    }
    // What is posted to the last life is settled only after everything that it sends again.
    std::thread::sleep(Duration::from_secs(2));
    println!("{count} kills of the service under load, {together} of them with a receiver");
    let finished = running.into_iter().map(|r| finish(r, options.rate)).collect::<Result<Vec<_>>>();
    verdict::judge(&finished.inspect_err(|_| eprintln!("{}", service.log_end()))?)
}

fn finish(running: Running, rate: u32) -> Result<Finished> {
    let Running { lane, load, receiver } = running;
    let (accepted, _) = load.end()?;
    let account = lane.finish(accepted, Duration::from_secs(120))?;
    drop(receiver);
    // The stored cursor is up to a quarter of a second old, more on a busy machine: two seconds of the load.
    let bound = lane.bound()? + u64::from(rate) * 2;
    Ok(Finished { name: lane.project, account, accepted, bound })
}
