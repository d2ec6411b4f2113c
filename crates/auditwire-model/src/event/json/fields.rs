//! Reads the value of one field.

use jiter::Peek;

use super::item::{Fault, ItemReader, Refusal};
use super::rejection::RejectionCode;
use super::slot::{Group, Slot};
use crate::{Severity, Timestamp};

impl ItemReader<'_, '_> {
    pub(super) fn group(&mut self, slot: Slot, group: Group) -> Result<(), Fault> {
        match self.jiter.peek()? {
            Peek::Null => Ok(self.jiter.known_null()?),
            Peek::Object => {
                self.check_depth(2)?;
                self.members(Some(group))
            }
            _ => Err(wrong_type(slot, "an object").into()),
        }
    }

    pub(super) fn labels(&mut self) -> Result<(), Fault> {
        match self.jiter.peek()? {
            Peek::Null => return Ok(self.jiter.known_null()?),
            Peek::Array => self.check_depth(2)?,
            _ => return Err(wrong_type(Slot::Labels, "an array of texts").into()),
        }
        let mut next = self.jiter.known_array()?;
        while let Some(peek) = next {
            let Some(label) = self.scalar(peek)? else {
                return Err(wrong_type(Slot::Labels, "an array of texts").into());
            };
            if let Some(label) = label {
                if self.draft.labels.len() >= self.limits.labels_max {
                    let message = format!("the event has more than {} labels", self.limits.labels_max);
                    return Err(Refusal::new(RejectionCode::TooManyLabels, Some("labels"), message).into());
                }
                self.draft.labels.push(label);
            }
            next = self.jiter.array_step()?;
        }
        Ok(())
    }

    pub(super) fn event_id(&mut self) -> Result<Option<String>, Fault> {
        let id = self.text(Slot::EventId)?;
        let max = self.limits.event_id_bytes_max;
        if id.as_ref().is_some_and(|id| id.is_empty() || id.len() > max) {
            let message = format!("an event_id has 1 to {max} bytes; leave it out to have one made");
            return Err(Refusal::new(RejectionCode::InvalidEventId, Some("event_id"), message).into());
        }
        Ok(id)
    }

    pub(super) fn timestamp(&mut self) -> Result<Option<Timestamp>, Fault> {
        let Some(text) = self.text(Slot::Timestamp)? else { return Ok(None) };
        let read = Timestamp::parse(&text)
            .map_err(|error| Refusal::new(RejectionCode::InvalidTimestamp, Some("timestamp"), error.to_string()))?;
        Ok(Some(read))
    }

    pub(super) fn severity(&mut self) -> Result<Severity, Fault> {
        Ok(self.one_of(Slot::Severity, RejectionCode::InvalidSeverity, Severity::parse)?.unwrap_or_default())
    }

    /// A text that must be one of a few words.
    pub(super) fn one_of<T>(
        &mut self,
        slot: Slot,
        code: RejectionCode,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        let value = match self.jiter.peek()? {
            // The usual case allocates nothing.
            Peek::String => parse(self.jiter.known_str()?),
            _ => match self.text(slot)? {
                None => return Ok(None),
                Some(text) => parse(&text),
            },
        };
        match value {
            Some(value) => Ok(Some(value)),
            None => {
                let words = match code {
                    RejectionCode::InvalidPlane => "control or data",
                    RejectionCode::InvalidOutcome => "success, failure or unknown",
                    _ => "DEFAULT, DEBUG, INFO, NOTICE, WARNING, ERROR, CRITICAL, ALERT or EMERGENCY",
                };
                Err(Refusal::new(code, Some(slot.path()), format!("{} must be {words}", slot.path())).into())
            }
        }
    }

    /// A text field: `None` for null; numbers and booleans in their spelling.
    pub(super) fn text(&mut self, slot: Slot) -> Result<Option<String>, Fault> {
        let peek = self.jiter.peek()?;
        self.scalar(peek)?.ok_or_else(|| wrong_type(slot, "a text").into())
    }

    /// Outer `None`: an object or array begins here, and nothing was read. Inner `None`: null.
    pub(super) fn scalar(&mut self, peek: Peek) -> Result<Option<Option<String>>, Fault> {
        let text = match peek {
            Peek::Object | Peek::Array => return Ok(None),
            Peek::Null => {
                self.jiter.known_null()?;
                None
            }
            Peek::String => Some(self.jiter.known_str()?.to_owned()),
            Peek::True | Peek::False => Some(self.jiter.known_bool(peek)?.to_string()),
            // JSON's numbers are ASCII.
            _ => Some(String::from_utf8_lossy(self.jiter.known_number_bytes(peek)?).into_owned()),
        };
        Ok(Some(text))
    }
}

fn wrong_type(slot: Slot, wanted: &str) -> Refusal {
    Refusal::new(RejectionCode::InvalidType, Some(slot.path()), format!("{} must be {wanted}", slot.path()))
}
