//! What the handshake showed explains no end of a link on which messages were acknowledged.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use auditwire_model::connection::Transport;
use rustls::SupportedProtocolVersion;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::fixtures::{Service, spec, until};
use crate::delivery::LastError;
use crate::delivery::tls::fixtures::{Ca, Pair, asking_with};

/// Serves one link, reading, until it is told to end it.
async fn receiver(version: &'static SupportedProtocolVersion) -> (SocketAddr, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (end, ended) = oneshot::channel();
    tokio::spawn(async move {
        let config = asking_with(&Pair::self_signed(&["localhost"], |_| {}), &[version], &Ca::new("CA"));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let mut stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        let mut scratch = vec![0; 65_536];
        let reading = async { while stream.read(&mut scratch).await.is_ok_and(|count| count > 0) {} };
        tokio::select! {
            () = reading => {}
            told = ended => told.unwrap(),
        }
    });
    (address, end)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_optional_client_certificate_is_not_missed_after_acknowledged_events() {
    for (version, at_least) in
        [(&rustls::version::TLS12, Duration::ZERO), (&rustls::version::TLS13, Duration::from_secs(2))]
    {
        let (address, end) = receiver(version).await;
        let mut service = Service::start().await;
        service.store_connection("a", 1, spec(address, Transport::Tls)).await;
        service.post(1).await;
        service.activate(Some("a")).await;
        let begun = Instant::now();
        service.settled("a").await;
        while begun.elapsed() < at_least + Duration::from_millis(500) {
            service.post(1).await;
            service.settled("a").await;
        }
        end.send(()).unwrap();
        let told = || service.live("a").and_then(|l| l.delivery.last_error).map(|e| e.code);
        until("the end is told", || told().is_some()).await;
        assert_eq!(told(), Some("closed_after_message"), "{version:?}");
        service.delivery.close().await;
    }
}

/// OpenSSL's own server with its words, ended when dropped; `None`: it is not there.
struct Openssl(std::process::Child, std::path::PathBuf);

impl Openssl {
    fn serve(address: SocketAddr) -> Option<Self> {
        let pair = Pair::self_signed(&["localhost"], |_| {});
        let pem = std::env::temp_dir().join(format!("auditwire-{}.pem", uuid::Uuid::now_v7()));
        std::fs::write(&pem, pair.pem()).unwrap();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-tls1_2", "-accept", &address.to_string(), "-cert"]).arg(&pem).arg("-key").arg(&pem);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        match child {
            Ok(child) => Some(Self(child, pem)),
            Err(error) => {
                assert!(std::env::var_os("AUDITWIRE_TEST_REAL_REQUIRED").is_none(), "no openssl: {error}");
                println!("not run: no openssl");
                None
            }
        }
    }

    /// Asks its client for another handshake.
    fn renegotiate(&mut self) {
        self.0.stdin.as_mut().unwrap().write_all(b"r\n").unwrap();
    }
}

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        let _ = std::fs::remove_file(&self.1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renegotiation_is_no_matter_of_ciphers() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let Some(mut openssl) = Openssl::serve(address) else { return };
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Tls)).await;
    service.post(1).await;
    service.activate(Some("a")).await;
    service.settled("a").await;
    openssl.renegotiate();
    let told = || service.live("a").and_then(|l| l.delivery.last_error);
    until("the end is told", || told().is_some_and(|error| error.code != "connect_refused")).await;
    let LastError { code, message, .. } = told().unwrap();
    assert_eq!(code, "tls_broken", "{message}");
    assert!(message.contains("alert handshake_failure, 40"), "{message}");
    service.delivery.close().await;
}
