//! Receivers that die: nothing is missing, and what comes twice is bounded.

use auditwire_model::connection::Transport;
use rustls::SupportedProtocolVersion;

use super::fixtures::{Manner, Service, receiver, spec, until};

async fn survives(manners: Vec<Manner>, tls: Option<&'static SupportedProtocolVersion>) {
    let deaths = manners.len() - 1;
    let (address, received) = receiver(manners, tls).await;
    let transport = if tls.is_some() { Transport::Tls } else { Transport::Tcp };
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, transport)).await;
    service.post(2000).await;
    service.activate(Some("a")).await;
    for _ in 0..20 {
        service.post(500).await;
        tokio::task::yield_now().await;
    }
    until("the last link", || received.lock().links > deaths).await;
    service.settled("a").await;
    service.delivery.close().await;
    let repeated = received.lock().complete(service.head());
    // Per death at most what the kernel may have held, of events of about 600 bytes.
    assert!(repeated <= deaths * (16 << 20) / 600, "{repeated} repetitions");
    let cursor = service.cursor("a").await.unwrap();
    assert_eq!(cursor.settled, service.head());
    assert_eq!(cursor.resend_from, None, "the peer's FIN after ours proves that it has read everything");
    assert!(cursor.reconnects >= deaths as u64);
    assert_eq!(cursor.sent, service.head().0);
    assert!(cursor.resent >= repeated as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_killed_with_unread_bytes_loses_nothing() {
    survives(vec![Manner::Dies { after: 0 }, Manner::Dies { after: 300_000 }, Manner::Reads], None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_closes_loses_nothing() {
    survives(vec![Manner::Closes { after: 1 }, Manner::Closes { after: 700_000 }, Manner::Reads], None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_too() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        survives(
            vec![Manner::Dies { after: 200_000 }, Manner::Closes { after: 900_000 }, Manner::Reads],
            Some(version),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_never_reads_is_slow_not_dead_and_bounds_what_is_in_flight() {
    let (address, received) = receiver(vec![Manner::Stalls], None).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    service.activate(Some("a")).await;
    for _ in 0..20 {
        service.post(2000).await;
    }
    let sent = || service.live("a").map_or(0, |l| l.delivery.sent);
    let mut before = 0;
    // The window fills up and then nothing moves any more.
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        if before > 0 && sent() == before {
            break;
        }
        before = sent();
    }
    assert!(before > 0 && before < 40_000, "{before} sent");
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(sent(), before, "nothing more is sent while the receiver takes nothing");
    assert_eq!(received.lock().links, 1);
    received.lock().stalled = false;
    service.settled("a").await;
    assert_eq!(received.lock().links, 1, "no reconnect");
    service.delivery.close().await;
    assert_eq!(received.lock().complete(service.head()), 0, "nothing came twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_sends_again_from_the_stored_cursor() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Tcp)).await;
    service.set_active(Some("a")).await;
    let doomed = tokio::runtime::Runtime::new().unwrap();
    {
        let _its = doomed.enter();
        service.restart_senders();
    }
    service.post(3000).await;
    until("the sender runs", || service.live("a").is_some()).await;
    service.settled("a").await;
    until("the cursor is stored", || received.lock().events.len() == 3000).await;
    let mut stored = service.cursor("a").await;
    while stored.as_ref().is_none_or(|c| c.settled < service.head()) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        stored = service.cursor("a").await;
    }
    let from = stored.unwrap().resend_from.expect("without the proof a part is sent again");
    assert!(from.0 <= 3000, "from {from}");
    doomed.shutdown_background();
    service.restart_senders();
    service.post(1).await;
    until("the resend", || received.lock().events.contains_key(&3001)).await;
    service.delivery.close().await;
    let repeated = received.lock().complete(service.head());
    assert!(repeated as u64 >= 3001 - from.0, "{repeated} repetitions from {from}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_proxy_the_last_seconds_come_again_also_after_a_graceful_stop() {
    let (address, received) = receiver(vec![Manner::Reads], None).await;
    let mut service = Service::start().await;
    let mut behind_proxy = spec(address, Transport::Tcp);
    behind_proxy.options.overlap_seconds = Some(60);
    service.store_connection("a", 1, behind_proxy).await;
    service.activate(Some("a")).await;
    service.post(500).await;
    service.settled("a").await;
    service.clock.advance(std::time::Duration::from_secs(100));
    service.post(300).await;
    service.settled("a").await;
    service.delivery.close().await;
    let again = service.cursor("a").await.unwrap().resend_from.expect("the last seconds are sent again");
    assert!((2..=501).contains(&again.0), "from {again}");
    service.restart_senders();
    service.post(1).await;
    until("the repetition", || received.lock().events.get(&800).is_some_and(|n| n.len() == 2)).await;
    service.settled("a").await;
    service.delivery.close().await;
    let repeated = received.lock().complete(service.head());
    assert!(repeated >= 300, "{repeated} came again");
}
