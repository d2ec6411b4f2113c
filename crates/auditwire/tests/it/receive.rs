//! The receiver against messages made by hand.

use std::io::Write as _;
use std::net::{TcpStream, UdpSocket};
use std::sync::Arc;

use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::process::{Process, auditwire};

fn message(seq: u64) -> String {
    format!(
        "<110>1 2026-11-22T10:00:00.123Z h auditwire - x [audit@32473 event_id=\"e\" seq=\"{seq}\" n=\"{seq}\"] {{}}"
    )
}

fn seen(receiver: &Process) -> Value {
    serde_json::from_str(&receiver.line()).expect("one JSON object a line")
}

fn start(arguments: &[&str]) -> Process {
    Process::start(auditwire(&[&["receive"], arguments].concat()))
}

#[test]
fn both_framings_and_datagrams_are_read_and_a_wrong_message_is_explained() {
    let mut receiver = start(&["--udp", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--count", "4"]);
    let udp = receiver.after("receiving on udp://");
    let tcp = receiver.after("receiving on tcp://");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(message(1).as_bytes(), udp).unwrap();
    assert_eq!(receiver.line(), message(1));

    let mut stream = TcpStream::connect(tcp).unwrap();
    let counted = message(2);
    write!(stream, "{}\n{} {counted}", message(1), counted.len()).unwrap();
    assert_eq!(receiver.line(), format!("(again) {}", message(1)));
    assert_eq!(receiver.line(), counted);
    writeln!(stream, "<999>1 - - - - - -").unwrap();
    assert_eq!(receiver.line(), "<999>1 - - - - - -");
    assert!(receiver.line().contains("✗ rfc5424"));
    let summary = receiver.line();
    assert!(summary.contains("4 messages, 2 different events, 1 repeated, 0 missing, 1 invalid"), "{summary}");
    assert_eq!(receiver.exit_code(), Some(1));
}

#[test]
fn with_tls_the_saved_certificate_is_the_one_that_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("siem.pem");
    let mut receiver = start(&["--tls", "127.0.0.1:0", "--save-cert", pem.to_str().unwrap(), "--count", "1"]);
    let fingerprint = receiver.after("certificate sha256 ");
    let address = receiver.after("receiving on tls://");

    let leaf = rustls_pki_types::CertificateDer::from_pem_file(&pem).unwrap();
    assert_eq!(auditwire_engine::secrets::sha256_hex(&leaf), fingerprint);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(leaf).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
    let mut session = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    let mut stream = rustls::Stream::new(&mut session, &mut socket);
    writeln!(stream, "{}", message(7)).unwrap();
    assert_eq!(receiver.line(), message(7));
    assert_eq!(receiver.exit_code(), Some(0));
}

#[test]
fn json_holds_every_field() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let receiver = start(&["--tcp", &free.to_string(), "--json", "--framing", "lf"]);
    let begun = std::time::Instant::now();
    let mut stream = loop {
        match TcpStream::connect(free) {
            Ok(stream) => break stream,
            Err(_) => assert!(begun.elapsed() < crate::process::LIMIT, "the receiver does not listen"),
        }
    };
    writeln!(stream, "<110>Nov 22 10:00:00 h CEF:0|A|B|1|x|X|5|externalId=e cn2=3 cn2Label=Sequence msg=a\\=b")
        .unwrap();
    let seen = seen(&receiver);
    assert_eq!((&seen["format"], &seen["valid"], &seen["seq"]), (&json!("cef"), &json!(true), &json!(3)));
    assert_eq!(seen["fields"]["extension"]["msg"], "a=b");
    assert_eq!((&seen["framing"], &seen["via"]), (&json!("lf"), &json!("tcp")));
}
