//! What the log no longer has or cannot read: the stream goes on behind it, and an event tells what is missing and why.

use std::time::Duration;

use auditwire_model::connection::Transport;
use auditwire_model::event::{Columns, columns, rows};
use auditwire_model::query::{Expr, Field, Op, Value};
use auditwire_model::{Position, Severity};
use futures_util::TryStreamExt;
use object_store::ObjectStoreExt;

use super::fixtures::{Manner, Received, Service, receiver, spec, until};
use crate::log::Scan;
use crate::store::{Order, Store};

/// A gap as its event tells it: first and last position, reason, message.
type Told = (String, String, String, String);

impl Service {
    async fn gaps(&self) -> Vec<Told> {
        let scan = Scan {
            project: self.project.clone(),
            from: Position(1),
            to: self.head(),
            time_from: None,
            time_to: None,
            predicate: Expr::Compare(Field::Column(columns::ACTION), Op::Equal, Value::Text("siem-gap".to_owned())),
            order: Order::Ascending,
            limit: None,
            columns: Columns::ALL,
            numbered: false,
        };
        let batches: Vec<_> = self.log.scan(scan).map_ok(|found| found.batch).try_collect().await.unwrap();
        let told = batches.iter().flat_map(rows).map(|event| {
            assert_eq!((event.source_id, event.severity), (Some("auditwire"), Severity::Warning));
            let said = |key: &str| event.resource_metadata.get(key).unwrap_or_default().to_owned();
            (said("first_seq"), said("last_seq"), said("reason"), event.message.unwrap_or_default().to_owned())
        });
        told.collect()
    }

    /// Waits until an event tells of a gap; which.
    async fn told(&self) -> Vec<Told> {
        let found = async {
            loop {
                let gaps = self.gaps().await;
                if !gaps.is_empty() {
                    return gaps;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(super::fixtures::LIMIT, found).await.expect("an event that tells of the gap")
    }
}

fn arrived(received: &Received, head: u64) -> Vec<u64> {
    received.events.keys().copied().filter(|seq| *seq <= head).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_segments_are_named_and_the_stream_goes_on_behind_them() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    for _ in 0..4 {
        service.post(100).await;
        service.log.seal_now().await.unwrap();
    }
    service.post(50).await;
    let segments: Vec<String> =
        service.store.segments().await.unwrap().into_iter().map(|(segment, _)| segment.name).collect();
    assert_eq!(segments.len(), 4);
    // One is overwritten, its neighbour is gone.
    service.objects.put(&segments[1].as_str().into(), "no segment".into()).await.unwrap();
    service.objects.delete(&segments[2].as_str().into()).await.unwrap();
    service.restart().await;
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    service.activate(Some("a")).await;
    until("what can be read", || arrived(&received.lock(), 450).len() == 250).await;
    let told = service.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    let (first, last, reason, message) = &told[0];
    assert_eq!((first.as_str(), last.as_str(), reason.as_str()), ("101", "300", "damaged"), "{message}");
    assert!(segments[1..3].iter().all(|name| message.contains(name)), "{message}");
    assert!(!message.contains(&segments[0]) && !message.contains(&segments[3]), "{message}");
    let events = received.lock().events.clone();
    assert!(events.keys().all(|seq| !(101..=300).contains(seq)));
    // The delivery number counts what was sent: the gap is visible by seq, not by n.
    assert_eq!((events[&100].as_slice(), events[&301].as_slice()), ([100].as_slice(), [101].as_slice()));
    service.post(10).await;
    service.settled("a").await;
    service.delivery.close().await;
    assert_eq!(service.gaps().await.len(), 1, "told once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_retention_removed_first_is_told_as_that() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    service.post(100).await;
    service.log.seal_now().await.unwrap();
    service.clock.advance(Duration::from_secs(366 * 24 * 3600));
    service.post(20).await;
    service.log.seal_now().await.unwrap();
    assert_eq!(service.log.first_kept(&service.project), Position(101));
    service.restart().await;
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    service.activate(Some("a")).await;
    until("what is left", || arrived(&received.lock(), 120) == (101..=120).collect::<Vec<_>>()).await;
    let told = service.told().await;
    let (first, last, reason, message) = &told[0];
    assert_eq!((first.as_str(), last.as_str(), reason.as_str()), ("1", "100", "retention"), "{message}");
    service.delivery.close().await;
    assert_eq!(service.gaps().await.len(), 1, "told once");
}
