//! What the demo says at the end: the account of every event, and what to try next.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::progress::millis_text;
use super::stream::Plan;
use super::tally::Tally;
use crate::failure::Result;
use crate::terminal::{Screen, Tone, escape, grouped};

/// The account.
pub(super) fn show(tally: &Tally, took: Duration, connection: &Value, plan: &Plan, screen: Screen) -> Result {
    let counts = tally.counts();
    let rate = counts.accepted * 1000 / u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    let row =
        |name: &str, text: String| screen.say(format!("  {} {text}", screen.paint(Tone::Dim, format!("{name:<10}"))));
    screen.say("")?;
    row(
        "posted",
        format!(
            "{} events in {:.1} s ({}/s), each answered after it was synced to disk",
            grouped(counts.accepted),
            took.as_secs_f64(),
            grouped(rate)
        ),
    )?;
    if counts.duplicates + counts.rejected > 0 {
        let (duplicates, rejected) = (grouped(counts.duplicates), grouped(counts.rejected));
        row("", format!("{duplicates} recognised as already there (same seed, same log), {rejected} refused"))?;
    }
    row(
        "delivered",
        format!(
            "{} of {}; {} missing, {} repeated, {} invalid messages",
            grouped(counts.delivered),
            grouped(counts.accepted),
            grouped(counts.backlog()),
            grouped(counts.ledger.repeats),
            grouped(counts.ledger.invalid),
        ),
    )?;
    row(
        "latency",
        format!(
            "from post to SIEM: median {}, 99 % under {}",
            millis_text(counts.latency(0.5)),
            millis_text(counts.latency(0.99))
        ),
    )?;
    row("log", format!("acknowledged up to seq {}", connection["delivery"]["acknowledged"]))?;
    row("seed", plan.seed.to_string())?;
    if let Some(problem) = &counts.problem {
        screen.say(screen.paint(Tone::Bad, format!("  ✗ {}", escape(problem))))?;
    }
    Ok(())
}

/// The account for programs.
pub(super) fn account(tally: &Tally, took: Duration, plan: &Plan) -> Value {
    let counts = tally.counts();
    json!({
        "accepted": counts.accepted, "duplicates": counts.duplicates, "rejected": counts.rejected,
        "delivered": counts.delivered, "missing": counts.backlog(), "repeated": counts.ledger.repeats,
        "invalid": counts.ledger.invalid, "seconds": took.as_secs_f64(), "seed": plan.seed,
        "latency_median_ms": counts.latency(0.5).as_secs_f64() * 1000.0,
        "latency_p99_ms": counts.latency(0.99).as_secs_f64() * 1000.0,
    })
}

/// What to try next, to be copied.
pub(super) fn next_steps(kept: Option<&Path>, link: Option<&str>, screen: Screen) -> Result {
    let program = std::env::args().next().unwrap_or_else(|| "auditwire".into());
    let data = kept.map_or_else(|| "./audit".to_owned(), |path| path.display().to_string());
    let good = screen.paint(Tone::Good, "Every event that was posted has arrived.");
    let head = screen.paint(Tone::Bold, "Try next");
    let console = match link {
        Some(link) => format!("{}  # the console, as long as this runs; Ctrl-C ends it", escape(link)),
        None => format!("{program} demo --stay                  # and look at it in the console"),
    };
    let text = format!(
        r#"
{good}

{head}

  {console}

  {program} serve --data {data}        # the service by itself; prints a link to its console
  {program} receive                    # in a second terminal: plays the SIEM

  # in a third one:
  export AUDITWIRE_TOKEN="$(cat {data}/operator.token)"
  {program} connections create --name siem --endpoint 127.0.0.1:5514
  {program} connections activate siem
  curl -H "Authorization: Bearer $AUDITWIRE_TOKEN" -H 'Content-Type: application/json' \
    -d '{{"action":"user-signin","subject":{{"user_id":"ann"}},"source":{{"id":"iam"}}}}' \
    http://127.0.0.1:8514/api/v1/projects/default/events
  {program} events tail --after 0"#
    );
    Ok(screen.say(text)?)
}
