//! Intake beside heavy searches: what ten of them at once take from it, and how much memory they hold.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::{PATH, load, wait_sealed};
use crate::service::{Service, Start};
use crate::stats::{Samples, mib};
use crate::{Options, Result, client, load as intake};

/// Searches at once.
const SEARCHERS: usize = 10;
/// A word that no event has, in any field: everything is looked at.
const NOWHERE: &str = "searched-in-vain";
const CLIENTS: u64 = 8;
const PACE: (u32, Duration) = (500, Duration::from_secs(5));

/// Loads the log, then posts alone and beside searches, in turns.
pub(crate) fn run(options: &Options) -> Result<()> {
    println!("\n## intake beside {SEARCHERS} heavy searches over {} events", options.events);
    let settings = &[("AUDITWIRE_LOG__SEAL_AFTER", super::SEAL_AFTER)];
    let service = Service::start(&options.service, Start { settings, ..Start::default() })?;
    load(&service, options.events)?;
    wait_sealed(&service)?;
    println!("resident {:.0} MiB, peak so far {:.0} MiB", mib(service.resident_bytes()?), mib(service.peak_bytes()?));
    let (mut alone, mut beside) = (Intake::default(), Intake::default());
    for _ in 0..options.rounds {
        alone.measure(&service, options.seconds)?;
        let answered = searching(&service, || beside.measure(&service, options.seconds))?;
        println!("{answered} searches were answered; resident {:.0} MiB", mib(service.resident_bytes()?));
    }
    for (name, intake) in [("alone", &alone), ("beside", &beside)] {
        println!(
            "{name:>6}: {:.0} events/s at full load; at 500 posts/s {}",
            intake.median(),
            intake.answers.summary()
        );
    }
    println!(
        "intake beside / alone = {:.2}; resident {:.0} MiB, peak {:.0} MiB",
        beside.median() / alone.median(),
        mib(service.resident_bytes()?),
        mib(service.peak_bytes()?)
    );
    Ok(())
}

#[derive(Default)]
struct Intake {
    /// Events per second, of each round.
    rates: Vec<f64>,
    /// Post to answer of single events at a steady pace.
    answers: Samples,
}

impl Intake {
    fn measure(&mut self, service: &Service, seconds: u64) -> Result<()> {
        let load = intake::batches(service, CLIENTS, Duration::from_secs(seconds))?;
        self.rates.push(load.accepted as f64 / load.took.as_secs_f64());
        self.answers.extend(&intake::paced(service, 4, PACE.0, PACE.1, std::time::Instant::now())?);
        Ok(())
    }

    fn median(&self) -> f64 {
        let mut sorted = self.rates.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }
}

/// Runs `work` while searches run; how many of those were answered.
fn searching(service: &Service, work: impl FnOnce() -> Result<()>) -> Result<u64> {
    let (over, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let searcher = || -> std::result::Result<(), String> {
            let mut client = client(service).map_err(|e| e.to_string())?;
            while !over.load(Ordering::Relaxed) {
                let path = format!("{PATH}?limit=50&q={}", NOWHERE);
                match client.request("GET", &path, b"").map_err(|e| e.to_string())? {
                    (200, _) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                    // No place was free.
                    (503, _) => std::thread::sleep(Duration::from_millis(50)),
                    (status, answer) => return Err(format!("{status} {}", String::from_utf8_lossy(&answer))),
                }
            }
            Ok(())
        };
        let searchers: Vec<_> = (0..SEARCHERS).map(|_| scope.spawn(searcher)).collect();
        let done = work();
        over.store(true, Ordering::Relaxed);
        for searcher in searchers {
            searcher.join().map_err(|_| "a searching thread died")??;
        }
        done
    })?;
    Ok(answered.into_inner())
}
