//! A receiver that reads very slowly: no reconnect, the cursor moves, intake is as it is beside a healthy one, and memory is
//! bounded.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Result;
use crate::lane::{Lane, Manner};
use crate::options::Options;
use crate::service::Service;

/// Text of each event.
const TEXT: usize = 300;
/// `SO_RCVBUF`: the window opens only when a good part of the buffer is free, and a large one takes hours at this pace.
const BUFFER: u32 = 2304;
/// Resident memory that a service with two connections never needs, in bytes.
const MEMORY_MAX: u64 = 512 << 20;

/// `bytes_per_second` is the receiver's pace; the run takes `--count` seconds (600).
pub(crate) fn run(options: &Options, bytes_per_second: u32) -> Result<()> {
    let time = Duration::from_secs(options.count_or(600) as u64);
    let service = Arc::new(Service::start(&options.service)?);
    let (mut slow, first) = Lane::new(&service, "slow", &options.siem(None))?;
    let (healthy, beside) = Lane::new(&service, "healthy", &options.siem(None))?;
    drop(first);
    let manner = Manner { receive_buffer: Some(BUFFER), rate: Some(bytes_per_second), ..Manner::default() };
    let receiver = slow.receiver(manner)?;
    receiver.after("link ", Duration::from_secs(30)).ok_or("no link")?;
    let shown = || service.show("slow", &slow.connection);
    let reconnects = shown()?["delivery"]["reconnects"].clone();
    let loads = [slow.load(options.rate, TEXT), healthy.load(options.rate, TEXT)];
    let (begun, mut cursors, mut memory, mut most) = (Instant::now(), Vec::new(), Vec::new(), 0);
    while begun.elapsed() < time {
        std::thread::sleep(time / 20);
        let state = shown()?;
        if state["delivery"]["reconnects"] != reconnects {
            return Err(format!("a slow receiver was taken for dead: {}", state["delivery"]).into());
        }
        cursors.push(state["delivery"]["cursor"].as_u64().unwrap_or(0));
        memory.push(service.resident_bytes()?);
        most = most.max(memory.last().copied().unwrap_or(0));
    }
    let [slow_load, healthy_load] = loads.map(crate::load::Load::end);
    let ((posted, latencies), (beside_posted, healthy_latencies)) = (slow_load?, healthy_load?);
    let (p50, p99) = (quantile(&latencies, 0.5), quantile(&latencies, 0.99));
    let (healthy_p50, healthy_p99) = (quantile(&healthy_latencies, 0.5), quantile(&healthy_latencies, 0.99));
    println!(
        "a receiver that reads {bytes_per_second} bytes/s for {time:?}: no reconnect, cursor {} then {} ({} moves seen), posted {posted}",
        cursors.first().unwrap_or(&0),
        cursors.last().unwrap_or(&0),
        cursors.windows(2).filter(|w| w[1] > w[0]).count()
    );
    println!(
        "post to answer p50 {p50:?}, p99 {p99:?}; beside it, with a healthy receiver, {healthy_p50:?}, {healthy_p99:?}; resident {} MiB at first, {} MiB at last, {} MiB at most",
        memory.first().unwrap_or(&0) >> 20,
        memory.last().unwrap_or(&0) >> 20,
        most >> 20
    );
    // Held against the lane beside it: how much a busy machine takes is not the question.
    let wanted = beside_posted * 9 / 10;
    let middle = cursors.get(cursors.len() / 2);
    if cursors.last() <= middle {
        return Err("the cursor does not move".into());
    }
    if p50 > healthy_p50 * 2 + Duration::from_millis(5) || posted < wanted {
        return Err(format!("intake suffers: {posted} events were taken, {beside_posted} beside it").into());
    }
    if most > MEMORY_MAX {
        return Err("memory is not bounded".into());
    }
    drop((receiver, beside));
    Ok(())
}

fn quantile(samples: &[Duration], q: f64) -> Duration {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() as f64 * q) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}
