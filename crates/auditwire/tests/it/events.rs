//! The Event log from the command line: searched, counted, exported.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::process::{auditwire, text};
use crate::world::service::{EVENTS, Service};

const EVENTS_SENT: usize = 3000;

async fn filled() -> Service {
    let service = Service::start().await;
    for batch in 0..EVENTS_SENT / 1000 {
        let events: Vec<Value> = (batch * 1000..(batch + 1) * 1000)
            .map(|n| {
                json!({
                    "event_id": format!("e{n}"), "action": if n % 2 == 0 { "create-vm" } else { "user-signin" },
                    "severity": if n % 100 == 0 { "ERROR" } else { "INFO" }, "source": {"id": "nova"},
                    "message": format!("=n{n}, \"quoted\"\nline"), "subject": {"metadata": {"email": "ann\u{1b}[2J"}},
                })
            })
            .collect();
        let report = service.post(EVENTS, &Value::from(events)).await.expect(200);
        assert_eq!(report["accepted"], 1000, "{report}");
    }
    service
}

fn command(service: &Service, arguments: &[&str]) -> Command {
    let mut command = auditwire(arguments);
    command.env("AUDITWIRE_URL", &service.url).env("AUDITWIRE_TOKEN", &service.token);
    command
}

fn run(service: &Service, arguments: &[&str]) -> Output {
    command(service, arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn events_are_searched_and_counted() {
    let service = filled().await;
    let found = stdout(&run(&service, &["events", "search", "severity = ERROR", "--limit", "2"]));
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(lines.len(), 3, "{found}");
    assert!(lines[0].contains("SEQ") && lines[0].contains("SEVERITY"), "{found}");
    assert!(lines[1].trim_start().starts_with("2901 ") && lines[1].contains("ERROR"), "{found}");
    assert!(lines[1].contains("ann\\u{1b}[2J") && !found.contains('\u{1b}'), "{found}");

    let found =
        stdout(&run(&service, &["events", "search", "--json", "--order", "asc", "--limit", "2500", "create-vm"]));
    let events: Vec<Value> = found.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((events.len(), &events[1]["seq"]), (EVENTS_SENT / 2, &json!(3)), "several pages");

    let count = |query: &str| stdout(&run(&service, &["events", "count", query])).trim().to_owned();
    assert_eq!(
        (count(""), count("action = user-signin"), count("nothing")),
        ("3000".into(), "1500".into(), "0".into())
    );
    let none = run(&service, &["events", "search", "nothing"]);
    assert!(none.status.success() && none.stdout.is_empty() && text(&none).contains("no events match"));

    let tail = stdout(&run(
        &service,
        &["events", "tail", "--after", "0", "--count", "1", "--query", "severity = ERROR", "--json"],
    ));
    assert_eq!(serde_json::from_str::<Value>(&tail).unwrap()["seq"], 1);
}

#[tokio::test]
async fn a_connection_is_previewed_before_it_is_stored() {
    let service = filled().await;
    let preview = |arguments: &[&str]| run(&service, &[&["connections", "preview"][..], arguments].concat());
    let shown = stdout(&preview(&["--query", "severity = ERROR", "--format", "cef"]));
    assert!(shown.starts_with("filter: severity = ERROR\n30 of 3,000 events of the last 24 hours"), "{shown}");
    assert!(shown.contains("\nseq 2901, ") && shown.contains("CEF:0|"), "{shown}");
    assert_eq!(shown.matches("\nseq ").count(), 5, "{shown}");
    let shown = stdout(&preview(&["--json", "--query", "severity = ERROR AND action = create-vm"]));
    let answer: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&answer["matched"], &answer["total"], &answer["exact"]), (&json!(30), &json!(3000), &json!(true)));
    let message = answer["messages"][0]["text"].as_str().unwrap();
    assert!(message.starts_with('<') && message.contains("\"seq\":2901"), "{message}");

    // A stored one, as it is and as it would be.
    let stored = ["connections", "create", "--name", "siem", "--endpoint", "192.0.2.7:514", "--status-only", "failure"];
    stdout(&run(&service, &stored));
    let shown = stdout(&preview(&["siem"]));
    assert!(shown.contains("\n0 of 3,001 events") && shown.contains("no event in the log matches"), "{shown}");
    let shown = stdout(&preview(&["siem", "--no-filter"]));
    assert!(shown.starts_with("no filter: every event is sent\n3,001 of 3,001 events"), "{shown}");

    let wrong = preview(&["--query", "sevrity = ERROR"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong).contains("\n  sevrity = ERROR\n  ^^^^^^^"), "{}", text(&wrong));
}

#[tokio::test]
async fn a_wrong_query_is_shown_with_its_place() {
    let service = Service::start().await;
    for verb in ["search", "count", "tail"] {
        let arguments = if verb == "tail" {
            vec!["--query", "action = a AND colour = red"]
        } else {
            vec!["action = a AND colour = red"]
        };
        let output = run(&service, &[&["events", verb][..], &arguments].concat());
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output);
        assert!(said.contains("\n  action = a AND colour = red\n                 ^^^^^^"), "{said}");
        assert!(said.contains("[query_unknown_parameter]"), "{said}");
    }
    let output = run(&service, &["events", "export", "action =", "--output", "-"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("^"), "{}", text(&output));
}

#[tokio::test]
async fn exports_are_whole_files_of_the_format_their_name_says() {
    let service = filled().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let export = |name: &str, more: &[&str]| {
        let path = file(name);
        let arguments = [&["events", "export", "--output", path.to_str().unwrap()][..], more].concat();
        let said = stdout(&run(&service, &arguments));
        (said, std::fs::read(path).unwrap())
    };
    let (said, lines) = export("all.jsonl", &["--order", "asc"]);
    assert!(said.contains("all.jsonl: 3,000 events, "), "{said}");
    let lines = String::from_utf8(lines).unwrap();
    assert_eq!(lines.lines().count(), EVENTS_SENT);
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["seq"], &first["message"]), (&json!(1), &json!("=n0, \"quoted\"\nline")));

    let (said, csv) = export("errors.csv", &["--json", "severity = ERROR"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["events"], &said["format"], &said["bytes"]), (&json!(30), &json!("csv"), &json!(csv.len())));
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.starts_with("timestamp,") && csv.contains("\"'=n0, \"\"quoted\"\"\nline\""), "{csv}");
    let (_, raw) = export("errors.csv", &["--raw", "--limit", "1", "severity = ERROR"]);
    let raw = String::from_utf8(raw).unwrap();
    assert!(raw.contains("\"=n2900, ") && raw.len() < csv.len(), "the file is replaced: {raw}");
    let (said, parquet) = export("errors.parquet", &["severity = ERROR"]);
    assert!(said.contains("errors.parquet: 30 events, "), "as they were counted before it began: {said}");
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));

    let mut left = names(folder.path());
    left.sort();
    assert_eq!(left, ["all.jsonl", "errors.csv", "errors.parquet"], "and no other file");
    let printed = stdout(&run(&service, &["events", "export", "--format", "tsv", "--output", "-", "--limit", "2"]));
    assert_eq!(printed.lines().count(), 3);
}

#[tokio::test]
async fn an_export_that_ends_early_leaves_nothing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    // A service that promises more than it sends.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend_from_slice(&byte);
        }
        let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-export-events: 9\r\n\r\n3\r\n{}\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let output = auditwire(&["events", "export", "--output", path.to_str().unwrap()])
        .env("AUDITWIRE_URL", &url)
        .env("AUDITWIRE_TOKEN", "aw_0")
        .output()
        .unwrap();
    server.join().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output);
    assert!(said.contains("after 1 events") && said.contains("nothing was written to"), "{said}");
    assert_eq!(names(folder.path()), Vec::<String>::new());
}
