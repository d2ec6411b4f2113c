//! The documents of API tokens: the tokens of a project with their places in its tree, the secrets that came later, and when
//! each was used last.

use auditwire_model::access::Scope;
use auditwire_model::{ProjectId, Timestamp, TokenId};
use serde::{Deserialize, Serialize};

use super::Document;

/// [`crate::store::RecordKind::Token`]; global, id = token id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum TokenRecord {
    /// Version 1: before tokens formed a tree. Read only.
    #[serde(rename = "1")]
    V1(TokenV1),
    /// Version 2.
    #[serde(rename = "2")]
    V2(Token),
}

impl Document for TokenRecord {}

impl From<Token> for TokenRecord {
    fn from(token: Token) -> Self {
        Self::V2(token)
    }
}

impl TokenRecord {
    /// The newest form. A token from before has no parent.
    #[must_use]
    pub fn into_current(self) -> Token {
        match self {
            Self::V1(old) => old.into(),
            Self::V2(token) => token,
        }
    }
}

/// An API token without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Public half; stays the same when the secret is made anew.
    pub id: TokenId,
    /// For people.
    pub name: String,
    /// `None`: the operator's.
    pub project: Option<ProjectId>,
    /// What it may do, as far as its makers still may.
    pub scopes: Vec<Scope>,
    /// The `source.id`s it may send; empty means any.
    pub sources: Vec<String>,
    /// Lower-case hex SHA-256 of the whole token text.
    pub sha256: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The token of the same project that made it, or that adopted it; `None`: an operator did.
    pub parent: Option<TokenId>,
    /// Identity of who made it, as audit events tell it; `None`: the service itself, or nobody knows any more.
    pub made_by: Option<String>,
    /// The end is as far from here as the token was to last when it was made. Moves with the end, when the token is renewed.
    pub lasts_from: Timestamp,
    /// Earlier secrets that may still open it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierSecret>,
}

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierSecret {
    /// Lower-case hex SHA-256 of the whole token text.
    pub sha256: String,
    /// It opens until then,
    pub until: Timestamp,
    /// and, when this is true, until its successor was used once: so a lost answer locks no operator out.
    pub until_used: bool,
}

impl EarlierSecret {
    /// Whether it still opens its token.
    #[must_use]
    pub fn opens(&self, now: Timestamp) -> bool {
        self.until_used || now < self.until
    }
}

/// A token of version 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the members of `Token` of the same names")]
pub struct TokenV1 {
    pub id: TokenId,
    pub name: String,
    pub project: Option<ProjectId>,
    pub scopes: Vec<Scope>,
    pub sources: Vec<String>,
    pub sha256: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

impl From<TokenV1> for Token {
    fn from(old: TokenV1) -> Self {
        let TokenV1 { id, name, project, scopes, sources, sha256, created_at, expires_at } = old;
        Self {
            id,
            name,
            project,
            scopes,
            sources,
            sha256,
            created_at,
            expires_at,
            parent: None,
            made_by: None,
            lasts_from: created_at,
            earlier: Vec::new(),
        }
    }
}

document!(
    /// [`crate::store::RecordKind::TokenSecret`]; global, id = the first 16 hex digits of the secret's hash. Only secrets
    /// that were made later have one: the first is found by the token's id.
    TokenSecretRecord,
    TokenSecret
);
/// Which token a secret opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenSecret {
    /// That token.
    pub token: TokenId,
}

document!(
    /// [`crate::store::RecordKind::TokenUse`]; global, id = token id. Apart from the token, so that using one never meets a
    /// change of it.
    TokenUseRecord,
    TokenUse
);
/// When a token was used last, to within five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUse {
    /// Then.
    pub at: Timestamp,
}

document!(
    /// [`crate::store::RecordKind::TokenTree`]; one per project, id `tree`. Every change of a project's tokens expects the
    /// version that it read and puts the next, so that no two of them decide on the same state.
    TokenTreeRecord,
    TokenTree
);
/// How often a project's tokens were changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenTree {
    /// Since its first change.
    pub changes: u64,
}
