//! What is told of a clock that went further than time did: events that would end by it are kept, and an operator decides.

use std::time::Duration;

use super::{Ending, keeping};
use crate::error::Result;
use crate::log::error;
use crate::log::times::Trusted;
use crate::log::upkeep::Keeper;
use crate::readiness::Trouble;

/// How often the events are counted anew.
const COUNT_EVERY: Duration = Duration::from_secs(600);

impl Keeper {
    /// Raises the trouble and clears it, with how far the clock went and about how many events would end.
    pub(super) async fn tell_held(&mut self, trusted: &Trusted) -> Result<()> {
        let Some(beyond) = trusted.held else {
            self.held_counted = None;
            self.shared.readiness.clear(Trouble::ExpiryHeld);
            return Ok(());
        };
        let now = self.shared.clock.monotonic();
        if self.held_counted.is_some_and(|at| now.saturating_sub(at) < COUNT_EVERY) {
            return Ok(());
        }
        let (events, more) = self.would_end().await?;
        let (about, days) = (if more { "more than" } else { "about" }, beyond.as_secs_f64() / 86_400.0);
        let detail =
            format!("the clock went {days:.1} days further than time did; {about} {events} events would end by it");
        self.shared.readiness.raise(Trouble::ExpiryHeld, detail);
        self.held_counted = Some(now);
        Ok(())
    }

    /// How many events would end if the clock were believed, and whether more were not looked at.
    async fn would_end(&self) -> Result<(u64, bool)> {
        let (now, mut events, mut more) = (self.shared.clock.now(), 0, false);
        for size in self.shared.store.sizes().await.map_err(error::read)? {
            let (keeping, _) = keeping(&*self.shared.store, &size.project).await?;
            let (spans, Ending { by_age, by_size }) = self.ending(&size, keeping.set, now).await?;
            let ending = spans.get(..by_age + by_size).unwrap_or_default();
            events += ending.iter().map(|sealed| u64::from(sealed.span.rows)).sum::<u64>();
            more |= ending.len() == super::SPANS as usize;
        }
        Ok((events, more))
    }
}
