//! What a first visit loads, as it goes over the network: the page, the stylesheet, the script and the icons.

use std::collections::BTreeSet;

use axum::body::Body;
use serde_json::{Value, json};

use super::Browser;
use crate::service::{EVENTS, Service};

/// The most that a first visit may take.
const MOST: usize = 100 << 10;

/// Events like those of a cloud, with all that a row of the table shows.
fn event(n: usize) -> Value {
    let actions = ["user-signin", "create-vm", "delete-volume", "k8s.create.pods", "update-security-group"];
    json!({
        "action": actions[n % 5], "message": format!("{} of vm-{:05} by user{n} took {n} ms", actions[n % 5], n * 7919 % 65536),
        "severity": (["INFO", "NOTICE", "WARNING", "ERROR"][n % 4]), "source": {"id": (["iam", "nova", "cinder"][n % 3])},
        "subject": {"address": format!("203.0.113.{n}"), "metadata": {"name": format!("user{n}"), "email": format!("user{n}@corp.example")}},
        "resource": {"type": "vm", "id": format!("vm-{:05}", n * 7919 % 65536)}, "status": {"code": (["200", "403", "500"][n % 3])},
        "request_id": format!("req-{:016x}", n * 7919)
    })
}

async fn bytes(browser: &mut Browser<'_>, path: &str) -> usize {
    let page = browser.get(path).await.is(200).text();
    let assets: BTreeSet<&str> =
        page.split('"').filter(|t| t.starts_with("/assets/")).map(|t| t.split('#').next().unwrap_or(t)).collect();
    assert!(assets.len() >= 4, "{path}: {assets:?}");
    let mut sum = 0;
    for url in assets.into_iter().chain([path]) {
        let answer = browser.send("GET", url, &[("accept-encoding", "gzip")], Body::empty()).await;
        assert_eq!(answer.is(200).header("content-encoding"), "gzip", "{url}");
        sum += answer.body.len() + answer.headers.iter().map(|(k, v)| k.as_str().len() + v.len() + 4).sum::<usize>();
    }
    sum
}

#[tokio::test]
async fn a_first_visit_is_small() {
    let service = Service::start().await;
    let events: Vec<Value> = (0..60).map(event).collect();
    service.post(EVENTS, &Value::from(events)).await.is(200);
    let mut id = String::new();
    for n in 0..10 {
        let filter = json!({"kind": "general", "source": {"mode": "except", "values": ["network", "dns"]}});
        let body = json!({"name": format!("SIEM {n}"), "endpoint": format!("siem-{n}.corp.example:6514"), "transport": "tls",
                          "format": "cef", "filter": filter});
        let made = service.post("/api/v1/projects/default/connections", &body).await;
        id = made.is(201).json()["id"].as_str().expect("an id").to_owned();
    }
    let mut browser = Browser::known(&service).await;
    let siem = "/projects/default/settings/siem";
    for path in [
        "/sign-in",
        "/projects/default/events",
        "/projects/default/events?live=1",
        "/projects/default/events/30",
        siem,
        &format!("{siem}/new"),
        &format!("{siem}/connections/{id}"),
        &format!("{siem}/connections/{id}/check"),
    ] {
        for language in ["en", "ru"] {
            browser.language = language;
            let sum = bytes(&mut browser, path).await;
            assert!(sum <= MOST, "{path} in {language} takes {sum} bytes");
        }
    }
}
