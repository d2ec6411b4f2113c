//! Requests that were refused for want of a right, or because they asked of another project: counted, and told once when they
//! repeat. Whoever tries doors one after the other shall not do so unseen.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use auditwire_model::access::{Caller, Decision, Verb};
use auditwire_model::{ProjectId, TokenId};

use crate::Engine;
use crate::audit::{Audit, action};
use crate::log::Submission;
use crate::windows::Windows;

const WINDOW: Duration = Duration::from_secs(60);
/// So many of one token within a minute are told, once.
const REPEATED: u32 = 10;

/// Refusals since the start, and those of each token in the present minute. Bounded in memory.
#[derive(Debug)]
pub(crate) struct Denials {
    forbidden: AtomicU64,
    hidden: AtomicU64,
    lately: Windows<TokenId>,
}

impl Default for Denials {
    fn default() -> Self {
        Self { forbidden: AtomicU64::new(0), hidden: AtomicU64::new(0), lately: Windows::new(WINDOW) }
    }
}

/// How many requests were refused since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Denied {
    /// A right was missing (403).
    pub forbidden: u64,
    /// Of another project than the token's (404).
    pub hidden: u64,
}

/// How many requests were refused since the start.
#[must_use]
pub fn denied(engine: &Engine) -> Denied {
    let Denials { forbidden, hidden, .. } = &engine.shared.denials;
    Denied { forbidden: forbidden.load(Ordering::Relaxed), hidden: hidden.load(Ordering::Relaxed) }
}

/// Counts a refusal, and tells the token's project when it is the tenth of the token within a minute.
pub(crate) async fn note(
    engine: &Engine,
    caller: &Caller,
    verb: Verb,
    project: Option<&ProjectId>,
    decision: Decision,
) {
    let Caller::Token { token, project: own, .. } = caller else { return };
    let denials = &engine.shared.denials;
    let (count, code, why) = match decision {
        Decision::Allowed => return,
        Decision::Forbidden => (&denials.forbidden, "403", "the right is missing"),
        Decision::Hidden => (&denials.hidden, "404", "the project is not the token's own"),
    };
    count.fetch_add(1, Ordering::Relaxed);
    let now = engine.clock.now();
    if denials.lately.count(token.clone(), engine.clock.monotonic()).number != REPEATED {
        return;
    }
    let event = Audit::new(action::ACCESS_REFUSED, caller)
        .on("token", token)
        .with("refused", REPEATED)
        .with("verb", format!("{verb:?}"))
        .with("project", project.map_or("", ProjectId::as_str))
        .failed(code, why)
        .message(format!("{REPEATED} requests of API token {token} were refused within a minute; the last one: {why}"))
        .build(now);
    let submission = Submission { project: Some(own.clone()), events: vec![event], changes: Vec::new() };
    // A log that cannot take the event must not turn a refusal into another error.
    if let Err(error) = engine.log.submit(submission).await {
        tracing::warn!(%error, "repeated refusals could not be written to the log");
    }
}
