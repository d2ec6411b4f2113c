//! The end of a token, and what becomes of those that come from it.

use auditwire_model::access::{Caller, Verb};
use auditwire_model::{ProjectId, TokenId};

use super::rights::Rights;
use super::rotate::forget_secret;
use super::tree::Tree;
use super::{TokenView, audit_of, put_changed, submit, token_key, tried_again, uses, view};
use crate::Engine;
use crate::audit::action;
use crate::error::{Error, Kind, Result};
use crate::projects::{authorize, forbidden};
use crate::records::Token;
use crate::store::{Change, Effect, Expect};

/// What shall become of the tokens that come from a revoked one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descendants {
    /// They end with it.
    Revoke,
    /// What made the revoked one takes over those that it made; an operator those of a root.
    Adopt,
}

/// Why a token was not revoked.
#[derive(Debug)]
pub enum RevokeError {
    /// Others come from it, makers before what they made, and nothing was said about them.
    HasDescendants(Vec<TokenView>),
    /// Anything else.
    Other(Error),
}

impl From<Error> for RevokeError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// Revokes a token at once. What it made, and what those made, ends with it or is adopted; without a word on that nothing
/// happens, and the answer names them. A token revokes any but those that it comes from, and has only those adopted that
/// stay below itself.
///
/// # Errors
/// `forbidden`, `project_not_found`, `token_not_found`; `last_operator_token`, because nobody could make another;
/// `descendant_exceeds_maker`, when one cannot be adopted.
pub async fn revoke(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &TokenId,
    descendants: Option<Descendants>,
) -> Result<(), RevokeError> {
    authorize(engine, caller, project, Verb::DeleteToken).await?;
    let left = tried_again(|| once(engine, caller, project, id, descendants)).await?;
    if left.is_empty() { Ok(()) } else { Err(RevokeError::HasDescendants(left)) }
}

/// Revokes, or tells what would have to go along.
async fn once(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    id: &TokenId,
    descendants: Option<Descendants>,
) -> Result<Vec<TokenView>> {
    let (tree, fence) = Tree::read(engine, project).await?;
    let token = tree.get(id)?;
    demand_may_end(&tree, caller, token)?;
    let below = tree.descendants(id);
    let (ending, adopted) = match descendants {
        None if below.is_empty() => (Vec::new(), Vec::new()),
        None => {
            let last = uses::all(engine).await?;
            let now = engine.clock.now();
            return Ok(below.into_iter().map(|token| view(&tree, token, &last, now)).collect());
        }
        Some(Descendants::Revoke) => (below, Vec::new()),
        Some(Descendants::Adopt) => (Vec::new(), adoption(&tree, caller, token)?),
    };
    let (mut told, mut changes) = (Vec::new(), vec![fence]);
    for token in &adopted {
        let event = audit_of(action::TOKEN_ADOPT, caller, token);
        told.push(event.message(format!("API token {} was adopted: what made it is revoked", token.name)));
        changes.push(put_changed(token)?);
    }
    let ending: Vec<_> = std::iter::once(token).chain(ending).collect();
    for token in &ending {
        told.push(
            audit_of(action::TOKEN_REVOKE, caller, token).message(format!("API token {} was revoked", token.name)),
        );
        changes.extend(end(token));
    }
    submit(engine, told, token, changes).await?;
    ending.iter().for_each(|token| engine.shared.uses.forget(&token.id));
    engine.shared.tokens.forget();
    Ok(Vec::new())
}

fn demand_may_end(tree: &Tree, caller: &Caller, token: &Token) -> Result<()> {
    if let Caller::Token { token: by, .. } = caller
        && tree.comes_from(by, &token.id)
    {
        let detail = "a token does not revoke what it comes from; ask an operator";
        return Err(Error { detail: detail.to_owned(), ..forbidden() });
    }
    let lasting = |other: &Token| other.id != token.id && other.expires_at.is_none();
    if token.project.is_none() && !tree.all().any(lasting) {
        let detail = "no other operator's token lasts without an end; make one first, or rotate this one";
        return Err(Error::new(Kind::Conflict, "last_operator_token", detail));
    }
    Ok(())
}

/// What the token made, each with its new parent.
fn adoption(tree: &Tree, caller: &Caller, token: &Token) -> Result<Vec<Token>> {
    let children = tree.children(&token.id);
    if children.is_empty() {
        return Ok(Vec::new());
    }
    tree.demand_own(caller, &token.id, false)?;
    let maker = token.parent.as_ref().and_then(|parent| tree.get(parent).ok());
    let exceeds = |child: &&&Token| maker.is_some_and(|m| Rights::given(child).beyond(&Rights::given(m)).is_some());
    if let Some(child) = children.iter().find(exceeds) {
        let detail = format!("token {} may do more than its new maker; revoke it, or make another", child.id);
        return Err(Error::new(Kind::Conflict, "descendant_exceeds_maker", detail));
    }
    Ok(children.into_iter().map(|child| Token { parent: token.parent.clone(), ..child.clone() }).collect())
}

/// Nothing is left of it but its events.
fn end(token: &Token) -> impl Iterator<Item = Change> {
    let secrets = token.earlier.iter().map(|secret| &secret.sha256).chain([&token.sha256]);
    let records = [token_key(&token.id), uses::key_of(&token.id)];
    let records = records.into_iter().map(|key| Change { key, expect: Expect::Any, effect: Effect::Delete });
    records.chain(secrets.map(|sha256| forget_secret(sha256)))
}
