//! Event log → Settings → SIEM without script: the list, starting with its check, activation, stopping, deleting.

use std::net::UdpSocket;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use super::Browser;
use crate::service::{Answer, EVENTS, Service};

const LIST: &str = "/projects/default/settings/siem";
const API: &str = "/api/v1/projects/default/connections";
const LIMIT: Duration = Duration::from_secs(30);

/// Stores a connection over the API; its id.
pub(super) async fn connection(service: &Service, name: &str, port: u16, more: &Value) -> String {
    let mut body = json!({"name": name, "endpoint": format!("127.0.0.1:{port}"), "transport": "tcp", "format": "rfc5424", "framing": "lf"});
    let (Some(all), Some(more)) = (body.as_object_mut(), more.as_object()) else { panic!("objects") };
    all.extend(more.clone());
    let made = service.post(API, &body).await;
    made.is(201).json()["id"].as_str().expect("an id").to_owned()
}

/// A port of loopback on which nobody listens: it was just free.
fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("an address").port()
}

/// A receiver that reads everything.
pub(super) async fn receiver() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut link, _)) = listener.accept().await {
            tokio::spawn(async move { while link.read(&mut [0; 65536]).await.is_ok_and(|n| n > 0) {} });
        }
    });
    port
}

fn csrf(page: &Answer) -> String {
    let text = page.text();
    text.split("name=\"csrf\" value=\"").nth(1).and_then(|t| t.get(..64)).expect("a token").to_owned()
}

impl Browser<'_> {
    /// Sends a form that takes its token from `page`.
    async fn act(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all = vec![("csrf".to_owned(), csrf(page))];
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.post(action, &all).await
    }

    /// Where a form leads to, as a page.
    async fn act_and_follow(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = self.act(page, action, fields).await;
        let location = answer.is(303).header("location").to_owned();
        self.get(&location).await
    }

    /// The page of a check when the check is done.
    async fn checked(&mut self, id: &str) -> Answer {
        let until = Instant::now() + LIMIT;
        loop {
            let page = self.get(&check_of(id)).await;
            if !page.is(200).text().contains("data-refresh=") {
                return page;
            }
            assert!(
                page.text().contains("http-equiv=\"refresh\" content=\"1\""),
                "it loads itself again without script"
            );
            assert!(Instant::now() < until, "{}", page.text());
            sleep(Duration::from_millis(50)).await;
        }
    }
}

fn check_of(id: &str) -> String {
    format!("{LIST}/connections/{id}/check")
}

fn activate_of(id: &str) -> String {
    format!("{LIST}/connections/{id}/activate")
}

async fn status_of(service: &Service, id: &str) -> String {
    service.get(&format!("{API}/{id}")).await.is(200).json()["status"].as_str().expect("a word").to_owned()
}

async fn checks_run(service: &Service) -> usize {
    let events = service.get(&format!("{EVENTS}?limit=1000")).await.is(200).json();
    let events = events["events"].as_array().expect("events").clone();
    events.iter().filter(|event| event["action"] == "siem-connection-check").count()
}

/// What a person reads: the text between tags, blanks made one.
pub(super) fn read(page: &Answer) -> String {
    let html = page.text();
    let words = html.split('<').map(|piece| piece.split_once('>').map_or("", |(_, text)| text));
    words.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ").replace("&#39;", "'")
}

#[tokio::test]
async fn an_empty_list_says_the_next_step() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(LIST).await;
    let text = read(page.is(200));
    assert!(text.contains("No SIEM connection yet") && text.contains("Create connection"), "{text}");
    assert!(page.text().contains("href=\"/projects/default/settings/siem/new\""), "{}", page.text());
    browser.language = "ru";
    assert!(read(&browser.get(LIST).await).contains("Создать подключение"));
}

#[tokio::test]
async fn the_list_shows_what_is_set_and_how_it_is_by_name() {
    let service = Service::start().await;
    let hostile = "<script>alert(1)</script>\u{202e}\u{661}";
    let filter = json!({"kind": "general", "source": {"mode": "only", "values": ["<iam>"]}});
    let tls = json!({"transport": "tls", "format": "cef", "tls": {"verify": "off"}, "filter": filter});
    connection(&service, "zebra", 6514, &tls).await;
    connection(&service, "Alpha", 514, &json!({"transport": "udp"})).await;
    let id = connection(&service, hostile, 514, &json!({})).await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(LIST).await;
    let (html, text) = (page.is(200).text(), read(&page));
    assert!(!html.contains("<script>alert") && !html.contains('\u{202e}'), "{html}");
    assert!(html.contains("&#60;script&#62;alert(1)&#60;/script&#62;⟨U+202E⟩"), "{html}");
    assert!(html.contains("source.id = &#34;&#60;iam&#62;&#34;"), "{html}");
    for word in ["unverified", "TCP over TLS", "UDP", "RAW", "CEF", "All events", "inactive", "never started"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert_eq!(text.matches("Only one connection is active at a time").count(), 1);
    let place = |name: &str| html.find(&format!("<bdi>{name}</bdi></a>")).expect(name);
    assert!(place("Alpha") < place("zebra"), "by name, whatever its letters");
    assert!(html.contains(&format!("href=\"{LIST}/connections/{id}\"")), "the name leads to the form");
    // The script refreshes the cells alone.
    let content = browser.fragment(LIST).await;
    assert!(content.text().contains("data-live") && !content.text().contains("<html"), "{}", content.text());
}

#[tokio::test]
async fn start_needs_exactly_one() {
    let service = Service::start().await;
    let one = connection(&service, "one", closed_port(), &json!({})).await;
    let two = connection(&service, "two", closed_port(), &json!({})).await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(LIST).await;
    let start = format!("{LIST}/start");
    for ids in [&[][..], &[("id", &*one), ("id", &*two)], &[("id", "c-nobody")]] {
        let told = browser.act_and_follow(&page, &start, ids).await;
        assert!(read(&told).contains("Start needs exactly one selected connection."), "{}", told.text());
        assert!(told.text().contains("notice warn"), "{}", told.text());
    }
    assert_eq!(checks_run(&service).await, 0);
}

#[tokio::test]
async fn a_failed_check_says_what_to_do_and_activation_asks_twice() {
    let service = Service::start().await;
    let id = connection(&service, "main", closed_port(), &json!({})).await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(LIST).await;
    let begun = browser.act(&page, &format!("{LIST}/start"), &[("id", &id)]).await;
    assert_eq!(begun.is(303).header("location"), check_of(&id));
    let page = browser.checked(&id).await;
    let text = read(&page);
    for said in [
        "Checking main",
        "The check failed: Connection refused",
        "connect_refused",
        "The host answered that nothing listens on this port.",
        "Check the port number",
        "Test message : not reached",
        "Activate although the check failed",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let stored = service.get(&format!("{API}/{id}")).await.json();
    let json = [("content-type", "application/json")];
    service.send("PUT", &format!("{API}/{id}"), &json, stored.to_string()).await.is(200);
    let text = read(&browser.get(&check_of(&id)).await);
    assert!(text.contains("The settings have changed since this check"), "{text}");
    assert!(text.contains("The check is repeated first") && !text.contains("although the check failed"), "{text}");
    let refused = browser.act_and_follow(&page, &activate_of(&id), &[("start", "now")]).await;
    assert!(read(&refused).contains("main was not activated: the check failed."), "{}", refused.text());
    assert_eq!(status_of(&service, &id).await, "inactive");
    let kept = browser.act_and_follow(&page, &activate_of(&id), &[("inactive", "1"), ("start", "now")]).await;
    assert!(read(&kept).contains("main is saved as inactive."), "{}", kept.text());
    let done = browser.act_and_follow(&page, &activate_of(&id), &[("start", "now"), ("despite", "1")]).await;
    assert!(read(&done).contains("main is active."), "{}", done.text());
    assert_ne!(status_of(&service, &id).await, "inactive");
    // A second click of somebody who waits changes nothing.
    let twice = browser.act_and_follow(&page, &activate_of(&id), &[("start", "now"), ("despite", "1")]).await;
    assert!(read(&twice).contains("main is active already."), "{}", twice.text());
    // What is wrong stands above the list, with what to do.
    let until = Instant::now() + LIMIT;
    let text = loop {
        let text = read(&browser.get(LIST).await);
        if text.contains("main is degraded") {
            break text;
        }
        assert!(Instant::now() < until, "{text}");
        sleep(Duration::from_millis(50)).await;
    };
    assert!(text.contains("main is degraded: Connection refused Check the port number"), "{text}");
    let active = browser.get(&check_of(&id)).await;
    assert!(
        read(&active).contains("Back to the list") && !read(&active).contains("Start position"),
        "{}",
        active.text()
    );
}

#[tokio::test]
async fn in_russian_the_engines_words_are_marked_as_english() {
    let service = Service::start().await;
    let id = connection(&service, "main", closed_port(), &json!({})).await;
    let mut browser = Browser::signed_in(&service).await;
    browser.language = "ru";
    let page = browser.get(LIST).await;
    browser.act(&page, &check_of(&id), &[]).await.is(303);
    let page = browser.checked(&id).await;
    let text = read(&page);
    assert!(text.contains("Проверка не пройдена: В соединении отказано"), "{text}");
    assert!(text.contains("Проверьте номер порта"), "{text}");
    let seen = "<span lang=\"en\"><bdi>The host answered that nothing listens on this port.";
    assert!(page.text().contains(seen), "{}", page.text());
    assert!(text.contains("Активировать, хотя проверка не пройдена"), "{text}");
}

#[tokio::test]
async fn a_check_that_passed_counts_and_an_activation_stops_the_other() {
    let service = Service::start().await;
    service.fill(1, 3).await;
    let first = connection(&service, "first", receiver().await, &json!({})).await;
    let second = connection(&service, "second", receiver().await, &json!({})).await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(LIST).await;
    for id in [&first, &second] {
        browser.act(&page, &format!("{LIST}/start"), &[("id", id)]).await.is(303);
    }
    browser.checked(&second).await;
    let page = browser.checked(&first).await;
    let text = read(&page);
    assert!(text.contains("The check passed") && !text.contains("although"), "{text}");
    assert!(!text.contains("Take over") && text.contains("From now on"), "{text}");
    // How many events a time means, without script.
    let fields = [("start", "from"), ("from", "2020-01-01T00:00"), ("count", "1")];
    let counted = browser.act_and_follow(&page, &activate_of(&first), &fields).await;
    // Three that came in, two creations, two checks.
    assert!(read(&counted).contains("7 events will be sent now"), "{}", read(&counted));
    let fields = [("start", "from"), ("from", "2020-01-01T00:00")];
    let done = browser.act_and_follow(&page, &activate_of(&first), &fields).await;
    assert!(read(&done).contains("first is active. 8 events are being sent."), "{}", read(&done));

    // It passed a moment ago: it is shown and not repeated.
    let page = browser.checked(&second).await;
    let run = checks_run(&service).await;
    let started = browser.act_and_follow(&page, &format!("{LIST}/start"), &[("id", &second)]).await;
    let text = read(&started);
    assert_eq!(checks_run(&service).await, run);
    assert!(text.contains("first is active and will be stopped.") && text.contains("Take over from first"), "{text}");
    let wrong = browser.act(&page, &activate_of(&second), &[("start", "from"), ("from", "soon")]).await;
    assert!(wrong.is(422).text().contains("id=\"f-from-error\""), "{}", wrong.text());
    let wrong = browser.act(&page, &activate_of(&second), &[]).await;
    assert!(read(wrong.is(422)).contains("Choose where to begin."), "{}", wrong.text());
    let wrong = browser.act(&page, &activate_of(&second), &[("start", "continue")]).await;
    assert!(read(wrong.is(409)).contains("never active"), "{}", wrong.text());
    let done = browser.act_and_follow(&page, &activate_of(&second), &[("start", "take_over")]).await;
    assert!(read(&done).contains("second is active; first was stopped."), "{}", read(&done));
    assert_eq!(status_of(&service, &first).await, "inactive");

    let all = [("id", &*first), ("id", &*second)];
    let stopped = browser.act_and_follow(&done, &format!("{LIST}/stop"), &all).await;
    assert!(read(&stopped).contains("second is stopped."), "{}", read(&stopped));
    let stopped = browser.act_and_follow(&done, &format!("{LIST}/stop"), &all).await;
    assert!(read(&stopped).contains("Nothing was stopped: no selected connection is active."), "{}", read(&stopped));
}

#[tokio::test]
async fn datagrams_leave_a_doubt_that_is_told() {
    let service = Service::start().await;
    let socket = UdpSocket::bind("127.0.0.1:0").expect("binds");
    let port = socket.local_addr().expect("an address").port();
    let id = connection(&service, "main", port, &json!({"transport": "udp"})).await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(LIST).await;
    browser.act(&page, &check_of(&id), &[]).await.is(303);
    let running = browser.fragment(&check_of(&id)).await;
    assert!(running.text().contains("data-refresh="), "{}", running.text());
    assert!(!running.text().contains("Start position"), "{}", running.text());
    let text = read(&browser.checked(&id).await);
    assert!(text.contains("Nothing speaks against it, but UDP cannot confirm"), "{text}");
    assert!(text.contains("Acknowledgement : not certain") && text.contains("udp_unconfirmed"), "{text}");
    assert!(!text.contains("although the check failed"), "{text}");
}

#[tokio::test]
async fn deletion_names_what_goes_and_tells_what_had_gone() {
    let service = Service::start().await;
    let one = connection(&service, "one <b>", closed_port(), &json!({})).await;
    let two = connection(&service, "two", closed_port(), &json!({})).await;
    let three = connection(&service, "three", closed_port(), &json!({})).await;
    let wanted = json!({"start": {"from": "2026-01-01T00:00:00Z"}, "despite_failed_check": true});
    service.post(&format!("{API}/{one}/activate"), &wanted).await.is(200);
    let mut browser = Browser::signed_in(&service).await;
    let delete = format!("{LIST}/delete");
    let nothing = browser.get(&delete).await;
    assert_eq!(nothing.is(303).header("location"), LIST);
    assert!(read(&browser.get(LIST).await).contains("select the connections to delete first"));

    let asked = browser.get(&format!("{delete}?id={one}&id={two}&id=c-nobody")).await;
    let text = read(asked.is(200));
    assert!(text.contains("Delete 2 connections?") && text.contains("127.0.0.1:"), "{text}");
    assert!(text.contains("Active. It is stopped first.") && text.contains("gone already"), "{text}");
    assert!(asked.text().contains("<bdi>one &#60;b&#62;</bdi>") && !text.contains("three"), "{text}");
    assert_ne!(status_of(&service, &one).await, "inactive", "looking changes nothing");
    service.send("DELETE", &format!("{API}/{two}"), &[], "").await.is(204);
    let sent = browser.submit(&asked, &delete, &[]).await;
    assert_eq!(sent.is(303).header("location"), LIST);
    let page = browser.get(LIST).await;
    let text = read(&page);
    assert!(text.contains("Connection deleted: one &#60;b&#62;. The others selected were gone already."), "{text}");
    assert!(text.contains("three"), "{text}");
    let again = browser.act_and_follow(&page, &delete, &[("id", &one)]).await;
    assert!(read(&again).contains("the selected connections are gone already"), "{}", read(&again));
    let last = browser.act_and_follow(&page, &delete, &[("id", &three)]).await;
    assert!(read(&last).contains("Connection deleted: three.") && read(&last).contains("No SIEM connection yet"));
}

#[tokio::test]
async fn who_may_not_and_what_is_not_there() {
    let service = Service::start().await;
    let id = connection(&service, "main", closed_port(), &json!({})).await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(LIST).await;
    let posts = [
        (format!("{LIST}/start"), vec![("id".to_owned(), id.clone())]),
        (format!("{LIST}/stop"), vec![("id".to_owned(), id.clone())]),
        (format!("{LIST}/delete"), vec![("id".to_owned(), id.clone())]),
        (check_of(&id), vec![]),
        (activate_of(&id), vec![("start".to_owned(), "now".to_owned()), ("despite".to_owned(), "1".to_owned())]),
    ];
    for (path, fields) in posts {
        browser.post(&path, &fields).await.is(403);
        let mut stranger = Browser::new(&service);
        let sent = stranger.post(&path, &fields).await;
        assert_eq!(sent.is(303).header("location"), "/sign-in", "{path}");
        let with_token = format!("csrf={}&id={id}&start=now&despite=1", csrf(&page));
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "cross-site")];
        browser.send("POST", &path, &headers, with_token).await.is(403);
        let foreign = path.replace("/default/", "/nobodys/");
        browser.act(&page, &foreign, &[("id", &id)]).await.is(404);
    }
    for path in [LIST.to_owned(), check_of(&id), format!("{LIST}/delete?id={id}")] {
        assert!(Browser::new(&service).get(&path).await.is(303).header("location").starts_with("/sign-in"), "{path}");
        browser.get(&path.replace("/default/", "/nobodys/")).await.is(404);
    }
    browser.get(&check_of("c-nobody")).await.is(404);
    browser.act(&page, &check_of("c-nobody"), &[]).await.is(404);
    browser.act(&page, &activate_of("c-nobody"), &[("start", "now")]).await.is(404);
    // Looking at a check begins none.
    assert!(read(&browser.get(&check_of(&id)).await).contains("Not checked yet"));
    assert_eq!((checks_run(&service).await, &*status_of(&service, &id).await), (0, "inactive"));
}

#[tokio::test]
async fn too_many_checks_are_told_on_the_page() {
    let service = Service::start().await;
    let id = connection(&service, "main", closed_port(), &json!({})).await;
    let mut browser = Browser::signed_in(&service).await;
    let page = browser.get(LIST).await;
    for _ in 0..10 {
        browser.act(&page, &check_of(&id), &[]).await.is(303);
        browser.checked(&id).await;
    }
    let refused = browser.act(&page, &check_of(&id), &[]).await;
    let text = read(refused.is(429));
    assert!(text.contains("at most 10 times a minute") && text.contains("Connection refused"), "{text}");
}

#[tokio::test]
async fn the_quarantine_is_shown_and_cleared() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    let id = connection(&service, "<b>Main</b>", 9, &json!({})).await;
    let here = format!("{LIST}/connections/{id}/quarantine");
    let empty = browser.get(&here).await.is(200).text();
    assert!(empty.contains("Nothing is in quarantine"), "{empty}");
    service.fill(1, 3).await;
    crate::quarantine::set_aside(&service, &id, &(1..=60).collect::<Vec<_>>()).await;
    assert!(browser.get(LIST).await.text().contains(&format!("href=\"{here}\"")));

    let page = browser.get(&here).await;
    let text = page.is(200).text();
    assert!(text.contains("&#60;b&#62;Main") && !text.contains("<b>Main"), "{text}");
    assert_eq!(text.matches("name=\"seq\"").count(), 50);
    assert!(text.contains("60 events.") && text.contains("too large: 60") && text.contains("no longer in the log"));
    let older = format!("{here}?before=11");
    assert!(text.contains(&format!("href=\"{older}\"")), "{text}");
    let last = browser.get(&older).await.is(200).text();
    assert_eq!(last.matches("name=\"seq\"").count(), 10);
    assert!(
        last.contains("href=\"/projects/default/events/3\"") && last.contains("Newest") && !last.contains("?before=")
    );

    let none = browser.act_and_follow(&page, &here, &[]).await.text();
    assert!(none.contains("Nothing was taken off the list"), "{none}");
    let none = browser.act_and_follow(&page, &here, &[("resend", "all")]).await.text();
    assert!(none.contains("the connection is not active. Start it first."), "{none}");
    let two = browser
        .act_and_follow(&page, &here, &[("clear", "chosen"), ("seq", "60"), ("seq", "59"), ("seq", "x")])
        .await
        .text();
    assert!(two.contains("2 events were taken off the list") && two.contains("58 events."), "{two}");
    let all = browser.act_and_follow(&page, &here, &[("clear", "all")]).await.text();
    assert!(all.contains("58 events were taken off the list") && all.contains("Nothing is in quarantine"), "{all}");
    assert_eq!(browser.get(&format!("{LIST}/connections/c-none/quarantine")).await.status.as_u16(), 404);
}
