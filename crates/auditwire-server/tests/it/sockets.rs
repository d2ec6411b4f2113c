//! What only a real socket shows: TLS, slow clients, limits of connections, the drain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

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
    let service = Service::start().await;
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
async fn a_client_that_never_finishes_its_head_is_dropped() {
    let served = serve(|s| s.limits.head_timeout = Duration::from_millis(200)).await;
    for beginning in ["", "P", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
        let mut stream = served.connect().await;
        stream.write_all(beginning.as_bytes()).await.expect("writes");
        assert!(!read_all(&mut stream).await.contains("200 OK"), "{beginning:?}");
    }
    served.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn more_connections_than_allowed_wait_their_turn() {
    let served = serve(|s| s.limits.connections_max = 1).await;
    let first = served.connect().await;
    let mut second = served.connect().await;
    second.write_all(served.head("GET /healthz", "Connection: close\r\n").as_bytes()).await.expect("writes");
    let mut byte = [0];
    assert!(tokio::time::timeout(Duration::from_millis(300), second.peek(&mut byte)).await.is_err());
    drop(first);
    assert!(read_all(&mut second).await.starts_with("HTTP/1.1 200 OK\r\n"));
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
