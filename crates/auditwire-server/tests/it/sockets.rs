//! What only a real socket shows: TLS, slow clients, limits of connections, the drain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auditwire_engine::Settings;
use auditwire_server::{ServerSettings, TlsFiles, bind};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::service::Service;

/// A service on a socket of its own.
struct Served {
    service: Service,
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

async fn serve(change: impl FnOnce(&mut ServerSettings)) -> Served {
    serve_with(|_| {}, change).await
}

async fn serve_with(engine: impl FnOnce(&mut Settings), change: impl FnOnce(&mut ServerSettings)) -> Served {
    let service = Service::with_both(engine, |_| {}).await;
    let mut settings = ServerSettings::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    change(&mut settings);
    let bound = bind(&settings).expect("binds");
    let (address, shutdown) = (bound.local_addr(), CancellationToken::new());
    let serving = bound.serve(service.engine.clone(), shutdown.clone());
    let task = tokio::spawn(async move { serving.await.expect("serves") });
    Served { service, address, shutdown, task }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connects")
    }

    /// Stops it; it must end within `limit`.
    async fn stop(self, limit: Duration) {
        self.shutdown.cancel();
        tokio::time::timeout(limit, self.task).await.expect("ends in time").expect("ends well");
    }

    fn head(&self, first_line: &str, more: &str) -> String {
        let (address, token) = (self.address, &self.service.token);
        format!("{first_line} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n{more}\r\n")
    }
}

/// Everything until the other side closes.
async fn read_all(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut text = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut text)).await;
    // A reset after the answer is as good as a close.
    let _ = read.expect("closes in time");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn plain_http_on_loopback() {
    let served = serve(|_| {}).await;
    let mut stream = served.connect().await;
    stream.write_all(served.head("GET /readyz", "Connection: close\r\n").as_bytes()).await.expect("writes");
    assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
    served.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn tls_speaks_both_http_versions_and_refuses_plain() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = TlsFiles { cert: folder.path().join("c.pem"), key: folder.path().join("k.pem") };
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    std::fs::write(&files.cert, made.cert.pem()).expect("writes");
    std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("writes");
    let served = serve(|s| s.tls = Some(files)).await;

    for (offered, expected) in [("http/1.1", "http/1.1"), ("h2", "h2")] {
        let mut stream = connect_tls(served.address, made.cert.der(), offered).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(expected.as_bytes()));
        if offered == "http/1.1" {
            stream.write_all(served.head("GET /healthz", "Connection: close\r\n").as_bytes()).await.expect("writes");
            assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
        }
    }
    let mut plain = served.connect().await;
    plain.write_all(served.head("GET /healthz", "").as_bytes()).await.expect("writes");
    assert!(!read_all(&mut plain).await.contains("200 OK"));
    served.stop(Duration::from_secs(5)).await;
}

async fn connect_tls(
    address: SocketAddr,
    certificate: &CertificateDer<'static>,
    alpn: &str,
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let stream = TcpStream::connect(address).await.expect("connects");
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("shakes hands")
}

#[tokio::test]
async fn a_name_of_ours_is_asked_for_over_tls_only_where_we_speak_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = TlsFiles { cert: folder.path().join("c.pem"), key: folder.path().join("k.pem") };
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    std::fs::write(&files.cert, made.cert.pem()).expect("writes");
    std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("writes");
    let named = |tls: Option<TlsFiles>| {
        serve(|s| {
            s.hostnames = vec!["audit.example".parse().expect("a name")];
            s.tls = tls;
        })
    };
    let ask = |host: &str| {
        format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n")
    };
    let served = named(Some(files)).await;
    for (host, promised) in [("audit.example", true), ("127.0.0.1", false), ("localhost", false)] {
        let mut stream = connect_tls(served.address, made.cert.der(), "http/1.1").await;
        stream.write_all(ask(host).as_bytes()).await.expect("writes");
        let answer = read_all(&mut stream).await;
        assert_eq!(answer.contains("strict-transport-security: max-age=31536000\r\n"), promised, "{host}: {answer}");
    }
    served.stop(Duration::from_secs(5)).await;
    let served = named(None).await;
    let mut stream = served.connect().await;
    stream.write_all(ask("audit.example").as_bytes()).await.expect("writes");
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("strict-transport"), "{answer}");
    served.stop(Duration::from_secs(5)).await;
}

/// 203.0.113.0/24 (RFC 5737) is nobody's, so the peer is made up where the request is: on a socket it would be this machine.
#[tokio::test]
async fn behind_a_proxy_others_are_refused_and_told_why() {
    let service = Service::with(|s| s.behind_proxy = vec!["10.0.0.0/8".parse().expect("a network")]).await;
    let ask = async |peer: &str, path: &str| {
        let peer = SocketAddr::new(peer.parse().expect("an address"), 4000);
        let request = crate::service::request(&service.token, "GET", path, &[], axum::body::Body::empty());
        service.raw(auditwire_server::from_peer(request, peer)).await
    };
    const EVENTS: &str = crate::service::EVENTS;
    for (peer, let_in) in [("10.1.2.3", true), ("127.0.0.1", true), ("203.0.113.9", false), ("fd00::1", false)] {
        let answer = ask(peer, EVENTS).await;
        if let_in {
            answer.is(200);
        } else {
            answer.is_problem(403, "not_through_proxy");
            assert_eq!(answer.header("connection"), "close");
        }
        ask(peer, "/healthz").await.is(200);
        ask(peer, "/readyz").await.is(200);
    }
}

#[tokio::test]
async fn a_client_that_never_finishes_its_head_is_dropped() {
    let served = serve(|s| s.limits.first_request_max = Duration::from_millis(200)).await;
    for beginning in ["", "P", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = served.connect().await;
        stream.write_all(beginning.as_bytes()).await.expect("writes");
        assert!(!read_all(&mut stream).await.contains("200 OK"), "{beginning:?}");
    }
    served.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_newcomer_has_so_much_time_and_who_shows_a_credential_has_more() {
    let served = serve(|s| s.limits.newcomer_max = Duration::from_millis(300)).await;
    let known = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
        crate::service::EVENTS,
        served.address,
        served.service.token
    );
    let newcomer = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", served.address);
    for (request, ends) in [(&newcomer, true), (&known, false)] {
        let mut stream = served.connect().await;
        let mut piece = [0; 4096];
        let mut asked = 0;
        // Twice as long as a newcomer has.
        while asked < 60 {
            stream.write_all(request.as_bytes()).await.expect("writes");
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => break,
                Ok(_) if String::from_utf8_lossy(&piece).contains("connection: close") => break,
                Ok(_) => asked += 1,
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(asked < 60, ends, "{request}");
    }
    served.stop(Duration::from_secs(5)).await;
}

/// A whole answer to a request that closes the connection.
async fn ask(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.expect("writes");
    read_all(stream).await
}

#[tokio::test]
async fn when_all_places_are_taken_the_one_that_has_shown_nothing_makes_room() {
    let served = serve(|s| s.limits.connections_max = 2).await;
    let mut idle = served.connect().await;
    let kept = served.head("GET /api/v1/projects", "");
    idle.write_all(kept.as_bytes()).await.expect("writes");
    let mut piece = [0; 4096];
    assert!(idle.read(&mut piece).await.expect("reads") > 0);
    let mut silent = served.connect().await;
    let mut next = served.connect().await;
    let last = served.head("GET /healthz", "Connection: close\r\n");
    assert!(ask(&mut next, &last).await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(read_all(&mut silent).await, "", "it made room");
    idle.write_all(kept.as_bytes()).await.expect("writes");
    assert!(idle.read(&mut piece).await.expect("reads") > 0, "it has shown a token");

    // Where nobody else can, one that is idle makes room, too.
    let mut second = served.connect().await;
    second.write_all(kept.as_bytes()).await.expect("writes");
    assert!(second.read(&mut piece).await.expect("reads") > 0);
    let mut next = served.connect().await;
    assert!(ask(&mut next, &last).await.starts_with("HTTP/1.1 200 OK\r\n"));
    assert_eq!(read_all(&mut idle).await, "");
    served.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_tail_that_nobody_reads_gives_its_place_back() {
    let served =
        serve_with(|engine| engine.log.tails_max = 1, |s| s.limits.stalled_max = Duration::from_millis(500)).await;
    let tail = served.head(&format!("GET {}/tail", crate::service::EVENTS), "Last-Event-ID: 0\r\n");
    let large = "x".repeat(200_000);
    let events: Vec<_> = (0..50).map(|n| serde_json::json!({"action": format!("a{n}"), "message": large})).collect();
    for _ in 0..3 {
        served.service.post(crate::service::EVENTS, &events.clone().into()).await.is(200);
    }
    let mut stalled = served.connect().await;
    stalled.write_all(tail.as_bytes()).await.expect("writes");
    let mut first = [0; 12];
    stalled.read_exact(&mut first).await.expect("reads");
    assert_eq!(&first, b"HTTP/1.1 200");
    let began = std::time::Instant::now();
    loop {
        let mut next = served.connect().await;
        next.write_all(tail.as_bytes()).await.expect("writes");
        next.read_exact(&mut first).await.expect("reads");
        if &first == b"HTTP/1.1 200" {
            break;
        }
        assert_eq!(&first, b"HTTP/1.1 429");
        assert!(began.elapsed() < Duration::from_secs(20), "the place is not given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    served.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn the_drain_finishes_what_was_begun_and_refuses_what_comes() {
    let served = serve(|_| {}).await;
    let body = r#"{"action":"late"}"#;
    let head = format!("Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n", body.len());
    let mut begun = served.connect().await;
    begun.write_all(served.head("POST /api/v1/projects/default/events", &head).as_bytes()).await.expect("writes");
    // The service asks for the body only when the handler runs.
    let mut asked = [0; 25];
    begun.read_exact(&mut asked).await.expect("reads");
    assert!(asked.starts_with(b"HTTP/1.1 100 Continue"));
    served.shutdown.cancel();

    let mut stream = served.connect().await;
    let mut answer = String::new();
    for _ in 0..100 {
        let head = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        stream.write_all(served.head("POST /api/v1/projects/default/events", &head).as_bytes()).await.expect("writes");
        stream.write_all(body.as_bytes()).await.expect("writes");
        answer = read_all(&mut stream).await;
        if answer.contains("503 Service Unavailable") {
            break;
        }
        stream = served.connect().await;
    }
    assert!(answer.contains("\"closing\"") && answer.contains("retry-after"), "{answer}");

    begun.write_all(body.as_bytes()).await.expect("writes");
    assert!(read_all(&mut begun).await.contains("\"accepted\":1"));
    served.stop(Duration::from_secs(5)).await;
}

/// Else a client that connects in the very moment of the drain would see its connection close without an answer.
#[tokio::test]
async fn a_connection_that_came_just_before_the_drain_has_its_answer() {
    let served = serve(|_| {}).await;
    let mut before = served.connect().await;
    let ready = async || {
        let mut stream = served.connect().await;
        stream.write_all(served.head("GET /readyz", "Connection: close\r\n").as_bytes()).await.expect("writes");
        read_all(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n")
    };
    assert!(ready().await, "so the one before has been accepted");
    served.shutdown.cancel();
    while ready().await {}
    before.write_all(served.head("GET /readyz", "").as_bytes()).await.expect("writes");
    let answer = read_all(&mut before).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\"closing\""), "{answer:?}");
    served.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_client_that_never_ends_does_not_hold_the_drain_for_ever() {
    let served = serve(|s| s.limits.drain_max = Duration::from_millis(300)).await;
    let mut stuck = served.connect().await;
    let head = "Content-Type: application/json\r\nContent-Length: 10\r\nExpect: 100-continue\r\n";
    stuck.write_all(served.head("POST /api/v1/projects/default/events", head).as_bytes()).await.expect("writes");
    let mut asked = [0; 25];
    stuck.read_exact(&mut asked).await.expect("reads");
    served.stop(Duration::from_secs(5)).await;
}

/// RFC 9112 section 3.2: HTTP/1.1 without a Host, with two, or with one that is no name, whatever the target says.
#[tokio::test]
async fn a_request_has_one_host_header() {
    let served = serve(|_| {}).await;
    let address = served.address;
    let host = format!("Host: {address}\r\n");
    let absolute = format!("http://{address}/readyz");
    for (target, hosts, status) in [
        ("/readyz", "", 400),
        (absolute.as_str(), "", 400),
        ("/readyz", &*host.repeat(2), 400),
        (absolute.as_str(), &*host.repeat(2), 400),
        ("/readyz", &*format!("{host}Host: localhost\r\n"), 400),
        ("/readyz", "Host:\r\n", 400),
        (absolute.as_str(), &*host, 200),
        ("/readyz", &*host, 200),
    ] {
        let mut stream = served.connect().await;
        let request = format!("GET {target} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("writes");
        let answer = read_all(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}{answer}");
        assert_eq!(answer.contains("invalid_host"), status == 400, "{request}{answer}");
    }
    served.stop(Duration::from_secs(5)).await;
}
