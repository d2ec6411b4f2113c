//! A listener behind each row, in a network of the test's own: nothing that a customer sets leads to it, and when the operator
//! allows it, the same things do. The second half is what makes the first one mean something.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use auditwire_model::connection::Transport;
use auditwire_model::wire::RenderContext;
use futures_util::future::join_all;
use tokio::net::{TcpListener, UdpSocket};

use super::*;
use crate::alerts::webhook;
use crate::delivery::check::{self, CheckContext, CheckLimits};
use crate::delivery::tests::fixtures::{LIMIT, Service, spec};

/// Set in the process that has a network of its own.
const INSIDE: &str = "AUDITWIRE_TEST_IN_NAMESPACE";
/// Set where a test that cannot run is a failure.
const REQUIRED: &str = "AUDITWIRE_TEST_REAL_REQUIRED";
const THIS: &str = "delivery::guard::tests::namespace::nothing_behind_a_row_is_connected_to";

/// Rows that a plain socket address cannot lead to even when they are allowed: an IPv6 link-local address needs a zone,
/// which a connection point cannot have, and IPv6 multicast does not come back over `lo`. Their judgement is tested above.
const UNREACHABLE: [&str; 2] = ["fe80::/10", "ff00::/8"];

#[test]
fn nothing_behind_a_row_is_connected_to() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(inside());
    }
    // As root a network is enough; others need a user namespace, where that is allowed.
    let Some(flags) = ["-n", "-Urn"].into_iter().find(|flags| possible(flags)) else {
        assert!(std::env::var_os(REQUIRED).is_none(), "no network of our own (unshare -n, unshare -Urn, ip)");
        println!("not run: no network of our own (unshare -n, unshare -Urn, ip)");
        return;
    };
    let mut command = Command::new("unshare");
    command.arg(flags).arg(std::env::current_exe().unwrap()).args(["--exact", THIS, "--nocapture"]).env(INSIDE, "1");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{errors}");
}

fn possible(flags: &str) -> bool {
    Command::new("unshare").args([flags, "ip", "link", "set", "lo", "up"]).output().is_ok_and(|o| o.status.success())
}

/// Makes every address of a network this machine's own.
fn own(network: &IpNet) {
    let family = if network.addr().is_ipv4() { "-4" } else { "-6" };
    ip(&[family, "route", "replace", "local", &network.to_string(), "dev", "lo"]);
}

fn ip(words: &[&str]) {
    let output = Command::new("ip").args(words).output().unwrap();
    assert!(output.status.success(), "ip {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A row, and an address of it.
struct Place {
    what: String,
    ip: IpAddr,
    transport: Transport,
    seen: Arc<AtomicUsize>,
    address: SocketAddr,
}

async fn inside() {
    ip(&["link", "set", "lo", "up", "multicast", "on"]);
    ip(&["-4", "route", "add", "224.0.0.0/4", "dev", "lo"]);
    let mut places = Vec::new();
    for (what, ip, network) in addresses() {
        // A group is joined, not owned.
        if !ip.is_multicast() {
            own(&network);
        }
        places.push(listen(what, ip).await);
    }
    assert!(places.len() >= REFUSED.len() + EMBEDDINGS.len(), "{}", places.len());

    let closed = DeliverySettings::default();
    reach(&places, &closed).await;
    for place in &places {
        assert_eq!(place.seen.load(SeqCst), 0, "{} ({}) was connected to", place.address, place.what);
    }

    let open = DeliverySettings {
        allow: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()],
        ..DeliverySettings::default()
    };
    reach(&places, &open).await;
    for place in &places {
        let ways = if place.transport == Transport::Udp { 2 } else { 3 };
        assert!(place.seen.load(SeqCst) >= ways, "{} ({}): {:?}", place.address, place.what, place.seen);
    }
}

/// An address of each row that can be connected to, and of each form one that leads to a metadata service and one that leads to
/// loopback.
fn addresses() -> Vec<(String, IpAddr, IpNet)> {
    let mut all = Vec::new();
    for row in LOOPBACK.iter().chain(&REFUSED) {
        if UNREACHABLE.contains(&row.network.to_string().as_str()) {
            continue;
        }
        // The second address, where there is one: the first of many networks is not a host's.
        let ip = row.network.hosts().nth(1).unwrap_or_else(|| row.network.addr());
        all.push((row.what.to_owned(), ip, row.network));
    }
    for form in EMBEDDINGS.iter().chain(&LOCAL_NAT64_LAYOUTS) {
        for v4 in [Ipv4Addr::new(169, 254, 169, 254), Ipv4Addr::LOCALHOST] {
            let v6 = disguised(form, v4);
            all.push((format!("{} of {v4}", form.what), v6.into(), IpNet::from(IpAddr::from(v6))));
        }
    }
    all
}

async fn listen(what: String, ip: IpAddr) -> Place {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    if let IpAddr::V4(v4) = ip
        && v4.is_multicast()
    {
        let socket = UdpSocket::bind((ip, 0)).await.unwrap();
        socket.join_multicast_v4(v4, Ipv4Addr::LOCALHOST).unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            while socket.recv_from(&mut [0; 16]).await.is_ok() {
                count.fetch_add(1, SeqCst);
            }
        });
        return Place { what, ip, transport: Transport::Udp, seen, address };
    }
    // On a port of its own, at all addresses: one that a route makes ours cannot be bound in IPv6.
    let any = if ip.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    let listener = TcpListener::bind((any, 0)).await.unwrap();
    let address = SocketAddr::new(ip, listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, SeqCst);
        }
    });
    Place { what, ip, transport: Transport::Tcp, seen, address }
}

/// Tries check, delivery and webhook at each place.
async fn reach(places: &[Place], settings: &DeliverySettings) {
    let forbidden = settings.allow.is_empty();
    let checks = places.iter().map(|place| check_of(place, settings));
    for (place, code) in places.iter().zip(join_all(checks).await) {
        assert_eq!(code == "address_forbidden", forbidden, "the check of {}: {code}", place.address);
    }
    let calls = places.iter().map(|place| webhook::called(AddressGuard::new(settings), place.address));
    for (place, code) in places.iter().zip(join_all(calls).await) {
        assert_eq!(code == "address_forbidden", forbidden, "the webhook at {}: {code}", place.address);
    }
    for place in places {
        deliver(place, settings, forbidden).await;
    }
}

async fn check_of(place: &Place, settings: &DeliverySettings) -> String {
    let now = auditwire_model::Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
    let clock = Arc::new(auditwire_model::clock::ManualClock::new(now));
    let render = RenderContext { hostname: "h".to_owned(), instance: "i".to_owned(), project: "default".to_owned() };
    let short = Duration::from_millis(200);
    let mut context = CheckContext::new(settings, render, clock);
    context.limits = CheckLimits { settle: short, watch: short, acknowledge: short, ..context.limits };
    check::run(&context, &spec(place.address, place.transport), None, &|_| ()).await.code().to_owned()
}

/// Lets a sender try until it says why it cannot, or the listener has seen it.
async fn deliver(place: &Place, settings: &DeliverySettings, forbidden: bool) {
    let before = place.seen.load(SeqCst);
    let mut service = Service::start().await;
    service.configure(settings.clone()).await;
    service.post(1).await;
    service.store_connection("siem", 1, spec(place.address, place.transport)).await;
    service.activate(Some("siem")).await;
    let id = auditwire_model::ConnectionId::parse("siem").unwrap();
    let ended = tokio::time::timeout(LIMIT, async {
        loop {
            let error = service.delivery.live(&id).and_then(|live| live.delivery.last_error);
            if error.is_some_and(|error| error.code == "address_forbidden") {
                return true;
            }
            if place.seen.load(SeqCst) > before {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let refused =
        ended.await.unwrap_or_else(|_| panic!("nothing came of sending to {} ({})", place.address, place.what));
    assert_eq!(refused, forbidden, "delivery to {} ({})", place.address, place.ip);
    service.delivery.close().await;
    service.log.close().await;
}
