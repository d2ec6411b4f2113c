//! The receiver: counts the load's messages, adds up their numbers, and keeps their ages when it is asked to.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::{ServerConnection, StreamOwned};

use super::generator::{DIGITS, MARK, STAMP_DIGITS};
use crate::Result;
use crate::stats::Samples;

/// A receiver that is running; it ends with the process.
pub(crate) struct Sink {
    pub(crate) port: u16,
    /// Stamps count from here.
    pub(crate) clock: Instant,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    messages: AtomicU64,
    /// Of all numbers.
    sum: AtomicU64,
    ages: Option<Mutex<Samples>>,
}

impl Sink {
    /// With certificates in `tls` it speaks TLS.
    pub(crate) fn start(tls: Option<&Path>, ages: bool) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let seen = Arc::new(Seen { ages: ages.then(Mutex::default), ..Seen::default() });
        let sink = Self { port: listener.local_addr()?.port(), clock: Instant::now(), seen: Arc::clone(&seen) };
        let (tls, clock) = (tls.map(super::tls::config).transpose()?, sink.clock);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, tls) = (Arc::clone(&seen), tls.clone());
                std::thread::spawn(move || match tls {
                    None => seen.read(stream, clock),
                    Some(config) => {
                        if let Ok(session) = ServerConnection::new(config) {
                            seen.read(StreamOwned::new(session, stream), clock);
                        }
                    }
                });
            }
        });
        Ok(sink)
    }

    /// Waits until the messages with the numbers from 0 to `count` are here, each once; the time from `since`.
    pub(crate) fn all(&self, count: u64, since: Instant, limit: Duration) -> Result<Duration> {
        while self.seen.messages.load(Ordering::Acquire) < count {
            if since.elapsed() > limit {
                let have = self.seen.messages.load(Ordering::Acquire);
                return Err(format!("only {have} of {count} messages came within {limit:?}").into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let took = since.elapsed();
        let sum = self.seen.sum.load(Ordering::Acquire);
        if sum == count * count.saturating_sub(1) / 2 { Ok(took) } else { Err("other messages than were sent".into()) }
    }

    pub(crate) fn ages(&self) -> Samples {
        self.seen.ages.as_ref().and_then(|ages| ages.lock().ok().map(|a| a.clone())).unwrap_or_default()
    }
}

impl Seen {
    fn read(&self, mut stream: impl Read, clock: Instant) {
        let finder = memchr::memmem::Finder::new(MARK);
        let whole = MARK.len() + DIGITS + 1 + STAMP_DIGITS;
        let mut buffer = vec![0_u8; 256 << 10];
        let mut kept = 0;
        while let Ok(count @ 1..) = stream.read(&mut buffer[kept..]) {
            let now = clock.elapsed();
            let have = &buffer[..kept + count];
            let (mut at, mut messages, mut sum) = (0, 0, 0);
            while let Some(found) = finder.find(&have[at..]).map(|k| k + at).filter(|k| k + whole <= have.len()) {
                let digits = found + MARK.len();
                sum += number(&have[digits..digits + DIGITS]);
                messages += 1;
                at = found + whole;
                if let Some(mut ages) = self.ages.as_ref().and_then(|ages| ages.lock().ok()) {
                    let stamp = number(&have[digits + DIGITS + 1..at]);
                    ages.push(now.saturating_sub(Duration::from_nanos(stamp)));
                }
            }
            self.sum.fetch_add(sum, Ordering::Release);
            self.messages.fetch_add(messages, Ordering::Release);
            // A mark may be cut by the end of what was read.
            let rest = at.max(have.len().saturating_sub(whole - 1))..have.len();
            kept = rest.len();
            buffer.copy_within(rest, 0);
        }
    }
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'))
}
