//! A service whose standard streams are closed, at the start or later, goes on serving.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::{LIMIT, Process, Service, auditwire, until};
use crate::world::real::closed_endpoint;

/// A service that cannot say where it listens, found where it was told to.
fn find(process: Process, data: &Path, host: &str) -> Service {
    let token = until("it listens", || {
        std::net::TcpStream::connect(host).ok()?;
        std::fs::read_to_string(data.join("operator.token")).ok()
    });
    let service = Service { process, url: format!("http://{host}/"), token: token.trim().to_owned() };
    until("it is ready", || service.ask("GET /readyz", "").0.starts_with("HTTP/1.1 200").then_some(()));
    service
}

fn works(service: &Service) {
    let answer = service.post("{\"action\":\"user-signin\"}\n");
    assert_eq!(answer["accepted"], 1);
}

fn ends(mut service: Service) {
    service.process.signal("TERM");
    assert_eq!(service.process.exit_code(), Some(0));
}

#[test]
fn whoever_stops_reading_its_output_does_not_stop_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let (data, host) = (folder.path().join("data"), closed_endpoint());
    // As `serve 2>&1 | head -1` does it: the other end goes away after the first line.
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = auditwire(&["serve", "--listen", &host, "--data"]);
    command.arg(&data).stdout(writer.try_clone().unwrap()).stderr(writer);
    let process = Process::start_as_it_is(command);
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).unwrap();
    assert!(!line.is_empty());

    let service = find(process, &data, &host);
    works(&service);
    let lost = || service.metric("auditwire_log_lines_lost_total");
    let before = lost();
    for signal in ["USR1", "HUP"] {
        service.process.signal(signal);
    }
    until("lines that cannot be written are counted", || (lost() >= before + 2.0).then_some(()));
    works(&service);
    let used = service.metric("process_cpu_seconds_total");
    assert!(used < LIMIT.as_secs_f64() / 2.0, "it spins: {used} s");
    ends(service);
}

#[test]
fn a_service_that_is_started_without_streams_does_not_take_its_files_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let (data, host) = (folder.path().join("data"), closed_endpoint());
    let start = || {
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$@\" <&- >&- 2>&-", "sh", env!("CARGO_BIN_EXE_auditwire"), "serve"]);
        command.args(["--listen", &host, "--data"]).arg(&data).stdin(Stdio::null());
        find(Process::start_as_it_is(command), &data, &host)
    };
    let service = start();
    works(&service);
    for stream in 0..3 {
        // Root may look; what others see below is that the store is not damaged.
        match std::fs::read_link(format!("/proc/{}/fd/{stream}", service.process.pid())) {
            Ok(file) => assert_eq!(file, Path::new("/dev/null"), "of stream {stream}"),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied),
        }
    }
    service.process.signal("USR1");
    ends(service);
    let service = start();
    let events = service.json(&["events", "search", "action=user-signin"]);
    assert_eq!(events["action"], "user-signin");
    ends(service);
}
