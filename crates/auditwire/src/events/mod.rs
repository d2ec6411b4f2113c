//! `auditwire events`: searches, counts, exports and follows the Event log. This file follows it, over server-sent events, and
//! takes up the thread after a break.

mod export;
mod progress;
pub(crate) mod question;
mod reading;
mod search;
mod sse;

use std::time::Duration;

use clap::{Args, Subcommand};
use reqwest::{Method, Response};
use serde_json::Value;

use crate::client::{Client, ClientArgs};
use crate::connections::show::text;
use crate::failure::{Failure, Result, chain};
use crate::terminal::{self, Screen, Tone, escape};
use sse::{Message, Parser};

pub(crate) use progress::bar;

/// Twice the service's heartbeat of 15 s, and some.
const SILENCE_MAX: Duration = Duration::from_secs(40);
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// Search, export and follow the Event log.
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// How to reach the service.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// The verbs over events.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Print the events that match.
    #[command(after_help = "\
Examples:
  auditwire events search
  auditwire events search 'severity >= ERROR AND source.id = iam' --from now-1d
  auditwire events search vm-17 --order asc --limit 1000 --json | jq .action

With --json each line is one event in the form of the API.")]
    Search(search::SearchArgs),
    /// Print how many events match.
    #[command(after_help = "\
Example:
  auditwire events count 'outcome = failure' --from now-7d")]
    Count(search::CountArgs),
    /// Write all events that match to a file.
    #[command(after_help = "\
Examples:
  auditwire events export --output log.parquet
  auditwire events export 'subject.metadata.email = ann@example.com' --output ann.csv
  auditwire events export --format jsonl --order asc --output - | gzip > log.jsonl.gz

The file gets its name when it is complete. An export that ends early leaves none and exits with 1.")]
    Export(export::ExportArgs),
    /// Print events as they are committed.
    #[command(after_help = "\
Examples:
  auditwire events tail
  auditwire events tail --after 0 --count 10
  auditwire events tail --query 'severity >= WARNING'
  auditwire events tail --json | jq .action

With --json each line is one event in the form of the API.")]
    Tail(TailArgs),
    /// Say or switch whether looking at the project's events is told in its log.
    #[command(after_help = "\
Examples:
  auditwire events reading
  auditwire events reading on")]
    Reading(reading::ReadingArgs),
}

/// Arguments of `events tail`.
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// Begin after this seq instead of at the end of the log; 0 prints the whole log first.
    #[arg(long, value_name = "SEQ")]
    after: Option<u64>,
    /// Only events that match, in the search language.
    #[arg(long, value_name = "QUERY")]
    query: Option<String>,
    /// Only events of this plane.
    #[arg(long, value_parser = ["control", "data"])]
    plane: Option<String>,
    /// End after so many events.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// Runs one of the verbs.
pub(crate) async fn run(args: EventsArgs) -> Result {
    let client = Client::from_args(&args.client)?;
    let json = args.client.json;
    match args.verb {
        Verb::Search(args) => search::search(&client, &args, json).await,
        Verb::Count(args) => search::count(&client, &args, json).await,
        Verb::Export(args) => export::run(&client, &args, json).await,
        Verb::Reading(args) => reading::run(&client, &args, json).await,
        Verb::Tail(args) => Tail { client, args, json, screen: Screen::detect(), last: None, printed: 0 }.run().await,
    }
}

struct Tail {
    client: Client,
    args: TailArgs,
    json: bool,
    screen: Screen,
    /// `id` of the last message seen.
    last: Option<String>,
    printed: u64,
}

impl Tail {
    /// Follows until the count is reached. The first connection must succeed; later breaks are bridged.
    async fn run(mut self) -> Result {
        let mut response = self.connect().await?;
        let mut wait = RETRY_MIN;
        loop {
            let before = self.printed;
            let why = self.follow(response).await?;
            let Some(why) = why else { return Ok(()) };
            if self.printed > before {
                wait = RETRY_MIN;
            }
            terminal::complain(&format!("the stream broke ({why}); connecting again"));
            response = loop {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(RETRY_MAX);
                match self.connect().await {
                    Ok(response) => break response,
                    Err(failure) => terminal::complain(&failure.message),
                }
            };
        }
    }

    async fn connect(&self) -> Result<Response> {
        let mut request = self.client.request(Method::GET, &["events", "tail"]);
        request = request.header("accept", "text/event-stream");
        let query = self.args.query.as_deref().unwrap_or_default();
        for (name, value) in [("q", query), ("plane", self.args.plane.as_deref().unwrap_or_default())] {
            if !value.is_empty() {
                request = request.query(&[(name, value)]);
            }
        }
        let after = self.last.clone().or_else(|| self.args.after.map(|seq| seq.to_string()));
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        question::send(&self.client, request, query).await
    }

    /// Prints what comes. `None`: all that was asked for was printed; else why the stream ended.
    async fn follow(&mut self, mut response: Response) -> Result<Option<String>> {
        let mut parser = Parser::default();
        loop {
            if self.args.count.is_some_and(|count| self.printed >= count) {
                return Ok(None);
            }
            let chunk = match tokio::time::timeout(SILENCE_MAX, response.chunk()).await {
                Err(_) => return Ok(Some("nothing heard for too long".into())),
                Ok(Err(error)) => return Ok(Some(chain(&error))),
                Ok(Ok(None)) => return Ok(Some("the service closed it".into())),
                Ok(Ok(Some(chunk))) => chunk,
            };
            for message in parser.push(&chunk) {
                if self.args.count.is_some_and(|count| self.printed >= count) {
                    return Ok(None);
                }
                self.show(message)?;
            }
        }
    }

    fn show(&mut self, message: Message) -> Result {
        if let Some(id) = message.id {
            self.last = Some(id);
        }
        if message.data.is_empty() {
            return Ok(());
        }
        if message.event == "gap" {
            // On stderr: with --json stdout holds events only.
            terminal::complain(&format!("events were skipped: {}", message.data));
            return Ok(());
        }
        let event: Value = serde_json::from_str(&message.data)
            .map_err(|e| Failure::caused_by("the service sent an event that is not JSON", &e))?;
        self.printed += 1;
        if self.json {
            terminal::json(&event)?
        } else {
            terminal::line(line(&event, self.screen))?
        }
        Ok(())
    }
}

/// One event on one line: when, how severe, what, by whom, on what, how it ended.
pub(crate) fn line(event: &Value, screen: Screen) -> String {
    let time = text(event, "timestamp");
    let severity = text(event, "severity");
    let tone = match severity {
        "WARNING" => Tone::Warn,
        "ERROR" | "CRITICAL" | "ALERT" | "EMERGENCY" => Tone::Bad,
        _ => Tone::Dim,
    };
    let mut line = format!(
        "{:>7} {} {} {}/{}",
        event["seq"].to_string(),
        screen.paint(Tone::Dim, escape(time)),
        screen.paint(tone, format!("{severity:<8}")),
        escape(text(&event["source"], "id")),
        screen.paint(Tone::Bold, escape(text(event, "action"))),
    );
    let user = text(&event["subject"], "user_id");
    let resource = text(&event["resource"], "id");
    let status = text(&event["status"], "code");
    for (label, value) in [("by", user), ("on", resource), ("status", status)] {
        if !value.is_empty() {
            line.push_str(&format!(" {} {}", screen.paint(Tone::Dim, label), escape(value)));
        }
    }
    let message = text(event, "message");
    if !message.is_empty() {
        line.push_str(&format!(" {}", escape(message)));
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_one_safe_line() {
        let event = json!({
            "seq": 7, "timestamp": "2026-11-22T10:00:00Z", "severity": "WARNING", "action": "user-signin",
            "source": { "id": "iam" }, "subject": { "user_id": "ann\u{1b}[2J" }, "status": { "code": "401" },
            "message": "Вход\nотклонён"
        });
        let line = line(&event, Screen { fancy: false, columns: 80, aside: false });
        assert_eq!(
            line,
            "      7 2026-11-22T10:00:00Z WARNING  iam/user-signin by ann\\u{1b}[2J status 401 Вход\\nотклонён"
        );
    }
}
