//! The verb of every door: takes drafts, answers when they are on disk.

use auditwire_model::access::{Caller, Right};
use auditwire_model::event::{Event, EventDraft, Plane, Rejection, RejectionCode, content_bytes};
use auditwire_model::{ProjectId, Timestamp};
use aws_lc_rs::digest::{Context, SHA256, digest};
use uuid::Uuid;

use crate::error::Result;
use crate::log::Submission;
use crate::{Engine, audit, projects};

/// What a door hands over.
#[derive(Debug)]
pub struct Intake {
    /// In the batch's order: a draft, or why there is none.
    pub items: Vec<Result<EventDraft, Rejection>>,
    /// Plane of the door, for drafts without one.
    pub door: Plane,
    /// From the request; makes ids for drafts without one, so that a repeated request adds nothing.
    pub idempotency_key: Option<String>,
}

/// The answer to a batch; on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntakeReport {
    /// New events.
    pub accepted: u64,
    /// Recognised repetitions.
    pub duplicates: u64,
    /// Refused items, in the batch's order.
    pub rejected: Vec<Rejection>,
}

/// Takes a batch: checks the permission, completes the drafts, commits them.
///
/// # Errors
/// `forbidden`, `project_not_found`; `storage_full`, `overloaded`, `closing`, `storage_failed` (nothing was taken, or it
/// is not known; try again).
pub async fn accept(engine: &Engine, caller: &Caller, project: &ProjectId, intake: Intake) -> Result<IntakeReport> {
    projects::authorize(engine, caller, project, &[Right::Ingest(project)]).await?;
    // While the senders finish, the log still takes their cursors, but no more events.
    engine.accepting()?;
    let (events, rejected) = complete(engine, caller, intake);
    if events.is_empty() {
        return Ok(IntakeReport { rejected, ..IntakeReport::default() });
    }
    let submission = Submission { project: Some(project.clone()), events, changes: Vec::new() };
    let receipt = engine.log.submit(submission).await?;
    let accepted = receipt.positions.iter().flatten().count() as u64;
    Ok(IntakeReport { accepted, duplicates: receipt.positions.len() as u64 - accepted, rejected })
}

/// Turns drafts into events; the good part of a batch is taken.
fn complete(engine: &Engine, caller: &Caller, intake: Intake) -> (Vec<Event>, Vec<Rejection>) {
    let now = engine.clock.now();
    let ids = Ids::new(intake.idempotency_key, now);
    let (mut events, mut rejected) = (Vec::with_capacity(intake.items.len()), Vec::new());
    let mut content = Vec::new();
    for (index, item) in intake.items.into_iter().enumerate() {
        match item.and_then(|draft| check_source(caller, index, draft)) {
            Ok(draft) => {
                content.clear();
                content_bytes(&draft, &mut content);
                let digest = content_digest(&content);
                events.push(draft.complete(|| ids.make(index), intake.door, now, digest));
            }
            Err(rejection) => rejected.push(rejection),
        }
    }
    (events, rejected)
}

/// First 16 bytes of SHA-256.
pub(crate) fn content_digest(content: &[u8]) -> [u8; 16] {
    let mut first = [0; 16];
    first.copy_from_slice(&digest(&SHA256, content).as_ref()[..16]);
    first
}

fn check_source(caller: &Caller, index: usize, draft: EventDraft) -> Result<EventDraft, Rejection> {
    let source = draft.source_id.as_deref();
    let message = match caller {
        Caller::Service => return Ok(draft),
        _ if source == Some(audit::SOURCE) => {
            format!(
                "the source \"{}\" is reserved for the service's own events; name the source that reports",
                audit::SOURCE
            )
        }
        Caller::Operator { .. } => return Ok(draft),
        Caller::Token { sources, .. }
            if sources.is_empty() || source.is_some_and(|s| sources.iter().any(|a| a == s)) =>
        {
            return Ok(draft);
        }
        Caller::Token { sources, .. } => {
            format!("this token may only send events with source.id {}", sources.join(", "))
        }
    };
    Err(Rejection { index, code: RejectionCode::SourceNotAllowed, field: Some("source.id".to_owned()), message })
}

/// Ids for events that bring none.
enum Ids {
    /// UUIDv7 of the time of receipt.
    Fresh(Timestamp),
    /// Made from the request's key and the item's index, so that a repeated request makes the same ids.
    Keyed(Context),
}

impl Ids {
    fn new(key: Option<String>, now: Timestamp) -> Self {
        let Some(key) = key else { return Self::Fresh(now) };
        let mut context = Context::new(&SHA256);
        context.update(b"auditwire idempotency key\0");
        context.update(key.as_bytes());
        context.update(b"\0");
        Self::Keyed(context)
    }

    /// With a key: a UUID of version 8 whose other bits are the first of
    /// SHA-256("auditwire idempotency key" 0x00 key 0x00 index in decimal).
    fn make(&self, index: usize) -> String {
        let uuid = match self {
            Self::Fresh(now) => {
                let mut random = [0; 10];
                rand::fill(&mut random);
                uuid::Builder::from_unix_timestamp_millis(u64::try_from(now.as_millis()).unwrap_or(0), &random)
                    .into_uuid()
            }
            Self::Keyed(context) => {
                let mut context = context.clone();
                context.update(index.to_string().as_bytes());
                let mut bytes = [0; 16];
                bytes.copy_from_slice(&context.finish().as_ref()[..16]);
                uuid::Builder::from_custom_bytes(bytes).into_uuid()
            }
        };
        uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned()
    }
}
