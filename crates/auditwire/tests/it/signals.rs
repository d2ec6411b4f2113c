//! What each signal does to the service.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::process::{Process, Service, auditwire, until};

/// A service with TLS and a configuration file of its own; its log is a file.
struct Configured {
    service: Service,
    folder: tempfile::TempDir,
}

impl Configured {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_pair(folder.path(), "127.0.0.1");
        let [config, cert, key, data] = ["a.toml", "c.pem", "k.pem", "data"].map(|name| folder.path().join(name));
        std::fs::write(&config, "[telemetry]\nlevel = 'info'\n").unwrap();
        let mut command = auditwire(&["serve", "--listen", "127.0.0.1:0"]);
        command.arg("--config").arg(&config).arg("--data").arg(&data);
        command.arg("--tls-cert").arg(&cert).arg("--tls-key").arg(&key);
        command.stderr(Stdio::from(std::fs::File::create(folder.path().join("log")).unwrap()));
        let process = Process::start(command);
        let url = process.after("listening on ");
        let token = std::fs::read_to_string(data.join("operator.token")).unwrap().trim().to_owned();
        Self { service: Service { process, url, token }, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The line that a signal makes it write; `n` lines of that kind were there before.
    fn said(&self, what: &str, n: usize) -> String {
        let found = || {
            let log = std::fs::read_to_string(self.path("log")).unwrap();
            log.lines().filter(|line| line.contains(what)).nth(n).map(str::to_owned)
        };
        until(what, found)
    }
}

fn write_pair(folder: &Path, name: &str) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    std::fs::write(folder.join("c.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("k.pem"), made.signing_key.serialize_pem()).unwrap();
}

#[test]
fn a_hangup_reads_certificate_keys_and_level_again_and_says_what_needs_a_restart() {
    let mut running = Configured::start();
    write_pair(running.folder.path(), "127.0.0.1");
    let config = "[telemetry]\nlevel = 'debug'\n[log]\ntails_max = 7\n[search]\nexports_max = 2\n";
    std::fs::write(running.path("a.toml"), config).unwrap();
    running.service.process.signal("HUP");
    let line = running.said("read again", 0);
    let expected = "read again: log level \"debug\"; changed, and in force only after a restart: log.tails_max, \
                    search.exports_max; the listener's certificate; 1 master key";
    assert!(line.contains(" INFO ") && line.contains(expected), "{line}");
    // The level holds, and the new certificate is shown.
    let list = || {
        let mut command = running.service.command(&["connections", "list", "--json"]);
        command.env("AUDITWIRE_CA", running.path("c.pem")).output().unwrap()
    };
    assert!(list().status.success(), "{:?}", list());
    running.said("DEBUG", 0);

    // What is broken leaves the former in force, each part for itself.
    std::fs::write(running.path("k.pem"), "nothing").unwrap();
    std::fs::write(running.path("a.toml"), "[telemetry]\nlevel = 'debug'\nlewel = 1\n").unwrap();
    running.service.process.signal("HUP");
    let line = running.said("read again", 1);
    let (read, not) = line.split_once("NOT taken, the former stays in force: ").unwrap_or_else(|| panic!("{line}"));
    assert!(read.contains(" WARN ") && read.contains("1 master key") && !read.contains("certificate"), "{line}");
    assert!(
        not.contains("telemetry.lewel") && not.contains("the listener's certificate") && not.contains("k.pem"),
        "{line}"
    );
    assert!(list().status.success(), "{:?}", list());

    let keys = running.path("data/keys");
    std::fs::rename(&keys, running.path("away")).unwrap();
    running.service.process.signal("HUP");
    let line = running.said("read again", 2);
    assert!(line.contains("the master keys (") && line.contains("keys_unreadable"), "{line}");
    std::fs::rename(running.path("away"), keys).unwrap();
    running.service.process.signal("TERM");
    assert_eq!(running.service.process.exit_code(), Some(0));
}

#[test]
fn user_signals_do_nothing_and_say_so() {
    let mut running = Configured::start();
    for signal in ["USR1", "USR2"] {
        running.service.process.signal(signal);
        let line = running.said(&format!("SIG{signal} is ignored"), 0);
        assert!(line.contains(" INFO "), "{line}");
    }
    running.service.process.signal("TERM");
    assert_eq!(running.service.process.exit_code(), Some(0));
}

#[test]
fn a_second_signal_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for second in ["TERM", "INT"] {
        let mut command = auditwire(&["serve", "--listen", "127.0.0.1:0", "--data"]);
        command.arg(folder.path().join("data"));
        let log = folder.path().join(second);
        command.stderr(Stdio::from(std::fs::File::create(&log).unwrap()));
        let mut process = Process::start(command);
        let url = process.after("listening on ");
        let host = url.trim_start_matches("http://").trim_end_matches('/');
        // A request whose head is not complete is waited for at the soft end.
        let mut socket = TcpStream::connect(host).unwrap();
        write!(socket, "GET /healthz HTTP/1.1\r\nHost: {host}\r\nX-Wait: ").unwrap();
        let told = |what: &str| until(what, || std::fs::read_to_string(&log).unwrap().contains(what).then_some(()));
        process.signal("TERM");
        told("a second signal stops at once");
        process.signal(second);
        assert_eq!(process.exit_code(), Some(1));
        told("stopped at once by a second signal; nothing that was answered is lost");
    }
}
