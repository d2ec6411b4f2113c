//! Many projects in one process, each with an active connection to a receiver socket of its own: all are served, and the memory
//! of an idle connection is printed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::Result;
use crate::child::Child;
use crate::ledger;
use crate::options::Options;
use crate::service::Service;
use crate::wait::until;

/// Projects that are made and activated at a time.
const HANDS: usize = 32;
/// Events of each project.
const EVENTS: u64 = 20;

pub(crate) fn run(options: &Options) -> Result<()> {
    let count = options.count_or(1000);
    let service = Arc::new(Service::start(&options.service)?);
    let ledger = service.folder().join("projects.ledger");
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.arg("receivers").arg(count.to_string()).arg(&ledger);
    let receivers = Child::start(command)?;
    let ports = receivers.after("listening ", Duration::from_secs(60)).ok_or("no receivers")?;
    let ports: Vec<u16> = ports.split(' ').map(str::parse).collect::<std::result::Result<_, _>>()?;
    let before = service.resident_bytes()?;
    let begun = Instant::now();
    let each = |what: &(dyn Fn(usize, &str) -> Result<()> + Sync)| in_parallel(count, what);
    let ids: Vec<std::sync::Mutex<String>> = (0..count).map(|_| std::sync::Mutex::default()).collect();
    each(&|k, name| {
        let id = service.project(name, &options.siem(None).connection("siem", &format!("127.0.0.1:{}", ports[k])))?;
        *ids[k].lock().map_err(|_| "poisoned")? = id;
        Ok(())
    })?;
    let made = service.resident_bytes()?;
    each(&|k, name| {
        let id = ids[k].lock().map_err(|_| "poisoned")?.clone();
        service.activate(name, &id, "now")
    })?;
    let id = |k: usize| ids.get(k).and_then(|id| id.lock().ok().map(|id| id.clone())).unwrap_or_default();
    each(&|k, name| service.settled(name, &id(k), Duration::from_secs(120)).map(drop))?;
    println!("{count} projects with active connections after {:.0} s", begun.elapsed().as_secs_f64());
    let idle = service.resident_bytes()?;
    let begun = Instant::now();
    each(&|k, name| {
        let first = k as u64 * EVENTS;
        let events: Vec<_> =
            (first..first + EVENTS).map(|i| json!({ "event_id": format!("f-{i}"), "action": "create-vm" })).collect();
        service.ask("POST", &format!("/projects/{name}/events"), &json!(events), 200).map(drop)
    })?;
    let all = count as u64 * EVENTS;
    until("every project's events are parsed", Duration::from_secs(120), || {
        let ids: std::collections::HashSet<u64> = ledger::read(&ledger)?.iter().map(|r| r.id).collect();
        Ok((0..all).all(|id| ids.contains(&id)).then_some(()))
    })?;
    println!(
        "{all} events, {EVENTS} of each project, parsed by {count} receivers after {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    let after = service.resident_bytes()?;
    let per = |bytes: u64| bytes as f64 / 1024.0 / count as f64;
    println!(
        "resident: {} MiB empty, {} MiB with the projects, {} MiB with their idle links ({:.1} KiB per idle connection, {:.1} KiB with its project), {} MiB after the events",
        before >> 20,
        made >> 20,
        idle >> 20,
        per(idle.saturating_sub(made)),
        per(idle.saturating_sub(before)),
        after >> 20
    );
    drop(receivers);
    Ok(())
}

/// Does something for all projects, several at a time.
fn in_parallel(count: usize, what: &(dyn Fn(usize, &str) -> Result<()> + Sync)) -> Result<()> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let hands: Vec<_> = (0..HANDS)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    loop {
                        let k = next.fetch_add(1, Ordering::Relaxed);
                        if k >= count {
                            return Ok(());
                        }
                        what(k, &format!("p-{k}"))?;
                    }
                })
            })
            .collect();
        hands.into_iter().try_for_each(|hand| hand.join().map_err(|_| "a thread died")?)
    })
}
