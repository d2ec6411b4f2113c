//! What stands in the log: the request of an answer can be found, and a flood is told by its number.

use std::path::Path;
use std::process::Stdio;

use crate::process::{Process, Service, auditwire, until};

fn start(folder: &Path, settings: &[(&str, &str)]) -> Service {
    let mut command = auditwire(&["serve", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(folder.join("data")).envs(settings.iter().copied());
    command.stderr(Stdio::from(std::fs::File::create(folder.join("log")).unwrap()));
    let process = Process::start(command);
    let url = process.after("listening on ");
    let token = std::fs::read_to_string(folder.join("data/operator.token")).unwrap();
    Service { process, url, token: token.trim().to_owned() }
}

/// The lines of the log with a text.
fn lines(folder: &Path, text: &str) -> Vec<String> {
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    log.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
}

fn id(head: &str) -> String {
    head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("every answer has an id").to_owned()
}

#[test]
fn the_request_of_an_answer_is_in_the_log_where_that_is_wanted() {
    const SEARCH: &str = "GET /api/v1/projects/default/events";
    for (access, kept) in [("changes", [false, false, true]), ("all", [true; 3]), ("sample", [true, false, true])] {
        let folder = tempfile::tempdir().unwrap();
        // The first of the sample is one that asks whether it is ready.
        let settings = [("AUDITWIRE_TELEMETRY__ACCESS", access), ("AUDITWIRE_TELEMETRY__ACCESS_SAMPLE", "1000")];
        let service = start(folder.path(), &settings);
        let first = id(&service.ask(SEARCH, "").0);
        let second = id(&service.ask("POST /api/v1/projects/default/events", "{\"action\":\"a\"}\n").0);
        let change = id(&service.ask("POST /api/v1/sign-in-links", "").0);
        let is_there = |id: &String| !lines(folder.path(), id).is_empty();
        until("the line of a change", || is_there(&change).then_some(()));
        assert_eq!([&first, &second, &change].map(is_there), kept, "{access}");
        let refused = service.ask("GET /api/v1/projects/nobody/events", "");
        assert!(refused.0.starts_with("HTTP/1.1 404"), "{refused:?}");
        assert_eq!(is_there(&id(&refused.0)), access != "changes", "{access}");
    }
}

#[test]
fn a_flood_is_ten_lines_and_a_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = start(folder.path(), &[]);
    for _ in 0..30 {
        let refused = service.ask("POST /api/v1/projects/nobody/connections", "{}");
        assert!(refused.0.starts_with("HTTP/1.1 4"), "{refused:?}");
    }
    // Another code is another cause.
    let another = service.ask("POST /api/v1/no-such-thing", "{}");
    assert!(another.0.starts_with("HTTP/1.1 404"), "{another:?}");
    until("the last of them", || lines(folder.path(), &id(&another.0)).pop());
    assert_eq!(lines(folder.path(), "/projects/nobody/").len(), 10);
    assert_eq!(service.metric("auditwire_log_lines_suppressed_total"), 20.0);
    service.process.signal("TERM");
    assert_eq!(service.process.exit_code(), Some(0));
    let told = lines(folder.path(), "more like this in the last minute");
    assert!(told.len() == 1 && told[0].contains("… and 20 more"), "{told:?}");
}

#[test]
fn the_metrics_say_what_runs_and_what_it_uses() {
    let folder = tempfile::tempdir().unwrap();
    let service = start(folder.path(), &[]);
    let (_, metrics) = service.ask("GET /metrics", "");
    let build =
        metrics.lines().find(|line| line.starts_with("auditwire_build_info{")).unwrap_or_else(|| panic!("{metrics}"));
    assert!(build.contains("version=\"") && build.ends_with("} 1"), "{build}");
    for name in ["start_time_seconds", "cpu_seconds_total", "resident_memory_bytes", "virtual_memory_bytes"] {
        service.metric(&format!("process_{name}"));
    }
    let open = service.metric("process_open_fds");
    assert!(open > 5.0 && open < service.metric("process_max_fds"), "{open}");
    assert!(service.metric("process_threads") > 2.0);
}
