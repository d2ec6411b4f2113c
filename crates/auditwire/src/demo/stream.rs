//! Posts the generator's events at the wanted pace, as a service would: batches of NDJSON, each answered when on disk.

use std::time::{Duration, Instant};

use auditwire_model::Clock as _;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::generator::Generator;
use super::tally::Tally;
use crate::client::Client;
use crate::clock::SystemClock;
use crate::failure::Result;

/// How much is posted.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Events per second.
    pub(super) rate: u32,
    /// When to end.
    pub(super) for_at_most: Option<Duration>,
    /// How many at most.
    pub(super) events: Option<u64>,
    /// Of the generator.
    pub(super) seed: u64,
}

/// What falls due between two posts goes into one batch.
const TICK: Duration = Duration::from_millis(20);
/// A slow machine posts later, not bigger.
const BATCH_MAX: u64 = 2_000;

/// Posts everything; gives how long it took.
pub(super) async fn post(client: &Client, tally: &Tally, plan: &Plan, stop: &CancellationToken) -> Result<Duration> {
    let mut generator = Generator::new(plan.seed);
    let mut tick = tokio::time::interval(TICK);
    let begun = Instant::now();
    let mut posted = 0;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = stop.cancelled() => break,
        }
        let elapsed = begun.elapsed();
        let batch = due(plan, elapsed).saturating_sub(posted).min(BATCH_MAX);
        if batch > 0 {
            post_batch(client, tally, &mut generator, batch).await?;
            posted += batch;
        }
        let over = plan.for_at_most.is_some_and(|limit| begun.elapsed() >= limit);
        if over || plan.events.is_some_and(|events| posted >= events) {
            break;
        }
    }
    Ok(begun.elapsed())
}

/// How many should have been posted by now. The first falls due at once.
fn due(plan: &Plan, elapsed: Duration) -> u64 {
    let micros = u64::try_from(elapsed.min(plan.for_at_most.unwrap_or(elapsed)).as_micros()).unwrap_or(u64::MAX);
    let due = micros.saturating_mul(u64::from(plan.rate)) / 1_000_000 + 1;
    due.min(plan.events.unwrap_or(due))
}

async fn post_batch(client: &Client, tally: &Tally, generator: &mut Generator, count: u64) -> Result {
    let now = SystemClock.now();
    let events: Vec<Value> = (0..count).map(|_| generator.next(now)).collect();
    let mut body = Vec::new();
    for event in &events {
        body.extend_from_slice(event.to_string().as_bytes());
        body.push(b'\n');
    }
    tally.posting(events.iter().filter_map(|event| event["event_id"].as_str()).map(str::to_owned));
    let answer = client.post_ndjson(body).await?;
    let count = |key: &str| answer[key].as_u64().unwrap_or(0);
    let rejected = answer["rejected"].as_array().map(Vec::as_slice).unwrap_or_default();
    tally.answered(count("accepted"), count("duplicates"), rejected.len() as u64);
    if let Some(first) = rejected.first() {
        tally.counts().problem.get_or_insert_with(|| format!("an event was refused: {first}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_kept_and_the_limits_too() {
        let mut plan = Plan { rate: 500, for_at_most: Some(Duration::from_secs(10)), events: None, seed: 1 };
        assert_eq!(due(&plan, Duration::ZERO), 1);
        assert_eq!(due(&plan, Duration::from_secs(2)), 1001);
        assert_eq!(due(&plan, Duration::from_secs(60)), 5001);
        plan.events = Some(7);
        assert_eq!(due(&plan, Duration::from_secs(2)), 7);
    }
}
