//! `auditwire connections`: the form of a SIEM connection as flags, and the verbs over it. Everything goes through the
//! HTTP API; a connection is named by its id or its name.

pub(crate) mod form;
mod overview;
mod quarantine;
pub(crate) mod show;
mod table;

use std::io::{BufRead as _, IsTerminal as _};

use auditwire_model::{Clock, Timestamp};
use clap::{Args, Subcommand};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Client, ClientArgs};
use crate::clock::SystemClock;
use crate::events::question;
use crate::failure::{Failure, Result};
use crate::terminal::{self, Screen, Tone, escape};
use form::FormArgs;

const EXAMPLES: &str = "\
Examples:
  auditwire connections create --name siem --endpoint 192.0.2.7:514
  auditwire connections create --name qradar --endpoint qradar.example:514 --receiver qradar
  auditwire connections create --name siem-tls --endpoint siem.example:6514 --transport tls --pem-file siem.pem
  auditwire connections check siem-tls
  auditwire connections activate siem-tls --start take-over
  auditwire connections preview --query 'severity >= WARNING' --format cef
  auditwire connections edit siem-tls --format cef --source-only iam,nova
  auditwire connections quarantine siem-tls
  auditwire connections list --json
  auditwire connections list --all-projects --status failing,degraded";

/// Create, check, activate and watch SIEM connections.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ConnectionsArgs {
    /// How to reach the service.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// The verbs over connections.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List connections with their state: those of the project, or of all projects.
    List {
        /// Those of every project, the ones that are not well first; needs an operator's token.
        #[arg(long)]
        all_projects: bool,
        /// With `--all-projects`: only those with one of these: failing, degraded, active, inactive.
        #[arg(long, value_name = "STATUS,…", requires = "all_projects")]
        status: Option<String>,
        /// With `--all-projects`: only those with this text in their name, their endpoint, or the id or name of their project.
        #[arg(long, value_name = "TEXT", requires = "all_projects")]
        text: Option<String>,
    },
    /// Show one connection completely.
    Show {
        /// Its id or name.
        connection: String,
    },
    /// Store a new connection, inactive; then check and activate it.
    Create {
        /// The form.
        #[command(flatten)]
        form: Box<FormArgs>,
    },
    /// Change a connection; what is not given stays. An active one goes on with the new settings without a gap.
    Edit {
        /// Its id or name.
        connection: String,
        /// The form.
        #[command(flatten)]
        form: Box<FormArgs>,
    },
    /// Check a stored connection; with form flags, as it would be after that edit.
    Check {
        /// Its id or name.
        connection: String,
        /// The form.
        #[command(flatten)]
        form: Box<FormArgs>,
    },
    /// Show what would be sent: how much of the last 24 hours, and the latest events as the very messages. Nothing is stored or sent.
    Preview {
        /// Id or name of a stored connection to begin with; without one, filter and format are those of the flags.
        connection: Option<String>,
        /// Show each message with the other mapping, too.
        #[arg(long)]
        compare_mappings: bool,
        /// The form; filter, format, framing, options, receiver and transport count.
        #[command(flatten)]
        form: Box<FormArgs>,
    },
    /// Make a connection the active one; the one that was active is stopped.
    Activate {
        /// Its id or name.
        connection: String,
        /// Where to begin: `default`, `continue` (where it stopped), `take-over` (where the active one is), `now` (the end
        /// of the log), or a time such as 2026-11-22T10:00:00Z.
        #[arg(long, value_name = "WHERE", value_parser = parse_start)]
        start: Option<Value>,
        /// Activate although the connection check fails.
        #[arg(long)]
        despite_failed_check: bool,
    },
    /// Stop a connection gracefully; it can be activated again.
    Stop {
        /// Its id or name.
        connection: String,
    },
    /// List the events that were set aside because they cannot become a message, newest first; send them again; or clear the list.
    Quarantine {
        /// Its id or name.
        connection: String,
        /// Entries at most.
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
        /// Send these events again, once the cause is mended, and follow the replay that does it.
        #[arg(long, value_name = "SEQ,…", value_delimiter = ',', conflicts_with_all = ["delete", "delete_all"])]
        resend: Vec<u64>,
        /// Send all events again.
        #[arg(long, conflicts_with_all = ["resend", "delete", "delete_all"])]
        resend_all: bool,
        /// Take these events off the list; they stay in the log.
        #[arg(long, value_name = "SEQ,…", value_delimiter = ',')]
        delete: Vec<u64>,
        /// Take all events off the list.
        #[arg(long, conflicts_with = "delete")]
        delete_all: bool,
    },
    /// Delete connections; an active one is stopped first.
    Delete {
        /// Their ids or names.
        #[arg(required = true)]
        connections: Vec<String>,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
    },
}

/// `--start` as the API wants it.
fn parse_start(text: &str) -> Result<Value, String> {
    match text {
        "default" | "continue" | "now" => Ok(json!(text)),
        "take-over" | "take_over" => Ok(json!("take_over")),
        time => match auditwire_model::Timestamp::parse(time) {
            Ok(time) => Ok(json!({ "from": time })),
            Err(error) => Err(format!("write default, continue, take-over, now, or a time ({error})")),
        },
    }
}

/// Runs one of the verbs.
pub(crate) async fn run(args: ConnectionsArgs) -> Result {
    let client = Client::from_args(&args.client)?;
    let out = Output { json: args.client.json, screen: Screen::detect() };
    match args.verb {
        Verb::List { all_projects: true, status, text } => {
            overview::list(&client, status.as_deref(), text.as_deref(), out).await
        }
        Verb::List { .. } => list(&client, out).await,
        Verb::Show { connection } => {
            let connection = find(&client, &connection).await?;
            out.connection(&connection)
        }
        Verb::Create { form } => create(&client, &form, out).await,
        Verb::Edit { connection, form } => edit(&client, &connection, &form, out).await,
        Verb::Check { connection, form } => check(&client, &connection, &form, out).await,
        Verb::Preview { connection, compare_mappings, form } => {
            preview(&client, connection.as_deref(), compare_mappings, &form, out).await
        }
        Verb::Activate { connection, start, despite_failed_check } => {
            let body = json!({ "start": start, "despite_failed_check": despite_failed_check });
            activate(&client, &connection, body, out).await
        }
        Verb::Stop { connection } => {
            let id = id_of(&client, &connection).await?;
            let stopped = client.post(&["connections", &id, "stop"], None).await?;
            out.told(&stopped, &format!("{} is stopped", show::name(&stopped)))
        }
        Verb::Quarantine { connection, limit, resend, resend_all, delete, delete_all } => {
            let id = id_of(&client, &connection).await?;
            if resend_all || !resend.is_empty() {
                let seqs = if resend_all { Value::Null } else { json!(resend) };
                return quarantine::resend(&client, &id, &seqs, out).await;
            }
            match (delete_all, delete.is_empty()) {
                (true, _) => quarantine::delete(&client, &id, &Value::Null, out).await,
                (false, false) => quarantine::delete(&client, &id, &json!(delete), out).await,
                (false, true) => quarantine::list(&client, &id, limit, out).await,
            }
        }
        Verb::Delete { connections, yes } => delete(&client, &connections, yes, out).await,
    }
}

/// How answers are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// For programs.
    pub(crate) json: bool,
    /// For people.
    pub(crate) screen: Screen,
}

impl Output {
    pub(crate) fn told(self, value: &Value, sentence: &str) -> Result {
        let said = if self.json { terminal::json(value) } else { terminal::line(sentence) };
        said.map_err(Failure::from)
    }

    /// What a receiver is known to read wrongly; in JSON it stands in the answer.
    fn warned(self, answer: &Value) -> Result {
        if self.json {
            return Ok(());
        }
        Ok(show::warnings(answer, self.screen).iter().try_for_each(terminal::line)?)
    }

    fn connection(self, connection: &Value) -> Result {
        if self.json {
            return Ok(terminal::json(connection)?);
        }
        Ok(show::connection(connection, self.screen).iter().try_for_each(terminal::line)?)
    }

    /// Shows a check; a failed one is exit code 1.
    pub(crate) fn check(self, report: &Value) -> Result {
        if self.json {
            terminal::json(report)?;
        } else {
            show::check(report, self.screen).iter().try_for_each(terminal::line)?;
        }
        if report["ok"].as_bool().unwrap_or(false) { Ok(()) } else { Err(Failure::told()) }
    }
}

async fn list(client: &Client, out: Output) -> Result {
    let answer = client.get(&["connections"]).await?;
    if out.json {
        return Ok(terminal::json(&answer)?);
    }
    let connections = answer["connections"].as_array().cloned().unwrap_or_default();
    if connections.is_empty() {
        return Ok(terminal::line("no connections yet; make one with `auditwire connections create --help`")?);
    }
    Ok(table::of_project(&connections, now(), out.screen).iter().try_for_each(terminal::line)?)
}

/// What the lists measure ages against.
fn now() -> Timestamp {
    Clock::now(&SystemClock)
}

/// One connection by id or, failing that, by name.
async fn find(client: &Client, wanted: &str) -> Result<Value> {
    let answer = client.get(&["connections"]).await?;
    let connections = answer["connections"].as_array().map(Vec::as_slice).unwrap_or_default();
    let by = |key: &str| connections.iter().find(|c| c[key] == wanted);
    by("id").or_else(|| by("name")).cloned().ok_or_else(|| {
        let names: Vec<&str> = connections.iter().filter_map(|c| c["name"].as_str()).collect();
        let known =
            if names.is_empty() { "there are none yet".into() } else { format!("there are: {}", names.join(", ")) };
        Failure::new(format!("no connection has the id or name \"{wanted}\"; {known}"))
    })
}

/// The id of a connection by id or name.
pub(crate) async fn id_of(client: &Client, wanted: &str) -> Result<String> {
    Ok(show::text(&find(client, wanted).await?, "id").to_owned())
}

async fn create(client: &Client, form: &FormArgs, out: Output) -> Result {
    let body = form.apply(form::blank())?;
    let created = client.post(&["connections"], Some(&body)).await?;
    let id = show::text(&created, "id");
    out.told(
        &created,
        &format!(
            "{} is stored, inactive, with id {id}\nnext: auditwire connections check {id} && auditwire connections activate {id}",
            show::name(&created),
        ),
    )?;
    out.warned(&created)
}

async fn edit(client: &Client, wanted: &str, form: &FormArgs, out: Output) -> Result {
    let id = id_of(client, wanted).await?;
    let response = client.send(client.request(Method::GET, &["connections", &id])).await?;
    let etag = response.headers().get("etag").cloned();
    let stored: Value =
        response.json().await.map_err(|e| Failure::caused_by("the service's answer cannot be read", &e))?;
    let body = form.apply(form::writable(&stored))?;
    let changed = client.put(&["connections", &id], &body, etag.as_ref()).await?;
    out.told(&changed, &format!("{} is changed; revision {}", show::name(&changed), changed["revision"]))?;
    out.warned(&changed)
}

async fn check(client: &Client, wanted: &str, form: &FormArgs, out: Output) -> Result {
    let stored = find(client, wanted).await?;
    let candidate = if form.is_empty() { None } else { Some(form.apply(form::writable(&stored))?) };
    let report = client.post(&["connections", show::text(&stored, "id"), "check"], candidate.as_ref()).await?;
    out.check(&report)
}

async fn preview(client: &Client, wanted: Option<&str>, compared: bool, form: &FormArgs, out: Output) -> Result {
    let base = match wanted {
        Some(wanted) => form::previewed(&find(client, wanted).await?),
        None => json!({}),
    };
    let mut body = form.apply(base)?;
    body["compare_mappings"] = json!(compared);
    let request = client.request(Method::POST, &["connections", "preview"]).json(&body);
    let response = question::send(client, request, show::text(&body["filter"], "query")).await?;
    let preview: Value =
        response.json().await.map_err(|e| Failure::caused_by("the service's answer cannot be read", &e))?;
    if out.json {
        return Ok(terminal::json(&preview)?);
    }
    Ok(show::preview(&preview, out.screen).iter().try_for_each(terminal::line)?)
}

async fn activate(client: &Client, wanted: &str, mut body: Value, out: Output) -> Result {
    let id = id_of(client, wanted).await?;
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    let activated = match client.post_or(&["connections", &id, "activate"], &body, StatusCode::CONFLICT).await? {
        Ok(activated) => activated,
        Err(problem) if problem["code"] == "check_failed" => {
            if out.json {
                terminal::json(&problem)?;
            } else {
                show::check(&problem["check"], out.screen).iter().try_for_each(terminal::line)?;
            }
            return Err(Failure::new(
                "not activated, because the connection check failed; mend it, or repeat with --despite-failed-check",
            ));
        }
        Err(problem) => return Err(Failure::new(show::text(&problem, "detail").to_owned())),
    };
    if out.json {
        return Ok(terminal::json(&activated)?);
    }
    let name = show::name(&activated["connection"]);
    let count = terminal::grouped(activated["will_send"].as_u64().unwrap_or(0));
    // What took too long to count is at least as many.
    let least = if activated["will_send_exact"] == false { "at least " } else { "" };
    let begins = &activated["start_at"];
    let sentence = format!("{name} is activated; begins at seq {begins}, {least}{count} events to send now");
    terminal::line(out.screen.paint(Tone::Good, sentence))?;
    if let Some(stopped) = activated["stopped"].as_str() {
        terminal::line(format!("{} was stopped for it", escape(stopped)))?;
    }
    Ok(())
}

async fn delete(client: &Client, wanted: &[String], yes: bool, out: Output) -> Result {
    let mut ids = Vec::new();
    let mut names = Vec::new();
    for wanted in wanted {
        let found = find(client, wanted).await?;
        ids.push(show::text(&found, "id").to_owned());
        let active = if found["status"] == "inactive" { "" } else { " (active: it is stopped first)" };
        names.push(format!("{}{active}", show::name(&found)));
    }
    if !yes && std::io::stdin().is_terminal() {
        terminal::raw(format!("Delete {}? [y/N] ", names.join(", ")))?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            return Err(Failure::new("nothing was deleted"));
        }
    }
    let answer = client.post(&["connections", "delete"], Some(&json!({ "ids": ids }))).await?;
    out.told(&answer, &format!("deleted: {}", names.join(", ")))
}
