//! `auditwire events search` and `auditwire events count`.

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use super::question::{QuestionArgs, send};
use crate::client::Client;
use crate::connections::show::text;
use crate::failure::{Failure, Result};
use crate::terminal::{self, Column, Screen, Table, Tone, grouped};

/// Most events of one request.
const PAGE: u64 = 1000;

/// Arguments of `events search`.
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    #[command(flatten)]
    question: QuestionArgs,
    /// In which order of registration: newest first (desc) or oldest first (asc).
    #[arg(long, default_value = "desc", value_parser = ["desc", "asc"])]
    order: String,
    /// Print at most so many events.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
}

/// Arguments of `events count`.
#[derive(Debug, Args)]
pub(crate) struct CountArgs {
    #[command(flatten)]
    question: QuestionArgs,
}

/// Prints the events that match, page by page.
pub(super) async fn search(client: &Client, args: &SearchArgs, json: bool) -> Result {
    let screen = Screen::detect();
    let query = args.question.query();
    let (mut left, mut cursor, mut first) = (args.limit, None::<String>, true);
    while left > 0 {
        let limit = left.min(PAGE).to_string();
        let request = args.question.ask(client.request(Method::GET, &["events"]));
        let mut request = request.query(&[("order", &args.order), ("limit", &limit)]);
        if let Some(cursor) = &cursor {
            request = request.query(&[("cursor", cursor)]);
        }
        let page: Value = read(send(client, request, &query).await?).await?;
        let events = page["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        show(events, first, json, screen)?;
        for part in page["unreadable"].as_array().into_iter().flatten() {
            let (from, to, segment) = (&part["from"], &part["to"], text(part, "segment"));
            terminal::complain(&format!("events {from} to {to} are missing here: {segment} cannot be read"));
        }
        first &= events.is_empty();
        left = left.saturating_sub(events.len() as u64);
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => {
                if first && !json {
                    terminal::complain("no events match");
                }
                return Ok(());
            }
        }
    }
    if !json {
        terminal::complain(&format!("more events may match; --limit shows more than {}", grouped(args.limit)));
    }
    Ok(())
}

/// Prints how many events match.
pub(super) async fn count(client: &Client, args: &CountArgs, json: bool) -> Result {
    let request = args.question.ask(client.request(Method::GET, &["events", "count"]));
    let found: Value = read(send(client, request, &args.question.query()).await?).await?;
    if json {
        return Ok(terminal::json(&found)?);
    }
    terminal::line(found["count"].as_u64().unwrap_or_default())?;
    if found["exact"] != true {
        terminal::complain("at least so many: counting took too long, or a part of the log could not be read");
    }
    Ok(())
}

async fn read(response: reqwest::Response) -> Result<Value> {
    response.json().await.map_err(|e| Failure::caused_by("the service's answer cannot be read", &e))
}

/// One page. With `--json` one event a line; else a table, whose headings stand above the first one.
fn show(events: &[Value], first: bool, json: bool, screen: Screen) -> Result {
    if json {
        for event in events {
            terminal::json(event)?;
        }
        return Ok(());
    }
    let lines = table(events).lines(screen);
    for line in lines.iter().skip(usize::from(!first || events.is_empty())) {
        terminal::line(line)?;
    }
    Ok(())
}

fn table(events: &[Value]) -> Table {
    let column = |title, max| Column { title, max, right: false };
    let mut table = Table::new(vec![
        Column { title: "SEQ", max: 20, right: true },
        column("TIME", 30),
        column("SEVERITY", 9),
        column("SOURCE", 16),
        column("ACTION", 32),
        column("USER", 28),
        column("RESOURCE", 32),
        column("STATUS", 16),
        column("MESSAGE", 200),
    ]);
    for event in events {
        table.row(cells(event));
    }
    table
}

fn cells(event: &Value) -> Vec<(String, Option<Tone>)> {
    let (subject, resource, status) = (&event["subject"], &event["resource"], &event["status"]);
    let user = [text(&subject["metadata"], "email"), text(&subject["metadata"], "name"), text(subject, "user_id")];
    let user = user.into_iter().find(|name| !name.trim().is_empty()).unwrap_or_default();
    let pair = |one: &str, two: &str| format!("{one} {two}").trim().to_owned();
    let severity = text(event, "severity");
    let tone = match severity {
        "WARNING" => Some(Tone::Warn),
        "ERROR" | "CRITICAL" | "ALERT" | "EMERGENCY" => Some(Tone::Bad),
        _ => None,
    };
    let plain = |text: &str| (text.to_owned(), None);
    vec![
        (event["seq"].to_string(), Some(Tone::Dim)),
        plain(text(event, "timestamp")),
        (severity.to_owned(), tone),
        plain(text(&event["source"], "id")),
        (text(event, "action").to_owned(), Some(Tone::Bold)),
        plain(user),
        (pair(text(resource, "type"), text(resource, "id")), None),
        (pair(text(status, "code"), text(event, "outcome")), None),
        plain(text(event, "message")),
    ]
}
