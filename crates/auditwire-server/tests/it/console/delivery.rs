//! The page of a connection and what became of an event, without script.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::Browser;
use super::siem::{connection, read, receiver};
use crate::service::{EVENTS, Service};

const LIST: &str = "/projects/default/settings/siem";
const API: &str = "/api/v1/projects/default/connections";

fn page_of(id: &str) -> String {
    format!("{LIST}/connections/{id}/delivery")
}

/// A connection that has sent `count` events of this action; the position of the last one.
async fn sent(service: &Service, id: &str, action: &str, count: usize) -> u64 {
    let activate = json!({"start": "now", "despite_failed_check": true});
    service.post(&format!("{API}/{id}/activate"), &activate).await.is(200);
    let events: Vec<_> = (0..count).map(|_| json!({"action": action})).collect();
    service.post(EVENTS, &json!(events)).await.is(200);
    let last =
        service.get(&format!("{EVENTS}?limit=1")).await.is(200).json()["events"][0]["seq"].as_u64().expect("a seq");
    let until = Instant::now() + Duration::from_secs(20);
    while service.get(&format!("{API}/{id}")).await.is(200).json()["delivery"]["acknowledged"].as_u64() < Some(last) {
        assert!(Instant::now() < until, "acknowledged");
        sleep(Duration::from_millis(10)).await;
    }
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_a_connection_tells_how_it_is_and_how_it_went() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let id = connection(&service, "Main <SIEM>", receiver().await, &json!({})).await;
    let list = browser.get(LIST).await.is(200).text();
    assert!(list.contains(&format!("class=\"row-link\" href=\"{}\"", page_of(&id))), "the name leads to the page");
    let idle = browser.get(&page_of(&id)).await;
    let text = read(idle.is(200));
    assert!(text.contains("inactive") && text.contains("No message among the latest events yet"), "{text}");
    assert!(idle.text().contains("Nothing is known: the connection was not sending"));
    assert!(idle.text().contains(&format!("action=\"{LIST}/start\"")), "it can be started");

    let last = sent(&service, &id, "create-vm", 3).await;
    let until = Instant::now() + Duration::from_secs(20);
    let page = loop {
        // The cursor is stored a moment after the acknowledgement.
        let page = browser.get(&page_of(&id)).await;
        if page.is(200).text().contains(&format!("seq=&#34;{last}&#34;")) {
            break page;
        }
        assert!(Instant::now() < until, "{}", page.text());
        sleep(Duration::from_millis(20)).await;
    };
    let (html, text) = (page.text(), read(&page));
    assert_eq!(html.matches("<h1>").count(), 1);
    assert!(html.contains("Main &#60;SIEM&#62;") && !html.contains("<SIEM>"));
    for wanted in
        ["active", "127.0.0.1", "RAW", "Throughput", "Age of the oldest waiting event", "as sent", "As a table"]
    {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert_eq!(html.matches("role=\"img\"").count(), 4, "four charts");
    assert_eq!(html.matches("<desc").count(), 4);
    assert!(html.contains("class=\"area\"") && html.contains("class=\"gap\""), "what is known, and what is not");
    assert!(html.contains(&format!("action=\"{LIST}/stop\"")) && html.contains(&format!("/connections/{id}/replay")));
    let month = browser.get(&format!("{}?range=30d", page_of(&id))).await;
    assert!(month.is(200).text().contains("range=30d\" aria-current=\"page\""));
    browser.get(&format!("{}?range=ever", page_of(&id))).await.is(200);
    browser.language = "ru";
    let russian = read(&browser.get(&page_of(&id)).await);
    assert!(russian.contains("Как шла доставка") && russian.contains("как отправлено"), "{russian}");
    browser.get(&page_of("c-nobody")).await.is(404);
    Browser::new(&service).get(&page_of(&id)).await.is(303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_not_well_says_what_to_do() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("an address").port();
    let id = connection(&service, "main", closed, &json!({})).await;
    let activate = json!({"start": "now", "despite_failed_check": true});
    service.post(&format!("{API}/{id}/activate"), &activate).await.is(200);
    let until = Instant::now() + Duration::from_secs(30);
    let text = loop {
        let text = read(browser.get(&page_of(&id)).await.is(200));
        // Once in the notice, once as the last error, once among the changes.
        if text.matches("Connection refused").count() >= 3 {
            break text;
        }
        assert!(Instant::now() < until, "{text}");
        sleep(Duration::from_millis(50)).await;
    };
    assert!(text.contains("degraded") && text.contains("Open the check"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_details_of_an_event_tell_what_became_of_it() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    service.post(EVENTS, &json!({"action": "early"})).await.is(200);
    let early = read(browser.get("/projects/default/events/1").await.is(200));
    assert!(early.contains("No SIEM connection was active"), "{early}");
    let id = connection(&service, "Main <b>", receiver().await, &json!({})).await;
    let last = sent(&service, &id, "create-vm", 1).await;
    let page = browser.get(&format!("/projects/default/events/{last}")).await;
    let text = read(page.is(200));
    assert!(text.contains("Delivery Main &#60;b&#62; revision 1 acknowledged"), "{text}");
    assert!(page.text().contains(&page_of(&id)));
    let early = read(browser.get("/projects/default/events/1").await.is(200));
    assert!(early.contains("left out") && early.contains("started behind it"), "{early}");
    browser.language = "ru";
    let russian = read(&browser.get(&format!("/projects/default/events/{last}")).await);
    assert!(russian.contains("Доставка") && russian.contains("подтверждено"), "{russian}");
}
