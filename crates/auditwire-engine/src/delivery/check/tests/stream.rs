//! Situations over plain TCP, and before any connection.

use std::sync::atomic::Ordering::Relaxed;

use auditwire_model::connection::{ConnectionSpec, Endpoint, Framing, Transport};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::receivers::{self as r, serve};
use super::{Case, case, check, context, spec};
use crate::delivery::DeliverySettings;
use crate::delivery::check::{CheckReport, run};
use crate::delivery::guard::AddressGuard;

pub(super) fn cases() -> Vec<Case> {
    [before_connecting(), healthy(), unhealthy(), framing()].into_iter().flatten().collect()
}

fn before_connecting() -> Vec<Case> {
    vec![
        case("a metadata address", "address_forbidden", named("169.254.169.254:514")),
        case("its IPv4-mapped form", "address_forbidden", named("[::ffff:169.254.169.254]:514")),
        case("the same in hex", "address_forbidden", named("[::ffff:a9fe:a9fe]:514")),
        case("its NAT64 form", "address_forbidden", named("[64:ff9b::a9fe:a9fe]:514")),
        case("its 6to4 form", "address_forbidden", named("[2002:a9fe:a9fe::1]:514")),
        case("loopback, IPv4-mapped", "address_forbidden", closed_to_loopback("[::ffff:127.0.0.1]:514")),
        case("loopback that is not open", "address_forbidden", closed_to_loopback("127.0.0.1:514")),
        case("a name that leads to loopback", "address_forbidden", closed_to_loopback("localhost:514")),
        case("a name that does not exist", "name_not_found", named("siem.invalid:514")),
        case("name servers that fail", "name_server_failed", named("unanswered.test:514")),
        case("no descriptor to ask a name server with", "no_descriptors", named("crowded.test:514")),
        case("a name of which one address is forbidden", "address_forbidden", named("rebinding.test:514")),
        case("a name whose answer changes after it was judged", "ok", turning("ok")),
        case("a name whose answer has changed", "address_forbidden", turning("address_forbidden")),
        case("a port that nobody has", "connect_refused", async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            drop(listener);
            check(&spec(Transport::Tcp, address), None).await
        }),
        case("a host that drops connects", "connect_timeout", full_accept_queue()),
        case("an address without a way", "host_unreachable", async {
            // The kernel refuses TCP to a broadcast address by itself; nothing leaves the machine.
            let allow = vec!["255.255.255.255/32".parse().unwrap()];
            let mut context = context();
            context.guard = AddressGuard::new(&DeliverySettings { allow, ..DeliverySettings::default() });
            run(&context, &at("255.255.255.255:514"), None, &|_| ()).await
        }),
    ]
}

fn healthy() -> Vec<Case> {
    vec![
        case("reads and closes when we do", "ok", async { check(&tcp(serve(r::reads).await), None).await }),
        case("reads and never closes", "ok", async { check(&tcp(serve(r::reads_and_stays).await), None).await }),
        case("ends its direction at once and reads on", "ok", async {
            let (address, connections) = r::counter(r::half_closes_and_reads).await;
            let report = check(&tcp(address), None).await;
            assert!(connections.load(Relaxed) <= 2, "{report:#?}");
            report
        }),
        case("reads octet counting", "ok", async {
            let address = serve(|s| r::wants_first(s, |c| c.is_ascii_digit())).await;
            check(&octets(address), None).await
        }),
    ]
}

fn unhealthy() -> Vec<Case> {
    vec![
        case("closes before anything is sent", "closed_at_once", async {
            check(&tcp(serve(r::closes).await), None).await
        }),
        case("closes after the first message", "closed_after_message", async {
            check(&tcp(serve(r::closes_after_reading).await), None).await
        }),
        case("resets after the first message", "reset_after_message", async {
            check(&tcp(serve(r::resets_after_reading).await), None).await
        }),
        case("accepts and never reads", "not_acknowledged", async {
            check(&tcp(serve(r::never_reads).await), None).await
        }),
        case("is never accepted", "not_acknowledged", async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            check(&tcp(listener.local_addr().unwrap()), None).await
        }),
        case("never reads, with a buffer too small for the message", "not_acknowledged", never_reads_into(1)),
        case("never reads, with a buffer of 64 KiB", "not_acknowledged", never_reads_into(64 << 10)),
        case("never reads, with a buffer of 2 MiB", "not_acknowledged", never_reads_into(2 << 20)),
        case("reads the first bytes and then no more", "not_acknowledged", async {
            let temper = |mut s: TcpStream| async move {
                s.read_exact(&mut [0; 16]).await?;
                r::never_reads(s).await
            };
            check(&tcp(serve(temper).await), None).await
        }),
        case("ends without having read", "reset_after_message", async {
            let temper = |s: TcpStream| async move {
                // Our end has come, and is as unread as the message.
                let mut state = s.ready(tokio::io::Interest::READABLE).await?;
                while !state.is_read_closed() {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                    state = s.ready(tokio::io::Interest::READABLE).await?;
                }
                Ok(())
            };
            check(&tcp(serve(temper).await), None).await
        }),
    ]
}

fn framing() -> Vec<Case> {
    vec![
        case("wants octet counting, gets LF", "framing_refused", async {
            check(&tcp(serve(|s| r::wants_first(s, |c| c.is_ascii_digit())).await), None).await
        }),
        case("wants LF, gets octet counting", "framing_refused", async {
            check(&octets(serve(|s| r::wants_first(s, |c| c == b'<')).await), None).await
        }),
    ]
}

/// Accepts nothing and reads nothing; the kernel takes in what such a buffer holds.
async fn never_reads_into(buffer_bytes: u32) -> CheckReport {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(buffer_bytes).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(8).unwrap();
    check(&tcp(listener.local_addr().unwrap()), None).await
}

/// A name that leads to a receiver when it is asked for the first time, and to a metadata address ever after.
async fn turning(expected: &str) -> CheckReport {
    let (address, connections) = r::counter(r::reads).await;
    let spec = at(&format!("turning-{expected}.test:{}", address.port()).replace('_', "-"));
    let first = check(&spec, None).await;
    assert_eq!((first.code(), connections.load(Relaxed)), ("ok", 1), "{first:#?}");
    if expected == "ok" { first } else { check(&spec, None).await }
}

async fn named(endpoint: &'static str) -> CheckReport {
    check(&at(endpoint), None).await
}

async fn closed_to_loopback(endpoint: &'static str) -> CheckReport {
    let mut context = context();
    context.guard = AddressGuard::new(&DeliverySettings::default());
    run(&context, &at(endpoint), None, &|_| ()).await
}

/// Linux drops SYNs when the accept queue is full.
async fn full_accept_queue() -> CheckReport {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    let patience = std::time::Duration::from_millis(200);
    while let Ok(stream) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
        assert!(waiting.len() < 64, "the accept queue does not fill");
    }
    check(&tcp(address), None).await
}

fn at(endpoint: &str) -> ConnectionSpec {
    ConnectionSpec { endpoint: Endpoint::parse(endpoint).unwrap(), ..tcp("127.0.0.1:1".parse().unwrap()) }
}

fn tcp(address: std::net::SocketAddr) -> ConnectionSpec {
    spec(Transport::Tcp, address)
}

fn octets(address: std::net::SocketAddr) -> ConnectionSpec {
    ConnectionSpec { framing: Framing::OctetCounting, ..tcp(address) }
}
