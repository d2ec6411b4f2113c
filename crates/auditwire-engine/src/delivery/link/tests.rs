use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_rustls::TlsAcceptor;

use super::*;

mod worn;

async fn pair() -> (TcpLink, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let addresses = [address];
    let (ours, theirs) = tokio::join!(connect::tcp(&addresses, |_| true), listener.accept());
    (ours.unwrap().0, theirs.unwrap().0)
}

struct TlsFixture {
    acceptor: TlsAcceptor,
    client: Arc<rustls::ClientConfig>,
}

fn tls_fixture(version: &'static rustls::SupportedProtocolVersion) -> TlsFixture {
    tls_fixture_with(version, rustls::crypto::aws_lc_rs::default_provider())
}

/// The client with a provider of its own.
fn tls_fixture_with(
    version: &'static rustls::SupportedProtocolVersion,
    ours: rustls::crypto::CryptoProvider,
) -> TlsFixture {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(Arc::new(ours))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsFixture { acceptor: TlsAcceptor::from(Arc::new(server)), client: Arc::new(client) }
}

async fn tls_pair(fixture: &TlsFixture) -> (Link, tokio_rustls::server::TlsStream<TcpStream>) {
    let (ours, theirs) = pair().await;
    let name = ServerName::try_from("localhost").unwrap();
    let (ours, theirs) =
        tokio::join!(connect::tls(ours, Arc::clone(&fixture.client), name), fixture.acceptor.accept(theirs));
    (Link::Tls(Box::new(ours.unwrap())), theirs.unwrap())
}

async fn acknowledged(link: &mut Link, offset: u64) {
    let begun = Instant::now();
    while link.acknowledged().unwrap() < offset {
        assert!(begun.elapsed() < Duration::from_secs(5), "not acknowledged within 5 s");
        link.receive().unwrap();
        link.flush().unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn tcp_offsets_are_exact() {
    let (ours, mut theirs) = pair().await;
    let mut link = Link::Tcp(ours);
    let mut ends = [3, 8];
    link.queue(b"one23456", &mut ends).unwrap();
    assert_eq!(ends, [3, 8]);
    assert_eq!(link.pending(), 8);
    link.flush().unwrap();
    let mut ends = [2];
    link.queue(b"xy", &mut ends).unwrap();
    assert_eq!(ends, [10]);
    link.flush().unwrap();
    acknowledged(&mut link, 10).await;
    let mut got = [0; 10];
    theirs.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"one23456xy");
}

#[tokio::test]
async fn tls_offsets_are_ciphertext_and_end_where_the_socket_ends() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let fixture = tls_fixture(version);
        let (mut link, mut theirs) = tls_pair(&fixture).await;
        let handshake = link.acknowledged().unwrap();
        let message = vec![b'm'; 10_000];
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for _ in 0..5 {
            bytes.extend_from_slice(&message);
            ends.push(bytes.len() as u64);
        }
        let reading = tokio::spawn(async move {
            let mut got = vec![0; 50_000];
            theirs.read_exact(&mut got).await.unwrap();
            (got, theirs)
        });
        link.queue(&bytes, &mut ends).unwrap();
        assert!(ends.is_sorted());
        assert!(ends[0] >= handshake + 10_000, "{ends:?} after {handshake}");
        assert!(ends[0] < ends[4], "a record's end, not the batch's");
        link.flush().unwrap();
        acknowledged(&mut link, ends[4]).await;
        assert_eq!(link.acknowledged().unwrap(), ends[4], "nothing is counted twice");
        let (got, mut theirs) = reading.await.unwrap();
        assert_eq!(got, bytes);
        // The peer's words are thrown away.
        theirs.write_all(b"whatever").await.unwrap();
        link.half_close().unwrap();
        let peer = tokio::spawn(async move {
            assert_eq!(theirs.read(&mut [0; 8]).await.unwrap(), 0, "close_notify arrives");
            theirs.shutdown().await.unwrap();
        });
        assert!(link.finished_by_peer(Duration::from_secs(5)).await, "{version:?}");
        peer.await.unwrap();
    }
}

#[tokio::test]
async fn a_fin_before_ours_or_a_reset_or_silence_is_no_proof() {
    let (ours, theirs) = pair().await;
    let mut link = Link::Tcp(ours);
    drop(theirs);
    while !link.peer_closed() {
        assert!(link.ready(false).await.unwrap().read);
        link.receive().unwrap();
    }
    link.half_close().unwrap();
    assert!(!link.finished_by_peer(Duration::from_secs(1)).await, "the peer's FIN came first");

    let (ours, theirs) = pair().await;
    let mut link = Link::Tcp(ours);
    link.queue(b"unread", &mut [6]).unwrap();
    link.flush().unwrap();
    acknowledged(&mut link, 6).await;
    link.half_close().unwrap();
    drop(theirs); // with unread bytes: a reset
    assert!(!link.finished_by_peer(Duration::from_secs(1)).await, "a reset");

    let (ours, theirs) = pair().await;
    let mut link = Link::Tcp(ours);
    link.half_close().unwrap();
    assert!(!link.finished_by_peer(Duration::from_millis(50)).await, "silence");
    drop(theirs);
}

#[tokio::test]
async fn a_peer_that_reads_to_the_end_and_closes_proves_it() {
    let (ours, mut theirs) = pair().await;
    let mut link = Link::Tcp(ours);
    link.queue(b"all of it", &mut [9]).unwrap();
    link.flush().unwrap();
    link.half_close().unwrap();
    let peer = tokio::spawn(async move {
        let mut got = Vec::new();
        theirs.read_to_end(&mut got).await.unwrap();
        got
    });
    assert!(link.finished_by_peer(Duration::from_secs(5)).await);
    assert_eq!(link.acknowledged().unwrap(), 9, "our FIN is not a byte of the stream");
    assert_eq!(peer.await.unwrap(), b"all of it");
}

#[tokio::test]
async fn the_guard_is_asked_about_the_very_address() {
    let refused = connect::tcp(&["127.0.0.1:9".parse().unwrap()], |_| false).await;
    assert!(matches!(refused, Err(LinkError::Forbidden)));
    let refused = connect::udp(&["127.0.0.1:9".parse().unwrap()], |_| false).await;
    assert!(matches!(refused, Err(LinkError::Forbidden)));
}

#[tokio::test]
async fn udp_hands_over_and_notices_a_refused_port() {
    let theirs = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = theirs.local_addr().unwrap();
    let mut link = Link::Udp(connect::udp(&[address], |_| true).await.unwrap().0);
    let mut ends = [3, 6];
    link.queue(b"onetwo", &mut ends).unwrap();
    assert_eq!(ends, [1, 2], "offsets count datagrams");
    while link.pending() > 0 {
        link.ready(true).await.unwrap();
        link.flush().unwrap();
    }
    assert_eq!(link.acknowledged().unwrap(), 2);
    let mut got = [0; 16];
    let count = theirs.recv(&mut got).await.unwrap();
    assert_eq!(&got[..count], b"one");
    drop(theirs);
    let mut ends = [5];
    link.queue(b"three", &mut ends).unwrap();
    link.flush().unwrap();
    let refused = loop {
        let ready = tokio::time::timeout(Duration::from_secs(5), link.ready(false)).await.unwrap().unwrap();
        assert!(ready.read);
        if let Err(error) = link.receive() {
            break error;
        }
    };
    assert!(matches!(refused, LinkError::Io(e) if e.kind() == io::ErrorKind::ConnectionRefused));
}

#[tokio::test]
async fn a_silent_server_does_not_hold_the_handshake_for_ever_and_a_closing_one_is_told_apart() {
    let fixture = tls_fixture(&rustls::version::TLS13);
    let (ours, theirs) = pair().await;
    drop(theirs);
    let name = ServerName::try_from("localhost").unwrap();
    let closed = connect::tls(ours, Arc::clone(&fixture.client), name).await;
    assert!(
        matches!(&closed, Err(LinkError::TlsClosed | LinkError::Io(_))),
        "closed without a word of TLS: {closed:?}"
    );
}
