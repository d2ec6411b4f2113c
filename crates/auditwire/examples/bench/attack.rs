//! Those who have no credential and hold connections, while somebody with one posts events. They come again as often as they are
//! ended, for as long as the attack lasts.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::Result;

/// What is done to the service.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Attack {
    /// Nothing, to compare with.
    None,
    /// So many connections that send a form to sign in with, all but its last bytes, and then a byte now and then.
    SlowBodies(usize),
    /// So many connections that send a request's head, a byte now and then.
    SlowHeads(usize),
}

/// Between two bytes of one connection.
const PAUSE: Duration = Duration::from_secs(8);

impl Attack {
    pub(crate) fn name(self) -> String {
        match self {
            Self::None => "nothing".to_owned(),
            Self::SlowBodies(n) => format!("{n} slow bodies"),
            Self::SlowHeads(n) => format!("{n} slow heads"),
        }
    }

    fn connections(self) -> usize {
        match self {
            Self::None => 0,
            Self::SlowBodies(n) | Self::SlowHeads(n) => n,
        }
    }

    fn beginning(self, port: u16) -> Vec<u8> {
        let body = 60_000;
        let head = match self {
            Self::None => return Vec::new(),
            Self::SlowHeads(_) => format!("GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Slow: "),
            Self::SlowBodies(_) => format!(
                "POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: {body}\r\n\r\n{}",
                "a".repeat(body - 100)
            ),
        };
        head.into_bytes()
    }

    /// Attacks while `work` runs. How many connections it took, beside what the work came to.
    pub(crate) fn during<T>(self, port: u16, work: impl FnOnce() -> Result<T>) -> Result<(u64, T)> {
        let (stop, ready, made) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let attacker = scope.spawn(|| self.go(port, &stop, &ready, &made).map_err(|error| error.to_string()));
            while !ready.load(Ordering::Relaxed) && !attacker.is_finished() {
                std::thread::sleep(Duration::from_millis(10));
            }
            let done = work();
            stop.store(true, Ordering::Relaxed);
            attacker.join().map_err(|_| "the attacker died")??;
            Ok((made.load(Ordering::Relaxed), done?))
        })
    }

    fn go(self, port: u16, stop: &AtomicBool, ready: &AtomicBool, made: &AtomicU64) -> Result<()> {
        let beginning = self.beginning(port);
        let mut held: Vec<Option<Held>> = Vec::new();
        held.resize_with(self.connections(), || None);
        while !stop.load(Ordering::Relaxed) {
            for slot in &mut held {
                if slot.as_mut().is_some_and(|held| held.goes_on()) {
                    continue;
                }
                // A connection that is refused is an attack that failed; it is tried again like the others.
                *slot = Held::new(port, &beginning).ok();
                made.fetch_add(1, Ordering::Relaxed);
            }
            ready.store(true, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

/// One connection of an attacker.
struct Held {
    stream: TcpStream,
    next: Instant,
}

impl Held {
    fn new(port: u16, beginning: &[u8]) -> Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_write_timeout(Some(Duration::from_millis(100)))?;
        stream.write_all(beginning)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, next: Instant::now() + PAUSE })
    }

    /// Whether the service has not ended it.
    fn goes_on(&mut self) -> bool {
        let mut told = [0; 1024];
        match self.stream.read(&mut told) {
            Ok(0) => return false,
            Err(error) if error.kind() != ErrorKind::WouldBlock => return false,
            _ => {}
        }
        if Instant::now() < self.next {
            return true;
        }
        self.next = Instant::now() + PAUSE;
        self.stream.write_all(b"a").is_ok()
    }
}
