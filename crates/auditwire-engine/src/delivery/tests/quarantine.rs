//! Events that cannot become a message: set aside, told, bounded.

use auditwire_model::connection::Transport;
use auditwire_model::{Clock, ConnectionId, Position};

use super::fixtures::{Manner, Service, receiver, spec};
use crate::log::Submission;
use crate::records::{Document, QuarantineDroppedRecord, QuarantineRecord, Quarantined};
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind, Store};

const KEPT_MAX: u64 = 10_000;

async fn kept(service: &Service, connection: &ConnectionId) -> Vec<u64> {
    let [from, to] = Quarantined::record_ids(connection);
    let ids = service.store.record_ids(RecordKind::Quarantine, &service.project, [&from, &to]).await.unwrap();
    ids.iter().map(|id| Quarantined::seq_of(id).unwrap().0).collect()
}

/// As after years of events that are too large.
async fn fill(service: &Service, connection: &ConnectionId, seqs: std::ops::RangeInclusive<u64>) {
    let entry = |seq| {
        let quarantined =
            Quarantined { seq: Position(seq), reason: "too large".to_owned(), at: service.clock.now(), replay: None };
        let id = Quarantined::record_id(connection, Position(seq));
        Change {
            key: RecordKey::of(RecordKind::Quarantine, &service.project, id),
            expect: Expect::Any,
            effect: Effect::Put(QuarantineRecord::from(quarantined).encode().unwrap()),
        }
    };
    let submission = Submission { changes: seqs.map(entry).collect(), ..Submission::default() };
    service.log.submit(submission).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_entries_make_room_and_are_counted() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    let (id, other) = (ConnectionId::parse("a").unwrap(), ConnectionId::parse("ab").unwrap());
    let mut narrow = spec(address, Transport::Tcp);
    narrow.options.max_bytes = Some(100);
    service.store_connection("a", 1, narrow).await;
    // Positions that the log will not reach here, so that the order tells old from new: these are the newest.
    fill(&service, &id, 1_000_001..=1_000_000 + KEPT_MAX - 2).await;
    fill(&service, &other, 1..=3).await;
    service.post(1).await;
    service.activate(Some("a")).await;
    service.settled("a").await;
    service.delivery.close().await;
    let quarantined = service.cursor("a").await.unwrap().quarantined;
    assert!(quarantined >= 1, "the event, and what tells of it");
    assert!(received.lock().events.is_empty());
    let seqs = kept(&service, &id).await;
    assert_eq!(seqs.len() as u64, (KEPT_MAX - 2 + quarantined).min(KEPT_MAX));

    service.restart_senders();
    service.post(50).await;
    service.delivery.changed(&service.project);
    service.settled("a").await;
    service.delivery.close().await;
    let quarantined = service.cursor("a").await.unwrap().quarantined;
    assert!(quarantined >= 51, "{quarantined}");
    let seqs = kept(&service, &id).await;
    assert_eq!(seqs.len() as u64, KEPT_MAX);
    assert_eq!(seqs.last(), Some(&(1_000_000 + KEPT_MAX - 2)));
    let key = RecordKey::of(RecordKind::QuarantineDropped, &service.project, "a");
    let record = service.store.record(&key).await.unwrap().unwrap();
    let dropped = QuarantineDroppedRecord::decode(&record).unwrap().into_current().count;
    assert_eq!(dropped, KEPT_MAX - 2 + quarantined - KEPT_MAX, "every entry is kept or counted");
    assert_eq!(kept(&service, &other).await, [1, 2, 3], "those of another connection stay");
}
