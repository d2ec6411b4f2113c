//! Senders, and what keeps them, when they meet a defect: begun anew, shown, and nothing lost.

use auditwire_model::connection::{Filter, FilterKind, Transport};
use auditwire_model::event::{EventDraft, Plane};
use auditwire_model::{Clock, Position};

use super::fixtures::{Manner, Service, receiver, spec, until};
use crate::delivery::Status;
use crate::log::Submission;
use crate::records::{Document, QuarantineRecord};
use crate::store::{RecordKind, Store};
use crate::tasks::Task;

async fn post(service: &Service, action: &str) -> Position {
    let draft = EventDraft { action: action.to_owned(), source_id: Some("nova".to_owned()), ..EventDraft::default() };
    let event = draft.complete(|| format!("id-{action}"), Plane::Control, service.clock.now(), [0; 16]);
    let submission = Submission { project: Some(service.project.clone()), events: vec![event], changes: Vec::new() };
    let receipt = service.log.submit(submission).await.unwrap();
    receipt.positions[0].unwrap()
}

/// Positions and reasons of what was set aside.
async fn aside(service: &Service) -> Vec<(Position, String)> {
    let records = service.store.records(RecordKind::Quarantine, Some(&service.project)).await.unwrap();
    let entries = records.iter().map(|record| QuarantineRecord::decode(record).unwrap().into_current());
    entries.map(|entry| (entry.seq, entry.reason)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_makes_rendering_panic_is_set_aside_and_the_rest_is_sent() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    service.log.tasks().faults().arm("message", "poison", u32::MAX);
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    service.activate(Some("a")).await;
    service.post(3).await;
    let poison = post(&service, "poison").await;
    service.post(3).await;
    service.settled("a").await;
    let live = service.live("a").unwrap();
    assert_eq!((live.status, live.cause), (Status::Degraded, Some("quarantined")));
    service.delivery.close().await;
    let aside = aside(&service).await;
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert!(aside[0].0 == poison && aside[0].1.starts_with("internal: "), "{aside:?}");
    let events = received.lock().events.clone();
    assert!(!events.contains_key(&poison.0) && events.contains_key(&(poison.0 + 3)), "{events:?}");
    assert_eq!(service.log.tasks().counts(Task::Sender), (0, 0), "no sender fell");
    assert_eq!(service.log.tasks().counts(Task::Message).0, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_on_which_the_filter_panics_is_set_aside_and_the_others_are_decided() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    service.log.tasks().faults().arm("filter", "poison", u32::MAX);
    let query = Some("action <> kept-back".to_owned());
    let filter = Filter { kind: FilterKind::Query, query, ..Filter::default() };
    service
        .store_connection(
            "a",
            1,
            auditwire_model::connection::ConnectionSpec { filter, ..spec(address, Transport::Tcp) },
        )
        .await;
    let back = post(&service, "kept-back").await;
    let poison = post(&service, "poison").await;
    service.post(3).await;
    service.activate(Some("a")).await;
    service.settled("a").await;
    service.delivery.close().await;
    let aside = aside(&service).await;
    assert!(aside.len() == 1 && aside[0].0 == poison && aside[0].1.starts_with("internal: "), "{aside:?}");
    let events = received.lock().events.clone();
    assert!(!events.contains_key(&poison.0) && !events.contains_key(&back.0), "{events:?}");
    assert!((poison.0 + 1..=poison.0 + 3).all(|seq| events.contains_key(&seq)), "{events:?}");
    assert_eq!(service.cursor("a").await.unwrap().filtered, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_panics_is_failing_and_begun_anew_and_nothing_is_missing() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    service.log.tasks().faults().arm("sender", "siem", 2);
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    service.post(50).await;
    service.activate(Some("a")).await;
    until("it is shown", || {
        service.live("a").is_some_and(|live| live.status == Status::Failing && live.cause == Some("internal"))
    })
    .await;
    let last = service.live("a").unwrap().delivery.last_error.unwrap();
    assert!(last.code == "internal" && !last.message.contains("injected"), "{last:?}");
    service.settled("a").await;
    assert_eq!(service.log.tasks().counts(Task::Sender), (2, 2));
    let last = service.live("a").unwrap().delivery.last_error;
    assert_eq!(last.map(|last| last.code), Some("internal"), "it can still be seen what it was");
    service.clock.advance(std::time::Duration::from_secs(3));
    until("its link has lived", || service.live("a").is_some_and(|live| live.status == Status::Active)).await;
    service.delivery.close().await;
    received.lock().complete(service.head());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_panics_does_not_keep_another_connection_from_being_activated() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    service.log.tasks().faults().arm("sender", "broken", u32::MAX);
    let broken =
        auditwire_model::connection::ConnectionSpec { name: "broken".to_owned(), ..spec(address, Transport::Tcp) };
    service.store_connection("a", 1, broken).await;
    service.store_connection("b", 1, spec(address, Transport::Tcp)).await;
    service.post(5).await;
    service.activate(Some("a")).await;
    until("it has fallen", || service.log.tasks().counts(Task::Sender).1 >= 2).await;
    service.activate(Some("b")).await;
    service.settled("b").await;
    assert!(service.live("a").is_none());
    service.delivery.close().await;
    received.lock().complete(service.head());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_the_senders_is_begun_anew_and_they_live_on() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    service.post(5).await;
    service.set_active(Some("a")).await;
    service.delivery.close().await;
    service.log.tasks().faults().arm("delivery", "", 1);
    service.log.tasks().faults().arm("project", "", 1);
    service.restart_senders();
    service.settled("a").await;
    let counts = |task| service.log.tasks().counts(task);
    assert_eq!((counts(Task::Delivery), counts(Task::Project)), ((1, 1), (1, 1)));

    service.log.tasks().faults().arm("project", "", 1);
    service.delivery.changed(&service.project);
    service.post(5).await;
    service.settled("a").await;
    until("it is begun anew", || service.log.tasks().counts(Task::Project).1 == 2).await;
    service.activate(None).await;
    until("it follows again", || service.live("a").is_none()).await;
    service.delivery.close().await;
    assert_eq!(received.lock().links, 1, "the sender went on meanwhile");
    received.lock().complete(service.head());
}
