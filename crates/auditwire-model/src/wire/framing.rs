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
            FrameMode::Auto if self.skipping => Some(Framing::Lf),
            FrameMode::Auto => {
                self.at += self.pending().iter().take_while(|c| **c == b'\n').count();
                let first = self.pending().first()?;
                Some(if matches!(first, b'1'..=b'9') { Framing::OctetCounting } else { Framing::Lf })
            }
        }
    }

    fn line(&mut self) -> Result<Option<std::ops::Range<usize>>, FrameError> {
        loop {
            let rest = &self.buffer[self.at..];
            let found = rest[self.searched..].iter().position(|c| *c == b'\n').map(|p| p + self.searched);
            let length = found.unwrap_or(rest.len());
            let start = self.at;
            if self.skipping {
                self.searched = 0;
                self.at += found.map_or(length, |f| f + 1);
                if found.is_none() {
                    return Ok(None);
                }
                self.skipping = false;
                continue;
            }
            if length > self.max_bytes {
                self.searched = 0;
                self.at += found.map_or(length, |f| f + 1);
                self.skipping = found.is_none();
                return Err(FrameError::TooLong { size: length, limit: self.max_bytes });
            }
            self.searched = if found.is_some() { 0 } else { length };
            return Ok(found.map(|f| {
                self.at += f + 1;
                start..start + f
            }));
        }
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
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const LF: FrameMode = FrameMode::Only(Framing::Lf);
    const COUNTED: FrameMode = FrameMode::Only(Framing::OctetCounting);

    /// All messages and errors of a stream that comes in pieces of `piece` bytes.
    fn read(mode: FrameMode, max_bytes: usize, stream: &[u8], piece: usize) -> (Vec<String>, Vec<FrameError>) {
        let mut reader = FrameReader::new(mode, max_bytes);
        let (mut messages, mut errors) = (Vec::new(), Vec::new());
        for bytes in stream.chunks(piece) {
            reader.push(bytes);
            loop {
                match reader.next_frame() {
                    Ok(Some(message)) => messages.push(String::from_utf8_lossy(message).into_owned()),
                    Ok(None) => break,
                    Err(error) => {
                        let lost = mode != LF && errors.last() == Some(&error);
                        errors.push(error);
                        if lost {
                            return (messages, errors);
                        }
                    }
                }
            }
            assert!(reader.pending().len() <= max_bytes + 12 + piece, "holds {} bytes", reader.pending().len());
        }
        errors.extend(reader.end().err());
        (messages, errors)
    }

    #[test]
    fn auto_decides_per_message() {
        let stream = b"5 <1>a\n<2>b\n\n3 c d\nCEF:0|x\n1 \n<3>end\n";
        for piece in 1..stream.len() {
            let (messages, errors) = read(FrameMode::Auto, 100, stream, piece);
            assert_eq!(messages, ["<1>a\n", "<2>b", "c d", "CEF:0|x", "\n", "<3>end"]);
            assert_eq!(errors, []);
        }
    }

    #[test]
    fn a_line_too_long_costs_only_itself() {
        for piece in 1..30 {
            let (messages, errors) = read(LF, 4, b"abcd\nabcdefghijklm\nxyz\n", piece);
            assert_eq!(messages, ["abcd", "xyz"]);
            assert!(matches!(errors[..], [FrameError::TooLong { size: 5.., limit: 4 }]), "{errors:?}");
        }
    }

    #[test]
    fn a_wrong_count_ends_the_stream() {
        for (stream, expected) in [
            (&b"<13>1 x"[..], r#"found <13>1 x"#),
            (b"012 x", "found 012 x"),
            (b"12x34567", "found 12x34567"),
            (b"99999999999 x", "found 99999999999 x"),
            (b"5000 x", "5000 bytes"),
        ] {
            let (messages, errors) = read(COUNTED, 100, stream, stream.len());
            assert!(messages.is_empty() && errors.len() == 2 && errors[0] == errors[1], "{errors:?}");
            assert!(errors[0].to_string().contains(expected), "{}", errors[0]);
        }
    }

    #[test]
    fn tells_where_a_stream_was_cut() {
        for (mode, stream, expected) in [
            (LF, &b"a\nbc"[..], "2 bytes had come and its end was awaited"),
            (COUNTED, b"1 a10 bc", "2 bytes had come and 10 were announced"),
            (COUNTED, b"1 a10", "2 bytes had come and its end was awaited"),
        ] {
            let (messages, errors) = read(mode, 100, stream, 3);
            assert_eq!(
                (messages, errors[0].to_string().contains(expected)),
                (vec!["a".to_owned()], true),
                "{errors:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn gives_back_what_was_written(
            messages in vec("[^\n]{0,40}", 0..20), counted: bool, auto: bool, piece in 1usize..50
        ) {
            let framing = if counted { Framing::OctetCounting } else { Framing::Lf };
            // Auto tells by the first byte, and skips empty lines; octet counting has no empty message.
            let messages: Vec<_> = messages.into_iter().map(|m| format!("<{m}")).collect();
            let mut stream = Vec::new();
            for message in &messages {
                write_frame(framing, message.as_bytes(), &mut stream);
            }
            let mode = if auto { FrameMode::Auto } else { FrameMode::Only(framing) };
            prop_assert_eq!(read(mode, 200, &stream, piece), (messages, vec![]));
        }

        #[test]
        fn never_fails_badly(stream in vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'1'), Just(b' ')], 0..200), piece in 1usize..50) {
            for mode in [LF, COUNTED, FrameMode::Auto] {
                read(mode, 20, &stream, piece);
            }
        }
    }
}
