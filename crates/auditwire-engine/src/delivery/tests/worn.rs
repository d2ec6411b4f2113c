//! Links whose TLS keys may make few records. The senders run on the thread of the test, whose links they are.

use auditwire_model::connection::Transport;
use parking_lot::Mutex;

use super::fixtures::{Manner, Received, Service, receiver, spec, until};
use crate::delivery::tls::fixtures::keys_make;

/// Posts one by one, so that each is a record; nothing may count as acknowledged that the receiver has not read.
async fn every_event_comes(service: &mut Service, received: &Mutex<Received>, count: u64) {
    for _ in 0..count {
        service.post(1).await;
        service.settled("a").await;
        let acknowledged = service.live("a").unwrap().delivery.delivered;
        until("what is acknowledged was read", || received.lock().events.len() as u64 >= acknowledged).await;
    }
}

#[tokio::test]
async fn a_key_that_is_used_up_loses_nothing_and_acknowledges_nothing_unsent() {
    keys_make(40);
    for manner in [Manner::Stays, Manner::Reads] {
        let (address, received) = receiver(vec![manner], Some(&rustls::version::TLS12)).await;
        let mut service = Service::start().await;
        service.store_connection("a", 1, spec(address, Transport::Tls)).await;
        service.activate(Some("a")).await;
        every_event_comes(&mut service, &received, 82).await;
        let shown = service.live("a").unwrap().delivery;
        assert_eq!(shown.last_error, None, "a link that is made anew in time is no error");
        assert!((2..=4).contains(&received.lock().links), "{}", received.lock().links);
        service.delivery.close().await;
        received.lock().complete(service.head());
    }
}

#[tokio::test]
async fn a_bulk_and_keys_that_last_for_a_batch() {
    keys_make(40);
    let (address, received) = receiver(vec![Manner::Reads], Some(&rustls::version::TLS12)).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Tls)).await;
    service.post(4000).await;
    service.activate(Some("a")).await;
    service.settled("a").await;
    service.delivery.close().await;
    let repeated = received.lock().complete(service.head());
    assert_eq!(repeated, 0, "a receiver that reads and closes proves that it has all");
    assert!(received.lock().links > 2);
}

#[tokio::test]
async fn over_tls_1_3_one_link_is_enough() {
    keys_make(40);
    let (address, received) = receiver(vec![Manner::Reads], Some(&rustls::version::TLS13)).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Tls)).await;
    service.activate(Some("a")).await;
    every_event_comes(&mut service, &received, 120).await;
    assert_eq!(received.lock().links, 1);
    service.delivery.close().await;
    received.lock().complete(service.head());
}
