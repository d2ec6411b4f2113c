//! `auditwire check`: the connection check of something that is not stored.

use clap::Args;

use crate::client::{Client, ClientArgs};
use crate::connections::Output;
use crate::connections::form::{self, FormArgs};
use crate::failure::Result;
use crate::terminal::Screen;

/// Check whether a SIEM can be reached and takes messages, without storing anything.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  auditwire check 192.0.2.7:514
  auditwire check siem.example:6514 --transport tls --pem-file ca.pem --format cef
  auditwire check [2001:db8::7]:514 --transport udp --json

The service makes the connection, so what it says holds for the service's network. A test message is sent.")]
pub(crate) struct CheckArgs {
    /// Connection point: IP:port, [IPv6]:port or host:port.
    #[arg(value_name = "HOST:PORT")]
    pub(crate) target: String,
    /// The form.
    #[command(flatten)]
    pub(crate) form: Box<FormArgs>,
    /// How to reach the service.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Checks; exit code 1 when it does not pass.
pub(crate) async fn run(args: CheckArgs) -> Result {
    let client = Client::from_args(&args.client)?;
    let mut given = *args.form;
    given.endpoint = Some(args.target);
    given.name.get_or_insert_with(|| "check".into());
    let body = given.apply(form::blank())?;
    let report = client.post(&["connections", "check"], Some(&body)).await?;
    Output { json: args.client.json, screen: Screen::detect() }.check(&report)
}
