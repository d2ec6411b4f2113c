//! The tokens of a project as a tree: who comes from whom, and what is left of each one's rights. Read whole, because a
//! project has at most a thousand; every change of it is fenced, so that no two changes decide on the same state.

use std::collections::BTreeMap;

use auditwire_model::access::Caller;
use auditwire_model::{ProjectId, TokenId};

use super::rights::Rights;
use crate::Engine;
use crate::audit;
use crate::error::{Error, Kind, Result};
use crate::projects::forbidden;
use crate::records::{Document, Token, TokenRecord, TokenTree, TokenTreeRecord};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};

/// How many tokens may stand above each other.
pub(super) const DEPTH_MAX: usize = 8;

/// The tokens of one project.
#[derive(Debug, Default)]
pub(super) struct Tree {
    tokens: BTreeMap<TokenId, Token>,
}

impl Tree {
    /// The tokens of a project, with what every change that is decided on them must include.
    pub(super) async fn read(engine: &Engine, project: &ProjectId) -> Result<(Self, Change)> {
        // Before the tokens: what changes in between fails the fence.
        let fence = fence(engine, project).await?;
        let mut tree = Self::default();
        for record in engine.store.records(RecordKind::Token, None).await? {
            let token = TokenRecord::decode(&record)?.into_current();
            if audit::home(token.project.as_ref()) == *project {
                tree.tokens.insert(token.id.clone(), token);
            }
        }
        Ok((tree, fence))
    }

    /// The tokens of every project that has some.
    pub(super) async fn read_all(engine: &Engine) -> Result<BTreeMap<ProjectId, Self>> {
        let mut trees: BTreeMap<_, Self> = BTreeMap::new();
        for record in engine.store.records(RecordKind::Token, None).await? {
            let token = TokenRecord::decode(&record)?.into_current();
            let tree = trees.entry(audit::home(token.project.as_ref())).or_default();
            tree.tokens.insert(token.id.clone(), token);
        }
        Ok(trees)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Token> {
        self.tokens.values()
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The token of that id.
    pub(super) fn get(&self, id: &TokenId) -> Result<&Token> {
        self.tokens.get(id).ok_or_else(not_found)
    }

    /// The token, what made it, what made that, and so on up to the root; `None` when one of them is not there. A line
    /// longer than a tree can be tall is none.
    pub(super) fn line(&self, id: &TokenId) -> Option<Vec<&Token>> {
        let mut line = vec![self.tokens.get(id)?];
        while let Some(parent) = line.last().and_then(|token| token.parent.as_ref()) {
            line.push(self.tokens.get(parent).filter(|_| line.len() < DEPTH_MAX)?);
        }
        Some(line)
    }

    /// What is left of a token's rights.
    pub(super) fn rights(&self, id: &TokenId) -> Option<Rights> {
        self.line(id).and_then(|line| common(&line))
    }

    /// The token that it comes from with which it ends; `None`: it ends by itself, or not at all.
    pub(super) fn ends_with(&self, id: &TokenId) -> Option<&Token> {
        let line = self.line(id)?;
        let ends = |token: &&&Token| token.expires_at;
        let first = line.iter().filter(|token| token.expires_at.is_some()).min_by_key(ends)?;
        (first.id != *id).then_some(*first)
    }

    /// Whether `id` comes from `from`, in however many steps.
    pub(super) fn comes_from(&self, id: &TokenId, from: &TokenId) -> bool {
        self.line(id).is_some_and(|line| line.iter().skip(1).any(|token| token.id == *from))
    }

    /// Those that it made, oldest first.
    pub(super) fn children(&self, id: &TokenId) -> Vec<&Token> {
        let mut children: Vec<_> = self.all().filter(|token| token.parent.as_ref() == Some(id)).collect();
        children.sort_by_key(|token| (token.created_at, &token.id));
        children
    }

    /// All that come from it, makers before what they made.
    pub(super) fn descendants(&self, id: &TokenId) -> Vec<&Token> {
        let mut found = self.children(id);
        let mut next = 0;
        while let Some(token) = found.get(next) {
            next += 1;
            // No token can come from itself, but what is stored must not be able to hold us here.
            if found.len() <= self.len() {
                found.extend(self.children(&token.id));
            }
        }
        found
    }

    /// Refuses a token that reaches beyond itself and what comes from it: the secret of another one, or a place in the
    /// tree that outlives its own, would be more than it has.
    pub(super) fn demand_own(&self, caller: &Caller, id: &TokenId, itself: bool) -> Result<()> {
        let Caller::Token { token, .. } = caller else { return Ok(()) };
        if (itself && token == id) || self.comes_from(id, token) {
            return Ok(());
        }
        let detail = "a token does this only to what comes from it; ask the maker of this token, or an operator";
        Err(Error { detail: detail.to_owned(), ..forbidden() })
    }
}

/// What all tokens of a line have in common.
pub(super) fn common<'a>(line: impl IntoIterator<Item = &'a &'a Token>) -> Option<Rights> {
    line.into_iter().map(|token| Rights::given(token)).reduce(|rights, maker| rights.and(&maker))
}

pub(super) fn not_found() -> Error {
    Error::new(Kind::NotFound, "token_not_found", "there is no such token in this project")
}

/// What every change of a project's tokens puts: it fails when another one was faster.
pub(super) async fn fence(engine: &Engine, project: &ProjectId) -> Result<Change> {
    let key = RecordKey::of(RecordKind::TokenTree, project, "tree");
    let (expect, before) = match engine.store.record(&key).await? {
        Some(record) => (Expect::Version(record.version), TokenTreeRecord::decode(&record)?.into_current()),
        None => (Expect::Absent, TokenTree::default()),
    };
    let after = TokenTree { changes: before.changes.saturating_add(1) };
    Ok(Change { key, expect, effect: Effect::Put(TokenTreeRecord::from(after).encode()?) })
}
