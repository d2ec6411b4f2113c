//! `auditwire events reading`: whether the log tells who looked at it.

use clap::Args;
use serde_json::json;

use crate::client::Client;
use crate::failure::Result;
use crate::terminal;

const READING: [&str; 1] = ["reading"];

/// Arguments of `events reading`.
#[derive(Debug, Args)]
pub(crate) struct ReadingArgs {
    /// Switch it; without it the present state is printed.
    #[arg(value_parser = ["on", "off"])]
    switch: Option<String>,
}

/// Shows or switches it.
pub(super) async fn run(client: &Client, args: &ReadingArgs, json: bool) -> Result {
    let answer = match args.switch.as_deref() {
        Some(switch) => client.put(&READING, &json!({ "audited": switch == "on" }), None).await?,
        None => client.get(&READING).await?,
    };
    if json {
        return Ok(terminal::json(&answer)?);
    }
    let told = if answer["audited"] == true { "is told in its log" } else { "is not told" };
    Ok(terminal::line(format!("looking at the events of this project {told}"))?)
}
