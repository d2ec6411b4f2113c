//! The benchmark: the real binary, a load generator and syslog receivers on the same machine.
//!
//! It measures what it prints and asserts nothing about speed. Run it with `cargo xtask bench`; `docs/benchmarks.md` holds results.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool speaks to its user")]
#![expect(clippy::disallowed_methods, reason = "it paces load in real time")]

mod attack;
#[path = "../../src/clock.rs"]
mod clock;
mod http;
mod load;
mod pages;
mod process;
mod receiver;
mod relay;
mod search;
mod service;
mod stats;

use std::path::PathBuf;
use std::time::Duration;

use attack::Attack;
use http::Client;
use receiver::{Behaviour, Receiver};
use service::{Service, Start};
use stats::{Samples, mib};

/// As in the binary: one of the programs that are measured is this one ([`relay::ours`]).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "\
bench --service PATH [--only throughput|latency|singles|siems|attacks|pages|search|beside|relay] [--seconds N] [--rounds N] [--singles N] [--sync-delay-us N]
      [--events N] [--duckdb FOLDER] [--log FOLDER] [--real FOLDER] [--programs WORD,…]

  throughput  batches of 100 events of about 500 bytes, durable, to a TCP receiver; as the disk is and with slow syncs
  latency     1,000 single-event posts/s on kept connections, post to receiver; as the disk is and with slow syncs
  singles     memory after many single-event posts
  siems       latency of intake beside a healthy, a dead and a stalled SIEM in one run
  attacks     latency of intake beside connections that show no credential and hold what they can
  pages       time and bytes of the console's pages over a log of --events events (only when it is named)
  search      questions over a sealed log of --events events (only when it is named); beside them DuckDB, if its Python package is in FOLDER.
              With --log the log is kept in that folder, and asked again without loading it when it is there
  relay       500-byte syslog messages, TCP in and TCP or TLS out, beside rsyslog and syslog-ng from the folder --real (only when it is
              named); --programs ours and theirs by parts of their names, for example auditwire,memory
  beside      intake alone and beside ten heavy searches over a log of --events events (only when it is named)
";

struct Options {
    service: PathBuf,
    only: Option<String>,
    seconds: u64,
    rounds: usize,
    singles: usize,
    sync_delay_us: u64,
    events: u64,
    duckdb: Option<PathBuf>,
    log: Option<PathBuf>,
    real: Option<PathBuf>,
    programs: Option<String>,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.split_first() {
        Some((verb, rest)) if verb == "relay-service" => relay::ours::run(rest),
        _ => options(args.into_iter()).and_then(|options| run(&options)),
    };
    if let Err(error) = done {
        eprintln!("bench: {error}");
        std::process::exit(1);
    }
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options> {
    let mut options = Options {
        service: PathBuf::new(),
        only: None,
        seconds: 10,
        rounds: 3,
        singles: 1_000_000,
        sync_delay_us: 1000,
        events: 1_000_000,
        duckdb: None,
        log: None,
        real: None,
        programs: None,
    };
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value\n\n{USAGE}"));
        match arg.as_str() {
            "--service" => options.service = value()?.into(),
            "--only" => options.only = Some(value()?),
            "--seconds" => options.seconds = value()?.parse()?,
            "--rounds" => options.rounds = value()?.parse()?,
            "--singles" => options.singles = value()?.parse()?,
            "--sync-delay-us" => options.sync_delay_us = value()?.parse()?,
            "--events" => options.events = value()?.parse()?,
            "--duckdb" => options.duckdb = Some(value()?.into()),
            "--real" => options.real = Some(value()?.into()),
            "--programs" => options.programs = Some(value()?),
            "--log" => options.log = Some(value()?.into()),
            _ => return Err(USAGE.into()),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result<()> {
    let wanted = |name: &str| options.only.as_deref().is_none_or(|only| only == name);
    println!("{}", stats::machine());
    for delay in [0, options.sync_delay_us] {
        if wanted("throughput") {
            throughput(options, delay)?;
        }
        if wanted("latency") {
            latency(options, delay)?;
        }
    }
    if wanted("singles") {
        singles(options)?;
    }
    if wanted("siems") {
        siems(options)?;
    }
    if wanted("attacks") {
        attacks(options)?;
    }
    if options.only.as_deref() == Some("pages") {
        pages::pages(options)?;
    }
    if options.only.as_deref() == Some("search") {
        search::run(options)?;
    }
    if options.only.as_deref() == Some("relay") {
        relay::run(options)?;
    }
    if options.only.as_deref() == Some("beside") {
        search::beside::run(options)?;
    }
    Ok(())
}

/// How long events take that are posted as fast as they are taken, and what they cost.
fn throughput(options: &Options, delay_us: u64) -> Result<()> {
    println!("\n## throughput, {} added to each sync", Duration::from_micros(delay_us).as_millis_text());
    println!("events/s stored | events/s delivered | CPU-us/event | events/sync | MiB idle | MiB peak");
    for _ in 0..options.rounds {
        let service = Service::start(&options.service, Start { sync_delay_us: delay_us, ..Start::default() })?;
        let receiver = Receiver::start(Behaviour::Count)?;
        service.connect_siem(receiver.port)?;
        let idle = service.resident_bytes()?;
        let (cpu, syncs) = (service.cpu()?, service.syncs()?);
        let load = load::batches(&service, 16, Duration::from_secs(options.seconds))?;
        let stored = load.accepted as f64 / load.took.as_secs_f64();
        let took = receiver.wait_for(load.accepted, load.started, Duration::from_secs(120))?;
        let cpu = service.cpu()? - cpu;
        let syncs = service.syncs()? - syncs;
        println!(
            "{stored:>15.0} | {:>18.0} | {:>12.2} | {:>11.0} | {:>8.0} | {:>8.0}",
            load.accepted as f64 / took.as_secs_f64(),
            cpu.as_secs_f64() * 1e6 / load.accepted as f64,
            load.accepted as f64 / syncs.max(1) as f64,
            mib(idle),
            mib(service.peak_bytes()?),
        );
    }
    Ok(())
}

/// How long one event takes from the post to the receiver.
fn latency(options: &Options, delay_us: u64) -> Result<()> {
    println!(
        "\n## latency at 1,000 single posts/s, {} added to each sync",
        Duration::from_micros(delay_us).as_millis_text()
    );
    println!("post to receiver (ms)             | post to answer (ms)");
    for _ in 0..options.rounds {
        let service = Service::start(&options.service, Start { sync_delay_us: delay_us, ..Start::default() })?;
        let receiver = Receiver::start(Behaviour::Stamp)?;
        service.connect_siem(receiver.port)?;
        let answers = load::paced(&service, 8, 1000, Duration::from_secs(options.seconds), receiver.clock)?;
        receiver.wait_for(answers.len() as u64, receiver.clock, Duration::from_secs(30))?;
        println!("{} | {}", receiver.stamps().summary(), answers.summary());
    }
    Ok(())
}

/// Memory after many single-event posts.
fn singles(options: &Options) -> Result<()> {
    println!("\n## {} single-event posts", options.singles);
    let service = Service::start(&options.service, Start::default())?;
    let receiver = Receiver::start(Behaviour::Count)?;
    service.connect_siem(receiver.port)?;
    let idle = service.resident_bytes()?;
    let load = load::singles(&service, 16, options.singles)?;
    receiver.wait_for(load.accepted, load.started, Duration::from_secs(120))?;
    println!(
        "{:.0} posts/s; resident: idle {:.0} MiB, after {:.0} MiB, peak {:.0} MiB; data folder {:.0} MiB",
        load.accepted as f64 / load.took.as_secs_f64(),
        mib(idle),
        mib(service.resident_bytes()?),
        mib(service.peak_bytes()?),
        mib(service.data_bytes()),
    );
    Ok(())
}

/// Intake beside SIEMs in different states; the three take turns, so that the machine's moods hit all of them.
fn siems(options: &Options) -> Result<()> {
    println!("\n## post to answer (ms) beside a SIEM that is …, 500 posts/s");
    let kinds = [("healthy", Behaviour::Count), ("dead", Behaviour::Refuse), ("stalled", Behaviour::NeverRead)];
    let mut all: Vec<Samples> = vec![Samples::default(); kinds.len()];
    let mut worlds = Vec::new();
    for (_, behaviour) in kinds {
        let service = Service::start(&options.service, Start::default())?;
        let receiver = Receiver::start(behaviour)?;
        service.connect_siem(receiver.port)?;
        // Enough backlog that a stalled receiver's window is closed before anything is measured.
        load::batches(&service, 1, Duration::from_secs(1))?;
        worlds.push((service, receiver));
    }
    for _ in 0..options.rounds * 2 {
        for (i, (service, receiver)) in worlds.iter().enumerate() {
            let answers = load::paced(service, 4, 500, Duration::from_secs(3), receiver.clock)?;
            all[i].extend(&answers);
        }
    }
    for ((name, _), samples) in kinds.iter().zip(&all) {
        let ratio = samples.quantile(0.99).as_secs_f64() / all[0].quantile(0.99).as_secs_f64();
        println!("{name:>8}: {} | p99 / p99 healthy = {ratio:.2}", samples.summary());
    }
    Ok(())
}

/// Intake beside those who want to stop it. A post that is refused ends the benchmark.
fn attacks(options: &Options) -> Result<()> {
    println!("\n## post to answer (ms) beside …, 500 posts/s");
    let service = Service::start(&options.service, Start::default())?;
    let mut alone = Duration::ZERO;
    for attack in [Attack::None, Attack::SlowBodies(108), Attack::SlowHeads(2_100)] {
        let time = Duration::from_secs(options.seconds);
        let work = || load::paced(&service, 4, 500, time, std::time::Instant::now());
        let (made, answers) = attack.during(service.port, work)?;
        let p99 = answers.quantile(0.99);
        if alone.is_zero() {
            alone = p99;
        }
        let ratio = p99.as_secs_f64() / alone.as_secs_f64();
        println!("{:>17}: {} | p99 / p99 alone = {ratio:.2} | {made} connections", attack.name(), answers.summary());
    }
    Ok(())
}

trait MillisText {
    fn as_millis_text(&self) -> String;
}

impl MillisText for Duration {
    fn as_millis_text(&self) -> String {
        if self.is_zero() { "nothing".to_owned() } else { format!("{} ms", self.as_secs_f64() * 1e3) }
    }
}

/// A client for one thread.
fn client(service: &Service) -> Result<Client> {
    Client::connect(service.port, &service.token)
}
