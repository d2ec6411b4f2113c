//! A black hole: from one moment on every packet to the receiver is lost, under load and with its window open. It must be noticed
//! within 15 s, and nothing may be missing once it is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Result;
use crate::lane::{Lane, Manner};
use crate::netns::{self, Far, THEIR_ADDRESS};
use crate::options::Options;
use crate::service::Service;
use crate::verdict::{self, Finished};
use crate::wait::until;

/// Text of each event.
const TEXT: usize = 500;
/// The promise.
const NOTICED: Duration = Duration::from_secs(15);

/// Runs in a namespace.
pub(crate) fn run(options: &Options) -> Result<()> {
    netns::within(options, one)
}

fn one(options: &Options, far: &Far) -> Result<()> {
    let service = Arc::new(Service::start(&options.service)?);
    let certificate = crate::tls::make(service.folder())?;
    let siem = options.siem((options.transport == "tls").then_some(&certificate));
    let (mut lane, mut receiver) = Lane::at(&service, "hole", THEIR_ADDRESS, far.enter(), &siem)?;
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
        far.open_hole()?;
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
        far.close_hole()?;
    }
    let (accepted, _) = load.end()?;
    let account = lane.finish(accepted, Duration::from_secs(120))?;
    drop(receiver);
    let bound = lane.bound()?;
    verdict::judge(&[Finished { name: lane.project, account, accepted, bound }])?;
    if slowest > NOTICED {
        return Err(format!("a black hole was noticed only after {slowest:?}").into());
    }
    Ok(())
}
