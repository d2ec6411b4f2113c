//! Systems that do not tell what was acknowledged or how the path fares: taken away from real sockets. The senders run on the
//! thread of the test, which is the one that misses it.

use auditwire_model::connection::Transport;

use super::fixtures::{Manner, Service, receiver, spec, until};
use crate::delivery::sockets::missing::{What, take_away};
use crate::delivery::{AcknowledgedBy, Measure};
use crate::records::Cursor;

/// Receivers that die with unread bytes, and one that stays.
async fn survives(expected: Measure) -> Cursor {
    let manners = vec![Manner::Dies { after: 0 }, Manner::Closes { after: 300_000 }, Manner::Reads];
    let (address, received) = receiver(manners, None).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    service.post(3000).await;
    service.activate(Some("a")).await;
    until("the last link", || received.lock().links == 3).await;
    until("everything is read", || received.lock().events.len() == 3000).await;
    let shown = service.live("a").unwrap().delivery;
    assert_eq!(shown.measure, Some(expected));
    if expected.acknowledged_by == AcknowledgedBy::Time {
        assert_eq!(shown.delivered, 0, "nobody has acknowledged anything yet");
    }
    service.settled("a").await;
    service.post(10).await;
    service.settled("a").await;
    service.delivery.close().await;
    let repeated = received.lock().complete(service.head());
    assert!(repeated > 0, "two receivers died");
    service.cursor("a").await.unwrap()
}

#[tokio::test]
async fn without_siocoutq_messages_settle_by_time_and_only_the_fin_after_ours_proves_anything() {
    take_away(&[What::Unacknowledged]);
    let cursor = survives(Measure { acknowledged_by: AcknowledgedBy::Time, path_watched: Some(true) }).await;
    assert_eq!((cursor.settled.0, cursor.resend_from), (3010, None));
}

#[tokio::test]
async fn without_both_every_end_is_followed_by_a_resend() {
    take_away(&[What::Unacknowledged, What::PathInfo]);
    let cursor = survives(Measure { acknowledged_by: AcknowledgedBy::Time, path_watched: Some(false) }).await;
    assert_eq!(
        (cursor.settled.0, cursor.resend_from.map(|from| from.0)),
        (3010, Some(1)),
        "all of it is within 32 MiB"
    );
}

#[tokio::test]
async fn without_tcp_info_what_was_acknowledged_is_known_and_nothing_is_proven() {
    take_away(&[What::PathInfo]);
    let cursor = survives(Measure { acknowledged_by: AcknowledgedBy::Kernel, path_watched: Some(false) }).await;
    assert_eq!(cursor.settled.0, 3010);
    assert!(cursor.resend_from.is_some());
}
