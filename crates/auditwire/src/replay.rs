//! `auditwire replay`: a part of the log again to the active connection, and how far that has come.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::client::{Client, ClientArgs};
use crate::connections::Output;
use crate::connections::{id_of, show::text};
use crate::events::bar;
use crate::failure::{Failure, Result};
use crate::terminal::{self, Column, Screen, Table, Tone, escape, grouped};

const EXAMPLES: &str = "\
Examples:
  auditwire replay start siem --from 2026-11-22T10:00:00Z --to 2026-11-22T11:30:00Z
  auditwire replay start siem --from now-2h --query 'severity >= WARNING' --rate 5000
  auditwire replay start siem --from now-2h --dry-run
  auditwire replay pause r-1f00ab
  auditwire replay list";

/// How often the service is asked how far a replay has come.
const LOOK: Duration = Duration::from_millis(500);

/// Send a part of the log again to the active connection.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReplayArgs {
    /// How to reach the service.
    #[command(flatten)]
    client: ClientArgs,
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

/// The verbs over replays.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Begin a replay and follow it to its end. Ctrl-C ends the following, not the replay.
    Start {
        /// Id or name of the active connection.
        connection: String,
        /// Only events that happened at or after this time: RFC 3339, or relative like now-2h.
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// Only events that happened before this time.
        #[arg(long, value_name = "TIME")]
        to: Option<String>,
        /// Which events, in the search language, without relative times.
        #[arg(long, short, value_name = "QUERY")]
        query: Option<String>,
        /// Events per second at most. Default: 1000.
        #[arg(long, value_name = "N")]
        rate: Option<u32>,
        /// Only begin it.
        #[arg(long)]
        detach: bool,
        /// Only say how many events it would send, and how long that takes.
        #[arg(long, conflicts_with = "detach")]
        dry_run: bool,
    },
    /// List the replay under way and those that ended.
    List,
    /// Show one replay.
    Show {
        /// Its id.
        replay: String,
    },
    /// Follow a replay to its end.
    Follow {
        /// Its id.
        replay: String,
    },
    /// Let a replay rest.
    Pause {
        /// Its id.
        replay: String,
    },
    /// Let a paused replay go on.
    Resume {
        /// Its id.
        replay: String,
    },
    /// End a replay for good.
    Cancel {
        /// Its id.
        replay: String,
    },
}

/// Runs one of the verbs.
pub(crate) async fn run(args: ReplayArgs) -> Result {
    let client = Client::from_args(&args.client)?;
    let out = Output { json: args.client.json, screen: Screen::detect() };
    match args.verb {
        Verb::Start { connection, from, to, query, rate, detach, dry_run } => {
            let id = id_of(&client, &connection).await?;
            let mut body = json!({ "from": from, "to": to, "q": query, "rate": rate });
            if let Some(fields) = body.as_object_mut() {
                fields.retain(|_, value| !value.is_null());
            }
            if dry_run {
                let estimate = client.post(&["connections", &id, "replay", "estimate"], Some(&body)).await?;
                return out.told(&estimate, &estimated(&estimate));
            }
            let begun = client.post(&["connections", &id, "replay"], Some(&body)).await?;
            if detach {
                return shown(&begun, out);
            }
            follow(&client, begun, out).await
        }
        Verb::List => list(&client, out).await,
        Verb::Show { replay } => shown(&client.get(&["replays", &replay]).await?, out),
        Verb::Follow { replay } => follow(&client, client.get(&["replays", &replay]).await?, out).await,
        Verb::Pause { replay } => shown(&client.post(&["replays", &replay, "pause"], None).await?, out),
        Verb::Resume { replay } => shown(&client.post(&["replays", &replay, "resume"], None).await?, out),
        Verb::Cancel { replay } => shown(&client.post(&["replays", &replay, "cancel"], None).await?, out),
    }
}

/// What would be sent.
fn estimated(estimate: &Value) -> String {
    let number = |key: &str| grouped(estimate[key].as_u64().unwrap_or(0));
    let at_least = if estimate["exact"].as_bool().unwrap_or(true) { "" } else { "at least " };
    format!("{at_least}{} events would be sent, in about {} s", number("matched"), number("seconds"))
}

fn shown(replay: &Value, out: Output) -> Result {
    if out.json { Ok(terminal::json(replay)?) } else { Ok(terminal::line(line(replay))?) }
}

/// Asks until the replay is over; one that was cancelled is a failure.
pub(crate) async fn follow(client: &Client, begun: Value, out: Output) -> Result {
    let id = text(&begun, "id").to_owned();
    let seen = io::stderr().is_terminal() && !out.json;
    let mut replay = begun;
    while matches!(text(&replay, "state"), "running" | "paused") {
        if seen {
            // Nothing can be done when stderr takes nothing.
            let _ = write!(io::stderr().lock(), "\r\x1b[2K{}", line(&replay));
        }
        tokio::time::sleep(LOOK).await;
        replay = client.get(&["replays", &id]).await?;
    }
    if seen {
        let _ = write!(io::stderr().lock(), "\r\x1b[2K");
    }
    shown(&replay, out)?;
    if text(&replay, "state") == "done" { Ok(()) } else { Err(Failure::told()) }
}

async fn list(client: &Client, out: Output) -> Result {
    let answer = client.get(&["replays"]).await?;
    if out.json {
        return Ok(terminal::json(&answer)?);
    }
    let replays = answer["replays"].as_array().map(Vec::as_slice).unwrap_or_default();
    if replays.is_empty() {
        return Ok(terminal::line("nothing was ever replayed; see `auditwire replay start --help`")?);
    }
    let column = |title, max, right| Column { title, max, right };
    let columns = [("state", 9, false), ("id", 16, false), ("begun", 20, false), ("sent", 11, true), ("of", 11, true)];
    let mut table = Table::new(columns.map(|(title, max, right)| column(title, max, right)).to_vec());
    for replay in replays {
        let number = |key: &str| (grouped(replay[key].as_u64().unwrap_or(0)), None);
        let cell = |key: &str| (text(replay, key).to_owned(), None);
        let state = text(replay, "state");
        let created = text(replay, "created_at").chars().take(19).collect::<String>();
        table.row(vec![
            (state.to_owned(), Some(tone(state))),
            cell("id"),
            (created, None),
            number("sent"),
            number("matched"),
        ]);
    }
    Ok(table.lines(out.screen).iter().try_for_each(terminal::line)?)
}

fn tone(state: &str) -> Tone {
    match state {
        "running" | "done" => Tone::Good,
        "paused" => Tone::Warn,
        _ => Tone::Dim,
    }
}

/// How far it has come, on one line.
fn line(replay: &Value) -> String {
    let number = |key: &str| replay[key].as_u64().unwrap_or(0);
    let (sent, matched) = (number("sent"), number("matched"));
    let at_least = if replay["exact"].as_bool().unwrap_or(true) { "" } else { "at least " };
    let mut line = format!(
        "{}  {}  {}  {} of {at_least}{} events",
        escape(text(replay, "id")),
        escape(text(replay, "state")),
        bar(sent, matched.max(sent)),
        grouped(sent),
        grouped(matched),
    );
    match (text(replay, "state"), text(replay, "cause")) {
        ("running", "not_active") => line.push_str("  (waits: its connection is not active)"),
        ("running", "") => {
            line.push_str(&format!("  {:.0}/s", replay["throughput"].as_f64().unwrap_or(0.0)));
            if let Some(left) = replay["seconds_left"].as_u64() {
                line.push_str(&format!("  {} s left", grouped(left)));
            }
        }
        ("running", cause) => line.push_str(&format!("  (no link: {})", escape(cause))),
        _ => {}
    }
    if number("quarantined") > 0 {
        line.push_str(&format!("  ({} could not become a message)", grouped(number("quarantined"))));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_how_far_it_is_and_why_it_waits() {
        let mut replay = json!({ "id": "r-1", "state": "running", "sent": 1500, "matched": 6000, "exact": true,
            "throughput": 999.6, "cause": null });
        let running = line(&replay);
        assert!(running.contains("1,500 of 6,000 events") && running.ends_with("1000/s"), "{running}");
        replay["seconds_left"] = json!(1200);
        assert!(line(&replay).ends_with("1000/s  1,200 s left"));
        let estimate = json!({ "matched": 12_000, "exact": false, "seconds": 12 });
        assert_eq!(estimated(&estimate), "at least 12,000 events would be sent, in about 12 s");
        replay["cause"] = json!("not_active");
        assert!(line(&replay).ends_with("its connection is not active)"));
        replay["cause"] = json!("connect_refused");
        assert!(line(&replay).ends_with("(no link: connect_refused)"));
        replay["state"] = json!("done");
        replay["exact"] = json!(false);
        replay["quarantined"] = json!(2);
        assert!(line(&replay).ends_with("(2 could not become a message)"));
        replay["quarantined"] = json!(0);
        assert!(line(&replay).ends_with("of at least 6,000 events"));
    }
}
