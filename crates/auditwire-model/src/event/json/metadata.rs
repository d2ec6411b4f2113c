//! Metadata: objects flatten with dots, arrays become one compact JSON text, and nothing else changes its spelling.

use jiter::Peek;

use super::item::{Fault, ItemReader, Refusal};
use super::rejection::RejectionCode;
use super::slot::Side;
use crate::event::escape::append_json_string;

impl ItemReader<'_, '_> {
    /// The whole metadata object of one side.
    pub(super) fn metadata(&mut self, side: Side) -> Result<(), Fault> {
        match self.jiter.peek()? {
            Peek::Null => Ok(self.jiter.known_null()?),
            Peek::Object => {
                self.path.clear();
                // Below the item and its object; written flat at the top it counts the same.
                self.flatten(side, 3, "")
            }
            _ => {
                let path = side.slot().path();
                let message = format!("{path} must be an object");
                Err(Refusal::new(RejectionCode::InvalidType, Some(path), message).into())
            }
        }
    }

    /// The value of the flat key in `path`. `depth` is that of the object around it.
    pub(super) fn metadata_value(&mut self, side: Side, depth: usize) -> Result<(), Fault> {
        let value = match self.jiter.peek()? {
            Peek::Object => return self.flatten(side, depth + 1, "."),
            Peek::Array => {
                let mut text = Vec::new();
                self.compact(Peek::Array, depth + 1, &mut text)?;
                // Only texts and ASCII were appended.
                Some(String::from_utf8_lossy(&text).into_owned())
            }
            peek => self.scalar(peek)?.flatten(),
        };
        match value {
            Some(value) => self.push(side, value),
            None => Ok(()),
        }
    }

    /// The members of the object that begins here, their keys joined to `path`.
    fn flatten(&mut self, side: Side, depth: usize, joint: &str) -> Result<(), Fault> {
        self.check_depth(depth)?;
        let mark = self.keys.open();
        let outer = self.path.len();
        let mut key = self.jiter.known_object()?;
        while let Some(name) = key {
            self.keys.add(name);
            self.path.push_str(joint);
            self.path.push_str(name);
            self.metadata_value(side, depth)?;
            self.path.truncate(outer);
            key = self.jiter.next_key()?;
        }
        self.close(mark)
    }

    fn push(&mut self, side: Side, value: String) -> Result<(), Fault> {
        let max = self.limits.metadata_keys_max;
        if self.draft.subject_metadata.len() + self.draft.resource_metadata.len() >= max {
            let message = format!("the event has more than {max} metadata keys");
            return Err(Refusal::new(RejectionCode::TooManyMetadataKeys, Some(side.slot().path()), message).into());
        }
        match side {
            Side::Subject => self.draft.subject_metadata.push(&self.path, &value),
            Side::Resource => self.draft.resource_metadata.push(&self.path, &value),
        }
        Ok(())
    }

    /// Appends the value that begins here without blanks; texts in our spelling, numbers in their own.
    fn compact(&mut self, peek: Peek, depth: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        match peek {
            Peek::Array => {
                self.check_depth(depth)?;
                let mut next = self.jiter.known_array()?;
                out.push(b'[');
                let mut first = true;
                while let Some(peek) = next {
                    if !std::mem::take(&mut first) {
                        out.push(b',');
                    }
                    self.compact(peek, depth + 1, out)?;
                    next = self.jiter.array_step()?;
                }
                out.push(b']');
            }
            Peek::Object => {
                self.check_depth(depth)?;
                self.compact_object(depth, out)?;
            }
            Peek::String => append_json_string(self.jiter.known_str()?, out),
            Peek::Null => {
                self.jiter.known_null()?;
                out.extend_from_slice(b"null");
            }
            Peek::True | Peek::False => {
                let text: &[u8] = if self.jiter.known_bool(peek)? { b"true" } else { b"false" };
                out.extend_from_slice(text);
            }
            _ => out.extend_from_slice(self.jiter.known_number_bytes(peek)?),
        }
        Ok(())
    }

    fn compact_object(&mut self, depth: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        let mark = self.keys.open();
        out.push(b'{');
        let mut key = self.jiter.known_object()?;
        let mut first = true;
        while let Some(name) = key {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            self.keys.add(name);
            append_json_string(name, out);
            out.push(b':');
            let peek = self.jiter.peek()?;
            self.compact(peek, depth + 1, out)?;
            key = self.jiter.next_key()?;
        }
        out.push(b'}');
        self.close(mark)
    }

    /// Reads a value only to check it: `seq` and `received_at` of a source count for nothing.
    pub(super) fn ignore(&mut self, depth: usize) -> Result<(), Fault> {
        let peek = self.jiter.peek()?;
        self.compact(peek, depth, &mut Vec::new())
    }
}
