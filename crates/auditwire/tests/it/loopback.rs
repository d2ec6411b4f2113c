//! Behind a proxy strangers reach a listener that is bound to loopback, so loopback is then the operator's alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::world::eventually;
use crate::world::service::{CONNECTIONS, Service};

/// Somebody of the operator's on loopback, and how often it was connected to.
async fn neighbour() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, seen) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&seen);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, SeqCst);
        }
    });
    (port, seen)
}

/// Code of the stage that decided.
fn code(report: &Value) -> String {
    report["stages"].as_array().unwrap().last().unwrap()["code"].as_str().unwrap().to_owned()
}

/// Tries check, activation and webhook; the codes of the check and of the webhook's test.
async fn try_all(service: &Service, port: u16) -> [String; 2] {
    let connection = json!({
        "name": "neighbour", "endpoint": format!("127.0.0.1:{port}"), "transport": "tcp", "format": "rfc5424",
    });
    let check = service.post(&format!("{CONNECTIONS}/check"), &connection).await.expect(200);
    let id = service.create(&connection).await;
    let despite = json!({ "despite_failed_check": true });
    service.post(&format!("{CONNECTIONS}/{id}/activate"), &despite).await.expect(200);
    eventually("a sender that has tried", Duration::from_secs(20), async || {
        let seen = service.get(&format!("{CONNECTIONS}/{id}")).await.expect(200);
        (!seen["delivery"]["last_error"].is_null() || seen["status"] == "active").then_some(())
    })
    .await;
    let webhook = "/api/v1/projects/default/alerts/webhook";
    service.put(webhook, &json!({ "url": format!("https://127.0.0.1:{port}/") })).await;
    let called = service.post(&format!("{webhook}/test"), &json!({})).await.expect(200);
    [code(&check), code(&called)]
}

#[tokio::test]
async fn behind_a_proxy_loopback_is_the_operators_alone() {
    let proxy = ["--behind-proxy", "127.0.0.1/32"];
    let (port, seen) = neighbour().await;
    let service = Service::start_in(tempfile::tempdir().unwrap(), &[], &proxy).await;
    assert_eq!(try_all(&service, port).await, ["address_forbidden", "address_forbidden"]);
    assert_eq!(seen.load(SeqCst), 0, "somebody connected");
    drop(service);

    let allowed = [("AUDITWIRE_DELIVERY__ALLOW", "127.0.0.0/8")];
    let service = Service::start_in(tempfile::tempdir().unwrap(), &allowed, &proxy).await;
    let codes = try_all(&service, port).await;
    assert!(!codes.contains(&"address_forbidden".to_owned()), "{codes:?}");
    assert!(seen.load(SeqCst) >= 3, "{seen:?}");
}

#[tokio::test]
async fn without_a_proxy_loopback_is_open_to_a_listener_on_loopback() {
    let (port, seen) = neighbour().await;
    let service = Service::start().await;
    let codes = try_all(&service, port).await;
    assert!(!codes.contains(&"address_forbidden".to_owned()), "{codes:?}");
    assert!(seen.load(SeqCst) >= 3, "{seen:?}");
}
