//! When each token was used last. Remembered in memory at each use and stored in steps of five minutes, so that using a
//! token costs no write.

use std::collections::HashMap;
use std::time::Duration;

use auditwire_model::{Timestamp, TokenId};
use parking_lot::Mutex;

use crate::Engine;
use crate::error::Result;
use crate::log::Submission;
use crate::records::{Document, TokenUse, TokenUseRecord};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};
use crate::tasks::Task;

/// What is stored is this much behind at most, after a crash.
const STEP: Duration = Duration::from_secs(300);
/// How often is looked for what is to be stored.
const LOOK: Duration = Duration::from_secs(60);
/// Tokens in one commit at most.
const COMMIT_MAX: usize = 256;

/// The last uses of all tokens since the process began.
/// A clock that shows so much less than before was set back.
const SET_BACK: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<HashMap<TokenId, Use>>);

#[derive(Debug, Clone, Copy)]
struct Use {
    at: Timestamp,
    stored: Option<Timestamp>,
}

impl Uses {
    pub(super) fn note(&self, token: &TokenId, now: Timestamp) {
        let mut uses = self.0.lock();
        match uses.get_mut(token) {
            // A little earlier: requests side by side. Much: the clock was set back.
            Some(last) if now < last.at && last.at.since(now) < SET_BACK => {}
            Some(last) => last.at = now,
            None => drop(uses.insert(token.clone(), Use { at: now, stored: None })),
        }
    }

    pub(super) fn forget(&self, token: &TokenId) {
        self.0.lock().remove(token);
    }

    /// Those that are stored too far behind.
    fn due(&self, step: Duration) -> Vec<(TokenId, Timestamp)> {
        let uses = self.0.lock();
        let behind =
            |last: &Use| last.stored.is_none_or(|stored| last.at != stored && last.at.abs_diff(stored) >= step);
        uses.iter().filter(|(_, last)| behind(last)).map(|(token, last)| (token.clone(), last.at)).collect()
    }

    fn stored(&self, tokens: &[(TokenId, Timestamp)]) {
        let mut uses = self.0.lock();
        for (token, at) in tokens {
            if let Some(last) = uses.get_mut(token) {
                last.stored = Some(*at);
            }
        }
    }
}

/// Stores uses again and again, until the engine closes. Returns at once.
pub fn start(engine: &Engine) {
    engine.keep(Task::TokenUses, |storing| async move {
        while storing.unless_closing(tokio::time::sleep(LOOK)).await.is_ok() {
            if let Err(error) = store(&storing, STEP).await {
                tracing::warn!(%error, "when tokens were used last could not be stored; trying again");
            }
        }
    });
}

/// Stores the uses that nothing has stored yet, at the end of the process.
pub(crate) async fn store_rest(engine: &Engine) {
    if let Err(error) = store(engine, Duration::ZERO).await {
        tracing::warn!(%error, "when tokens were used last could not be stored");
    }
}

async fn store(engine: &Engine, step: Duration) -> Result<()> {
    for part in engine.shared.uses.due(step).chunks(COMMIT_MAX) {
        let mut changes = Vec::new();
        for (token, at) in part {
            // A token that was revoked meanwhile leaves nothing behind: the fence fails the commit, and the next look
            // forgets it.
            let key = RecordKey::global(RecordKind::Token, token.as_str());
            let Some(record) = engine.store.record(&key).await? else {
                engine.shared.uses.forget(token);
                continue;
            };
            changes.push(Change { key, expect: Expect::Version(record.version), effect: Effect::None });
            let effect = Effect::Put(TokenUseRecord::from(TokenUse { at: *at }).encode()?);
            changes.push(Change { key: key_of(token), expect: Expect::Any, effect });
        }
        if !changes.is_empty() {
            engine.log.submit(Submission { changes, ..Submission::default() }).await?;
        }
        engine.shared.uses.stored(part);
    }
    Ok(())
}

/// When each token was used last, as far as it is known.
pub(super) async fn all(engine: &Engine) -> Result<HashMap<TokenId, Timestamp>> {
    let mut last = HashMap::new();
    for record in engine.store.records(RecordKind::TokenUse, None).await? {
        let at = TokenUseRecord::decode(&record)?.into_current().at;
        if let Ok(token) = TokenId::parse(&record.key.id) {
            last.insert(token, at);
        }
    }
    for (token, seen) in engine.shared.uses.0.lock().iter() {
        let at = last.entry(token.clone()).or_insert(seen.at);
        *at = (*at).max(seen.at);
    }
    Ok(last)
}

pub(super) fn key_of(token: &TokenId) -> RecordKey {
    RecordKey::global(RecordKind::TokenUse, token.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_under_a_clock_that_was_ahead_is_not_the_last_one_for_years() {
        let (uses, token) = (Uses::default(), TokenId::parse("t-1").unwrap());
        let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000).unwrap();
        let due = || uses.due(Duration::from_secs(60)).into_iter().map(|(_, at)| at).collect::<Vec<_>>();
        uses.note(&token, at(1_000_000));
        uses.stored(&[(token.clone(), at(1_000_000))]);
        uses.note(&token, at(999_999));
        assert_eq!(due(), [], "requests side by side");
        uses.note(&token, at(100));
        assert_eq!(due(), [at(100)], "the clock was set back");
    }
}
