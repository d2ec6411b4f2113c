//! API tokens: `aw_` and 64 hex digits of 256 random bits, shown once, stored hashed.
//!
//! A token's public id is the beginning of its hash, so a token is found by one read and compared in constant time.

mod refusals;

use auditwire_model::access::{Caller, Origin, Principal, Right, Scope};
use auditwire_model::{ProjectId, Timestamp, TokenId};

use crate::Engine;
use crate::audit::{self, Audit, action};
use crate::error::{Error, Kind, Result};
use crate::idempotency::{self, Known};
use crate::log::Submission;
use crate::projects::{authorize, checked_name, forbidden};
use crate::records::{Document, InstanceRecord, Token, TokenRecord};
use crate::secrets::{Secret, same, sha256_hex};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};

pub(crate) use refusals::Refusals;
pub use refusals::authenticate_from;

const TOKENS_MAX: usize = 1000;
const SOURCES_MAX: usize = 64;
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

/// Who asks with this token from `origin`; `None` when it is unknown, revoked or expired. Costs no read of the store for a token that was
/// seen within the last seconds.
///
/// # Errors
/// When the store fails.
pub async fn authenticate(engine: &Engine, token: &str, origin: &Origin) -> Result<Option<Caller>> {
    let digits = token.strip_prefix("aw_").filter(|d| d.len() == 64 && d.bytes().all(|c| c.is_ascii_hexdigit()));
    if digits.is_none() {
        return Ok(None);
    }
    let (now, sha256) = (engine.clock.now(), sha256_hex(token.as_bytes()));
    let cache = &engine.shared.tokens;
    let found = match cache.get(&sha256, now) {
        Some(found) => Some(found),
        None => {
            let generation = cache.generation();
            let found = find(engine, &token_id(&sha256)?).await?.filter(|t| same(&t.sha256, &sha256));
            if let Some(found) = &found {
                cache.put(generation, &sha256, found.clone(), now);
            }
            found
        }
    };
    Ok(found.filter(|t| t.expires_at.is_none_or(|end| now < end)).map(|t| caller_of(t, origin.clone())))
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
    let (token, secret) = make(None, spec, engine.clock.now())?;
    hand_over(&secret).map_err(|e| {
        Error::new(Kind::Internal, "operator_token_not_written", "the operator's token could not be written")
            .caused_by(e)
    })?;
    instance.operator_token_made = true;
    let effect = Effect::Put(InstanceRecord::from(instance).encode()?);
    let made = Change { key, expect: Expect::Version(record.version), effect };
    submit(engine, audit_of(action::TOKEN_CREATE, &Caller::Service, &token), &token, vec![put(&token)?, made]).await?;
    Ok(true)
}

/// Makes a token of a project; it never exceeds its maker. The secret is there exactly once: a repeated request with the
/// same key answers with the token that the first one made, without its secret.
///
/// A token of project `system` is an operator's token: only an operator makes one, and it names all scopes. So the
/// operator's token is rotated: make another one, then revoke the old one.
///
/// # Errors
/// `forbidden`, `project_not_found`, `invalid_name`, `invalid_scopes`, `invalid_sources`, `invalid_expiry`,
/// `too_many_tokens`, `idempotency_key_reused`.
pub async fn create(
    engine: &Engine,
    caller: &Caller,
    project: &ProjectId,
    spec: TokenSpec,
    idempotency_key: Option<&str>,
) -> Result<(Token, Option<Secret>)> {
    authorize(engine, caller, project, &[Right::Configure(project)]).await?;
    let now = engine.clock.now();
    let spec = checked(spec, now)?;
    let operator = *project == ProjectId::system();
    if operator && (!matches!(caller, Caller::Operator { .. }) || spec.scopes.len() < ALL_SCOPES.len()) {
        let detail = "a token of project 'system' is an operator's: only an operator makes one, with all scopes";
        return Err(Error::new(Kind::Forbidden, "forbidden", detail).in_field("scopes"));
    }
    within_maker(engine, caller, &spec).await?;
    let request = serde_json::to_vec(&(&spec.name, &spec.scopes, &spec.sources, &spec.expires_at)).unwrap_or_default();
    let pending = match idempotency::look_up(engine, caller, "token-create", project, idempotency_key, &request).await?
    {
        Known::Done(id) => return Ok((of_project(engine, project, &id).await?, None)),
        Known::New(pending) => pending,
    };
    if list(engine, caller, project).await?.len() >= TOKENS_MAX {
        return Err(Error::new(
            Kind::Conflict,
            "too_many_tokens",
            format!("a project has at most {TOKENS_MAX} tokens"),
        ));
    }
    let (token, secret) = make((!operator).then(|| project.clone()), spec, now)?;
    let mut changes = vec![put(&token)?];
    if let Some(pending) = pending {
        changes.extend(pending.changes(token.id.as_str(), now)?);
    }
    submit(engine, audit_of(action::TOKEN_CREATE, caller, &token), &token, changes).await?;
    Ok((token, Some(secret)))
}

/// The tokens of a project, oldest first; those of `system` are the operators'.
///
/// # Errors
/// `forbidden`, `project_not_found`.
pub async fn list(engine: &Engine, caller: &Caller, project: &ProjectId) -> Result<Vec<Token>> {
    authorize(engine, caller, project, &[Right::Configure(project)]).await?;
    let mut tokens = Vec::new();
    for record in engine.store.records(RecordKind::Token, None).await? {
        tokens.push(TokenRecord::decode(&record)?.into_current());
    }
    tokens.retain(|t| audit::home(t.project.as_ref()) == *project);
    tokens.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    Ok(tokens)
}

/// Revokes a token at once.
///
/// # Errors
/// `forbidden`, `project_not_found`, `token_not_found`; `last_operator_token`, because nobody could make another.
pub async fn revoke(engine: &Engine, caller: &Caller, project: &ProjectId, id: &TokenId) -> Result<()> {
    authorize(engine, caller, project, &[Right::Configure(project)]).await?;
    let token = of_project(engine, project, id.as_str()).await?;
    let now = engine.clock.now();
    if token.project.is_none() {
        let lasting = |t: &Token| t.id != *id && t.expires_at.is_none_or(|end| now < end);
        if !list(engine, caller, project).await?.iter().any(lasting) {
            let detail = "this is the last operator's token; make another one first";
            return Err(Error::new(Kind::Conflict, "last_operator_token", detail));
        }
    }
    let key = RecordKey::global(RecordKind::Token, id.as_str());
    let gone = Change { key, expect: Expect::Any, effect: Effect::Delete };
    submit(engine, audit_of(action::TOKEN_REVOKE, caller, &token), &token, vec![gone]).await?;
    engine.shared.tokens.forget();
    Ok(())
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
    let sane = |s: &String| (1..=128).contains(&s.len()) && s != audit::SOURCE && !s.chars().any(char::is_control);
    if spec.sources.len() > SOURCES_MAX || !spec.sources.iter().all(sane) {
        let detail = format!("at most {SOURCES_MAX} names of 1 to 128 bytes; '{}' is reserved", audit::SOURCE);
        return Err(Error::invalid("invalid_sources", "sources", detail));
    }
    if spec.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::invalid("invalid_expiry", "expires_at", "the expiry lies in the past"));
    }
    Ok(spec)
}

/// A token never exceeds its maker: neither in scopes, nor in sources, nor in time.
async fn within_maker(engine: &Engine, caller: &Caller, spec: &TokenSpec) -> Result<()> {
    let Caller::Token { token, scopes, sources, .. } = caller else { return Ok(()) };
    if !spec.scopes.iter().all(|s| scopes.contains(s)) {
        return Err(forbidden().in_field("scopes"));
    }
    let ingests = spec.scopes.contains(&Scope::Ingest);
    let narrower = !spec.sources.is_empty() && spec.sources.iter().all(|s| sources.contains(s));
    if ingests && !sources.is_empty() && !narrower {
        return Err(forbidden().in_field("sources"));
    }
    let maker_end = find(engine, token).await?.and_then(|t| t.expires_at);
    if maker_end.is_some_and(|end| spec.expires_at.is_none_or(|wanted| wanted > end)) {
        let detail = "a token cannot outlive the token that makes it";
        return Err(Error::invalid("invalid_expiry", "expires_at", detail));
    }
    Ok(())
}

fn make(project: Option<ProjectId>, spec: TokenSpec, now: Timestamp) -> Result<(Token, Secret)> {
    let mut text = b"aw_".to_vec();
    text.extend_from_slice(hex::encode(Secret::random(32)?.expose()).as_bytes());
    let secret = Secret::new(text);
    let sha256 = sha256_hex(secret.expose());
    let TokenSpec { name, scopes, sources, expires_at } = spec;
    let id = token_id(&sha256)?;
    Ok((Token { id, name, project, scopes, sources, sha256, created_at: now, expires_at }, secret))
}

/// The public half: 64 bits of the hash of 256 random bits tell nothing about them.
fn token_id(sha256: &str) -> Result<TokenId> {
    let short = sha256.get(..16).unwrap_or_default();
    TokenId::parse(&format!("t-{short}")).map_err(|e| Error::new(Kind::Internal, "internal", e.to_string()))
}

fn caller_of(token: Token, origin: Origin) -> Caller {
    match token.project {
        None => Caller::Operator { by: Principal::Token(token.id), origin },
        Some(project) => {
            Caller::Token { token: token.id, project, scopes: token.scopes, sources: token.sources, origin }
        }
    }
}

async fn find(engine: &Engine, id: &TokenId) -> Result<Option<Token>> {
    let record = engine.store.record(&RecordKey::global(RecordKind::Token, id.as_str())).await?;
    record.map(|r| TokenRecord::decode(&r).map(TokenRecord::into_current)).transpose()
}

async fn of_project(engine: &Engine, project: &ProjectId, id: &str) -> Result<Token> {
    let found = match TokenId::parse(id) {
        Ok(id) => find(engine, &id).await?.filter(|t| audit::home(t.project.as_ref()) == *project),
        Err(_) => None,
    };
    found.ok_or_else(|| Error::new(Kind::NotFound, "token_not_found", "there is no such token in this project"))
}

fn put(token: &Token) -> Result<Change> {
    let effect = Effect::Put(TokenRecord::from(token.clone()).encode()?);
    Ok(Change { key: RecordKey::global(RecordKind::Token, token.id.as_str()), expect: Expect::Absent, effect })
}

fn audit_of(action: &'static str, caller: &Caller, token: &Token) -> Audit {
    let scopes = serde_json::to_string(&token.scopes).unwrap_or_default();
    let done = if action == action::TOKEN_CREATE { "created" } else { "revoked" };
    Audit::new(action, caller)
        .on("token", &token.id)
        .with("name", &token.name)
        .with("scopes", scopes)
        .message(format!("API token {} was {done}", token.name))
}

async fn submit(engine: &Engine, audit: Audit, token: &Token, changes: Vec<Change>) -> Result<()> {
    let project = audit::home(token.project.as_ref());
    let events = vec![audit.build(engine.clock.now())];
    engine.log.submit(Submission { project: Some(project), events, changes }).await.map(|_| ())
}

#[cfg(test)]
mod tests;
