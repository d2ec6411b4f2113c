//! Real receivers: Debian's rsyslog and syslog-ng, unpacked by `cargo xtask test`, in the foreground on free ports.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::tls::Pki;
use super::{eventually, failure, given};

/// Where the receivers were unpacked; `None` (said aloud) when this run does without them.
pub(crate) fn root(suite: &str) -> Option<PathBuf> {
    given("AUDITWIRE_TEST_REAL", suite)
}

/// The library that watches syncs; like [`root`].
pub(crate) fn shim(suite: &str) -> Option<PathBuf> {
    given("AUDITWIRE_TEST_SHIM", suite)
}

/// A running receiver that writes one JSON object per message to a file.
pub(crate) struct Receiver {
    /// Its ports by name, as in the configuration.
    pub(crate) ports: Vec<(&'static str, u16)>,
    /// Its certificates.
    pub(crate) pki: Pki,
    output: PathBuf,
    child: Child,
    folder: TempDir,
}

impl Receiver {
    /// The port of an input.
    pub(crate) fn port(&self, input: &str) -> u16 {
        self.ports.iter().find(|(name, _)| *name == input).map(|(_, port)| *port).unwrap()
    }

    /// The connection point of an input, as one types it.
    pub(crate) fn endpoint(&self, input: &str) -> String {
        format!("127.0.0.1:{}", self.port(input))
    }

    /// Messages so far; a line that is still being written is left out.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let text = std::fs::read(&self.output).unwrap_or_default();
        let complete = text.iter().rposition(|c| *c == b'\n').map_or(0, |end| end + 1);
        text[..complete]
            .split(|c| *c == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| {
                serde_json::from_slice(line).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(line)))
            })
            .collect()
    }

    /// Waits until `count` messages satisfy `wanted`.
    pub(crate) async fn wait(&self, count: usize, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let what = format!("{count} messages at the receiver, log: {}", self.folder.path().display());
        eventually(&what, Duration::from_secs(60), async || {
            let messages: Vec<Value> = self.messages().into_iter().filter(|m| wanted(m)).collect();
            (messages.len() >= count).then_some(messages)
        })
        .await
    }

    async fn ready(mut self) -> Self {
        failure::remember();
        eventually("the receiver listens", Duration::from_secs(20), async || {
            if let Some(status) = self.child.try_wait().unwrap() {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("the receiver ended with {status}: {log}");
            }
            let tcp = self.ports.iter().filter(|(name, _)| !name.ends_with("udp"));
            tcp.clone().all(|(_, port)| TcpStream::connect(("127.0.0.1", *port)).is_ok()).then_some(())
        })
        .await;
        self
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        failure::tell("the receiver's log", &log);
    }
}

/// rsyslog: `tcp` (LF and octet counting by itself), `udp`, `tls` (ossl, no client certificate asked), `relp`, `relp-tls`.
pub(crate) async fn rsyslog(root: &Path) -> Receiver {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(folder.path());
    let (tcp, udp, tls) = (free_tcp(), free_udp(), free_tcp());
    let (relp, relp_tls) = (free_tcp(), free_tcp());
    let output = folder.path().join("out.json");
    let path = |name: &str| pki.path(name).display().to_string();
    let config = format!(
        r#"
global(maxMessageSize="256k" workDirectory="{dir}"
  defaultNetstreamDriverCAFile="{ca}" defaultNetstreamDriverCertFile="{cert}" defaultNetstreamDriverKeyFile="{key}")
module(load="imtcp") module(load="imudp") module(load="imrelp" tls.tlslib="openssl") module(load="mmpstrucdata")
template(name="json" type="string" string="{{\"pri\":\"%pri%\",\"timestamp\":\"%timereported:::date-rfc3339%\",\"hostname\":\"%hostname:::json%\",\"app\":\"%app-name:::json%\",\"msgid\":\"%msgid:::json%\",\"sd\":%$!all-json%,\"msg\":\"%msg:::json%\",\"raw\":\"%rawmsg:::json%\"}}\n")
ruleset(name="r") {{ action(type="mmpstrucdata") action(type="omfile" file="{out}" template="json") }}
input(type="imtcp" port="{tcp}" address="127.0.0.1" ruleset="r")
input(type="imtcp" port="{tls}" address="127.0.0.1" ruleset="r"
  streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imudp" port="{udp}" address="127.0.0.1" ruleset="r" rcvbufSize="8m")
input(type="imrelp" port="{relp}" address="127.0.0.1" ruleset="r" maxDataSize="256k")
input(type="imrelp" port="{relp_tls}" address="127.0.0.1" ruleset="r" maxDataSize="256k"
  tls="on" tls.caCert="{ca}" tls.myCert="{cert}" tls.myPrivKey="{key}")
"#,
        dir = folder.path().display(),
        ca = path("ca.pem"),
        cert = path("server.pem"),
        key = path("server-key.pem"),
        out = output.display(),
    );
    let child = spawn(rsyslogd(root, &folder, &config), root, &folder);
    let ports = vec![("tcp", tcp), ("udp", udp), ("tls", tls), ("relp", relp), ("relp-tls", relp_tls)];
    Receiver { ports, pki, output, child, folder }.ready().await
}

/// syslog-ng: `syslog` (octet counting, TCP), `syslog-tls` (octet counting, TLS), `network` (LF, TCP, RFC 5424).
pub(crate) async fn syslog_ng(root: &Path) -> Receiver {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(folder.path());
    let (syslog, tls, network) = (free_tcp(), free_tcp(), free_tcp());
    let output = folder.path().join("out.json");
    let path = |name: &str| pki.path(name).display().to_string();
    let config = format!(
        r#"@version: 3.38
options {{ stats-freq(0); keep-hostname(yes); frac-digits(3); }};
source s {{
  syslog(ip(127.0.0.1) port({syslog}) transport("tcp") log-msg-size(262144) flags(no-multi-line));
  syslog(ip(127.0.0.1) port({tls}) transport("tls") log-msg-size(262144)
    tls(cert-file("{cert}") key-file("{key}") peer-verify(optional-untrusted)));
  network(ip(127.0.0.1) port({network}) transport("tcp") log-msg-size(262144) flags(syslog-protocol));
}};
destination d {{ file("{out}" template("$(format-json --key PRI --key ISODATE --key HOST --key PROGRAM --key MSGID --key MESSAGE --key .SDATA.*)\n")); }};
log {{ source(s); destination(d); }};
"#,
        cert = path("server.pem"),
        key = path("server-key.pem"),
        out = output.display(),
    );
    let child = spawn(syslog_ng_daemon(root, &folder, &config), root, &folder);
    let ports = vec![("syslog", syslog), ("syslog-tls", tls), ("network", network)];
    Receiver { ports, pki, output, child, folder }.ready().await
}

/// A receiver that runs a snippet for rsyslog or syslog-ng as it stands, but that it listens on loopback only and that its files
/// lie in a folder of its own. Its port is the one that the snippet says, and its name `udp` when it has no other.
pub(crate) async fn by_snippet(root: &Path, snippet: &str, port: u16) -> Receiver {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::new(folder.path());
    let output = folder.path().join("out.json");
    let own = |text: String, name: &str, path: &Path| text.replace(name, &path.display().to_string());
    let mut config = own(snippet.to_owned(), "/var/log/auditwire.json", &output);
    for (name, file) in [("ca", "ca.pem"), ("cert", "server.pem"), ("key", "server-key.pem")] {
        for place in ["/etc/rsyslog.d", "/etc/syslog-ng"] {
            config = own(config, &format!("{place}/auditwire-{name}.pem"), &pki.path(file));
        }
    }
    let input = if snippet.contains("imudp") || snippet.contains("\"udp\"") { "udp" } else { "tcp" };
    let is_rsyslog = snippet.contains("ruleset(");
    let command = if is_rsyslog {
        let here = format!("port=\"{port}\" address=\"127.0.0.1\"");
        assert!(config.contains(&format!("port=\"{port}\"")), "{config}");
        rsyslogd(root, &folder, &config.replace(&format!("port=\"{port}\""), &here))
    } else {
        let here = format!("port({port}) ip(127.0.0.1)");
        assert!(config.contains(&format!("port({port})")), "{config}");
        // As Debian's own file includes those of its folder.
        let part = folder.path().join("auditwire.conf");
        std::fs::write(&part, config.replace(&format!("port({port})"), &here)).unwrap();
        syslog_ng_daemon(root, &folder, &format!("@version: 3.38\n@include \"{}\"\n", part.display()))
    };
    let child = spawn(command, root, &folder);
    Receiver { ports: vec![(input, port)], pki, output, child, folder }.ready().await
}

fn rsyslogd(root: &Path, folder: &TempDir, config: &str) -> Command {
    let conf = folder.path().join("rsyslog.conf");
    std::fs::write(&conf, config).unwrap();
    let mut command = Command::new(root.join("usr/sbin/rsyslogd"));
    command.arg("-n").arg("-M").arg(libraries(root).join("rsyslog")).arg("-f").arg(&conf);
    command.arg("-i").arg(folder.path().join("pid"));
    command
}

fn syslog_ng_daemon(root: &Path, folder: &TempDir, config: &str) -> Command {
    let conf = folder.path().join("syslog-ng.conf");
    std::fs::write(&conf, config).unwrap();
    let modules = std::fs::read_dir(root.join("usr/lib/syslog-ng")).unwrap().flatten();
    let modules = modules.map(|e| e.path()).find(|p| p.join("libafsocket.so").exists()).unwrap();
    let mut command = Command::new(root.join("usr/sbin/syslog-ng"));
    command.args(["-F", "--no-caps", "-e"]).arg(format!("--module-path={}", modules.display()));
    command.arg("-f").arg(&conf).arg("-R").arg(folder.path().join("persist"));
    command.arg("-p").arg(folder.path().join("pid")).arg("-c").arg(folder.path().join("ctl"));
    command
}

fn spawn(mut command: Command, root: &Path, folder: &TempDir) -> Child {
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let paths = [libraries(root), root.join("lib/x86_64-linux-gnu"), root.join("usr/lib/syslog-ng")];
    command
        .env("LD_LIBRARY_PATH", std::env::join_paths(paths).unwrap())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .current_dir(folder.path())
        .spawn()
        .unwrap()
}

fn libraries(root: &Path) -> PathBuf {
    root.join("usr/lib/x86_64-linux-gnu")
}

/// A connection point where nobody listens.
pub(crate) fn closed_endpoint() -> String {
    format!("127.0.0.1:{}", free_tcp())
}

/// A port that was free a moment ago; these programs cannot be asked which port they took.
pub(crate) fn free_tcp() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) fn free_udp() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
