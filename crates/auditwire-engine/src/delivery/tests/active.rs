//! Which connection sends: stop and start, edits, hand-over, the epoch's fence, filter and quarantine.

use std::time::Duration;

use auditwire_model::connection::{Filter, FilterKind, Selection, SelectionMode, Transport};
use auditwire_model::{Clock, Position};

use super::fixtures::{Manner, Service, receiver, spec, until};
use crate::delivery::Status;
use crate::records::Cursor;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_connection_goes_on_where_it_was_and_repeats_nothing() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    for round in 1..=3 {
        service.activate(Some("a")).await;
        service.post(700).await;
        until("some arrive", || received.lock().events.len() > (round - 1) * 700).await;
        assert_eq!(service.live("a").unwrap().status, Status::Active);
        service.activate(None).await;
        service.delivery.settled(&service.project).await;
        assert!(service.live("a").is_none());
        assert_eq!(service.cursor("a").await.unwrap().resend_from, None, "stopped with proof");
    }
    service.activate(Some("a")).await;
    service.delivery.settled(&service.project).await;
    service.settled("a").await;
    service.delivery.close().await;
    assert_eq!(received.lock().complete(service.head()), 0);
    assert_eq!(service.cursor("a").await.unwrap().next_n, 2101);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_shows_its_pace_and_when_it_was_acknowledged_last() {
    let (address, _received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    service.activate(Some("a")).await;
    service.post(500).await;
    service.settled("a").await;
    let now = service.clock.now();
    let shown = service.live("a").unwrap().delivery;
    assert_eq!((shown.rate, shown.acknowledged_at), (500.0, Some(now)), "a clock that stands: all within a second");
    service.clock.advance(Duration::from_secs(10));
    let shown = service.live("a").unwrap().delivery;
    assert_eq!((shown.rate, shown.acknowledged_at), (0.0, Some(now)));
    service.delivery.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_revision_takes_over_without_a_gap() {
    let (first, before) = receiver(vec![Manner::Reads], None).await;
    let (second, after) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(first, Transport::Tcp)).await;
    service.activate(Some("a")).await;
    service.post(1000).await;
    until("some arrive", || !before.lock().events.is_empty()).await;
    service.store_connection("a", 2, spec(second, Transport::Tcp)).await;
    service.delivery.changed(&service.project);
    service.post(1000).await;
    service.delivery.settled(&service.project).await;
    service.settled("a").await;
    service.delivery.close().await;
    let mut both = std::mem::take(&mut before.lock().events);
    let later = &after.lock().events;
    let (last, begin) = (*both.last_key_value().unwrap().0, *later.first_key_value().unwrap().0);
    assert_eq!(begin, last + 1, "the second begins where the first ended");
    both.extend(later.clone());
    assert_eq!(both.len() as u64, service.head().0);
    assert!(both.iter().all(|(seq, n)| n == &[*seq]), "each once, with its number");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_was_idle_reads_its_epoch_before_it_sends() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    service.activate(Some("a")).await;
    service.post(10).await;
    service.settled("a").await;
    // Long enough that nobody knows any more whose epoch it is.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    // Another process makes another connection active: nobody here is told.
    service.set_active(Some("b")).await;
    service.post(10).await;
    let ended = || received.lock().ended > 0;
    until("the sender ends its link by itself", ended).await;
    assert_eq!(received.lock().events.len(), 10, "nothing was sent in another's epoch");
    service.delivery.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_of_an_older_epoch_cannot_move_the_cursor() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    service.activate(Some("a")).await;
    service.post(10).await;
    service.settled("a").await;
    let before = Some(service.stored_through("a", Position(10)).await);
    // Somebody else begins two epochs, and nobody tells this sender.
    service.set_active(None).await;
    service.set_active(None).await;
    service.post(5).await;
    until("it was still sent", || received.lock().events.contains_key(&11)).await;
    let fenced = service.live("a");
    assert!(fenced.is_some());
    until("the sender noticed and ended", || service.live("a").is_none()).await;
    assert_eq!(service.cursor("a").await, before);
    service.delivery.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_active_connection_can_begin_again_elsewhere_any_number_of_times() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    service.activate(Some("a")).await;
    service.post(10).await;
    for round in 2..=4 {
        let cursor = service.stored_through("a", Position(10)).await;
        service.set_cursor("a", Cursor { settled: Position::ZERO, resend_from: None, resend_n: None, ..cursor }).await;
        service.activate(Some("a")).await;
        until("all were sent again", || received.lock().events.get(&10).is_some_and(|n| n.len() >= round)).await;
    }
    service.delivery.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_leaves_an_exact_cursor_and_no_number_is_given_twice() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    service.activate(Some("a")).await;
    for round in 1..=5 {
        service.post(100).await;
        // At once: the step in which the running sender stores its cursor has not come.
        let pause = service.delivery.pause(&service.project).await;
        let cursor = service.cursor("a").await;
        let arrived = received.lock().events.len() as u64;
        let exact = cursor.map_or((Position::ZERO, 1, None), |c| (c.settled, c.next_n, c.resend_from));
        assert_eq!(exact, (Position(arrived), arrived + 1, None), "round {round}");
        drop(pause);
        until("all of this round", || received.lock().events.len() == round * 100).await;
    }
    service.delivery.close().await;
    for (seq, n) in &received.lock().events {
        assert_eq!(n.as_slice(), [*seq], "event {seq} came once, with its number");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filtered_events_are_settled_and_numbers_count_what_passes() {
    let source = Selection { mode: SelectionMode::Only, values: vec!["nova".to_owned()] };
    only_nova_passes(Filter { kind: FilterKind::General, source, ..Filter::default() }).await;
    let query = Some("source.id=nova NOT severity > emerg".to_owned());
    only_nova_passes(Filter { kind: FilterKind::Query, query, ..Filter::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_query_that_cannot_be_read_sends_and_skips_nothing_until_it_is_mended() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    let with = |query: &str| {
        let mut spec = spec(address, Transport::Tcp);
        spec.filter = Filter { kind: FilterKind::Query, query: Some(query.to_owned()), ..Filter::default() };
        spec
    };
    service.store_connection("a", 1, with("sorce.id = nova")).await;
    service.post(100).await;
    service.activate(Some("a")).await;
    until("it is told", || service.live("a").is_some_and(|live| live.cause == Some("filter_unusable"))).await;
    service.post(100).await;
    let live = service.live("a").unwrap();
    assert_eq!((live.status, live.delivery.backlog, live.delivery.cursor), (Status::Degraded, 200, Position::ZERO));
    let error = live.delivery.last_error.unwrap();
    assert_eq!(error.code, "filter_unusable");
    assert!(error.message.contains("source.id") && error.message.contains("Write it anew"), "{}", error.message);
    service.clock.advance(Duration::from_secs(61));
    assert_eq!(service.live("a").unwrap().status, Status::Failing);
    assert_eq!(service.cursor("a").await, None);
    assert_eq!(received.lock().links, 0);

    service.store_connection("a", 2, with("source.id = nova")).await;
    service.delivery.changed(&service.project);
    service.delivery.settled(&service.project).await;
    service.settled("a").await;
    assert_eq!(service.live("a").unwrap().status, Status::Active);
    service.delivery.close().await;
    assert_eq!(received.lock().events.len(), 100);
    let cursor = service.cursor("a").await.unwrap();
    assert_eq!((cursor.sent, cursor.filtered, cursor.next_n), (100, 100, 101));
}

async fn only_nova_passes(filter: Filter) {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    let mut only_nova = spec(address, Transport::Tcp);
    only_nova.filter = filter;
    service.store_connection("a", 1, only_nova).await;
    service.activate(Some("a")).await;
    service.post(1000).await;
    service.settled("a").await;
    service.delivery.close().await;
    let cursor = service.cursor("a").await.unwrap();
    assert_eq!((cursor.sent, cursor.filtered, cursor.next_n), (500, 500, 501));
    let received = received.lock();
    assert_eq!(received.events.len(), 500);
    for (count, (seq, n)) in received.events.iter().enumerate() {
        assert_eq!((seq % 2, n.as_slice()), (1, [count as u64 + 1].as_slice()), "event {seq}");
    }
}
