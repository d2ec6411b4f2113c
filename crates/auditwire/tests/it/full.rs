//! A start on a volume that is full to the brim: what the service can do without does not keep it from reading.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::process::{Process, Service, auditwire, text, until};

/// A small volume in a mount namespace of its own, which a shell keeps.
struct Volume {
    shell: Process,
    at: PathBuf,
    _folder: tempfile::TempDir,
}

impl Volume {
    /// `None` (said aloud) where one may not be made.
    fn mount(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("volume");
        std::fs::create_dir(&at).unwrap();
        let script = format!("mount -t tmpfs -o size={megabytes}m tmpfs \"$0\" && echo mounted && exec sleep 300");
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]).arg(&at).stderr(Stdio::null());
        let shell = Process::start(command);
        if shell.next().as_deref() == Some("mounted") {
            return Some(Self { shell, at, _folder: folder });
        }
        let required = std::env::var_os("AUDITWIRE_TEST_REAL_REQUIRED").is_some();
        assert!(!required, "a volume of its own needs root, unshare and mount");
        println!("not run: with a full volume (it needs root, unshare and mount)");
        None
    }

    /// Its folder as this process sees it.
    fn path(&self) -> PathBuf {
        let inside = self.at.strip_prefix("/").unwrap();
        Path::new("/proc").join(self.shell.pid().to_string()).join("root").join(inside)
    }

    /// Leaves no page free.
    fn fill(&self, name: &str) {
        let mut file = File::create(self.path().join(name)).unwrap();
        for size in [1 << 20, 4096] {
            let chunk = vec![1; size];
            loop {
                match file.write_all(&chunk) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    fn serve(&self, reserve: &str) -> Command {
        let service = auditwire(&[]);
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.shell.pid().to_string(), "--mount", "--"]).arg(service.get_program());
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(self.at.join("data"));
        command.env("AUDITWIRE_DATA__RESERVE_BYTES", reserve).stdin(Stdio::null());
        command.stderr(Stdio::from(File::create(self.log()).unwrap()));
        command
    }

    fn log(&self) -> PathBuf {
        self._folder.path().join("log")
    }

    fn start(&self, reserve: &str) -> Service {
        let process = Process::start(self.serve(reserve));
        let url = process.after("listening on ");
        let token = std::fs::read_to_string(self.path().join("data/operator.token")).unwrap();
        Service { process, url, token: token.trim().to_owned() }
    }

    fn refused(&self, reserve: &str) -> Output {
        self.serve(reserve).stderr(Stdio::piped()).output().unwrap()
    }
}

fn ends(mut service: Service, signal: &str) {
    service.process.signal(signal);
    service.process.exit_code();
}

/// What was taken is found, and new events are told why not, while no page is free.
fn reads_and_refuses(volume: &Volume, service: &Service) {
    volume.fill(&format!("beside-{}", service.process.pid()));
    let events = service.json(&["events", "search", "event_id=e1"]);
    assert_eq!(events["action"], "user-signin");
    let (head, body) = until("intake is refused", || {
        let answer = service.ask("POST /api/v1/projects/default/events", "{\"action\":\"user-signin\"}\n");
        answer.0.starts_with("HTTP/1.1 503").then_some(answer)
    });
    assert!(body.contains("\"storage_full\""), "{head}\n{body}");
}

#[test]
fn a_link_to_sign_in_that_cannot_be_written_is_told_and_the_service_starts() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let service = Service::start(&data);
    assert_eq!(service.post("{\"event_id\":\"e1\",\"action\":\"user-signin\"}\n")["accepted"], 1);
    ends(service, "TERM");
    // In the place where the link is written before it gets its name.
    std::fs::create_dir_all(data.join("sign-in.new/full")).unwrap();
    let log = folder.path().join("log");
    let mut command = auditwire(&["serve", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(&data).stderr(Stdio::from(File::create(&log).unwrap()));
    let process = Process::start(command);
    let url = process.after("listening on ");
    let token = std::fs::read_to_string(data.join("operator.token")).unwrap();
    let service = Service { process, url, token: token.trim().to_owned() };
    let log = std::fs::read_to_string(&log).unwrap();
    let told = log.lines().find(|line| line.contains("no sign-in link can be made"));
    assert!(told.is_some_and(|line| line.contains(" WARN ") && line.contains("goes on without")), "{log}");
    assert_eq!(service.json(&["events", "search", "event_id=e1"])["action"], "user-signin");
    assert!(service.json(&["sign-in-link"])["url"].is_string());
    ends(service, "TERM");
}

#[test]
fn the_reserve_makes_room_for_two_starts_on_a_volume_without_any() {
    let Some(volume) = Volume::mount(32) else { return };
    let service = volume.start("4 MiB");
    assert_eq!(service.post("{\"event_id\":\"e1\",\"action\":\"user-signin\"}\n")["accepted"], 1);
    until("the reserve is taken", || std::fs::metadata(volume.path().join("data/reserve")).ok());
    ends(service, "TERM");
    for filler in ["one", "two"] {
        volume.fill(filler);
        let service = volume.start("4 MiB");
        reads_and_refuses(&volume, &service);
        ends(service, "TERM");
    }
    // Then it says what to do, as it does from the beginning where there is no reserve.
    volume.fill("three");
    let output = volume.refused("4 MiB");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("full to the brim: make room"), "{}", text(&output));
    for filler in ["one", "two"] {
        std::fs::remove_file(volume.path().join(filler)).unwrap();
    }
    let service = volume.start("4 MiB");
    assert_eq!(service.post("{\"event_id\":\"e1\",\"action\":\"user-signin\"}\n")["duplicates"], 1);
    ends(service, "TERM");
}
