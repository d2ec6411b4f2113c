//! The syslog door over a real socket.

use std::time::Duration;

use auditwire_model::access::{Caller, Origin, Principal};
use auditwire_model::{ProjectId, TokenId};
use auditwire_server::doors::syslog::SyslogDoor;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::service::{EVENTS, Service};

struct Door {
    service: Service,
    link: TcpStream,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

impl Door {
    async fn open() -> Self {
        let service = Service::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let link = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a link");
        let caller = Caller::Operator {
            by: Principal::Token(TokenId::parse("t").expect("an id")),
            origin: Origin::new([127, 0, 0, 1], "r-1"),
        };
        let door = SyslogDoor { engine: service.engine.clone(), caller, project: ProjectId::default_project() };
        let stop = CancellationToken::new();
        let serving = tokio::spawn(door.serve(listener, stop.clone()));
        Self { service, link, stop, serving }
    }

    /// The messages of all events, in their order, once there are `count`.
    async fn messages(&self, count: usize) -> Vec<Value> {
        let found = async {
            loop {
                let page =
                    self.service.get(&format!("{EVENTS}?order=asc&limit=1000&q=source.id%20%3D%20sshd")).await.json();
                let events = page["events"].as_array().cloned().unwrap_or_default();
                if events.len() >= count {
                    return events;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), found).await.expect("the events within 20 s")
    }
}

fn message(k: usize) -> String {
    format!("<85>1 2026-11-22T09:00:00Z vm-7 sshd 812 AUTH - number {k}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_framings_wherever_the_stream_is_cut_and_in_their_order() {
    let mut door = Door::open().await;
    let framed = |k: usize| match (message(k), k % 2) {
        (message, 0) => format!("{message}\n"),
        (message, _) => format!("{} {message}", message.len()),
    };
    let stream: String = (0..300).map(framed).collect();
    for (k, piece) in stream.as_bytes().chunks(997).enumerate() {
        door.link.write_all(piece).await.expect("is taken");
        if k % 7 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let events = door.messages(300).await;
    let texts: Vec<&str> = events.iter().map(|event| event["message"].as_str().unwrap_or_default()).collect();
    assert_eq!(texts, (0..300).map(|k| format!("number {k}")).collect::<Vec<_>>());
    assert_eq!(
        (&events[0]["action"], &events[0]["severity"], &events[0]["plane"]),
        (&"AUTH".into(), &"NOTICE".into(), &"data".into())
    );
    assert_eq!(events[0]["source"]["address"], "vm-7");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_message_again_is_the_same_event_and_a_broken_link_hurts_no_other() {
    let mut door = Door::open().await;
    let twice = format!("{0}\n{0}\n", message(1));
    door.link.write_all(twice.as_bytes()).await.expect("is taken");
    door.link.write_all(b"999999999 x").await.expect("is taken");
    door.messages(1).await;
    // What cannot be read ends the link, after what came before was taken.
    let mut rest = Vec::new();
    let ended = tokio::io::AsyncReadExt::read_to_end(&mut door.link, &mut rest);
    let _ = tokio::time::timeout(Duration::from_secs(20), ended).await.expect("the link is closed");
    assert_eq!(door.messages(1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_leaves_no_hole() {
    let mut door = Door::open().await;
    let all: String = (0..900).map(|k| message(k) + "\n").collect();
    door.link.write_all(all.as_bytes()).await.expect("is taken");
    door.messages(1).await;
    door.stop.cancel();
    (&mut door.serving).await.expect("no panic");
    let events = door.messages(1).await;
    let texts: Vec<&str> = events.iter().map(|event| event["message"].as_str().unwrap_or_default()).collect();
    assert_eq!(texts, (0..events.len()).map(|k| format!("number {k}")).collect::<Vec<_>>());
}
