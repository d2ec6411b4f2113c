//! A part of the service meets a defect, under a hidden flag of the binary: what the service says while it ends, how it ends,
//! and what goes on.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::process::{LIMIT, Process, Service, auditwire};

/// A service with a fault, and a file that takes its log.
fn broken(data: &Path, fault: &str) -> Service {
    let process = start(data, fault);
    let url = process.after("listening on ");
    let token = std::fs::read_to_string(data.join("operator.token")).unwrap();
    Service { process, url, token: token.trim().to_owned() }
}

fn start(data: &Path, fault: &str) -> Process {
    let mut command = auditwire(&["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    command.args(["--unsafe-panic-at", fault]);
    command.stderr(Stdio::from(std::fs::File::create(data.with_extension("log")).unwrap()));
    // So few that upkeep begins to work in a test.
    command.env("AUDITWIRE_LOG__SEAL_EVENTS", "20");
    Process::start(command)
}

fn log(data: &Path) -> String {
    std::fs::read_to_string(data.with_extension("log")).unwrap()
}

/// The lines of the log that tell of a panic.
fn panics(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("a defect was met: a panic")).collect()
}

fn host(service: &Service) -> &str {
    service.url.trim_start_matches("http://").trim_end_matches('/')
}

/// A request whose head is not complete: while the service drains it is waited for.
fn unfinished(service: &Service) -> TcpStream {
    let mut socket = TcpStream::connect(host(service)).unwrap();
    write!(socket, "GET /healthz HTTP/1.1\r\nHost: {}\r\nX-Wait: ", host(service)).unwrap();
    socket
}

/// Status, `code`, and whether it says when to try again.
fn ask(service: &Service, head: &str, body: &str) -> Option<(u16, Option<String>, bool)> {
    let mut socket = TcpStream::connect(host(service)).ok()?;
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    let (host, token, length) = (host(service), &service.token, body.len());
    let more =
        format!("Authorization: Bearer {token}\r\nContent-Type: application/x-ndjson\r\nContent-Length: {length}");
    let head = format!("{head} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n\r\n");
    socket.write_all(format!("{head}{body}").as_bytes()).ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let code = serde_json::from_str::<Value>(body).ok().and_then(|body| body["code"].as_str().map(str::to_owned));
    Some((status, code, head.to_ascii_lowercase().contains("retry-after:")))
}

fn post(service: &Service, action: &str) -> Option<(u16, Option<String>, bool)> {
    ask(service, "POST /api/v1/projects/default/events", &format!("{{\"action\":\"{action}\"}}\n"))
}

/// Asks until the service says that it is not ready, and why.
fn not_ready(service: &Service) -> (u16, Option<String>, bool) {
    let begun = std::time::Instant::now();
    loop {
        let answer = ask(service, "GET /readyz", "").expect("it answers while it ends");
        if answer.0 != 200 {
            return answer;
        }
        assert!(begun.elapsed() < LIMIT, "it stays ready");
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
}

fn answer(status: u16, code: &str) -> (u16, Option<String>, bool) {
    (status, Some(code.to_owned()), true)
}

/// Ends as documented: not ready first, nothing taken, the log, the exit code. `waiting` keeps it from ending before it was
/// asked.
fn dies(data: &Path, mut service: Service, waiting: TcpStream, task: &str) {
    assert_eq!(not_ready(&service), answer(503, "task_failed"));
    assert_eq!(post(&service, "x"), Some(answer(503, "task_failed")));
    drop(waiting);
    assert_eq!(service.process.exit_code(), Some(4));
    let log = log(data);
    let panics = panics(&log);
    assert_eq!(panics.len(), 1, "{log}");
    assert!(panics[0].contains("ERROR") && panics[0].contains(&format!("task=\"{task}\"")), "{}", panics[0]);
    assert!(panics[0].contains("injected at ") && panics[0].contains(".rs:"), "{}", panics[0]);
    assert!(!log.contains("RUST_BACKTRACE") && !log.contains("panicked at"), "one line says all: {log}");
    assert!(log.contains(&format!("cannot do without ({task})")), "{log}");
}

#[test]
fn a_committer_that_panics_ends_the_process_and_what_was_answered_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = broken(&data, "committer=poison");
    assert_eq!(service.post("{\"event_id\":\"e1\",\"action\":\"first\"}\n")["accepted"], 1);
    let waiting = unfinished(&service);
    let (status, code, _) = post(&service, "poison").unwrap();
    assert_eq!((status, code.as_deref()), (500, Some("storage_failed")), "nobody knows whether it is stored");
    dies(&data, service, waiting, "committer");
    let again = Service::start(&data);
    assert_eq!(again.post("{\"event_id\":\"e1\",\"action\":\"first\"}\n")["duplicates"], 1);
}

#[test]
fn an_upkeep_that_panics_ends_the_process_and_what_was_answered_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = broken(&data, "upkeep");
    let waiting = unfinished(&service);
    let events: String = (0..30).map(|n| format!("{{\"event_id\":\"e{n}\",\"action\":\"x\"}}\n")).collect();
    assert_eq!(service.post(&events)["accepted"], 30);
    dies(&data, service, waiting, "upkeep");
    assert_eq!(Service::start(&data).post(&events)["duplicates"], 30);
}

#[test]
fn a_listener_or_a_watch_for_signals_that_panics_ends_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut process = start(&data, "listener");
    assert_eq!(process.exit_code(), Some(4));
    assert!(log(&data).contains("cannot do without (listener)"), "{}", log(&data));

    let mut service = broken(&data, "signals");
    assert_eq!(ask(&service, "GET /readyz", "").map(|answer| answer.0), Some(200));
    service.process.signal("TERM");
    assert_eq!(service.process.exit_code(), Some(4), "it would not be heard any more");
    assert!(log(&data).contains("cannot do without (signals)"), "{}", log(&data));
}

#[test]
fn an_event_that_makes_rendering_panic_is_set_aside_and_the_service_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = broken(&data, "message=poison");
    let receiver = Process::start(auditwire(&["receive", "--tcp", "127.0.0.1:0"]));
    let address = receiver.after("receiving on tcp://");
    service.json(&["connections", "create", "--name", "siem", "--endpoint", &address]);
    service.json(&["connections", "activate", "siem", "--start", "now"]);
    service.post("{\"action\":\"poison\"}\n{\"action\":\"behind-it\"}\n");
    while !receiver.line().contains("behind-it") {}
    let list = || service.json(&["connections", "quarantine", "siem"]);
    let begun = std::time::Instant::now();
    while list()["quarantined"].as_array().is_none_or(Vec::is_empty) {
        assert!(begun.elapsed() < LIMIT, "nothing is set aside: {}", list());
    }
    let reason = list()["quarantined"][0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("internal: ") && !reason.contains("injected"), "{reason}");
    assert_eq!(ask(&service, "GET /readyz", "").map(|answer| answer.0), Some(200));
    let log = log(&data);
    assert!(panics(&log).iter().all(|line| line.contains("task=\"message\"")) && !panics(&log).is_empty(), "{log}");
}
