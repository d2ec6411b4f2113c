//! `auditwire receive`: a small syslog receiver that shows and validates what a SIEM would get. The demo uses the same
//! parts.

mod frames;
mod inspect;
mod ledger;
mod listen;
mod show;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use auditwire_engine::tasks::Faults;
use clap::Args;
use rustls::ServerConfig;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::descriptors;
use crate::failure::{Failure, Result};
use crate::lifecycle::{Hangup, Lifecycle};
use crate::terminal::{self, Screen};

pub(crate) use frames::Framing;
pub(crate) use inspect::inspect;
pub(crate) use ledger::Ledger;
pub(crate) use listen::{Arrival, Content, Receiver, Via};
use show::Show;
pub(crate) use tls::Identity;

/// Arrivals that may wait to be shown; then the peers are slowed.
pub(crate) const WAITING_MAX: usize = 4096;

/// Receive syslog, show it and validate it: what a SIEM would get.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  auditwire receive                                  on tcp://127.0.0.1:5514
  auditwire receive --udp 127.0.0.1:0 --tcp 127.0.0.1:0 --json
  auditwire receive --tls 127.0.0.1:6514 --save-cert siem.pem
  auditwire receive --tcp 127.0.0.1:5514 --quiet     only rates, gaps and repeats

Each listener prints `receiving on tcp://ADDR:PORT` (with --json on stderr). Messages are checked against RFC 5424,
CEF, LEEF and our own JSON; the exit code is 1 when one of them, or a frame, was invalid.")]
pub(crate) struct ReceiveArgs {
    /// Receive datagrams here; may be repeated, port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT")]
    udp: Vec<SocketAddr>,
    /// Receive over TCP here [default: 127.0.0.1:5514 when nothing else is given].
    #[arg(long, value_name = "ADDR:PORT")]
    tcp: Vec<SocketAddr>,
    /// Receive over TLS here.
    #[arg(long, value_name = "ADDR:PORT")]
    tls: Vec<SocketAddr>,
    /// How messages are framed in streams.
    #[arg(long, value_enum, default_value = "auto")]
    framing: Framing,
    /// PEM file with the receiver's certificate chain; without one a fresh certificate is made and its SHA-256 printed.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// PEM file with its private key.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Ask clients for a certificate issued by this CA.
    #[arg(long, value_name = "FILE")]
    client_ca: Option<PathBuf>,
    /// Write the fresh certificate to this PEM file, for `connections create --pem-file`.
    #[arg(long, value_name = "FILE", conflicts_with = "tls_cert")]
    save_cert: Option<PathBuf>,
    /// Largest message in bytes.
    #[arg(long, value_name = "N", default_value_t = 1 << 20)]
    max_bytes: usize,
    /// End after so many messages.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Print no messages, only rates, gaps and repeats once a second.
    #[arg(long, conflicts_with = "json")]
    quiet: bool,
    /// Print one JSON object per message.
    #[arg(long)]
    json: bool,
}

/// Receives until the count is reached or a signal comes.
pub(crate) async fn run(args: ReceiveArgs) -> Result {
    // Each peer takes one.
    descriptors::raise();
    let lifecycle = Lifecycle::watch_signals(Hangup::Ends, &Faults::default())?;
    let stop = CancellationToken::new();
    let (sink, arrivals) = mpsc::channel(WAITING_MAX);
    for receiver in bind(&args).await? {
        let said = format!("receiving on {}", receiver.url());
        if args.json {
            terminal::complain(&said)
        } else {
            terminal::line(&said)?
        }
        tokio::spawn(receiver.run(sink.clone(), stop.clone()));
    }
    drop(sink);
    let mut show = Show::new(args.json, args.quiet, Screen::detect());
    let watched = watch(arrivals, &mut show, args.count, &lifecycle).await;
    stop.cancel();
    watched?;
    show.end()?;
    if show.ledger.invalid + show.ledger.troubles > 0 { Err(Failure::told()) } else { Ok(()) }
}

async fn watch(
    mut arrivals: mpsc::Receiver<Arrival>,
    show: &mut Show,
    count: Option<u64>,
    lifecycle: &Lifecycle,
) -> Result {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.tick().await;
    while count.is_none_or(|count| show.ledger.messages < count) {
        tokio::select! {
            arrival = arrivals.recv() => match arrival {
                Some(arrival) => show.arrival(&arrival)?,
                None => break,
            },
            _ = second.tick() => show.tick()?,
            () = lifecycle.soft.cancelled() => break,
        }
    }
    Ok(())
}

async fn bind(args: &ReceiveArgs) -> Result<Vec<Receiver>> {
    let mut wanted: Vec<(Via, SocketAddr)> = args.udp.iter().map(|address| (Via::Udp, *address)).collect();
    wanted.extend(args.tcp.iter().map(|address| (Via::Tcp, *address)));
    wanted.extend(args.tls.iter().map(|address| (Via::Tls, *address)));
    if wanted.is_empty() {
        wanted.push((Via::Tcp, SocketAddr::from(([127, 0, 0, 1], 5514))));
    }
    let tls = if args.tls.is_empty() { None } else { Some(identity(args)?) };
    let mut receivers = Vec::new();
    for (via, address) in wanted {
        let tls = tls.clone().filter(|_| via == Via::Tls);
        receivers.push(Receiver::bind(via, address, args.framing, args.max_bytes, tls).await?);
    }
    Ok(receivers)
}

/// The certificate; says its fingerprint, which a connection can pin.
fn identity(args: &ReceiveArgs) -> Result<Arc<ServerConfig>> {
    let identity = match (&args.tls_cert, &args.tls_key) {
        (Some(cert), Some(key)) => Identity::from_files(cert, key)?,
        _ => Identity::self_made()?,
    };
    let said = format!("certificate sha256 {}", identity.fingerprint());
    if args.json {
        terminal::complain(&said)
    } else {
        terminal::line(&said)?
    }
    if let (Some(path), Some(pem)) = (&args.save_cert, &identity.pem) {
        std::fs::write(path, pem)
            .map_err(|e| Failure::caused_by(format!("{} cannot be written", path.display()), &e))?;
    }
    identity.config(args.client_ca.as_deref())
}
