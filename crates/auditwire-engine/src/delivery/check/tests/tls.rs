//! Situations over TLS.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use auditwire_model::connection::{ConnectionSpec, Framing, TlsSpec, TlsVersion, Transport, Verify};
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::receivers::{self as r, serve, serve_tls};
use super::{Case, case, check, spec, tls_spec};
use crate::delivery::check::CheckReport;
use crate::delivery::tls::PemBundle;
use crate::delivery::tls::fixtures::{self as c, Ca, Pair, server, server_with, with_key};

const LOCAL: &[&str] = &["localhost", "127.0.0.1"];
const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

pub(super) fn cases() -> Vec<Case> {
    [healthy(), unhealthy(), not_tls(), certificates(), trust(), without_its_key(), clients()]
        .into_iter()
        .flatten()
        .collect()
}

fn healthy() -> Vec<Case> {
    vec![
        case("a certificate of a CA in the TLS key", "ok", async { issued(LOCAL, |_| {}, full()).await }),
        case("the expected server name", "ok", async {
            issued(&["siem.example"], |_| {}, named("siem.example")).await
        }),
        case("a pinned certificate with any name", "ok", async {
            let pair = Pair::self_signed(&["elsewhere"], |_| {});
            pinned(&server(&pair), &pair).await
        }),
        case("the fingerprint of an expired CA certificate", "ok", async {
            let pair = Pair::self_signed(&[], |p| {
                c::is_ca(p);
                c::ended(p);
            });
            let address = serve_tls(server(&pair)).await;
            check(&tls_spec(address, fingerprint(&pair.sha256())), None).await
        }),
        case("the fingerprint of an X.509 version 1 certificate", "ok", async {
            let pair = Pair::self_signed(&[], |_| {}).version_1();
            let address = serve_tls(server(&pair)).await;
            check(&tls_spec(address, fingerprint(&pair.sha256())), None).await
        }),
        case("octet counting in TLS", "ok", async { in_tls(|s| wants(s, |c| c.is_ascii_digit()), octets).await }),
        case("reads and never closes", "ok", async {
            let temper = |mut s: Tls| async move {
                s.read_to_end(&mut Vec::new()).await?;
                pending::<()>().await;
                drop(s);
                Ok(())
            };
            in_tls(temper, |s| s).await
        }),
        case("anyone", "ok", async {
            let address = serve_tls(server(&Pair::self_signed(&[], c::ended))).await;
            check(&tls_spec(address, off()), None).await
        }),
    ]
}

fn unhealthy() -> Vec<Case> {
    vec![
        case("closes at once after the handshake", "closed_at_once", async {
            in_tls(|mut s| async move { s.shutdown().await }, |s| s).await
        }),
        case("closes after the first message", "closed_after_message", async {
            let temper = |mut s: Tls| async move {
                s.read_u8().await?;
                s.shutdown().await
            };
            in_tls(temper, |s| s).await
        }),
        case("resets after the first message", "reset_after_message", async {
            let temper = |mut s: Tls| async move {
                s.read_u8().await?;
                s.get_ref().0.set_zero_linger()
            };
            in_tls(temper, |s| s).await
        }),
        case("breaks TLS off after the message", "tls_broken", async {
            let temper = |mut s: Tls| async move {
                s.read_u8().await?;
                // A record that nobody can have made with the link's key.
                let record = [&b"\x17\x03\x03\x00\x20"[..], &[7; 32]].concat();
                s.get_mut().0.write_all(&record).await?;
                s.read_to_end(&mut Vec::new()).await.map(|_| ())
            };
            in_tls(temper, |s| s).await
        }),
        case("asks for a certificate, does without one, and closes after the message", "closed_after_message", async {
            let ca = Ca::new("CA");
            let acceptor = r::acceptor(c::asking(&ca.issue(LOCAL), &ca));
            let address = serve(move |stream| {
                let acceptor = acceptor.clone();
                async move { wants(acceptor.accept(stream).await?, |_| false).await }
            })
            .await;
            check(&tls_spec(address, off()), None).await
        }),
        case("shakes hands and never reads", "not_acknowledged", async {
            let temper = |s: Tls| async move {
                pending::<()>().await;
                drop(s);
                Ok(())
            };
            in_tls(temper, |s| s).await
        }),
        case("wants octet counting, gets LF", "framing_refused", async {
            in_tls(|s| wants(s, |c| c.is_ascii_digit()), |s| s).await
        }),
        case("wants LF, gets octet counting", "framing_refused", async {
            in_tls(|s| wants(s, |c| c == b'<'), octets).await
        }),
    ]
}

fn not_tls() -> Vec<Case> {
    vec![
        case("plain TCP to a TLS port", "tls_expected", async {
            let address = serve_tls(server(&Pair::self_signed(LOCAL, |_| {}))).await;
            check(&spec(Transport::Tcp, address), None).await
        }),
        case("plain TCP to a TLS port that says nothing", "tls_expected", async {
            let alert = b"\x15\x03\x03\x00\x02\x02\x28";
            let address = serve(move |s| async move {
                if first_byte(&s).await == 0x16 { r::answers(s, alert).await } else { r::closes(s).await }
            })
            .await;
            check(&spec(Transport::Tcp, address), None).await
        }),
        case("a peer that answers with text", "plain_expected", tls_at(|| serve(|s| r::answers(s, b"220 hello\r\n")))),
        case("a plain receiver that reads in silence", "plain_expected", tls_at(|| serve(r::reads))),
        case("a plain receiver that never closes", "plain_expected", tls_at(|| serve(r::reads_and_stays))),
        case(
            "a plain receiver that closes on garbage",
            "plain_expected",
            tls_at(|| serve(|s| r::wants_first(s, |c| c == b'<'))),
        ),
        case("a receiver that hangs", "tls_timeout", tls_at(|| serve(r::never_reads))),
        case("a receiver that closes on everything", "closed_at_once", tls_at(|| serve(r::closes_after_reading))),
        case(
            "protocol_version alert, as from a server with TLS 1.1 only",
            "tls_version",
            tls_at(|| serve(|s| r::answers(s, b"\x15\x03\x02\x00\x02\x02\x46"))),
        ),
        case("TLS 1.2 where 1.3 is demanded", "tls_version", async {
            let address = serve_tls(server_with(&Pair::self_signed(LOCAL, |_| {}), &[&TLS12], None)).await;
            check(&tls_spec(address, TlsSpec { min_version: TlsVersion::V1_3, ..off() }), None).await
        }),
        case(
            "handshake_failure alert, as from a server with weak ciphers only",
            "tls_cipher",
            tls_at(|| serve(|s| r::answers(s, b"\x15\x03\x03\x00\x02\x02\x28"))),
        ),
    ]
}

fn certificates() -> Vec<Case> {
    vec![
        case("expired", "cert_expired", async { issued(LOCAL, c::ended, full()).await }),
        case("not yet valid", "cert_not_yet_valid", async { issued(LOCAL, c::not_begun, full()).await }),
        case("for another name", "cert_wrong_name", async { issued(LOCAL, |_| {}, named("siem.example")).await }),
        case("without the address", "cert_no_ip_san", async { issued(&["localhost"], |_| {}, full()).await }),
        case("for clients only", "cert_unsupported", async { issued(LOCAL, c::for_clients_only, full()).await }),
        case("X.509 version 1", "cert_unsupported", async {
            let ca = Ca::new("CA");
            let address = serve_tls(server(&ca.issue(LOCAL).version_1())).await;
            check(&tls_spec(address, full()), Some(&ca.bundle())).await
        }),
        case("a CA certificate of a trusted CA", "cert_ca_as_leaf", async { issued(LOCAL, c::is_ca, full()).await }),
        case("a trusted CA certificate itself", "cert_ca_as_leaf", async {
            let pair = Pair::self_signed(LOCAL, c::is_ca);
            pinned(&server(&pair), &pair).await
        }),
        case("pinned and expired", "cert_expired", async {
            let pair = Pair::self_signed(LOCAL, c::ended);
            pinned(&server(&pair), &pair).await
        }),
    ]
}

fn trust() -> Vec<Case> {
    let unknown = |pem: Option<PemBundle>| async move {
        let pair = Ca::new("CA nobody knows").issue(LOCAL);
        check(&tls_spec(serve_tls(server(&pair)).await, full()), pem.as_ref()).await
    };
    let alone = |change: fn(&mut rcgen::CertificateParams), pem: Option<PemBundle>| async move {
        let address = serve_tls(server(&Pair::self_signed(LOCAL, change))).await;
        check(&tls_spec(address, full()), pem.as_ref()).await
    };
    vec![
        case("another CA in the TLS key", "cert_unknown_ca", unknown(Some(Ca::new("other").bundle()))),
        case("the system's roots", "cert_unknown_ca", unknown(None)),
        case("a CA of the same name", "cert_unknown_ca", unknown(Some(Ca::new("CA nobody knows").bundle()))),
        case("self-signed, the system's roots", "cert_self_signed", alone(|_| {}, None)),
        case("self-signed, another CA", "cert_self_signed", alone(|_| {}, Some(Ca::new("other").bundle()))),
        case("self-signed CA certificate, the system's roots", "cert_self_signed", alone(c::is_ca, None)),
        case("another certificate than the pinned one", "cert_fingerprint_mismatch", async {
            let (shown, expected) = (Pair::self_signed(LOCAL, |_| {}), Pair::self_signed(LOCAL, |_| {}));
            pinned(&server(&shown), &expected).await
        }),
        case("another fingerprint", "cert_fingerprint_mismatch", async {
            let address = serve_tls(server(&Pair::self_signed(LOCAL, |_| {}))).await;
            check(&tls_spec(address, fingerprint(&"0".repeat(64))), None).await
        }),
    ]
}

/// Whatever is trusted, a server without the certificate's key must fail.
fn without_its_key() -> Vec<Case> {
    let mut cases = vec![case("a client key without its certificate", "key_mismatch", async {
        let (one, other) = (Pair::self_signed(&[], |_| {}), Pair::self_signed(&[], |_| {}));
        let pem = format!("{}{}", one.cert_pem, other.key.serialize_pem());
        CheckReport::of_pem_error(&PemBundle::parse(pem.as_bytes()).unwrap_err())
    })];
    for version in VERSIONS {
        cases.push(case("a CA's certificate without its key", "key_mismatch", async move {
            let ca = Ca::new("CA");
            let (shown, other) = (ca.issue(LOCAL), ca.issue(LOCAL));
            let address = serve_tls(with_key(&shown, &other.key, &[version], None)).await;
            check(&tls_spec(address, full()), Some(&ca.bundle())).await
        }));
        for pick in 0..3 {
            cases.push(case("a known certificate without its key", "key_mismatch", async move {
                let (shown, other) = (Pair::self_signed(LOCAL, |_| {}), Pair::self_signed(LOCAL, |_| {}));
                let config = with_key(&shown, &other.key, &[version], None);
                let tls = [off(), fingerprint(&shown.sha256())];
                match tls.into_iter().nth(pick) {
                    Some(tls) => check(&tls_spec(serve_tls(config).await, tls), None).await,
                    None => pinned(&config, &shown).await,
                }
            }));
        }
    }
    cases
}

fn clients() -> Vec<Case> {
    let mut cases = Vec::new();
    for version in VERSIONS {
        let meet = move |pem: fn(&Ca) -> String| async move {
            let ca = Ca::new("CA");
            let address = serve_tls(server_with(&ca.issue(LOCAL), &[version], Some(&ca))).await;
            let pem = PemBundle::parse(format!("{}{}", ca.pem, pem(&ca)).as_bytes()).unwrap();
            check(&tls_spec(address, full()), Some(&pem)).await
        };
        cases.extend([
            case("our certificate is welcome", "ok", meet(|ca| ca.issue(&[]).pem())),
            case("a certificate is asked for and we have none", "client_cert_required", meet(|_| String::new())),
            case(
                "our certificate is of another CA",
                "client_cert_refused",
                meet(|_| Ca::new("other").issue(&[]).pem()),
            ),
            case("our certificate has expired", "client_cert_expired", meet(|ca| ca.issue_with(&[], c::ended).pem())),
        ]);
    }
    cases
}

/// A server with a certificate of a CA that the TLS key holds.
async fn issued(names: &[&str], change: fn(&mut rcgen::CertificateParams), tls: TlsSpec) -> CheckReport {
    let ca = Ca::new("CA");
    let address = serve_tls(server(&ca.issue_with(names, change))).await;
    check(&tls_spec(address, tls), Some(&ca.bundle())).await
}

/// A server of which the TLS key holds `expected`.
async fn pinned(config: &rustls::ServerConfig, expected: &Pair) -> CheckReport {
    let pem = PemBundle::parse(expected.cert_pem.as_bytes()).unwrap();
    check(&tls_spec(serve_tls(config.clone()).await, full()), Some(&pem)).await
}

type Tls = TlsStream<TcpStream>;

/// A receiver of this temper behind a handshake that succeeds.
async fn in_tls<F, Fut>(temper: F, change: fn(ConnectionSpec) -> ConnectionSpec) -> CheckReport
where
    F: Fn(Tls) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = io::Result<()>> + Send + 'static,
{
    let acceptor = r::acceptor(server(&Pair::self_signed(LOCAL, |_| {})));
    let temper = Arc::new(temper);
    let address = serve(move |stream| {
        let (acceptor, temper) = (acceptor.clone(), Arc::clone(&temper));
        async move { temper(acceptor.accept(stream).await?).await }
    })
    .await;
    check(&change(tls_spec(address, off())), None).await
}

/// As [`r::wants_first`].
async fn wants(mut stream: Tls, wanted: fn(u8) -> bool) -> io::Result<()> {
    if wanted(stream.read_u8().await?) {
        stream.read_to_end(&mut Vec::new()).await?;
    }
    stream.shutdown().await
}

fn octets(spec: ConnectionSpec) -> ConnectionSpec {
    ConnectionSpec { framing: Framing::OctetCounting, ..spec }
}

async fn tls_at<F>(address: impl Fn() -> F + Send + 'static) -> CheckReport
where
    F: Future<Output = SocketAddr> + Send,
{
    check(&tls_spec(address().await, off()), None).await
}

async fn first_byte(stream: &tokio::net::TcpStream) -> u8 {
    let mut first = [0];
    stream.peek(&mut first).await.map_or(0, |_| first[0])
}

fn full() -> TlsSpec {
    TlsSpec::default()
}

fn named(name: &str) -> TlsSpec {
    TlsSpec { server_name: Some(name.to_owned()), ..full() }
}

fn off() -> TlsSpec {
    TlsSpec { verify: Verify::Off, ..full() }
}

fn fingerprint(sha256: &str) -> TlsSpec {
    TlsSpec { verify: Verify::Fingerprint, fingerprint: Some(sha256.to_owned()), ..full() }
}
