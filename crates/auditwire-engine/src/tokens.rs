//! API tokens: `aw_` and 64 hex digits of 256 random bits, shown once, stored hashed.
//!
//! A token's public id is the beginning of its first secret's hash, so a token is found by one read and compared in
//! constant time; secrets that it gets later lead to it by a record of their own. Tokens form a [`tree`] within a project:
//! one that a token made never does more than its makers still may, and ends with them. What operators make has no parent.

mod proof;
mod refusals;
mod revoke;
mod rights;
mod rotate;
mod tree;
mod uses;

use std::collections::HashMap;

use auditwire_model::access::{Caller, Scope, Verb};
use auditwire_model::{ProjectId, Timestamp, TokenId, reserved};

use crate::Engine;
use crate::audit::{self, Audit, action};
use crate::error::{Error, Kind, Result};
use crate::idempotency::{self, Known};
use crate::log::Submission;
use crate::projects::{authorize, checked_name, forbidden};
use crate::records::{Document, InstanceRecord, Token, TokenRecord};
use crate::secrets::{Secret, sha256_hex};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};

pub(crate) use proof::Known as Proved;
pub use proof::authenticate;
pub(crate) use refusals::Refusals;
pub use refusals::authenticate_from;
pub use revoke::{Descendants, RevokeError, revoke};
use rights::{Excess, Rights};
pub use rotate::{OVERLAP_DEFAULT, OVERLAP_MAX, rotate};
use tree::{DEPTH_MAX, Tree};
pub use uses::start;
pub(crate) use uses::{Uses, store_rest};

const TOKENS_MAX: usize = 1000;
const SOURCES_MAX: usize = 64;
/// Attempts at a change that others get ahead of.
const ATTEMPTS: usize = 5;
/// All that an operator's token may do.
const ALL_SCOPES: [Scope; 4] = [Scope::Ingest, Scope::Read, Scope::Configure, Scope::Metrics];

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

/// A token with what only its project's tree tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenView {
    /// As it is stored, without the earlier secrets that have ended.
    pub token: Token,
    /// When it really ends: by itself or with the first of those that it comes from.
    pub ends_at: Option<Timestamp>,
    /// The token that it comes from with which it ends, when that one ends first.
    pub ends_with: Option<TokenId>,
    /// When it was used last, as far as it is known.
    pub last_used_at: Option<Timestamp>,
    /// Those that it made or adopted, oldest first.
    pub children: Vec<TokenId>,
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
    let key = RecordKey::global(RecordKind::Instance, "instance");
    let Some(record) = engine.store.record(&key).await? else {
        return Err(Error::new(Kind::Internal, "internal", "the instance has no record"));
    };
    let mut instance = InstanceRecord::decode(&record)?.into_current();
    if instance.operator_token_made {
        return Ok(false);
    }
    let spec =
        TokenSpec { name: "operator".to_owned(), scopes: ALL_SCOPES.to_vec(), sources: Vec::new(), expires_at: None };
    let (token, secret) = make(None, None, &Caller::Service, spec, engine.clock.now())?;
    hand_over(&secret).map_err(|e| {
        Error::new(Kind::Internal, "operator_token_not_written", "the operator's token could not be written")
            .caused_by(e)
    })?;
    instance.operator_token_made = true;
    let effect = Effect::Put(InstanceRecord::from(instance).encode()?);
    let made = Change { key, expect: Expect::Version(record.version), effect };
    let told = created(&Caller::Service, &token);
    submit(engine, vec![told], &token, vec![put(&token)?, made]).await?;
    Ok(true)
}

/// Makes a token of a project; it never exceeds its maker, which is its parent when it is a token of the project. The secret
/// is there exactly once: a repeated request with the same key answers with the token that the first one made, without its
/// secret.
///
/// A token of project `system` is an operator's token: only an operator makes one, and it names all scopes.
///
/// # Errors
/// `forbidden`, `project_not_found`, `invalid_name`, `invalid_scopes`, `invalid_sources`, `invalid_expiry`,
/// `too_many_tokens`, `token_tree_too_deep`, `idempotency_key_reused`.
pub async fn create(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    spec: TokenSpec,
    idempotency_key: Option<&str>,
) -> Result<(TokenView, Option<Secret>)> {
    authorize(engine, caller, project, Verb::CreateToken).await?;
    let spec = checked(spec, engine.clock.now())?;
    let operator = *project == ProjectId::system();
    if operator && (!matches!(caller, Caller::Operator { .. }) || spec.scopes.len() < ALL_SCOPES.len()) {
        let detail = "a token of project 'system' is an operator's: only an operator makes one, with all scopes";
        return Err(Error::new(Kind::Forbidden, "forbidden", detail).in_field("scopes"));
    }
    tried_again(|| create_once(engine, caller, project, &spec, idempotency_key)).await
}

async fn create_once(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    spec: &TokenSpec,
    idempotency_key: Option<&str>,
) -> Result<(TokenView, Option<Secret>)> {
    let request = serde_json::to_vec(&(&spec.name, &spec.scopes, &spec.sources, &spec.expires_at)).unwrap_or_default();
    let pending =
        idempotency::look_up(engine, caller, action::TOKEN_CREATE, project, idempotency_key, &request).await?;
    // After the key: what the request made that was faster is in the tree, or the fence fails.
    let (tree, fence) = Tree::read(engine, project).await?;
    let pending = match pending {
        Known::Done(id) => {
            let id = TokenId::parse(&id).map_err(|_| tree::not_found())?;
            return Ok((view_of(engine, &tree, tree.get(&id)?).await?, None));
        }
        Known::New(pending) => pending,
    };
    let maker = match caller {
        Caller::Token { token, .. } => Some(within_maker(&tree, token, spec)?),
        Caller::Operator { .. } | Caller::Service => None,
    };
    if tree.len() >= TOKENS_MAX {
        let detail = format!("a project has at most {TOKENS_MAX} tokens; revoke those that nobody uses");
        return Err(Error::new(Kind::Conflict, "too_many_tokens", detail));
    }
    let now = engine.clock.now();
    let home = (*project != ProjectId::system()).then(|| project.clone());
    let (token, secret) = make(home, maker, caller, spec.clone(), now)?;
    let mut changes = vec![fence, put(&token)?];
    if let Some(pending) = pending {
        changes.extend(pending.changes(token.id.as_str(), now)?);
    }
    submit(engine, vec![created(caller, &token)], &token, changes).await?;
    // Within its maker's, so its own end is the first.
    let ends_at = token.expires_at;
    Ok((TokenView { token, ends_at, ends_with: None, last_used_at: None, children: Vec::new() }, Some(secret)))
}

/// The tokens of a project, oldest first; those of `system` are the operators'.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn list(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<Vec<TokenView>> {
    authorize(engine, caller, project, Verb::ListTokens).await?;
    let (tree, _) = Tree::read(engine, project).await?;
    let last = uses::all(engine).await?;
    let now = engine.clock.now();
    let mut views: Vec<_> = tree.all().map(|token| view(&tree, token, &last, now)).collect();
    views.sort_by(|a, b| (a.token.created_at, &a.token.id).cmp(&(b.token.created_at, &b.token.id)));
    Ok(views)
}

/// The tokens of every project, for those who look after all of them. Read at once: there may be many projects.
pub(crate) async fn of_all(engine: &Engine) -> Result<HashMap<ProjectId, Vec<TokenView>>> {
    let (trees, last) = (Tree::read_all(engine).await?, uses::all(engine).await?);
    let now = engine.clock.now();
    let views = |tree: &Tree| tree.all().map(|token| view(tree, token, &last, now)).collect();
    Ok(trees.iter().map(|(project, tree)| (project.clone(), views(tree))).collect())
}

async fn view_of(engine: &Engine, tree: &Tree, token: &Token) -> Result<TokenView> {
    Ok(view(tree, token, &uses::all(engine).await?, engine.clock.now()))
}

fn view(tree: &Tree, token: &Token, last: &HashMap<TokenId, Timestamp>, now: Timestamp) -> TokenView {
    let earlier = token.earlier.iter().filter(|secret| secret.opens(now)).cloned().collect();
    TokenView {
        ends_at: tree.rights(&token.id).map_or(token.expires_at, |rights| rights.ends_at),
        ends_with: tree.ends_with(&token.id).map(|maker| maker.id.clone()),
        last_used_at: last.get(&token.id).copied(),
        children: tree.children(&token.id).into_iter().map(|child| child.id.clone()).collect(),
        token: Token { earlier, ..token.clone() },
    }
}

/// Decides and commits anew when others changed the project's tokens meanwhile.
async fn tried_again<T, F: Future<Output = Result<T>>>(mut once: impl FnMut() -> F) -> Result<T> {
    for _ in 1..ATTEMPTS {
        match once().await {
            Err(error) if error.code == "conflict" => {}
            done => return done,
        }
    }
    once().await
}

fn checked(mut spec: TokenSpec, now: Timestamp) -> Result<TokenSpec> {
    spec.name = checked_name(&spec.name, "name")?;
    spec.scopes.sort_unstable();
    spec.scopes.dedup();
    if spec.scopes.is_empty() {
        let detail = "name at least one of ingest, read, configure and metrics";
        return Err(Error::invalid("invalid_scopes", "scopes", detail));
    }
    spec.sources.sort_unstable();
    spec.sources.dedup();
    let sane =
        |s: &String| (1..=128).contains(&s.len()) && !reserved::is_our_source(s) && !s.chars().any(char::is_control);
    if spec.sources.len() > SOURCES_MAX || !spec.sources.iter().all(sane) {
        let detail = format!("at most {SOURCES_MAX} names of 1 to 128 bytes; '{}' is reserved", audit::SOURCE);
        return Err(Error::invalid("invalid_sources", "sources", detail));
    }
    if spec.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::invalid("invalid_expiry", "expires_at", "the expiry lies in the past"));
    }
    Ok(spec)
}

/// A token never exceeds its maker: neither in scopes, nor in sources, nor in time, as the maker is at this moment.
fn within_maker(tree: &Tree, maker: &TokenId, spec: &TokenSpec) -> Result<TokenId> {
    let (Some(line), Some(rights)) = (tree.line(maker), tree.rights(maker)) else { return Err(forbidden()) };
    if line.len() >= DEPTH_MAX {
        let detail =
            format!("tokens stand at most {DEPTH_MAX} above each other; have a token nearer to the root make it");
        return Err(Error::new(Kind::Conflict, "token_tree_too_deep", detail));
    }
    let TokenSpec { scopes, sources, expires_at, .. } = spec.clone();
    match (Rights { scopes, sources, ends_at: expires_at }).beyond(&rights) {
        None => Ok(maker.clone()),
        Some(Excess::Scopes) => Err(forbidden().in_field("scopes")),
        Some(Excess::Sources) => Err(forbidden().in_field("sources")),
        Some(Excess::Expiry) => {
            let detail = "a token cannot outlive the token that makes it";
            Err(Error::invalid("invalid_expiry", "expires_at", detail))
        }
    }
}

fn make(
    project: Option<ProjectId>,
    parent: Option<TokenId>,
    by: &Caller,
    spec: TokenSpec,
    now: Timestamp,
) -> Result<(Token, Secret)> {
    let (secret, sha256) = fresh_secret()?;
    let TokenSpec { name, scopes, sources, expires_at } = spec;
    let token = Token {
        id: token_id(&sha256)?,
        name,
        project,
        scopes,
        sources,
        sha256,
        created_at: now,
        expires_at,
        parent,
        made_by: Some(by.id().to_owned()).filter(|id| !id.is_empty()),
        lasts_from: now,
        earlier: Vec::new(),
    };
    Ok((token, secret))
}

/// The text of a new token and its hash.
fn fresh_secret() -> Result<(Secret, String)> {
    let mut text = b"aw_".to_vec();
    text.extend_from_slice(hex::encode(Secret::random(32)?.expose()).as_bytes());
    let secret = Secret::new(text);
    let sha256 = sha256_hex(secret.expose());
    Ok((secret, sha256))
}

/// The public half: 64 bits of the hash of 256 random bits tell nothing about them.
fn token_id(sha256: &str) -> Result<TokenId> {
    TokenId::parse(&format!("t-{}", short(sha256))).map_err(|e| Error::new(Kind::Internal, "internal", e.to_string()))
}

fn short(sha256: &str) -> &str {
    sha256.get(..16).unwrap_or_default()
}

fn token_key(id: &TokenId) -> RecordKey {
    RecordKey::global(RecordKind::Token, id.as_str())
}

async fn find(engine: &Engine, id: &TokenId) -> Result<Option<Token>> {
    let record = engine.store.record(&token_key(id)).await?;
    record.map(|r| TokenRecord::decode(&r).map(TokenRecord::into_current)).transpose()
}

fn put(token: &Token) -> Result<Change> {
    Ok(Change { expect: Expect::Absent, ..put_changed(token)? })
}

/// (The tree's fence says that nobody else changed it.)
fn put_changed(token: &Token) -> Result<Change> {
    let effect = Effect::Put(TokenRecord::from(token.clone()).encode()?);
    Ok(Change { key: token_key(&token.id), expect: Expect::Any, effect })
}

fn created(caller: &Caller, token: &Token) -> Audit {
    audit_of(action::TOKEN_CREATE, caller, token).message(format!("API token {} was created", token.name))
}

fn audit_of(action: &'static str, caller: &Caller, token: &Token) -> Audit {
    let scopes = serde_json::to_string(&token.scopes).unwrap_or_default();
    let told = Audit::new(action, caller).on("token", &token.id).with("name", &token.name).with("scopes", scopes);
    match &token.parent {
        Some(parent) => told.with("parent", parent),
        None => told,
    }
}

/// Commits a change of `token`, and perhaps of others of its project, with what is told of it.
async fn submit(engine: &Engine, told: Vec<Audit>, token: &Token, changes: Vec<Change>) -> Result<()> {
    let (project, now) = (audit::home(token.project.as_ref()), engine.clock.now());
    let events = told.into_iter().map(|audit| audit.build(now)).collect();
    engine.log.submit(Submission { project: Some(project), events, changes }).await.map(|_| ())
}

#[cfg(test)]
mod tests;
