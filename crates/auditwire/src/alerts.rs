//! `auditwire alerts`: what is wrong with the project or its delivery now, and the webhook that is told of it.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, ClientArgs};
use crate::connections::{Output, show::text};
use crate::failure::{Failure, Result};
use crate::terminal::{self, Screen, Tone, escape};

const EXAMPLES: &str = "\
Examples:
  auditwire alerts list
  auditwire alerts webhook set https://hooks.example.com/auditwire
  auditwire alerts webhook set https://hooks.example.com/auditwire --secret-file secret.txt --pem-file ca.pem
  auditwire alerts webhook test";

/// Show what is wrong with delivery, and set who is told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AlertsArgs {
    /// How to reach the service.
    #[command(flatten)]
    client: ClientArgs,
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

/// The verbs over alerts.
#[derive(Debug, Subcommand)]
enum Verb {
    /// List the alerts that stand.
    List,
    /// The webhook that is called when an alert begins and when it is over.
    #[command(subcommand)]
    Webhook(WebhookVerb),
}

/// The verbs over the webhook.
#[derive(Debug, Subcommand)]
enum WebhookVerb {
    /// Show it; its secret, and what follows the host in its address, are not shown.
    Show,
    /// Set it. Without a secret the present one stays; when there is none, one is made and shown, once.
    Set {
        /// https://…; left out, the present one stays. It is kept sealed and shown only up to its host.
        #[arg(required_unless_present_any = ["secret_file", "pem_file", "no_pem"])]
        url: Option<String>,
        /// File with the secret that calls are signed with: 16 to 256 visible ASCII characters.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        /// PEM file with the CA certificates that vouch for the receiver, for one that the system's do not.
        #[arg(long, value_name = "FILE")]
        pem_file: Option<PathBuf>,
        /// Trust the system's certificates again.
        #[arg(long, conflicts_with = "pem_file")]
        no_pem: bool,
    },
    /// Delete it, and the calls that were still to be made.
    Delete,
    /// Call it with a test, and say stage by stage what happened.
    Test,
}

const WEBHOOK: [&str; 2] = ["alerts", "webhook"];

/// Runs one of the verbs.
pub(crate) async fn run(args: AlertsArgs) -> Result {
    let client = Client::from_args(&args.client)?;
    let out = Output { json: args.client.json, screen: Screen::detect() };
    match args.verb {
        Verb::List => list(&client, out).await,
        Verb::Webhook(WebhookVerb::Show) => shown(&client.get(&WEBHOOK).await?, out),
        Verb::Webhook(WebhookVerb::Set { url, secret_file, pem_file, no_pem }) => {
            let mut body = json!({});
            if let Some(url) = url {
                body["url"] = json!(url);
            }
            if let Some(file) = secret_file {
                body["secret"] = json!(read(&file)?.trim_end_matches(['\r', '\n']));
            }
            match pem_file {
                Some(file) => body["pem"] = json!(crate::pem::text(&file)?),
                None if no_pem => body["pem"] = Value::Null,
                None => {}
            }
            shown(&client.put(&WEBHOOK, &body, None).await?, out)
        }
        Verb::Webhook(WebhookVerb::Delete) => {
            client.send(client.request(Method::DELETE, &WEBHOOK)).await?;
            out.told(&json!({ "deleted": true }), "the webhook is deleted")
        }
        Verb::Webhook(WebhookVerb::Test) => test(&client, out).await,
    }
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|e| Failure::caused_by(format!("{} cannot be read", file.display()), &e))
}

async fn list(client: &Client, out: Output) -> Result {
    let answer = client.get(&["alerts"]).await?;
    if out.json {
        return Ok(terminal::json(&answer)?);
    }
    let alerts = answer["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
    if alerts.is_empty() {
        terminal::line("nothing needs you")?;
    }
    for alert in alerts {
        let whose = alert["connection"].as_str().or(alert["token"].as_str()).unwrap_or("the project");
        let head = format!("{}  since {}  {whose}", text(alert, "kind"), text(alert, "since"));
        terminal::line(out.screen.paint(Tone::Warn, escape(&head).into_owned()))?;
        terminal::line(format!("  {}", escape(text(alert, "message"))))?;
        terminal::line(format!("  {}", escape(text(alert, "remedy"))))?;
    }
    if answer["webhook"]["ok"] == false {
        terminal::line(
            out.screen.paint(Tone::Bad, format!("the webhook was not reached: {}", last(&answer["webhook"]))),
        )?;
    }
    Ok(())
}

/// What the last call came to.
fn last(call: &Value) -> String {
    escape(&format!("{} at {} [{}]", text(call, "message"), text(call, "at"), text(call, "code"))).into_owned()
}

fn shown(webhook: &Value, out: Output) -> Result {
    if out.json {
        return Ok(terminal::json(webhook)?);
    }
    match webhook["host_unicode"].as_str() {
        Some(host) => terminal::line(escape(&format!("{} ({host})", text(webhook, "url"))))?,
        None => terminal::line(escape(text(webhook, "url")))?,
    }
    if webhook["pem"] == true {
        terminal::line("  certificates of its own vouch for the receiver")?;
    }
    let pending = webhook["pending"].as_u64().unwrap_or(0);
    if pending > 0 {
        terminal::line(format!("  {pending} calls are still to be made"))?;
    }
    if webhook["last"].is_object() {
        terminal::line(format!("  last call: {}", last(&webhook["last"])))?;
    }
    if let Some(secret) = webhook["secret"].as_str() {
        terminal::line(format!("  secret, shown only now: {}", escape(secret)))?;
    }
    Ok(())
}

async fn test(client: &Client, out: Output) -> Result {
    let report = client.post(&["alerts", "webhook", "test"], None).await?;
    if out.json {
        terminal::json(&report)?;
    } else {
        for stage in report["stages"].as_array().into_iter().flatten() {
            terminal::line(line(stage, out.screen))?;
        }
    }
    if report["ok"] == true { Ok(()) } else { Err(Failure::told()) }
}

fn line(stage: &Value, screen: Screen) -> String {
    let (tone, word) = if stage["ok"] == true { (Tone::Good, "ok") } else { (Tone::Bad, text(stage, "code")) };
    let said = format!("{:8} {}", escape(text(stage, "stage")), screen.paint(tone, escape(word).into_owned()));
    let mut line = format!("{said}  {}", escape(text(stage, "message")));
    if !text(stage, "remedy").is_empty() {
        line.push_str(&format!("\n         {}", escape(text(stage, "remedy"))));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Screen = Screen { fancy: false, columns: 80, aside: false };

    #[test]
    fn a_stage_says_what_was_seen_and_what_to_do() {
        let mut stage = json!({ "stage": "tls", "ok": true, "code": "ok", "message": "Verified.", "remedy": "" });
        assert_eq!(line(&stage, PLAIN), "tls      ok  Verified.");
        stage = json!({ "stage": "answer", "ok": false, "code": "webhook_refused", "message": "It answered 401.",
            "remedy": "See its log." });
        assert_eq!(line(&stage, PLAIN), "answer   webhook_refused  It answered 401.\n         See its log.");
    }
}
