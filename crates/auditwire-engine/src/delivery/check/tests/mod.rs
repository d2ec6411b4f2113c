//! Each code is produced by a fixture that makes that very situation on loopback, and every code has one.

mod receivers;
mod relp;
mod stream;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use auditwire_model::Timestamp;
use auditwire_model::clock::ManualClock;
use auditwire_model::connection::{
    ConnectionSpec, Endpoint, Filter, Format, Framing, Options, TlsSpec, Transport, Verify,
};
use auditwire_model::wire::RenderContext;
use futures_util::future::{BoxFuture, join_all};
use parking_lot::Mutex;
use tokio::net::UdpSocket;

use super::*;
use crate::delivery::failure::CODES;
use crate::delivery::link::connect::scripted;
use crate::delivery::tls::fixtures::{Pair, server};

/// A situation and what the check must say about it.
struct Case {
    name: &'static str,
    code: &'static str,
    check: BoxFuture<'static, CheckReport>,
}

fn case(name: &'static str, code: &'static str, check: impl Future<Output = CheckReport> + Send + 'static) -> Case {
    Case { name, code, check: Box::pin(check) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_code_is_produced_by_its_situation() {
    let cases: Vec<Case> = [stream::cases(), relp::cases(), tls::cases(), datagram_cases(), defect_cases()]
        .into_iter()
        .flatten()
        .collect();
    let covered: Vec<_> = cases.iter().map(|case| case.code).collect();
    for code in CODES {
        assert!(covered.contains(&code), "no situation produces {code}");
    }
    assert!(covered.iter().all(|code| CODES.contains(code)), "{covered:?}");
    let wrong: Vec<_> = join_all(cases.into_iter().map(judge)).await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The list that scripts rely on, as it was published, and the manual's table: neither may lose or gain a code by itself.
#[test]
fn the_codes_are_the_published_ones() {
    let published = "ok address_forbidden name_not_found name_server_failed connect_refused connect_timeout \
        host_unreachable not_permitted no_descriptors no_resources tls_expected plain_expected tls_timeout tls_version \
        tls_cipher tls_broken cert_expired cert_not_yet_valid \
        cert_self_signed cert_unknown_ca cert_wrong_name cert_no_ip_san cert_ca_as_leaf cert_unsupported \
        cert_fingerprint_mismatch client_cert_required client_cert_refused client_cert_expired key_mismatch \
        closed_at_once closed_after_message reset_after_message framing_refused not_acknowledged message_too_long udp_port_closed \
        udp_unconfirmed internal";
    assert_eq!(CODES.to_vec(), published.split_ascii_whitespace().collect::<Vec<_>>());
    let manual = include_str!("../../../../../../docs/connection-check.md");
    let (_, table) = manual.split_once("## Codes").unwrap();
    let (table, _) = table.split_once("## ").unwrap();
    let told: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(told, CODES);
}

/// What is wrong with the report of a case, if anything.
async fn judge(case: Case) -> Option<String> {
    let Ok(report) = tokio::time::timeout(Duration::from_secs(30), case.check).await else {
        return Some(format!("{}: expected {}, got nothing within 30 s", case.name, case.code));
    };
    let passes = matches!(case.code, "ok" | "udp_unconfirmed");
    let remedied = report.stages.iter().all(|s| (s.code == "ok") == s.remedy.is_empty() && !s.message.is_empty());
    let right = report.code() == case.code
        && report.ok == passes
        && report.confirmed == (case.code == "ok")
        && report.stages.iter().rev().skip(1).all(|s| s.ok && s.code == "ok")
        && remedied;
    (!right).then(|| format!("{}: expected {}, got {report:#?}", case.name, case.code))
}

fn datagram_cases() -> Vec<Case> {
    vec![
        case("a UDP port that nobody has", "udp_port_closed", async {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let address = socket.local_addr().unwrap();
            drop(socket);
            check(&spec(Transport::Udp, address), None).await
        }),
        case("a name whose first address refuses", "udp_unconfirmed", async {
            let socket = UdpSocket::bind("127.0.0.3:0").await.unwrap();
            let report = check(&twofold(&socket), None).await;
            let length = socket.try_recv(&mut [0; 2048]).unwrap();
            assert!(length > 100 && report.stages[4].message.starts_with("One of the addresses refused"), "{report:?}");
            report
        }),
        case("a name whose addresses all refuse", "udp_port_closed", async {
            let spec = twofold(&UdpSocket::bind("127.0.0.3:0").await.unwrap());
            check(&spec, None).await
        }),
        case("an address that this machine may not send to", "not_permitted", async {
            // The kernel refuses broadcasts by itself; nothing leaves the machine.
            let allow = vec!["255.255.255.255/32".parse().unwrap()];
            let mut context = context();
            context.guard = AddressGuard::new(&DeliverySettings { allow, ..DeliverySettings::default() });
            run(&context, &spec(Transport::Udp, "255.255.255.255:514".parse().unwrap()), None, &|_| ()).await
        }),
        case("a machine without memory for sockets", "no_resources", failing_with("127.0.0.9:1", libc::ENOBUFS)),
        case("a message that no datagram carries", "message_too_long", failing_with("127.0.0.9:2", libc::EMSGSIZE)),
        case("a UDP port that somebody has", "udp_unconfirmed", async {
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let report = check(&spec(Transport::Udp, socket.local_addr().unwrap()), None).await;
            let mut datagram = [0; 2048];
            let length = socket.try_recv(&mut datagram).unwrap();
            let text = String::from_utf8_lossy(&datagram[..length]);
            assert!(text.contains("siem-connection-test"), "{text}");
            report
        }),
    ]
}

/// What no test can bring about.
async fn failing_with(address: &'static str, errno: i32) -> CheckReport {
    let address = address.parse().unwrap();
    scripted::refuse(address, errno);
    check(&spec(Transport::Udp, address), None).await
}

/// A name with two addresses, of which this socket has the second.
fn twofold(socket: &UdpSocket) -> ConnectionSpec {
    let address = socket.local_addr().unwrap();
    let endpoint = Endpoint::parse(&format!("twofold.test:{}", address.port())).unwrap();
    ConnectionSpec { endpoint, ..spec(Transport::Udp, address) }
}

fn defect_cases() -> Vec<Case> {
    let broken = |point: &'static str, about: &'static str| async move {
        let address = receivers::serve(receivers::reads).await;
        let context = context();
        context.tasks.faults().arm(point, about, 1);
        let told = Mutex::new(Vec::new());
        let report =
            run(&context, &spec(Transport::Tcp, address), None, &|stage| told.lock().push(stage.clone())).await;
        assert_eq!(told.into_inner(), report.stages);
        assert!(report.stages.iter().all(|stage| !stage.message.contains("injected")), "{report:?}");
        report
    };
    vec![
        case("a check that panics", "internal", async move {
            let report = broken("check", "SIEM").await;
            assert_eq!(report.stages.last().unwrap().stage, Stage::Address);
            report
        }),
        case("a test message at which rendering panics", "internal", async move {
            let report = broken("message", "siem-connection-test").await;
            assert_eq!(report.stages.last().unwrap().stage, Stage::Send);
            report
        }),
    ]
}

#[tokio::test]
async fn the_time_for_all_stages_bounds_each() {
    let address = receivers::serve(receivers::never_reads).await;
    let mut hurried = context();
    hurried.limits =
        CheckLimits { total: Duration::from_millis(100), handshake: Duration::from_secs(60), ..hurried.limits };
    let begun = std::time::Instant::now();
    let report = run(&hurried, &tls_spec(address, TlsSpec::default()), None, &|_| ()).await;
    assert_eq!(report.code(), "tls_timeout");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_test_message_is_an_event_outside_the_log() {
    for format in [Format::Rfc5424, Format::Cef, Format::Leef, Format::Json] {
        let (address, received) = receivers::recorder().await;
        let spec = ConnectionSpec { format, ..spec(Transport::Tcp, address) };
        assert_eq!(check(&spec, None).await.code(), "ok");
        let text = received.await.unwrap();
        assert!(text.contains("siem-connection-test") && text.ends_with('\n'), "{text}");
        assert!(!text.contains("seq"), "{text}");
    }
}

/// Only a receiver that does not end its side is asked again, with more messages.
#[tokio::test]
async fn a_receiver_that_reads_sees_one_connection() {
    let (address, connections) = receivers::counter(receivers::reads).await;
    assert_eq!(check(&spec(Transport::Tcp, address), None).await.code(), "ok");
    assert_eq!(connections.load(Relaxed), 1);

    let acceptor = receivers::acceptor(server(&Pair::self_signed(&[], |_| {})));
    let (address, connections) = receivers::counter(move |s| receivers::reads_tls(acceptor.clone(), s)).await;
    let anyone = TlsSpec { verify: Verify::Off, ..TlsSpec::default() };
    assert_eq!(check(&tls_spec(address, anyone), None).await.code(), "ok");
    assert_eq!(connections.load(Relaxed), 1);
}

/// A receiver that reads and does not care when we end is asked with more messages, but not with all that could be sent.
#[tokio::test]
async fn a_receiver_that_stays_sees_a_bounded_number_of_messages() {
    let seen = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let address = receivers::serve(move |stream| receivers::counts_and_stays(stream, Arc::clone(&count))).await;
    let report = check(&spec(Transport::Tcp, address), None).await;
    assert_eq!((report.code(), report.confirmed), ("ok", true), "{report:#?}");
    let seen = seen.load(Relaxed);
    assert!((30..=768 + 1).contains(&seen), "{seen} messages");
}

/// Runs the check; whoever watched it must have been told the very stages of the report, in order and each once.
async fn check(spec: &ConnectionSpec, pem: Option<&PemBundle>) -> CheckReport {
    let told = Mutex::new(Vec::new());
    let report = run(&context(), spec, pem, &|stage| told.lock().push(stage.clone())).await;
    assert_eq!(told.into_inner(), report.stages);
    let all = Stage::all_of(spec.transport);
    let gone_through: Vec<_> = report.stages.iter().map(|s| s.stage).collect();
    assert_eq!(gone_through, all[..gone_through.len()]);
    assert!(!report.ok || gone_through == all, "{report:#?}");
    report
}

fn context() -> CheckContext {
    let settings = DeliverySettings { allow_loopback: true, ..DeliverySettings::default() };
    let now = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
    let render = RenderContext {
        hostname: "audit.example".to_owned(),
        instance: "test".to_owned(),
        project: "default".to_owned(),
    };
    let mut context = CheckContext::new(&settings, render, Arc::new(ManualClock::new(now)));
    let ms = Duration::from_millis;
    context.limits = CheckLimits {
        total: ms(20_000),
        connect: ms(2000),
        handshake: ms(3000),
        settle: ms(250),
        watch: ms(1000),
        acknowledge: ms(2000),
    };
    context
}

fn spec(transport: Transport, address: SocketAddr) -> ConnectionSpec {
    ConnectionSpec {
        name: "SIEM".to_owned(),
        receiver: None,
        endpoint: Endpoint::parse(&address.to_string()).unwrap(),
        transport,
        tls: None,
        format: Format::Rfc5424,
        framing: Framing::Lf,
        options: Options::default(),
        filter: Filter::default(),
        rate_limit: None,
    }
}

fn tls_spec(address: SocketAddr, tls: TlsSpec) -> ConnectionSpec {
    ConnectionSpec { tls: Some(tls), ..spec(Transport::Tls, address) }
}
