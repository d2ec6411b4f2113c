//! What the demo shows while it runs: the first messages as the SIEM got them, then one line of rates.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::tally::{FIRST, Tally};
use crate::failure::Result;
use crate::lifecycle::Lifecycle;
use crate::terminal::{self, Screen, Tone, escape, grouped, shorten};

/// The rest must arrive within this time after the last post.
const REST_WITHIN: Duration = Duration::from_secs(20);
/// A terminal line is repainted; anywhere else a line a second is enough.
const REPAINT: Duration = Duration::from_millis(200);
const REPEAT: Duration = Duration::from_secs(1);

/// Shows until everything posted has arrived, or the wait for it is over.
pub(super) async fn show(
    tally: &Tally,
    begun: Instant,
    posted: &CancellationToken,
    lifecycle: &Lifecycle,
    screen: Screen,
) -> Result {
    screen.say(format!("\n{}\n", screen.paint(Tone::Bold, "The first messages, as the SIEM received them")))?;
    let mut tick = tokio::time::interval(if screen.fancy { REPAINT } else { REPEAT });
    let mut display = Display { screen, shown: 0, rate: 0, before: (begun, 0) };
    let ended = async {
        posted.cancelled().await;
        let _ = tokio::time::timeout(REST_WITHIN, tally.all_arrived()).await;
    };
    tokio::pin!(ended);
    loop {
        tokio::select! {
            () = &mut ended => break,
            () = lifecycle.hard.cancelled() => break,
            _ = tick.tick() => display.paint(tally, begun)?,
        }
    }
    display.paint(tally, begun)?;
    if screen.fancy {
        terminal::raw("\r\x1b[2K")?;
    }
    Ok(())
}

struct Display {
    screen: Screen,
    /// Messages shown.
    shown: u64,
    /// Deliveries per second over the last whole second, and where that second began.
    rate: u64,
    before: (Instant, u64),
}

impl Display {
    fn paint(&mut self, tally: &Tally, begun: Instant) -> Result {
        let first = std::mem::take(&mut tally.counts().first);
        for message in first {
            self.message(&message)?;
        }
        if self.shown == 0 {
            return Ok(());
        }
        let line = self.rates(tally, begun);
        if self.screen.fancy {
            terminal::raw(format!("\r\x1b[2K{}", shorten(&line, self.screen.columns - 1)))?;
        } else {
            self.screen.say(line)?;
        }
        Ok(())
    }

    /// The first message whole, so that every field can be seen; of the others the beginning.
    fn message(&mut self, message: &str) -> Result {
        let safe = escape(message);
        let text = if self.shown == 0 { safe.into_owned() } else { shorten(&safe, 2 * self.screen.columns - 6) };
        self.screen.say(format!("  {text}\n"))?;
        self.shown += 1;
        if self.shown == FIRST {
            self.screen.say(format!("{}\n", self.screen.paint(Tone::Bold, "And so on, event by event")))?;
        }
        Ok(())
    }

    fn rates(&mut self, tally: &Tally, begun: Instant) -> String {
        let now = Instant::now();
        let counts = tally.counts();
        let (then, delivered) = self.before;
        let millis = u64::try_from((now - then).as_millis()).unwrap_or(u64::MAX);
        // Over less than most of a second a rate only flickers.
        if millis >= 900 || (self.rate == 0 && millis > 0) {
            self.rate = (counts.delivered - delivered) * 1000 / millis;
            self.before = (now, counts.delivered);
        }
        let line = format!(
            "  {:>5.1} s  {} posted  {} delivered  {}/s  backlog {}  latency {}",
            (now - begun).as_secs_f64(),
            grouped(counts.accepted),
            grouped(counts.delivered),
            grouped(self.rate),
            grouped(counts.backlog()),
            millis_text(counts.recent_latency()),
        );
        line
    }
}

/// `2.1 ms`.
pub(super) fn millis_text(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}
