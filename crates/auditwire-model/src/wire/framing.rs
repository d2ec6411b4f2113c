//! Frames around messages in a stream (RFC 6587 section 3.4), written and read.

use super::time;
use crate::connection::Framing;

/// Appends `message` to `out` in its frame. LF framing trusts that the message has no LF, which the renderer guarantees.
pub fn write_frame(framing: Framing, message: &[u8], out: &mut Vec<u8>) {
    match framing {
        Framing::Lf => {
            out.extend_from_slice(message);
            out.push(b'\n');
        }
        Framing::OctetCounting => {
            time::number(message.len() as u64, out);
            out.push(b' ');
            out.extend_from_slice(message);
        }
    }
}

/// How a [`FrameReader`] tells where a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameMode {
    /// Every message has this framing.
    Only(Framing),
    /// Each message for itself, as rsyslog does: one that begins with a digit is octet-counted, any other ends with LF.
    /// An LF between two messages is skipped.
    Auto,
}

/// Why a stream of frames cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The message is, or would be, longer than the reader allows. With LF the rest of the line is skipped and reading
    /// can go on; with octet counting the stream is useless from here.
    #[error("a message of {} bytes or more, at most {limit} are allowed", .size)]
    TooLong {
        /// What the frame announces, or what had come when reading stopped.
        size: usize,
        /// The reader's limit.
        limit: usize,
    },
    /// Octet counting was expected, and no message length stands here.
    #[error("expected a message length and a blank (octet counting, RFC 6587 section 3.4.1), found {found}")]
    NoLength {
        /// The first bytes, escaped.
        found: String,
    },
    /// The stream ended inside a message.
    #[error("the stream ended inside a message: {have} bytes had come and {missing}")]
    Unfinished {
        /// Bytes of the message that had come.
        have: usize,
        /// What was awaited, in words.
        missing: String,
    },
}

/// Takes messages out of a stream, whatever pieces it comes in. Holds at most one message and what was pushed last, if
/// [`next_frame`](Self::next_frame) is called until it gives nothing before more is pushed.
#[derive(Debug)]
pub struct FrameReader {
    mode: FrameMode,
    max_bytes: usize,
    buffer: Vec<u8>,
    /// Where the first unread frame begins.
    at: usize,
    /// Bytes of it already searched for LF.
    searched: usize,
    /// True while the rest of an over-long line is thrown away.
    skipping: bool,
    /// Why the stream is useless.
    broken: Option<FrameError>,
}

impl FrameReader {
    /// A reader that allows messages of at most `max_bytes` bytes.
    #[must_use]
    pub fn new(mode: FrameMode, max_bytes: usize) -> Self {
        Self { mode, max_bytes, buffer: Vec::new(), at: 0, searched: 0, skipping: false, broken: None }
    }

    /// Takes the next piece of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken.is_none() {
            self.buffer.drain(..self.at);
            self.at = 0;
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next message without its frame, if it is there as a whole.
    ///
    /// # Errors
    /// [`FrameError::TooLong`], [`FrameError::NoLength`]. With octet counting every later call says the same.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        if self.skipping && !self.skip() {
            return Ok(None);
        }
        let range = match self.framing() {
            None => None,
            Some(Framing::Lf) => self.line()?,
            Some(Framing::OctetCounting) => match self.counted() {
                Ok(range) => range,
                Err(error) => {
                    self.broken = Some(error.clone());
                    self.buffer = Vec::new();
                    self.at = 0;
                    return Err(error);
                }
            },
        };
        Ok(range.map(|range| &self.buffer[range]))
    }

    /// To be asked when the stream has ended.
    ///
    /// # Errors
    /// [`FrameError::Unfinished`] when it ended inside a message.
    pub fn end(&self) -> Result<(), FrameError> {
        let rest = self.pending();
        if rest.is_empty() && !self.skipping {
            return Ok(());
        }
        let (have, missing) = match parse_length(rest) {
            Length::Of { header, size } if self.mode != FrameMode::Only(Framing::Lf) => {
                (rest.len() - header, format!("{size} were announced"))
            }
            _ => (rest.len(), "its end was awaited".to_owned()),
        };
        Err(FrameError::Unfinished { have, missing })
    }

    /// What has come and is not a whole message yet.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    fn framing(&mut self) -> Option<Framing> {
        match self.mode {
            FrameMode::Only(framing) => Some(framing),
            FrameMode::Auto => {
                self.at += self.pending().iter().take_while(|c| **c == b'\n').count();
                let first = self.pending().first()?;
                Some(if matches!(first, b'1'..=b'9') { Framing::OctetCounting } else { Framing::Lf })
            }
        }
    }

    /// Throws the rest of an over-long line away; true when that is done. What follows is a message for itself.
    fn skip(&mut self) -> bool {
        let found = memchr::memchr(b'\n', self.pending());
        self.at += found.map_or(self.pending().len(), |f| f + 1);
        self.skipping = found.is_none();
        !self.skipping
    }

    fn line(&mut self) -> Result<Option<std::ops::Range<usize>>, FrameError> {
        let rest = self.pending();
        let found = rest.get(self.searched..).and_then(|rest| memchr::memchr(b'\n', rest)).map(|f| f + self.searched);
        let (start, length) = (self.at, found.unwrap_or(rest.len()));
        if length > self.max_bytes {
            self.searched = 0;
            self.at += found.map_or(length, |f| f + 1);
            self.skipping = found.is_none();
            return Err(FrameError::TooLong { size: length, limit: self.max_bytes });
        }
        self.searched = if found.is_some() { 0 } else { length };
        Ok(found.map(|f| {
            self.at += f + 1;
            start..start + f
        }))
    }

    fn counted(&mut self) -> Result<Option<std::ops::Range<usize>>, FrameError> {
        let rest = self.pending();
        match parse_length(rest) {
            Length::Incomplete => Ok(None),
            Length::None => {
                let found = rest.iter().take(24).flat_map(|c| c.escape_ascii()).map(char::from).collect();
                Err(FrameError::NoLength { found })
            }
            Length::Of { size, .. } if size > self.max_bytes => {
                Err(FrameError::TooLong { size, limit: self.max_bytes })
            }
            Length::Of { header, size } if rest.len() - header < size => Ok(None),
            Length::Of { header, size } => {
                let start = self.at + header;
                self.at = start + size;
                Ok(Some(start..start + size))
            }
        }
    }
}

/// What stands at the beginning of an octet-counted frame.
enum Length {
    /// Digits only, so far; at least one byte more is needed.
    Incomplete,
    /// No number from 1 with a blank behind it.
    None,
    /// `header` bytes of digits and blank, then `size` bytes of message.
    Of { header: usize, size: usize },
}

fn parse_length(bytes: &[u8]) -> Length {
    const DIGITS_MAX: usize = 10;
    let digits = bytes.iter().take(DIGITS_MAX + 1).take_while(|c| c.is_ascii_digit()).count();
    let begins = bytes.first().is_none_or(|c| matches!(c, b'1'..=b'9'));
    if !begins || digits > DIGITS_MAX {
        return Length::None;
    }
    let size = std::str::from_utf8(&bytes[..digits]).ok().and_then(|d| d.parse().ok());
    match (bytes.get(digits), size) {
        (None, _) => Length::Incomplete,
        (Some(b' '), Some(size)) => Length::Of { header: digits + 1, size },
        _ => Length::None,
    }
}

#[cfg(test)]
mod tests;
