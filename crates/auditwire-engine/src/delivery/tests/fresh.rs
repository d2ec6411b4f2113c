//! Fresh events first: two streams after an outage, one again when the backlog is done.

use std::collections::BTreeMap;
use std::time::Duration;

use auditwire_model::Position;
use auditwire_model::connection::{ConnectionSpec, Filter, FilterKind, Order, Transport};

use super::fixtures::{Manner, Received, Service, receiver, spec, until};
use crate::records::{Document, FreshRecord};
use crate::store::{RecordKey, RecordKind, Store};

fn live_first(address: std::net::SocketAddr, rate_limit: Option<u32>) -> ConnectionSpec {
    let mut spec = ConnectionSpec { rate_limit, ..spec(address, Transport::Tcp) };
    spec.options.order = Order::LiveFirst;
    spec
}

fn only(query: &str) -> Filter {
    Filter { kind: FilterKind::Query, query: Some(query.to_owned()), ..Filter::default() }
}

/// `backlog` events that wait for longer than an outage, then the connection.
async fn behind(backlog: u64, spec: ConnectionSpec) -> Service {
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec).await;
    service.post(backlog).await;
    service.clock.advance(Duration::from_secs(120));
    service.activate(Some("a")).await;
    service
}

async fn second_stream(service: &Service) -> Option<crate::records::Fresh> {
    let key = RecordKey::of(RecordKind::Fresh, &service.project, "a");
    let record = service.store.record(&key).await.unwrap()?;
    Some(FreshRecord::decode(&record).unwrap().into_current())
}

async fn splits(service: &Service) {
    let begun = std::time::Instant::now();
    while second_stream(service).await.is_none() {
        assert!(begun.elapsed() < super::fixtures::LIMIT, "there is no second stream");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// No number stands for two events.
fn numbers_are_unique(received: &Received) {
    let mut events: BTreeMap<u64, u64> = BTreeMap::new();
    for (seq, numbers) in &received.events {
        for n in numbers {
            let other = *events.entry(*n).or_insert(*seq);
            assert_eq!(other, *seq, "number {n} was given to {other} and to {seq}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fresh_events_go_first_and_every_number_is_given_once() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = behind(4000, live_first(address, Some(3000))).await;
    splits(&service).await;
    service.post(300).await;
    let fresh = |received: &Received| (4001..=4300).all(|seq| received.events.contains_key(&seq));
    until("the fresh ones", || fresh(&received.lock())).await;
    let waiting = (1..=4000).filter(|seq| !received.lock().events.contains_key(seq)).count();
    assert!(waiting > 1000, "the backlog waits: {waiting}");
    let shown = service.delivery.live_fresh(&auditwire_model::ConnectionId::parse("a").unwrap()).unwrap();
    assert!(shown.delivery.cursor > Position(4000));
    service.settled("a").await;
    assert_eq!(second_stream(&service).await, None, "the two are one again");
    service.post(100).await;
    service.settled("a").await;
    service.delivery.close().await;
    let cursor = service.cursor("a").await.unwrap();
    assert_eq!(cursor.sent, 4400);
    let received = received.lock();
    received.complete(Position(4400));
    numbers_are_unique(&received);
    let numbers: Vec<u64> = received.events.values().map(|n| n[0]).collect();
    assert_eq!(numbers, (1..=4400).collect::<Vec<_>>(), "by position, whatever came first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_filter_numbers_are_reserved_for_what_passes_it() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let spec = ConnectionSpec { filter: only("source.id = nova"), ..live_first(address, Some(2000)) };
    let mut service = behind(3000, spec).await;
    splits(&service).await;
    service.post(1000).await;
    service.settled("a").await;
    service.delivery.close().await;
    assert_eq!(service.cursor("a").await.unwrap().filtered, 2000);
    let received = received.lock();
    let numbers: Vec<u64> = received.events.values().map(|n| n[0]).collect();
    assert_eq!(numbers, (1..=2000).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dying_receivers_and_restarts_lose_nothing() {
    let dies = |after| Manner::Dies { after };
    let manners = vec![dies(100_000), dies(50_000), Manner::Closes { after: 200_000 }, dies(300_000), Manner::Reads];
    let (address, received) = receiver(manners, None).await;
    let mut service = behind(4000, live_first(address, Some(4000))).await;
    splits(&service).await;
    service.post(500).await;
    until("links", || received.lock().links >= 3).await;
    service.restart().await;
    service.post(500).await;
    service.settled("a").await;
    service.delivery.close().await;
    let received = received.lock();
    received.complete(Position(5000));
    numbers_are_unique(&received);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_filter_ends_the_second_stream_and_no_number_is_given_twice() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let spec = ConnectionSpec { filter: only("source.id = nova"), ..live_first(address, Some(2000)) };
    let mut service = behind(3000, spec).await;
    splits(&service).await;
    service.post(300).await;
    until("the fresh ones", || received.lock().events.contains_key(&3299)).await;
    service.store_connection("a", 2, ConnectionSpec { rate_limit: None, ..live_first(address, None) }).await;
    service.activate(Some("a")).await;
    service.settled("a").await;
    service.delivery.close().await;
    let received = received.lock();
    numbers_are_unique(&received);
    let first_after = received.events.iter().find(|(seq, _)| *seq % 2 == 0).map(|(seq, _)| *seq).unwrap();
    assert!((first_after..=3300).all(|seq| received.events.contains_key(&seq)), "what waited went by the new filter");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_behind_or_wants_the_order_has_one_stream() {
    for (order, late) in [(Order::LiveFirst, 10), (Order::Strict, 3600)] {
        let (address, _received) = receiver(vec![Manner::Reads], None).await;
        let mut service = Service::start().await;
        let mut spec = live_first(address, None);
        spec.options.order = order;
        service.store_connection("a", 1, spec).await;
        service.post(500).await;
        service.clock.advance(Duration::from_secs(late));
        service.activate(Some("a")).await;
        service.settled("a").await;
        let second = service.delivery.live_fresh(&auditwire_model::ConnectionId::parse("a").unwrap());
        assert!(second.is_none() && second_stream(&service).await.is_none());
    }
}
