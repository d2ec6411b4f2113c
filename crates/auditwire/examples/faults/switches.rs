//! The active connection is switched back and forth under load, between two receivers that at times die as they are left: the
//! union of what both parsed is complete.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::Result;
use crate::lane::{Lane, Manner, free_port, receiver};
use crate::ledger;
use crate::options::Options;
use crate::service::Service;
use crate::wait::until;

/// Text of each event.
const TEXT: usize = 500;
/// Of so many receivers that are left, one is killed in the middle of it.
const DEATHS: u32 = 4;

pub(crate) fn run(options: &Options) -> Result<()> {
    let count = options.count_or(20);
    let mut rng = SmallRng::seed_from_u64(options.seed);
    let service = Arc::new(Service::start(&options.service)?);
    let certificate = crate::tls::make(service.folder())?;
    // The one over TCP, the other over TLS.
    let (mut lane, first) = Lane::new(&service, "switched", &options.siem(None))?;
    let port = free_port()?;
    let other = options.siem(Some(&certificate)).connection("other", &format!("127.0.0.1:{port}"));
    let other = service.connection("switched", &other)?;
    let other_ledger = service.folder().join("other.ledger");
    let mut number = 0;
    let mut start_other = || {
        number += 1;
        receiver(port, &other_ledger, 1000 + number, Manner::default(), Some(service.folder()))
    };
    let mut receivers = [first, start_other()?];
    let ids = [lane.connection.clone(), other];
    let load = lane.load(options.rate, TEXT);
    let mut deaths = 0;
    for k in 0..count {
        std::thread::sleep(Duration::from_millis(rng.random_range(100..1500)));
        let (left, next) = (k % 2, (k + 1) % 2);
        let dies = rng.random_range(0..DEATHS) == 0;
        let moment = Duration::from_millis(rng.random_range(0..40));
        std::thread::scope(|scope| -> Result<()> {
            let switch = scope.spawn(|| service.activate("switched", &ids[next], "take_over"));
            if dies {
                std::thread::sleep(moment);
                receivers[left].kill();
                deaths += 1;
            }
            switch.join().map_err(|_| "a thread died")?
        })?;
        if dies {
            receivers[left] = if left == 0 { lane.receiver(Manner::default())? } else { start_other()? };
        }
    }
    let (accepted, _) = load.end()?;
    service.settled("switched", &ids[count % 2], Duration::from_secs(60))?;
    let parsed = || -> Result<Vec<ledger::Record>> {
        let mut all = ledger::read(&lane.ledger)?;
        all.extend(ledger::read(&other_ledger)?);
        Ok(all)
    };
    let missing = |all: &[ledger::Record]| {
        let seen: HashSet<u64> = all.iter().map(|r| r.id).collect();
        (0..accepted).filter(|id| !seen.contains(id)).collect::<Vec<_>>()
    };
    let complete = until("both receivers together have everything", Duration::from_secs(20), || {
        Ok(missing(&parsed()?).is_empty().then_some(()))
    });
    let all = parsed()?;
    let distinct = all.iter().map(|r| r.seq).collect::<HashSet<_>>().len();
    let missing = missing(&all);
    println!(
        "{count} switches, {deaths} of them with the death of the receiver that was left: accepted {accepted}, parsed {} and {}, missing {}, repeated {}",
        ledger::read(&lane.ledger)?.len(),
        ledger::read(&other_ledger)?.len(),
        missing.len(),
        all.len() - distinct
    );
    complete.map_err(|e| format!("{e}; missing {} (first {:?})", missing.len(), missing.first()).into())
}
