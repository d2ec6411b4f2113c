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
    let cases: Vec<Case> =
        [stream::cases(), relp::cases(), tls::cases(), datagram_cases()].into_iter().flatten().collect();
    let covered: Vec<_> = cases.iter().map(|case| case.code).collect();
    for code in CODES {
        assert!(covered.contains(&code), "no situation produces {code}");
    }
    let wrong: Vec<_> = join_all(cases.into_iter().map(judge)).await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
    let render = RenderContext { hostname: "audit.example".to_owned(), instance: "test".to_owned() };
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
