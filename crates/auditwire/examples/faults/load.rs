//! The load of one lane: events with numbers of the load's own, posted until each batch is answered.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Result;
use crate::service::Service;

/// Events of one post.
const BATCH: u64 = 20;
/// A service that is being killed and started again answers within this.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs until it is ended.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    thread: JoinHandle<Result<Vec<Duration>>>,
}

impl Load {
    /// Posts `rate` events per second to a project, each with a text of `bytes`; its message is about 350 bytes longer.
    pub(crate) fn start(service: Arc<Service>, project: String, rate: u32, bytes: usize) -> Self {
        Self::after(0, service, project, rate, bytes)
    }

    /// The same, going on after the first so many events.
    pub(crate) fn after(first: u64, service: Arc<Service>, project: String, rate: u32, bytes: usize) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(first)));
        let (halt, count) = (Arc::clone(&stop), Arc::clone(&answered));
        let thread = std::thread::spawn(move || post(&service, &project, (rate, bytes), &halt, &count));
        Self { stop, answered, thread }
    }

    /// The number of the last event that was answered, and of those before.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Acquire)
    }

    /// Ends it; how long each post took, and how many events were answered.
    pub(crate) fn end(self) -> Result<(u64, Vec<Duration>)> {
        self.stop.store(true, Ordering::Release);
        let latencies = self.thread.join().map_err(|_| "the load died")??;
        Ok((self.answered.load(Ordering::Acquire), latencies))
    }
}

fn post(
    service: &Service,
    project: &str,
    (rate, bytes): (u32, usize),
    stop: &AtomicBool,
    count: &AtomicU64,
) -> Result<Vec<Duration>> {
    let path = format!("/api/v1/projects/{project}/events");
    let interval = Duration::from_secs(BATCH) / rate;
    let mut latencies = Vec::new();
    let mut client = service.client()?;
    let (mut next, mut due) = (count.load(Ordering::Acquire), Instant::now());
    while !stop.load(Ordering::Acquire) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due = (due + interval).max(Instant::now());
        let body = batch(next, bytes);
        let begun = Instant::now();
        loop {
            match client.request("POST", &path, body.as_bytes()) {
                Ok((200, answer)) => {
                    let taken = ["accepted", "duplicates"].map(|key| crate::http::number(&answer, key).unwrap_or(0));
                    if taken.iter().sum::<u64>() != BATCH {
                        return Err(format!("an answer: {}", String::from_utf8_lossy(&answer)).into());
                    }
                    break;
                }
                Ok((status @ 400..500, answer)) => {
                    return Err(format!("{status} {}", String::from_utf8_lossy(&answer)).into());
                }
                // It is dead or dying: the same batch again, until somebody answers.
                _ if begun.elapsed() < LIMIT => {
                    std::thread::sleep(Duration::from_millis(20));
                    if let Ok(fresh) = service.client() {
                        client = fresh;
                    }
                }
                other => return Err(format!("no answer for {LIMIT:?}: {:?}", other.map(|(s, _)| s)).into()),
            }
        }
        latencies.push(begun.elapsed());
        next += BATCH;
        count.store(next, Ordering::Release);
    }
    Ok(latencies)
}

fn batch(first: u64, bytes: usize) -> String {
    let mut body = String::from("[");
    for id in first..first + BATCH {
        let comma = if id > first { "," } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(
            body,
            r#"{comma}{{"event_id":"f-{id}","action":"create-vm","severity":"NOTICE","message":"{:m<bytes$}","source":{{"id":"nova"}}}}"#,
            ""
        );
    }
    body.push(']');
    body
}
