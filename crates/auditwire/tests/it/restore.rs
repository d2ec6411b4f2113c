//! A data folder that was restored in part: what is in files stays there, is told, and comes back when somebody says so.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::process::{LIMIT, Process, Service, auditwire, text};

/// Every commit is sealed at once.
const SEALS: &[(&str, &str)] = &[("AUDITWIRE_LOG__SEAL_EVENTS", "1")];

fn start(data: &Path) -> Service {
    Service::start_with(data, "127.0.0.1:0", SEALS)
}

fn stop(mut service: Service) {
    service.process.signal("TERM");
    assert_eq!(service.process.exit_code(), Some(0));
}

/// Posts events of these numbers, one by one, and waits until none is fresh.
fn post(service: &Service, numbers: std::ops::Range<u32>) {
    for n in numbers {
        service.post(&format!("{{\"event_id\":\"e-{n}\",\"action\":\"create-vm\"}}\n"));
    }
    let begun = std::time::Instant::now();
    while metric(service, "auditwire_log_fresh_events ") != "0" {
        assert!(begun.elapsed() < LIMIT, "events stay fresh");
        std::thread::park_timeout(std::time::Duration::from_millis(10));
    }
}

fn get(service: &Service, path: &str) -> String {
    let host = service.url.trim_start_matches("http://").trim_end_matches('/');
    let mut socket = std::net::TcpStream::connect(host).unwrap();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        service.token
    );
    std::io::Write::write_all(&mut socket, head.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut socket, &mut answer).unwrap();
    answer
}

fn metric(service: &Service, prefix: &str) -> String {
    let metrics = get(service, "/metrics");
    metrics.lines().find_map(|line| line.strip_prefix(prefix)).unwrap_or_else(|| panic!("{metrics}")).to_owned()
}

/// Ids of our events, by their positions.
fn events(service: &Service) -> Vec<(u64, String)> {
    let line = ["events", "search", "action = create-vm", "--limit", "1000", "--order", "asc", "--json"];
    let output = service.command(&line).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let lines = String::from_utf8(output.stdout).unwrap();
    let event = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        (event["seq"].as_u64().unwrap(), event["event_id"].as_str().unwrap().to_owned())
    };
    lines.lines().filter(|line| line.contains("event_id")).map(event).collect()
}

fn store(data: &Path, line: &[&str], code: i32) -> Value {
    let data = ["--json", "--data", data.to_str().unwrap()];
    let output = auditwire(&[&["store"], line, &data[..]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{line:?}: {}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// The files of segments, wherever they lie.
fn files(data: &Path) -> BTreeSet<String> {
    let folder = data.join("segments");
    let read =
        [folder.clone(), folder.join("unaccounted")].map(|folder| std::fs::read_dir(folder).into_iter().flatten());
    let names = read.into_iter().flatten().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".parquet")).collect()
}

/// The store, without what lies beside it.
fn remove_store(data: &Path) {
    for entry in std::fs::read_dir(data).unwrap().flatten() {
        if entry.file_name().to_string_lossy().starts_with("log.sqlite") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
}

#[test]
fn without_its_store_it_does_not_start_and_a_new_one_is_made_from_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = start(&data);
    // So few that they are not merged: of merged ones both the old files and the new one would be found, and some be left over.
    post(&service, 0..3);
    let all = events(&service);
    assert_eq!(all.len(), 3);
    stop(service);
    assert_eq!(store(&data, &["inspect"], 0)["unaccounted"], serde_json::json!([]));
    let before = files(&data);
    remove_store(&data);

    let serve = ["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let refused = auditwire(&serve).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    for said in ["segments_without_store", "auditwire store adopt --data", "Put the back-up of log.sqlite back"] {
        assert!(text(&refused).contains(said), "{}", text(&refused));
    }
    assert_eq!(files(&data), before);
    assert!(!data.join("log.sqlite").exists(), "a refused start made a store");

    let would = store(&data, &["inspect"], 1);
    assert!(!data.join("log.sqlite").exists(), "looking made a store");
    let adds: u64 = would["unaccounted"].as_array().unwrap().iter().map(|f| f["adopting_adds"].as_u64().unwrap()).sum();
    let done = store(&data, &["adopt"], 0);
    assert_eq!(done["taken"].as_u64(), Some(adds));
    let service = start(&data);
    assert_eq!(events(&service), all);
    post(&service, 20..22);
    assert_eq!(events(&service).len(), 5);
    let told = service.json(&["events", "search", "action = store-adopt", "--project", "system", "--limit", "1"]);
    assert_eq!(told["resource"]["type"], "segment");
    stop(service);
    store(&data, &["inspect"], 0);
}

#[test]
fn an_older_store_put_back_deletes_nothing_and_gets_its_events_again() {
    let folder = tempfile::tempdir().unwrap();
    let (data, backup) = (folder.path().join("data"), folder.path().join("backup"));
    let service = start(&data);
    post(&service, 0..6);
    stop(service);
    std::fs::copy(data.join("log.sqlite"), &backup).unwrap();
    let service = start(&data);
    post(&service, 6..30);
    let all = events(&service);
    stop(service);
    let before = files(&data);
    remove_store(&data);
    std::fs::copy(&backup, data.join("log.sqlite")).unwrap();
    // Somebody's, with a name like ours.
    let foreign = "0000000500-00c0ffee.parquet";
    std::fs::write(data.join("segments").join(foreign), "somebody's").unwrap();

    let service = start(&data);
    assert!(metric(&service, "auditwire_trouble{code=\"files_unaccounted\"} ") == "1");
    let kept = files(&data);
    assert!(before.iter().all(|name| kept.contains(name)), "{before:?} became {kept:?}");
    assert!(kept.contains(foreign));
    let told = service.json(&["events", "search", "action = store-unaccounted", "--project", "system", "--limit", "1"]);
    assert_eq!(told["severity"], "WARNING");
    post(&service, 30..31);
    let new = events(&service).into_iter().find(|(_, id)| id == "e-30").unwrap();
    assert!(new.0 > all.last().unwrap().0, "{new:?} has a position that was given before");
    let refused = auditwire(&["store", "adopt", "--data", data.to_str().unwrap()]).output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    stop(service);

    let done = store(&data, &["adopt"], 1);
    let refused: Vec<&Value> = done["files"].as_array().unwrap().iter().filter(|f| f["taken"] == 0).collect();
    assert!(refused.iter().any(|file| file["file"] == foreign && file["unreadable"].is_string()), "{done}");
    let service = start(&data);
    let mut now = events(&service);
    now.retain(|event| *event != new);
    assert_eq!(now, all);
    stop(service);
    // What is left is removed by name, and only when that is meant.
    assert_eq!(store(&data, &["discard", foreign], 0)["removed"], false);
    assert!(files(&data).contains(foreign));
    assert_eq!(store(&data, &["discard", foreign, "--yes"], 0)["removed"], true);
    assert!(!files(&data).contains(foreign));
    let service = start(&data);
    let told = service.json(&["events", "search", "action = store-discard", "--project", "system", "--limit", "1"]);
    assert_eq!(told["resource"]["id"], foreign);
}

#[test]
fn a_write_ahead_log_without_its_store_is_not_played_into_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = start(&data);
    post(&service, 0..3);
    drop::<Process>(service.process);
    assert!(data.join("log.sqlite-wal").exists());
    std::fs::remove_file(data.join("log.sqlite")).unwrap();
    for line in [&["serve", "--listen", "127.0.0.1:0"][..], &["store", "adopt"]] {
        let refused = auditwire(&[line, &["--data", data.to_str().unwrap()]].concat()).output().unwrap();
        assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
        assert!(text(&refused).contains("log.sqlite-wal"), "{}", text(&refused));
        assert!(!data.join("log.sqlite").exists());
    }
}
