//! UDP: paced, never acknowledged, and a port that refuses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use auditwire_model::Position;
use auditwire_model::connection::{Endpoint, Transport};
use parking_lot::Mutex;
use tokio::net::UdpSocket;

use super::fixtures::{Received, Service, datagram, spec, until};

fn listen(socket: UdpSocket) -> Arc<Mutex<Received>> {
    let received = Arc::new(Mutex::new(Received::default()));
    let shared = Arc::clone(&received);
    tokio::spawn(async move {
        let mut bytes = vec![0; 65_536];
        while let Ok(count) = socket.recv(&mut bytes).await {
            datagram(&shared, &bytes[..count]);
        }
    });
    received
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_paced_and_settled_when_nobody_refused() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let received = listen(socket);
    let mut service = Service::start().await;
    let mut slow = spec(address, Transport::Udp);
    slow.rate_limit = Some(1000);
    service.store_connection("a", 1, slow).await;
    service.post(1032).await;
    let begun = Instant::now();
    service.activate(Some("a")).await;
    until("all arrive", || received.lock().events.len() == 1032).await;
    assert!(begun.elapsed() >= Duration::from_millis(990), "32 at once and 1000 a second: {:?}", begun.elapsed());
    service.settled("a").await;
    service.delivery.close().await;
    assert_eq!(received.lock().complete(service.head()), 0);
    assert_eq!(service.cursor("a").await.unwrap().settled, Position(1032));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_refuses_settles_nothing_and_gets_everything_later() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Udp)).await;
    service.post(100).await;
    service.activate(Some("a")).await;
    let code = || service.live("a").and_then(|l| l.delivery.last_error).map(|e| e.code);
    until("it is told", || code() == Some("udp_port_closed")).await;
    assert_eq!(service.live("a").unwrap().delivery.cursor, Position::ZERO);
    let received = listen(UdpSocket::bind(address).await.unwrap());
    service.settled("a").await;
    service.delivery.close().await;
    received.lock().complete(service.head());
}

/// A name whose first address is dead.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_whose_first_address_refuses_is_delivered_to_at_its_second() {
    let socket = UdpSocket::bind("127.0.0.3:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let received = listen(socket);
    let mut service = Service::start().await;
    let mut twofold = spec(address, Transport::Udp);
    twofold.endpoint = Endpoint::parse(&format!("twofold.test:{}", address.port())).unwrap();
    service.store_connection("a", 1, twofold).await;
    service.post(100).await;
    service.activate(Some("a")).await;
    service.settled("a").await;
    let told = service.live("a").unwrap().delivery.last_error.unwrap();
    assert_eq!(told.code, "udp_port_closed");
    assert!(told.message.contains("one of the name's addresses"), "{}", told.message);
    // It stays where somebody is.
    service.post(10).await;
    service.settled("a").await;
    assert_eq!(service.live("a").unwrap().delivery.last_error.unwrap().at, told.at);
    service.delivery.close().await;
    received.lock().complete(service.head());
}
