//! A service with one connection, and receivers that behave well or badly.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditwire_model::clock::ManualClock;
use auditwire_model::connection::{
    ConnectionSpec, Endpoint, Filter, Format, Framing, Options, TlsSpec, Transport, Verify,
};
use auditwire_model::event::{EventDraft, Plane};
use auditwire_model::{Clock, ConnectionId, Position, ProjectId, Timestamp};
use object_store::ObjectStore;
use parking_lot::Mutex;
use rustls::SupportedProtocolVersion;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::delivery::{Delivery, DeliverySettings, LiveState};
use crate::log::{Log, LogSettings, Submission};
use crate::records::{
    ActiveConnection, ActiveConnectionRecord, ConnectionRecord, Cursor, CursorRecord, Document, StoredConnection,
};
use crate::secrets::Keyring;
use crate::store::memory::MemoryStore;
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind, Store};

pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// A log, a store, and senders.
pub(crate) struct Service {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) log: Log,
    pub(crate) delivery: Delivery,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) project: ProjectId,
    sent: u64,
}

pub(crate) fn spec(address: SocketAddr, transport: Transport) -> ConnectionSpec {
    let tls = TlsSpec { verify: Verify::Off, ..TlsSpec::default() };
    ConnectionSpec {
        name: "siem".to_owned(),
        receiver: None,
        endpoint: Endpoint::parse(&address.to_string()).unwrap(),
        transport,
        tls: (transport == Transport::Tls).then_some(tls),
        format: Format::Rfc5424,
        framing: Framing::Lf,
        options: Options::default(),
        filter: Filter::default(),
        rate_limit: None,
    }
}

impl Service {
    pub(crate) async fn start() -> Self {
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
        let objects = crate::store::memory::objects();
        let log = Log::open(store.clone(), Arc::clone(&objects), clock.clone(), LogSettings::default()).await.unwrap();
        let delivery = Self::senders(&store, &log, &clock);
        Self { store, objects, log, delivery, clock, project: ProjectId::default_project(), sent: 0 }
    }

    /// The next start of the process, on the same store and files: what was written before is read from there.
    pub(crate) async fn restart(&mut self) {
        self.delivery.close().await;
        self.log.close().await;
        let (objects, clock) = (Arc::clone(&self.objects), self.clock.clone());
        self.log = Log::open(self.store.clone(), objects, clock, LogSettings::default()).await.unwrap();
        self.restart_senders();
    }

    fn senders(store: &Arc<MemoryStore>, log: &Log, clock: &Arc<ManualClock>) -> Delivery {
        let settings = DeliverySettings { hostname: "h".to_owned(), allow_loopback: true, ..Default::default() };
        Self::senders_with(settings, store, log, clock)
    }

    fn senders_with(
        settings: DeliverySettings,
        store: &Arc<MemoryStore>,
        log: &Log,
        clock: &Arc<ManualClock>,
    ) -> Delivery {
        let keyring = Arc::new(Keyring::new(vec![Keyring::generate().unwrap()]));
        Delivery::start(store.clone(), log.clone(), clock.clone(), keyring, settings, "i-1")
    }

    /// The senders of the next start of the process, on the same store.
    pub(crate) fn restart_senders(&mut self) {
        self.delivery = Self::senders(&self.store, &self.log, &self.clock);
    }

    /// The senders of the next start, with other settings.
    pub(crate) async fn configure(&mut self, settings: DeliverySettings) {
        self.delivery.close().await;
        self.delivery = Self::senders_with(settings, &self.store, &self.log, &self.clock);
    }

    /// Posts events of about 500 bytes on the wire.
    pub(crate) async fn post(&mut self, count: u64) {
        let event = |i: u64| {
            let draft = EventDraft {
                action: "create-vm".to_owned(),
                source_id: Some(if i.is_multiple_of(2) { "nova" } else { "iam" }.to_owned()),
                message: Some("m".repeat(150)),
                ..EventDraft::default()
            };
            draft.complete(|| format!("event-{i}"), Plane::Control, self.clock.now(), [0; 16])
        };
        let events = (self.sent..self.sent + count).map(event).collect();
        self.sent += count;
        let project = Some(self.project.clone());
        self.log.submit(Submission { project, events, changes: Vec::new() }).await.unwrap();
    }

    pub(crate) async fn store_connection(&self, id: &str, revision: u64, spec: ConnectionSpec) {
        let id = ConnectionId::parse(id).unwrap();
        let (created_at, updated_at) = (self.clock.now(), self.clock.now());
        let stored = StoredConnection { id: id.clone(), revision, spec, created_at, updated_at };
        let record = ConnectionRecord::from(stored).encode().unwrap();
        self.put(RecordKey::of(RecordKind::Connection, &self.project, id.as_str()), record).await;
    }

    /// Makes a connection the active one, or none, and tells the senders.
    pub(crate) async fn activate(&self, id: Option<&str>) {
        self.set_active(id).await;
        self.delivery.changed(&self.project);
    }

    pub(crate) async fn set_active(&self, id: Option<&str>) {
        let connection = id.map(|id| ConnectionId::parse(id).unwrap());
        let (previous, since) = (None, self.clock.now());
        let active = ActiveConnection { connection, previous, previous_settled: None, since };
        let record = ActiveConnectionRecord::from(active).encode().unwrap();
        self.put(RecordKey::of(RecordKind::ActiveConnection, &self.project, "active"), record).await;
    }

    pub(crate) async fn set_cursor(&self, id: &str, cursor: Cursor) {
        let record = CursorRecord::from(cursor).encode().unwrap();
        self.put(RecordKey::of(RecordKind::Cursor, &self.project, id), record).await;
    }

    pub(crate) async fn put(&self, key: RecordKey, value: Vec<u8>) {
        let changes = vec![Change { key, expect: Expect::Any, effect: Effect::Put(value) }];
        self.log.submit(Submission { changes, ..Submission::default() }).await.unwrap();
    }

    pub(crate) async fn cursor(&self, id: &str) -> Option<Cursor> {
        let key = RecordKey::of(RecordKind::Cursor, &self.project, id);
        let record = self.store.record(&key).await.unwrap()?;
        Some(CursorRecord::decode(&record).unwrap().into_current())
    }

    /// Waits until the stored cursor has come so far.
    pub(crate) async fn stored_through(&self, id: &str, settled: Position) -> Cursor {
        let stored = async {
            loop {
                if let Some(cursor) = self.cursor(id).await.filter(|cursor| cursor.settled >= settled) {
                    return cursor;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(LIMIT, stored).await.unwrap_or_else(|_| panic!("no cursor at {settled} within {LIMIT:?}"))
    }

    pub(crate) fn live(&self, id: &str) -> Option<LiveState> {
        self.delivery.live(&ConnectionId::parse(id).unwrap())
    }

    /// Waits until everything posted is settled.
    pub(crate) async fn settled(&self, id: &str) {
        let head = self.log.head(&self.project);
        until("everything is settled", || self.live(id).is_some_and(|l| l.delivery.cursor >= head)).await;
    }

    pub(crate) fn head(&self) -> Position {
        self.log.head(&self.project)
    }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// How a receiver treats one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Reads until the end of the stream, then closes.
    Reads,
    /// Reads about so many bytes, then nothing for a moment, then dies with the rest unread (a reset).
    Dies { after: usize },
    /// Reads about so many bytes, then closes; what it has read is kept, unread bytes make it a reset.
    Closes { after: usize },
    /// Reads nothing until told to.
    Stalls,
    /// Reads until the end of the stream and never closes.
    Stays,
    /// The same, and ends its own direction as soon as it has accepted.
    HalfCloses,
    /// Closes as soon as it has accepted.
    ClosesAtOnce,
}

/// What a receiver's program has read, over all its links.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// Position to delivery numbers, one per arrival.
    pub(crate) events: BTreeMap<u64, Vec<u64>>,
    pub(crate) links: usize,
    /// Links whose end was read.
    pub(crate) ended: usize,
    pub(crate) stalled: bool,
}

impl Received {
    fn line(&mut self, line: &str) {
        let value = |name: &str| {
            let rest = &line[line.find(name).unwrap() + name.len()..];
            rest[..rest.find('"').unwrap()].parse::<u64>().unwrap()
        };
        let (seq, n) = (value(" seq=\""), value(" n=\""));
        self.events.entry(seq).or_default().push(n);
    }

    /// Everything from 1 to `head` came, each event always with the same number. Gives the number of repetitions.
    pub(crate) fn complete(&self, head: Position) -> usize {
        let missing: Vec<_> = (1..=head.0).filter(|p| !self.events.contains_key(p)).collect();
        assert!(missing.is_empty(), "{} of {head} are missing, the first is {}", missing.len(), missing[0]);
        for (seq, numbers) in &self.events {
            assert!(numbers.iter().all(|n| *n == numbers[0]), "event {seq} came as {numbers:?}");
        }
        self.events.values().map(|n| n.len() - 1).sum()
    }
}

/// A receiver on a free port that treats its links as `manners` say, the last one for ever.
pub(crate) async fn receiver(
    manners: Vec<Manner>,
    tls: Option<&'static SupportedProtocolVersion>,
) -> (SocketAddr, Arc<Mutex<Received>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let received = Arc::new(Mutex::new(Received { stalled: true, ..Received::default() }));
    let shared = Arc::clone(&received);
    let acceptor = tls.map(acceptor);
    tokio::spawn(async move {
        let mut manners = manners.into_iter().peekable();
        let mut manner = Manner::Reads;
        while let Ok((stream, _)) = listener.accept().await {
            manner = manners.next().unwrap_or(manner);
            shared.lock().links += 1;
            let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
            tokio::spawn(async move {
                let mut stream = stream;
                match acceptor {
                    _ if manner == Manner::ClosesAtOnce => {}
                    None => {
                        if manner == Manner::HalfCloses {
                            stream.shutdown().await.unwrap();
                        }
                        serve(stream, manner, &shared).await;
                    }
                    Some(acceptor) => {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            serve(stream, manner, &shared).await;
                        }
                    }
                }
            });
        }
    });
    (address, received)
}

fn acceptor(version: &'static SupportedProtocolVersion) -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(mut stream: impl AsyncRead + Unpin, manner: Manner, received: &Mutex<Received>) {
    let mut kept = Vec::new();
    let mut piece = vec![0; 8192];
    let mut total = 0;
    loop {
        match manner {
            Manner::Dies { after } if total >= after => {
                // Frozen: the kernel goes on acknowledging into its buffer.
                tokio::time::sleep(Duration::from_millis(150)).await;
                return;
            }
            Manner::Closes { after } if total >= after => return,
            Manner::Stalls => {
                while received.lock().stalled {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            _ => {}
        }
        let Ok(count @ 1..) = stream.read(&mut piece).await else {
            received.lock().ended += 1;
            if matches!(manner, Manner::Stays | Manner::HalfCloses) {
                std::future::pending::<()>().await;
            }
            return;
        };
        total += count;
        kept.extend_from_slice(&piece[..count]);
        while let Some(end) = kept.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = kept.drain(..=end).collect();
            received.lock().line(std::str::from_utf8(&line).unwrap());
        }
    }
}

/// Takes one datagram as a line.
pub(crate) fn datagram(received: &Mutex<Received>, bytes: &[u8]) {
    received.lock().line(std::str::from_utf8(bytes).unwrap());
}
