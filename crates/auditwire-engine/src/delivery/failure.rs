//! Why a link cannot be made or has ended: a stable code for programs, what was seen for people, and what to do.
//!
//! The connection check and the senders use the same codes (product section 9), so the cause that a failing
//! connection shows is explained by the same words as the check (`docs/connection-check.md`).

mod case;
mod errno;
mod remedy;
mod tls;

use std::error::Error;
use std::fmt;
use std::io;

use super::guard;
use super::link::LinkError;
use super::tls::ClientAuth;
use crate::tasks::Panicked;
use errno::During;

pub use case::Case;
pub use remedy::{CODES, INTERNAL};

/// A link that could not be made, or that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkFailure {
    /// One of [`CODES`].
    pub code: &'static str,
    /// What was seen. Never names the address that a name resolved to, never holds a secret.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl LinkFailure {
    /// A failure with the code's own remedy.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), remedy: remedy::of(code).to_owned() }
    }

    /// A failure with the remedy of a special case of its code.
    #[must_use]
    pub fn of_case(case: Case, message: impl Into<String>) -> Self {
        Self { remedy: case.remedy().to_owned(), ..Self::new(case.code(), message) }
    }

    /// A defect of this program was met; what it was is in the log only.
    #[must_use]
    pub fn of_defect(panicked: Panicked) -> Self {
        Self::new(INTERNAL, format!("Auditwire broke off: {panicked}."))
    }

    /// A TCP connect (or the connect of a datagram socket) that failed.
    #[must_use]
    pub fn from_connect(error: &io::Error) -> Self {
        errno::explain(error, During::Connect)
    }

    /// An established link that ended while it was read or written.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Self {
        match tls_of(error) {
            Some(tls) => Self::from_tls(tls, ClientAuth::default()),
            None => errno::explain(error, During::Link),
        }
    }

    /// What ended a link, or kept it from being made.
    #[must_use]
    pub(crate) fn from_link(error: &LinkError, client: ClientAuth) -> Self {
        // Some servers (syslog-ng among them) drop a client without a certificate and send no alert.
        let unasked = client.requested && !client.presented;
        match error {
            LinkError::Forbidden => guard::forbidden(),
            LinkError::ConnectTimeout => Self::from_connect(&io::ErrorKind::TimedOut.into()),
            LinkError::Connect(error) => Self::from_connect(error),
            LinkError::TlsTimeout => Self::new("tls_timeout", "The receiver did not answer the TLS greeting."),
            LinkError::Tls(error) => Self::from_tls(error, client),
            LinkError::TlsClosed | LinkError::Closed | LinkError::ClosedAtOnce if unasked => client.required(DROPPED),
            LinkError::Io(error) if unasked && is_break(error) => client.required(DROPPED),
            LinkError::TlsClosed => {
                Self::new("closed_at_once", "The receiver closed the connection during the TLS handshake.")
            }
            LinkError::Worn | LinkError::NotEncrypted => Self::new(
                "tls_broken",
                "The key of this TLS link has made as many records as it may; another link is made.",
            ),
            LinkError::Io(error) => Self::from_io(error),
            LinkError::ClosedAtOnce => {
                Self::new("closed_at_once", "The receiver closed its direction before it acknowledged any message.")
            }
            LinkError::Closed => Self::from_io(&io::ErrorKind::UnexpectedEof.into()),
            LinkError::NotRelp(why) => {
                Self::new("framing_refused", format!("The receiver does not speak RELP: {why}."))
            }
            LinkError::RelpRefused(why) => {
                Self::new("not_acknowledged", format!("The receiver refused over RELP, in its own words: {why}"))
            }
            LinkError::Dead => Self::from_io(&io::ErrorKind::TimedOut.into()),
        }
    }

    /// What ended a link on which messages were acknowledged: the handshake and what it showed had been to the receiver's liking, so
    /// that they explain nothing any more.
    #[must_use]
    pub(crate) fn of_worked(error: &LinkError) -> Self {
        match error {
            LinkError::Tls(tls) => tls::broken(tls),
            LinkError::Io(io) => match tls_of(io) {
                Some(tls) => tls::broken(tls),
                None => Self::from_io(io),
            },
            other => Self::from_link(other, ClientAuth::default()),
        }
    }

    /// What rustls says, told apart. `client` says whether the server asked for a client certificate and got one,
    /// because the alerts alone do not tell "required" from "refused".
    #[must_use]
    pub fn from_tls(error: &rustls::Error, client: ClientAuth) -> Self {
        tls::in_handshake(error, client)
    }
}

/// In the place of an alert.
const DROPPED: &str = "it dropped the connection without an alert";

/// What rustls says inside an error of the system.
fn tls_of(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>())
}

impl fmt::Display for LinkFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl Error for LinkFailure {}

fn is_break(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(error.kind(), K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::UnexpectedEof)
}

#[cfg(test)]
mod tests;
