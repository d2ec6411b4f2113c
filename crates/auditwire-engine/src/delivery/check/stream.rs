//! The check over TCP and TLS, and over RELP in either.

use std::net::SocketAddr;
use std::time::Duration;

use auditwire_model::connection::{Framing, Verify};
use tokio::time::{Instant, timeout, timeout_at};

use super::course::{Course, Ended};
use super::doubt::{self, Reading};
use super::message::{framed, message};
use super::{Stage, Subject};
use crate::delivery::failure::LinkFailure;
use crate::delivery::link::{Link, LinkError, TcpLink, connect};
use crate::delivery::tls::{ClientAuth, TlsTarget};

pub(super) async fn run(subject: Subject<'_>, course: &mut Course<'_>) -> Result<(), Ended> {
    let addresses = course.addresses(subject).await?;
    let tls = subject.spec.transport.is_tls();
    let tcp = course.stage(Stage::Connect, Box::pin(connected(subject, &addresses))).await?;
    let line = if tls {
        course.stage(Stage::Tls, Box::pin(handshake(subject, tcp, &addresses))).await?
    } else {
        Line { link: Link::Tcp(tcp), target: None }
    };
    let (mut line, sent) = course.stage(Stage::Send, Box::pin(send(subject, line, &addresses))).await?;
    course.stage(Stage::Watch, Box::pin(watched(subject, &mut line, sent, &addresses))).await?;
    course.stage(Stage::Acknowledge, Box::pin(acknowledged(subject, line, sent, &addresses))).await?;
    course.confirm();
    Ok(())
}

/// A link with what its handshake learned.
pub(super) struct Line {
    pub(super) link: Link,
    target: Option<TlsTarget>,
}

impl Line {
    fn explain(&self, error: &LinkError) -> LinkFailure {
        LinkFailure::from_link(error, self.client_auth())
    }

    /// Why the link ended after the test message, which ended at `sent`.
    fn explain_after(&self, error: &LinkError, sent: u64) -> LinkFailure {
        let acknowledged = self.link.acknowledged().is_ok_and(|offset| offset >= sent);
        if self.link.is_half_open() {
            return closed_at_once();
        }
        // It kept the link for a moment after the handshake, and took the message.
        if acknowledged { LinkFailure::of_worked(error) } else { self.explain(error) }
    }

    fn client_auth(&self) -> ClientAuth {
        self.target.as_ref().map(TlsTarget::client_auth).unwrap_or_default()
    }
}

async fn connected(subject: Subject<'_>, addresses: &[SocketAddr]) -> Result<(TcpLink, String), LinkFailure> {
    let tcp = tcp(subject, addresses).await.map_err(|e| LinkFailure::from_link(&e, ClientAuth::default()))?;
    Ok((tcp, "The host accepts TCP connections on this port.".to_owned()))
}

/// A TCP link within the check's limit.
pub(super) async fn tcp(subject: Subject<'_>, addresses: &[SocketAddr]) -> Result<TcpLink, LinkError> {
    let connecting = connect::tcp(addresses, |a| subject.context.guard.permits(a));
    match timeout(subject.context.limits.connect, connecting).await {
        Ok(result) => result.map(|(link, _)| link),
        Err(_) => Err(LinkError::ConnectTimeout),
    }
}

async fn handshake(
    subject: Subject<'_>,
    tcp: TcpLink,
    addresses: &[SocketAddr],
) -> Result<(Line, String), LinkFailure> {
    let target = TlsTarget::new(subject.spec, subject.pem, &subject.context.clock)?;
    match secure(tcp, &target, subject.context.limits.handshake).await {
        Ok(link) => {
            let message = negotiated(subject, &link, target.client_auth());
            let mut line = Line { link, target: Some(target) };
            settle(subject, &mut line).await?;
            Ok((line, message))
        }
        Err(error) => Err(doubt::no_handshake(subject, addresses, &error, target.client_auth()).await),
    }
}

/// A TLS link within the given limit.
pub(super) async fn secure(tcp: TcpLink, target: &TlsTarget, limit: Duration) -> Result<Link, LinkError> {
    let handshake = connect::tls(tcp, std::sync::Arc::clone(&target.config), target.server_name.clone());
    match timeout(limit, Box::pin(handshake)).await {
        Ok(result) => result.map(|link| Link::Tls(Box::new(link))),
        Err(_) => Err(LinkError::TlsTimeout),
    }
}

/// A new line, made like the first one, and watched for a moment; for second opinions.
pub(super) async fn line(subject: Subject<'_>, addresses: &[SocketAddr]) -> Result<Line, LinkError> {
    let tcp = tcp(subject, addresses).await?;
    let mut line = if subject.spec.transport.is_tls() {
        let target =
            TlsTarget::new(subject.spec, subject.pem, &subject.context.clock).map_err(|_| LinkError::Closed)?;
        let link = secure(tcp, &target, subject.context.limits.handshake).await?;
        Line { link, target: Some(target) }
    } else {
        Line { link: Link::Tcp(tcp), target: None }
    };
    settled(&mut line.link, subject.context.limits.settle).await?;
    Ok(line)
}

async fn send(
    subject: Subject<'_>,
    line: Line,
    addresses: &[SocketAddr],
) -> Result<((Line, u64), String), LinkFailure> {
    let mut line = line;
    if line.target.is_none() {
        settle(subject, &mut line).await?;
    }
    let relp = subject.spec.transport.is_relp();
    if relp {
        line = open_session(subject, line, addresses).await?;
    }
    let frame = framed(&message(subject)?, subject.spec);
    match queue(&mut line.link, &frame) {
        Ok(end) if relp => {
            Ok(((line, end), format!("The RELP session is open; the test message was sent ({} bytes).", frame.len())))
        }
        Ok(end) => Ok(((line, end), format!("The test message was sent ({} bytes with its frame).", frame.len()))),
        Err(_) if line.link.is_half_open() => Err(closed_at_once()),
        Err(error) => Err(doubt::after_message(subject, addresses, line.explain(&error), &[]).await),
    }
}

/// Opens a RELP session, and says why there is none.
async fn open_session(subject: Subject<'_>, line: Line, addresses: &[SocketAddr]) -> Result<Line, LinkFailure> {
    let Line { link, target } = line;
    let client = target.as_ref().map(TlsTarget::client_auth).unwrap_or_default();
    match connect::relp(link, subject.context.limits.acknowledge).await {
        Ok(link) => Ok(Line { link, target }),
        Err(error) => Err(doubt::no_session(subject, addresses, &error, client).await),
    }
}

/// Watches a link that nothing was sent on, so that a receiver that drops us at once is not mistaken for one that
/// dislikes the message. TLS 1.3 servers tell only now what they think of our client certificate.
async fn settle(subject: Subject<'_>, line: &mut Line) -> Result<(), LinkFailure> {
    let Err(error) = settled(&mut line.link, subject.context.limits.settle).await else { return Ok(()) };
    let failure = line.explain(&error);
    Err(match failure.code {
        "closed_after_message" | "reset_after_message" => closed_at_once(),
        _ => failure,
    })
}

fn closed_at_once() -> LinkFailure {
    LinkFailure::new(
        "closed_at_once",
        "The receiver accepted the connection and closed it at once, before anything was sent.",
    )
}

/// [`watch`], of a link that nothing was sent on: a receiver that has ended its direction may read on.
async fn settled(link: &mut Link, limit: Duration) -> Result<(), LinkError> {
    match watch(link, limit).await {
        Err(LinkError::Closed) if link.sends_on() => Ok(()),
        other => other,
    }
}

/// Queues bytes and gives them to the socket; the stream offset at which they end.
pub(super) fn queue(link: &mut Link, bytes: &[u8]) -> Result<u64, LinkError> {
    let mut ends = [bytes.len() as u64];
    link.queue(bytes, &mut ends)?;
    link.flush()?;
    Ok(ends[0])
}

async fn watched(
    subject: Subject<'_>,
    line: &mut Line,
    sent: u64,
    addresses: &[SocketAddr],
) -> Result<((), String), LinkFailure> {
    let watched = watch(&mut line.link, subject.context.limits.watch).await;
    if doubt::is_tls(line.link.heard()) {
        return Err(doubt::tls_expected());
    }
    if let Err(error) = watched {
        let failure = line.explain_after(&error, sent);
        return Err(doubt::after_message(subject, addresses, failure, line.link.heard()).await);
    }
    let seconds = subject.context.limits.watch.as_secs_f32();
    if line.link.is_half_open() {
        return Ok(((), "The receiver ended its own direction at once, and did not refuse the message.".to_owned()));
    }
    Ok(((), format!("The receiver kept the connection open for {seconds} s.")))
}

/// Drives a link for a while; ends early when the peer closes or the link breaks.
pub(super) async fn watch(link: &mut Link, limit: Duration) -> Result<(), LinkError> {
    let until = Instant::now() + limit;
    loop {
        link.receive()?;
        link.flush()?;
        if link.peer_closed() {
            return Err(LinkError::Closed);
        }
        // Asked apart, because a peer that never stops talking is always ready.
        if Instant::now() >= until {
            return Ok(());
        }
        match timeout_at(until, link.ready(link.pending() > 0)).await {
            Ok(ready) => ready?,
            Err(_) => return Ok(()),
        };
    }
}

/// First the kernel's word (every byte is acknowledged), then the input's: it ends its side when we end ours, which
/// only somebody who reads can know.
async fn acknowledged(
    subject: Subject<'_>,
    mut line: Line,
    end: u64,
    addresses: &[SocketAddr],
) -> Result<((), String), LinkFailure> {
    let limit = subject.context.limits.acknowledge;
    if subject.spec.transport.is_relp() {
        return answered(&mut line.link, end, limit).await;
    }
    if !acknowledges(&mut line.link, end, limit).await {
        return Err(LinkFailure::new(
            "not_acknowledged",
            "The receiver's host does not acknowledge the test message: its buffer is full and nobody reads.",
        ));
    }
    let measure = line.link.measure();
    let end = ends_with_us(&mut line.link, limit).await;
    if end == PeerEnd::Orderly && measure.is_blind() {
        return Ok(((), format!("The receiver ended its side when Auditwire did.{}", unseen(subject))));
    }
    if end == PeerEnd::Orderly {
        return Ok(((), format!("The receiver acknowledged every byte and read to the end.{}", unseen(subject))));
    }
    drop(line);
    if measure.is_blind() || measure.path_watched == Some(false) {
        // Whether somebody reads shows in what is acknowledged and in the window.
        return Err(LinkFailure::new(
            "not_acknowledged",
            "The receiver did not end its side when Auditwire did, and this system does not tell whether it reads.",
        ));
    }
    match doubt::reading(subject, addresses).await {
        Reading::Somebody => Ok(((), format!("The receiver acknowledged every byte and reads.{}", unseen(subject)))),
        Reading::Nobody if end == PeerEnd::Reset => Err(LinkFailure::new(
            "reset_after_message",
            "The receiver reset the connection when Auditwire ended it, as a program does that has not read everything.",
        )),
        Reading::Nobody => Err(LinkFailure::new(
            "not_acknowledged",
            "The receiver's host accepted the test message into its buffer, but nobody reads it: the buffer filled up and stayed full.",
        )),
    }
}

/// What a receiver of lines does with octet counting cannot be seen from here, so it is told what it would look like there.
fn unseen(subject: Subject<'_>) -> &'static str {
    match subject.spec.framing {
        Framing::Lf => "",
        Framing::OctetCounting => {
            " If the test message does not show up there, or begins with a number, the input reads lines: choose LF framing."
        }
    }
}

/// A RELP input says itself that it has the message; then the session is ended in order.
async fn answered(link: &mut Link, end: u64, limit: Duration) -> Result<((), String), LinkFailure> {
    if !acknowledges(link, end, limit).await {
        return Err(LinkFailure::new(
            "not_acknowledged",
            "The receiver opened a RELP session and does not answer the test message.",
        ));
    }
    if link.half_close().is_ok() {
        link.finished_by_peer(limit).await;
    }
    Ok(((), "The receiver answered the test message over RELP.".to_owned()))
}

/// What a peer did when we ended our direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PeerEnd {
    /// It ended its own, which only somebody who reads does.
    Orderly,
    /// It reset: a kernel does that for a program that ends with unread bytes, so nothing is known.
    Reset,
    /// It did not notice, or did not care.
    Stays,
}

/// Ends our direction and watches what the peer does. Less than the proof that a sender needs
/// ([`Link::finished_by_peer`]): TLS servers close on our `close_notify` and reset when our FIN comes after it, so that
/// over TLS a reset counts as an end.
pub(super) async fn ends_with_us(link: &mut Link, limit: Duration) -> PeerEnd {
    if link.peer_closed() || link.half_close().is_err() {
        return PeerEnd::Stays;
    }
    match watch(link, limit).await {
        Ok(()) => PeerEnd::Stays,
        Err(LinkError::Io(_)) if matches!(link, Link::Tcp(_)) => PeerEnd::Reset,
        Err(_) => PeerEnd::Orderly,
    }
}

/// Waits until the peer's kernel (RELP: program) has acknowledged everything up to `end`.
pub(super) async fn acknowledges(link: &mut Link, end: u64, limit: Duration) -> bool {
    const STEP: Duration = Duration::from_millis(20);
    let until = Instant::now() + limit;
    loop {
        match link.acknowledged() {
            Ok(offset) if offset >= end && link.pending() == 0 => return true,
            Ok(_) if Instant::now() < until => {}
            _ => return false,
        }
        if watch(link, STEP).await.is_err() {
            return false;
        }
    }
}

fn negotiated(subject: Subject<'_>, link: &Link, client: ClientAuth) -> String {
    let mut text = doubt::session_text(link);
    text.push_str(match subject.spec.tls.as_ref().map(|tls| tls.verify).unwrap_or_default() {
        Verify::Full => " The certificate was verified.",
        Verify::Fingerprint => " The certificate has the expected fingerprint.",
        Verify::Off => " The certificate was NOT verified: anyone could be there.",
    });
    text.push_str(match (client.requested, client.presented) {
        (true, true) => " The server asked for a client certificate and got ours.",
        (true, false) => " The server asked for a client certificate; this connection has none.",
        (false, _) => " The server did not ask for a client certificate.",
    });
    text
}
