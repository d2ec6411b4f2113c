//! The receiver: a process of its own that appends each message it parses to the lane's ledger.
//!
//! It says `listening PORT`, `link K` for each link, and `frozen K` when it stops reading. It takes `fin` (reads what is
//! there, then closes), `rst` (closes with a reset), and `half` (ends its own direction and reads on), each for its newest link.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::Result;
use crate::ledger::{self, NO_ID, Record};
use crate::wait::when_free;

/// What it was told to do. `faults receiver PORT LEDGER NUMBER RCVBUF FREEZE RATE [TLS-FOLDER]`, `-` for none.
struct Orders {
    port: u16,
    ledger: PathBuf,
    /// Of this process in its lane.
    number: u64,
    receive_buffer: Option<u32>,
    /// Bytes of a link's messages after which it stops reading.
    freeze: Option<u64>,
    /// Bytes per second that it reads.
    rate: Option<u32>,
    tls: Option<PathBuf>,
}

/// What all links share.
struct Shared {
    orders: Orders,
    tls: Option<Arc<ServerConfig>>,
    newest: Mutex<Option<TcpStream>>,
    /// Close as soon as nothing is there to be read.
    finish: AtomicBool,
}

pub(crate) fn run(args: &[String]) -> Result<()> {
    let orders = Orders::read(args)?;
    let tls = orders.tls.as_deref().map(crate::tls::config).transpose()?;
    let listener = listen(&orders)?;
    println!("listening {}", listener.local_addr()?.port());
    let shared = Arc::new(Shared { orders, tls, newest: Mutex::default(), finish: AtomicBool::new(false) });
    let theirs = Arc::clone(&shared);
    std::thread::spawn(move || obey(&theirs));
    for (k, stream) in listener.incoming().flatten().enumerate() {
        stream.set_read_timeout(Some(Duration::from_millis(5)))?;
        if let Ok(mut newest) = shared.newest.lock() {
            *newest = Some(stream.try_clone()?);
        }
        println!("link {k}");
        let shared = Arc::clone(&shared);
        std::thread::spawn(move || {
            // How a link ends is the driver's business.
            let _ = serve(&shared, stream, k as u64);
        });
    }
    Ok(())
}

/// Many receivers in one process, each on a port of its own: `faults receivers COUNT LEDGER`.
pub(crate) fn run_many(args: &[String]) -> Result<()> {
    let [count, ledger] = args else { return Err("a count and a ledger are wanted".into()) };
    let listeners: Vec<TcpListener> =
        (0..count.parse::<usize>()?).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<std::io::Result<_>>()?;
    let ports: Vec<String> =
        listeners.iter().filter_map(|l| l.local_addr().ok()).map(|address| address.port().to_string()).collect();
    let orders = |number: usize| Orders {
        port: 0,
        ledger: ledger.into(),
        number: number as u64,
        receive_buffer: None,
        freeze: None,
        rate: None,
        tls: None,
    };
    for (number, listener) in listeners.into_iter().enumerate() {
        let finish = AtomicBool::new(false);
        let shared = Arc::new(Shared { orders: orders(number), tls: None, newest: Mutex::default(), finish });
        std::thread::Builder::new().stack_size(256 << 10).spawn(move || {
            for (k, stream) in listener.incoming().flatten().enumerate() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(&shared, stream, k as u64));
            }
        })?;
    }
    println!("listening {}", ports.join(" "));
    std::io::stdin().lines().for_each(drop);
    Ok(())
}

impl Orders {
    fn read(args: &[String]) -> Result<Self> {
        let [port, ledger, number, buffer, freeze, rate, tls] = args else {
            return Err("seven orders are wanted".into());
        };
        fn given<T: std::str::FromStr>(text: &str) -> std::result::Result<Option<T>, T::Err> {
            (text != "-").then(|| text.parse()).transpose()
        }
        Ok(Self {
            port: port.parse()?,
            ledger: Path::new(ledger).to_owned(),
            number: number.parse()?,
            receive_buffer: given(buffer)?,
            freeze: given(freeze)?,
            rate: given(rate)?,
            tls: given::<PathBuf>(tls)?,
        })
    }
}

/// Tokio's socket can be told its buffer's size before it listens; what it accepts inherits that.
fn listen(orders: &Orders) -> Result<TcpListener> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _its = runtime.enter();
    let listener = when_free(|| {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        if let Some(size) = orders.receive_buffer {
            socket.set_recv_buffer_size(size)?;
        }
        socket.bind(([0, 0, 0, 0], orders.port).into())?;
        socket.listen(64)?.into_std()
    })?;
    listener.set_nonblocking(false)?;
    Ok(listener)
}

/// Follows the driver's lines; its end is ours.
fn obey(shared: &Shared) {
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        let newest = shared.newest.lock().ok().and_then(|n| n.as_ref().and_then(|s| s.try_clone().ok()));
        match (line.as_str(), newest) {
            ("half", Some(stream)) => drop(stream.shutdown(Shutdown::Write)),
            ("fin", _) => shared.finish.store(true, Ordering::Release),
            ("rst", Some(stream)) => {
                let _ = reset_on_close(stream);
                std::process::exit(0);
            }
            _ => {}
        }
    }
    std::process::exit(0);
}

/// Makes the close of this socket a reset, whoever closes it last.
fn reset_on_close(stream: TcpStream) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _its = runtime.enter();
    stream.set_nonblocking(true)?;
    tokio::net::TcpStream::from_std(stream)?.set_zero_linger()?;
    Ok(())
}

fn serve(shared: &Shared, stream: TcpStream, k: u64) -> Result<()> {
    match &shared.tls {
        None => read(shared, stream, k),
        Some(config) => {
            let mut tls = ServerConnection::new(Arc::clone(config))?;
            let mut stream = stream;
            while tls.is_handshaking() {
                match tls.complete_io(&mut stream) {
                    Err(e) if waits(&e) => {}
                    other => drop(other?),
                }
            }
            read(shared, StreamOwned::new(tls, stream), k)
        }
    }
}

fn waits(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn read(shared: &Shared, stream: impl Read, k: u64) -> Result<()> {
    let orders = &shared.orders;
    let mut file = File::options().create(true).append(true).open(&orders.ledger)?;
    // A slow reader takes little at once, or it would be a fast one with pauses.
    let piece = orders.rate.map_or(64 << 10, |rate| (rate as usize / 10).max(1));
    let mut reader = BufReader::with_capacity(piece, stream);
    let mut line = Vec::new();
    let begun = Instant::now();
    let mut total = 0;
    loop {
        if orders.freeze.is_some_and(|limit| total >= limit) {
            println!("frozen {k}");
            loop {
                std::thread::park();
            }
        }
        if let Some(rate) = orders.rate {
            let due = Duration::from_secs_f64(total as f64 / f64::from(rate));
            std::thread::sleep(due.saturating_sub(begun.elapsed()));
        }
        match reader.read_until(b'\n', &mut line) {
            Ok(0) => return Ok(()),
            Ok(_) if line.ends_with(b"\n") => {
                total += line.len() as u64;
                if let Some(record) = record(&line, orders.number << 32 | k) {
                    ledger::append(&mut file, record)?;
                }
                line.clear();
            }
            Ok(_) => return Ok(()),
            Err(e) if waits(&e) => {
                if shared.finish.load(Ordering::Acquire) {
                    std::io::stdout().flush()?;
                    std::process::exit(0);
                }
            }
            Err(e) => return Err(e.into()),
        }
    }
}

/// What the ledger keeps of a message; nothing of one without a position, like the check's.
fn record(line: &[u8], link: u64) -> Option<Record> {
    let text = std::str::from_utf8(line).ok()?;
    let (seq, n) = (param(text, " seq=\"")?.parse().ok()?, param(text, " n=\"")?.parse().ok()?);
    let id = param(text, " event_id=\"f-").and_then(|id| id.parse().ok()).unwrap_or(NO_ID);
    Some(Record { link, seq, n, id })
}

fn param<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let rest = &text[text.find(name)? + name.len()..];
    rest.split('"').next()
}
