//! RELP frames, written and read (`TXNR SP COMMAND SP DATALEN [SP DATA] LF`, the Reliable Event Logging Protocol of librelp,
//! `doc/relp.html`).

use super::time;

/// Highest transaction number; after it comes 1 again. 0 is the server's own.
pub const TXNR_MAX: u32 = 999_999_999;
/// Digits of a transaction number, and of a length.
const DIGITS_MAX: usize = 9;
/// Letters of a command.
const COMMAND_MAX: usize = 32;

/// Appends a frame to `out`. A frame without data has no blank after its length.
pub fn write_frame(txnr: u32, command: &str, data: &[u8], out: &mut Vec<u8>) {
    time::number(txnr.into(), out);
    out.push(b' ');
    out.extend_from_slice(command.as_bytes());
    out.push(b' ');
    time::number(data.len() as u64, out);
    if !data.is_empty() {
        out.push(b' ');
        out.extend_from_slice(data);
    }
    out.push(b'\n');
}

/// One frame as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelpFrame {
    /// Which transaction; 0 for what a server says of itself.
    pub txnr: u32,
    /// `open`, `close`, `syslog`, `rsp`, `serverclose`.
    pub command: String,
    /// May be empty.
    pub data: Vec<u8>,
}

/// Why a stream is not RELP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelpError {
    /// Something else stands where a frame should.
    #[error("expected {expected}, found '{found}'")]
    Malformed {
        /// In words.
        expected: &'static str,
        /// The first bytes of what stands there, escaped.
        found: String,
    },
    /// The frame announces more data than the reader allows.
    #[error("a frame of {size} bytes, at most {limit} are allowed")]
    TooLong {
        /// What the frame announces.
        size: usize,
        /// The reader's limit.
        limit: usize,
    },
}

/// Takes frames out of a stream, whatever pieces it comes in. Holds at most one frame and what was pushed last, if
/// [`next_frame`](Self::next_frame) is called until it gives nothing before more is pushed.
#[derive(Debug)]
pub struct RelpReader {
    data_max: usize,
    buffer: Vec<u8>,
    /// Where the first unread frame begins.
    at: usize,
    /// Why the stream is useless.
    broken: Option<RelpError>,
}

impl RelpReader {
    /// A reader that allows at most `data_max` bytes of data in a frame.
    #[must_use]
    pub fn new(data_max: usize) -> Self {
        Self { data_max, buffer: Vec::new(), at: 0, broken: None }
    }

    /// Takes the next piece of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken.is_none() {
            self.buffer.drain(..self.at);
            self.at = 0;
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next frame, if it is there as a whole.
    ///
    /// # Errors
    /// [`RelpError`]; the stream is useless then, and every later call says the same.
    pub fn next_frame(&mut self) -> Result<Option<RelpFrame>, RelpError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        match parse(&self.buffer[self.at..], self.data_max) {
            Ok(Some((frame, length))) => {
                self.at += length;
                Ok(Some(frame))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                self.broken = Some(error.clone());
                (self.buffer, self.at) = (Vec::new(), 0);
                Err(error)
            }
        }
    }
}

/// The frame at the beginning of `bytes` and its length; `None` when more bytes are needed.
fn parse(bytes: &[u8], data_max: usize) -> Result<Option<(RelpFrame, usize)>, RelpError> {
    let malformed = |expected, at: usize| RelpError::Malformed { expected, found: shown(&bytes[at..]) };
    let Some(end) = word(bytes, 0, DIGITS_MAX, u8::is_ascii_digit) else { return Ok(None) };
    let txnr = number(&bytes[..end]).ok_or_else(|| malformed("a transaction number", 0))?;
    if bytes.get(end).is_some_and(|byte| *byte != b' ') {
        return Err(malformed("a blank after the transaction number", 0));
    }
    let start = end + 1;
    let Some(end) = word(bytes, start, COMMAND_MAX, u8::is_ascii_alphabetic) else { return Ok(None) };
    if end == start || bytes[end] != b' ' {
        return Err(malformed("a command", start));
    }
    let command = String::from_utf8_lossy(&bytes[start..end]).into_owned();
    let start = end + 1;
    let Some(end) = word(bytes, start, DIGITS_MAX, u8::is_ascii_digit) else { return Ok(None) };
    let size = number(&bytes[start..end]).ok_or_else(|| malformed("a length", start))?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if size > data_max {
        return Err(RelpError::TooLong { size, limit: data_max });
    }
    let data = if size == 0 { end..end } else { end + 1..end + 1 + size };
    if size > 0 && bytes[end] != b' ' {
        return Err(malformed("a blank before the data", end));
    }
    match bytes.get(data.end) {
        None => Ok(None),
        Some(b'\n') => {
            let length = data.end + 1;
            Ok(Some((RelpFrame { txnr, command, data: bytes[data].to_vec() }, length)))
        }
        Some(_) => Err(malformed("a line feed at the end of the frame", data.end)),
    }
}

/// Where the word that begins at `start` ends: at the first other byte, or behind the most bytes it may have. `None` when
/// that has not come yet.
fn word(bytes: &[u8], start: usize, most: usize, belongs: fn(&u8) -> bool) -> Option<usize> {
    let length = bytes.get(start..)?.iter().take(most).take_while(|byte| belongs(byte)).count();
    (start + length < bytes.len()).then_some(start + length)
}

/// At most nine digits; `None` when there is none.
fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn shown(bytes: &[u8]) -> String {
    bytes.iter().take(24).copied().flat_map(std::ascii::escape_default).map(char::from).collect()
}

#[cfg(test)]
mod tests;
