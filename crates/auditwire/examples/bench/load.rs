//! The load: events of about 500 bytes whose `event_id`, `request_id` and `resource.id` are random UUIDs.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::service::Service;
use crate::stats::Samples;
use crate::{Result, client, http};

const PATH: &str = "/api/v1/projects/default/events";

/// What a load came to.
pub(crate) struct Load {
    pub(crate) accepted: u64,
    pub(crate) started: Instant,
    pub(crate) took: Duration,
}

/// Posts batches of 100 from `clients` connections for `time`.
pub(crate) fn batches(service: &Service, clients: u64, time: Duration) -> Result<Load> {
    posts(service, clients, 100, move |started, _| started.elapsed() < time)
}

/// Posts `total` single events from `clients` connections.
pub(crate) fn singles(service: &Service, clients: u64, total: usize) -> Result<Load> {
    let left = AtomicU64::new(total as u64);
    posts(service, clients, 1, move |_, _| {
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
    })
}

fn posts(service: &Service, clients: u64, events: usize, go_on: impl Fn(Instant, u64) -> bool + Sync) -> Result<Load> {
    let started = Instant::now();
    let accepted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..clients)
            .map(|number| {
                let (go_on, accepted) = (&go_on, &accepted);
                scope.spawn(move || -> std::result::Result<(), String> {
                    let mut client = client(service).map_err(|e| e.to_string())?;
                    let mut random = Random::new(number);
                    let mut body = Vec::new();
                    while go_on(started, number) {
                        batch(&mut random, events, None, &mut body);
                        let (status, answer) = client.request("POST", PATH, &body).map_err(|e| e.to_string())?;
                        if status != 200 {
                            return Err(format!("{status} {}", String::from_utf8_lossy(&answer)));
                        }
                        let taken = http::number(&answer, "accepted").ok_or("no count in the answer")?;
                        accepted.fetch_add(taken, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().try_for_each(|w| w.join().map_err(|_| "a client thread died".to_owned())?)
    })?;
    Ok(Load { accepted: accepted.into_inner(), started, took: started.elapsed() })
}

/// Posts single events at a fixed rate; each carries its time of sending, counted from `clock`. The answers' latencies.
pub(crate) fn paced(service: &Service, clients: u32, rate: u32, time: Duration, clock: Instant) -> Result<Samples> {
    let interval = Duration::from_secs(1) * clients / rate;
    let rounds = (time.as_secs_f64() / interval.as_secs_f64()) as u32;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..clients)
            .map(|number| {
                scope.spawn(move || -> std::result::Result<Samples, String> {
                    let mut client = client(service).map_err(|e| e.to_string())?;
                    let mut random = Random::new(u64::from(number));
                    let mut samples = Samples::default();
                    let mut body = Vec::new();
                    let begin = Instant::now() + interval / clients * number;
                    for round in 0..rounds {
                        let due = begin + interval * round;
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        let sent = Instant::now();
                        batch(&mut random, 1, Some(sent - clock), &mut body);
                        let (status, answer) = client.request("POST", PATH, &body).map_err(|e| e.to_string())?;
                        if status != 200 {
                            return Err(format!("{status} {}", String::from_utf8_lossy(&answer)));
                        }
                        samples.push(sent.elapsed());
                    }
                    Ok(samples)
                })
            })
            .collect();
        let mut all = Samples::default();
        for worker in workers {
            all.extend(&worker.join().map_err(|_| "a client thread died")??);
        }
        Ok(all)
    })
}

fn batch(random: &mut Random, events: usize, stamp: Option<Duration>, body: &mut Vec<u8>) {
    body.clear();
    body.push(b'[');
    for i in 0..events {
        if i > 0 {
            body.push(b',');
        }
        event(random, stamp, body);
    }
    body.push(b']');
}

fn event(random: &mut Random, stamp: Option<Duration>, body: &mut Vec<u8>) {
    body.extend_from_slice(b"{\"event_id\":\"");
    random.uuid(body);
    body.extend_from_slice(b"\",\"timestamp\":\"2026-11-22T10:00:00.123Z\",\"action\":\"create-vm\",\"severity\":\"NOTICE\",\"request_id\":\"");
    random.uuid(body);
    body.extend_from_slice(b"\",\"message\":\"Virtual machine created in zone ru-2 by the web console");
    if let Some(stamp) = stamp {
        // Writing to a Vec cannot fail.
        let _ = write!(body, " stamp={:020};", stamp.as_nanos());
    }
    body.extend_from_slice(b"\",\"source\":{\"id\":\"nova\",\"address\":\"10.0.0.7\"},\"subject\":{\"user_id\":\"d7bec06f11\",\"address\":\"203.0.113.9\",\"metadata\":{\"email\":\"a.ivanov@example.com\"}},\"resource\":{\"id\":\"");
    random.uuid(body);
    body.extend_from_slice(b"\",\"type\":\"vm\"},\"status\":{\"code\":\"201\"}}");
}

/// xorshift64*: cheap, and different in every thread and run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(number: u64) -> Self {
        use std::hash::{BuildHasher, Hasher};
        let mut hasher = std::hash::RandomState::new().build_hasher();
        hasher.write_u64(number);
        Self(hasher.finish() | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn uuid(&mut self, out: &mut Vec<u8>) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let bits = (u128::from(self.next()) << 64) | u128::from(self.next());
        for i in 0..32_u32 {
            if matches!(i, 8 | 12 | 16 | 20) {
                out.push(b'-');
            }
            out.push(HEX[((bits >> (124 - 4 * i)) & 15) as usize]);
        }
    }
}
