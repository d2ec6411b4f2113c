//! `auditwire clock`: what the service believes of its clock, and the word that it is right.

use std::io::{BufRead as _, IsTerminal as _};

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::client::{Client, ClientArgs};
use crate::connections::{Output, show::text};
use crate::failure::{Failure, Result};
use crate::terminal::{self, Screen, Tone, escape};

const EXAMPLES: &str = "\
Examples:
  auditwire clock show
  auditwire clock accept";

/// Show what the service believes of its clock, and accept it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ClockArgs {
    /// How to reach the service.
    #[command(flatten)]
    client: ClientArgs,
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

/// The verbs over the clock.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the clock, the newest event, and the time by which events end.
    Show,
    /// Say that the clock is right now: events are received and end by it again.
    Accept {
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// Runs one of the verbs.
pub(crate) async fn run(args: ClockArgs) -> Result {
    let client = Client::from_args(&args.client)?;
    let out = Output { json: args.client.json, screen: Screen::detect() };
    let state = client.get_global(&["clock"], &[]).await?;
    match args.verb {
        Verb::Show => shown(&state, out),
        Verb::Accept { yes } => {
            if !yes && std::io::stdin().is_terminal() {
                ask(&state)?;
            }
            shown(&client.post_global(&["clock", "accept"]).await?, out)
        }
    }
}

fn ask(state: &Value) -> Result {
    let now = escape(text(state, "now")).into_owned();
    terminal::raw(format!("The service's clock shows {now}. Is that right? Events end by it. [y/N] "))?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Failure::new("nothing was accepted")) }
}

fn shown(state: &Value, out: Output) -> Result {
    if out.json {
        return Ok(terminal::json(state)?);
    }
    for (line, bad) in lines(state) {
        let line = escape(&line).into_owned();
        terminal::line(if bad { out.screen.paint(Tone::Warn, line) } else { line })?;
    }
    Ok(())
}

/// What is told of the clock, and which of it is wrong.
fn lines(state: &Value) -> Vec<(String, bool)> {
    let seconds = |name: &str| state[name].as_u64().unwrap_or_default();
    let (ahead, held) = (seconds("ahead_seconds"), state["held"] == true);
    let newest = state["newest_received_at"].as_str().unwrap_or("none");
    let mut lines = vec![
        (format!("clock    {}", text(state, "now")), false),
        (format!("newest   {newest}"), false),
        (format!("trusted  {}", text(state, "trusted_now")), false),
    ];
    if ahead > 0 {
        lines.push((format!("the newest event is {ahead} s ahead of the clock"), true));
    }
    if held {
        lines.push(("the clock went further than time did; what would end by it is kept".to_owned(), true));
    }
    if held || ahead > 0 {
        lines.push(("set the clock right; if it is right, say so with: auditwire clock accept".to_owned(), false));
    } else if state["expiry_runs"] != true {
        let agreed = seconds("agreed_seconds") / 60;
        lines.push((format!("events do not end yet: the clock has agreed with itself for {agreed} min"), false));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_the_way_out() {
        let mut state = json!({
            "now": "2026-11-22T10:00:00Z", "newest_received_at": null, "ahead_seconds": 0,
            "trusted_now": "2026-11-22T10:00:00Z", "held": false, "agreed_seconds": 120, "expiry_runs": false,
        });
        let told = |state: &Value| lines(state).into_iter().map(|(line, _)| line).collect::<Vec<_>>().join("\n");
        assert!(told(&state).contains("agreed with itself for 2 min"), "{}", told(&state));
        state["held"] = json!(true);
        assert!(told(&state).contains("further than time did") && told(&state).contains("clock accept"));
        state["ahead_seconds"] = json!(90);
        assert!(told(&state).contains("90 s ahead"));
    }
}
