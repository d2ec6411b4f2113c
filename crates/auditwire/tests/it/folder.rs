//! One process on a data folder, and a folder that vanishes under it: whatever is answered 200 is in the folder that has its
//! name when the answer is given.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::process::{self, Process, auditwire, text};
use crate::world::eventually;
use crate::world::service::{EVENTS, Service};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_removed_lock_file_lets_nobody_in_and_is_made_anew() {
    let service = Service::start().await;
    let data = service.folder.path().join("data");
    let lock = data.join("lock");
    std::fs::remove_file(&lock).unwrap();
    for _ in 0..2 {
        let (code, said) = second(&data).await;
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains(&service.pid().to_string()), "{said}");
    }
    eventually("the lock file", LIMIT, async || lock.exists().then_some(())).await;
    assert!(service.log().contains("WARN") && service.log().contains("locked anew"), "{}", service.log());
    service.post(EVENTS, &json!({ "action": "create-vm" })).await.expect(200);
}

#[tokio::test]
async fn a_lock_that_somebody_else_has_ends_the_process_with_3() {
    let service = Service::start().await;
    let lock = service.folder.path().join("data/lock");
    std::fs::remove_file(&lock).unwrap();
    let rival = std::fs::File::create(&lock).unwrap();
    rival.try_lock().unwrap();
    let (status, log) = service.ended().await;
    assert_eq!(status.code(), Some(3), "{log}");
    assert!(log.contains("another process has taken the data folder"), "{log}");
}

/// Tries to start another one on the folder; how it ended, and what it said.
async fn second(data: &Path) -> (Option<i32>, String) {
    let mut command = auditwire(&["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() && began.elapsed() < LIMIT {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), text(&output))
}

/// What was posted while something happened to the folder: when the request began, its event, and the status.
type Posted = Vec<(Instant, String, u16)>;

/// Posts one event after the other until told to stop, and then one more.
fn load(service: &Service, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<Posted> {
    let (url, token, stop) = (format!("{}{EVENTS}", service.url), service.token.clone(), Arc::clone(stop));
    tokio::spawn(async move {
        let (http, mut posted) = (reqwest::Client::new(), Posted::new());
        loop {
            let stopped = stop.load(Ordering::Relaxed);
            let (id, begun) = (Uuid::now_v7().to_string(), Instant::now());
            let event = json!({ "event_id": id, "action": "create-vm" });
            let sent = http.post(&url).bearer_auth(&token).json(&event).send().await;
            posted.push((begun, id, sent.map_or(0, |answer| answer.status().as_u16())));
            if stopped {
                return posted;
            }
        }
    })
}

/// Does something to the folder under load; gives what was posted, and when it was done.
async fn vanished(service: &Service, act: impl FnOnce(&Path)) -> (Posted, Instant) {
    let stop = Arc::new(AtomicBool::new(false));
    let clients = [load(service, &stop), load(service, &stop)];
    eventually("events", LIMIT, async || (service.all_events().await.len() > 200).then_some(())).await;
    act(&service.folder.path().join("data"));
    let done = Instant::now();
    eventually("not ready", LIMIT, async || {
        let ready = service.get("/readyz").await;
        (ready.status == 503 && ready.body.to_string().contains("storage_gone")).then_some(())
    })
    .await;
    let refused = service.post(EVENTS, &json!({ "action": "create-vm" })).await;
    assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    assert_eq!(refused.expect(503)["code"], "storage_gone");
    stop.store(true, Ordering::Relaxed);
    let mut posted = Posted::new();
    for client in clients {
        posted.extend(client.await.unwrap());
    }
    assert!(posted.iter().any(|(begun, _, status)| *begun > done && *status == 503), "the load went on");
    (posted, done)
}

fn answered_after(posted: &Posted, done: Instant) -> usize {
    posted.iter().filter(|(begun, _, status)| *begun > done && *status == 200).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_folder_takes_nothing_more_and_the_process_ends() {
    let service = Service::start().await;
    let (posted, done) = vanished(&service, |data| {
        // Whoever removes it does so against one that writes into it.
        while data.exists() {
            let _ = std::fs::remove_dir_all(data);
        }
    })
    .await;
    assert_eq!(answered_after(&posted, done), 0);
    let told = Instant::now();
    let (status, log) = service.ended().await;
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(told.elapsed() > Duration::from_secs(15), "whoever asks has time to learn why");
    assert!(log.contains("ERROR") && log.contains("the data folder is gone"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_in_the_place_of_another_gets_no_answer_for_what_is_not_in_it() {
    let service = Service::start().await;
    let aside = service.folder.path().join("aside");
    let (posted, done) = vanished(&service, |data| {
        std::fs::rename(data, &aside).unwrap();
        copy(&aside, data);
    })
    .await;
    assert_eq!(answered_after(&posted, done), 0);
    let folder = service.kill();
    std::fs::remove_dir_all(folder.path().join("data")).unwrap();
    std::fs::rename(folder.path().join("aside"), folder.path().join("data")).unwrap();
    let service = Service::start_in(folder, &[], &[]).await;
    let id = |event: &Value| event["event_id"].as_str().unwrap().to_owned();
    let stored: HashSet<String> = service.all_events().await.iter().map(id).collect();
    let lost = posted.iter().filter(|(_, id, status)| *status == 200 && !stored.contains(id)).count();
    assert_eq!(lost, 0, "of {} answered", posted.len());
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(copied.success());
}

#[tokio::test]
async fn something_mounted_over_the_folder_takes_nothing() {
    let possible = Command::new("unshare").args(["-m", "true"]).output().is_ok_and(|done| done.status.success());
    if !possible {
        assert!(std::env::var_os("AUDITWIRE_TEST_REAL_REQUIRED").is_none(), "no mounts of our own (unshare -m)");
        println!("not run: something mounted over the folder (needs root)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = in_own_mounts(&data);
    service.post("{\"action\":\"create-vm\"}\n");
    let mount =
        ["--target", &service.process.pid().to_string(), "--mount", "mount", "-t", "tmpfs", "none"].map(str::to_owned);
    let mounted = Command::new("nsenter").args(mount).arg(&data).output().unwrap();
    assert!(mounted.status.success(), "{}", text(&mounted));
    let http = reqwest::Client::new();
    let url = format!("{}{}", service.url.trim_end_matches('/'), EVENTS);
    let answer =
        http.post(url).bearer_auth(&service.token).json(&json!({ "action": "create-vm" })).send().await.unwrap();
    assert_eq!(answer.status(), 503, "also the very first one");
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "storage_gone");
}

/// A service that sees mounts of its own.
fn in_own_mounts(data: &Path) -> process::Service {
    let mut command = Command::new("unshare");
    let plain = auditwire(&["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    command.arg("--mount").arg(plain.get_program()).args(plain.get_args());
    let process = Process::start(command);
    let url = process.after("listening on ");
    let token = std::fs::read_to_string(data.join("operator.token")).unwrap().trim().to_owned();
    process::Service { process, url, token }
}

#[tokio::test]
async fn a_store_that_is_no_database_starts_nothing_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("log.sqlite"), "x".repeat(20_000)).unwrap();
    let (code, said) = second(folder.path()).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("auditwire store rescue --data"), "{said}");
    assert_eq!(std::fs::read_to_string(folder.path().join("log.sqlite")).unwrap(), "x".repeat(20_000));
}
