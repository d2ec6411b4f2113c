//! An outage of a minute with `options.order = live_first`, and receivers that die while the backlog and the fresh events come
//! over two links, and the service now and then with them: nothing is missing, no number changes, and the fresh ones were there first.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::Result;
use crate::lane::{LINK_LIMIT, Lane, Manner, Siem};
use crate::ledger;
use crate::options::Options;
use crate::service::Service;
use crate::wait::until;

/// Text of each event.
const TEXT: usize = 500;
/// Longer than what counts as an outage.
const OUTAGE: Duration = Duration::from_secs(65);
/// Of so many deaths one takes the service with it.
const KILLS: u32 = 4;
/// Of the connection, in events per second for each of the load's: a backlog takes longer than the deaths.
const LIMIT: u32 = 10;

pub(crate) fn run(options: &Options) -> Result<()> {
    let count = options.count_or(10);
    let mut rng = SmallRng::seed_from_u64(options.seed);
    let service = Arc::new(Service::start(&options.service)?);
    let certificate = crate::tls::make(service.folder())?;
    let secure = (options.transport == "tls").then_some(&certificate);
    let siem = Siem { live_first: true, rate_limit: Some(options.rate * LIMIT), ..options.siem(secure) };
    let (mut lane, first) = Lane::new(&service, "fresh", &siem)?;
    let load = lane.load(options.rate, TEXT);
    first.after("link ", LINK_LIMIT).ok_or("no first link")?;
    std::thread::sleep(Duration::from_secs(2));
    drop(first);
    std::thread::sleep(OUTAGE);
    let mut receiver = lane.receiver(Manner::default())?;
    let path = format!("/projects/fresh/connections/{}", lane.connection);
    let second = || -> Result<Option<u64>> {
        Ok(service.ask("GET", &path, &serde_json::Value::Null, 200)?["delivery"]["fresh"]["from"].as_u64())
    };
    let from = until("a second stream", LINK_LIMIT, second)?;
    let mut kills = 0;
    for _ in 0..count {
        receiver.after("link ", LINK_LIMIT).ok_or_else(|| format!("no link\n{}", service.log_end()))?;
        std::thread::sleep(Duration::from_millis(rng.random_range(200..2500)));
        if rng.random_bool(0.5) {
            receiver.signal("STOP")?;
            std::thread::sleep(Duration::from_millis(rng.random_range(100..1000)));
        }
        receiver.kill();
        if rng.random_range(0..KILLS) == 0 {
            service.kill()?;
            service.live()?;
            kills += 1;
        }
        receiver = lane.receiver(Manner::default())?;
    }
    lane.settle_in(&receiver)?;
    until("one stream again", Duration::from_secs(300), || Ok(second()?.is_none().then_some(())))?;
    let (accepted, _) = load.end()?;
    let account = lane.finish(accepted, Duration::from_secs(120))?;
    let parsed = ledger::read(&lane.ledger)?;
    let overtaken = overtaken(&parsed, from);
    println!(
        "{count} deaths with two streams, {kills} of them with a kill of the service: accepted {accepted}, parsed {}, missing {}, renumbered {}, repeated {}; {overtaken} of the backlog came after the first fresh one",
        account.parsed,
        account.missing.len(),
        account.renumbered,
        account.repeated
    );
    if account.missing.is_empty() && account.renumbered == 0 && overtaken > 0 {
        println!("nothing is missing");
        return Ok(());
    }
    Err(format!("missing {:?}, renumbered {}", account.missing.first(), account.renumbered).into())
}

/// How many events before `from` came for the first time after one behind it.
fn overtaken(parsed: &[ledger::Record], from: u64) -> usize {
    let first = parsed.iter().position(|record| record.seq >= from).unwrap_or(parsed.len());
    let (before, after) = parsed.split_at(first);
    let known: std::collections::HashSet<u64> = before.iter().map(|record| record.seq).collect();
    let late = after.iter().map(|record| record.seq).filter(|seq| *seq < from && !known.contains(seq));
    late.collect::<std::collections::HashSet<_>>().len()
}
