//! Second opinions: what a failed link leaves open is asked on another one, so that the code names the cause and not the
//! symptom.

use std::net::SocketAddr;
use std::time::Duration;

use auditwire_model::connection::{ConnectionSpec, Framing, TlsSpec, Transport, Verify};
use tokio::time::Instant;

use super::Subject;
use super::message::{framed, large_message, message};
use super::stream::{PeerEnd, acknowledges, ends_with_us, line, queue, secure, tcp, watch};
use crate::delivery::failure::LinkFailure;
use crate::delivery::link::{Link, LinkError};
use crate::delivery::tls::{ClientAuth, TlsTarget};

/// Longest wait for the answer to one question.
const QUESTION: Duration = Duration::from_secs(1);

/// More than a receiver with the system's default buffers takes in unread (Linux: about 120 KiB), in bytes.
const FILL_STEP: usize = 256 << 10;

/// More than a receiver takes in unread that has set a buffer of 2 MiB (Linux doubles what is set), in bytes.
const FILL_MAX: usize = 9 << 19;

/// Most test messages that a receiver gets to see.
const FILL_MESSAGES_MAX: usize = 768;

/// Does anybody read what the receiver's kernel takes in?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// More was taken in than buffers hold.
    Somebody,
    /// The buffer filled up.
    Nobody,
}

/// A TLS record header (RFC 8446 section 5.1): alert or handshake, version 3.x.
pub(super) fn is_tls(heard: &[u8]) -> bool {
    matches!(heard, [0x15 | 0x16, 3, ..])
}

pub(super) fn tls_expected() -> LinkFailure {
    LinkFailure::new("tls_expected", "The receiver answers plain text with TLS.")
}

/// Why the link ended after the test message: does the port speak TLS, or does the input want the other framing?
pub(super) async fn after_message(
    subject: Subject<'_>,
    addresses: &[SocketAddr],
    failure: LinkFailure,
    heard: &[u8],
) -> LinkFailure {
    if !matches!(failure.code, "closed_after_message" | "reset_after_message") {
        return failure;
    }
    if !subject.spec.transport.is_tls() && (is_tls(heard) || speaks_tls(subject, addresses).await) {
        return tls_expected();
    }
    if !subject.spec.transport.is_framed() {
        return failure;
    }
    let other = match subject.spec.framing {
        Framing::Lf => Framing::OctetCounting,
        Framing::OctetCounting => Framing::Lf,
    };
    if takes(subject, addresses, other).await {
        return framing_refused(other);
    }
    failure
}

fn framing_refused(other: Framing) -> LinkFailure {
    let (used, other) = match other {
        Framing::OctetCounting => ("LF", "octet counting"),
        Framing::Lf => ("octet counting", "LF"),
    };
    LinkFailure::new(
        "framing_refused",
        format!(
            "The receiver closes the connection when messages come with {used} framing, and keeps it open with {other}."
        ),
    )
}

/// Why there was no RELP session: does the port speak TLS?
pub(super) async fn no_session(
    subject: Subject<'_>,
    addresses: &[SocketAddr],
    error: &LinkError,
    client: ClientAuth,
) -> LinkFailure {
    let plain = !subject.spec.transport.is_tls();
    if plain && !matches!(error, LinkError::RelpRefused(_)) && speaks_tls(subject, addresses).await {
        return tls_expected();
    }
    match error {
        LinkError::Io(_) | LinkError::Closed => {
            let why = LinkError::NotRelp("it breaks the connection when it is greeted".to_owned());
            LinkFailure::from_link(&why, client)
        }
        error => LinkFailure::from_link(error, client),
    }
}

/// Why there was no handshake: does the port speak plain text?
pub(super) async fn no_handshake(
    subject: Subject<'_>,
    addresses: &[SocketAddr],
    error: &LinkError,
    client: ClientAuth,
) -> LinkFailure {
    let failure = match error {
        LinkError::Io(_) => LinkFailure::from_link(&LinkError::TlsClosed, client),
        other => LinkFailure::from_link(other, client),
    };
    let open = matches!(failure.code, "tls_timeout" | "closed_at_once");
    if open && takes_plain_text(subject, addresses).await {
        return LinkFailure::new(
            "plain_expected",
            "The receiver does not answer the TLS greeting, but takes plain text and reads it.",
        );
    }
    failure
}

/// Does the port answer a TLS greeting with TLS, whatever it then says?
async fn speaks_tls(subject: Subject<'_>, addresses: &[SocketAddr]) -> bool {
    let tls = TlsSpec { verify: Verify::Off, ..TlsSpec::default() };
    let spec = ConnectionSpec { tls: Some(tls), ..subject.spec.clone() };
    let Ok(target) = TlsTarget::new(&spec, None, &subject.context.clock) else { return false };
    let Ok(tcp) = tcp(subject, addresses).await else { return false };
    match secure(tcp, &target, QUESTION).await {
        Ok(_) => true,
        Err(LinkError::Tls(rustls::Error::InvalidMessage(_))) => false,
        Err(LinkError::Tls(_)) => true,
        Err(_) => false,
    }
}

/// Does a new link stay open after the test message in this framing?
async fn takes(subject: Subject<'_>, addresses: &[SocketAddr], framing: Framing) -> bool {
    let other = ConnectionSpec { framing, ..subject.spec.clone() };
    let (Ok(mut line), Ok(message)) = (line(subject, addresses).await, message(subject)) else { return false };
    queue(&mut line.link, &framed(&message, &other)).is_ok() && watch(&mut line.link, question(subject)).await.is_ok()
}

/// Does the port take plain text, and does somebody read it?
async fn takes_plain_text(subject: Subject<'_>, addresses: &[SocketAddr]) -> bool {
    let spec = ConnectionSpec { transport: Transport::Tcp, tls: None, ..subject.spec.clone() };
    let plain = Subject { spec: &spec, pem: None, ..subject };
    let (Ok(mut line), Ok(message)) = (line(plain, addresses).await, message(plain)) else { return false };
    let sent = queue(&mut line.link, &framed(&message, &spec));
    if sent.is_err() || watch(&mut line.link, question(subject)).await.is_err() || is_tls(line.link.heard()) {
        return false;
    }
    if ends_with_us(&mut line.link, question(subject)).await != PeerEnd::Stays {
        return true;
    }
    drop(line);
    reading(plain, addresses).await == Reading::Somebody
}

/// Sends more than buffers hold. Only asked when a receiver did not end its side after ours: it may hang, or it may just
/// not care about half-closed connections. It is sent as little as proves that somebody reads.
pub(super) async fn reading(subject: Subject<'_>, addresses: &[SocketAddr]) -> Reading {
    let (Ok(mut line), Ok(message)) = (line(subject, addresses).await, large_message(subject)) else {
        return Reading::Nobody;
    };
    let frame = framed(&message, subject.spec);
    let step = FILL_STEP.div_ceil(frame.len().max(1));
    let most = FILL_MAX.div_ceil(frame.len().max(1)).min(FILL_MESSAGES_MAX).max(step);
    let (mut sent, mut end, mut windows) = (0, 0, Windows::default());
    while sent < most && !windows.are_steady() {
        for _ in 0..step {
            match queue(&mut line.link, &frame) {
                Ok(offset) => end = offset,
                // Whoever closes is not asleep.
                Err(_) => return Reading::Somebody,
            }
        }
        sent += step;
        if drained(&mut line.link, end, question(subject)).await == Reading::Nobody {
            return Reading::Nobody;
        }
        if watch(&mut line.link, WINDOW_UPDATE).await.is_err() {
            return Reading::Somebody;
        }
        windows.push(line.link.path().ok().flatten().and_then(|path| path.window));
    }
    Reading::Somebody
}

/// How long a window update may take to come after the acknowledgement, when a program reads.
const WINDOW_UPDATE: Duration = Duration::from_millis(50);

/// The windows that the peer advertised after each step, the latest last.
///
/// A kernel whose program does not read first widens the window, up to what its buffer still holds, and then narrows it by
/// what comes; it may look the same twice, where it turns. Three times the same means that room was made meanwhile.
#[derive(Debug, Default)]
struct Windows([Option<u32>; 3]);

impl Windows {
    fn push(&mut self, window: Option<u32>) {
        self.0.rotate_left(1);
        self.0[2] = window;
    }

    fn are_steady(&self) -> bool {
        let near = |a: u32, b: u32| (a.abs_diff(b) as usize) < FILL_STEP / 8;
        matches!(self.0, [Some(a), Some(b), Some(c)] if near(a, b) && near(b, c) && near(a, c) && c > 0)
    }
}

/// Waits for acknowledgement as long as it makes progress.
async fn drained(link: &mut Link, end: u64, patience: Duration) -> Reading {
    let (mut seen, mut since) = (0, Instant::now());
    loop {
        if acknowledges(link, end, Duration::ZERO).await {
            return Reading::Somebody;
        }
        if watch(link, Duration::from_millis(20)).await.is_err() {
            return Reading::Somebody;
        }
        let now = link.acknowledged().unwrap_or(end);
        if now > seen {
            (seen, since) = (now, Instant::now());
        } else if since.elapsed() > patience {
            return Reading::Nobody;
        }
    }
}

fn question(subject: Subject<'_>) -> Duration {
    QUESTION.min(subject.context.limits.watch)
}

/// Version and cipher of a TLS link, for people.
pub(super) fn session_text(link: &Link) -> String {
    let Link::Tls(link) = link else { return String::new() };
    let session = link.session();
    let version =
        session.protocol_version().and_then(|v| v.as_str().map(|t| t.replace("TLSv", "TLS ").replace('_', ".")));
    let cipher =
        session.negotiated_cipher_suite().and_then(|s| s.suite().as_str().map(|t| t.replace("TLS13_", "TLS_")));
    let chain = session.peer_certificates().unwrap_or_default();
    let leaf = chain.first().map(crate::delivery::tls::describe).unwrap_or_default();
    format!(
        "{}, {}. {leaf} The server sent {} certificate(s).",
        version.unwrap_or_default(),
        cipher.unwrap_or_default(),
        chain.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steady(windows: &[u32]) -> bool {
        let mut seen = Windows::default();
        windows.iter().for_each(|window| seen.push(Some(*window)));
        seen.are_steady()
    }

    #[test]
    fn only_a_window_that_stays_says_that_somebody_reads() {
        let step = u32::try_from(FILL_STEP).unwrap();
        assert!(steady(&[1_000_000, 1_000_000, 1_010_000]));
        assert!(steady(&[65_535, 900_000, 900_000, 900_000]));
        for unread in [
            &[900_000, 900_000][..],
            // Widened by what comes, narrowed by what comes, and both, as a kernel whose program does not read.
            &[65_535, 65_535 + 2 * step, 65_535 + 4 * step],
            &[4 * step, 3 * step, 2 * step],
            &[3 * step, 3 * step, 2 * step],
            &[2 * step, 3 * step, 3 * step],
            &[0, 0, 0],
        ] {
            assert!(!steady(unread), "{unread:?}");
        }
        let mut unknown = Windows::default();
        (0..3).for_each(|_| unknown.push(None));
        assert!(!unknown.are_steady(), "an old kernel does not tell");
    }
}
