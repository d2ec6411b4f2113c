//! Reads our own JSON shape into drafts, item by item.
//!
//! [`DraftReader`] is the whole interface. A wrong item of a sound body is a [`Rejection`] with its index and the rest is
//! taken; a body that is not JSON is [`UnreadableBody`] and nothing is. What counts as a wrong item: every rule of the
//! event's shape and limits, and text that is no Unicode (lone surrogates, broken UTF-8), because one source's broken
//! text must not hold up its whole batch. `docs/formats/event.md` has the rules.

mod fields;
mod item;
mod keys;
mod metadata;
mod rejection;
mod skip;
mod slot;

#[cfg(test)]
mod tests;

use std::io::BufRead;

use jiter::{JiterError, LinePosition, Peek};

use super::draft::EventDraft;
use super::limits::EventLimits;
use item::ItemReader;

pub use rejection::{Rejection, RejectionCode, UnreadableBody, UnreadableCode};

/// Reads items under [`EventLimits`].
#[derive(Debug, Clone, Copy)]
pub struct DraftReader {
    /// What one item may weigh.
    pub limits: EventLimits,
    /// Items in one body; a body with more is refused as a whole. Default 10,000.
    pub items_max: usize,
}

impl Default for DraftReader {
    fn default() -> Self {
        Self { limits: EventLimits::default(), items_max: 10_000 }
    }
}

/// What a body held, in its order: a draft or the reason why not.
pub type Items = Vec<Result<EventDraft, Rejection>>;

impl DraftReader {
    /// Reads one JSON object or an array of them. A byte order mark in front is skipped.
    ///
    /// # Errors
    /// [`UnreadableBody`] when the body is not JSON, is neither object nor array, or has too many items.
    pub fn read_object_or_array(&self, body: &[u8]) -> Result<Items, UnreadableBody> {
        let body = without_mark(body);
        let mut reader = ItemReader::new(&self.limits);
        reader.open(body);
        let mut items = Items::new();
        let outcome = self.read_items(&mut reader, &mut items).and_then(|()| reader.finish());
        match outcome {
            Ok(()) => Ok(items),
            Err(Stop::Broken(error)) => Err(unreadable(body, error.index, broken_message(&error))),
            Err(Stop::NotItems(at)) => {
                Err(unreadable(body, at, "the body must be one JSON object or an array of objects".to_owned()))
            }
            Err(Stop::TooMany(at)) => Err(self.too_many(body, at)),
        }
    }

    /// Reads NDJSON: one object per line, CRLF tolerated. Every line is by itself: a bad one is a rejection with its index
    /// among the lines that are not blank.
    ///
    /// # Errors
    /// [`UnreadableBody`] only when there are too many lines.
    pub fn read_ndjson(&self, body: &[u8]) -> Result<Items, UnreadableBody> {
        let body = without_mark(body);
        let mut reader = ItemReader::new(&self.limits);
        let mut items = Items::new();
        let mut rest = body;
        while !rest.is_empty() {
            let here = rest;
            // Reading from a slice cannot fail.
            let taken = rest.skip_until(b'\n').unwrap_or(here.len());
            let line = here.get(..taken).unwrap_or(here).trim_ascii();
            if line.is_empty() {
                continue;
            }
            if items.len() >= self.items_max {
                return Err(self.too_many(body, body.len() - here.len()));
            }
            items.push(self.read_line(&mut reader, items.len(), line));
        }
        Ok(items)
    }

    fn read_items<'j>(&self, reader: &mut ItemReader<'j, '_>, items: &mut Items) -> Result<(), Stop> {
        match reader.peek()? {
            Peek::Object => items.push(reader.item(0, Peek::Object)?),
            Peek::Array => {
                let mut next = reader.array_first()?;
                while let Some(peek) = next {
                    if items.len() >= self.items_max {
                        return Err(Stop::TooMany(reader.position()));
                    }
                    items.push(reader.item(items.len(), peek)?);
                    next = reader.array_step()?;
                }
            }
            _ => return Err(Stop::NotItems(reader.position())),
        }
        Ok(())
    }

    fn read_line<'j>(
        &self,
        reader: &mut ItemReader<'j, '_>,
        index: usize,
        line: &'j [u8],
    ) -> Result<EventDraft, Rejection> {
        if line.len() > self.limits.event_bytes_max {
            return Err(item::too_large(&self.limits).at(index));
        }
        reader.open(line);
        let read = reader.peek().and_then(|peek| reader.item(index, peek));
        match read.and_then(|item| reader.finish().map(|()| item)) {
            Ok(item) => item,
            Err(stop) => Err(Rejection {
                index,
                code: RejectionCode::InvalidJson,
                field: None,
                message: match stop {
                    Stop::Broken(error) => format!("{} (column {})", broken_message(&error), error.index + 1),
                    Stop::NotItems(_) | Stop::TooMany(_) => "a line must be one JSON object".to_owned(),
                },
            }),
        }
    }

    fn too_many(&self, body: &[u8], at: usize) -> UnreadableBody {
        let message = format!("the body has more than {} items; send them in several requests", self.items_max);
        UnreadableBody { code: UnreadableCode::TooManyItems, ..unreadable(body, at, message) }
    }
}

/// Why reading a body ended early. Positions are byte offsets in what was opened.
#[derive(Debug)]
enum Stop {
    /// Not JSON.
    Broken(JiterError),
    /// JSON, but neither object nor array.
    NotItems(usize),
    /// One item more than allowed.
    TooMany(usize),
}

impl From<JiterError> for Stop {
    fn from(error: JiterError) -> Self {
        Self::Broken(error)
    }
}

fn broken_message(error: &JiterError) -> String {
    format!("not JSON: {}", error.error_type)
}

fn unreadable(body: &[u8], at: usize, message: String) -> UnreadableBody {
    let LinePosition { line, column } = LinePosition::find(body, at);
    UnreadableBody { code: UnreadableCode::InvalidJson, line, column: column.max(1), message }
}

/// RFC 8259 section 8.1 allows to ignore a byte order mark; some exporters write one.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}
