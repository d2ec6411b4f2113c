//! `auditwire keys` and `auditwire tokens` as an operator runs them.

use std::path::Path;

use serde_json::{Value, json};

use crate::process::{Process, Service, auditwire, text};

/// A service with one sealed secret.
fn with_secret(data: &Path) -> Service {
    let service = Service::start(data);
    let pem = data.join("ca.pem");
    std::fs::write(&pem, rcgen::generate_simple_self_signed(["siem.example".to_owned()]).unwrap().cert.pem()).unwrap();
    let endpoint = ["connections", "create", "--name", "s", "--endpoint", "192.0.2.1:6514", "--transport", "tls"];
    service.json(&[&endpoint[..], &["--pem-file", pem.to_str().unwrap()]].concat());
    service
}

fn keys(service: Option<&Service>, data: &Path, verb: &str) -> Value {
    let line = ["keys", verb, "--json", "--data", data.to_str().unwrap()];
    let mut command = service.map_or_else(|| auditwire(&line), |service| service.command(&line));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{verb}: {}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Of each key: how many secrets it seals, whether it is needed, whether a date for back-ups is known.
fn table(answer: &Value) -> Vec<(u64, bool, bool)> {
    let keys = answer["keys"].as_array().unwrap().iter();
    keys.map(|key| (key["secrets"].as_u64().unwrap(), key["needed"] == true, key["back_ups_until"].is_string()))
        .collect()
}

/// The files of the keys, oldest first.
fn files(data: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(data.join("keys")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn a_key_is_replaced_while_the_service_runs_and_while_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut service = with_secret(&data);
    assert_eq!(table(&keys(Some(&service), &data, "list")), [(1, true, false)]);
    keys(None, &data, "rotate");
    let done = keys(Some(&service), &data, "rewrap");
    assert_eq!((done["rewrapped"].as_u64(), table(&done)), (Some(1), vec![(0, false, true), (1, true, false)]));

    service.process.signal("TERM");
    assert_eq!(service.process.exit_code(), Some(0));
    std::fs::remove_file(&files(&data)[0]).unwrap();
    assert_eq!(table(&keys(None, &data, "list")), [(1, true, false), (0, false, true)], "it starts without the first");
    keys(None, &data, "rotate");
    let done = keys(None, &data, "rewrap");
    assert_eq!(
        (done["rewrapped"].as_u64(), table(&done)[..2].to_vec()),
        (Some(1), vec![(0, false, true), (1, true, false)])
    );
    std::fs::remove_file(&files(&data)[0]).unwrap();
    let service = Service::start(&data);
    let events = service.json(&["events", "search", "action = keys-rewrap", "--project", "system", "--limit", "1"]);
    assert_eq!((&events["action"], &events["resource"]["type"]), (&json!("keys-rewrap"), &json!("master-key")));
}

#[test]
fn a_start_without_the_old_key_before_a_rewrap_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut service = with_secret(&data);
    keys(None, &data, "rotate");
    service.process.signal("TERM");
    assert_eq!(service.process.exit_code(), Some(0));
    let (old, away) = (files(&data)[0].clone(), folder.path().join("away"));
    std::fs::rename(&old, &away).unwrap();
    let serve = ["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"];
    let refused = auditwire(&serve).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("do not open what is stored"), "{}", text(&refused));
    std::fs::rename(&away, &old).unwrap();
    let process = Process::start(auditwire(&serve));
    assert!(process.line().starts_with("listening on http://127.0.0.1:"));
}

#[test]
fn tokens_are_made_shown_as_a_tree_rotated_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder.path().join("data"));
    let made = service.json(&["tokens", "create", "agents", "--scopes", "ingest,configure"]);
    let file = folder.path().join("child.token");
    let run = |token: &str, line: &[&str]| {
        auditwire(&[line, &["--url", &service.url]].concat()).env("AUDITWIRE_TOKEN", token).output().unwrap()
    };
    let secret = made["token"].as_str().unwrap();
    let child = run(secret, &["tokens", "create", "agent", "--scopes", "ingest", "--output", file.to_str().unwrap()]);
    assert!(child.status.success(), "{}", text(&child));
    let child_secret = std::fs::read_to_string(&file).unwrap();
    assert!(child_secret.starts_with("aw_") && !text(&child).contains("aw_"), "{}", text(&child));
    let listed = service.command(&["tokens", "list"]).output().unwrap();
    let lines: Vec<_> = text(&listed).lines().map(str::to_owned).collect();
    assert!(lines[1].starts_with("t-") && lines[2].starts_with("  t-"), "{lines:?}");

    let id = made["id"].as_str().unwrap();
    let rotated = service.json(&["tokens", "rotate", id, "--overlap-seconds", "0"]);
    let rotated = rotated["token"].as_str().unwrap();
    assert_eq!(run(secret, &["tokens", "list"]).status.code(), Some(1));
    assert_eq!(run(rotated, &["tokens", "list"]).status.code(), Some(0));
    // Without a terminal nothing is asked and nothing happens.
    let refused = service.command(&["tokens", "revoke", id]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused).contains("token_has_descendants"), "{}", text(&refused));
    service.json(&["tokens", "revoke", id, "--yes"]);
    assert_eq!(service.json(&["tokens", "list"])["tokens"], json!([]));
}
