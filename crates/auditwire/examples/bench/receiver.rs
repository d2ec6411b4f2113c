//! Syslog receivers with LF framing that behave well or badly.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::Result;
use crate::stats::Samples;

/// What a receiver does.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Behaviour {
    /// Reads and counts messages.
    Count,
    /// Reads, counts, and computes each message's age from the stamp in it.
    Stamp,
    /// Accepts and never reads.
    NeverRead,
    /// Is not there.
    Refuse,
}

/// A running receiver.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    /// Stamps count from here.
    pub(crate) clock: Instant,
    messages: Arc<AtomicU64>,
    stamps: Arc<Mutex<Samples>>,
}

impl Receiver {
    pub(crate) fn start(behaviour: Behaviour) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let receiver = Self {
            port: listener.local_addr()?.port(),
            clock: Instant::now(),
            messages: Arc::default(),
            stamps: Arc::default(),
        };
        if behaviour == Behaviour::Refuse {
            return Ok(receiver);
        }
        let (messages, stamps, clock) = (Arc::clone(&receiver.messages), Arc::clone(&receiver.stamps), receiver.clock);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if behaviour == Behaviour::NeverRead {
                    std::mem::forget(stream);
                    continue;
                }
                let (messages, stamps) = (Arc::clone(&messages), Arc::clone(&stamps));
                std::thread::spawn(move || read(stream, behaviour, clock, &messages, &stamps));
            }
        });
        Ok(receiver)
    }

    /// Waits until `count` load messages are here; the time from `since`.
    pub(crate) fn wait_for(&self, count: u64, since: Instant, limit: Duration) -> Result<Duration> {
        let began = Instant::now();
        while self.messages.load(Ordering::Acquire) < count {
            if began.elapsed() > limit {
                let have = self.messages.load(Ordering::Acquire);
                return Err(format!("only {have} of {count} messages came within {limit:?}").into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(since.elapsed())
    }

    pub(crate) fn stamps(&self) -> Samples {
        self.stamps.lock().map(|s| s.clone()).unwrap_or_default()
    }
}

fn read(mut stream: TcpStream, behaviour: Behaviour, clock: Instant, messages: &AtomicU64, stamps: &Mutex<Samples>) {
    let mut buffer = vec![0_u8; 256 * 1024];
    let mut line = Vec::new();
    while let Ok(n) = stream.read(&mut buffer) {
        if n == 0 {
            return;
        }
        let now = clock.elapsed();
        let mut rest = &buffer[..n];
        while let Some(end) = rest.iter().position(|c| *c == b'\n') {
            line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            // Load events have this action; the service's own audit events do not count.
            if find(&line, b" create-vm [").is_some() {
                messages.fetch_add(1, Ordering::Release);
                if behaviour == Behaviour::Stamp
                    && let (Some(sent), Ok(mut stamps)) = (stamp(&line), stamps.lock())
                {
                    stamps.push(now.saturating_sub(sent));
                }
            }
            line.clear();
        }
        line.extend_from_slice(rest);
    }
}

fn stamp(line: &[u8]) -> Option<Duration> {
    let at = find(line, b"stamp=")? + 6;
    let digits = std::str::from_utf8(line.get(at..at + 20)?).ok()?;
    digits.parse().ok().map(Duration::from_nanos)
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}
