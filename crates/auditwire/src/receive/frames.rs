//! Cuts a stream into messages and remembers how each was framed.

use auditwire_model::connection;
use auditwire_model::wire::framing::{FrameMode, FrameReader};
use clap::ValueEnum;

/// How messages are framed in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Framing {
    /// Each message may use either: a digit begins an octet count, anything else a line.
    Auto,
    /// A line feed ends a message.
    Lf,
    /// The length in bytes stands before a message.
    #[value(name = "octet_counting", alias = "octet-counting")]
    OctetCounting,
}

/// Collects chunks and gives messages.
pub(crate) struct Frames {
    framing: Framing,
    reader: FrameReader,
}

/// A message and how it was framed.
pub(crate) type Frame = (Vec<u8>, &'static str);

impl Frames {
    /// For one stream. A message over `bytes_max` is an error.
    pub(crate) fn new(framing: Framing, bytes_max: usize) -> Self {
        let mode = match framing {
            Framing::Auto => FrameMode::Auto,
            Framing::Lf => FrameMode::Only(connection::Framing::Lf),
            Framing::OctetCounting => FrameMode::Only(connection::Framing::OctetCounting),
        };
        Self { framing, reader: FrameReader::new(mode, bytes_max) }
    }

    /// Takes what was read.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.reader.push(chunk);
    }

    /// The next whole message; `None` when more must be read.
    ///
    /// # Errors
    /// Says how the framing is broken. Nothing after that is trusted.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, String> {
        let first = self.reader.pending().iter().find(|byte| **byte != b'\n');
        let counted = match self.framing {
            Framing::Auto => first.is_some_and(u8::is_ascii_digit),
            Framing::Lf => false,
            Framing::OctetCounting => true,
        };
        let message = self.reader.next_frame().map_err(|error| error.to_string())?;
        Ok(message.map(|bytes| (bytes.to_vec(), if counted { "octet_counting" } else { "lf" })))
    }

    /// What is wrong with the end of the stream: a message that was begun is cut.
    pub(crate) fn end(&self) -> Option<String> {
        self.reader.end().err().map(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(framing: Framing, stream: &[u8], chunk: usize) -> Result<(Vec<Frame>, Option<String>), String> {
        let mut frames = Frames::new(framing, 100);
        let mut messages = Vec::new();
        for part in stream.chunks(chunk) {
            frames.push(part);
            while let Some(frame) = frames.next()? {
                messages.push(frame);
            }
        }
        Ok((messages, frames.end()))
    }

    #[test]
    fn both_framings_may_alternate_and_each_message_knows_its_own() {
        let stream = "<13>1 a\n9 <13>1 b\nc<13>1 d\n10 <14>1 яy\n".as_bytes();
        for chunk in 1..stream.len() {
            let (messages, end) = cut(Framing::Auto, stream, chunk).unwrap();
            let texts: Vec<(&str, &str)> =
                messages.iter().map(|(bytes, how)| (std::str::from_utf8(bytes).unwrap(), *how)).collect();
            let expected = [
                ("<13>1 a", "lf"),
                ("<13>1 b\nc", "octet_counting"),
                ("<13>1 d", "lf"),
                ("<14>1 яy\n", "octet_counting"),
            ];
            assert_eq!((texts.as_slice(), end), (expected.as_slice(), None), "chunks of {chunk}");
        }
    }

    #[test]
    fn what_is_broken_is_told() {
        assert!(cut(Framing::OctetCounting, b"<13>1 a\n", 3).is_err());
        assert!(cut(Framing::Lf, "x".repeat(101).as_bytes(), 7).is_err());
        assert!(cut(Framing::Lf, b"a\nb", 1).unwrap().1.is_some());
        assert!(cut(Framing::OctetCounting, b"3 ab", 1).unwrap().1.is_some());
    }
}
