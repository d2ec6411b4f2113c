//! Receivers that end their own direction at once: some read on, some are gone.

use auditwire_model::Position;
use auditwire_model::connection::Transport;

use super::fixtures::{Manner, Service, receiver, spec, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_reads_on_gets_every_event_over_one_link() {
    let (address, received) = receiver(vec![Manner::HalfCloses], None).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    service.post(1).await;
    service.activate(Some("a")).await;
    for _ in 0..20 {
        service.settled("a").await;
        service.post(1).await;
    }
    service.settled("a").await;
    until("the last one is read", || received.lock().events.len() == 21).await;
    assert_eq!(received.lock().links, 1);
    let shown = service.live("a").unwrap().delivery;
    assert_eq!((shown.last_error, shown.delivered, shown.resent), (None, 21, 0));
    service.delivery.close().await;
    assert_eq!(received.lock().complete(service.head()), 0);
    let again = service.cursor("a").await.unwrap().resend_from;
    assert_eq!(again, Some(Position(1)), "its FIN came before ours and proves nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_gone_is_told_as_that_and_loses_nothing() {
    let closes = Manner::ClosesAtOnce;
    let (address, received) = receiver(vec![closes, closes, Manner::Reads], None).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    service.activate(Some("a")).await;
    let code = || service.live("a").and_then(|l| l.delivery.last_error).map(|e| e.code);
    until("it is told, though nothing is to be sent", || code() == Some("closed_at_once")).await;
    service.post(10).await;
    // The kernel of one that is about to close may have acknowledged them: they are sent again.
    until("they come to the one that reads", || received.lock().events.len() == 10).await;
    service.settled("a").await;
    service.delivery.close().await;
    received.lock().complete(service.head());
}
