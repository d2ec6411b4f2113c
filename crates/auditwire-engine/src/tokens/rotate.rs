//! A new secret for a token, in the same place of the tree and with the same rights.

use std::time::Duration;

use auditwire_model::access::{Caller, Verb};
use auditwire_model::{ProjectId, Timestamp, TokenId};

use super::rights::earlier;
use super::tree::Tree;
use super::{TokenView, audit_of, fresh_secret, put_changed, short, submit, tried_again, view_of};
use crate::Engine;
use crate::audit::action;
use crate::error::{Error, Kind, Result};
use crate::idempotency::{self, Known};
use crate::projects::authorize;
use crate::records::{Document, EarlierSecret, Token, TokenSecret, TokenSecretRecord};
use crate::secrets::Secret;
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};

/// How long an earlier secret may go on.
pub const OVERLAP_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long it goes on when nothing is said: nobody who has it stops without notice.
pub const OVERLAP_DEFAULT: Duration = Duration::from_secs(24 * 3600);
/// Earlier secrets that may open a token at once.
const EARLIER_MAX: usize = 4;

/// Makes a new secret for a token; the old one goes on for `overlap`, at most to where the token would have ended. The token
/// keeps its id, so what it made stays with it. A token that ends by itself lasts as long again, counted from now, but never
/// longer than its maker or the token that asks. An operator's old secret also goes on until the new one was used once: a lost answer locks nobody
/// out. A token rotates itself and what comes from it.
///
/// The secret is there exactly once: a repeated request with the same key answers without it.
///
/// # Errors
/// `forbidden`, `project_not_found`, `token_not_found`, `invalid_overlap`, `too_many_secrets`, `idempotency_key_reused`.
pub async fn rotate(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &TokenId,
    overlap: Duration,
    idempotency_key: Option<&str>,
) -> Result<(TokenView, Option<Secret>)> {
    authorize(engine, caller, project, Verb::RotateToken).await?;
    if overlap > OVERLAP_MAX {
        let detail = format!("0 to {} seconds (7 days)", OVERLAP_MAX.as_secs());
        return Err(Error::invalid("invalid_overlap", "overlap_seconds", detail));
    }
    tried_again(|| once(engine, caller, project, id, overlap, idempotency_key)).await
}

async fn once(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &TokenId,
    overlap: Duration,
    idempotency_key: Option<&str>,
) -> Result<(TokenView, Option<Secret>)> {
    let request = serde_json::to_vec(&(id, overlap.as_secs())).unwrap_or_default();
    let pending =
        idempotency::look_up(engine, caller, action::TOKEN_ROTATE, project, idempotency_key, &request).await?;
    let (tree, fence) = Tree::read(engine, project).await?;
    let token = tree.get(id)?;
    tree.demand_own(caller, id, true)?;
    let pending = match pending {
        Known::Done(_) => return Ok((view_of(engine, &tree, token).await?, None)),
        Known::New(pending) => pending,
    };
    let now = engine.clock.now();
    let (secret, sha256) = fresh_secret()?;
    let (lasts_from, expires_at) = renewed(&tree, caller, token, now);
    let successor = Token { sha256, lasts_from, expires_at, earlier: going_on(token, overlap, now)?, ..token.clone() };
    let mut changes = vec![fence, put_changed(&successor)?, names(&successor)?];
    let replaced = token.earlier.iter().map(|secret| &secret.sha256).chain([&token.sha256]);
    let gone = replaced.filter(|old| !successor.earlier.iter().any(|kept| kept.sha256 == **old));
    changes.extend(gone.map(|sha256| forget_secret(sha256)));
    if let Some(pending) = pending {
        changes.extend(pending.changes(id.as_str(), now)?);
    }
    let told = audit_of(action::TOKEN_ROTATE, caller, &successor)
        .with("overlap_seconds", overlap.as_secs())
        .message(format!("API token {} has a new secret", successor.name));
    submit(engine, vec![told], token, changes).await?;
    engine.shared.tokens.forget();
    let mut view = view_of(engine, &tree, token).await?;
    view.ends_at = earlier(successor.expires_at, token.parent.as_ref().and_then(|p| tree.rights(p)?.ends_at));
    view.token = successor;
    Ok((view, Some(secret)))
}

/// As long again as it was to last, within what its maker and the caller have; never less than it has. With the moment from
/// which it would last so long.
fn renewed(tree: &Tree, caller: &Caller, token: &Token, now: Timestamp) -> (Timestamp, Option<Timestamp>) {
    let Some(end) = token.expires_at else { return (token.lasts_from, None) };
    let lasts = i64::try_from(end.since(token.lasts_from).as_nanos()).unwrap_or(i64::MAX);
    let mut again = Some(now.saturating_add_nanos(lasts));
    let by = if let Caller::Token { token, .. } = caller { Some(token) } else { None };
    for limit in [token.parent.as_ref(), by].into_iter().flatten() {
        again = earlier(again, tree.rights(limit).and_then(|rights| rights.ends_at));
    }
    let again = again.unwrap_or(end).max(end);
    (again.saturating_add_nanos(lasts.saturating_neg()), Some(again))
}

/// The secrets that go on beside the new one.
fn going_on(token: &Token, overlap: Duration, now: Timestamp) -> Result<Vec<EarlierSecret>> {
    let mut kept: Vec<_> = token.earlier.iter().filter(|secret| secret.opens(now)).cloned().collect();
    let ended = token.expires_at.is_some_and(|end| end <= now);
    let lasts = i64::try_from(overlap.as_nanos()).unwrap_or(i64::MAX);
    let until = now.saturating_add_nanos(lasts);
    let until = earlier(Some(until), token.expires_at).unwrap_or(until);
    // One that waits for its successor knows that the present secret was never used: that one need not be waited for.
    let until_used = token.project.is_none() && !ended && !kept.iter().any(|secret| secret.until_used);
    let present = EarlierSecret { sha256: token.sha256.clone(), until, until_used };
    if present.opens(now) {
        kept.push(present);
    }
    if kept.len() > EARLIER_MAX {
        let detail = format!(
            "{EARLIER_MAX} earlier secrets of this token still open it; wait until one ends, or rotate with overlap_seconds 0"
        );
        return Err(Error::new(Kind::Conflict, "too_many_secrets", detail));
    }
    Ok(kept)
}

fn names(token: &Token) -> Result<Change> {
    let effect = Effect::Put(TokenSecretRecord::from(TokenSecret { token: token.id.clone() }).encode()?);
    Ok(Change { key: secret_key(&token.sha256), expect: Expect::Absent, effect })
}

/// Nothing leads from a secret to its token any more.
pub(super) fn forget_secret(sha256: &str) -> Change {
    Change { key: secret_key(sha256), expect: Expect::Any, effect: Effect::Delete }
}

fn secret_key(sha256: &str) -> RecordKey {
    RecordKey::global(RecordKind::TokenSecret, short(sha256))
}
