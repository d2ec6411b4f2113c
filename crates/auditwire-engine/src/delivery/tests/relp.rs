//! RELP: what the receiver's program answered is not sent again, everything else is.

use std::net::SocketAddr;
use std::sync::Arc;

use auditwire_model::connection::Transport;
use auditwire_model::wire::relp::{RelpReader, write_frame};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::fixtures::{Received, Service, datagram, spec, until};

/// How a RELP server treats one session.
#[derive(Debug, Clone, Copy)]
enum Session {
    /// Answers everything.
    Answers,
    /// Takes so many messages, answers all but the last `unanswered` of them, then drops the connection.
    Dies { after: usize, unanswered: usize },
    /// Answers the messages of every read in reverse order.
    Reverses,
    /// Refuses the first message.
    Refuses,
    /// Says `serverclose` after so many messages, all of them answered.
    Ends { after: usize },
    /// Does not know the command syslog.
    KnowsNothing,
}

async fn server(sessions: Vec<Session>) -> (SocketAddr, Arc<Mutex<Received>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let received = Arc::new(Mutex::new(Received::default()));
    let shared = Arc::clone(&received);
    tokio::spawn(async move {
        let mut sessions = sessions.into_iter();
        while let Ok((stream, _)) = listener.accept().await {
            shared.lock().links += 1;
            let _ = serve(stream, sessions.next().unwrap_or(Session::Answers), &shared).await;
        }
    });
    (address, received)
}

/// Gives nothing when the session is to end.
async fn serve(mut stream: TcpStream, session: Session, received: &Mutex<Received>) -> Option<()> {
    let mut reader = RelpReader::new(1 << 20);
    let mut piece = vec![0; 16 << 10];
    let mut taken = 0;
    loop {
        let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
        reader.push(&piece[..count]);
        let mut answers = Vec::new();
        let mut over = false;
        while let Some(frame) = reader.next_frame().expect("RELP") {
            let mut answer = Vec::new();
            match (frame.command.as_str(), session) {
                ("open", Session::KnowsNothing) => write_frame(frame.txnr, "rsp", b"200 OK\ncommands=", &mut answer),
                ("open", _) => {
                    assert!(frame.data.starts_with(b"relp_version=0\n") && frame.txnr == 1);
                    write_frame(1, "rsp", b"200 OK\nrelp_version=0\ncommands=syslog", &mut answer);
                }
                ("close", _) => {
                    write_frame(frame.txnr, "rsp", b"", &mut answer);
                    write_frame(0, "serverclose", b"", &mut answer);
                }
                ("syslog", Session::Refuses) => write_frame(frame.txnr, "rsp", b"500 not today", &mut answer),
                ("syslog", _) if over => {}
                ("syslog", _) => {
                    datagram(received, &frame.data);
                    taken += 1;
                    match session {
                        Session::Dies { after, unanswered } => {
                            if taken + unanswered <= after {
                                write_frame(frame.txnr, "rsp", b"200 OK", &mut answer);
                            }
                            over = taken == after;
                        }
                        Session::Ends { after } => {
                            write_frame(frame.txnr, "rsp", b"200 OK", &mut answer);
                            over = taken == after;
                            if over {
                                write_frame(0, "serverclose", b"", &mut answer);
                            }
                        }
                        _ => write_frame(frame.txnr, "rsp", b"200 OK", &mut answer),
                    }
                }
                (other, _) => panic!("{other}"),
            }
            answers.push(answer);
        }
        if matches!(session, Session::Reverses) {
            answers.reverse();
        }
        stream.write_all(&answers.concat()).await.ok()?;
        if over {
            // The end must not overtake the answers: closing with unread bytes is a reset, which drops them.
            stream.shutdown().await.ok()?;
            while stream.read(&mut piece).await.is_ok_and(|count| count > 0) {}
            return None;
        }
    }
}

/// Runs 3,000 events through the sessions; gives the number of repetitions and the service for further questions.
async fn through(sessions: Vec<Session>) -> (usize, Service, Arc<Mutex<Received>>) {
    let (address, received) = server(sessions).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Relp)).await;
    service.post(3000).await;
    service.activate(Some("a")).await;
    service.settled("a").await;
    service.delivery.close().await;
    let repeated = received.lock().complete(service.head());
    (repeated, service, received)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_delivers_everything_once_and_ends_in_order() {
    let (repeated, service, received) = through(vec![]).await;
    assert_eq!((repeated, received.lock().links), (0, 1));
    let cursor = service.cursor("a").await.unwrap();
    assert_eq!((cursor.settled, cursor.resend_from, cursor.sent), (service.head(), None, 3000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_was_not_answered_is_sent_again() {
    let dies = |after, unanswered| Session::Dies { after, unanswered };
    let (repeated, service, _) = through(vec![dies(700, 13), dies(1, 1), dies(900, 0)]).await;
    assert_eq!(repeated, 14);
    let cursor = service.cursor("a").await.unwrap();
    assert_eq!((cursor.settled, cursor.reconnects), (service.head(), 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_in_any_order_and_a_server_that_ends_the_session() {
    let (repeated, ..) = through(vec![Session::Ends { after: 500 }, Session::Reverses]).await;
    assert_eq!(repeated, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_told_and_settles_nothing() {
    let (address, received) = server(vec![Session::Refuses, Session::KnowsNothing]).await;
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Relp)).await;
    service.post(10).await;
    service.activate(Some("a")).await;
    let last = || service.live("a").and_then(|live| live.delivery.last_error).map(|e| (e.code, e.message));
    until("the refusal", || {
        last().is_some_and(|(code, message)| code == "not_acknowledged" && message.ends_with("500 not today"))
    })
    .await;
    until("the second", || last().is_some_and(|(_, message)| message.contains("does not offer the command"))).await;
    assert_eq!(service.live("a").unwrap().delivery.acknowledged, auditwire_model::Position::ZERO);
    service.settled("a").await;
    service.delivery.close().await;
    assert_eq!(received.lock().complete(service.head()), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_relp_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"220 mail.example.com ESMTP\r\n").await;
            let _ = stream.read(&mut [0; 64]).await;
        }
    });
    let mut service = Service::start().await;
    service.store_connection("a", 1, spec(address, Transport::Relp)).await;
    service.post(1).await;
    service.activate(Some("a")).await;
    let code = || service.live("a").and_then(|live| live.delivery.last_error).map(|e| e.code);
    until("it is told", || code() == Some("framing_refused")).await;
    service.delivery.close().await;
}
