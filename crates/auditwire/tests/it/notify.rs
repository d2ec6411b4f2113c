//! The service and the manager that started it: what it tells by sd_notify(3), and the listener that it is handed over.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use crate::process::{LIMIT, Process, Service, assert_confined, auditwire, service, text};

/// The manager's end.
struct Manager(UnixDatagram);

impl Manager {
    /// The next message that has this line.
    fn hears(&self, line: &str) -> String {
        let mut before = Vec::new();
        loop {
            let mut bytes = [0; 4096];
            let length =
                self.0.recv(&mut bytes).unwrap_or_else(|e| panic!("{line} did not come: {e}; came {before:?}"));
            let message = String::from_utf8(bytes[..length].to_vec()).unwrap();
            if message.lines().any(|said| said == line || said.starts_with(line) && line.ends_with('=')) {
                return message;
            }
            before.push(message);
        }
    }
}

#[test]
fn the_manager_hears_of_ready_alive_reloading_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).unwrap());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
    manager.0.set_read_timeout(Some(LIMIT)).unwrap();
    let mut command = service();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "300000");
    let mut process = Process::start(command);
    let url = process.after("listening on ");
    let ready = manager.hears("READY=1");
    assert!(ready.contains(&format!("STATUS=ready on {url}")), "{ready}");
    if std::env::var_os("AUDITWIRE_TEST_CONFINED").is_some() {
        assert_confined(process.pid());
    }
    manager.hears("WATCHDOG=1");
    manager.hears("WATCHDOG=1");
    process.signal("HUP");
    let reloading = manager.hears("RELOADING=1");
    let since = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
    assert!(since.parse::<u64>().unwrap() > 0, "{reloading}");
    manager.hears("READY=1");
    process.signal("TERM");
    let stopping = manager.hears("STOPPING=1");
    assert!(stopping.contains("STATUS=stopping"), "{stopping}");
    assert_eq!(process.exit_code(), Some(0));
}

/// A service with the given sockets as descriptors 3 and so on.
fn handed(sockets: &[OwnedFd], data: &std::path::Path) -> Command {
    let mut command = Command::new("sh");
    // A command can pass on standard streams only: the first comes as stdin, a second one as stderr.
    let moves = if sockets.len() == 2 { "3<&0 4<&2 2>&1 0</dev/null" } else { "3<&0 0</dev/null" };
    let script = format!("LISTEN_PID=$$ LISTEN_FDS={} exec \"$@\" {moves}", sockets.len());
    command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_auditwire"), "serve", "--data"]).arg(data);
    // It takes the place of this address, on which it may not listen.
    command.args(["--listen", "127.0.0.1:1"]);
    let mut streams = sockets.iter().map(|socket| Stdio::from(socket.try_clone().unwrap()));
    command.stdin(streams.next().unwrap());
    if let Some(second) = streams.next() {
        command.stderr(second);
    }
    command
}

#[test]
fn a_listener_that_is_handed_over_takes_the_place_of_the_address() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let sockets = [OwnedFd::from(listener)];
    let mut process = Process::start(handed(&sockets, folder.path()));
    let url = process.after("listening on ");
    assert_eq!(url, format!("http://{host}/"));
    let token = std::fs::read_to_string(folder.path().join("operator.token")).unwrap().trim().to_owned();
    let running = Service { process, url, token };
    assert_eq!(running.post("{\"action\":\"user-signin\"}\n")["accepted"], 1);
    running.process.signal("TERM");
    process = running.process;
    assert_eq!(process.exit_code(), Some(0));
    // Between two services the manager's socket keeps whoever comes.
    let waits = std::net::TcpStream::connect(&host);
    assert!(waits.is_ok(), "{waits:?}");
}

#[test]
fn anything_but_one_listener_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let listener = || OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
    let udp = OwnedFd::from(std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
    let no_socket = OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
    for (sockets, why) in [
        (vec![listener(), listener()], "2 sockets were handed over"),
        (vec![udp], "not a valid tcp socket"),
        (vec![no_socket], "is not a socket"),
    ] {
        let output = handed(&sockets, folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains(why) && text(&output).contains("ListenStream="), "{}", text(&output));
    }
    // What was meant for another process is not for us.
    let mut command = auditwire(&["serve", "--listen", "127.0.0.1:0", "--data"]);
    command.arg(folder.path()).env("LISTEN_PID", "1").env("LISTEN_FDS", "1");
    assert!(Process::start(command).line().starts_with("listening on "));
}
