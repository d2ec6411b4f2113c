//! Prints what arrives: messages, problems, rates, a summary.

use serde_json::json;

use super::inspect::{Inspection, inspect};
use super::{Arrival, Content, Ledger};
use crate::failure::Result;
use crate::terminal::{self, Screen, Tone, escape, grouped};

/// Prints and counts.
pub(crate) struct Show {
    /// What has come so far.
    pub(crate) ledger: Ledger,
    json: bool,
    quiet: bool,
    screen: Screen,
    before: u64,
    /// The last line said that something came, so the next one says that nothing does any more.
    busy: bool,
}

impl Show {
    /// Nothing has come yet.
    pub(crate) fn new(json: bool, quiet: bool, screen: Screen) -> Self {
        Self { ledger: Ledger::default(), json, quiet, screen, before: 0, busy: false }
    }

    /// Counts and prints one arrival.
    pub(crate) fn arrival(&mut self, arrival: &Arrival) -> Result {
        let (bytes, framing) = match &arrival.content {
            Content::Message { bytes, framing } => (bytes, *framing),
            Content::Trouble(why) => return self.trouble(arrival, why),
        };
        let seen = inspect(bytes);
        let fresh = self.ledger.count(bytes.len(), seen.problems.is_empty(), seen.seq, seen.n);
        if self.json {
            return Ok(terminal::json(&json!({
                "via": arrival.via.name(), "peer": arrival.peer, "framing": framing, "bytes": bytes.len(),
                "format": seen.format, "valid": seen.problems.is_empty(), "problems": seen.problems, "repeat": !fresh,
                "seq": seen.seq, "n": seen.n, "event_id": seen.event_id, "fields": seen.fields,
                "text": String::from_utf8_lossy(bytes),
            }))?);
        }
        if self.quiet { self.problems(&seen) } else { self.message(bytes, &seen, fresh) }
    }

    fn message(&self, bytes: &[u8], seen: &Inspection, fresh: bool) -> Result {
        let text = String::from_utf8_lossy(bytes);
        let repeat = if fresh { String::new() } else { self.screen.paint(Tone::Dim, "(again) ") };
        terminal::line(format!("{repeat}{}", escape(&text)))?;
        self.problems(seen)
    }

    fn problems(&self, seen: &Inspection) -> Result {
        for problem in &seen.problems {
            terminal::line(self.screen.paint(Tone::Bad, format!("  ✗ {}: {}", seen.format, escape(problem))))?;
        }
        Ok(())
    }

    fn trouble(&mut self, arrival: &Arrival, why: &str) -> Result {
        self.ledger.troubles += 1;
        let said = format!("{}://{}: {why}", arrival.via.name(), arrival.peer);
        if self.json {
            terminal::json(&json!({ "via": arrival.via.name(), "peer": arrival.peer, "trouble": why }))?;
        } else {
            terminal::line(self.screen.paint(Tone::Bad, format!("  ✗ {}", escape(&said))))?;
        }
        Ok(())
    }

    /// Once a second.
    pub(crate) fn tick(&mut self) -> Result {
        let rate = self.ledger.messages - self.before;
        self.before = self.ledger.messages;
        let busy = std::mem::replace(&mut self.busy, rate > 0);
        if self.quiet && (rate > 0 || busy) {
            terminal::line(format!("{:>8}/s  {}", grouped(rate), self.summary()))?;
        }
        Ok(())
    }

    /// What came in all.
    pub(crate) fn end(&self) -> Result {
        if self.json {
            terminal::complain(&self.summary());
            return Ok(());
        }
        Ok(terminal::line(self.screen.paint(Tone::Dim, self.summary()))?)
    }

    fn summary(&self) -> String {
        let Ledger { messages, invalid, repeats, troubles, .. } = self.ledger;
        format!(
            "{} messages, {} different events, {} repeated, {} missing, {} invalid, {} broken links",
            grouped(messages),
            grouped(self.ledger.distinct()),
            grouped(repeats),
            grouped(self.ledger.missing()),
            grouped(invalid),
            grouped(troubles),
        )
    }
}
