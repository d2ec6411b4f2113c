//! A lane: one project with one connection, its load, and the place where its receivers come and go.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::Result;
use crate::child::Child;
use crate::ledger::{self, Account};
use crate::load::Load;
use crate::service::Service;
use crate::sockets;
use crate::verdict;
use crate::wait::until;

/// The longest that a sender waits between two links, and then some.
pub(crate) const LINK_LIMIT: Duration = Duration::from_secs(60);

/// Load over the last link before it ends.
pub(crate) const AFTER_LINK: Duration = Duration::from_millis(700);

/// A lane.
pub(crate) struct Lane {
    pub(crate) service: Arc<Service>,
    pub(crate) project: String,
    pub(crate) connection: String,
    pub(crate) port: u16,
    pub(crate) ledger: PathBuf,
    tls: bool,
    /// Its connection's cap of a resend.
    overlap_bytes: Option<u64>,
    /// What starts its receivers, when they run elsewhere: a program and its arguments.
    through: Vec<OsString>,
    receivers: u64,
}

/// How a receiver treats its links.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    pub(crate) receive_buffer: Option<u32>,
    /// Bytes after which it stops reading.
    pub(crate) freeze: Option<u64>,
    /// Bytes per second.
    pub(crate) rate: Option<u32>,
}

/// What a connection is beyond its name and endpoint.
#[derive(Debug, Clone, Default)]
pub(crate) struct Siem {
    /// Makes it TLS.
    pub(crate) certificate: Option<String>,
    pub(crate) overlap_bytes: Option<u64>,
    pub(crate) overlap_seconds: Option<u32>,
    /// Fresh events first after an outage.
    pub(crate) live_first: bool,
    /// Events per second.
    pub(crate) rate_limit: Option<u32>,
}

impl Siem {
    /// What the API is told.
    pub(crate) fn connection(&self, name: &str, endpoint: &str) -> Value {
        let transport = if self.certificate.is_some() { "tls" } else { "tcp" };
        let mut connection = json!({
            "name": name, "endpoint": endpoint, "transport": transport, "format": "rfc5424", "framing": "lf",
            "options": {},
        });
        if let Some(pem) = &self.certificate {
            connection["tls"] = json!({ "pem": pem });
        }
        if let Some(bytes) = self.overlap_bytes {
            connection["options"]["overlap_bytes"] = json!(bytes);
        }
        if let Some(seconds) = self.overlap_seconds {
            connection["options"]["overlap_seconds"] = json!(seconds);
        }
        if self.live_first {
            connection["options"]["order"] = json!("live_first");
        }
        connection["rate_limit"] = json!(self.rate_limit);
        connection
    }
}

impl Lane {
    /// A project of this name with an active connection. Its first receiver reads.
    pub(crate) fn new(service: &Arc<Service>, name: &str, siem: &Siem) -> Result<(Self, Child)> {
        Self::at(service, name, "127.0.0.1", Vec::new(), siem)
    }

    /// The same with receivers at another address, started by another program (with its arguments).
    pub(crate) fn at(
        service: &Arc<Service>,
        name: &str,
        address: &str,
        through: Vec<OsString>,
        siem: &Siem,
    ) -> Result<(Self, Child)> {
        let port = free_port()?;
        let endpoint = format!("{address}:{port}");
        let id = service.project(name, &siem.connection("siem", &endpoint))?;
        let mut lane = Self {
            service: Arc::clone(service),
            project: name.to_owned(),
            connection: id,
            port,
            overlap_bytes: siem.overlap_bytes,
            ledger: service.folder().join(format!("{name}.ledger")),
            tls: siem.certificate.is_some(),
            through,
            receivers: 0,
        };
        std::fs::File::create(&lane.ledger)?;
        let receiver = lane.receiver(Manner::default())?;
        service.activate(name, &lane.connection, "now")?;
        Ok((lane, receiver))
    }

    /// The next receiver, listening.
    pub(crate) fn receiver(&mut self, manner: Manner) -> Result<Child> {
        let number = self.receivers;
        self.receivers += 1;
        let tls = if self.tls { Some(self.service.folder()) } else { None };
        receiver_through(&self.through, self.port, &self.ledger, number, manner, tls)
    }

    /// The receiver that stays, with a link and a moment of load over it: what is settled after that came after everything that
    /// is sent again.
    pub(crate) fn last_receiver(&mut self) -> Result<Child> {
        let receiver = self.receiver(Manner::default())?;
        self.settle_in(&receiver)?;
        Ok(receiver)
    }

    /// Waits for the link of the receiver that stays, and for a moment of load over it.
    pub(crate) fn settle_in(&self, receiver: &Child) -> Result<()> {
        let no_link = || format!("no last link to {}\n{}", self.project, self.service.log_end());
        receiver.after("link ", LINK_LIMIT).ok_or_else(no_link)?;
        std::thread::sleep(AFTER_LINK);
        Ok(())
    }

    /// Starts the load: events per second, and bytes of each one's text.
    pub(crate) fn load(&self, rate: u32, bytes: usize) -> Load {
        Load::start(Arc::clone(&self.service), self.project.clone(), rate, bytes)
    }

    /// The most messages that one of its links may repeat.
    pub(crate) fn bound(&self) -> Result<u64> {
        // Some messages are not of the load, and shorter.
        let message = self.service.message_bytes(&self.project, &self.connection)? * 97 / 100;
        Ok(verdict::bound(self.service.widest_window(&self.connection)?, self.overlap_bytes, message))
    }

    /// Waits until everything is settled and parsed; what was parsed, held against the events below `accepted`.
    pub(crate) fn finish(&self, accepted: u64, limit: Duration) -> Result<Account> {
        self.service.settled(&self.project, &self.connection, limit)?;
        // Settled is what the receiver's kernel has; the receiver lives, so all of it is read.
        let mut size = 0;
        until("the last messages are parsed", Duration::from_secs(30), || {
            let before = std::mem::replace(&mut size, std::fs::metadata(&self.ledger)?.len());
            Ok((sockets::unread(self.port) == 0 && size == before).then_some(()))
        })?;
        let accepted: Vec<u64> = (0..accepted).collect();
        Ok(Account::of(&ledger::read(&self.ledger)?, &accepted))
    }
}

/// `count` lanes with their first receivers, made at the same time: the check of a connection takes seconds.
pub(crate) fn several(
    count: usize,
    make: impl Fn(usize) -> Result<(Lane, Child)> + Sync,
) -> Result<Vec<(Lane, Child)>> {
    let make = &make;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|k| scope.spawn(move || make(k))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread died")?).collect()
    })
}

/// A receiver process, listening.
pub(crate) fn receiver(
    port: u16,
    ledger: &std::path::Path,
    number: u64,
    manner: Manner,
    tls: Option<&std::path::Path>,
) -> Result<Child> {
    receiver_through(&[], port, ledger, number, manner, tls)
}

fn receiver_through(
    through: &[OsString],
    port: u16,
    ledger: &std::path::Path,
    number: u64,
    manner: Manner,
    tls: Option<&std::path::Path>,
) -> Result<Child> {
    fn or_none(value: Option<impl ToString>) -> String {
        value.map_or_else(|| "-".to_owned(), |v| v.to_string())
    }
    let mut words = through.iter().cloned().chain([std::env::current_exe()?.into_os_string()]);
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).args(["receiver", &port.to_string()]).arg(ledger).arg(number.to_string());
    command.args([or_none(manner.receive_buffer), or_none(manner.freeze), or_none(manner.rate)]);
    match tls {
        Some(folder) => command.arg(folder),
        None => command.arg("-"),
    };
    let child = Child::start(command)?;
    child.after("listening ", Duration::from_secs(20)).ok_or("the receiver does not listen")?;
    Ok(child)
}

/// A port that nobody has, and that no one else here was given, below those that the kernel gives to outgoing connections: a
/// sender that connects to a port of its own choice would else now and then meet itself.
pub(crate) fn free_port() -> Result<u16> {
    use rand::RngExt;
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().map_err(|_| "a thread died with the list of ports")?;
    for _ in 0..1000 {
        let port = rand::rng().random_range(10_000..32_000);
        if !given.contains(&port) && TcpListener::bind(("0.0.0.0", port)).is_ok() {
            given.insert(port);
            return Ok(port);
        }
    }
    Err("no port is free".into())
}
