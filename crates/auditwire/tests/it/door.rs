//! Those who have no credential do not keep out those who have one: both attacks that once did, against the real binary, and how the
//! file descriptors are shared out.
//!
//! Every attack is bounded and ends by the service's deadlines; the test's own limits are far beyond them.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::world::eventually;
use crate::world::service::{EVENTS, Service};

/// Longer than any deadline that the tests set.
const LIMIT: Duration = Duration::from_secs(60);
const DEADLINES: [(&str, &str); 3] = [
    ("AUDITWIRE_SERVER__FIRST_REQUEST_MAX", "3 s"),
    ("AUDITWIRE_SERVER__NEWCOMER_MAX", "3 s"),
    ("AUDITWIRE_SERVER__ANONYMOUS_BODY_SLACK", "3 s"),
];

async fn service() -> Service {
    Service::start_in(tempfile::tempdir().unwrap(), &DEADLINES, &[]).await
}

fn address(service: &Service) -> SocketAddr {
    service.url.strip_prefix("http://").unwrap().parse().unwrap()
}

/// Sends `beginning`, then a byte now and then, until the service ends it. What it was told.
async fn drip(mut stream: TcpStream, beginning: Vec<u8>, begun: Arc<Semaphore>) -> String {
    let mut told = Vec::new();
    let mut ended = stream.write_all(&beginning).await.is_err();
    begun.add_permits(1);
    while !ended {
        let mut piece = [0; 4096];
        tokio::select! {
            read = stream.read(&mut piece) => match read {
                Ok(0) | Err(_) => ended = true,
                Ok(n) => told.extend_from_slice(&piece[..n]),
            },
            () = tokio::time::sleep(Duration::from_millis(250)) => ended = stream.write_all(b"a").await.is_err(),
        }
    }
    String::from_utf8_lossy(&told).into_owned()
}

/// All of them must have been ended by the service, whose deadlines are near.
async fn ended_by_their_deadline(mut attackers: JoinSet<String>) -> Vec<String> {
    let all = async {
        let mut told = Vec::new();
        while let Some(attacker) = attackers.join_next().await {
            told.push(attacker.unwrap());
        }
        told
    };
    tokio::time::timeout(LIMIT, all).await.expect("the service ends its attackers")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_without_a_credential_do_not_stop_intake() {
    let service = service().await;
    // When bodies of all kinds shared 64 MiB, the first filled them to the last byte; the second are as much as an anonymous one may have.
    for (declared, sent) in [(1 << 20, (64 << 20) / 108), (64 << 10, (64 << 10) - 100)] {
        let (mut attackers, begun) = (JoinSet::new(), Arc::new(Semaphore::new(0)));
        for _ in 0..108 {
            let stream = TcpStream::connect(address(&service)).await.unwrap();
            let head = format!(
                "POST /sign-in HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: {declared}\r\n\r\n",
                address(&service)
            );
            attackers.spawn(drip(stream, [head.into_bytes(), vec![b'a'; sent]].concat(), Arc::clone(&begun)));
        }
        let _all = begun.acquire_many(108).await.unwrap();
        let (mut refused, began) = (Vec::new(), Instant::now());
        // At least for as long as it takes them to fill what is left, byte by byte.
        for n in (0..).take_while(|n| *n < 100 || began.elapsed() < Duration::from_secs(1)) {
            let event = json!({"action": "work", "event_id": format!("{declared}-{n}"), "message": "x".repeat(200)});
            let answer = service.post(EVENTS, &event).await;
            if answer.status != 200 {
                refused.push(answer.body);
            }
        }
        assert_eq!(refused, Vec::<serde_json::Value>::new(), "posts beside bodies of {declared} bytes");
        let told = ended_by_their_deadline(attackers).await;
        // Refused, or reset while it was still sending.
        let of_ours = |answer: &&String| answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert_eq!(told.iter().filter(of_ours).count(), 108, "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_slow_connections_do_not_lock_others_out() {
    let attackers_wanted = 2_100;
    raise_descriptors(attackers_wanted + 200);
    let service = service().await;
    let service_at = address(&service);
    let (mut attackers, begun) = (JoinSet::new(), Arc::new(Semaphore::new(0)));
    for _ in 0..attackers_wanted {
        let stream = TcpStream::connect(service_at).await.unwrap();
        attackers.spawn(drip(
            stream,
            b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ".to_vec(),
            Arc::clone(&begun),
        ));
    }
    let _all = begun.acquire_many(u32::try_from(attackers_wanted).unwrap()).await.unwrap();
    // Somebody at another address, and somebody with a token at the attackers' own.
    let newcomer = tokio::time::timeout(LIMIT / 2, ask_from("127.0.0.2", service_at)).await.expect("finds a place");
    assert!(newcomer.starts_with("HTTP/1.1 200"), "{newcomer}");
    for n in 0..20 {
        service.post(EVENTS, &json!({"action": "work", "event_id": format!("e{n}")})).await.expect(200);
    }
    ended_by_their_deadline(attackers).await;
}

/// A whole request over a connection of its own from this address of this machine.
async fn ask_from(source: &str, service_at: SocketAddr) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
    let mut stream = socket.connect(service_at).await.unwrap();
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {service_at}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// This process holds the other end of every connection.
fn raise_descriptors(wanted: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    assert!(maximum.is_none_or(|maximum| maximum >= wanted), "this test needs {wanted} file descriptors");
}

/// The binary under a limit of file descriptors; killed when it has served or ended.
async fn serve_with_descriptors(limit: u32, folder: &std::path::Path) -> (Option<i32>, String) {
    let log = folder.join("log");
    let script = format!(
        "ulimit -n {limit}; exec {} serve --listen 127.0.0.1:0 --data {}",
        env!("CARGO_BIN_EXE_auditwire"),
        folder.join("data").display()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).env_remove("AUDITWIRE_KEYS").stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    let ended = eventually("it serves or ends", LIMIT, async || {
        let text = std::fs::read_to_string(&log).unwrap();
        let serves = text.contains("file descriptors are shared out") && text.contains("operator's API token");
        let ended = child.try_wait().unwrap();
        (serves || ended.is_some()).then_some(ended)
    })
    .await;
    let _ = child.kill();
    let _ = child.wait();
    (ended.and_then(|status| status.code()), std::fs::read_to_string(&log).unwrap())
}

#[tokio::test]
async fn file_descriptors_are_known_and_shared_out_before_anything_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let (code, log) = serve_with_descriptors(100, folder.path()).await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("may have 100 file descriptors") && log.contains("LimitNOFILE"), "{log}");
    let folder = tempfile::tempdir().unwrap();
    let (code, log) = serve_with_descriptors(700, folder.path()).await;
    assert_eq!(code, None, "{log}");
    assert!(log.contains("connections=252") && log.contains("links=128"), "{log}");
    assert!(log.contains("server.connections_max (2048)"), "{log}");
}
