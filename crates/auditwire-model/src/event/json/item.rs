//! Reads one item into a draft.

use jiter::{Jiter, JiterError, JiterErrorType, JsonErrorType, Peek};

use super::keys::Keys;
use super::rejection::{Rejection, RejectionCode};
use super::slot::{self, Group, Side, Slot, Target};
use super::{Stop, skip};
use crate::event::draft::{EventDraft, Outcome, Plane};
use crate::event::limits::EventLimits;
use crate::event::metadata::Metadata;

/// Reads the items of one text after the other; its buffers are reused.
pub(super) struct ItemReader<'j, 'l> {
    pub(super) limits: &'l EventLimits,
    data: &'j [u8],
    /// Where in `data` the reader below begins.
    base: usize,
    pub(super) jiter: Jiter<'j>,
    pub(super) keys: Keys,
    /// The flat key of the metadata value that is being read.
    pub(super) path: String,
    pub(super) draft: EventDraft,
    /// Bits of the [`Slot`]s that were given.
    given: u32,
    /// Where in `data` the item begins.
    start: usize,
}

/// Why reading an item ended early.
pub(super) enum Fault {
    /// The item is refused.
    Refused(Refusal),
    /// The text is not JSON.
    Broken(JiterError),
}

/// A rejection that does not know its index yet.
pub(super) struct Refusal {
    code: RejectionCode,
    field: Option<String>,
    message: String,
}

impl Refusal {
    pub(super) fn new(code: RejectionCode, field: Option<&str>, message: impl Into<String>) -> Self {
        Self { code, field: field.map(str::to_owned), message: message.into() }
    }

    pub(super) fn at(self, index: usize) -> Rejection {
        Rejection { index, code: self.code, field: self.field, message: self.message }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<JiterError> for Fault {
    /// What is wrong with a text's content is the item's fault alone; what is wrong with the grammar is the body's.
    fn from(error: JiterError) -> Self {
        let message = match &error.error_type {
            JiterErrorType::JsonError(
                JsonErrorType::LoneLeadingSurrogateInHexEscape | JsonErrorType::UnexpectedEndOfHexEscape,
            ) => {
                "a text has half of a surrogate pair (\\ud800 to \\udfff); write the character as UTF-8 or as a whole pair"
            }
            JiterErrorType::JsonError(JsonErrorType::InvalidUnicodeCodePoint) => "a text is not valid UTF-8",
            JiterErrorType::JsonError(JsonErrorType::NumberOutOfRange) => {
                "a number has too many digits; send it as text"
            }
            _ => return Self::Broken(error),
        };
        Self::Refused(Refusal::new(RejectionCode::InvalidJson, None, message))
    }
}

pub(super) fn too_large(limits: &EventLimits) -> Refusal {
    let message = format!("the event has more than {} bytes; shorten or split it", limits.event_bytes_max);
    Refusal::new(RejectionCode::EventTooLarge, None, message)
}

impl<'j, 'l> ItemReader<'j, 'l> {
    pub(super) fn new(limits: &'l EventLimits) -> Self {
        Self {
            limits,
            data: &[],
            base: 0,
            jiter: Jiter::new(&[]),
            keys: Keys::default(),
            path: String::new(),
            draft: EventDraft::default(),
            given: 0,
            start: 0,
        }
    }

    /// Begins to read another text.
    pub(super) fn open(&mut self, data: &'j [u8]) {
        self.data = data;
        self.go_on_at(0);
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.base + self.jiter.current_index()
    }

    pub(super) fn peek(&mut self) -> Result<Peek, Stop> {
        self.jiter.peek().map_err(|error| self.stop(error))
    }

    pub(super) fn array_first(&mut self) -> Result<Option<Peek>, Stop> {
        self.jiter.known_array().map_err(|error| self.stop(error))
    }

    pub(super) fn array_step(&mut self) -> Result<Option<Peek>, Stop> {
        self.jiter.array_step().map_err(|error| self.stop(error))
    }

    pub(super) fn finish(&mut self) -> Result<(), Stop> {
        self.jiter.finish().map_err(|error| self.stop(error))
    }

    /// Reads the value that begins here as an item.
    pub(super) fn item(&mut self, index: usize, peek: Peek) -> Result<Result<EventDraft, Rejection>, Stop> {
        self.start = self.position();
        let fault = match peek {
            Peek::Object => match self.object() {
                Ok(draft) => return Ok(Ok(draft)),
                Err(fault) => fault,
            },
            _ => Refusal::new(RejectionCode::NotAnObject, None, "an event must be a JSON object").into(),
        };
        match fault {
            Fault::Broken(error) => Err(self.stop(error)),
            Fault::Refused(refusal) => {
                let end = skip::value(self.data, self.start)?;
                self.go_on_at(end);
                Ok(Err(refusal.at(index)))
            }
        }
    }

    fn object(&mut self) -> Result<EventDraft, Fault> {
        self.draft = EventDraft::default();
        self.given = 0;
        self.keys.clear();
        self.members(None)?;
        let mut draft = std::mem::take(&mut self.draft);
        sort(&mut draft.subject_metadata, Side::Subject)?;
        sort(&mut draft.resource_metadata, Side::Resource)?;
        if draft.action.is_empty() {
            return Err(Refusal::new(RejectionCode::MissingAction, Some("action"), "give the event an action").into());
        }
        Ok(draft)
    }

    /// The members of the item itself, or of one of its objects.
    pub(super) fn members(&mut self, group: Option<Group>) -> Result<(), Fault> {
        let mark = self.keys.open();
        let mut key = self.jiter.known_object()?;
        while let Some(name) = key {
            let target = match group {
                None => slot::at_top(name),
                Some(group) => slot::in_group(group, name),
            };
            match target {
                Target::Slot(slot) => self.slot(slot)?,
                Target::Metadata(side, flat) => {
                    self.keys.add(name);
                    self.path.clear();
                    self.path.push_str(flat);
                    self.metadata_value(side, 1 + usize::from(group.is_some()))?;
                }
                Target::Unknown(owner, rest) => {
                    self.keys.add(name);
                    self.path.clear();
                    self.path.push_str("x_");
                    if let Some(owner) = owner {
                        self.path.push_str(owner.name());
                        self.path.push('.');
                    }
                    self.path.push_str(rest);
                    self.metadata_value(Side::Resource, 1 + usize::from(group.is_some()))?;
                }
            }
            self.check_size()?;
            key = self.jiter.next_key()?;
        }
        self.close(mark)?;
        self.check_size()
    }

    /// What was read of the item so far, against its limit.
    fn check_size(&self) -> Result<(), Fault> {
        let read = self.position() - self.start;
        if read <= self.limits.event_bytes_max { Ok(()) } else { Err(too_large(self.limits).into()) }
    }

    fn slot(&mut self, slot: Slot) -> Result<(), Fault> {
        if self.given & slot.bit() != 0 {
            return Err(duplicate(slot.path()).into());
        }
        self.given |= slot.bit();
        match slot {
            Slot::Source => self.group(slot, Group::Source)?,
            Slot::Subject => self.group(slot, Group::Subject)?,
            Slot::Resource => self.group(slot, Group::Resource)?,
            Slot::Status => self.group(slot, Group::Status)?,
            Slot::SubjectMetadata => self.metadata(Side::Subject)?,
            Slot::ResourceMetadata => self.metadata(Side::Resource)?,
            Slot::Labels => self.labels()?,
            Slot::Seq | Slot::ReceivedAt => self.ignore(2)?,
            Slot::EventId => self.draft.event_id = self.event_id()?,
            Slot::Timestamp => self.draft.timestamp = self.timestamp()?,
            Slot::Plane => self.draft.plane = self.one_of(slot, RejectionCode::InvalidPlane, Plane::parse)?,
            Slot::Severity => self.draft.severity = self.severity()?,
            Slot::Outcome => self.draft.outcome = self.one_of(slot, RejectionCode::InvalidOutcome, Outcome::parse)?,
            Slot::Action => self.draft.action = self.text(slot)?.unwrap_or_default(),
            Slot::Message => self.draft.message = self.text(slot)?,
            Slot::SourceId => self.draft.source_id = self.text(slot)?,
            Slot::SourceAddress => self.draft.source_address = self.text(slot)?,
            Slot::SubjectUserId => self.draft.subject_user_id = self.text(slot)?,
            Slot::SubjectAddress => self.draft.subject_address = self.text(slot)?,
            Slot::SubjectProjectId => self.draft.subject_project_id = self.text(slot)?,
            Slot::ResourceId => self.draft.resource_id = self.text(slot)?,
            Slot::ResourceType => self.draft.resource_type = self.text(slot)?,
            Slot::StatusCode => self.draft.status_code = self.text(slot)?,
            Slot::StatusMessage => self.draft.status_message = self.text(slot)?,
            Slot::RequestId => self.draft.request_id = self.text(slot)?,
        }
        Ok(())
    }

    /// `depth` counts the item itself as 1.
    pub(super) fn check_depth(&self, depth: usize) -> Result<(), Fault> {
        if depth <= self.limits.json_depth_max {
            return Ok(());
        }
        let message = format!("the event nests deeper than {} levels", self.limits.json_depth_max);
        Err(Refusal::new(RejectionCode::TooDeep, None, message).into())
    }

    pub(super) fn close(&mut self, mark: super::keys::Mark) -> Result<(), Fault> {
        match self.keys.close(mark) {
            Some(key) => Err(duplicate(&key).into()),
            None => Ok(()),
        }
    }

    /// Goes on reading at `at`, keeping the buffer for decoded texts.
    fn go_on_at(&mut self, at: usize) {
        let tape = std::mem::replace(&mut self.jiter, Jiter::new(&[])).into_tape();
        self.base = at;
        self.jiter = Jiter::with_tape(self.data.get(at..).unwrap_or_default(), tape);
    }

    fn stop(&self, error: JiterError) -> Stop {
        Stop::Broken(JiterError { index: self.base + error.index, ..error })
    }
}

fn duplicate(key: &str) -> Refusal {
    Refusal::new(RejectionCode::DuplicateKey, Some(key), "the key is given twice; give it once")
}

/// Sorts by key and refuses keys that meet.
fn sort(pairs: &mut Metadata, side: Side) -> Result<(), Fault> {
    pairs.sort();
    let next = pairs.iter().skip(1);
    match pairs.iter().zip(next).find(|(one, next)| one.0 == next.0) {
        None => Ok(()),
        Some(((key, _), _)) => {
            let field = format!("{}.{key}", side.slot().path());
            let message = "two keys are the same after flattening with dots; rename one";
            Err(Refusal::new(RejectionCode::MetadataKeyConflict, Some(&field), message).into())
        }
    }
}
