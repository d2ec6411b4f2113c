//! Receivers that die in the dark: first every packet is lost, then they are killed, so that nothing tells the sender; whoever
//! comes after them answers with a reset.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::Result;
use crate::lane::{self, LINK_LIMIT, Lane, Manner};
use crate::netns::{self, Far, THEIR_ADDRESS};
use crate::options::Options;
use crate::service::Service;
use crate::verdict::{self, Finished};

/// Lanes that share one darkness.
const LANES: usize = 16;
/// Text of each event.
const TEXT: usize = 500;

/// Runs in a namespace.
pub(crate) fn run(options: &Options) -> Result<()> {
    netns::within(options, dark)
}

fn dark(options: &Options, far: &Far) -> Result<()> {
    let service = Arc::new(Service::start(&options.service)?);
    let certificate = crate::tls::make(service.folder())?;
    let (died, finished) = deaths(&service, &certificate, options, far, options.count_or(100))?;
    println!("{died} receivers died in the dark");
    verdict::judge(&finished)
}

/// `count` deaths in lanes of their own, all in the same darkness; how many it were, and what the lanes came to.
pub(crate) fn deaths(
    service: &Arc<Service>,
    certificate: &String,
    options: &Options,
    far: &Far,
    count: usize,
) -> Result<(usize, Vec<Finished>)> {
    let mut rng = SmallRng::seed_from_u64(options.seed);
    let there = far.enter();
    let made = lane::several(options.lanes.min(LANES).min(count), |k| {
        let siem = options.siem(options.is_tls(k).then_some(certificate));
        Lane::at(service, &format!("dark-{k}"), THEIR_ADDRESS, there.clone(), &siem)
    })?;
    let mut lanes: Vec<_> = made.into_iter().map(|(lane, _)| (lane.load(options.rate, TEXT), lane)).collect();
    let rounds = count.div_ceil(lanes.len().max(1));
    for _ in 0..rounds {
        let mut receivers = Vec::new();
        for (_, lane) in &mut lanes {
            let freeze = [None, Some(0), Some(rng.random_range(0..2 << 20))][rng.random_range(0..3)];
            let receive_buffer = [None, Some(64 << 10), Some(2 << 20)][rng.random_range(0..3)];
            receivers.push(lane.receiver(Manner { receive_buffer, freeze, ..Manner::default() })?);
        }
        for ((_, lane), receiver) in lanes.iter().zip(&receivers) {
            let no_link = || format!("no link to {}\n{}", lane.project, service.log_end());
            receiver.after("link ", LINK_LIMIT).ok_or_else(no_link)?;
        }
        std::thread::sleep(Duration::from_millis(rng.random_range(300..2500)));
        far.open_hole()?;
        // Of a longer run, every fourth darkness lasts until the sender has given up.
        let long = rounds > 1 && rng.random_range(0..4) == 0;
        let lasts = if long { 17_000 } else { rng.random_range(50..2000) };
        std::thread::sleep(Duration::from_millis(lasts));
        drop(receivers);
        far.close_hole()?;
    }
    let died = rounds * lanes.len();
    // All of them first: a sender waits longer with each attempt that fails.
    let last = lanes.iter_mut().map(|(_, lane)| lane.receiver(Manner::default())).collect::<Result<Vec<_>>>()?;
    let mut finished = Vec::new();
    for ((load, lane), receiver) in lanes.into_iter().zip(last) {
        lane.settle_in(&receiver)?;
        let (accepted, _) = load.end()?;
        let account = lane.finish(accepted, Duration::from_secs(120))?;
        let bound = lane.bound()?;
        drop(receiver);
        finished.push(Finished { name: lane.project, account, accepted, bound });
    }
    Ok((died, finished))
}
