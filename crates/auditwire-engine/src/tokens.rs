//! API tokens: `aw_` and 64 hex digits of 256 random bits, shown once, stored hashed.

use auditwire_model::access::{Caller, Scope};
use auditwire_model::{ProjectId, Timestamp, TokenId};

use crate::Engine;
use crate::error::{Error, Result};
use crate::records::Token;
use crate::secrets::Secret;

/// What a new token shall be.
#[derive(Debug, Clone)]
pub struct TokenSpec {
    /// For people, 1–128 characters.
    pub name: String,
    /// At least one.
    pub scopes: Vec<Scope>,
    /// The `source.id`s it may send; empty means any.
    pub sources: Vec<String>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// Whose token this is; `None` when it is unknown, revoked or expired.
///
/// # Errors
/// When the store fails.
pub async fn authenticate(engine: &Engine, token: &str) -> Result<Option<Caller>> {
    let _ = (engine, token);
    Ok(None)
}

/// Makes the operator's token of a first start; `false` if there ever was one. `hand_over` stores the token where the
/// operator finds it (a file) and is called before the token is valid: a crash in between leaves a token that opens
/// nothing, and the next start makes another, so that nobody is locked out.
///
/// # Errors
/// When `hand_over` or the store fails.
pub async fn create_operator(
    engine: &Engine,
    hand_over: impl FnOnce(&Secret) -> std::io::Result<()> + Send,
) -> Result<bool> {
    let _ = (engine, hand_over);
    Err(Error::not_available("tokens"))
}

/// Makes a token of a project; it never exceeds its maker. The secret is there exactly once: a repeated request with the
/// same key answers with the token that the first one made, without its secret.
///
/// # Errors
/// `forbidden`, `project_not_found`, `invalid_name`, `invalid_scopes`, `invalid_expiry`, `idempotency_key_reused`.
pub async fn create(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    spec: TokenSpec,
    idempotency_key: Option<&str>,
) -> Result<(Token, Option<Secret>)> {
    let _ = (engine, caller, project, spec, idempotency_key);
    Err(Error::not_available("tokens"))
}

/// The tokens of a project.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn list(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<Vec<Token>> {
    let _ = (engine, caller, project);
    Err(Error::not_available("tokens"))
}

/// Revokes a token at once.
///
/// # Errors
/// `forbidden`, `project_not_found`, `token_not_found`.
pub async fn revoke(engine: &Engine, caller: &Caller, project: &ProjectId, id: &TokenId) -> Result<()> {
    let _ = (engine, caller, project, id);
    Err(Error::not_available("tokens"))
}
