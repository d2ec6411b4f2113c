//! `auditwire retention`: how long a project's events are kept, and the reduction that waits.

use clap::{ArgGroup, Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::client::{Client, ClientArgs};
use crate::connections::{Output, show::text};
use crate::failure::Result;
use crate::terminal::{self, Screen, Tone, escape};

const EXAMPLES: &str = "\
Examples:
  auditwire retention show
  auditwire retention set --days 400
  auditwire retention set --days 90 --bytes 50GiB
  auditwire retention set --days unlimited --bytes default
  auditwire retention cancel";

/// Show and change how long events are kept.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RetentionArgs {
    /// How to reach the service.
    #[command(flatten)]
    client: ClientArgs,
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

/// The verbs over the retention.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Show what holds, the operator's floor, and the reduction that waits.
    Show,
    /// Change it. More takes effect at once, less after the operator's delay; a limit that is not named stays.
    #[command(group = ArgGroup::new("limit").required(true).multiple(true))]
    Set {
        /// Days since an event was received, `unlimited`, or `default` for what the service is configured to.
        #[arg(long, value_name = "DAYS", group = "limit", value_parser = days)]
        days: Option<Limit>,
        /// Bytes on disk such as 50GiB, `unlimited`, or `default` for what the service is configured to.
        #[arg(long, value_name = "SIZE", group = "limit", value_parser = bytes)]
        bytes: Option<Limit>,
    },
    /// Cancel the reduction that waits.
    Cancel,
}

/// What a limit is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Default,
    Unlimited,
    Of(u64),
}

const PATH: [&str; 1] = ["retention"];

/// Runs one of the verbs.
pub(crate) async fn run(args: RetentionArgs) -> Result {
    let client = Client::from_args(&args.client)?;
    let out = Output { json: args.client.json, screen: Screen::detect() };
    match args.verb {
        Verb::Show => shown(&client.get(&PATH).await?, out),
        Verb::Set { days, bytes } => {
            let present = client.get(&PATH).await?;
            let body = body(&present, [("days", days), ("bytes", bytes)]);
            shown(&client.put(&PATH, &body, None).await?, out)
        }
        Verb::Cancel => {
            client.send(client.request(Method::DELETE, &["retention", "pending"])).await?;
            out.told(&json!({ "cancelled": true }), "the reduction is cancelled")
        }
    }
}

/// PUT replaces both limits, so one that was not named is sent as it is: as it will be, while a reduction waits.
fn body(present: &Value, wanted: [(&str, Option<Limit>); 2]) -> Value {
    let is_default = |name: &str| present["default"].as_array().is_some_and(|names| names.iter().any(|n| n == name));
    let holds = if present["pending"].is_object() { &present["pending"] } else { present };
    let mut body = Map::new();
    for (name, limit) in wanted {
        let value = match limit {
            Some(Limit::Default) => None,
            Some(Limit::Unlimited) => Some(Value::Null),
            Some(Limit::Of(number)) => Some(json!(number)),
            None if is_default(name) && holds[name] == present[name] => None,
            None => Some(holds[name].clone()),
        };
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    }
    Value::Object(body)
}

fn days(text: &str) -> std::result::Result<Limit, String> {
    word(text).map_or_else(|| text.parse().map(Limit::Of).map_err(|_| "a whole number of days".to_owned()), Ok)
}

fn bytes(text: &str) -> std::result::Result<Limit, String> {
    word(text).map_or_else(|| crate::config::size(text).map(Limit::Of), Ok)
}

fn word(text: &str) -> Option<Limit> {
    match text {
        "default" => Some(Limit::Default),
        "unlimited" => Some(Limit::Unlimited),
        _ => None,
    }
}

fn shown(retention: &Value, out: Output) -> Result {
    if out.json {
        return Ok(terminal::json(retention)?);
    }
    terminal::line(format!("kept   {}", limits(retention)))?;
    let floor = &retention["floor"];
    let days = floor["days"].as_u64().map(|days| format!("{days} days"));
    let bytes = floor["bytes"].as_u64().map(|bytes| format!("{bytes} bytes"));
    let floor: Vec<String> = days.into_iter().chain(bytes).collect();
    if !floor.is_empty() {
        terminal::line(format!("floor  {}", floor.join(", ")))?;
    }
    let pending = &retention["pending"];
    if pending.is_object() {
        let line = format!("from {} on: {}", text(pending, "at"), limits(pending));
        terminal::line(out.screen.paint(Tone::Warn, escape(&line).into_owned()))?;
        terminal::line("       cancel it with: auditwire retention cancel")?;
    }
    let gone = &retention["expired"];
    if let (Some(events), Some(through)) = (gone["events"].as_u64(), gone["through"].as_u64()) {
        terminal::line(format!("gone   {events} events, up to seq {through}"))?;
    }
    Ok(())
}

fn limits(of: &Value) -> String {
    let days = of["days"].as_u64().map_or_else(|| "any number of days".to_owned(), |days| format!("{days} days"));
    let bytes = of["bytes"].as_u64().map_or_else(|| "any number of bytes".to_owned(), |n| format!("{n} bytes"));
    format!("{days}, {bytes}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_not_named_stays_and_what_waits_goes_on_waiting() {
        let mut present = json!({ "days": 365, "bytes": 5_000_000, "default": ["days"], "pending": null });
        let days = Some(Limit::Of(400));
        assert_eq!(body(&present, [("days", days), ("bytes", None)]), json!({ "days": 400, "bytes": 5_000_000 }));
        assert_eq!(body(&present, [("days", None), ("bytes", Some(Limit::Unlimited))]), json!({ "bytes": null }));
        assert_eq!(body(&present, [("days", None), ("bytes", Some(Limit::Default))]), json!({}));
        present["pending"] = json!({ "days": 30, "bytes": 5_000_000, "at": "2026-12-04T10:00:00Z" });
        let bytes = Some(Limit::Of(9_000_000));
        assert_eq!(body(&present, [("days", None), ("bytes", bytes)]), json!({ "days": 30, "bytes": 9_000_000 }));
    }

    #[test]
    fn limits_are_read_as_people_write_them() {
        assert_eq!((days("90"), days("default")), (Ok(Limit::Of(90)), Ok(Limit::Default)));
        assert_eq!((bytes("1GiB"), bytes("unlimited")), (Ok(Limit::Of(1 << 30)), Ok(Limit::Unlimited)));
        assert!(days("-1").is_err() && bytes("much").is_err());
    }
}
