//! The service: start, lock, stop, keys, and the way from a post to a SIEM.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::process::{Process, Service, auditwire, text};
use crate::world::real;

#[test]
fn a_second_process_on_the_folder_exits_3_and_names_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::start(&data);
    let second = auditwire(&["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]).output().unwrap();
    assert_eq!(second.status.code(), Some(3));
    let pid = service.process.pid().to_string();
    assert!(text(&second).contains(&pid), "{pid} in {}", text(&second));
    let mode = |name: &str| std::fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("operator.token"), mode("keys")), (0o700, 0o600, 0o700));
}

/// Whatever makes a file in the folder: the store, its journals, segments, the lock, the reserve, keys and tokens. What an earlier
/// version left wider is narrowed.
#[test]
fn nobody_else_can_read_a_file_of_the_folder_or_the_memory_of_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut service = Service::start_with(&data, "127.0.0.1:0", &[("AUDITWIRE_LOG__SEAL_EVENTS", "1")]);
    service.post("{\"action\":\"user-signin\"}\n");
    let began = std::time::Instant::now();
    while !files(&data).iter().any(|(path, _)| path.ends_with(".parquet")) {
        assert!(began.elapsed().as_secs() < 60, "nothing was sealed: {:?}", files(&data));
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    let found = files(&data);
    for name in ["log.sqlite", "log.sqlite-wal", "log.sqlite-shm", "lock", "reserve", "operator.token", ".key"] {
        assert!(found.iter().any(|(path, _)| path.ends_with(name)), "{name} is not there: {found:?}");
    }
    let private = |(path, mode): &(String, u32)| mode & 0o077 == 0 || panic!("{path} has mode {mode:o}");
    assert!(found.iter().all(private));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", service.process.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    service.process.signal("TERM");
    assert_eq!(service.process.exit_code(), Some(0));

    for (path, _) in files(&data) {
        let metadata = std::fs::metadata(&path).unwrap();
        let mode = if metadata.is_dir() { 0o755 } else { 0o644 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let _service = Service::start(&data);
    assert!(files(&data).iter().all(private));
}

/// Everything below a folder, with its mode.
fn files(folder: &std::path::Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        // A journal can go while we look.
        let Ok(metadata) = entry.metadata() else { continue };
        found.push((entry.path().display().to_string(), metadata.permissions().mode() & 0o777));
        if metadata.is_dir() {
            found.extend(files(&entry.path()));
        }
    }
    found
}

#[test]
fn sigterm_ends_it_with_0_and_the_events_are_there_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::start(folder.path());
    let answer = service.post("{\"event_id\":\"e1\",\"action\":\"user-signin\"}\n");
    assert_eq!(answer["accepted"], 1);
    service.process.signal("TERM");
    assert_eq!(service.process.exit_code(), Some(0));

    let service = Service::start(folder.path());
    let event = service.json(&["events", "tail", "--after", "0", "--count", "1"]);
    assert_eq!((&event["event_id"], &event["seq"]), (&json!("e1"), &json!(1)));
    assert_eq!(service.post("{\"event_id\":\"e1\",\"action\":\"user-signin\"}\n")["duplicates"], 1);
}

#[test]
fn the_tail_follows_and_its_lines_are_safe() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path());
    service.post("{\"action\":\"first\"}\n");
    let tail = Process::start(service.command(&["events", "tail", "--after", "0", "--count", "2"]));
    assert!(tail.line().contains("first"));
    service.post("{\"action\":\"second\",\"message\":\"a\\u001b[2Jb\\u202e\"}\n");
    let line = tail.line();
    assert!(line.contains("second") && line.contains("a\\u{1b}[2Jb\\u{202e}"), "{line}");
}

#[test]
fn the_tail_goes_on_after_a_restart_without_a_gap_or_a_repeat() {
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::start(folder.path());
    service.post("{\"action\":\"first\"}\n");
    let tail = Process::start(service.command(&["events", "tail", "--after", "0", "--count", "3", "--json"]));
    let next = || serde_json::from_str::<serde_json::Value>(&tail.line()).unwrap()["action"].clone();
    assert_eq!(next(), "first");
    service.process.signal("TERM");
    assert_eq!(service.process.exit_code(), Some(0));
    let address = service.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let service = Service::start_at(folder.path(), &address);
    service.post("{\"action\":\"second\"}\n{\"action\":\"third\"}\n");
    assert_eq!((next(), next()), ("second".into(), "third".into()));
}

#[test]
fn events_reach_a_receiver_over_an_activated_connection() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path());
    let receiver = Process::start(auditwire(&["receive", "--tcp", "127.0.0.1:0"]));
    let address = receiver.after("receiving on tcp://");

    let created = service.json(&["connections", "create", "--name", "siem", "--endpoint", &address]);
    assert_eq!(created["status"], "inactive");
    let check = service.json(&["connections", "check", "siem"]);
    assert_eq!((&check["ok"], &check["confirmed"]), (&json!(true), &json!(true)));
    assert!(receiver.line().contains("siem-connection-test"));
    let activated = service.json(&["connections", "activate", "siem", "--start", "now"]);
    assert_eq!(activated["connection"]["name"], "siem");

    service.post("{\"event_id\":\"e1\",\"action\":\"user-signin\",\"message\":\"Вход\"}\n");
    let message = loop {
        let line = receiver.line();
        if line.contains("user-signin") {
            break line;
        }
    };
    assert!(message.contains("event_id=\"e1\"") && message.contains("Вход"), "{message}");

    let edited = service.json(&["connections", "edit", "siem", "--facility", "16"]);
    assert_eq!((&edited["options"]["facility"], &edited["endpoint"]), (&json!(16), &json!(address)));
    let list = service.command(&["connections", "list"]).output().unwrap();
    assert!(text(&list).contains("siem"), "{}", text(&list));
    assert_eq!(service.json(&["connections", "stop", "siem"])["status"], "inactive");
    service.json(&["connections", "delete", "siem", "--yes"]);
    let gone = service.command(&["connections", "show", "siem"]).output().unwrap();
    assert_eq!(gone.status.code(), Some(1));
}

#[test]
fn a_failed_check_is_shown_and_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path());
    // A port that was just given back: nobody listens there.
    let closed = real::closed_endpoint();
    let output = service.command(&["check", &closed]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("connect_refused"), "{}", text(&output));

    service.json(&["connections", "create", "--name", "dead", "--endpoint", &closed]);
    let output = service.command(&["connections", "activate", "dead"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("--despite-failed-check"), "{}", text(&output));
}

#[test]
fn a_lost_key_refuses_the_start_and_no_new_one_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let pem = folder.path().join("ca.pem");
    std::fs::write(&pem, rcgen::generate_simple_self_signed(["siem.example".to_owned()]).unwrap().cert.pem()).unwrap();
    let mut service = Service::start(&data);
    let pem = pem.to_str().unwrap();
    let endpoint = ["connections", "create", "--name", "s", "--endpoint", "192.0.2.1:6514", "--transport", "tls"];
    service.json(&[&endpoint[..], &["--pem-file", pem]].concat());
    service.process.signal("TERM");
    assert_eq!(service.process.exit_code(), Some(0));

    let (keys, away) = (data.join("keys"), folder.path().join("away"));
    std::fs::rename(&keys, &away).unwrap();
    let serve = ["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let refused = auditwire(&serve).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("do not open what is stored"), "{}", text(&refused));
    assert!(!keys.exists(), "a new key was made");

    let process = Process::start({
        let mut command = auditwire(&serve);
        command.env("AUDITWIRE_KEYS", &away);
        command
    });
    assert!(process.line().starts_with("listening on http://127.0.0.1:"));
}

#[test]
fn https_is_served_with_a_private_ca() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (cert, key, data) = (folder.path().join("c.pem"), folder.path().join("k.pem"), folder.path().join("data"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut command = auditwire(&["serve", "--listen", "127.0.0.1:0"]);
    command.arg("--data").arg(&data).arg("--tls-cert").arg(&cert).arg("--tls-key").arg(&key);
    let process = Process::start(command);
    let url = process.after("listening on ");
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");

    let list = |ca: bool| {
        let mut command = auditwire(&["connections", "list", "--json", "--url", &url]);
        command.arg("--token-file").arg(data.join("operator.token"));
        if ca {
            command.env("AUDITWIRE_CA", &cert);
        }
        command.output().unwrap()
    };
    assert!(list(true).status.success(), "{}", text(&list(true)));
    assert_eq!(list(false).status.code(), Some(1), "an unknown CA must not be trusted");
}

#[test]
fn settings_come_from_the_environment_and_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("a.toml");
    std::fs::write(&config, "[server]\nlisten = '127.0.0.1:1'\n[telemetry]\nformat = 'json'\n").unwrap();
    let mut command = auditwire(&["serve", "--config", config.to_str().unwrap()]);
    command.env("AUDITWIRE_SERVER__LISTEN", "127.0.0.1:0").env("AUDITWIRE_DATA__DIR", folder.path().join("data"));
    let process = Process::start(command);
    assert!(!process.after("listening on http://127.0.0.1:").starts_with("1/"));
    assert!(folder.path().join("data/operator.token").exists());
}
