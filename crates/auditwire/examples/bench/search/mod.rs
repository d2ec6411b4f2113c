//! Questions over a large log: our answers over HTTP, and beside them DuckDB's over the same segment files.

pub(crate) mod beside;
mod events;
mod questions;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::http::{self, Client};
use crate::load::Random;
use crate::service::{Service, Start};
use crate::stats::{Samples, mib};
use crate::{Options, Result, client};
use events::Needles;
use questions::{Answer, Question};

const PATH: &str = "/api/v1/projects/default/events";
const CLIENTS: u64 = 8;
const BATCH: u64 = 500;
/// The rest that does not fill a segment is sealed after this long; the shortest time there is.
const SEAL_AFTER: &str = "1 m";
const SEALED_WITHIN: Duration = Duration::from_secs(600);

/// Loads the log, waits until all of it is sealed, asks.
pub(crate) fn run(options: &Options) -> Result<()> {
    println!("\n## questions over {} events", options.events);
    let settings = &[("AUDITWIRE_LOG__SEAL_AFTER", SEAL_AFTER)];
    let service =
        Service::start(&options.service, Start { folder: options.log.as_deref(), settings, ..Start::default() })?;
    let loaded = service.folder().join("loaded");
    let (needles, now) = match std::fs::read_to_string(&loaded) {
        Ok(text) => {
            let (now, request) = text.split_once(' ').ok_or("the note of what was loaded cannot be read")?;
            (Needles::with_request(request.to_owned()), now.parse()?)
        }
        Err(_) => {
            let (needles, now) = load(&service, options.events)?;
            wait_sealed(&service)?;
            std::fs::write(&loaded, format!("{now} {}", needles.request))?;
            (needles, now)
        }
    };
    // Files that a merge replaced stay for five minutes, for those who are reading them; they do not count. The reserve is
    // no data either.
    let segments = service.metric("auditwire_segment_bytes")?;
    let bytes = segments + service.data_bytes_without(&["segments", "reserve"]);
    println!(
        "{} segments, {:.0} MiB; with everything else {:.0} MiB: {:.1} bytes/event; resident {:.0} MiB, peak {:.0} MiB",
        service.metric("auditwire_segments")?,
        mib(segments),
        mib(bytes),
        bytes as f64 / options.events as f64,
        mib(service.resident_bytes()?),
        mib(service.peak_bytes()?),
    );
    let questions = questions::all(&needles, now);
    let ours = questions.iter().map(|question| ask(&service, question, options.rounds)).collect::<Result<Vec<_>>>()?;
    let export = export(&service, options.events)?;
    let theirs = options.duckdb.is_some().then(|| duckdb(options, &service, &questions)).transpose();
    table(&questions, &ours, theirs.as_ref().ok().and_then(Option::as_ref));
    let theirs = theirs?;
    println!("export as JSON Lines: {:.0} events/s, {:.2} CPU-us/event", export.0, export.1);
    if let Some(theirs) = &theirs {
        let rate = options.events as f64 / (theirs.export_ms / 1e3);
        println!(
            "DuckDB {} writes the same as JSON: {rate:.0} events/s; it counts {} rows",
            theirs.version, theirs.rows
        );
    }
    println!(
        "resident after the questions {:.0} MiB, peak {:.0} MiB",
        mib(service.resident_bytes()?),
        mib(service.peak_bytes()?)
    );
    Ok(())
}

/// Posts so many events, in order of time but for what several clients shuffle. What can be found in them, and the time up
/// to which they go (seconds since 1970).
pub(crate) fn load(service: &Service, total: u64) -> Result<(Needles, u64)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let needles = Needles::new();
    let (started, cpu) = (Instant::now(), service.cpu()?);
    let (next, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..CLIENTS)
            .map(|worker| {
                let (next, bytes, needles) = (&next, &bytes, &needles);
                scope.spawn(move || -> std::result::Result<(), String> {
                    let mut client = client(service).map_err(|e| e.to_string())?;
                    let (mut random, mut body) = (Random::new(worker + 1), Vec::new());
                    loop {
                        let from = next.fetch_add(BATCH, Ordering::Relaxed);
                        if from >= total {
                            return Ok(());
                        }
                        batch(&mut random, needles, from..(from + BATCH).min(total), total, now, &mut body);
                        bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
                        post(&mut client, &body)?;
                    }
                })
            })
            .collect();
        workers.into_iter().try_for_each(|w| w.join().map_err(|_| "a client thread died".to_owned())?)
    })?;
    let took = started.elapsed().as_secs_f64();
    println!(
        "loaded in {took:.0} s: {:.0} events/s, {:.1} CPU-us/event, {:.0} bytes of JSON each",
        total as f64 / took,
        (service.cpu()? - cpu).as_secs_f64() * 1e6 / total as f64,
        bytes.into_inner() as f64 / total as f64
    );
    Ok((needles, now))
}

fn batch(
    random: &mut Random,
    needles: &Needles,
    numbers: std::ops::Range<u64>,
    total: u64,
    now: u64,
    body: &mut Vec<u8>,
) {
    body.clear();
    body.push(b'[');
    for number in numbers.clone() {
        if number > numbers.start {
            body.push(b',');
        }
        events::write(random, needles, number, total, now, body);
    }
    body.push(b']');
}

fn post(client: &mut Client, body: &[u8]) -> std::result::Result<(), String> {
    loop {
        let (status, answer) = client.request("POST", PATH, body).map_err(|e| e.to_string())?;
        match status {
            200 if http::number(&answer, "rejected").is_none() => return Ok(()),
            503 => std::thread::sleep(Duration::from_millis(50)),
            _ => return Err(format!("{status} {}", String::from_utf8_lossy(&answer))),
        }
    }
}

fn wait_sealed(service: &Service) -> Result<()> {
    let (began, cpu) = (Instant::now(), service.cpu()?);
    loop {
        let fresh = service.metric("auditwire_log_fresh_events")?;
        if fresh == 0 {
            break;
        }
        if began.elapsed() > SEALED_WITHIN {
            return Err(format!("{fresh} events are still not sealed").into());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let (took, cpu) = (began.elapsed().as_secs_f64(), (service.cpu()? - cpu).as_secs_f64());
    println!("the rest was sealed {took:.0} s after the load, with {cpu:.0} s of CPU");
    Ok(())
}

/// What one question cost.
struct Asked {
    first: Duration,
    times: Samples,
    cpu_ms: f64,
    read_mib: f64,
    value: u64,
}

fn ask(service: &Service, question: &Question, rounds: usize) -> Result<Asked> {
    let mut client = client(service)?;
    let path = format!("{PATH}{}", question.path);
    let mut times = Samples::default();
    let began = Instant::now();
    let mut answer = get(&mut client, &path)?;
    let first = began.elapsed();
    let (cpu, read) = (service.cpu()?, service.metric("auditwire_log_bytes_read")?);
    for _ in 0..rounds {
        let began = Instant::now();
        answer = get(&mut client, &path)?;
        times.push(began.elapsed());
    }
    let cpu_ms = (service.cpu()? - cpu).as_secs_f64() * 1e3 / rounds as f64;
    let read_mib = mib(service.metric("auditwire_log_bytes_read")? - read) / rounds as f64;
    Ok(Asked { first, times, cpu_ms, read_mib, value: value(question.answer, &answer)? })
}

fn get(client: &mut Client, path: &str) -> Result<Vec<u8>> {
    let (status, answer) = client.request("GET", path, b"")?;
    if status == 200 {
        Ok(answer)
    } else {
        Err(format!("{path}: {status} {}", String::from_utf8_lossy(&answer)).into())
    }
}

/// What of an answer is compared.
fn value(kind: Answer, answer: &[u8]) -> Result<u64> {
    let json: serde_json::Value = serde_json::from_slice(answer)?;
    let list = |key: &str| json.get(key).and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
    Ok(match kind {
        Answer::Events => list("events").len() as u64,
        Answer::Number => json.get("count").and_then(serde_json::Value::as_u64).ok_or("no count")?,
        Answer::Counts => {
            let buckets = list("buckets");
            let counts = buckets.iter().filter_map(|b| b.get("counts")?.as_object()).flat_map(|o| o.values());
            let counts: u64 = counts.filter_map(serde_json::Value::as_u64).sum();
            let values: u64 = list("values").iter().filter_map(|v| v.get("count")?.as_u64()).sum();
            counts + values
        }
    })
}

/// Events per second and CPU-µs per event of a full export.
fn export(service: &Service, events: u64) -> Result<(f64, f64)> {
    let (began, cpu) = (Instant::now(), service.cpu()?);
    let lines = client(service)?.count_lines(&format!("{PATH}/export?format=jsonl&limit={events}&order=asc"))?;
    let (took, cpu) = (began.elapsed().as_secs_f64(), (service.cpu()? - cpu).as_secs_f64());
    Ok((lines as f64 / took, cpu * 1e6 / lines as f64))
}

/// DuckDB's answers.
#[derive(serde::Deserialize)]
struct Theirs {
    version: String,
    rows: u64,
    questions: Vec<Their>,
    export_ms: f64,
}

#[derive(serde::Deserialize)]
struct Their {
    ms: f64,
    value: u64,
}

fn duckdb(options: &Options, service: &Service, questions: &[Question]) -> Result<Theirs> {
    let asked: Vec<_> = questions
        .iter()
        .map(|q| {
            let answer = match q.answer {
                Answer::Events => "events",
                Answer::Number => "number",
                Answer::Counts => "counts",
            };
            serde_json::json!({ "sql": q.sql, "answer": answer })
        })
        .collect();
    let asked = serde_json::json!({
        "data": service.folder().join("data"),
        "threads": std::thread::available_parallelism()?.get(),
        "rounds": options.rounds,
        "questions": asked,
        "export": true,
    });
    let folder = options.duckdb.as_ref().ok_or("no folder with DuckDB was named")?;
    let mut child = Command::new("python3")
        .env("PYTHONPATH", folder)
        .args(["-c", include_str!("duckdb.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("no input")?.write_all(asked.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err("DuckDB did not answer".into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn table(questions: &[Question], ours: &[Asked], theirs: Option<&Theirs>) {
    println!(
        "question                          |   aim ms | first ms | median ms |  CPU ms | MiB read | found   | DuckDB ms | ratio | same"
    );
    for (i, (question, asked)) in questions.iter().zip(ours).enumerate() {
        let median = asked.times.quantile(0.5).as_secs_f64() * 1e3;
        let beside = theirs.and_then(|t| t.questions.get(i)).map_or_else(String::new, |their| {
            let same = if their.value == asked.value { "yes" } else { "NO" };
            format!(" | {:>9.1} | {:>5.2} | {same} ({})", their.ms, median / their.ms, their.value)
        });
        println!(
            "{:<33} | {:>8.0} | {:>8.1} | {median:>9.1} | {:>7.1} | {:>8.1} | {:>7}{beside}",
            question.name,
            question.aim_ms,
            asked.first.as_secs_f64() * 1e3,
            asked.cpu_ms,
            asked.read_mib,
            asked.value,
        );
    }
}
