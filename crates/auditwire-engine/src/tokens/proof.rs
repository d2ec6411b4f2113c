//! Whose a token is: from the text that a request carries to the caller behind it, with what is left of its rights at
//! that moment. What was found is remembered for seconds, so that a request costs no read of the store.

use auditwire_model::access::{Caller, Origin, Principal};
use auditwire_model::{ProjectId, Timestamp, TokenId};

use super::rights::{Rights, earlier};
use super::tree::{DEPTH_MAX, common, fence};
use super::{find, put_changed, short};
use crate::Engine;
use crate::audit;
use crate::error::Result;
use crate::log::Submission;
use crate::records::{Document, Token, TokenSecretRecord};
use crate::secrets::{same, sha256_hex};
use crate::store::{RecordKey, RecordKind};

/// What a secret opens.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    token: TokenId,
    /// `None`: the operator's.
    project: Option<ProjectId>,
    /// They end with the secret, too.
    rights: Rights,
}

/// Who asks with this token from `origin`; `None` when it is unknown, revoked or expired, or when one of those it comes from is. Costs no read
/// of the store for a token that was seen within the last seconds.
///
/// # Errors
/// When the store fails.
pub async fn authenticate(engine: &Engine, token: &str, origin: &Origin) -> Result<Option<Caller>> {
    let digits = token.strip_prefix("aw_").filter(|d| d.len() == 64 && d.bytes().all(|c| c.is_ascii_hexdigit()));
    if digits.is_none() {
        return Ok(None);
    }
    let (now, sha256) = (engine.clock.now(), sha256_hex(token.as_bytes()));
    let known = match engine.shared.tokens.get(&sha256, now) {
        Some(known) => Some(known),
        None => look_up(engine, &sha256, now).await?,
    };
    let Some(known) = known.filter(|known| known.rights.hold(now)) else { return Ok(None) };
    engine.shared.uses.note(&known.token, now);
    Ok(Some(caller_of(known, origin.clone())))
}

fn caller_of(known: Known, origin: Origin) -> Caller {
    let Known { token, project, rights: Rights { scopes, sources, .. } } = known;
    match project {
        None => Caller::Operator { by: Principal::Token(token), origin },
        Some(project) => Caller::Token { token, project, scopes, sources, origin },
    }
}

async fn look_up(engine: &Engine, sha256: &str, now: Timestamp) -> Result<Option<Known>> {
    let cache = &engine.shared.tokens;
    let generation = cache.generation();
    let Some(token) = opened(engine, sha256).await? else { return Ok(None) };
    let Some(mut rights) = rights(engine, &token).await? else { return Ok(None) };
    if same(&token.sha256, sha256) {
        prove(engine, &token).await;
    } else {
        let Some(secret) = token.earlier.iter().find(|secret| same(&secret.sha256, sha256)) else { return Ok(None) };
        if !secret.opens(now) {
            return Ok(None);
        }
        rights.ends_at = earlier(rights.ends_at, (!secret.until_used).then_some(secret.until));
    }
    let known = Known { token: token.id, project: token.project, rights };
    cache.put(generation, sha256, known.clone(), now);
    Ok(Some(known))
}

/// The token whose present or earlier secret has this hash.
async fn opened(engine: &Engine, sha256: &str) -> Result<Option<Token>> {
    let opens =
        |token: &Token| same(&token.sha256, sha256) || token.earlier.iter().any(|secret| same(&secret.sha256, sha256));
    if let Some(token) = find(engine, &super::token_id(sha256)?).await?.filter(opens) {
        return Ok(Some(token));
    }
    let Some(record) = engine.store.record(&RecordKey::global(RecordKind::TokenSecret, short(sha256))).await? else {
        return Ok(None);
    };
    let owner = TokenSecretRecord::decode(&record)?.into_current().token;
    Ok(find(engine, &owner).await?.filter(opens))
}

/// What is left of the token's rights; `None` when one of its makers is not there.
async fn rights(engine: &Engine, token: &Token) -> Result<Option<Rights>> {
    let mut line = vec![token.clone()];
    while let Some(parent) = line.last().and_then(|token| token.parent.clone()) {
        let maker = find(engine, &parent).await?.filter(|_| line.len() < DEPTH_MAX);
        let Some(maker) = maker else { return Ok(None) };
        line.push(maker);
    }
    Ok(common(&line.iter().collect::<Vec<_>>()))
}

/// The present secret was used, so its answer has arrived: earlier ones that waited for that end now, or with their overlap.
/// A failure changes nothing for the caller; the next look tries again.
async fn prove(engine: &Engine, token: &Token) {
    if !token.earlier.iter().any(|secret| secret.until_used) {
        return;
    }
    let proved = async {
        let fence = fence(engine, &audit::home(token.project.as_ref())).await?;
        let Some(mut token) = find(engine, &token.id).await?.filter(|now| now.sha256 == token.sha256) else {
            return Ok(());
        };
        token.earlier.iter_mut().for_each(|secret| secret.until_used = false);
        let changes = vec![fence, put_changed(&token)?];
        engine.log.submit(Submission { changes, ..Submission::default() }).await.map(drop)
    };
    let proved: Result<()> = proved.await;
    match proved {
        Ok(()) => engine.shared.tokens.forget(),
        Err(error) => tracing::warn!(%error, "an earlier secret of a token could not be ended; trying again"),
    }
}
