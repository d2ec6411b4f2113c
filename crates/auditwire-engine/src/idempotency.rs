//! `Idempotency-Key` of every request that creates: a repeated request within 24 h gives the same answer and makes
//! nothing. The key is recorded in the commit that creates, so a crash cannot part them.

use std::time::Duration;

use auditwire_model::access::Caller;
use auditwire_model::{ProjectId, Timestamp};

use crate::Engine;
use crate::error::{Error, Kind, Result};
use crate::records::{Document, Idempotency, IdempotencyRecord};
use crate::secrets::sha256_hex;
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};

const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Old keys that one request clears away at most.
const CLEARED_MAX: usize = 64;

/// What is known about a request's key.
pub(crate) enum Known {
    /// The request is new (or has no key): add these changes to its commit, with the id of what it made.
    New(Option<Pending>),
    /// It was answered before; this is the id of what it made.
    Done(String),
}

/// A key to be recorded.
pub(crate) struct Pending {
    key: RecordKey,
    expect: Expect,
    request_sha256: String,
    outdated: Vec<RecordKey>,
}

/// Looks a key up. `verb` and `request` tell requests apart: the same key with another request is a mistake.
pub(crate) async fn look_up(
    engine: &Engine,
    caller: &Caller,
    verb: &str,
    project: &ProjectId,
    key: Option<&str>,
    request: &[u8],
) -> Result<Known> {
    let Some(key) = key else { return Ok(Known::New(None)) };
    if key.is_empty() || key.len() > 255 || !key.bytes().all(|c| (0x20..0x7f).contains(&c)) {
        let detail = "an Idempotency-Key has 1 to 255 printable ASCII characters";
        return Err(Error::new(Kind::Invalid, "invalid_idempotency_key", detail));
    }
    let id = sha256_hex([caller.id(), verb, key].join("\0").as_bytes());
    let (now, request_sha256) = (engine.log.trusted_now(), sha256_hex(request));
    let mut outdated = Vec::new();
    let mut expect = Expect::Absent;
    for record in engine.store.records(RecordKind::IdempotencyKey, Some(project)).await? {
        let entry = IdempotencyRecord::decode(&record)?.into_current();
        let fresh = now.since(entry.at) < KEPT;
        match (record.key.id == id, fresh) {
            (true, true) if entry.request_sha256 == request_sha256 => return Ok(Known::Done(entry.created)),
            (true, true) => {
                let detail = "this Idempotency-Key was used for another request within 24 hours; use a new one";
                return Err(Error::new(Kind::Conflict, "idempotency_key_reused", detail));
            }
            (true, false) => expect = Expect::Version(record.version),
            (false, false) if outdated.len() < CLEARED_MAX => outdated.push(record.key),
            (false, _) => {}
        }
    }
    let key = RecordKey::of(RecordKind::IdempotencyKey, project, id);
    Ok(Known::New(Some(Pending { key, expect, request_sha256, outdated })))
}

/// After a creating request failed: what the same request made that ran beside it and was faster, if that is why. Between
/// looking the key up and the commit the other one may have taken the name, the id, the place, or the key itself.
///
/// # Errors
/// `error`, when there is no such other request; else as [`look_up`].
pub(crate) async fn or_winner(
    engine: &Engine,
    caller: &Caller,
    verb: &str,
    (project, key, request): (&ProjectId, Option<&str>, &[u8]),
    error: Error,
) -> Result<String> {
    if key.is_some()
        && error.kind == Kind::Conflict
        && let Known::Done(id) = look_up(engine, caller, verb, project, key, request).await?
    {
        return Ok(id);
    }
    Err(error)
}

impl Pending {
    /// Records the key, and clears old ones away.
    pub(crate) fn changes(self, created: &str, now: Timestamp) -> Result<Vec<Change>> {
        let entry = Idempotency { request_sha256: self.request_sha256, created: created.to_owned(), at: now };
        let put = Effect::Put(IdempotencyRecord::from(entry).encode()?);
        let mut changes = vec![Change { key: self.key, expect: self.expect, effect: put }];
        let cleared = self.outdated.into_iter();
        changes.extend(cleared.map(|key| Change { key, expect: Expect::Any, effect: Effect::Delete }));
        Ok(changes)
    }
}
