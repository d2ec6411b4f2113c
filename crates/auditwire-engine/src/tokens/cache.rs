//! Tokens seen lately, so that a request costs no read of the store.

use std::collections::HashMap;
use std::time::Duration;

use auditwire_model::Timestamp;
use parking_lot::Mutex;

use crate::records::Token;

/// How long a token is believed without looking: another node's revocation is seen after this at the latest. Our own is
/// seen at once.
const BELIEVED: Duration = Duration::from_secs(5);
const TOKENS_MAX: usize = 10_000;

/// Tokens by their hash.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    generation: u64,
    tokens: HashMap<String, (Token, Timestamp)>,
}

impl Cache {
    pub(super) fn get(&self, sha256: &str, now: Timestamp) -> Option<Token> {
        let inner = self.0.lock();
        let (token, seen) = inner.tokens.get(sha256)?;
        (*seen <= now && now.since(*seen) < BELIEVED).then(|| token.clone())
    }

    /// Grows with each revocation.
    pub(super) fn generation(&self) -> u64 {
        self.0.lock().generation
    }

    /// Remembers a token that was read after `generation` was asked for. One that was revoked in between is not kept.
    pub(super) fn put(&self, generation: u64, token: Token, now: Timestamp) {
        let mut inner = self.0.lock();
        if inner.generation != generation {
            return;
        }
        if inner.tokens.len() >= TOKENS_MAX {
            inner.tokens.clear();
        }
        inner.tokens.insert(token.sha256.clone(), (token, now));
    }

    /// Forgets all: a token was revoked.
    pub(super) fn forget(&self) {
        let mut inner = self.0.lock();
        inner.generation += 1;
        inner.tokens.clear();
    }
}
