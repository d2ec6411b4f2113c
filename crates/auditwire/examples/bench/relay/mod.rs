//! Side by side: the same load through ours, rsyslog and syslog-ng to the same receiver, in turns.

mod generator;
pub(crate) mod ours;
mod programs;
mod sink;
#[path = "../../faults/tls.rs"]
mod tls;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::stats::{Samples, mib};
use crate::{Options, Result, process};
use programs::{Program, Running, Start};
use sink::Sink;

/// For a run to come to its end.
const LIMIT: Duration = Duration::from_secs(180);

/// What one run measured.
#[derive(Clone, Copy)]
struct Figures {
    per_second: f64,
    cpu_us: f64,
    peak: u64,
    per_sync: Option<f64>,
}

/// Throughput of all as the disk is, with slow syncs, and over TLS; then latency.
pub(crate) fn run(options: &Options) -> Result<()> {
    let real = options.real.as_deref().ok_or("--real names the folder with rsyslog and syslog-ng")?;
    let folder = tempfile::tempdir()?;
    tls::make(folder.path())?;
    let ways =
        [("TCP to TCP", None, 0), ("TCP to TCP", None, options.sync_delay_us), ("TCP to TLS", Some(folder.path()), 0)];
    for (way, tls, delay_us) in ways {
        println!("\n## relay, {way}, {delay_us} us added to each sync; {} rounds in turns, medians", options.rounds);
        throughput(options, real, tls, delay_us)?;
    }
    println!("\n## relay, latency at 1,000 messages/s over one link, TCP to TCP");
    for delay_us in [0, options.sync_delay_us] {
        for program in options.programs() {
            let ages = latency(options, real, program, delay_us)?;
            println!("{:<25} {delay_us:>5} us/sync: {}", program.name(), ages.summary());
        }
    }
    Ok(())
}

fn throughput(options: &Options, real: &Path, tls: Option<&Path>, delay_us: u64) -> Result<()> {
    let programs = options.programs();
    let mut all = vec![Vec::new(); programs.len()];
    for _ in 0..options.rounds {
        for (program, figures) in programs.iter().zip(&mut all) {
            figures.push(once(options, real, *program, tls, delay_us)?);
        }
    }
    println!(
        "program                   | messages/s (lowest - highest)  | ratio | CPU-us/message | messages/sync | MiB peak"
    );
    let first = all.first().map_or(1.0, |figures| median(figures, |f| f.per_second));
    for (program, figures) in programs.iter().zip(&all) {
        let of = |value: fn(&Figures) -> f64| median(figures, value);
        let speeds = figures.iter().map(|f| f.per_second);
        let (low, high) = (speeds.clone().fold(f64::INFINITY, f64::min), speeds.fold(0.0, f64::max));
        let per_sync = figures.first().and_then(|f| f.per_sync).map_or("none".to_owned(), |n| format!("{n:.1}"));
        println!(
            "{:<25} | {:>8.0} ({low:>8.0} - {high:>8.0}) | {:>5.2} | {:>14.2} | {per_sync:>13} | {:>8.0}",
            program.name(),
            of(|f| f.per_second),
            first / of(|f| f.per_second),
            of(|f| f.cpu_us),
            of(|f| mib(f.peak)),
        );
    }
    Ok(())
}

/// One run. What comes over must be what was sent.
fn once(options: &Options, real: &Path, program: Program, tls: Option<&Path>, delay_us: u64) -> Result<Figures> {
    let sink = Sink::start(tls, false)?;
    let relay = start(real, program, &sink, tls, delay_us)?;
    let count = program.load(options.seconds, delay_us);
    let (cpu, syncs) = (process::cpu(relay.pid())?, relay.syncs());
    let begun = Instant::now();
    let links = generator::flood(relay.port, count)?;
    let took = sink.all(count, begun, LIMIT).map_err(|why| format!("{}: {why}\n{}", program.name(), relay.log()))?;
    for link in links {
        link.join().map_err(|_| "a link died")??;
    }
    let syncs = relay.syncs() - syncs;
    Ok(Figures {
        per_second: count as f64 / took.as_secs_f64(),
        cpu_us: (process::cpu(relay.pid())? - cpu).as_secs_f64() * 1e6 / count as f64,
        peak: process::peak_bytes(relay.pid())?,
        per_sync: (syncs > 0).then(|| count as f64 / syncs as f64),
    })
}

fn latency(options: &Options, real: &Path, program: Program, delay_us: u64) -> Result<Samples> {
    let sink = Sink::start(None, true)?;
    let relay = start(real, program, &sink, None, delay_us)?;
    // A program that cannot keep up shows its queue, not its latency.
    let rate = u64::min(1000, program.load(1, delay_us) / 2);
    let count = rate * options.seconds;
    let begun = Instant::now();
    generator::paced(relay.port, count, u32::try_from(rate)?, sink.clock)?;
    sink.all(count, begun, LIMIT).map_err(|why| format!("{}: {why}", program.name()))?;
    Ok(sink.ages())
}

fn start(real: &Path, program: Program, sink: &Sink, tls: Option<&Path>, sync_delay_us: u64) -> Result<Running> {
    let certificate: Option<PathBuf> = tls.map(|folder| folder.join("receiver.pem"));
    Running::start(program, &Start { real, target: sink.port, certificate: certificate.as_deref(), sync_delay_us })
}

fn median(figures: &[Figures], value: impl Fn(&Figures) -> f64) -> f64 {
    let mut values: Vec<f64> = figures.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

impl Options {
    /// All programs, or those whose names contain one of the words of `--programs`.
    fn programs(&self) -> Vec<Program> {
        let wanted = |program: &Program| match &self.programs {
            None => true,
            Some(words) => words.split(',').any(|word| program.name().to_lowercase().contains(&word.to_lowercase())),
        };
        Program::ALL.into_iter().filter(wanted).collect()
    }
}
