//! `auditwire demo`: the main job in one process. A service on an embedded store, a receiver that plays the SIEM, an
//! activated connection between them, and a made-up cloud that posts events. Everything goes through the HTTP API and
//! real sockets; nothing is short-circuited.

mod generator;
mod people;
mod progress;
mod stream;
mod summary;
mod tally;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditwire_engine::tasks::Faults;
use auditwire_server::Access;
use clap::Args;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::config::{Config, LogFormat, TelemetryConfig};
use crate::connections::show;
use crate::failure::{Failure, Result};
use crate::keys::KeySource;
use crate::lifecycle::{Hangup, Lifecycle};
use crate::receive::{Framing, Identity, Receiver, Via, WAITING_MAX};
use crate::serve::{Given, Service, Unsafe};
use crate::sign_in::{self, LinkFor};
use crate::telemetry;
use crate::terminal::{self, Screen, Tone, escape};
use stream::Plan;
use tally::Tally;

/// Show the main job: events in over HTTP, through the durable log, out to a syslog receiver.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  auditwire demo
  auditwire demo --rate 5000 --seconds 30
  auditwire demo --data ./demo --format cef --tls
  auditwire demo --stay                   and look at it in the console

Exit code 0 only if every event that was posted arrived at the receiver.")]
pub(crate) struct DemoArgs {
    /// Keep the log in this folder; without it a temporary one is used and removed.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Events per second.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// Post for so many seconds [default: 10, or no limit with --events].
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Post so many events.
    #[arg(long, value_name = "N")]
    events: Option<u64>,
    /// The same seed gives the same events.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// What the SIEM gets.
    #[arg(long, default_value = "rfc5424", value_parser = ["rfc5424", "cef", "leef", "json"])]
    format: String,
    /// Send over TLS, with a certificate made for the demo.
    #[arg(long)]
    tls: bool,
    /// Keep serving after the account, to look around in the console; Ctrl-C ends it.
    #[arg(long, conflicts_with = "json")]
    stay: bool,
    /// Print the account as one JSON object; what people read goes to stderr.
    #[arg(long)]
    json: bool,
}

/// Runs until everything posted has arrived, or Ctrl-C.
pub(crate) async fn run(args: DemoArgs) -> Result {
    telemetry::start(&TelemetryConfig { format: LogFormat::Text, level: "error".into(), access: Access::Changes })?;
    let lifecycle = Lifecycle::watch_signals(Hangup::Ends, &Faults::default())?;
    let screen = if args.json { Screen::aside() } else { Screen::detect() };
    let folder = Folder::new(args.data.as_deref())?;
    screen.say(format!(
        "{}\nEvents come in over HTTP, go through the durable log, and out to a SIEM over syslog.\n",
        screen.paint(Tone::Bold, "Auditwire demo")
    ))?;

    let running = start(&args, folder.path(), screen).await?;
    let result = tokio::select! {
        result = show_main_job(&args, &running, folder.path(), &lifecycle, screen) => result,
        () = lifecycle.hard.cancelled() => Err(Failure::new("stopped at once by a second signal")),
    };
    let stopped = running.stop().await;
    result.and(stopped)
}

/// Everything that runs in the demo's process.
struct Running {
    client: Client,
    tally: Arc<Tally>,
    connection: String,
    service_stop: CancellationToken,
    service: JoinHandle<Result>,
    receiver_stop: CancellationToken,
}

impl Running {
    /// The service first: it says goodbye to the receiver.
    async fn stop(self) -> Result {
        self.service_stop.cancel();
        let stopped = self.service.await.map_err(|e| Failure::caused_by("the service broke", &e))?;
        self.receiver_stop.cancel();
        stopped
    }
}

async fn start(args: &DemoArgs, data: &Path, screen: Screen) -> Result<Running> {
    let step = |name: &str, said: String| screen.say(format!("  {} {name:<11}{said}", screen.paint(Tone::Good, "✓")));
    let overrides = vec![("data", "dir", data.display().to_string()), ("server", "listen", "127.0.0.1:0".to_owned())];
    let config = Config::load(None, [], &overrides)?;
    let service = Service::open(&config, &KeySource::default(), Unsafe::default(), Given::to(LinkFor::Person)).await?;
    let url = service.url();
    let link = service.sign_in_link().map(|link| link.expose_text().to_owned());
    let service_stop = CancellationToken::new();
    let service = tokio::spawn(Box::pin(service.serve(service_stop.clone())));
    let kept = if args.data.is_some() { "kept" } else { "removed at the end" };
    step("service", format!("{url}  (log in {}, {kept})", escape(&data.display().to_string())))?;
    // With --json what is said goes to stderr, which programs keep.
    if let Some(link) = link.filter(|_| !args.json) {
        step("console", format!("{link}  (signs you in while the demo runs)"))?;
    }

    let (receiver, pem) = bind_receiver(args.tls).await?;
    let (receiver_url, address) = (receiver.url(), receiver.address());
    let (sink, arrivals) = mpsc::channel(WAITING_MAX);
    let receiver_stop = CancellationToken::new();
    tokio::spawn(receiver.run(sink, receiver_stop.clone()));
    let tally = Arc::new(Tally::default());
    tokio::spawn(Arc::clone(&tally).receive(arrivals));
    step("receiver", format!("{receiver_url}  (plays the SIEM)"))?;

    let client = sign_in(data, &url)?;
    let connection = connect(&client, args, address, pem).await?;
    let report = client.post(&["connections", &connection, "check"], None).await?;
    let ok = report["ok"].as_bool().unwrap_or(false);
    step("connection", format!("\"demo\" over {} as {}; checked:", if args.tls { "TLS" } else { "TCP" }, args.format))?;
    show::check(&report, screen).iter().try_for_each(|line| screen.say(format!("    {line}")))?;
    if !ok {
        return Err(Failure::new("the connection check failed, so the demo cannot go on"));
    }
    let start = json!({ "start": "now" });
    let activated = client.post(&["connections", &connection, "activate"], Some(&start)).await?;
    step("active", format!("begins at seq {}", activated["start_at"]))?;
    Ok(Running { client, tally, connection, service_stop, service, receiver_stop })
}

async fn bind_receiver(tls: bool) -> Result<(Receiver, Option<String>)> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    if !tls {
        return Ok((Receiver::bind(Via::Tcp, any, Framing::Auto, 1 << 20, None).await?, None));
    }
    let identity = Identity::self_made()?;
    let pem = identity.pem.clone();
    let receiver = Receiver::bind(Via::Tls, any, Framing::Auto, 1 << 20, Some(identity.config(None)?)).await?;
    Ok((receiver, pem))
}

fn sign_in(data: &Path, url: &str) -> Result<Client> {
    let path = data.join("operator.token");
    let token = std::fs::read_to_string(&path)
        .map_err(|e| Failure::caused_by(format!("{} cannot be read; name another folder", path.display()), &e))?;
    Client::new(url, token.trim(), "default", None)
}

/// Makes the connection; in a folder that was used before, changes the one that is there.
async fn connect(client: &Client, args: &DemoArgs, address: SocketAddr, pem: Option<String>) -> Result<String> {
    let mut body = json!({
        "name": "demo",
        "endpoint": address.to_string(),
        "transport": if args.tls { "tls" } else { "tcp" },
        "format": args.format,
    });
    if let Some(pem) = pem {
        body["tls"] = json!({ "pem": pem });
    }
    let there = client.get(&["connections"]).await?;
    let old = there["connections"].as_array().into_iter().flatten().find(|c| c["name"] == "demo");
    let made: Value = match old {
        Some(old) => client.put(&["connections", show::text(old, "id")], &body, None).await?,
        None => client.post(&["connections"], Some(&body)).await?,
    };
    Ok(show::text(&made, "id").to_owned())
}

async fn show_main_job(
    args: &DemoArgs,
    running: &Running,
    data: &Path,
    lifecycle: &Lifecycle,
    screen: Screen,
) -> Result {
    let seconds = args.seconds.or_else(|| args.events.is_none().then_some(10));
    let plan = Plan {
        rate: args.rate,
        for_at_most: seconds.map(Duration::from_secs),
        events: args.events,
        seed: args.seed.unwrap_or_else(rand::random),
    };
    let tally = &running.tally;
    let begun = Instant::now();
    let posted = CancellationToken::new();
    let posting = async {
        let result = stream::post(&running.client, tally, &plan, &lifecycle.soft).await;
        posted.cancel();
        result
    };
    let (result, shown) = tokio::join!(posting, progress::show(tally, begun, &posted, lifecycle, screen));
    let took = result?;
    shown?;
    let connection = running.client.get(&["connections", &running.connection]).await?;
    summary::show(tally, took, &connection, &plan, screen)?;
    if args.json {
        terminal::json(&summary::account(tally, took, &plan))?;
    }
    if !tally.everything_arrived() {
        return Err(Failure::new("not everything that was posted has arrived; see the summary"));
    }
    let link = if args.stay { Some(sign_in::create(&running.client).await?) } else { None };
    let link = link.as_ref().map(|made| show::text(made, "url"));
    summary::next_steps(args.data.as_deref().map(|_| data), link, screen)?;
    if args.stay {
        lifecycle.soft.cancelled().await;
    }
    Ok(())
}

/// Where the log lies: a named folder, or one that goes with the process.
enum Folder {
    Named(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    fn new(named: Option<&Path>) -> Result<Self> {
        match named {
            Some(path) => Ok(Self::Named(path.to_owned())),
            None => tempfile::Builder::new()
                .prefix("auditwire-demo-")
                .tempdir()
                .map(Self::Temporary)
                .map_err(|e| Failure::caused_by("no temporary folder can be made; name one with --data", &e)),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}
