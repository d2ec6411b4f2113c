//! `auditwire tokens`: the API tokens of a project as the tree that they form, and the verbs over them.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, ClientArgs};
use crate::connections::{Output, show::text};
use crate::failure::{Failure, Result};
use crate::terminal::{self, Column, Screen, Table, escape};

const EXAMPLES: &str = "\
Examples:
  auditwire tokens list
  auditwire tokens create agent --scopes ingest --sources nova,keystone --expires-at 2027-12-01T00:00:00Z
  auditwire tokens rotate t-0123456789abcdef --overlap-seconds 3600 --output agent.token
  auditwire tokens revoke t-0123456789abcdef
  auditwire tokens --project system list

The tokens of project `system` are the operators'.";

/// List, create, rotate and revoke API tokens.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TokensArgs {
    /// How to reach the service.
    #[command(flatten)]
    client: ClientArgs,
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

/// The verbs over tokens.
#[derive(Debug, Subcommand)]
enum Verb {
    /// List them, each below the one that made it, with the last use.
    List,
    /// Make one; its secret is shown once.
    Create {
        /// For people.
        name: String,
        /// What it may do.
        #[arg(long, value_name = "SCOPE,…", value_delimiter = ',', required = true)]
        scopes: Vec<Scope>,
        /// The `source.id`s it may send; without it any.
        #[arg(long, value_name = "ID,…", value_delimiter = ',')]
        sources: Vec<String>,
        /// When it ends by itself, such as 2027-12-01T00:00:00Z.
        #[arg(long, value_name = "TIME")]
        expires_at: Option<String>,
        /// Where the secret goes.
        #[command(flatten)]
        secret: SecretArgs,
    },
    /// Make a new secret for one; the present secret goes on for a while.
    Rotate {
        /// Its id.
        token: String,
        /// How long the present secret goes on: 0 to 604800 (7 days). An operator's goes on until the new one was used, too.
        #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
        overlap_seconds: u64,
        /// Where the secret goes.
        #[command(flatten)]
        secret: SecretArgs,
    },
    /// End one at once. When others come from it, they are shown, and on a terminal it is asked what shall become of them.
    Revoke {
        /// Its id.
        token: String,
        /// Those that come from it end with it, without a question.
        #[arg(long, visible_alias = "yes", conflicts_with = "adopt_descendants")]
        revoke_descendants: bool,
        /// Those that it made are left to what made it, without a question.
        #[arg(long)]
        adopt_descendants: bool,
    },
}

/// Where a new secret goes.
#[derive(Debug, Args)]
struct SecretArgs {
    /// Write the secret to this new file (0600) instead of showing it.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scope {
    /// Send events.
    Ingest,
    /// See events and connections.
    Read,
    /// Change connections and tokens.
    Configure,
    /// Read the metrics.
    Metrics,
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Configure => "configure",
            Self::Metrics => "metrics",
        }
    }
}

/// Runs one of the verbs.
pub(crate) async fn run(args: TokensArgs) -> Result {
    let client = Client::from_args(&args.client)?;
    let out = Output { json: args.client.json, screen: Screen::detect() };
    match args.verb {
        Verb::List => list(&client, out).await,
        Verb::Create { name, scopes, sources, expires_at, secret } => {
            let scopes: Vec<_> = scopes.into_iter().map(Scope::as_str).collect();
            let mut body = json!({ "name": name, "scopes": scopes, "sources": sources });
            if let Some(end) = expires_at {
                body["expires_at"] = json!(end);
            }
            new_secret(&client, &["tokens"], &body, secret.output.as_deref(), out).await
        }
        Verb::Rotate { token, overlap_seconds, secret } => {
            let body = json!({ "overlap_seconds": overlap_seconds });
            new_secret(&client, &["tokens", &token, "rotate"], &body, secret.output.as_deref(), out).await
        }
        Verb::Revoke { token, revoke_descendants, adopt_descendants } => {
            let said = if revoke_descendants { Some("revoke") } else { adopt_descendants.then_some("adopt") };
            revoke(&client, &token, said, out).await
        }
    }
}

async fn list(client: &Client, out: Output) -> Result {
    let answer = client.get(&["tokens"]).await?;
    if out.json {
        return Ok(terminal::json(&answer)?);
    }
    let tokens = answer["tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
    table(tokens, out.screen).into_iter().try_for_each(terminal::line)?;
    Ok(())
}

/// The tokens as a table, each below the one that it comes from.
fn table(tokens: &[Value], screen: Screen) -> Vec<String> {
    let column = |title, max| Column { title, max, right: false };
    let columns = [("id", 34), ("name", 24), ("scopes", 30), ("ends", 20), ("last used", 20)];
    let mut table = Table::new(columns.map(|(title, max)| column(title, max)).into());
    for (depth, token) in in_tree(tokens) {
        let scopes: Vec<_> = token["scopes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let id = format!("{}{}", "  ".repeat(depth), text(token, "id"));
        let used = token["last_used_at"].as_str().map_or("never", whole_seconds);
        let cells = [&id, text(token, "name"), &scopes.join(","), whole_seconds(text(token, "ends_at")), used];
        table.row(cells.map(|cell| (cell.to_owned(), None)).into());
    }
    table.lines(screen)
}

/// `2026-11-22T10:00:00.123Z` without what is less than a second.
fn whole_seconds(time: &str) -> &str {
    time.split_once('.').map_or(time, |(seconds, _)| seconds)
}

/// Makers before what they made, with how many stand above. One whose maker is not among them stands for itself.
fn in_tree(tokens: &[Value]) -> Vec<(usize, &Value)> {
    let known = |id: &Value| tokens.iter().any(|token| token["id"] == *id);
    let mut waiting: Vec<_> = tokens.iter().filter(|token| !known(&token["parent"])).map(|token| (0, token)).collect();
    waiting.reverse();
    let mut found = Vec::with_capacity(tokens.len());
    while let Some((depth, token)) = waiting.pop() {
        found.push((depth, token));
        let children = tokens.iter().filter(|child| child["parent"] == token["id"]);
        waiting.extend(children.rev().map(|child| (depth + 1, child)));
    }
    found
}

/// Asks for a secret and shows it alone on stdout, or writes it to a file that is there before it is asked for.
async fn new_secret(client: &Client, path: &[&str], body: &Value, file: Option<&Path>, out: Output) -> Result {
    let opened = file.map(|path| private(path).map(|file| (path, file))).transpose()?;
    let answer = client.post(path, Some(body)).await;
    let Some((path, mut file)) = opened else { return shown(&answer?, out) };
    let mut token = match answer {
        Ok(token) => token,
        Err(refused) => {
            // It is empty and was made just now; one that stays harms nobody.
            let _ = std::fs::remove_file(path);
            return Err(refused);
        }
    };
    let written = writeln!(file, "{}", text(&token, "token")).and_then(|()| file.sync_all());
    written.map_err(|e| Failure::caused_by(format!("the secret cannot be written to {}", path.display()), &e))?;
    if let Some(members) = token.as_object_mut() {
        members.remove("token");
    }
    let sentence = format!("the secret of token {} is in {}", escape(text(&token, "id")), path.display());
    out.told(&token, &sentence)
}

fn private(path: &Path) -> Result<File> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    opened.map_err(|e| Failure::caused_by(format!("{} cannot be made", path.display()), &e))
}

fn shown(token: &Value, out: Output) -> Result {
    if out.json {
        return Ok(terminal::json(token)?);
    }
    terminal::line(escape(text(token, "token")))?;
    Ok(Screen::aside().say(format!("token {}; the secret is shown only now", escape(text(token, "id"))))?)
}

async fn revoke(client: &Client, token: &str, said: Option<&str>, out: Output) -> Result {
    let mut said = said.map(str::to_owned);
    loop {
        let mut request = client.request(Method::DELETE, &["tokens", token]);
        if let Some(said) = &said {
            request = request.query(&[("descendants", said)]);
        }
        let Err((refused, problem)) = client.send_or_problem(request).await? else { break };
        let below = problem["descendants"].as_array();
        let Some(below) = below.filter(|_| said.is_none() && std::io::stdin().is_terminal()) else {
            return Err(refused);
        };
        said = Some(ask(below)?);
    }
    out.told(&json!({ "revoked": token }), &format!("token {} is revoked", escape(token)))
}

/// Shows what comes from a token and asks what shall become of it.
fn ask(below: &[Value]) -> Result<String> {
    let aside = Screen::aside();
    aside.say("These tokens come from it:")?;
    for line in table(below, aside) {
        aside.say(line)?;
    }
    aside.say("revoke ends them with it, adopt leaves them to what made it; anything else changes nothing:")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    match answer.trim() {
        said @ ("revoke" | "adopt") => Ok(said.to_owned()),
        _ => Err(Failure::new("nothing was revoked")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_below_the_one_that_made_it() {
        let token = |id: &str, parent: Option<&str>| json!({ "id": id, "parent": parent, "name": "n" });
        let tokens = [
            token("a", None),
            token("b", None),
            token("aa", Some("a")),
            token("ab", Some("a")),
            token("aaa", Some("aa")),
        ];
        let lines: Vec<_> = in_tree(&tokens).into_iter().map(|(depth, token)| (depth, text(token, "id"))).collect();
        assert_eq!(lines, [(0, "a"), (1, "aa"), (2, "aaa"), (1, "ab"), (0, "b")]);
        // Those that come from a revoked one, without it.
        let below = in_tree(&tokens[2..]);
        assert_eq!(below.iter().map(|(depth, _)| *depth).collect::<Vec<_>>(), [0, 1, 0]);
    }
}
