//! Measures the log alone on SQLite: no doors, no delivery. Prints events per second, CPU time per event, syncs, memory.
//!
//! `cargo run --release -p auditwire-store --example log_bench -- [EVENTS] [BATCH] [SUBMITTERS] [PARENT_DIR]`
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a command for developers")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use auditwire_engine::log::{Log, LogSettings, Scan, Submission};
use auditwire_engine::store::{Order, Store};
use auditwire_model::clock::ManualClock;
use auditwire_model::event::{Columns, Event, EventDraft, Plane};
use auditwire_model::query::Expr;
use auditwire_model::{Position, ProjectId, Timestamp};
use auditwire_store::{SqliteOptions, SqliteStore, open_segments};
use futures_util::StreamExt;

/// About 500 bytes as JSON, with three random UUIDs; the random bits come from a counter.
fn event(n: u64) -> Event {
    let mixed = |salt: u64| {
        let mut x = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x ^= x >> 31;
        x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
        let y = x.rotate_left(23) ^ salt;
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            x >> 32,
            x & 0xffff,
            x >> 20 & 0xfff,
            y >> 48,
            y & 0xffff_ffff_ffff
        )
    };
    let draft = EventDraft {
        event_id: Some(mixed(1)),
        action: "create-vm".to_owned(),
        request_id: Some(mixed(2)),
        message: Some("Virtual machine was created by a user of the project".to_owned()),
        source_id: Some("nova".to_owned()),
        source_address: Some("10.12.13.14".to_owned()),
        subject_user_id: Some("user-1234567890".to_owned()),
        subject_address: Some("192.0.2.55".to_owned()),
        subject_project_id: Some("project-0123456789".to_owned()),
        subject_metadata: [("email", "someone@example.org")].into(),
        resource_id: Some(mixed(3)),
        resource_type: Some("server".to_owned()),
        resource_metadata: [("region", "ru-1"), ("service_id", "compute")].into(),
        status_code: Some("201".to_owned()),
        ..EventDraft::default()
    };
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&n.to_le_bytes());
    draft.complete(String::new, Plane::Control, Timestamp::from_nanos(1_700_000_000_000_000_000).unwrap(), digest)
}

fn cpu_micros() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks = |i: usize| fields[i].parse::<f64>().unwrap();
    // The kernel reports hundredths of a second on every platform that Linux supports.
    (ticks(11) + ticks(12)) * 10_000.0
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize, or: u64| args.get(i).map_or(or, |a: &String| a.parse().unwrap());
    let (events, batch, submitters) = (number(0, 1_000_000), number(1, 100), number(2, 16));
    let parent = args.get(3).map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(parent).unwrap();
    let store = Arc::new(SqliteStore::open(dir.path(), SqliteOptions::default()).await.unwrap());
    let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
    let log =
        Log::open(store as Arc<dyn Store>, open_segments(dir.path(), true).unwrap(), clock, LogSettings::default())
            .await
            .unwrap();
    let project = ProjectId::default_project();

    let making = Instant::now();
    for n in 0..100_000 {
        std::hint::black_box(event(n));
    }
    println!("making events      {:>10.2} µs each (part of what follows)", making.elapsed().as_secs_f64() * 10.0);

    let (started, cpu) = (Instant::now(), cpu_micros());
    let tasks: Vec<_> = (0..submitters)
        .map(|submitter| {
            let (log, project) = (log.clone(), project.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                for n in (submitter * batch..events).step_by(usize::try_from(batch * submitters).unwrap()) {
                    let events = (n..(n + batch).min(events)).map(event).collect();
                    let sent = Instant::now();
                    let submission = Submission { project: Some(project.clone()), events, changes: Vec::new() };
                    log.submit(submission).await.unwrap();
                    times.push(sent.elapsed());
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_micros() - cpu);
    times.sort_unstable();
    let stats = log.stats().await.unwrap();
    println!("stored             {:>10.0} events/s", events as f64 / seconds);
    println!("CPU                {:>10.2} µs per event", cpu / events as f64);
    println!(
        "answer             {:>10.2?} median, {:.2?} p99, {:.2?} longest",
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        times[times.len() - 1]
    );
    println!(
        "groups             {:>10} of {} events; {} syncs",
        stats.groups,
        stats.events / stats.groups.max(1),
        stats.syncs
    );
    println!(
        "data, wal, tail    {:>10} MiB, {} MiB, {} MiB",
        stats.data_bytes >> 20,
        stats.wal_bytes >> 20,
        stats.tail_bytes >> 20
    );
    println!("resident           {:>10} MiB", resident_mib());

    let (started, cpu) = (Instant::now(), cpu_micros());
    let (from, to) = (Position(1), log.head(&project));
    let scan = Scan {
        project,
        from,
        to,
        time_from: None,
        time_to: None,
        predicate: Expr::All,
        order: Order::Ascending,
        limit: None,
        columns: Columns::ALL,
        numbered: false,
    };
    let (mut pieces, mut rows) = (log.scan(scan), 0);
    while let Some(piece) = pieces.next().await {
        rows += piece.unwrap().batch.num_rows();
    }
    assert_eq!(rows as u64, events);
    println!(
        "read back          {:>10.0} events/s, {:.2} µs CPU each",
        rows as f64 / started.elapsed().as_secs_f64(),
        (cpu_micros() - cpu) / rows as f64
    );
    println!("resident           {:>10} MiB", resident_mib());
    log.close().await;
}
