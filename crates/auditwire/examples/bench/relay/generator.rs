//! The load: RFC 5424 messages of 500 bytes each over several links, LF after each.

use std::io::Write;
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Result;

/// Links that send at the same time.
pub(crate) const LINKS: u64 = 4;
/// Bytes of a message, without its LF.
const MESSAGE_BYTES: usize = 500;
/// Messages of one write.
const PIECE: u64 = 128;
/// Stands before the number and the stamp in each message's text, and nowhere else.
pub(crate) const MARK: &[u8] = b"relayed-message ";
/// Digits of the number, a blank, digits of the stamp.
pub(crate) const DIGITS: usize = 12;
/// Nanoseconds since the clock's start.
pub(crate) const STAMP_DIGITS: usize = 20;

/// A message with zeros where number and stamp belong, and where they belong.
fn template() -> (Vec<u8>, usize) {
    let mut message =
        b"<134>1 2026-11-22T10:00:00.123456Z vm-0815.cloud.example sshd 4711 login [session@32473 user=\"a.nonymous\" \
                        address=\"192.0.2.55\" method=\"publickey\"][timeQuality tzKnown=\"1\" isSynced=\"1\"] "
            .to_vec();
    message.extend_from_slice(MARK);
    let at = message.len();
    message.resize(at + DIGITS, b'0');
    message.push(b' ');
    message.resize(at + DIGITS + 1 + STAMP_DIGITS, b'0');
    message.push(b' ');
    while message.len() < MESSAGE_BYTES {
        message.extend_from_slice(b"accepted a key of the user for a session on this virtual machine; ");
    }
    message.truncate(MESSAGE_BYTES);
    message.push(b'\n');
    (message, at)
}

fn write_digits(into: &mut [u8], mut value: u64) {
    for place in into.iter_mut().rev() {
        *place = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
}

/// A stream of messages.
struct Messages {
    template: Vec<u8>,
    at: usize,
    piece: Vec<u8>,
}

impl Messages {
    fn new() -> Self {
        let (template, at) = template();
        Self { template, at, piece: Vec::new() }
    }

    /// The messages with these numbers.
    fn piece(&mut self, numbers: impl Iterator<Item = u64>, stamp: Duration) -> &[u8] {
        self.piece.clear();
        for number in numbers {
            let begin = self.piece.len() + self.at;
            self.piece.extend_from_slice(&self.template);
            write_digits(&mut self.piece[begin..begin + DIGITS], number);
            let stamp = u64::try_from(stamp.as_nanos()).unwrap_or(0);
            write_digits(&mut self.piece[begin + DIGITS + 1..begin + DIGITS + 1 + STAMP_DIGITS], stamp);
        }
        &self.piece
    }
}

/// The numbers from 0 to `count`, over [`LINKS`] links as fast as they are taken.
pub(crate) fn flood(port: u16, count: u64) -> Result<Vec<JoinHandle<std::io::Result<()>>>> {
    let link = |k: u64| {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        Ok(std::thread::spawn(move || {
            let (mut messages, mut next) = (Messages::new(), k * count / LINKS);
            let end = (k + 1) * count / LINKS;
            while next < end {
                let until = (next + PIECE).min(end);
                stream.write_all(messages.piece(next..until, Duration::ZERO))?;
                next = until;
            }
            Ok(())
        }))
    };
    (0..LINKS).map(link).collect()
}

/// The numbers from 0 to `count` over one link, so many a second, each stamped with its time of sending.
pub(crate) fn paced(port: u16, count: u64, per_second: u32, clock: Instant) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    let mut messages = Messages::new();
    let (begun, every) = (Instant::now(), Duration::from_secs(1) / per_second);
    for number in 0..count {
        let due = begun + every * u32::try_from(number)?;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(messages.piece(std::iter::once(number), clock.elapsed()))?;
    }
    Ok(())
}
