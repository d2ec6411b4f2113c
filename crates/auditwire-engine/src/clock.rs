//! The clock as an operator sees it: what is believed of it, and the word that it is right. The log itself decides what ends
//! by it (`log::times`).

use auditwire_model::Severity;
use auditwire_model::access::{Caller, Verb};

use crate::Engine;
use crate::audit::{Audit, action};
use crate::error::Result;
pub use crate::log::ClockState;
use crate::projects::authorize_above;

/// What is believed of the clock. Operator only.
///
/// # Errors
/// `forbidden`.
pub async fn get(engine: &Engine, caller: &Caller) -> Result<ClockState> {
    authorize_above(engine, caller, Verb::GetClock).await?;
    engine.log.clock().await
}

/// The clock is right now: new events are received by it again, what was received ahead of it counts as received now, and
/// events end by it again. Operator only. When nothing was wrong, nothing is done and nothing told.
///
/// # Errors
/// `forbidden`; as [`Log::submit`](crate::log::Log::submit).
pub async fn accept(engine: &Engine, caller: &Caller) -> Result<ClockState> {
    authorize_above(engine, caller, Verb::AcceptClock).await?;
    let before = engine.log.clock().await?;
    if before.ahead.is_none() && before.held.is_none() {
        return Ok(before);
    }
    let ClockState { now, ahead, held, .. } = before;
    let event = Audit::new(action::CLOCK_ACCEPT, caller)
        .severity(Severity::Warning)
        .on("clock", "clock")
        .with("now", now)
        .with("newest", before.newest.map(|at| at.to_string()).unwrap_or_default())
        .with("trusted", before.trusted)
        .with("ahead_seconds", ahead.unwrap_or_default().as_secs())
        .with("held_seconds", held.unwrap_or_default().as_secs())
        .message(format!(
            "The clock was accepted as right: it shows {}. What was received later than that counts as received then, and events \
             end by it again",
            now.whole_seconds()
        ))
        .build(now);
    engine.log.accept_clock(event).await?;
    engine.log.clock().await
}

#[cfg(test)]
mod tests;
