//! The verb of every door: takes drafts, answers when they are on disk.

use auditwire_model::access::{Caller, Verb};
use auditwire_model::event::{Event, EventDraft, Plane, Rejection, RejectionCode, content_bytes};
use auditwire_model::{ProjectId, Timestamp, reserved};
use aws_lc_rs::digest::{Context, SHA256, digest};
use uuid::Uuid;

use crate::error::{Kind, Result};
use crate::log::{Answer, Submission, Taken};
use crate::{Engine, projects};

/// What a door hands over.
#[derive(Debug)]
pub struct Intake<I = Vec<Result<EventDraft, Rejection>>> {
    /// In the batch's order: a draft, or why there is none.
    pub items: I,
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
/// `forbidden`, `project_not_found`; `project_quota`, `storage_full`, `overloaded`, `closing`, `storage_failed` (nothing was
/// taken, or it is not known; try again).
pub async fn accept<I>(engine: &Engine, caller: &Caller, project: &ProjectId, intake: Intake<I>) -> Result<IntakeReport>
where
    I: IntoIterator<Item = Result<EventDraft, Rejection>>,
{
    enqueue(engine, caller, project, intake).await?.done().await
}

/// A batch in the committer's queue.
#[derive(Debug)]
pub struct Enqueued {
    answer: Option<(Answer, Option<Taken>)>,
    rejected: Vec<Rejection>,
}

/// The first half of [`accept`]: batches that one door enqueues one after the other are committed in this order, so that a
/// door need not wait for one before it makes the next.
///
/// # Errors
/// As [`accept`]; nothing was taken.
pub async fn enqueue<I>(engine: &Engine, caller: &Caller, project: &ProjectId, intake: Intake<I>) -> Result<Enqueued>
where
    I: IntoIterator<Item = Result<EventDraft, Rejection>>,
{
    projects::authorize(engine, caller, project, Verb::PostEvents).await?;
    // While the senders finish, the log still takes their cursors, but no more events.
    engine.accepting()?;
    engine.log.check_room()?;
    let (events, rejected) = complete(engine, caller, intake);
    if events.is_empty() {
        return Ok(Enqueued { answer: None, rejected });
    }
    let taken = engine.log.take_quota(project, &events)?;
    let submission = Submission { project: Some(project.clone()), events, changes: Vec::new() };
    match engine.log.enqueue(submission) {
        Ok(answer) => Ok(Enqueued { answer: Some((answer, taken)), rejected }),
        Err(error) => {
            give_back(taken, 1, 1);
            Err(error)
        }
    }
}

impl Enqueued {
    /// Waits until the batch is on disk.
    ///
    /// # Errors
    /// As [`accept`].
    pub async fn done(self) -> Result<IntakeReport> {
        let Self { answer, rejected } = self;
        let Some((answer, taken)) = answer else { return Ok(IntakeReport { rejected, ..IntakeReport::default() }) };
        let receipt = match answer.receipt().await {
            Ok(receipt) => receipt,
            Err(error) => {
                // Where it is not known what was stored, it stays taken.
                if error.kind == Kind::Unavailable {
                    give_back(taken, 1, 1);
                }
                return Err(error);
            }
        };
        let (accepted, all) = (receipt.positions.iter().flatten().count() as u64, receipt.positions.len() as u64);
        give_back(taken, all - accepted, all);
        Ok(IntakeReport { accepted, duplicates: all - accepted, rejected })
    }
}

/// What was there already, or was not stored, does not count.
fn give_back(taken: Option<Taken>, events: u64, of: u64) {
    if let Some(taken) = taken {
        taken.give_back(events, of);
    }
}

/// Turns drafts into events; the good part of a batch is taken.
fn complete<I>(engine: &Engine, caller: &Caller, intake: Intake<I>) -> (Vec<Event>, Vec<Rejection>)
where
    I: IntoIterator<Item = Result<EventDraft, Rejection>>,
{
    let now = engine.clock.now();
    let ids = Ids::new(intake.idempotency_key, now);
    let items = intake.items.into_iter();
    let (mut events, mut rejected) = (Vec::with_capacity(items.size_hint().0), Vec::new());
    let mut content = Vec::new();
    for (index, item) in items.enumerate() {
        match item.and_then(|draft| check_names(caller, index, draft)) {
            Ok(draft) => {
                let digest = draft.digest.unwrap_or_else(|| digest_of(&draft, &mut content));
                events.push(draft.complete(|| ids.make(index), intake.door, now, digest));
            }
            Err(rejection) => rejected.push(rejection),
        }
    }
    (events, rejected)
}

fn digest_of(draft: &EventDraft, content: &mut Vec<u8>) -> [u8; 16] {
    content.clear();
    content_bytes(draft, content);
    content_digest(content)
}

/// First 16 bytes of SHA-256.
pub(crate) fn content_digest(content: &[u8]) -> [u8; 16] {
    let mut first = [0; 16];
    first.copy_from_slice(&digest(&SHA256, content).as_ref()[..16]);
    first
}

/// Nobody speaks in the service's name, and a token for its sources only.
fn check_names(caller: &Caller, index: usize, draft: EventDraft) -> Result<EventDraft, Rejection> {
    let source = draft.source_id.as_deref();
    let message = match caller {
        Caller::Service => return Ok(draft),
        _ if source.is_some_and(reserved::is_our_source) => {
            format!(
                "the source \"{}\", and what looks like it, is reserved for the service's own events; name the source that \
                 reports",
                reserved::SOURCE
            )
        }
        _ if reserved::is_our_action(&draft.action) => {
            let message = "this action, or one that it looks like, is reserved for the service's own events of delivery and \
                           administration; name it otherwise, for example with the source's name before it";
            let (code, field) = (RejectionCode::ActionReserved, Some("action".to_owned()));
            return Err(Rejection { index, code, field, message: message.to_owned() });
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
                of_hash(context)
            }
        };
        text(uuid)
    }
}

/// What makes an event in a foreign shape recognised when it comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignIdentity {
    /// A UUID of version 8 whose other bits are the first of the hash.
    pub event_id: String,
    /// The other half of the hash: a draft's [`digest`](EventDraft::digest).
    pub digest: [u8; 16],
}

/// The identity of an event in a foreign shape that has no id, from
/// SHA-256("auditwire foreign event" 0x00 door 0x00 bytes). `door` names the shape; the same bytes again are the same event.
#[must_use]
pub fn foreign_identity(door: &str, bytes: &[u8]) -> ForeignIdentity {
    let mut context = Context::new(&SHA256);
    for part in [b"auditwire foreign event", door.as_bytes()] {
        context.update(part);
        context.update(b"\0");
    }
    context.update(bytes);
    let (mut first, mut second) = ([0; 16], [0; 16]);
    let hash = context.finish();
    first.copy_from_slice(&hash.as_ref()[..16]);
    second.copy_from_slice(&hash.as_ref()[16..]);
    ForeignIdentity { event_id: text(uuid::Builder::from_custom_bytes(first).into_uuid()), digest: second }
}

fn of_hash(context: Context) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&context.finish().as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn text(uuid: Uuid) -> String {
    uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use auditwire_model::TokenId;
    use auditwire_model::access::{Origin, Principal};

    fn from(source: Option<&str>) -> EventDraft {
        EventDraft { source_id: source.map(str::to_owned), action: "x".to_owned(), ..EventDraft::default() }
    }

    fn token(sources: &[&str]) -> Caller {
        Caller::Token {
            token: TokenId::parse("t").unwrap(),
            project: ProjectId::default_project(),
            scopes: Vec::new(),
            sources: sources.iter().map(|s| (*s).to_owned()).collect(),
            origin: Origin::new([127, 0, 0, 1], "r-1"),
        }
    }

    #[test]
    fn a_token_sends_for_its_sources_and_nobody_in_our_name() {
        let operator = Caller::Operator {
            by: Principal::Token(TokenId::parse("o").unwrap()),
            origin: Origin::new([127, 0, 0, 1], "r-1"),
        };
        for (caller, source, taken) in [
            (&token(&[]), None, true),
            (&token(&[]), Some("nova"), true),
            (&token(&["iam", "nova"]), Some("nova"), true),
            (&token(&["iam"]), Some("nova"), false),
            (&token(&["iam"]), None, false),
            (&token(&["auditwire"]), Some("auditwire"), false),
            (&operator, Some("nova"), true),
            (&operator, Some("auditwire"), false),
            (&token(&[]), Some("Auditwire "), false),
            (&token(&["\u{430}uditwire"]), Some("\u{430}uditwire"), false),
            (&Caller::Service, Some("auditwire"), true),
        ] {
            let answer = check_names(caller, 3, from(source));
            assert_eq!(answer.is_ok(), taken, "{caller:?} {source:?}");
            if let Err(rejection) = answer {
                assert_eq!((rejection.index, rejection.code), (3, RejectionCode::SourceNotAllowed));
                assert_eq!(rejection.field.as_deref(), Some("source.id"));
            }
        }
    }

    #[test]
    fn nobody_else_has_our_actions() {
        let operator = Caller::Operator {
            by: Principal::Token(TokenId::parse("o").unwrap()),
            origin: Origin::new([127, 0, 0, 1], "r-1"),
        };
        for (caller, action, taken) in [
            (&token(&[]), "siem-connection-delete", false),
            (&token(&[]), "SIEM-Alert", false),
            (&operator, "t\u{43e}ken-revoke", false),
            (&operator, "create-vm", true),
            (&Caller::Service, "siem-alert", true),
        ] {
            let draft = EventDraft { action: action.to_owned(), ..from(Some("nova")) };
            let answer = check_names(caller, 3, draft);
            assert_eq!(answer.is_ok(), taken, "{caller:?} {action}");
            if let Err(rejection) = answer {
                assert_eq!((rejection.index, rejection.code), (3, RejectionCode::ActionReserved));
                assert_eq!(rejection.field.as_deref(), Some("action"));
            }
        }
    }

    #[test]
    fn a_key_makes_the_same_ids_again_and_only_those() {
        let ids = |key: &str| {
            let ids = Ids::new(Some(key.to_owned()), Timestamp::EPOCH);
            [ids.make(0), ids.make(1), ids.make(11)]
        };
        assert_eq!(ids("a"), ids("a"));
        // Fixed for ever: a client may repeat a request after an update of the service.
        assert_eq!(ids("a")[0], "20be24a3-a2ff-8c26-ae71-534d74c6c47e");
        let mut all = [ids("a"), ids("b"), ids("a\0")].concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 9);
    }

    #[test]
    fn the_same_foreign_bytes_have_the_same_identity_for_ever() {
        let identity = foreign_identity("syslog", b"<13>1 - - - - - - x");
        assert_eq!(identity.event_id, "9f20e577-cf32-8032-8419-36fe44efd366");
        assert_eq!(hex::encode(identity.digest), "8793d72a7259fb71f82025b04021df7c");
        let others = [foreign_identity("syslog", b"x"), foreign_identity("otlp", b"x")];
        assert_ne!(others[0].event_id, others[1].event_id);
        assert_ne!(others[0].digest, others[1].digest);
    }

    #[test]
    fn without_a_key_ids_are_sorted_by_time_and_never_the_same() {
        let at = |millis: i64| Ids::new(None, Timestamp::from_nanos(millis * 1_000_000).unwrap());
        let (early, late) = (at(1_700_000_000_000), at(1_700_000_000_001));
        assert!(early.make(0) < late.make(0));
        assert_ne!(early.make(0), early.make(0));
        assert_eq!(Uuid::parse_str(&early.make(0)).unwrap().get_version_num(), 7);
    }
}
